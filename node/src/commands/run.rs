use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use etl_engine::{Desk, EngineOptions, Outcome, Progress, RunReport, RunRequest, StopMode};
use etl_model::{Fault, RunId, StepName};
use etl_sdk::{Registry, RunContext};
use etl_state::{BeginOptions, Begun, DeadLetterFiles, Interrupted, LocalState, StateError};
use etl_telemetry::Telemetry;
use etl_workflow::{Inputs, RunFacts, Workflow};
use tokio::sync::watch;

use super::run_telling;
use crate::arguments::{Output, RunArguments};
use crate::node::BreakerMeter;
use crate::stop_signals::{self, Reloads, StopSignal};
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
    let mut text = WorkflowFile::read(file)?;
    let given = given(&arguments.workflow.parameters)?;
    let workflow = text.load(&Inputs { parameters: given.clone(), ..Inputs::default() }, registry)?;
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
    let mut process = Process { arguments, registry, output, telemetry, directory, state, given, desk: None };
    let mut is_revised = false;
    loop {
        match process.carry_out(&text, is_revised)? {
            End::Over(exit) => return Ok(exit),
            End::Revised(revised) => text = revised,
        }
        is_revised = true;
    }
}

/// What stays the same when a run goes over to another version of its workflow.
struct Process<'a> {
    arguments: &'a RunArguments,
    registry: &'a Registry,
    output: Output,
    telemetry: Telemetry,
    directory: PathBuf,
    state: LocalState,
    /// The parameters of the command line.
    given: BTreeMap<String, String>,
    /// Made in the first runtime.
    desk: Option<Desk>,
}

/// How carrying out a version of a workflow has ended.
enum End {
    /// With the run.
    Over(Exit),
    /// Everything that was read is committed, for this version to go on behind it.
    Revised(WorkflowFile),
}

