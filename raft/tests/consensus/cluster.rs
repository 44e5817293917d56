//! Nodes and how tests drive them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft::consensus::{Consensus, Settings, Status};
use etl_raft::network::{Member, server};
use etl_raft::store::{DataDir, Storage};
use etl_raft::{Error, NodeId};
use etl_raft_state::command::{RecordAudit, RegisterNode};
use etl_raft_state::{FEATURE_LEVEL, Response, State};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::network::Network;

/// Longer than anything takes on a machine that works.
const PATIENCE: Duration = Duration::from_secs(20);

pub const CLUSTER: Uuid = Uuid::from_u128(0xc1);

/// A node that runs.
pub struct Node {
    pub consensus: Consensus,
    member: Member,
    dir: TempDir,
    serving: JoinHandle<()>,
    end: CancellationToken,
}

/// What is left of a node that was stopped.
pub struct Stopped {
    pub member: Member,
    pub dir: TempDir,
}

pub struct Cluster {
    pub nodes: BTreeMap<NodeId, Node>,
    pub network: Network,
    pub settings: Settings,
}

/// An address that nobody uses, and that stays free for whoever listens there next.
pub async fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

impl Node {
    /// Starts on a directory that may have been used before.
    pub async fn start(settings: &Settings, network: &Network, member: Member, dir: TempDir) -> Self {
        let data = open(&dir).await;
        assert_eq!(data.store(), member.store);
        let storage = Storage::open(&data).unwrap();
        let dialer = network.dialer(&member.address);
        let consensus = Consensus::start(settings.clone(), member.clone(), storage, dialer).await.unwrap();
        let end = CancellationToken::new();
        let serving = serve(&consensus, &member.address, end.clone());
        Self { consensus, member, dir, serving, end }
    }

    pub fn id(&self) -> NodeId {
        self.member.node
    }

    pub fn address(&self) -> &str {
        &self.member.address
    }

    /// Takes the node away without a word to the others.
    pub async fn stop(self) -> Stopped {
        self.end.cancel();
        self.consensus.shutdown().await;
        self.serving.await.unwrap();
        Stopped { member: self.member, dir: self.dir }
    }

    /// Waits until the node's own view fits.
    pub async fn until(&self, what: &str, fits: impl Fn(&Status) -> bool) -> Status {
        let mut changes = self.consensus.status_changes();
        let fitting = async {
            loop {
                let status = self.consensus.status();
                if fits(&status) {
                    return status;
                }
                tokio::select! {
                    changed = changes.changed() => changed.expect("consensus has stopped"),
                    () = tokio::time::sleep(Duration::from_millis(50)) => {}
                }
            }
        };
        let Ok(status) = tokio::time::timeout(PATIENCE, fitting).await else {
            panic!("node {} waits in vain: {what}; {:?}", self.id(), self.consensus.status())
        };
        status
    }

    /// Waits until the node has applied an entry.
    pub async fn until_applied(&self, index: u64) {
        let mut applied = self.consensus.applied();
        let reached = applied.wait_for(|applied| applied.is_some_and(|id| id.index >= index));
        tokio::time::timeout(PATIENCE, reached).await.expect("applied in time").unwrap();
    }

    pub async fn note(&self, detail: impl Into<String>) -> Result<Response, Error> {
        self.consensus.write(note(detail)).await
    }
}

/// A write that acts each time it is applied.
pub fn note(detail: impl Into<String>) -> RecordAudit {
    RecordAudit { actor: "test".into(), action: "note".into(), subject: String::new(), detail: detail.into() }
}

/// The details of all notes, oldest first.
pub fn notes(state: &State) -> Vec<String> {
    let mut notes: Vec<String> =
        state.audit().newest_first().map(|(_, event)| event.detail.clone()).collect();
    notes.reverse();
    notes
}

/// The last user of the directory may still be letting go.
async fn open(dir: &TempDir) -> DataDir {
    let opening = async {
        loop {
            match DataDir::open(dir.path()) {
                Err(Error::InUse { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
                opened => return opened.unwrap(),
            }
        }
    };
    tokio::time::timeout(PATIENCE, opening).await.expect("the directory is let go")
}

fn serve(consensus: &Consensus, address: &str, end: CancellationToken) -> JoinHandle<()> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    let listener = socket.listen(128).unwrap();
    let connections = futures::stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await;
        let connection =
            accepted.and_then(|(connection, _)| connection.set_nodelay(true).map(|()| connection));
        Some((connection, listener))
    });
    let serving = server()
        .add_service(consensus.service())
        .serve_with_incoming_shutdown(connections, end.cancelled_owned());
    tokio::spawn(async move { serving.await.unwrap() })
}

pub fn quick_settings() -> Settings {
    Settings { write_deadline: Duration::from_secs(20), ..Settings::default() }
}

impl Cluster {
    /// One node, the founder.
    pub async fn found(settings: Settings) -> Self {
        let network = Network::default();
        let dir = TempDir::new().unwrap();
        let store = DataDir::open(dir.path()).unwrap().store();
        let address = free_address().await;
        let member = Member { cluster: CLUSTER, node: 1, store, incarnation: 1, address };
        let node = Node::start(&settings, &network, member, dir).await;
        node.consensus.found().await.unwrap();
        let mut cluster = Self { nodes: BTreeMap::from([(1, node)]), network, settings };
        let registered = cluster.nodes[&1].consensus.write(cluster.registration(1, true)).await.unwrap();
        assert_eq!(registered, Response::Registered { node: 1 });
        cluster.nodes.get_mut(&1).unwrap();
        cluster
    }

