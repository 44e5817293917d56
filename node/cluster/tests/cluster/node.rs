use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use etl_cluster::{
    Candidate, Duties, Error, Health, Local, Probe, Settings, Software, Work, WorkParts, Workshop, join,
};
use etl_engine::Taps;
use etl_raft::NodeId;
use etl_raft::consensus::{self, Clock, Consensus, wall_clock};
use etl_raft::network::{Dialer, Member, server};
use etl_raft::store::{DataDir, Identity, SharedState, Storage};
use etl_raft_state::command::{AdoptCluster, RegisterNode};
use etl_raft_state::{Command, FEATURE_LEVEL, Node as Row, NodeState};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Router, TcpIncoming};
use uuid::Uuid;

use crate::tcp::Network;

/// Longer than anything takes on a machine that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// Like in earnest, but nobody has to be watched for long.
pub fn quick() -> Settings {
    let mut settings = Settings { heartbeat: Duration::from_millis(100), ..Settings::default() };
    settings.settled = Duration::from_millis(500);
    settings.limits.stabilisation = Duration::from_millis(500);
    settings.limits.replace_after = Duration::from_secs(1);
    settings
}

/// Where a node lives, also while it does not run.
pub struct Place {
    root: TempDir,
    pub network: Arc<Network>,
    pub raft_address: String,
    pub admin_address: String,
    pub version: String,
    pub settings: Settings,
    /// What it works with on partitions; `None` for a node that does not.
    pub workshop: Option<Arc<dyn Workshop>>,
    /// What its schedules go by.
    pub clock: Clock,
}

/// A node that runs.
pub struct Node {
    pub place: Place,
    pub consensus: Consensus,
    pub duties: Duties,
    work: Option<Work>,
    end: CancellationToken,
    serving: Vec<JoinHandle<()>>,
}

struct Store(SharedState);

impl Probe for Store {
    fn look(&self) -> Health {
        let sizes = self.0.sizes();
        Health {
            disk_free_bytes: 80 << 30,
            disk_total_bytes: 100 << 30,
            log_bytes: sizes.log_bytes,
            state_bytes: sizes.state_bytes,
            ..Health::default()
        }
    }
}

impl Place {
    pub async fn new(settings: Settings) -> Self {
        Self::on(&Arc::default(), settings).await
    }