impl Process<'_> {
    /// Carries out a workflow to its end, or until another version of it is to take over. One that `is_revised` goes on with
    /// the run that is there.
    fn carry_out(&mut self, text: &WorkflowFile, is_revised: bool) -> Result<End, Error> {
        let Self { arguments, registry, output, .. } = *self;
        let restart = arguments.restart && !is_revised;
        let looked_at = Inputs { parameters: self.given.clone(), ..Inputs::default() };
        let name = text.load(&looked_at, registry)?.name;
        let interrupted = self.state.interrupted(&name)?.filter(|_| !restart);
        let interrupted_run = interrupted.as_ref().map(|interrupted| interrupted.run);
        let values = parameters(text, self.given.clone(), interrupted, registry)?;
        let inputs = Inputs::of_run(values.clone());
        let workflow = text.load(&inputs, registry)?;
        if let Some(interrupted) = interrupted_run.filter(|_| arguments.accept_changes || is_revised) {
            has_sources(&workflow, &self.state.open_sources(&workflow.name)?, interrupted)?;
        }
        // What is wrong with it should not leave a run behind.
        pipeline::build(&resolve(&workflow, &arguments.workflow)?, registry)?;
        let begun = self.state.begin(
            &workflow.name,
            &workflow.meaning,
            BeginOptions {
                restart,
                accept_changes: arguments.accept_changes || is_revised,
                sync: workflow.settings.sync,
                parameters: workflow.parameter_values(),
            },
        )?;
        let Begun { run, continued, started, replaces, starts, handle } = begun;
        let facts = RunFacts { id: run, tick_ms: started.saturating_mul(1000) };
        let inputs = Inputs { run: Some(facts), ..inputs };
        let workflow = resolve(&text.load(&inputs, registry)?, &arguments.workflow)?;
        let pipeline = pipeline::build(&workflow, registry)?;
        let wanted = run_telling::wanted(arguments);
        let pipeline = watched(pipeline, &workflow, run.into(), &self.telemetry, wanted);
        let dead_letters = DeadLetterFiles::new(&self.directory);
        let letters_directory = dead_letters.run_directory(&workflow.name, run);
        let progress = Arc::new(Progress::default());
        let (stop_sender, stop) = watch::channel(StopMode::default());
        let context = RunContext { workflow: workflow.name.clone(), run };
        let mut request = RunRequest {
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
        let view =
            ProgressView::start(arguments.progress, name, continued || is_revised, Arc::clone(&progress));
        let mut revised = None;
        let ran = actix_rt::System::new().block_on(async {
            let desk = self.desk.get_or_insert_with(|| {
                let desk = Desk::local();
                self.telemetry.sample_with(Arc::new(BreakerMeter(desk.clone())));
                desk
            });
            request.pipeline = request.pipeline.gated(desk, run);
            let signal = stop_signals::listen(stop_sender.clone())?;
            let mut reloads = Reloads::listen(arguments.reload)?;
            let _http = match arguments.http_listen {
                Some(address) => Some(run_telling::serve(address, name, &self.telemetry, &progress)?),
                None => None,
            };
            let running = etl_engine::run(request);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    report = &mut running => return Ok::<_, Error>((report?, signal)),
                    () = reloads.next() => match revision(arguments, registry, &inputs, (&workflow, run), &progress) {
                        Ok(Some(text)) => {
                            tracing::info!("the workflow is another now: it goes on with what was not committed yet");
                            revised = Some(text);
                            stop_sender.send_replace(StopMode::Drain);
                        }
                        Ok(None) => tracing::info!("the workflow means what it meant before"),
                        Err(error) => {
                            tracing::error!(%error, "the run goes on with the workflow that it has");
                        }
                    },
                }
            }
        });
        let snapshot = view.finish();
        let stopped = |(report, signal): &(RunReport, StopSignal)| {
            report.outcome == Outcome::Stopped && signal.received().is_none()
        };
        if let Some(text) = revised.filter(|_| ran.as_ref().is_ok_and(stopped)) {
            return Ok(End::Revised(text));
        }
        run_telling::finish(&self.telemetry, run.into(), name, arguments.trace_tree)?;
        let (report, signal) = ran?;
        if report.outcome == Outcome::Completed {
            self.state.complete(&workflow.name)?;
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
        Ok(End::Over(exit))
    }
}

/// The workflow's file as it is now, if it means something else than the one that is carried out.
fn revision(
    arguments: &RunArguments,
    registry: &Registry,
    inputs: &Inputs,
    (current, run): (&Workflow, RunId),
    progress: &Progress,
) -> Result<Option<WorkflowFile>, Error> {
    let text = WorkflowFile::read(&arguments.workflow.file)?;
    let workflow = text.load(inputs, registry)?;
    if workflow.name != current.name {
        let message =
            format!("the file has another workflow now: `{}` instead of `{}`", workflow.name, current.name);
        let help = "give it its name back, or run the other one with a command of its own".to_owned();
        return Err(Error::Unknown { message, help });
    }
    if workflow.meaning == current.meaning {
        return Ok(None);
    }
    let partitions = progress.snapshot().partitions;
    let open = partitions.into_iter().filter(|partition| partition.state != "done");
    has_sources(&workflow, &open.map(|partition| partition.source).collect(), run)?;
    pipeline::build(&resolve(&workflow, &arguments.workflow)?, registry)?;
    Ok(Some(text))
}

/// Refuses a workflow that lacks a source of which the run has partitions to read.
fn has_sources(workflow: &Workflow, open: &BTreeSet<StepName>, run: RunId) -> Result<(), Error> {
    let is_missing = |name: &&StepName| workflow.sources.iter().all(|source| source.name != **name);
    match open.iter().find(is_missing) {
        None => Ok(()),
        Some(missing) => Err(Error::Unknown {
            message: format!(
                "the workflow has no source `{missing}` any more, of which run {run} has partitions that are not done"
            ),
            help: "put the source back, or start over without it (--restart)".to_owned(),
        }),
    }
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
