//! The machines of a simulation and what stays of them over crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use etl_raft::consensus::{Clock, Consensus, Settings, Status};
use etl_raft::network::Member;
use etl_raft::{LogId, NodeId, Peer};
use etl_raft_state::command::RegisterNode;
use etl_raft_state::{Envelope, FEATURE_LEVEL, Response, State};
use fastrand::Rng;
use openraft::{CommittedLeaderId, Membership, StoredMembership, Vote};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::damage::Damage;
use crate::disk::{Disk, Kept, Shelved};
use crate::machine::{encode, meta};
use crate::network::address;
use crate::orders::Order;
use crate::weather::Weather;
use crate::witness::Witness;

const CLUSTER: Uuid = Uuid::from_u128(0xc1);

/// When simulations begin, in milliseconds since 1970.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// One machine.
pub struct Place {
    pub member: Member,
    pub settings: Settings,
    pub damage: Option<Damage>,
    pub weather: Arc<Weather>,
    pub witness: Arc<Witness>,
    disk: Mutex<Disk>,
    starts: AtomicU64,
    process: Mutex<Option<Process>>,
}

/// What is reached of a process that runs.
#[derive(Clone)]
pub struct Process {
    pub consensus: Consensus,
    pub orders: mpsc::UnboundedSender<Order>,
}

impl Place {
    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// Who a process is that starts here now.
    pub fn next_process(&self) -> Member {
        let start = self.starts.fetch_add(1, Ordering::Relaxed) + 1;
        Member { incarnation: self.member.incarnation ^ (start << 48), ..self.member.clone() }
    }

    pub fn started(&self, process: Process) {
        *self.process.lock().unwrap() = Some(process);
    }

    pub fn ended(&self) {
        let process = self.process.lock().unwrap().take();
        drop(process);
    }

    pub fn process(&self) -> Option<Process> {
        self.process.lock().unwrap().clone()
    }

    pub fn status(&self) -> Option<Status> {
        self.process.lock().unwrap().as_ref().map(|process| process.consensus.status())
    }

    pub fn clock(self: &Arc<Self>) -> Clock {
        let place = self.clone();
        Arc::new(move || {
            let right = EPOCH_MS + turmoil::sim_elapsed().unwrap_or_default().as_millis() as u64;
            right.saturating_add_signed(place.weather.clock_read(place.member.node))
        })
    }
}

/// All machines. Node ids are 1, 2, 3...
pub struct Site {
    pub places: BTreeMap<NodeId, Arc<Place>>,
    pub weather: Arc<Weather>,
    pub witness: Arc<Witness>,
}

impl Site {
    /// Nodes that have all just installed the same state, in which all are registered and the first `voters` have a vote. Those
    /// after them are no members yet.
    pub fn new(nodes: u64, voters: u64, damage: Option<Damage>, random: &mut Rng) -> Self {
        let (weather, witness) = (Arc::new(Weather::default()), Arc::new(Witness::default()));
        let member = |node: NodeId, incarnation: u64| Member {
            cluster: CLUSTER,
            node,
            store: Uuid::from_u128(0x500 + u128::from(node)),
            incarnation,
            address: address(node),
        };
        let kept = founded(nodes, voters, |node| member(node, 0).peer());
        let shelved = Shelved { meta: meta(&kept), bytes: encode(&kept.state) };
        let places = (1..=nodes).map(|node| {
            let disk = Disk::installed(kept.clone(), shelved.clone(), Vote::new(1, 1), random.fork());
            let place = Place {
                member: member(node, random.u64(..)),
                settings: settings(),
                damage,
                weather: weather.clone(),
                witness: witness.clone(),
                disk: Mutex::new(disk),
                starts: AtomicU64::new(0),
                process: Mutex::default(),
            };
            (node, Arc::new(place))
        });
        Self { places: places.collect(), weather, witness }
    }

    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.places.keys().copied().collect()
    }

    pub fn running(&self) -> Vec<NodeId> {
        let running = self.places.iter().filter(|(_, place)| place.process.lock().unwrap().is_some());
        running.map(|(node, _)| *node).collect()
    }

    /// How the one that leads in the latest term sees things.
    pub fn leader(&self) -> Option<(NodeId, Status)> {
        let leads = |(node, place): (&NodeId, &Arc<Place>)| {
            let status = place.status().filter(|status| status.matched.is_some())?;
            Some((*node, status))
        };
        self.places.iter().filter_map(leads).max_by_key(|(_, status)| status.term)
    }
}

/// Like those of the product, but snapshots are made and needed often, and nobody tries for long.
fn settings() -> Settings {
    Settings {
        snapshot_after_entries: 12,
        keep_entries: 4,
        write_deadline: Duration::from_secs(2),
        read_deadline: Duration::from_secs(2),
        change_deadline: Duration::from_secs(2),
        ..Settings::default()
    }
}

fn founded(nodes: u64, voters: u64, peer: impl Fn(NodeId) -> Peer) -> Kept {
    let mut state = State::default();
    for node in 1..=nodes {
        let command = RegisterNode {
            store: peer(node).store,
            raft_address: address(node),
            admin_address: String::new(),
            software_version: "0.1.0".into(),
            feature_level: FEATURE_LEVEL,
            zone: String::new(),
            founder: node == 1,
        };
        let envelope = Envelope { time_ms: EPOCH_MS, session: None, command: command.into() };
        assert_eq!(state.apply(node, &envelope), Response::Registered { node });
    }
    state.take_changes();
    let last = LogId::new(CommittedLeaderId::new(1, 1), nodes + 1);
    let peers: BTreeMap<NodeId, Peer> = (1..=voters).map(|node| (node, peer(node))).collect();
    let membership = Membership::new(vec![(1..=voters).collect()], peers);
    Kept { state, applied: Some(last), membership: StoredMembership::new(Some(last), membership) }
}
