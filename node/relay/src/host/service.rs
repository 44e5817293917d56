use std::io;
use std::pin::Pin;
use std::sync::Arc;

use actix::Actor;
use bytes::Bytes;
use etl_proto::Message as _;
use etl_proto::relay as wire;
use etl_proto::relay::relay_server::{Relay, RelayServer};
use etl_proto::relay::{Frame, Kind};
use etl_sdk::ConnectorError;
use futures::Stream;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::actor::{ChannelActor, Work};
use super::arbiters::Arbiters;
use super::compute::Compute;
use super::hop::Hop;
use super::process::Processing;
use super::register::{Admitted, Register};
use super::session::Session;
use super::slots::Slots;
use super::stream::{Incoming, unreadable};
use super::writing::Writing;
use crate::RelayError;
use crate::channel::{ChannelId, Role};
use crate::codec::error_to_body;
use crate::link::{Attached, MESSAGE_LIMIT, uncounted};
use crate::ports::Hosting;
use crate::settings::RelaySettings;

/// Carries out steps for other nodes. Clones share their channels.
#[derive(Clone)]
pub struct RelayService {
    inner: Arc<Inner>,
}

struct Inner {
    hosting: Arc<dyn Hosting>,
    settings: RelaySettings,
    register: Arc<Register>,
    slots: Arc<Slots>,
    compute: Compute,
    arbiters: Arbiters,
}

type Frames = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

impl RelayService {
    /// Starts the threads of the service.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn new(hosting: Arc<dyn Hosting>, settings: RelaySettings) -> io::Result<Self> {
        let inner = Inner {
            hosting,
            settings,
            register: Arc::default(),
            slots: Arc::default(),
            compute: Compute::new(settings.threads.get()),
            arbiters: Arbiters::start(settings.threads)?,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The service for a gRPC server. The server decides who may speak to it, and must allow as many streams of one connection
    /// as there may be channels.
    pub fn into_server(self) -> RelayServer<Self> {
        RelayServer::new(self)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    /// Ends all channels, which rolls back what they have not committed, and accepts none any more. Senders are told to try
    /// again later. Returns when all writers are gone.
    pub async fn shutdown(&self) {
        for session in self.inner.register.stop() {
            session.gone.cancelled().await;
        }
        let inner = Arc::clone(&self.inner);
        if let Err(error) = tokio::task::spawn_blocking(move || inner.arbiters.join()).await {
            tracing::error!(%error, "the threads of the relay did not end");
        }
    }
}

impl Inner {
    /// Finds or begins the channel of a stream, and makes the stream its newest.
    fn attach(&self, opening: &Frame) -> Result<(Arc<Session>, Attached), ConnectorError> {
        let malformed = |error: RelayError| error.of_channel(&"a relay channel");
        if opening.kind != Kind::Opening as i32 {
            return Err(malformed(RelayError::Kind { kind: opening.kind, place: "instead of an opening" }));
        }
        let read = wire::Opening::decode(opening.body.clone());
        let read = read.map_err(|error| malformed(RelayError::malformed("opening", error)))?;
        let resumed = read.resumed;
        let id = ChannelId::from_wire(read).map_err(malformed)?;
        let (session, begins) = match self.register.admit(id, resumed, &self.settings)? {
            Admitted::Known(session) => (session, None),
            Admitted::New(session, after) => (session, Some(after)),
        };
        let attached = session.link.attach(opening);
        if let Err(error) = &attached {
            session.refuse(error);
        }
        if let Some(after) = begins {
            self.begin(&session, after);
            if attached.is_err() {
                // No stream will ever do it.
                self.register.remove(&session);
            }
        }
        match attached {
            Ok(attached) => Ok((session, attached)),
            Err(error) => Err(error.of_channel(&session.id)),
        }
    }

    /// Starts the actor of a new channel.
    fn begin(&self, session: &Arc<Session>, after: Option<Arc<Session>>) {
        let (id, gone) = (session.id.clone(), session.gone.clone());
        let (hosting, compute) = (Arc::clone(&self.hosting), self.compute.clone());
        let work = match session.id.role {
            Role::Destination | Role::Shard => {
                let slots = Arc::clone(&self.slots);
                Work::Destination(Some(Box::new(Writing::new(id, hosting, slots, compute.clone(), gone))))
            }
            Role::Processor => {
                Work::Processor(Arc::new(Processing::new(id, hosting, compute.clone(), gone)), 0)
            }
        };
        let hop = Hop::new(self.hosting.tracer(session.id.run), session.id.step.clone());
        let window = self.settings.window();
        let actor = ChannelActor::new(Arc::clone(session), after, work, compute, hop, window);
        if let Some(arbiter) = self.arbiters.next() {
            ChannelActor::start_in_arbiter(arbiter, |_| actor);
        }
    }
}

/// A stream that says only that there is no channel.
fn refusal(epoch: u64, error: &ConnectorError) -> Frames {
    tracing::warn!(%error, "a relay channel was not opened");
    let closed = uncounted(epoch, Kind::Closed, error_to_body(error));
    Box::pin(futures::stream::iter([Ok(closed)]))
}

/// The acceptance, and all that follows on this stream.
fn outgoing(session: Arc<Session>, attached: Attached) -> Frames {
    let accepted = Some(session.link.greeting(Kind::Accepted, Bytes::new()));
    Box::pin(futures::stream::unfold(
        (accepted, session, attached),
        |(accepted, session, attached)| async move {
            let frame = match accepted {
                Some(accepted) => accepted,
                None => session.link.next_outgoing(&attached).await?,
            };
            Some((Ok(frame), (None, session, attached)))
        },
    ))
}

#[tonic::async_trait]
impl Relay for RelayService {
    type ChannelStream = Frames;

    async fn channel(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ChannelStream>, Status> {
        let mut frames = request.into_inner();
        let opening = match timeout(self.inner.settings.grace, frames.message()).await {
            Ok(Ok(Some(opening))) => opening,
            Ok(Ok(None)) => return Err(Status::invalid_argument("a relay channel without an opening")),
            Ok(Err(status)) => match unreadable(&status) {
                Some(error) => {
                    return Ok(Response::new(refusal(0, &error.of_channel(&"a relay channel"))));
                }
                None => return Err(status),
            },
            Err(_) => return Err(Status::deadline_exceeded("no opening has come")),
        };
        let (session, attached) = match self.inner.attach(&opening) {
            Ok(attached) => attached,
            Err(error) => return Ok(Response::new(refusal(opening.epoch, &error))),
        };
        let incoming = Incoming {
            session: Arc::clone(&session),
            attached: attached.clone(),
            register: Arc::clone(&self.inner.register),
            settings: self.inner.settings,
        };
        tokio::spawn(incoming.run(frames));
        Ok(Response::new(outgoing(session, attached)))
    }
}
