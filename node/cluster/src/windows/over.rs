use etl_raft::consensus::Consensus;
use etl_raft_state::parts::{Halt, RunPhase};
use uuid::Uuid;

/// Where a run stands, as this node knows it.
enum Standing {
    Unknown,
    GoesOn,
    /// Nothing of it happens any more unless somebody mends it.
    Over,
}

fn standing(consensus: &Consensus, run: Uuid) -> Standing {
    consensus.peek(|state| match state.runs().get(run).map(|run| &run.phase) {
        None => Standing::Unknown,
        Some(RunPhase::Finished(_) | RunPhase::Halted(Halt::Failed { .. })) => Standing::Over,
        Some(RunPhase::Queued | RunPhase::Running | RunPhase::Halted(Halt::Paused)) => Standing::GoesOn,
    })
}

/// Whether nothing more happens in a run that this node knows or has known.
pub(super) fn is_over(consensus: &Consensus, run: Uuid) -> bool {
    !matches!(standing(consensus, run), Standing::GoesOn)
}

/// The same for a run of which this node has perhaps not heard yet.
#[derive(Default)]
pub(super) struct Watched {
    was_known: bool,
}

impl Watched {
    pub fn is_over(&mut self, consensus: &Consensus, run: Uuid) -> bool {
        match standing(consensus, run) {
            Standing::Unknown => self.was_known,
            Standing::GoesOn => {
                self.was_known = true;
                false
            }
            Standing::Over => true,
        }
    }
}
