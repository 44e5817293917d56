use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use etl_engine::{EngineOptions, Outcome, Progress, RunRequest, StopMode};
use etl_model::{ByteSize, Fault, RunId, SyncMode, WorkflowName};
use etl_sdk::{Registry, RunContext};
use etl_state::{BeginOptions, Begun, DeadLetterFiles, LocalState};
use etl_workflow::{Inputs, RunFacts, Workflow};
use tokio::sync::watch;

use super::derived::{derive, unusable};
use super::group::{Group, Replayed, Selection, groups, replay_name};
use super::run_id;
use crate::arguments::{LetterKind, Output, ProgressMode, ReplayArguments};
use crate::view::{ProgressView, Summary, plural};
use crate::workflow_file::{WorkflowFile, given, resolve, state_directory};
use crate::{Error, Exit, pipeline, stop_signals};

/// Memory that a replay stays inside.
const MEMORY: ByteSize = ByteSize(256 << 20);
/// The longest time a row waits for its commit unless the workflow says otherwise.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How long one call into a connector may take.
const STALL_TIMEOUT: Duration = Duration::from_secs(600);

/// `dlq replay`.
pub(super) fn replay(
    arguments: &ReplayArguments,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let file = &arguments.workflow.file;
    let inputs = Inputs::of_run(given(&arguments.workflow.parameters)?);
    let text = WorkflowFile::read(arguments.through.as_deref().unwrap_or(file))?;
    let workflow = text.load(&inputs, registry)?;
    let name = WorkflowFile::read(file)?.load(&Inputs::default(), registry)?.name;
    if workflow.name != name {
        let message = format!("{name} and {} are not the same workflow", workflow.name);
        let help = "--workflow names another version of FILE".to_owned();
        return Err(Error::Unknown { message, help });
    }
    let directory = state_directory(file, arguments.workflow.state_dir.as_deref());
    if !LocalState::is_at(&directory) {
        return Err(Error::Unknown {
            message: format!("{} is not the state directory of `run`", directory.display()),
            help: "letters of a cluster's runs are not replayed yet".to_owned(),
        });
    }
    let state = LocalState::open(&directory)?;
    if let Some(interrupted) = state.interrupted(&name)? {
        return Err(Error::Unknown {
            message: format!(
                "the run {} of {name} is not complete: its letters may still change",
                interrupted.run
            ),
            help: format!("run it to its end first: actix-etl run {}", file.display()),
        });
    }
    let derived = replay_name(&name).map_err(|error| unusable(&error.to_string()))?;
    let interrupted = state.interrupted(&derived)?;
    let selection = match &interrupted {
        // It goes on with what it was begun with.
        Some(interrupted) => going_on(arguments, &interrupted.parameters)?,
        None => asked(arguments, &state, &workflow)?,
    };
    let mut found = groups(&directory, [&name, &derived], &selection)?;
    found.retain(|group| interrupted.as_ref().is_none_or(|interrupted| interrupted.run != group.run));
    let (usable, lost): (Vec<Group>, Vec<Group>) = found.into_iter().partition(|group| {
        workflow.transformations.iter().chain(&workflow.destinations).any(|step| step.name == group.step)
    });
    tell_lost(&lost, &workflow);
    let replayed = Replayed::of(&state, &derived)?;
    let open = |group: &Group| group.letters > replayed.count(&group.step, group.run, &group.code);
    if interrupted.is_none() && !usable.iter().any(open) {
        writeln!(stdout().lock(), "nothing to replay")?;
        return Ok(Exit::Success);
    }
    // What is wrong with it should not leave a run behind.
    let built = pipeline::build(&resolve(&workflow, &arguments.workflow)?, registry)?;
    derive(built, &workflow, usable.clone())?;
    let begun = state.begin(
        &derived,
        &workflow.meaning,
        BeginOptions {
            restart: false,
            // A workflow is corrected for its letters: an interrupted replay goes on with what it has become.
            accept_changes: true,
            sync: SyncMode::Incremental,
            parameters: shown(&selection),
        },
    )?;
    let facts = RunFacts { id: begun.run, tick_ms: begun.started.saturating_mul(1000) };
    let workflow =
        resolve(&text.load(&Inputs { run: Some(facts), ..inputs }, registry)?, &arguments.workflow)?;
    let pipeline = derive(pipeline::build(&workflow, registry)?, &workflow, usable)?;
    carry_out(&state, &derived, &workflow, begun, pipeline, output)
}