    pub async fn on(network: &Arc<Network>, settings: Settings) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (raft_address, admin_address) = (free_address().await, free_address().await);
        let (network, version) = (network.clone(), "1.0.0".to_owned());
        let (workshop, clock) = (None, wall_clock());
        Self { root, network, raft_address, admin_address, version, settings, workshop, clock }
    }

    fn dialer(&self) -> Arc<dyn Dialer> {
        self.network.dialer(&self.addresses())
    }

    pub fn addresses(&self) -> [&str; 2] {
        [&self.raft_address, &self.admin_address]
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// The disk is lost.
    pub fn wipe(&self) {
        std::fs::remove_dir_all(self.dir()).unwrap();
    }

    /// The next start listens elsewhere.
    pub async fn relocate(&mut self) {
        (self.raft_address, self.admin_address) = (free_address().await, free_address().await);
    }

    pub fn candidate(&self, store: Uuid) -> Candidate {
        Candidate {
            store,
            raft_address: self.raft_address.clone(),
            admin_address: self.admin_address.clone(),
            software: self.software(),
            zone: String::new(),
        }
    }

    fn software(&self) -> Software {
        Software { version: self.version.clone(), feature_level: FEATURE_LEVEL }
    }

    /// The first node of a new cluster.
    pub async fn found(self) -> Node {
        let dir = open(&self.dir()).await;
        let identity = Identity { cluster: Uuid::new_v4(), node: 1, store: dir.store() };
        dir.write_identity(&identity).unwrap();
        let node = self.run(dir, identity).await;
        node.consensus.found().await.unwrap();
        let registration = RegisterNode {
            store: identity.store,
            raft_address: node.place.raft_address.clone(),
            admin_address: node.place.admin_address.clone(),
            software_version: node.place.version.clone(),
            feature_level: FEATURE_LEVEL,
            zone: String::new(),
            founder: true,
        };
        node.write(registration).await;
        node.write(AdoptCluster { cluster: identity.cluster, raise_epochs_by: 0 }).await;
        node
    }

    /// A node with an identity takes part again; one without asks for one.
    pub async fn start(self, members: &[&Node]) -> Node {
        let addresses: Vec<String> = members.iter().map(|node| node.place.admin_address.clone()).collect();
        let dir = open(&self.dir()).await;
        let identity = match dir.identity().unwrap() {
            Some(identity) => identity,
            None => {
                let candidate = self.candidate(dir.store());
                let admitted = join(&self.dialer(), &addresses, &candidate, PATIENCE).await.unwrap();
                let identity =
                    Identity { cluster: admitted.cluster, node: admitted.node, store: dir.store() };
                dir.write_identity(&identity).unwrap();
                identity
            }
        };
        self.run(dir, identity).await
    }

    /// What a node without identity is told when it asks.
    pub async fn try_to_join(&self, members: &[&Node], patience: Duration) -> Result<NodeId, Error> {
        let addresses: Vec<String> = members.iter().map(|node| node.place.admin_address.clone()).collect();
        let store = open(&self.dir()).await.store();
        join(&self.dialer(), &addresses, &self.candidate(store), patience).await.map(|admitted| admitted.node)
    }

    async fn run(self, dir: DataDir, identity: Identity) -> Node {
        let storage = Storage::open(&dir).unwrap();
        let probe = Arc::new(Store(storage.state.clone()));
        let member = Member {
            cluster: identity.cluster,
            node: identity.node,
            store: identity.store,
            incarnation: fastrand::u64(..),
            address: self.raft_address.clone(),
        };
        let settings = consensus::Settings::default();
        let consensus = Consensus::start(settings, member, storage, self.dialer()).await.unwrap();
        let taps = Arc::new(Taps::new(|_, _| serde_json::Value::Null));
        let local = Local {
            admin_address: self.admin_address.clone(),
            software: self.software(),
            zone: String::new(),
            taps: Arc::clone(&taps),
            logs: Default::default(),
        };
        let (settings, clock) = (self.settings.clone(), self.clock.clone());
        let duties =
            Duties::start_with_clock(consensus.clone(), self.dialer(), local, probe, settings, clock);
        let work = self.workshop.clone().map(|workshop| {
            let parts = WorkParts {
                consensus: consensus.clone(),
                workshop,
                dialer: self.dialer(),
                answered: duties.answered(),
                lease: self.settings.down_after,
                threads: NonZeroUsize::MIN,
                taps: Arc::clone(&taps),
                desk: duties.desk(),
            };
            Work::start(parts).unwrap()
        });
        let end = CancellationToken::new();
        let mut raft = server().add_service(consensus.service());
        if let Some(work) = &work {
            raft = raft.add_service(work.relay().clone().into_server());
        }
        let admin = server().add_service(duties.service());
        let serving = vec![
            serve(raft, &self.raft_address, end.clone()).await,
            serve(admin, &self.admin_address, end.clone()).await,
        ];
        Node { place: self, consensus, duties, work, end, serving }
    }
}

impl Node {
    pub fn id(&self) -> NodeId {
        self.consensus.member().node
    }

    /// Takes the node away without a word to the others.
    pub async fn stop(self) -> Place {
        self.end.cancel();
        if let Some(work) = self.work {
            work.shutdown(Duration::from_secs(1)).await;
        }
        self.duties.shutdown().await;
        self.consensus.shutdown().await;
        for serving in self.serving {
            serving.await.unwrap();
        }
        self.place
    }

    pub async fn write(&self, command: impl Into<Command>) {
        self.consensus.write(command).await.unwrap().into_result().unwrap();
    }

