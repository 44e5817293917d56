use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_api::model::{ClusterStatus, Consistency, HealthCheck, HealthStatus, LogFilter, SpanView};
use etl_api::{
    AdminClient, AdminParts, AdminServices, Error, Insight, LogLevels, Refusal, Tie, Ties, admin_services,
};
use etl_cluster::{Candidate, Duties, Health, Local, Probe, Software, Taps};
use etl_connector_basic::{GenerateSource, StdoutDestination};
use etl_raft::consensus::{Consensus, Settings};
use etl_raft::network::{self, Connection, Dialer, Member};
use etl_raft::store::{DataDir, Identity, Storage};
use etl_raft_state::FEATURE_LEVEL;
use etl_raft_state::command::{AdoptCluster, RegisterNode};
use etl_sdk::Registry;
use etl_workflow::{Inputs, Workflow};
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use uuid::Uuid;

/// How long a condition may take to come true; only a broken program takes that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Dials as it is.
pub struct PlainDialer;

impl Dialer for PlainDialer {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Connection)
        })
    }
}

struct FixedProbe;

impl Probe for FixedProbe {
    fn look(&self) -> Health {
        Health {
            disk_free_bytes: 60,
            disk_total_bytes: 100,
            log_bytes: 7,
            state_bytes: 8,
            ..Health::default()
        }
    }
}

/// A node that keeps a span of every run, logs what it is told to, and is never ill.
#[derive(Default)]
struct FixedInsight {
    filter: Mutex<Option<String>>,
}

impl LogLevels for FixedInsight {
    fn now(&self) -> LogFilter {
        let filter = self.filter.lock().unwrap().clone().unwrap_or_else(|| "info".to_owned());
        LogFilter { filter, until_ms: None }
    }

    fn set(&self, filter: Option<&str>, _time: Option<Duration>) -> Result<LogFilter, String> {
        if filter == Some("wrong") {
            return Err("`wrong` is no filter".to_owned());
        }
        *self.filter.lock().unwrap() = filter.map(str::to_owned);
        Ok(self.now())
    }
}

impl Insight for FixedInsight {
    fn log(&self) -> &dyn LogLevels {
        self
    }

    fn spans(&self, run: Uuid) -> Vec<SpanView> {
        vec![SpanView {
            node: 0,
            trace: "1".repeat(32),
            span: "2".repeat(16),
            parent: None,
            name: format!("read {run}"),
            kind: "internal".to_owned(),
            start_us: 1,
            end_us: 2,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            failed: None,
        }]
    }

    fn checks(&self) -> Vec<HealthCheck> {
        let (component, details) = ("disk".to_owned(), "there is room".to_owned());
        vec![HealthCheck {
            component,
            status: HealthStatus::Healthy,
            details,
            last_checked_ms: 1,
            node: None,
        }]
    }
}

/// The description of a workflow says what of it is tied.
fn ties(workflow: &Workflow) -> Ties {
    let sink = |tie| Ties { partitions: None, steps: [("sink".to_owned(), tie)].into() };
    match workflow.description.as_deref() {
        Some("local") => Ties { partitions: Some(Tie::Asked), ..Ties::default() },
        Some("local sink") => sink(Tie::Asked),
        Some("sink on 1") => sink(Tie::Node(1)),
        Some("sink on 99") => sink(Tie::Node(99)),
        _ => Ties::default(),
    }
}

/// What runs on a node's listeners until it is told to end.
struct Server {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(listener: TcpListener, routes: tonic::service::Routes) -> Self {
        let (end, ended) = oneshot::channel::<()>();
        let serve = network::server().add_routes(routes).serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            async {
                let _ = ended.await;
            },
        );
        Self { end, task: tokio::spawn(async move { serve.await.unwrap() }) }
    }

    async fn stop(self) {
        let _ = self.end.send(());
        // Clients may hold connections open for ever.
        self.task.abort();
        let _ = self.task.await;
    }
}

/// A node of this process on ports of its own.
pub struct Node {
    pub id: u64,
    pub admin: SocketAddr,
    pub consensus: Consensus,
    pub duties: Duties,
    pub services: AdminServices,
    raft_server: Server,
    admin_server: Server,
    _directory: TempDir,
}

fn dialer() -> Arc<dyn Dialer> {
    Arc::new(PlainDialer)
}

fn software() -> Software {
    Software { version: "1.2.3".to_owned(), feature_level: FEATURE_LEVEL }
}

/// Timings with which a test does not wait long.
fn quick() -> etl_cluster::Settings {
    let mut settings = etl_cluster::Settings { heartbeat: Duration::from_millis(100), ..Default::default() };
    settings.limits.stabilisation = Duration::from_millis(200);
    settings
}

fn lint(document: &str, inputs: &Inputs) -> Result<etl_workflow::Workflow, etl_workflow::Diagnostics> {
    let registry = Registry::default().source(GenerateSource).destination(StdoutDestination);
    etl_workflow::load_with("workflow", document.as_bytes(), &|_| None, inputs, &registry)
}

impl Node {
    /// A node that waits for a cluster that is never founded.
    pub async fn waiting() -> Self {
        let cluster = Uuid::new_v4();
        Self::start(|_| async move { Identity { cluster, node: 1, store: Uuid::nil() } }).await
    }

