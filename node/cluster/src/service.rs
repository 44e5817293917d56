use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use etl_engine::{Desk, Taps};
use etl_proto::cluster as wire;
use etl_proto::cluster::cluster_server::{Cluster, ClusterServer};
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft_state::{Command, NodeState, Response as StateResponse};
use futures::stream::BoxStream;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::candidate::{Candidate, Software, uuid};
use crate::clients::{Clients, MESSAGE_LIMIT};
use crate::limits::{Keeper, NotLeading, request_from_wire, response_to_wire};
use crate::refusal::{REMOVED, failed, rejected};
use crate::windows::{CountLetters, RunLogs, log_order, look_here, show_log, show_tap, tap_order};
use crate::{Health, Heard, Roster};

/// How long a leader may take to admit a node: a read and two writes.
const LEADER_PATIENCE: Duration = Duration::from_secs(15);

/// What nodes say to each other beside Raft; served by the admin listener of every node.
#[derive(Clone)]
pub struct ClusterService {
    consensus: Consensus,
    roster: Roster,
    clients: Arc<Clients>,
    software: Software,
    taps: Arc<Taps>,
    logs: RunLogs,
    keeper: Keeper,
    desk: Desk,
    letters: Arc<OnceLock<Arc<CountLetters>>>,
}

impl ClusterService {
    #[allow(clippy::too_many_arguments)] // a constructor of the fields, called once
    pub(crate) fn new(
        consensus: Consensus,
        roster: Roster,
        clients: Arc<Clients>,
        software: Software,
        taps: Arc<Taps>,
        logs: RunLogs,
        keeper: Keeper,
        desk: Desk,
        letters: Arc<OnceLock<Arc<CountLetters>>>,
    ) -> Self {
        Self { consensus, roster, clients, software, taps, logs, keeper, desk, letters }
    }

    pub(crate) fn into_server(self) -> ClusterServer<Self> {
        ClusterServer::new(self)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    fn me(&self) -> NodeId {
        self.consensus.member().node
    }

    /// Passes a request on to the leader, once.
    async fn forward(
        &self,
        leader: Option<NodeId>,
        candidate: &Candidate,
    ) -> Result<wire::JoinResponse, Status> {
        let me = self.me();
        let address = leader.and_then(|leader| {
            self.consensus.peek(|state| Some(state.nodes().get(leader)?.admin_address.clone()))
        });
        let (Some(leader), Some(address)) = (leader, address) else {
            return Err(Status::unavailable(format!("node {me} knows of no leader at the moment")));
        };
        let mut client = self.clients.to(&address);
        let asked = client.join(candidate.request(true));
        match tokio::time::timeout(LEADER_PATIENCE, asked).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => {
                let message = format!("the leader, node {leader} at {address}: {}", status.message());
                Err(Status::new(status.code(), message))
            }
            Err(_) => Err(Status::unavailable(format!(
                "the leader, node {leader} at {address}, has not answered within {LEADER_PATIENCE:?}"
            ))),
        }
    }

    /// Admits a node, or tells the one that was admitted before who it is. Only on the leader.
    async fn admit(&self, candidate: &Candidate) -> Result<wire::JoinResponse, Status> {
        let taken = self.consensus.read(|state| {
            let mut others = state.nodes().members().filter(|(_, node)| node.store != candidate.store);
            others
                .find(|(_, node)| {
                    node.admin_address == candidate.admin_address
                        && matches!(node.state, NodeState::Up | NodeState::Draining)
                })
                .map(|(id, _)| id)
        });
        if let Some(node) = taken.await.map_err(|error| failed(&error))? {
            let address = &candidate.admin_address;
            return Err(Status::already_exists(format!(
                "node {node} is up at the admin address {address}; use another, or remove that node first"
            )));
        }
        let node = match self.write(candidate.registration()).await? {
            StateResponse::Registered { node } => node,
            other => return Err(Status::internal(format!("registration was answered with {other:?}"))),
        };
        let update = self.consensus.peek(|state| candidate.update(node, state.nodes().get(node)?));
        if let Some(update) = update {
            self.write(update).await?;
        }
        let address = &candidate.raft_address;
        tracing::info!(node, store = %candidate.store, address, "a node has registered");
        let cluster_id = Bytes::copy_from_slice(self.consensus.member().cluster.as_bytes());
        Ok(wire::JoinResponse { cluster_id, node })
    }

    async fn write(&self, command: impl Into<Command>) -> Result<StateResponse, Status> {
        let answered = self.consensus.write(command).await.map_err(|error| failed(&error))?;
        answered.into_result().map_err(|rejection| rejected(&rejection))
    }

