use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use etl_engine::{Desk, TapOrder, Taps};
use etl_proto::cluster::cluster_server::ClusterServer;
use etl_raft::NodeId;
use etl_raft::consensus::{Clock, Consensus, wall_clock};
use etl_raft::membership::{Obstacle, Picture, removal};
use etl_raft::network::Dialer;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::announcement::Announcement;
use crate::candidate::{Candidate, Software};
use crate::clients::Clients;
use crate::heartbeats::Heartbeats;
use crate::leadership::Leadership;
use crate::limits::{Keeper, LeaderGrants};
use crate::windows::{
    CountLetters, LogLevel, LogNews, LogOrder, RunLogs, RunSight, TapNews, look_elsewhere, look_here,
    watch_log, watch_tap,
};
use crate::{ClusterService, Health, Heard, Overview, Probe, Problem, Roster, Settings, problems};

/// After a duty has ended by a defect, before it begins again.
const PAUSE: Duration = Duration::from_secs(1);

/// What a node knows of itself beside what consensus knows.
#[derive(Debug, Clone)]
pub struct Local {
    /// HOST:PORT at which other members and tools reach its admin listener.
    pub admin_address: String,
    pub software: Software,
    /// Where it stands, for placement; empty when not told.
    pub zone: String,
    /// Where the records of its chains can be watched.
    pub taps: Arc<Taps>,
    /// What it logs about runs.
    pub logs: RunLogs,
}

/// Everything this node does in the cluster beside Raft. Clones are the same; it runs until
/// [`shutdown`](Self::shutdown), or until the last clone is dropped.
#[derive(Clone)]
pub struct Duties {
    inner: Arc<Inner>,
}

struct Inner {
    consensus: Consensus,
    clients: Arc<Clients>,
    roster: Roster,
    software: Software,
    taps: Arc<Taps>,
    logs: RunLogs,
    keeper: Keeper,
    desk: Desk,
    letters: Arc<OnceLock<Arc<CountLetters>>>,
    pictures: watch::Receiver<Option<Picture>>,
    removed: watch::Receiver<bool>,
    answered: watch::Receiver<Instant>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

impl Duties {
    /// Takes up the duties of a member. The admin listener must serve [`service`](Self::service). Needs to be
    /// called within a Tokio runtime.
    pub fn start(
        consensus: Consensus,
        dialer: Arc<dyn Dialer>,
        local: Local,
        probe: Arc<dyn Probe>,
        settings: Settings,
    ) -> Self {
        Self::start_with_clock(consensus, dialer, local, probe, settings, wall_clock())
    }

