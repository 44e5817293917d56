use std::sync::Arc;

use etl_raft::consensus::{Clock, Consensus};
use etl_raft::membership::{Picture, Steward};
use tokio::sync::watch;

use crate::clients::Clients;
use crate::detector::Detector;
use crate::placer::Placer;
use crate::scheduler::Scheduler;
use crate::{Roster, Settings};

/// Does what only the leader does, for as long as this node leads.
pub(crate) struct Leadership {
    pub consensus: Consensus,
    pub clients: Arc<Clients>,
    pub roster: Roster,
    pub settings: Settings,
    /// What the scheduler goes by.
    pub clock: Clock,
    /// What the steward sees; none while this node does not lead.
    pub pictures: watch::Sender<Option<Picture>>,
}

impl Leadership {
    /// Ends when consensus has stopped.
    pub async fn run(self) {
        let me = self.consensus.member().node;
        let mut changes = self.consensus.status_changes();
        loop {
            let elected =
                changes.wait_for(|status| status.leader == Some(me)).await.map(|status| status.term);
            let Ok(term) = elected else { return };
            tracing::info!(node = me, term, "this node leads");
            tokio::select! {
                () = self.duties(term) => {}
                deposed = changes.wait_for(|status| status.leader != Some(me) || status.term != term) => {
                    if deposed.is_err() {
                        return;
                    }
                    tracing::info!(node = me, term, "this node does not lead any more");
                }
            }
        }
    }

    /// All duties of one term. None ends by itself.
    async fn duties(&self, term: u64) {
        let steward = Steward::new(
            self.consensus.clone(),
            Arc::new(self.roster.clone()),
            self.settings.limits,
            self.pictures.clone(),
        );
        let detector = Detector::new(
            self.consensus.clone(),
            term,
            self.clients.clone(),
            self.roster.clone(),
            self.settings.clone(),
        );
        let placer = Placer::new(self.consensus.clone(), self.clock.clone(), self.settings.settled);
        let scheduler = Scheduler::new(self.consensus.clone(), self.clock.clone());
        tokio::join!(steward.run(), detector.run(), placer.run(), scheduler.run());
    }
}
