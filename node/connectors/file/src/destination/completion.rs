use std::fs;
use std::path::Path;

use etl_model::{Route, RunId, WorkflowName};
use etl_sdk::{ConnectorError, RunContext, failpoint};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::assembly::{self, RouteUnits};
use super::chain::Chain;
use super::config::Mode;
use super::disk;
use super::layout::{Layout, PartNames, Target};
use super::manifest::VERSION;
use super::route::{publish, units_of};
use super::settings::Settings;
use crate::error::FileError;

const COMPLETED: &str = "completed.json";

/// Says that a run's result is visible; outlives its staging.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Completed {
    version: u32,
    run: RunId,
}

/// Makes the result of a run visible; see [`etl_sdk::Destination::complete`]. Blocking.
pub fn complete(settings: &Settings, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
    let Some(first) = routes.first() else { return Ok(()) };
    failpoint("completion_started")?;
    let folder = settings.layout.destination(first);
    if completed_run(&folder)? != Some(run.run) {
        let staged = collect(settings, run.run, routes)?;
        match settings.layout.target() {
            Target::File(target) => {
                if settings.mode == Mode::Replace {
                    refuse_second_writer(settings, run, &folder)?;
                }
                publish_file(settings, run.run, &folder, target, &staged)?;
            }
            Target::Directory(directory) => publish_parts(settings, run.run, directory, first, &staged)?,
        }
        record(&folder, run.run)?;
    }
    clean(settings, run.run, &folder, routes)?;
    failpoint("completed")
}