/// Runs the replay as any workflow is run.
fn carry_out(
    state: &LocalState,
    name: &WorkflowName,
    workflow: &Workflow,
    begun: Begun,
    pipeline: etl_engine::Pipeline,
    output: Output,
) -> Result<Exit, Error> {
    let Begun { run, continued, replaces, starts, handle, .. } = begun;
    let dead_letters = DeadLetterFiles::new(state.directory());
    let letters_directory = dead_letters.run_directory(name, run);
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let settings = &workflow.settings;
    let (stop_sender, stop) = watch::channel(StopMode::default());
    let progress = Arc::new(Progress::default());
    let request = RunRequest {
        run: RunContext { workflow: name.clone(), run },
        pipeline,
        starts,
        replaces,
        options: EngineOptions {
            parallelism: settings.parallelism.unwrap_or(cores),
            workers: cores,
            memory: MEMORY,
            commit_interval: settings.commit_interval.map_or(COMMIT_INTERVAL, |span| span.0),
            stall_timeout: STALL_TIMEOUT,
            retry: settings.retry.clone(),
        },
        state: Arc::new(handle.clone()),
        numbers: Arc::new(handle),
        dead_letters: Arc::new(dead_letters),
        progress: Arc::clone(&progress),
        stop,
    };
    let view = ProgressView::start(ProgressMode::None, name.as_str(), continued, progress);
    let ran = actix_rt::System::new().block_on(async {
        let signal = stop_signals::listen(stop_sender)?;
        Ok::<_, Error>((etl_engine::run(request).await?, signal))
    });
    let snapshot = view.finish();
    let (report, signal) = ran?;
    if report.outcome == Outcome::Completed {
        state.complete(name)?;
    }
    let has = |fault| report.failures.iter().any(|failure| failure.error.fault() == fault);
    let exit = match report.outcome {
        Outcome::Completed => Exit::Success,
        Outcome::Stopped => signal.received().map_or(Exit::Findings, Exit::Signal),
        Outcome::Failed if has(Fault::Internal) => Exit::Internal,
        Outcome::Failed if has(Fault::User) => Exit::Findings,
        Outcome::Failed => Exit::Unreachable,
    };
    Summary { workflow: name, run, continued, report: &report, snapshot: &snapshot, letters_directory }
        .show(output)?;
    Ok(exit)
}

/// What was asked for. A workflow that reads everything again sets the same records aside again, or has delivered them since: of
/// it the letters of the last run are meant.
fn asked(arguments: &ReplayArguments, state: &LocalState, workflow: &Workflow) -> Result<Selection, Error> {
    let run = arguments.run.as_deref().map(run_id).transpose()?;
    let since = match workflow.settings.sync {
        SyncMode::Full if run.is_none() => state.last_run(&workflow.name)?,
        _ => None,
    };
    Ok(Selection { run, since, kind: arguments.kind.clone() })
}

/// What an interrupted replay was begun with, which may be something else than what is asked for now.
fn going_on(arguments: &ReplayArguments, parameters: &BTreeMap<String, String>) -> Result<Selection, Error> {
    let asked = [("run", &arguments.run), ("step", &arguments.kind.step), ("code", &arguments.kind.code)];
    if asked.iter().any(|(name, value)| value.is_some() && parameters.get(*name) != value.as_ref()) {
        tracing::warn!(
            "the replay that was interrupted goes on with what it was begun with; ask again after it"
        );
    }
    stored(parameters)
}

/// Letters that no step can be given.
fn tell_lost(lost: &[Group], workflow: &Workflow) {
    for group in lost {
        let letters = plural(group.letters, "dead letter");
        match workflow.sources.iter().any(|source| source.name == group.step) {
            true => tracing::warn!(
                "{letters} of the source `{}` with {} hold what could not be read; correct the data and run the workflow",
                group.step,
                group.code
            ),
            false => {
                tracing::warn!("{letters} are of the step `{}`, which the workflow does not have", group.step)
            }
        }
    }
}

/// A selection as the parameters of the run that it belongs to.
fn shown(selection: &Selection) -> BTreeMap<String, String> {
    let Selection { run, since, kind: LetterKind { step, code } } = selection;
    let run = run.map(|run| run.to_string());
    let since = since.map(|run| run.to_string());
    let all = [("run", run), ("since", since), ("step", step.clone()), ("code", code.clone())];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn stored(parameters: &BTreeMap<String, String>) -> Result<Selection, Error> {
    let run = |name: &str| -> Result<Option<RunId>, Error> {
        parameters.get(name).map(|text| run_id(text)).transpose()
    };
    let text = |name: &str| parameters.get(name).cloned();
    let kind = LetterKind { step: text("step"), code: text("code") };
    Ok(Selection { run: run("run")?, since: run("since")?, kind })
}
