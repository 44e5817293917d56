use std::path::{Path, PathBuf};

use crate::site::walk;

/// Lines at which a file has more than one subject.
const LONGEST: usize = 600;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Files of the rooms, without what is built or written by runs.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ["node", "cluster-tests", "deploy", "proto", "raft", "partitioning"] {
        let room = repository().join(room);
        if room.is_dir() {
            walk(&room, &mut |path| {
                let built = path.components().any(|part| part.as_os_str() == "target");
                if !built && path.extension().is_some_and(|found| found == extension) {
                    found.push(path.to_path_buf());
                }
            });
        }
    }
    assert!(!found.is_empty(), "no .{extension} file");
    found
}

#[test]
fn the_top_level_is_fixed() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "cluster-tests",
        "deploy",
        "node",
        "partitioning",
        "proto",
        "raft",
        "target",
    ];
    for entry in std::fs::read_dir(repository()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} belongs into a room");
    }
    for needed in ["Cargo.lock", "LICENSE", "README.md", ".ci/run", ".ci/test"] {
        assert!(repository().join(needed).is_file(), "{needed} is missing");
    }
}

#[test]
fn no_source_file_is_too_long() {
    for path in files("rs") {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
    }
}

#[test]
fn no_module_is_named_after_nothing() {
    for path in files("rs") {
        let stem = path.file_stem().unwrap();
        let parent = path.parent().unwrap().file_name().unwrap();
        for name in [stem, parent] {
            let empty =
                ["util", "utils", "common", "helper", "helpers", "misc"].iter().any(|word| name == *word);
            assert!(!empty, "{} says nothing about what is in it", path.display());
        }
    }
}

#[test]
fn every_package_says_what_it_is_and_takes_versions_from_the_root() {
    for path in files("toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let manifest = path.display();
        let description = text.lines().find_map(|line| line.strip_prefix("description = "));
        assert!(description.is_some_and(|text| text.len() > 20), "{manifest} has no description");
        if text.lines().any(|line| line.trim() == "[workspace]") {
            continue;
        }
        let mut in_dependencies = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                continue;
            }
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let shared = name.trim().ends_with(".workspace") || value.contains("workspace = true");
            assert!(!in_dependencies || shared, "{manifest}: `{line}` belongs into the root's Cargo.toml");
            let product = ["actix-etl", "etl-"].iter().any(|prefix| name.starts_with(prefix));
            assert!(
                !in_dependencies || !value.contains("features") || product,
                "{manifest}: the features of `{}` belong into the root's Cargo.toml",
                name.trim()
            );
        }
    }
}
