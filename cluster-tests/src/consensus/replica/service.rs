use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use etl_raft::consensus::Consensus;
use etl_raft::{NodeId, Peer};
use etl_raft_state::command::{AdvanceCheckpoints, CheckpointItem, Progress, RegisterNode};
use etl_raft_state::{Advance, FEATURE_LEVEL, PartitionKey, Response, RouteKey};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use super::wire::{Enter, Entered, Get, Got, Nothing, Put, Vote};

/// The run whose checkpoints are written.
pub const RUN: Uuid = Uuid::from_u128(1);
/// The node, the process and the epoch that hold its coordinator, to which all routes belong.
pub const HOLDER: (NodeId, u64, u64) = (1, 1, 1);

/// Puts requests to the replica of this process.
#[derive(Clone)]
pub struct Store(pub Arc<Replica>);

pub struct Replica {
    pub consensus: Consensus,
    pub cluster: Uuid,
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

fn route(number: u64) -> RouteKey {
    RouteKey { partition: PartitionKey::coordinator(RUN), destination: format!("d{number}") }
}

/// What a node tells of itself.
pub fn registration(store: Uuid, address: &str, founder: bool) -> RegisterNode {
    RegisterNode {
        store,
        raft_address: address.to_owned(),
        admin_address: String::new(),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        feature_level: FEATURE_LEVEL,
        zone: String::new(),
        founder,
    }
}

impl Replica {
    async fn enter(&self, who: Enter) -> Result<Entered, Status> {
        let store = Uuid::from_slice(&who.store).map_err(internal)?;
        match self.consensus.write(registration(store, &who.address, false)).await.map_err(internal)? {
            Response::Registered { node } => Ok(Entered { cluster: self.cluster.as_bytes().to_vec(), node }),
            other => Err(internal(format!("{other:?}"))),
        }
    }

    async fn vote(&self, vote: Vote) -> Result<Nothing, Status> {
        let who = vote.who.unwrap_or_default();
        let peer = Peer { address: who.address, store: Uuid::from_slice(&who.store).map_err(internal)? };
        self.consensus.add_learner(vote.node, peer).await.map_err(internal)?;
        let mut voters: BTreeSet<NodeId> = self.consensus.status().voters.iter().copied().collect();
        voters.insert(vote.node);
        self.consensus.set_voters(voters).await.map_err(internal)?;
        Ok(Nothing {})
    }

    async fn put(&self, put: Put) -> Result<Nothing, Status> {
        let (node, incarnation, epoch) = HOLDER;
        let progress = Progress { seq_from: put.seq - 1, seq_to: put.seq, position: put.value };
        let items = vec![CheckpointItem { route: route(put.route), epoch, progress }];
        match self.consensus.write(AdvanceCheckpoints { node, incarnation, items }).await.map_err(internal)? {
            Response::Advanced(advances) if advances == [Advance::Ok] => Ok(Nothing {}),
            other => Err(internal(format!("{other:?}"))),
        }
    }

    async fn get(&self, get: Get) -> Result<Got, Status> {
        let route = route(get.route);
        let found = self
            .consensus
            .read(move |state| state.checkpoints().get(&route).map(|checkpoint| checkpoint.position.clone()));
        Ok(Got { value: found.await.map_err(internal)?.unwrap_or_default() })
    }
}

impl NamedService for Store {
    const NAME: &'static str = "replica.Store";
}

/// One method: how a request becomes an answer.
struct Method<F>(Arc<Replica>, F);

impl<T, U, F, A> UnaryService<T> for Method<F>
where
    F: Fn(Arc<Replica>, T) -> A,
    A: Future<Output = Result<U, Status>> + Send + 'static,
    U: Send + 'static,
{
    type Response = U;
    type Future = BoxFuture<tonic::Response<U>, Status>;

    fn call(&mut self, request: Request<T>) -> Self::Future {
        let answer = (self.1)(self.0.clone(), request.into_inner());
        Box::pin(async move { answer.await.map(tonic::Response::new) })
    }
}

async fn unary<T, U, F, A>(
    replica: Arc<Replica>,
    request: http::Request<Body>,
    method: F,
) -> http::Response<Body>
where
    T: prost::Message + Default + 'static,
    U: prost::Message + Default + 'static,
    F: Fn(Arc<Replica>, T) -> A,
    A: Future<Output = Result<U, Status>> + Send + 'static,
{
    Grpc::new(ProstCodec::<U, T>::default()).unary(Method(replica, method), request).await
}

impl Service<http::Request<Body>> for Store {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let replica = self.0.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/replica.Store/Enter" => {
                    unary(replica, request, |to, asked| async move { to.enter(asked).await }).await
                }
                "/replica.Store/Vote" => {
                    unary(replica, request, |to, asked| async move { to.vote(asked).await }).await
                }
                "/replica.Store/Put" => {
                    unary(replica, request, |to, asked| async move { to.put(asked).await }).await
                }
                "/replica.Store/Get" => {
                    unary(replica, request, |to, asked| async move { to.get(asked).await }).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}