    /// So many voters.
    pub async fn of(count: usize, settings: Settings) -> Self {
        let mut cluster = Self::found(settings).await;
        for _ in 1..count {
            cluster.add_learner().await;
        }
        cluster.make_all_voters().await;
        cluster
    }

    pub async fn three() -> Self {
        Self::of(3, quick_settings()).await
    }

    fn registration(&self, node: NodeId, founder: bool) -> RegisterNode {
        let member = &self.nodes[&node].member;
        registration(member.store, &member.address, founder)
    }

    /// Admits a node, starts it and adds it as a learner.
    pub async fn add_learner(&mut self) -> NodeId {
        let (member, dir) = self.admit().await;
        self.start_learner(member, dir).await
    }

    /// Has an id given to a new node.
    pub async fn admit(&mut self) -> (Member, TempDir) {
        let dir = TempDir::new().unwrap();
        let store = DataDir::open(dir.path()).unwrap().store();
        let address = free_address().await;
        let command = registration(store, &address, false);
        let response = self.leader().await.consensus.write(command).await.unwrap();
        let Response::Registered { node } = response else { panic!("{response:?}") };
        (Member { cluster: CLUSTER, node, store, incarnation: 1, address }, dir)
    }

    pub async fn start_learner(&mut self, member: Member, dir: TempDir) -> NodeId {
        let (node, peer) = (member.node, member.peer());
        self.nodes.insert(node, Node::start(&self.settings, &self.network, member, dir).await);
        self.leader().await.consensus.add_learner(node, peer).await.unwrap();
        node
    }

    pub async fn make_all_voters(&self) {
        let all: BTreeSet<NodeId> = self.nodes.keys().copied().collect();
        self.leader().await.consensus.set_voters(all).await.unwrap();
        self.until_all_agree().await;
    }

    /// The node that all running nodes hold for the leader.
    pub async fn leader(&self) -> &Node {
        let leading = async {
            loop {
                let believed: BTreeSet<Option<NodeId>> =
                    self.nodes.values().map(|node| node.consensus.status().leader).collect();
                // Nodes that were only just started know nobody.
                let known: Vec<NodeId> = believed.into_iter().flatten().collect();
                if let [leader] = known[..]
                    && let Some(node) = self.nodes.get(&leader)
                    && node.consensus.status().matched.is_some()
                {
                    return node;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let Ok(leader) = tokio::time::timeout(PATIENCE, leading).await else {
            let all: Vec<Status> = self.nodes.values().map(|node| node.consensus.status()).collect();
            panic!("no leader: {all:#?}")
        };
        leader
    }

    pub async fn leader_id(&self) -> NodeId {
        self.leader().await.id()
    }

    pub async fn follower(&self) -> &Node {
        let leader = self.leader_id().await;
        self.nodes.values().find(|node| node.id() != leader).expect("a follower")
    }

    pub async fn followers(&self) -> Vec<&Node> {
        let leader = self.leader_id().await;
        self.nodes.values().filter(|node| node.id() != leader).collect()
    }

    /// Waits until all running nodes have applied the same entries and know the same members and leader, whoever that is
    /// by then.
    pub async fn until_all_agree(&self) {
        let agreeing = async {
            let last = self.leader().await.consensus.status().last_index.unwrap();
            loop {
                let reference = self.leader().await.consensus.status();
                let agrees = |status: Status| {
                    status.applied >= Some(last)
                        && status.voters == reference.voters
                        && status.leader == reference.leader
                };
                if self.nodes.values().all(|node| agrees(node.consensus.status())) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, agreeing).await.is_err() {
            let all: Vec<Status> = self.nodes.values().map(|node| node.consensus.status()).collect();
            panic!("they do not agree: {all:#?}")
        }
    }

    pub async fn stop(&mut self, node: NodeId) -> Stopped {
        self.nodes.remove(&node).unwrap().stop().await
    }

    /// Starts a node again in a new process, as it were.
    pub async fn restart(&mut self, stopped: Stopped) {
        let Stopped { mut member, dir } = stopped;
        member.incarnation += 1;
        let id = member.node;
        self.nodes.insert(id, Node::start(&self.settings, &self.network, member, dir).await);
    }

    /// Every note, as a linearizable read on each node sees them; all must see the same.
    pub async fn notes_everywhere(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for node in self.nodes.values() {
            seen.push(node.consensus.read(notes).await.unwrap());
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }

    pub async fn stop_all(self) -> Vec<Stopped> {
        let mut stopped = Vec::new();
        for node in self.nodes.into_values() {
            stopped.push(node.stop().await);
        }
        stopped
    }

    pub fn separate(&self, a: NodeId, b: NodeId) {
        self.network.separate(self.nodes[&a].address(), self.nodes[&b].address());
    }

    /// Cuts one node off from all others.
    pub fn isolate(&self, node: NodeId) {
        for other in self.nodes.keys().filter(|other| **other != node) {
            self.separate(node, *other);
        }
    }
}

pub fn registration(store: Uuid, address: &str, founder: bool) -> RegisterNode {
    RegisterNode {
        store,
        raft_address: address.to_owned(),
        admin_address: String::new(),
        software_version: "0.1.0".into(),
        feature_level: FEATURE_LEVEL,
        zone: String::new(),
        founder,
    }
}
