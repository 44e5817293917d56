use std::time::Duration;

use etl_raft::consensus::{Clock, Consensus};
use etl_raft_state::{Command, Response};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::decide::decide;
use super::scene::Scene;

/// The longest time between two looks, so that a jump of the clock and a new schedule are noticed.
const LOOK: Duration = Duration::from_secs(1);
/// The shortest.
const REST: Duration = Duration::from_millis(20);
/// Commands of one entry.
const COMMANDS: usize = 200;

/// Fires what is due, for as long as this node leads.
pub(crate) struct Scheduler {
    consensus: Consensus,
    clock: Clock,
}

impl Scheduler {
    pub fn new(consensus: Consensus, clock: Clock) -> Self {
        Self { consensus, clock }
    }

    /// Never ends by itself.
    pub async fn run(self) {
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let now = (self.clock)();
            let scene = self.consensus.peek(|state| Scene::of(state, now));
            let commands: Vec<Command> = scene
                .due
                .iter()
                .filter_map(|due| {
                    decide(due, now, Uuid::now_v7()).unwrap_or_else(|error| {
                        tracing::error!(schedule = due.name, %error, "a schedule cannot be kept");
                        None
                    })
                })
                .collect();
            if !commands.is_empty() {
                // What was refused is not asked for again and again: every answer is an entry of the log.
                sleep(if self.propose(commands).await { REST } else { LOOK }).await;
                continue;
            }
            let until_next =
                scene.next_ms.map_or(LOOK, |next| Duration::from_millis(next.saturating_sub(now)));
            let wait = until_next.clamp(REST, LOOK);
            if scene.due.is_empty() {
                sleep(wait).await;
            } else {
                // What is due waits for a run to end.
                drop(timeout(wait, applied.changed()).await);
                sleep(REST).await;
            }
        }
    }

    /// Whether all was done.
    async fn propose(&self, commands: Vec<Command>) -> bool {
        let mut all_done = true;
        for part in commands.chunks(COMMANDS) {
            match self.consensus.write(Command::Batch(part.to_vec())).await {
                Ok(Response::Batch(answers)) => {
                    all_done &= answers.iter().all(|answer| answer.rejection().is_none());
                    part.iter().zip(&answers).for_each(|(command, answer)| tell(command, answer));
                }
                Ok(other) => {
                    all_done = false;
                    tracing::warn!(?other, "ticks were answered strangely");
                }
                // What is still due shows in the state.
                Err(error) => {
                    all_done = false;
                    tracing::warn!(%error, "schedules could not be fired");
                }
            }
        }
        all_done
    }
}

fn tell(command: &Command, answer: &Response) {
    match (command, answer) {
        // Another leader was faster, or the schedule has changed.
        (_, Response::Rejected(rejection)) => tracing::debug!(%rejection, "a tick was not fired"),
        (Command::FireSchedule(fire), Response::Fired(fired)) => {
            let tick_ms = fire.expected_next_fire_ms;
            tracing::info!(schedule = fire.name, tick_ms, ?fired, "a schedule has fired");
        }
        (Command::SkipTicks(skip), _) => {
            let (from_ms, to_ms) = (skip.expected_next_fire_ms, skip.next_fire_ms);
            tracing::warn!(schedule = skip.name, from_ms, to_ms, "missed ticks are left out");
        }
        _ => tracing::warn!(?answer, "a tick was answered strangely"),
    }
}
