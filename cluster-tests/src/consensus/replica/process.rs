use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use etl_raft::consensus::{Consensus, Settings};
use etl_raft::network::{Connection, Dialer, Member, server};
use etl_raft::store::{DataDir, Storage};
use etl_raft_state::command::{Assign, Claim, PutWorkflow, SetNodeState, StartRun};
use etl_raft_state::{ContentHash, NodeState, PartitionKey};
use futures::future::BoxFuture;
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::client::ReplicaClient;
use super::service::{HOLDER, RUN, Replica, Store, registration};
use super::wire::{Enter, Entered, Vote};
use crate::group::Error;

/// A replica, and where it is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An empty directory.
    #[arg(long)]
    dir: PathBuf,
    /// HOST:PORT for the other replicas and for clients.
    #[arg(long)]
    listen: String,
    /// HOST:PORT of the first replica; without it this is the first.
    #[arg(long)]
    first: Option<String>,
}

/// How long the first replica may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);

/// Connections over plain TCP.
struct Plain;

impl Dialer for Plain {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Connection)
        })
    }
}

/// Serves until it is killed.
pub fn run(args: &Args) -> ExitCode {
    // Without effect only on systems that do not know it; then a killed harness leaves its processes behind.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(serve(args)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::Unexpected(error.to_string())
}

async fn serve(args: &Args) -> Result<(), Error> {
    let dir = DataDir::open(&args.dir).map_err(unexpected)?;
    let me = Enter { store: dir.store().as_bytes().to_vec(), address: args.listen.clone() };
    let (cluster, node) = match &args.first {
        None => (Uuid::new_v4(), HOLDER.0),
        Some(first) => {
            let Entered { cluster, node } = enter(first, &me).await?;
            (Uuid::from_slice(&cluster).map_err(unexpected)?, node)
        }
    };
    let member = Member { cluster, node, store: dir.store(), incarnation: 1, address: args.listen.clone() };
    let storage = Storage::open(&dir).map_err(unexpected)?;
    let consensus =
        Consensus::start(Settings::default(), member, storage, Arc::new(Plain)).await.map_err(unexpected)?;
    let listener = TcpListener::bind(&args.listen).await?;
    let connections = futures::stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await;
        let connection = accepted.and_then(|(stream, _)| stream.set_nodelay(true).map(|()| stream));
        Some((connection, listener))
    });
    let replica = Arc::new(Replica { consensus: consensus.clone(), cluster });
    let serving = tokio::spawn(
        server()
            .add_service(consensus.service())
            .add_service(Store(replica))
            .serve_with_incoming(connections),
    );
    match &args.first {
        None => prepare(&consensus, &args.listen, dir.store()).await.map_err(unexpected)?,
        Some(first) => {
            let vote = Vote { node, who: Some(me) };
            ReplicaClient::new(first, 0)?.vote(vote).await.map_err(Error::Unexpected)?;
        }
    }
    serving.await.map_err(unexpected)?.map_err(unexpected)
}

/// Asks the first replica for an id, until it is there.
async fn enter(first: &str, me: &Enter) -> Result<Entered, Error> {
    let mut client = ReplicaClient::new(first, 0)?;
    let asking = async {
        loop {
            match client.enter(me.clone()).await {
                Ok(entered) => return entered,
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.map_err(|_| unexpected("the first replica does not answer"))
}

/// Founds the group and begins a run to which checkpoints can belong.
async fn prepare(consensus: &Consensus, address: &str, store: Uuid) -> Result<(), etl_raft::Error> {
    let (node, incarnation, epoch) = HOLDER;
    let partition = PartitionKey::coordinator(RUN);
    consensus.found().await?;
    consensus.write(registration(store, address, true)).await?;
    consensus.write(SetNodeState { node, from: NodeState::Joining, to: NodeState::Up }).await?;
    let workflow = PutWorkflow {
        name: "measured".to_owned(),
        document: String::new(),
        hash: ContentHash([0; 32]),
        expected_version: None,
        schedule: None,
    };
    consensus.write(workflow).await?;
    let run = StartRun {
        run: RUN,
        workflow: "measured".to_owned(),
        expected_version: None,
        replaces: None,
        pinned: None,
        hosts: std::collections::BTreeMap::new(),
        parameters: std::collections::BTreeMap::new(),
    };
    consensus.write(run).await?;
    consensus.write(Assign { partition: partition.clone(), owner: node, expected_epoch: epoch - 1 }).await?;
    consensus.write(Claim { partition, epoch, node, incarnation }).await?;
    Ok(())
}