    /// The first node of a new cluster, up and leading.
    pub async fn found() -> Self {
        let node = Self::waiting().await;
        let cluster = node.consensus.member().cluster;
        node.consensus.found().await.unwrap();
        let me = node.consensus.member();
        let founder = RegisterNode {
            store: me.store,
            raft_address: me.address.clone(),
            admin_address: node.admin.to_string(),
            software_version: software().version,
            feature_level: software().feature_level,
            zone: "here".to_owned(),
            founder: true,
        };
        let registered = node.consensus.write(founder).await.unwrap();
        assert_eq!(registered, etl_raft_state::Response::Registered { node: 1 });
        let adopted = node.consensus.write(AdoptCluster { cluster, raise_epochs_by: 0 }).await.unwrap();
        assert_eq!(adopted.rejection(), None);
        node.until("node 1 is up", |status| is_up(status, 1)).await;
        node
    }

    /// A node that joins; up when this returns.
    pub async fn join(&self) -> Self {
        let address = self.admin.to_string();
        let node = Self::start(move |candidate| async move {
            let store = candidate.store;
            let admitted = etl_cluster::join(&dialer(), &[address], &candidate, PATIENCE).await.unwrap();
            Identity { cluster: admitted.cluster, node: admitted.node, store }
        })
        .await;
        self.until("a node that joined is up", |status| is_up(status, node.id)).await;
        node
    }

    async fn start<F: Future<Output = Identity>>(admit: impl FnOnce(Candidate) -> F) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let raft_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (raft, admin) = (raft_listener.local_addr().unwrap(), admin_listener.local_addr().unwrap());
        let candidate = Candidate {
            store: data.store(),
            raft_address: raft.to_string(),
            admin_address: admin.to_string(),
            software: software(),
            zone: "here".to_owned(),
        };
        let identity = Identity { store: data.store(), ..admit(candidate).await };
        data.write_identity(&identity).unwrap();
        let me = Member {
            cluster: identity.cluster,
            node: identity.node,
            store: identity.store,
            incarnation: Uuid::new_v4().as_u64_pair().0,
            address: raft.to_string(),
        };
        let storage = Storage::open(&data).unwrap();
        let consensus = Consensus::start(Settings::default(), me, storage, dialer()).await.unwrap();
        let taps = Arc::new(Taps::new(|_, _| Default::default()));
        let local = Local {
            admin_address: admin.to_string(),
            software: software(),
            zone: "here".to_owned(),
            taps,
            logs: Default::default(),
        };
        let duties = Duties::start(consensus.clone(), dialer(), local, Arc::new(FixedProbe), quick());
        let services = admin_services(AdminParts {
            consensus: consensus.clone(),
            duties: duties.clone(),
            dialer: dialer(),
            lint: Arc::new(lint),
            locality: Arc::new(ties),
            insight: Arc::new(FixedInsight::default()),
        })
        .unwrap();
        let raft_server = Server::start(raft_listener, tonic::service::Routes::new(consensus.service()));
        let admin_server =
            Server::start(admin_listener, services.routes.clone().add_service(duties.service()));
        Self {
            id: identity.node,
            admin,
            consensus,
            duties,
            services,
            raft_server,
            admin_server,
            _directory: directory,
        }
    }

    /// A client of this node alone.
    pub fn client(&self) -> AdminClient {
        client(&[self.admin.to_string()])
    }

    /// Waits until the status, as this node knows it, is as it should be.
    pub async fn until(&self, what: &str, condition: impl Fn(&ClusterStatus) -> bool) -> ClusterStatus {
        let client = self.client();
        let mut last = None;
        let wait = async {
            loop {
                if let Ok(status) = client.cluster_status(Consistency::Stale).await {
                    if condition(&status) {
                        return status;
                    }
                    last = Some(status);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, wait).await;
        ended.unwrap_or_else(|_| panic!("waited too long for: {what}; last: {last:#?}"))
    }

    /// Stops it without a word to the others, as a crash would.
    pub async fn stop(self) {
        self.admin_server.stop().await;
        self.raft_server.stop().await;
        drop(self.services);
        self.duties.shutdown().await;
        self.consensus.shutdown().await;
    }
}

pub fn client(servers: &[String]) -> AdminClient {
    AdminClient::new(servers, &dialer(), Duration::from_secs(20)).unwrap()
}

fn is_up(status: &ClusterStatus, id: u64) -> bool {
    status.node(id).is_some_and(|node| node.state == etl_api::model::NodeState::Up)
}

/// Three nodes that all vote.
pub async fn three() -> [Node; 3] {
    let first = Node::found().await;
    let second = first.join().await;
    let third = first.join().await;
    first.until("three voters", |status| status.voters().count() == 3 && !status.joint).await;
    [first, second, third]
}

pub async fn stop_all(nodes: impl IntoIterator<Item = Node>) {
    for node in nodes {
        node.stop().await;
    }
}

/// A small valid workflow.
pub fn workflow(name: &str, rows: u64) -> String {
    format!(
        "workflow:\n  name: {name}\n  source: {{ type: generate, config: {{ rows: {rows} }} }}\n  \
         transformations: []\n  destination: {{ type: stdout }}\n"
    )
}

/// The refusal that a call must have ended with.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    let error = result.expect_err("it should have been refused");
    error.refusal().unwrap_or_else(|| panic!("not refused but {error:?}")).clone()
}
