use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etl_api::AdminClient;
use etl_api::model::{Finding, Severity};
use etl_sdk::Registry;

use crate::Error;
use crate::commands::test::is_test_file;
use crate::workflow_file::load;

/// A workflow file as it was read.
pub(super) struct File {
    pub path: PathBuf,
    pub text: String,
}

/// A file with the name of its workflow, which a node has found valid.
pub(super) struct Checked {
    pub file: File,
    pub name: String,
}

/// The files named, and for a folder its `*.yaml` and `*.yml`, by name; not tests, and not what is in folders below.
pub(super) fn read(paths: &[PathBuf], registry: &Registry) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = in_folder(path)?;
            if found.is_empty() {
                return Err(Error::Unknown {
                    message: format!("there is no *.yaml or *.yml in {}", path.display()),
                    help: "folders below it are not looked into; name them".to_owned(),
                });
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(|path| read_one(path, registry)).collect()
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && path.is_file() && !is_test_file(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_one(path: PathBuf, registry: &Registry) -> Result<File, Error> {
    let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(File { path, text }),
        Err(error) => {
            // The language knows best how to say it.
            load(&path, &[], registry)?;
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error());
            Err(Error::Read { path, source })
        }
    }
}

/// Lets a node check all of them.
///
/// # Errors
/// All that is wrong with any of them, and two files with the same workflow.
pub(super) async fn check(client: &AdminClient, files: Vec<File>) -> Result<Vec<Checked>, Error> {
    let mut checked: Vec<Checked> = Vec::new();
    let mut wrong = Vec::new();
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        let shown = file.path.display().to_string();
        let linted = client.lint_workflow(&shown, &file.text).await?;
        let Some(name) = linted.name else {
            wrong.extend(linted.findings);
            continue;
        };
        for warning in linted.findings {
            tracing::warn!("{warning}");
        }
        if let Some(other) = first.get(&name) {
            wrong.push(same_name(shown, &name, other));
        }
        first.insert(name.clone(), file.path.clone());
        checked.push(Checked { file, name });
    }
    if wrong.is_empty() { Ok(checked) } else { Err(Error::InvalidOnCluster(wrong)) }
}

fn same_name(file: String, name: &str, other: &Path) -> Finding {
    Finding {
        file,
        line: 1,
        column: 1,
        severity: Severity::Error,
        code: "same_name".to_owned(),
        message: format!("workflow `{name}` is in {}, too", other.display()),
        help: Some("give one of them another name".to_owned()),
        snippet: None,
    }
}
