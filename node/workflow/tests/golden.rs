//! Every file in `golden/` is a workflow: `error_*` must be refused with exactly the messages in the `.txt` beside it,
//! all others must load (with the warnings in a `.txt`, if there is one). `UPDATE_GOLDEN=1` writes the texts anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fakes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use etl_workflow::{CODES, Diagnostics, load};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn is_error(path: &Path) -> bool {
    name(path).starts_with("error_")
}

fn messages(path: &Path) -> (bool, Diagnostics) {
    let bytes = std::fs::read(path).unwrap();
    match load(&name(path), &bytes, &fakes::environment, &fakes::registry()) {
        Ok(workflow) => (true, workflow.warnings),
        Err(errors) => (false, errors),
    }
}

fn difference(expected: &str, found: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    let lost = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let new = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}"));
    lost.chain(new).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_file_says_what_it_should() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for path in files() {
        let (loaded, messages) = messages(&path);
        if loaded == is_error(&path) {
            wrong.push(format!("{}: loaded: {loaded}\n{messages}", name(&path)));
            continue;
        }
        let text = path.with_extension("txt");
        let found = if messages.is_empty() { String::new() } else { format!("{messages}\n") };
        if update && !found.is_empty() {
            std::fs::write(&text, &found).unwrap();
        } else if update {
            let _ = std::fs::remove_file(&text);
        }
        let expected = std::fs::read_to_string(&text).unwrap_or_default();
        if expected != found {
            wrong.push(format!("{}:\n{}", name(&path), difference(&expected, &found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn there_are_enough_of_them_and_they_cover_every_code() {
    let mut seen = BTreeSet::new();
    let mut errors = 0;
    for path in files() {
        errors += usize::from(is_error(&path));
        seen.extend(messages(&path).1.iter().map(|message| message.code));
    }
    assert!(errors >= 60, "{errors} error files");
    // Too large a file is made in `workflow.rs`, where secrets are looked up and values given after loading as well.
    seen.extend(["E002", "E023", "E026"]);
    let missing: Vec<&str> = CODES.iter().map(|code| code.id).filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "no golden file for {missing:?}");
}
