use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use etl_proto::cluster::cluster_client::ClusterClient;
use etl_raft::NodeId;
use etl_raft::consensus::Consensus;
use etl_raft::network::Dialer;
use etl_raft_state::NodeState;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::is_over;
use crate::clients::client;

/// How often it is looked who is a member.
const LOOK: Duration = Duration::from_millis(500);
/// Before a node is asked again that has failed.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a node may take until it begins to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nodes may go on telling after the run is over.
const GRACE: Duration = Duration::from_secs(2);
/// How long nodes may take to tell what they have, when nothing more is waited for.
const LIMIT: Duration = Duration::from_secs(10);
/// Pieces that wait for the one who gathers.
const PIECES: usize = 16;

/// What a node tells.
pub(crate) type Pieces<P> = BoxStream<'static, Result<P, Status>>;

/// What every node is asked.
pub(crate) trait Question: Send + Sync + 'static {
    type Piece: Send + 'static;

    /// What this node tells.
    fn here(&self) -> Result<Pieces<Self::Piece>, Status>;

    /// What another one tells.
    fn there(
        &self,
        client: ClusterClient<Channel>,
    ) -> BoxFuture<'static, Result<Pieces<Self::Piece>, Status>>;
}

/// News of one node.
pub(crate) enum News<P> {
    /// It begins to tell, for the first time or anew.
    Begins,
    Piece(P),
    /// It cannot be asked, or not any more; it is asked again until the run is over.
    Silent(String),
}

/// Asks all members about a run, those that come later too, and passes on what they tell.
pub(crate) struct Gather<Q> {
    pub consensus: Consensus,
    pub dialer: Arc<dyn Dialer>,
    pub run: uuid::Uuid,
    pub question: Arc<Q>,
    /// Whether nodes that cannot be reached are asked again for as long as the run goes on.
    pub persist: bool,
}

impl<Q: Question> Gather<Q> {
    /// Begins to ask. Ends when every node has told all, when the run is over and those that have not are not worth
    /// waiting for, or when nobody listens. Needs a runtime.
    pub fn start(self) -> mpsc::Receiver<(NodeId, News<Q::Piece>)> {
        let (sender, news) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let listening = sender.clone();
            tokio::select! {
                () = self.ask_all(sender) => {}
                () = listening.closed() => {}
            }
        });
        news
    }

    async fn ask_all(self, news: mpsc::Sender<(NodeId, News<Q::Piece>)>) {
        let mut asking: JoinSet<NodeId> = JoinSet::new();
        let mut asked: BTreeMap<NodeId, (String, AbortHandle)> = BTreeMap::new();
        let mut done: BTreeSet<NodeId> = BTreeSet::new();
        let mut over_since: Option<Instant> = None;
        let begun = Instant::now();
        for node in self.down() {
            let silent = News::Silent("it is down".to_owned());
            // Without a listener this is being dropped.
            let _ = news.send((node, silent)).await;
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let members = self.members();
            asked.retain(|node, (address, task)| {
                let stays = members.get(node) == Some(address);
                if !stays {
                    task.abort();
                }
                stays
            });
            for (node, address) in members {
                if !asked.contains_key(&node) && !done.contains(&node) {
                    let asker = self.asker(node, &address, news.clone());
                    let task = asking.spawn(async move {
                        asker.ask().await;
                        node
                    });
                    asked.insert(node, (address, task));
                }
            }
            if is_over(&self.consensus, self.run) {
                over_since.get_or_insert_with(Instant::now);
            }
            let is_late = match self.persist {
                true => over_since.is_some_and(|since| since.elapsed() >= GRACE),
                false => begun.elapsed() >= LIMIT,
            };
            if is_late {
                for node in asked.keys().filter(|node| !done.contains(node)) {
                    let silent = News::Silent("it has not told all in time".to_owned());
                    // Without a listener this is being dropped.
                    let _ = news.send((*node, silent)).await;
                }
            }
            if is_late || asking.is_empty() && (over_since.is_some() || !self.persist) {
                return;
            }
            tokio::select! {
                Some(ended) = asking.join_next() => {
                    if let Ok(node) = ended {
                        done.insert(node);
                    }
                }
                _ = looks.tick() => {}
                _ = self.consensus.stopped() => return,
            }
        }
    }

    /// Members that are not known to be down, with their addresses.
    fn members(&self) -> BTreeMap<NodeId, String> {
        self.consensus.peek(|state| {
            let up = state.nodes().members().filter(|(_, node)| node.state != NodeState::Down);
            up.map(|(id, node)| (id, node.admin_address.clone())).collect()
        })
    }

    fn down(&self) -> Vec<NodeId> {
        self.consensus.peek(|state| {
            let down = state.nodes().members().filter(|(_, node)| node.state == NodeState::Down);
            down.map(|(id, _)| id).collect()
        })
    }

    fn asker(&self, node: NodeId, address: &str, news: mpsc::Sender<(NodeId, News<Q::Piece>)>) -> Asker<Q> {
        let is_here = node == self.consensus.member().node;
        Asker {
            node,
            other: (!is_here).then(|| client(Arc::clone(&self.dialer), address)),
            question: Arc::clone(&self.question),
            persist: self.persist,
            news,
        }
    }
}

/// Asks one node until it has told all.
struct Asker<Q: Question> {
    node: NodeId,
    /// `None` for this node itself.
    other: Option<ClusterClient<Channel>>,
    question: Arc<Q>,
    persist: bool,
    news: mpsc::Sender<(NodeId, News<Q::Piece>)>,
}

impl<Q: Question> Asker<Q> {
    async fn ask(self) {
        let mut is_silent = false;
        loop {
            let Err(status) = self.ask_once(&mut is_silent).await else { return };
            // Nobody listens any more when it fails; then this ends as well.
            if !is_silent {
                is_silent = true;
                self.tell(News::Silent(reason(&status))).await;
            }
            if !self.persist || status.code() == Code::Unimplemented {
                return;
            }
            sleep(AGAIN).await;
        }
    }

    async fn ask_once(&self, is_silent: &mut bool) -> Result<(), Status> {
        let mut pieces = match &self.other {
            None => self.question.here()?,
            Some(client) => {
                let asked = timeout(PATIENCE, self.question.there(client.clone())).await;
                asked.map_err(|_| Status::unavailable(format!("no answer within {PATIENCE:?}")))??
            }
        };
        *is_silent = false;
        self.tell(News::Begins).await;
        while let Some(piece) = pieces.next().await.transpose()? {
            self.tell(News::Piece(piece)).await;
        }
        Ok(())
    }

    async fn tell(&self, news: News<Q::Piece>) {
        // Without a listener the whole gathering is being dropped.
        let _ = self.news.send((self.node, news)).await;
    }
}

/// What another node streams, as pieces.
pub(crate) fn pieces<P: Send + 'static>(stream: tonic::Streaming<P>) -> Pieces<P> {
    stream.into_stream().boxed()
}

fn reason(status: &Status) -> String {
    match (status.code(), status.message()) {
        (Code::Unimplemented, _) => "its software does not know this yet".to_owned(),
        (code, "") => code.to_string(),
        (_, message) => message.to_owned(),
    }
}
