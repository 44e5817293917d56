use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use actix_rt::System;
use etl_engine::{Outcome, Progress, RunReport, RunRequest, StopMode};
use etl_sdk::RunContext;
use tokio::sync::watch;

use super::life::{Crash, Life};
use super::stage::{Stage, options};
use super::state::TwinState;
use super::world::World;
use crate::Error;

/// How long a process may take, and what is left of it; only a defect takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With the run.
    Completed,
    /// At its crash row.
    Crashed,
    /// Why the run could not go on.
    Failed(String),
}

/// What processes one after the other have left behind.
pub(super) struct Ended {
    pub world: World,
    /// Processes that died.
    pub crashes: u64,
    /// How often the last one passed each crash row.
    pub passages: BTreeMap<&'static str, u64>,
    /// Why it is not completed.
    pub failure: Option<String>,
}

/// Carries one run out with processes that die at these places, and with a last one that does not.
///
/// # Errors
/// The pipeline cannot be made.
pub(super) fn carry_out(stage: &Stage<'_>, crashes: &[Crash]) -> Result<Ended, Error> {
    let (world, run) = (World::default(), stage.run());
    let mut ended = Ended { world, crashes: 0, passages: BTreeMap::new(), failure: None };
    for crash in crashes.iter().copied().map(Some).chain([None]) {
        let (end, passages) = live(stage, &run, &ended.world, crash)?;
        ended.passages = passages;
        match end {
            End::Crashed => ended.crashes += 1,
            // A later process would begin a run that is complete.
            End::Completed => break,
            End::Failed(message) => {
                ended.failure = Some(message);
                break;
            }
        }
    }
    Ok(ended)
}

/// One process from its start to its end; nothing of it is left when this returns.
fn live(
    stage: &Stage<'_>,
    run: &RunContext,
    world: &World,
    crash: Option<Crash>,
) -> Result<(End, BTreeMap<&'static str, u64>), Error> {
    let (life, gone) = Life::begin(crash);
    let (runtime, stopped) = System::new().into_parts();
    let system = System::current();
    let (_stop, stop) = watch::channel(StopMode::default());
    let state = Arc::new(TwinState { life: Arc::clone(&life), world: world.clone() });
    let ended = runtime.block_on(async {
        let request = RunRequest {
            run: run.clone(),
            pipeline: stage.pipeline(&life, world)?,
            starts: HashMap::new(),
            replaces: Vec::new(),
            options: options(),
            state: Arc::clone(&state) as _,
            numbers: Arc::clone(&state) as _,
            dead_letters: state,
            progress: Arc::new(Progress::default()),
            stop,
        };
        tokio::select! {
            biased;
            () = life.died() => Ok(End::Crashed),
            report = etl_engine::run(request) => Ok(end(report?)),
            () = tokio::time::sleep(PATIENCE) => {
                Ok(End::Failed(format!("the run does not end within {} s", PATIENCE.as_secs())))
            }
        }
    });
    // What its threads still do has no effect, and what waits in it is let go once nobody would go on with the answer.
    life.end();
    system.stop();
    // An error means that the system is gone already.
    let _ = runtime.block_on(stopped);
    life.release();
    drop(runtime);
    let passages = life.passages();
    drop(life);
    let end = match gone.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => {
            End::Failed(format!("threads of the run have not ended within {} s", PATIENCE.as_secs()))
        }
        Ok(()) | Err(RecvTimeoutError::Disconnected) => match ended {
            Ok(end) => end,
            Err(Error::Engine(error)) => End::Failed(error.to_string()),
            Err(error) => return Err(error),
        },
    };
    Ok((end, passages))
}

fn end(report: RunReport) -> End {
    match (report.outcome, report.failures.first()) {
        (Outcome::Completed, _) => End::Completed,
        (_, Some(failure)) => End::Failed(failure.error.to_string()),
        (_, None) => End::Failed("the run has stopped by itself".to_owned()),
    }
}
