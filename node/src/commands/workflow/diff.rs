use std::io::{Write, stdout};
use std::path::Path;

use etl_api::model::{Consistency, WorkflowDocument};
use etl_api::{AdminClient, Diff, Kind};
use etl_sdk::Registry;
use serde_json::{Value, json};

use super::files::{self, Checked};
use crate::arguments::{DiffArguments, Output};
use crate::cluster_client::PATIENCE;
use crate::view::{print_json, write_diff};
use crate::{Error, Exit};

/// A difference and what it is about.
struct Compared {
    name: String,
    file: Option<String>,
    diff: Diff,
}

pub(super) async fn diff(
    arguments: &DiffArguments,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let client = arguments.read.server.client(PATIENCE)?;
    let compared = match workflow_name(arguments)? {
        Some(name) => vec![versions(&client, &name, arguments).await?],
        None => with_files(&client, arguments, registry).await?,
    };
    let differ = compared.iter().any(|compared| !compared.diff.is_empty());
    match output {
        Output::Json => print_json(&compared.iter().map(document).collect::<Vec<_>>())?,
        Output::Text => {
            let mut out = stdout().lock();
            for compared in &compared {
                write_diff(&mut out, &compared.diff)?;
            }
            if !differ {
                writeln!(out, "no difference")?;
            }
        }
    }
    Ok(if differ { Exit::Findings } else { Exit::Success })
}

/// The workflow whose versions are to be compared; `None` when files are.
fn workflow_name(arguments: &DiffArguments) -> Result<Option<String>, Error> {
    let by_version = arguments.from.is_some() || arguments.to.is_some();
    match arguments.what.as_slice() {
        [only] if by_version || (!only.exists() && is_name(only)) => Ok(Some(only.display().to_string())),
        _ if by_version => Err(Error::Unknown {
            message: "--from and --to were given for more than one workflow".to_owned(),
            help: "name one workflow to compare its versions".to_owned(),
        }),
        _ => Ok(None),
    }
}

fn is_name(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

async fn versions(client: &AdminClient, name: &str, arguments: &DiffArguments) -> Result<Compared, Error> {
    let consistency = arguments.read.consistency();
    let newer = client.workflow(name, arguments.to, consistency).await?;
    let from = match arguments.from {
        Some(version) => Some(version),
        None => {
            let history = client.workflow_history(name, consistency).await?;
            let mut before = history.iter().filter(|found| found.version < newer.summary.version);
            before.find(|found| !found.deleted).map(|found| found.version)
        }
    };
    let (shown, older) = match from {
        Some(version) => {
            let WorkflowDocument { document, .. } = client.workflow(name, Some(version), consistency).await?;
            (format!("{name}, version {version}"), document)
        }
        None => ("nothing".to_owned(), String::new()),
    };
    let newer_shown = format!("{name}, version {}", newer.summary.version);
    let diff = Diff::new(&shown, &older, &newer_shown, &newer.document);
    Ok(Compared { name: name.to_owned(), file: None, diff })
}

async fn with_files(
    client: &AdminClient,
    arguments: &DiffArguments,
    registry: &Registry,
) -> Result<Vec<Compared>, Error> {
    let checked = files::check(client, files::read(&arguments.what, registry)?).await?;
    let mut compared = Vec::new();
    for Checked { file, name } in checked {
        let shown = file.path.display().to_string();
        let (in_force, document) = match in_force(client, &name, arguments.read.consistency()).await? {
            Some(found) => (format!("{name}, version {}", found.summary.version), found.document),
            None => ("nothing".to_owned(), String::new()),
        };
        let diff = Diff::new(&in_force, &document, &shown, &file.text);
        compared.push(Compared { name, file: Some(shown), diff });
    }
    Ok(compared)
}

async fn in_force(
    client: &AdminClient,
    name: &str,
    consistency: Consistency,
) -> Result<Option<WorkflowDocument>, Error> {
    match client.workflow(name, None, consistency).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.refusal().is_some_and(|refusal| refusal.kind == Kind::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn document(compared: &Compared) -> Value {
    let Compared { name, file, diff } = compared;
    json!({ "name": name, "file": file, "diff": (!diff.is_empty()).then(|| diff.to_string()) })
}
