use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use etl_api::model::{Applied, Outcome};
use etl_api::{AdminClient, Detail, Diff};
use etl_sdk::Registry;
use serde_json::{Value, json};

use super::files::{self, Checked};
use crate::arguments::{ApplyArguments, Output};
use crate::cluster_client::PATIENCE;
use crate::view::{error_document, plural, print_json, write_diff};
use crate::{Error, Exit};

/// What became of one file.
struct Change {
    path: PathBuf,
    applied: Applied,
    diff: Diff,
}

pub(super) async fn apply(
    arguments: &ApplyArguments,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let files = files::read(&arguments.paths, registry)?;
    if arguments.expect_version.is_some() && files.len() != 1 {
        return Err(Error::Unknown {
            message: format!("--expect-version was given for {} workflows", files.len()),
            help: "a version belongs to one workflow; name its file alone".to_owned(),
        });
    }
    let client = arguments.server.client(PATIENCE)?;
    let checked = files::check(&client, files).await?;
    let all = checked.len();
    let mut changes = Vec::new();
    let mut failed = None;
    for workflow in checked {
        match apply_one(&client, workflow, arguments).await {
            Ok(change) => {
                if output == Output::Text {
                    write_change(&change, arguments.dry_run)?;
                }
                changes.push(change);
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    match output {
        Output::Json => {
            print_json(&document(&changes, arguments.dry_run, failed.as_ref()))?;
            Ok(failed.map_or(Exit::Success, |error| error.exit()))
        }
        Output::Text => {
            if all > 1 {
                write_sum(&changes, all, arguments.dry_run)?;
            }
            failed.map_or(Ok(Exit::Success), Err)
        }
    }
}

async fn apply_one(
    client: &AdminClient,
    workflow: Checked,
    arguments: &ApplyArguments,
) -> Result<Change, Error> {
    let Checked { file, .. } = workflow;
    let expected = arguments.expect_version;
    let applied = match arguments.dry_run {
        true => client.preview_workflow(&file.text, expected).await,
        false => client.apply_workflow(&file.text, expected).await,
    };
    let applied = applied.map_err(|error| in_file(error, &file.path))?;
    let diff = match applied.outcome {
        Outcome::Created | Outcome::Unchanged => Diff::default(),
        Outcome::Updated => {
            let previous = applied.previous_document.as_deref().unwrap_or_default();
            let before = format!("{}, version {}", applied.name, applied.version.saturating_sub(1));
            Diff::new(&before, previous, &file.path.display().to_string(), &file.text)
        }
    };
    Ok(Change { path: file.path, applied, diff })
}

/// What a node finds at the last moment, because another one has checked before, gets its places, too.
fn in_file(error: etl_api::Error, path: &Path) -> Error {
    match error.refusal().and_then(|refusal| refusal.detail.clone()) {
        Some(Detail::InvalidWorkflow { mut findings, .. }) => {
            findings.iter_mut().for_each(|finding| finding.file = path.display().to_string());
            Error::InvalidOnCluster(findings)
        }
        _ => error.into(),
    }
}

fn write_change(change: &Change, dry_run: bool) -> Result<(), Error> {
    let Applied { outcome, name, version, .. } = &change.applied;
    let would = if dry_run && *outcome != Outcome::Unchanged { "would be " } else { "" };
    let mut out = stdout().lock();
    writeln!(out, "{}: {name} {would}{} (version {version})", change.path.display(), outcome.as_str())?;
    write_diff(&mut out, &change.diff)?;
    Ok(())
}

fn write_sum(changes: &[Change], all: usize, dry_run: bool) -> Result<(), Error> {
    let changed = changes.iter().filter(|change| change.applied.outcome != Outcome::Unchanged).count();
    let verb = if dry_run { "would change" } else { "changed" };
    writeln!(stdout(), "{changed} of {} {verb}", plural(all as u64, "workflow"))?;
    if changes.len() < all {
        writeln!(stdout(), "{} not tried", all - changes.len())?;
    }
    Ok(())
}

fn document(changes: &[Change], dry_run: bool, failed: Option<&Error>) -> Value {
    let workflows: Vec<_> = changes
        .iter()
        .map(|Change { path, applied, diff }| {
            json!({
                "file": path.display().to_string(),
                "name": applied.name,
                "outcome": applied.outcome,
                "version": applied.version,
                "diff": (!diff.is_empty()).then(|| diff.to_string()),
            })
        })
        .collect();
    json!({ "dry_run": dry_run, "workflows": workflows, "failed": failed.map(error_document) })
}