    /// What this node knows of a node.
    pub fn row(&self, id: NodeId) -> Option<Row> {
        self.consensus.peek(|state| state.nodes().get(id).cloned())
    }

    pub fn state(&self, id: NodeId) -> Option<NodeState> {
        self.row(id).map(|row| row.state)
    }

    pub fn voters(&self) -> BTreeSet<NodeId> {
        self.consensus.status().voters
    }

    /// Waits until this node sees these voters, and no change under way.
    pub async fn until_voters(&self, voters: &[&Node]) {
        let voters: BTreeSet<NodeId> = voters.iter().map(|node| node.id()).collect();
        self.until("voters", || {
            let status = self.consensus.status();
            !status.is_joint && status.voters == voters
        })
        .await;
    }

    /// Waits until this node sees another in a state.
    pub async fn until_state(&self, id: NodeId, wanted: NodeState) {
        self.until(&format!("node {id} {wanted}"), || self.state(id) == Some(wanted)).await;
    }

    pub async fn until(&self, what: &str, fits: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !fits() {
            assert!(
                Instant::now() < until,
                "node {} waits in vain: {what}\n{:?}\n{:#?}\n{:#?}",
                self.id(),
                self.consensus.status(),
                self.duties.overview(),
                self.duties.picture(),
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The one of them that leads, once all of them agree on that.
pub async fn leader<'a>(nodes: &[&'a Node]) -> &'a Node {
    let until = Instant::now() + PATIENCE;
    loop {
        let leaders: BTreeSet<Option<NodeId>> =
            nodes.iter().map(|node| node.consensus.status().leader).collect();
        let leader = leaders.first().copied().flatten().filter(|_| leaders.len() == 1);
        if let Some(leader) = nodes.iter().find(|node| Some(node.id()) == leader) {
            return leader;
        }
        assert!(Instant::now() < until, "nobody leads: {leaders:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Three nodes that vote and are up; the first has founded the cluster and leads.
pub async fn three(settings: &Settings) -> [Node; 3] {
    three_with(settings, |_| None).await
}

/// The same with something to work with on partitions.
pub async fn three_with(
    settings: &Settings,
    workshop: impl Fn(usize) -> Option<Arc<dyn Workshop>>,
) -> [Node; 3] {
    let network = Arc::default();
    let place = async |number| {
        let place = Place::on(&network, settings.clone()).await;
        Place { workshop: workshop(number), ..place }
    };
    let first = place(0).await.found().await;
    let second = place(1).await.start(&[&first]).await;
    let third = place(2).await.start(&[&first]).await;
    let all = [&first, &second, &third];
    for node in all {
        node.until_voters(&all).await;
        for other in all {
            node.until_state(other.id(), NodeState::Up).await;
        }
    }
    assert_eq!(leader(&all).await.id(), first.id());
    [first, second, third]
}

/// An address that nobody uses, and that stays free for whoever listens there next: a loopback address of its own, so that
/// no connection of another test takes the port meanwhile.
pub async fn free_address() -> String {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number = std::process::id().wrapping_mul(251).wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst));
    let host = Ipv4Addr::from((127 << 24) | (2 + number % 0x00ff_fff0));
    TcpListener::bind((host, 0)).await.unwrap().local_addr().unwrap().to_string()
}

/// The last user of the directory may still be letting go.
async fn open(path: &Path) -> DataDir {
    let until = Instant::now() + PATIENCE;
    loop {
        match DataDir::open(path) {
            Err(etl_raft::Error::InUse { .. }) if Instant::now() < until => {
                sleep(Duration::from_millis(10)).await;
            }
            opened => return opened.unwrap(),
        }
    }
}

async fn serve(router: Router, address: &str, end: CancellationToken) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.unwrap();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(async move {
        router.serve_with_incoming_shutdown(incoming, end.cancelled_owned()).await.unwrap();
    })
}