    /// The same with another clock for schedules. The state fires a tick only when the clock with which the leader stamps
    /// its commands has reached it, too.
    pub fn start_with_clock(
        consensus: Consensus,
        dialer: Arc<dyn Dialer>,
        local: Local,
        probe: Arc<dyn Probe>,
        settings: Settings,
        clock: Clock,
    ) -> Self {
        let clients = Arc::new(Clients::new(dialer));
        let roster = Roster::default();
        let (pictures, pictures_seen) = watch::channel(None);
        let (health, health_seen) = watch::channel(Health::default());
        let (removed, removed_seen) = watch::channel(false);
        let (answered, answered_seen) = watch::channel(Instant::now());
        let me = consensus.member();
        let candidate = Candidate {
            store: me.store,
            raft_address: me.address.clone(),
            admin_address: local.admin_address,
            software: local.software.clone(),
            zone: local.zone,
        };
        let keeper = Keeper::new(consensus.clone());
        let grants =
            LeaderGrants { consensus: consensus.clone(), clients: clients.clone(), keeper: keeper.clone() };
        let desk = Desk::new(Arc::new(grants));
        let runner = Runner { tasks: TaskTracker::new(), ending: CancellationToken::new() };
        runner.run("the probe", {
            let (consensus, clients, every) = (consensus.clone(), clients.clone(), settings.probe);
            move || look(probe.clone(), health.clone(), consensus.clone(), clients.clone(), every)
        });
        runner.run("the heartbeat", {
            let (consensus, clients, roster) = (consensus.clone(), clients.clone(), roster.clone());
            let (software, every, desk) = (local.software.clone(), settings.heartbeat, desk.clone());
            move || {
                Heartbeats {
                    consensus: consensus.clone(),
                    clients: clients.clone(),
                    roster: roster.clone(),
                    software: software.clone(),
                    health: health_seen.clone(),
                    desk: desk.clone(),
                    every,
                    answered: answered.clone(),
                    removed: removed.clone(),
                }
                .run()
            }
        });
        runner.run("the announcement", {
            let (consensus, clients) = (consensus.clone(), clients.clone());
            move || {
                let (consensus, clients) = (consensus.clone(), clients.clone());
                Announcement { consensus, clients, candidate: candidate.clone() }.run()
            }
        });
        runner.run("leadership", {
            let (consensus, clients, roster) = (consensus.clone(), clients.clone(), roster.clone());
            move || {
                Leadership {
                    consensus: consensus.clone(),
                    clients: clients.clone(),
                    roster: roster.clone(),
                    settings: settings.clone(),
                    clock: clock.clone(),
                    pictures: pictures.clone(),
                }
                .run()
            }
        });
        let Runner { tasks, ending } = runner;
        let inner = Inner {
            keeper,
            desk,
            letters: Arc::default(),
            consensus,
            clients,
            roster,
            software: local.software,
            taps: local.taps,
            logs: local.logs,
            pictures: pictures_seen,
            removed: removed_seen,
            answered: answered_seen,
            tasks,
            ending,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the admin listener serves to other nodes.
    pub fn service(&self) -> ClusterServer<ClusterService> {
        let inner = &*self.inner;
        let service = ClusterService::new(
            inner.consensus.clone(),
            inner.roster.clone(),
            inner.clients.clone(),
            inner.software.clone(),
            Arc::clone(&inner.taps),
            inner.logs.clone(),
            inner.keeper.clone(),
            inner.desk.clone(),
            Arc::clone(&inner.letters),
        );
        service.into_server()
    }

    /// Where the limits of this node's work are kept, leased from the leader.
    pub fn desk(&self) -> Desk {
        self.inner.desk.clone()
    }

    /// Has this node tell how many records of a run were set aside here. The first way counts.
    pub fn count_letters_by(&self, count: Arc<CountLetters>) {
        // A second one is a mistake that harms nobody.
        let _ = self.inner.letters.set(count);
    }

    /// What the nodes that are there have of a run beside what the cluster has agreed on. Those that do not answer in time are
    /// missing.
    pub async fn look_at_run(&self, run: Uuid) -> BTreeMap<NodeId, RunSight> {
        let Inner { consensus, clients, desk, letters, .. } = &*self.inner;
        let here = look_here(consensus, desk, letters.get().cloned(), run);
        let (here, mut all) = tokio::join!(here, look_elsewhere(consensus, clients, run));
        all.insert(consensus.member().node, here);
        all
    }

    /// What nodes have told this one while it led, and when. Of others only the leader hears.
    pub fn roster(&self) -> BTreeMap<NodeId, Heard> {
        self.inner.roster.all()
    }

    /// What the steward of the cluster sees; none when this node does not lead, or has only begun to.
    pub fn picture(&self) -> Option<Picture> {
        self.inner.pictures.borrow().clone()
    }

    /// The cluster as this node sees it.
    pub fn overview(&self) -> Overview {
        Overview::gather(&self.inner.consensus, &self.inner.roster)
    }

    /// What is wrong in the cluster, as far as this node knows.
    pub fn problems(&self) -> Vec<Problem> {
        problems(&self.overview())
    }

    /// Whether the cluster could do without a node. Only the leader can tell; within its first moments it may
    /// refuse because it has not heard of the others yet.
    ///
    /// # Errors
    /// Why not.
    pub fn may_be_removed(&self, node: NodeId) -> Result<(), Obstacle> {
        match &*self.inner.pictures.borrow() {
            Some(picture) => removal(picture, node),
            None => Err(Obstacle::NotLeading),
        }
    }

    /// When the leader has last heard this node, as it has answered; the start of the duties before the first time.
    pub fn answered(&self) -> watch::Receiver<Instant> {
        self.inner.answered.clone()
    }

    /// Shows what passes a step of a run on all nodes, until the run is over, `limit` records were shown or the receiver is
    /// dropped. What is not taken in time is left out. Needs a runtime.
    pub fn tap(&self, order: TapOrder, limit: Option<u64>) -> mpsc::Receiver<TapNews> {
        let Inner { consensus, clients, taps, .. } = &*self.inner;
        watch_tap(consensus, clients.dialer(), taps, order, limit)
    }

    /// Tells what all nodes have logged about a run that is at least so grave, by time; with `follow` also what they log until
    /// it is over or the receiver is dropped. Needs a runtime.
    pub fn run_log(&self, run: Uuid, least: LogLevel, follow: bool) -> mpsc::Receiver<LogNews> {
        let Inner { consensus, clients, logs, .. } = &*self.inner;
        watch_log(consensus, clients.dialer(), logs, LogOrder { run, least, follow })
    }

    /// Resolves when the cluster has let go of this node: it should stop, and needs an empty data directory
    /// to join again.
    pub async fn removed(&self) {
        let mut removed = self.inner.removed.clone();
        if removed.wait_for(|removed| *removed).await.is_err() {
            std::future::pending().await
        }
    }

    /// Gives up all duties and waits until nothing runs any more. To be done before consensus is shut down.
    pub async fn shutdown(&self) {
        self.inner.ending.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

/// Runs duties until they are to end.
struct Runner {
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Runner {
    /// Runs a duty, again and again when it fails by a defect.
    fn run<F, D>(&self, name: &'static str, make: F)
    where
        F: Fn() -> D + Send + 'static,
        D: Future<Output = ()> + Send + 'static,
    {
        let ending = self.ending.clone();
        self.tasks.spawn(async move {
            loop {
                let mut duty = JoinSet::new();
                duty.spawn(make());
                let ended = tokio::select! {
                    ended = duty.join_next() => ended,
                    () = ending.cancelled() => return duty.shutdown().await,
                };
                match ended {
                    Some(Err(defect)) if defect.is_panic() => {
                        tracing::error!(name, %defect, "a duty has failed; beginning again");
                    }
                    _ => return,
                }
                if ending.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                    return;
                }
            }
        });
    }
}

/// Looks again and again how this node is, and closes connections to where nobody is any more.
async fn look(
    probe: Arc<dyn Probe>,
    health: watch::Sender<Health>,
    consensus: Consensus,
    clients: Arc<Clients>,
    every: Duration,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let probe = probe.clone();
        match tokio::task::spawn_blocking(move || probe.look()).await {
            Ok(seen) => drop(health.send_replace(seen)),
            Err(defect) => tracing::error!(%defect, "cannot look how this node is"),
        }
        let known: Vec<String> = consensus
            .peek(|state| state.nodes().members().map(|(_, node)| node.admin_address.clone()).collect());
        clients.retain(|address| known.iter().any(|known| known == address));
    }
}
