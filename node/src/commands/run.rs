use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use etl_engine::{Desk, EngineOptions, Outcome, Progress, RunReport, RunRequest, StopMode};
use etl_model::Fault;
use etl_sdk::{Registry, RunContext};
use etl_state::{BeginOptions, Begun, DeadLetterFiles, Interrupted, LocalState, StateError};
use etl_workflow::{Inputs, RunFacts, Workflow};
use tokio::sync::watch;

use super::run_telling;
use crate::arguments::{Output, RunArguments};
use crate::node::BreakerMeter;
use crate::stop_signals::{self, StopSignal};
use crate::view::{ProgressView, Summary};
use crate::watching::watched;
use crate::workflow_file::{WorkflowFile, given, resolve, state_directory};
use crate::{Error, Exit, pipeline};

/// The longest time a row waits for its commit unless something else is asked for.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

fn options(arguments: &RunArguments, workflow: &Workflow) -> EngineOptions {
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let settings = &workflow.settings;
    let interval = arguments.commit_interval.or(settings.commit_interval).map(|span| span.0);
    EngineOptions {
        parallelism: arguments.parallelism.or(settings.parallelism).unwrap_or(cores),
        workers: arguments.workers.unwrap_or(cores),
        memory: arguments.memory,
        commit_interval: interval.unwrap_or(COMMIT_INTERVAL),
        stall_timeout: arguments.stall_timeout.0,
        retry: settings.retry.clone(),
    }
}

pub(super) fn run(arguments: &RunArguments, registry: &Registry, output: Output) -> Result<Exit, Error> {
    let telemetry = run_telling::telemetry(arguments)?;
    let file = &arguments.workflow.file;
    let text = WorkflowFile::read(file)?;
    let given = given(&arguments.workflow.parameters)?;
    let looked_at = Inputs { parameters: given.clone(), ..Inputs::default() };
    let workflow = text.load(&looked_at, registry)?;
    for warning in workflow.warnings.iter() {
        tracing::warn!("{warning}");
    }
    for step in workflow.steps().filter(|step| step.node.is_some()) {
        tracing::warn!(
            "`placement` of step `{}` is for clusters: here every step runs in this process",
            step.name
        );
    }
    let directory = state_directory(file, arguments.workflow.state_dir.as_deref());
    let state = LocalState::open(&directory)?;
    let interrupted = state.interrupted(&workflow.name)?.filter(|_| !arguments.restart);
    let inputs = Inputs::of_run(parameters(&text, given, interrupted, registry)?);
    let workflow = text.load(&inputs, registry)?;
    // What is wrong with it should not leave a run behind.
    pipeline::build(&resolve(&workflow, &arguments.workflow)?, registry)?;
    let begun = state.begin(
        &workflow.name,
        &workflow.meaning,
        BeginOptions {
            restart: arguments.restart,
            accept_changes: arguments.accept_changes,
            sync: workflow.settings.sync,
            parameters: workflow.parameter_values(),
        },
    )?;
    let Begun { run, continued, started, replaces, starts, handle } = begun;
    let facts = RunFacts { id: run, tick_ms: started.saturating_mul(1000) };
    let workflow =
        resolve(&text.load(&Inputs { run: Some(facts), ..inputs }, registry)?, &arguments.workflow)?;
    let pipeline = pipeline::build(&workflow, registry)?;
    let pipeline = watched(pipeline, &workflow, run.into(), &telemetry, run_telling::wanted(arguments));
    let dead_letters = DeadLetterFiles::new(&directory);
    let letters_directory = dead_letters.run_directory(&workflow.name, run);
    let progress = Arc::new(Progress::default());
    let (stop_sender, stop) = watch::channel(StopMode::default());
    let context = RunContext { workflow: workflow.name.clone(), run };
    let request = RunRequest {
        run: context,
        pipeline,
        starts,
        replaces,
        options: options(arguments, &workflow),
        state: Arc::new(handle.clone()),
        numbers: Arc::new(handle),
        dead_letters: Arc::new(dead_letters),
        progress: Arc::clone(&progress),
        stop,
    };
    let name = workflow.name.as_str();
    let view = ProgressView::start(arguments.progress, name, continued, Arc::clone(&progress));
    let ran = actix_rt::System::new().block_on(async {
        let mut request = request;
        let desk = Desk::local();
        request.pipeline = request.pipeline.gated(&desk, run);
        telemetry.sample_with(Arc::new(BreakerMeter(desk)));
        let signal = stop_signals::listen(stop_sender)?;
        let _http = match arguments.http_listen {
            Some(address) => Some(run_telling::serve(address, name, &telemetry, &progress)?),
            None => None,
        };
        Ok::<_, Error>((etl_engine::run(request).await?, signal))
    });
    let snapshot = view.finish();
    run_telling::finish(&telemetry, run.into(), name, arguments.trace_tree)?;
    let (report, signal) = ran?;
    if report.outcome == Outcome::Completed {
        state.complete(&workflow.name)?;
    }
    let exit = exit(&report, &signal);
    Summary {
        workflow: &workflow.name,
        run,
        continued,
        report: &report,
        snapshot: &snapshot,
        letters_directory,
    }
    .show(output)?;
    Ok(exit)
}

/// The values of a run's parameters: those that are given, or those of an interrupted run, which must not be others.
fn parameters(
    text: &WorkflowFile,
    given: BTreeMap<String, String>,
    interrupted: Option<Interrupted>,
    registry: &Registry,
) -> Result<BTreeMap<String, String>, Error> {
    let Some(Interrupted { run, parameters: own }) = interrupted else { return Ok(given) };
    if given.is_empty() {
        return Ok(own);
    }
    // In the one form of each value.
    let values = |parameters| {
        let inputs = Inputs { parameters, ..Inputs::default() };
        Ok::<_, Error>(text.load(&inputs, registry)?.parameter_values())
    };
    let mut asked = own.clone();
    asked.extend(given);
    let (has, asked) = (values(own.clone())?, values(asked)?);
    match asked.into_iter().find(|(parameter, value)| has.get(parameter) != Some(value)) {
        None => Ok(own),
        Some((parameter, asked)) => {
            let has = has.get(&parameter).cloned().unwrap_or_default();
            Err(StateError::Parameters { run, parameter, has, asked }.into())
        }
    }
}

fn exit(report: &RunReport, signal: &StopSignal) -> Exit {
    let worst = |fault| report.failures.iter().any(|failure| failure.error.fault() == fault);
    match report.outcome {
        Outcome::Completed => Exit::Success,
        Outcome::Stopped => signal.received().map_or(Exit::Findings, Exit::Signal),
        Outcome::Failed if worst(Fault::Internal) => Exit::Internal,
        Outcome::Failed if worst(Fault::User) => Exit::Findings,
        Outcome::Failed => Exit::Unreachable,
    }
}
