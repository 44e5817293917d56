use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::site::{Site, walk};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every command that the texts below use, without what it is given.
const COMMANDS: [&[&str]; 10] = [
    &["node", "start"],
    &["node", "check"],
    &["cluster", "status"],
    &["cluster", "backup"],
    &["cluster", "leave"],
    &["cluster", "remove"],
    &["cluster", "restore"],
    &["cluster", "recover"],
    &["tls", "init"],
    &["tls", "issue"],
];

/// Help of all of these commands.
fn help() -> Vec<(String, String)> {
    let site = Site::new();
    let of = |command: &[&str]| site.run(&[command, &["--help"]].concat()).code(0).stdout;
    COMMANDS.iter().map(|command| (command.join(" "), of(command))).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
}

/// Texts for people and machines below `deploy`, examples of workflows excepted.
fn texts() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    walk(&directory(), &mut |path| {
        if !path.starts_with(directory().join("examples")) {
            found.push((path.to_path_buf(), read(path)));
        }
    });
    let names: BTreeSet<_> =
        found.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    for needed in [
        "actix-etl.service",
        "Dockerfile",
        "Dockerfile.prebuilt",
        "docker-compose.yaml",
        "README.md",
        "node.example.yaml",
    ] {
        assert!(names.contains(needed), "{needed} is missing");
    }
    found
}

#[test]
fn flags_and_variables_exist() {
    let help = help();
    // Lines with flags of other programs.
    let foreign = [
        "useradd ",
        "groupadd ",
        "systemctl ",
        "docker ",
        "install --",
        "cargo ",
        "COPY ",
        "--mount",
        "HEALTHCHECK ",
    ];
    let mut seen = 0;
    for (path, text) in texts() {
        let ours = text.lines().filter(|line| !foreign.iter().any(|program| line.contains(program)));
        for word in ours.flat_map(words) {
            let flag = word.starts_with("--") && word.len() > 3;
            let known = |what: &str| help.iter().any(|(_, help)| words(help).any(|word| word == what));
            if flag {
                assert!(known(word), "{}: {word} is no flag", path.display());
                seen += 1;
            }
            if word.starts_with("ACTIX_ETL_") {
                assert!(known(word), "{}: {word} is no variable", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} flags and variables were found");
}

#[test]
fn commands_exist() {
    let site = Site::new();
    let mut seen = 0;
    for (path, text) in texts() {
        for line in text.lines() {
            let Some((_, command)) = line.split_once("actix-etl ") else { continue };
            let words: Vec<&str> = command.split_whitespace().take(2).collect();
            let [first, second] = words[..] else { continue };
            if COMMANDS.iter().any(|known| known[0] == first) {
                let help = site.run(&[first, "--help"]).code(0).stdout;
                let second = second.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                assert!(help.contains(&format!("  {second}")), "{}: {line}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "only {seen} commands were found");
}

#[test]
fn nodes_run_without_rights_and_end_by_sigterm() {
    let unit = read(&directory().join("systemd/actix-etl.service"));
    for line in [
        "User=actix-etl",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "KillSignal=SIGTERM",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let state = unit.lines().find_map(|line| line.strip_prefix("StateDirectory=")).unwrap();
    let example = read(&directory().join("node.example.yaml"));
    assert!(example.contains(&format!("data_dir: /var/lib/{state}\n")));
    for name in ["Dockerfile", "Dockerfile.prebuilt"] {
        let text = read(&directory().join("docker").join(name));
        let user = text.lines().filter_map(|line| line.strip_prefix("USER ")).next_back().unwrap();
        assert!(!user.starts_with('0') && !user.starts_with("root"), "{name}: {user}");
        assert!(text.contains("\nHEALTHCHECK ") && text.contains("\nSTOPSIGNAL SIGTERM"), "{name}");
        assert!(text.contains(&format!("\nVOLUME /var/lib/{state}")), "{name}");
    }
}

#[test]
fn the_nodes_of_the_compose_file_have_settings_that_hold_together() {
    let text = read(&directory().join("docker/docker-compose.yaml"));
    let variables = |section: &str| -> Vec<(String, String)> {
        let start = text.find(&format!("\n{section}")).unwrap_or_else(|| panic!("{section} is missing"));
        let body = &text[start + 1..];
        let end = body[1..].find("\n\n").map_or(body.len(), |end| end + 1);
        let pairs = body[..end].lines().filter_map(|line| line.trim().split_once(": "));
        let ours = pairs.filter(|(name, _)| name.starts_with("ACTIX_ETL_"));
        ours.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
    };
    let shared = variables("x-environment:");
    assert_eq!(shared.len(), 3, "{shared:?}");
    let mut starts = Vec::new();
    for node in ["node1", "node2", "node3"] {
        let mut site = Site::new();
        for (name, value) in shared.iter().chain(&variables(&format!("  {node}:\n"))) {
            site.set(name, value);
        }
        let found = site.run(&["node", "check", "-o", "json"]).code(0).json();
        assert_eq!(found["raft"]["advertised"], format!("{node}:7001"));
        assert_eq!(found["tls"]["cert"], format!("/etc/actix-etl/tls/{node}.crt"));
        starts.push(found["start"].as_str().unwrap().to_owned());
    }
    assert!(starts[0].starts_with("founds"), "{starts:?}");
    assert!(starts[1..].iter().all(|start| start.starts_with("joins by node1:7002")), "{starts:?}");
}