    /// Whether a call comes from the node it names.
    fn check_sender(&self, cluster_id: &Bytes, node: NodeId, store: &Bytes) -> Result<(), Status> {
        let mine = self.consensus.member().cluster;
        let theirs = uuid("cluster_id", cluster_id)?;
        if theirs != mine {
            return Err(Status::failed_precondition(format!(
                "this is cluster {mine}, not {theirs}; another cluster uses the address now"
            )));
        }
        let store = uuid("store", store)?;
        let known = self.consensus.peek(|state| {
            state.nodes().get(node).map(|known| (known.store, known.state == NodeState::Removed))
        });
        match known {
            // It may be that only this node has not heard of it yet.
            None => Err(Status::unavailable(format!("node {node} is not known here"))),
            Some((known, _)) if known != store => {
                Err(Status::failed_precondition(format!("node {node} has store {known}, not {store}")))
            }
            // Until it has lost its vote the others may need it.
            Some((_, true)) if !self.consensus.status().peers.contains_key(&node) => {
                Err(Status::new(REMOVED, format!("node {node} was removed from the cluster")))
            }
            Some(_) => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn join(
        &self,
        request: Request<wire::JoinRequest>,
    ) -> Result<Response<wire::JoinResponse>, Status> {
        let request = request.into_inner();
        let was_forwarded = request.forwarded;
        let candidate = Candidate::read(request)?;
        let leader = self.consensus.status().leader;
        let answer = if leader == Some(self.me()) {
            self.admit(&candidate).await?
        } else if was_forwarded {
            return Err(Status::unavailable(format!("node {} does not lead any more", self.me())));
        } else {
            self.forward(leader, &candidate).await?
        };
        Ok(Response::new(answer))
    }

    async fn heartbeat(
        &self,
        request: Request<wire::HeartbeatRequest>,
    ) -> Result<Response<wire::HeartbeatResponse>, Status> {
        let beat = request.into_inner();
        self.check_sender(&beat.cluster_id, beat.node, &beat.store)?;
        let status = self.consensus.status();
        if status.leader == Some(self.me()) {
            let heard = Heard {
                since: Instant::now(),
                incarnation: beat.incarnation,
                software: Software { version: beat.software_version, feature_level: beat.feature_level },
                health: beat.health.map(Health::from).unwrap_or_default(),
            };
            self.roster.note(beat.node, heard);
        }
        let leader = status.leader.unwrap_or_default();
        Ok(Response::new(wire::HeartbeatResponse { leader, term: status.term }))
    }

    async fn who_are_you(
        &self,
        _request: Request<wire::WhoAreYouRequest>,
    ) -> Result<Response<wire::WhoAreYouResponse>, Status> {
        let me = self.consensus.member();
        Ok(Response::new(wire::WhoAreYouResponse {
            cluster_id: Bytes::copy_from_slice(me.cluster.as_bytes()),
            node: me.node,
            store: Bytes::copy_from_slice(me.store.as_bytes()),
            incarnation: me.incarnation,
            software_version: self.software.version.clone(),
            feature_level: self.software.feature_level,
        }))
    }

    type TapStream = BoxStream<'static, Result<wire::TapResponse, Status>>;

    async fn tap(&self, request: Request<wire::TapRequest>) -> Result<Response<Self::TapStream>, Status> {
        let order = tap_order(request.into_inner())?;
        Ok(Response::new(show_tap(&self.consensus, &self.taps, order)?))
    }

    type ReadRunLogStream = BoxStream<'static, Result<wire::ReadRunLogResponse, Status>>;

    async fn read_run_log(
        &self,
        request: Request<wire::ReadRunLogRequest>,
    ) -> Result<Response<Self::ReadRunLogStream>, Status> {
        let order = log_order(request.get_ref())?;
        Ok(Response::new(show_log(&self.consensus, &self.logs, order)))
    }

    async fn look_at_run(
        &self,
        request: Request<wire::LookAtRunRequest>,
    ) -> Result<Response<wire::LookAtRunResponse>, Status> {
        let run = uuid("run", &request.get_ref().run)?;
        let count = self.letters.get().cloned();
        Ok(Response::new(look_here(&self.consensus, &self.desk, count, run).await.into()))
    }

    async fn lease(
        &self,
        request: Request<wire::LeaseRequest>,
    ) -> Result<Response<wire::LeaseResponse>, Status> {
        let wire::LeaseRequest { cluster_id, node, store, incarnation, budgets, circuits } =
            request.into_inner();
        self.check_sender(&cluster_id, node, &store)?;
        let request = request_from_wire(budgets, circuits)?;
        match self.keeper.answer((node, incarnation), &request).await {
            Ok(answer) => Ok(Response::new(response_to_wire(&answer))),
            Err(NotLeading) => Err(Status::unavailable(format!("node {} does not lead", self.me()))),
        }
    }
}