/// Whether this run's result is already visible, or in place with only its record missing.
pub fn is_published(layout: &Layout, workflow: &WorkflowName, run: RunId) -> Result<bool, FileError> {
    let root = layout.workflow(workflow);
    for name in disk::names(&root)? {
        let folder = root.join(name);
        if completed_run(&folder)? == Some(run) || holds_link_to(&folder, run, layout.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn completed_run(folder: &Path) -> Result<Option<RunId>, FileError> {
    let path = folder.join(COMPLETED);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(FileError::io("read", &path)(error)),
    };
    match serde_json::from_slice::<Completed>(&text) {
        Ok(completed) if completed.version == VERSION => Ok(Some(completed.run)),
        Ok(_) => Err(FileError::Damaged { path, message: "it has another version".to_owned() }),
        Err(error) => Err(FileError::Damaged { path, message: format!("it cannot be read: {error}") }),
    }
}

/// Whether the target is the same file as one of those that the run was about to publish.
fn holds_link_to(folder: &Path, run: RunId, target: &Path) -> Result<bool, FileError> {
    let Some(identity) = disk::identity(target)? else { return Ok(false) };
    for name in disk::names(folder)? {
        if name.starts_with(&ready_prefix(run)) && disk::identity(&folder.join(&name))? == Some(identity) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ready_prefix(run: RunId) -> String {
    format!("ready-{run}-")
}

fn collect(settings: &Settings, run: RunId, routes: &[Route]) -> Result<Vec<RouteUnits>, FileError> {
    let mut staged = Vec::with_capacity(routes.len());
    for route in routes {
        let chain = Chain::new(settings.layout.route(route), route.clone());
        let Some(last) = chain.last()? else {
            return Err(FileError::Internal(format!("{route} has never been fenced")));
        };
        if last.marker.run != run {
            let place = format!("{} [{route}]", settings.layout.path().display());
            let (found, other) = (last.marker.epoch, last.marker.run.to_string());
            return Err(FileError::Fenced { place, found, held: 0, run: other });
        }
        if !last.marker.done {
            return Err(FileError::Internal(format!("{route} is not done")));
        }
        let units = units_of(&chain, &last.marker)?;
        let complete = units.iter().map(|unit| unit.marker.seq).eq(1..=last.marker.seq);
        if !complete {
            let message = format!("some of the {} units of this run are missing", last.marker.seq);
            return Err(FileError::Damaged { path: chain.folder().to_owned(), message });
        }
        staged.push(RouteUnits { folder: chain.folder().to_owned(), units });
    }
    Ok(staged)
}

/// Two destinations of one run with the same path would replace each other's file.
fn refuse_second_writer(settings: &Settings, run: &RunContext, folder: &Path) -> Result<(), FileError> {
    let root = settings.layout.workflow(&run.workflow);
    for name in disk::names(&root)? {
        let other = root.join(name);
        if other != folder && completed_run(&other)? == Some(run.run) {
            return Err(FileError::user(
                "two_writers",
                format!(
                    "another destination of this workflow has just written {}",
                    settings.layout.path().display()
                ),
                "give each destination a path of its own",
            ));
        }
    }
    Ok(())
}

/// The file is made ready under a name in staging first; as long as that name stands, the target can be recognised
/// as the same file.
fn publish_file(
    settings: &Settings,
    run: RunId,
    folder: &Path,
    target: &Path,
    staged: &[RouteUnits],
) -> Result<(), FileError> {
    if holds_link_to(folder, run, target)? {
        return disk::sync_directory(settings.layout.visible());
    }
    let ready = folder.join(format!("{}{}", ready_prefix(run), Uuid::new_v4().simple()));
    assembly::assemble(&settings.frame, staged, &ready)?;
    disk::sync_directory(folder)?;
    match settings.mode {
        Mode::Append => {
            if !disk::link(&ready, target)? && !holds_link_to(folder, run, target)? {
                disk::remove(&ready)?;
                return Err(target_exists(target));
            }
        }
        Mode::Replace => {
            let second = folder.join(format!("tmp-{run}-{}", Uuid::new_v4().simple()));
            disk::link(&ready, &second)?;
            fs::rename(&second, target).map_err(FileError::io("replace", target))?;
        }
    }
    disk::sync_directory(settings.layout.visible())
}

/// The target of an append is taken.
pub fn target_exists(target: &Path) -> FileError {
    FileError::user(
        "target_exists",
        format!("{} exists already", target.display()),
        "set `mode: replace` to replace it when the new content is complete, or end `path` with `/` to add part files \
         to a directory",
    )
}

/// New parts first, so that no row is ever missing from the directory; readers may see old and new together for the
/// moment between.
fn publish_parts(
    settings: &Settings,
    run: RunId,
    directory: &Path,
    route: &Route,
    staged: &[RouteUnits],
) -> Result<(), FileError> {
    let parts = || staged.iter().flat_map(RouteUnits::parts);
    for (folder, part) in parts() {
        publish(folder, &settings.layout, part)?;
    }
    if settings.mode == Mode::Append {
        return Ok(());
    }
    for name in parts().filter_map(|(_, part)| part.publish.as_ref()) {
        let path = directory.join(name);
        if disk::identity(&path)?.is_none() {
            let message = "a part file of this run is missing; the earlier content is kept".to_owned();
            return Err(FileError::Damaged { path, message });
        }
    }
    let ours = PartNames::new(route, &settings.extension);
    let of_this_run = format!("part-{}-", run.short());
    for name in disk::names(directory)? {
        if ours.is_of_same_destination(&name) && !name.starts_with(&of_this_run) {
            disk::remove(&directory.join(name))?;
        }
    }
    disk::sync_directory(directory)
}

fn record(folder: &Path, run: RunId) -> Result<(), FileError> {
    let text = serde_json::to_vec(&Completed { version: VERSION, run })
        .map_err(|error| FileError::Internal(error.to_string()))?;
    let temporary = folder.join(format!("tmp-{run}-{}", Uuid::new_v4().simple()));
    let path = folder.join(COMPLETED);
    disk::write_new(&temporary, &text)?;
    fs::rename(&temporary, &path).map_err(FileError::io("create", &path))?;
    disk::sync_directory(folder)
}

/// Keeps what a repeated call or a fence needs: the record and the last manifest of each route.
fn clean(settings: &Settings, run: RunId, folder: &Path, routes: &[Route]) -> Result<(), FileError> {
    let this_run = run.to_string();
    for name in disk::names(folder)? {
        let rest = name.strip_prefix("ready-").or_else(|| name.strip_prefix("tmp-"));
        // Run ids sort by time: what a later run has under way stays.
        if rest.and_then(|rest| rest.get(..this_run.len())).is_some_and(|of| of <= this_run.as_str()) {
            disk::remove(&folder.join(name))?;
        }
    }
    for route in routes {
        let chain = Chain::new(settings.layout.route(route), route.clone());
        // A later run may have begun in the meantime; what lies here is its own then.
        if let Some(last) = chain.last()?.filter(|last| last.marker.run == run) {
            chain.sweep(last.number, |_| false)?;
            chain.forget_below(last.number)?;
        }
    }
    Ok(())
}
