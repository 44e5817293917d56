use std::path::{Path, PathBuf};

use crate::Error;

/// What the names of test files end with, in front of the extension.
const MARK: &str = ".test";

/// A test file and the workflow file that it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub tests: PathBuf,
    pub workflow: PathBuf,
}

/// Whether a YAML file holds tests, by its name.
pub(in crate::commands) fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(MARK))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The test files that are meant, each once, by folder and name.
///
/// # Errors
/// Nothing is there, or a file lacks its other half.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Pair>, Error> {
    let mut pairs = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => pairs.extend(in_folder(path)?),
            false => pairs.push(pair(path)?),
        }
    }
    pairs.sort();
    pairs.dedup();
    Ok(pairs)
}

fn in_folder(folder: &Path) -> Result<Vec<Pair>, Error> {
    let failed = |source| Error::Read { path: folder.to_path_buf(), source };
    let mut pairs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_yaml(&path) && is_test_file(&path) && path.is_file() {
            pairs.push(pair(&path)?);
        }
    }
    if pairs.is_empty() {
        return Err(Error::Unknown {
            message: format!("there is no *.test.yaml in {}", folder.display()),
            help: "folders below it are not looked into; name them".to_owned(),
        });
    }
    Ok(pairs)
}

fn pair(path: &Path) -> Result<Pair, Error> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let beside = |name: &str, extension: &str| path.with_file_name(format!("{name}.{extension}"));
    let other = match stem.strip_suffix(MARK) {
        Some(name) => name.to_owned(),
        None => format!("{stem}{MARK}"),
    };
    let candidates = [beside(&other, &extension), beside(&other, "yaml"), beside(&other, "yml")];
    let found = candidates.iter().find(|candidate| candidate.is_file()).ok_or_else(|| Error::Unknown {
        message: format!("there is no {} beside {}", candidates[0].display(), path.display()),
        help: "the tests of NAME.yaml stand beside it in NAME.test.yaml".to_owned(),
    })?;
    let (own, other) = (path.to_path_buf(), found.clone());
    Ok(match is_test_file(path) {
        true => Pair { tests: own, workflow: other },
        false => Pair { tests: other, workflow: own },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_found_from_either_and_from_their_folder() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["a.yaml", "a.test.yaml", "b.yml", "b.test.yaml", "c.yaml"] {
            std::fs::write(path(name), "").unwrap();
        }
        let a = Pair { tests: path("a.test.yaml"), workflow: path("a.yaml") };
        let b = Pair { tests: path("b.test.yaml"), workflow: path("b.yml") };
        let all = [path("b.yml"), directory.path().to_path_buf(), path("a.test.yaml")];
        assert_eq!(find(&all).unwrap(), [a, b]);
        let missing = find(&[path("c.yaml")]).unwrap_err().to_string();
        assert!(missing.contains("c.test.yaml"), "{missing}");
        std::fs::create_dir(path("empty")).unwrap();
        assert!(find(&[path("empty")]).is_err());
    }
}
