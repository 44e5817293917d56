use std::sync::Arc;

use actix::prelude::*;
use etl_proto::relay::Kind;
use etl_sdk::ConnectorError;

use super::calls::{Item, Queue, Rows, Weight, answer};
use super::compute::Compute;
use super::hop::Hop;
use super::process::Processing;
use super::session::Session;
use super::writing::Writing;
use crate::RelayError;
use crate::codec::Answer;

/// Rows that are prepared while others are being written, and batches of one channel that are processed at once.
const AHEAD: usize = 4;

/// The remote end of a chain: takes what has come over the channel, in its order, and has the step do it.
pub(super) struct ChannelActor {
    session: Arc<Session>,
    /// The channel that this one has taken over from, until it has let go.
    after: Option<Arc<Session>>,
    work: Work,
    queue: Queue,
    compute: Compute,
    hop: Hop,
    window: usize,
}

/// What the role of the channel needs.
pub(super) enum Work {
    /// A destination; `None` while a call into it is running.
    Destination(Option<Box<Writing>>),
    /// A processor, and how many batches it has at the moment.
    Processor(Arc<Processing>, usize),
}

impl ChannelActor {
    pub fn new(
        session: Arc<Session>,
        after: Option<Arc<Session>>,
        work: Work,
        compute: Compute,
        hop: Hop,
        window: usize,
    ) -> Self {
        Self { session, after, work, queue: Queue::default(), compute, hop, window }
    }

    fn pump(&mut self, ctx: &mut Context<Self>) {
        // One that has ended waits as well: whoever takes over from it waits for this one alone.
        if self.after.is_some() {
            return;
        }
        if self.session.link.ended().is_some() {
            return ctx.stop();
        }
        if let Err(error) = self.fill(ctx) {
            self.session.refuse(&error);
            return ctx.stop();
        }
        self.work_off(ctx);
    }

    /// Takes messages from the channel while there is room for them.
    fn fill(&mut self, ctx: &mut Context<Self>) -> Result<(), RelayError> {
        loop {
            let has_room = match &self.work {
                Work::Destination(_) => self.queue.len() < AHEAD,
                Work::Processor(_, running) => *running < AHEAD && self.session.link.has_room(),
            };
            if !has_room {
                return Ok(());
            }
            let may_join = self.queue.bytes() < self.window;
            let Some((message, credit)) = self.session.link.take(may_join)? else { return Ok(()) };
            let weight = Weight { body: message.body.len(), credit };
            match (&mut self.work, message.kind) {
                (Work::Destination(writing), Kind::Rows) => {
                    let rows = match writing.as_ref().and_then(|writing| writing.preparation()) {
                        Some(preparation) => {
                            let (id, body) = (&self.session.id, message.body);
                            Rows::Preparing(preparation.begin(&self.compute, id, body, message.cause))
                        }
                        None => Rows::Raw(message.body),
                    };
                    self.queue.push(Item::Rows(rows, message.cause), weight);
                }
                (Work::Destination(_), _) => self.queue.push(Item::Call(message), weight),
                (Work::Processor(processing, running), Kind::Process) => {
                    *running += 1;
                    self.queue.count(weight);
                    let (processing, call) = (Arc::clone(processing), message.call);
                    let (hop, cause) = (self.hop.clone(), message.cause);
                    let work = async move {
                        hop.carry(Kind::Process, cause, processing.process(message.body), failed).await
                    };
                    ctx.spawn(work.into_actor(self).map(move |result, actor, ctx| {
                        if let Work::Processor(_, running) = &mut actor.work {
                            *running -= 1;
                        }
                        answer(&actor.session, call, result);
                        actor.done(weight, ctx);
                    }));
                }
                (Work::Processor(..), kind) => {
                    return Err(RelayError::Kind {
                        kind: kind.into(),
                        place: "in the channel of a processor",
                    });
                }
            }
        }
    }

    /// Begins the next item of a destination, if nothing is going on.
    fn work_off(&mut self, ctx: &mut Context<Self>) {
        let Work::Destination(idle) = &mut self.work else { return };
        let Some(mut writing) = idle.take() else { return };
        let Some((item, weight)) = self.queue.next() else {
            *idle = Some(writing);
            return;
        };
        let (session, hop) = (Arc::clone(&self.session), self.hop.clone());
        let work = async move {
            match item {
                Item::Rows(rows, cause) => {
                    let failed = |written: &Result<(), ConnectorError>| {
                        written.as_ref().err().map(ToString::to_string)
                    };
                    if let Err(error) = hop.carry(Kind::Rows, cause, writing.write(rows), failed).await {
                        session.fail(error);
                    }
                }
                Item::Call(message) => {
                    let (call, kind, cause) = (message.call, message.kind, message.cause);
                    let result = hop.carry(kind, cause, writing.call(message), failed).await;
                    answer(&session, call, result);
                }
            }
            writing
        };
        ctx.spawn(work.into_actor(self).map(move |writing, actor, ctx| {
            actor.work = Work::Destination(Some(writing));
            actor.done(weight, ctx);
        }));
    }

    fn done(&mut self, weight: Weight, ctx: &mut Context<Self>) {
        self.queue.done(weight);
        self.session.link.release(weight.credit);
        self.pump(ctx);
    }
}

/// Why a call has failed.
fn failed(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Error(error) => Some(error.to_string()),
        _ => None,
    }
}

/// Something has happened on the channel.
struct Progress;

impl Actor for ChannelActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let session = Arc::clone(&self.session);
        ctx.add_stream(futures::stream::unfold(session, |session| async {
            session.link.progress().await;
            Some((Progress, session))
        }));
        if let Some(after) = self.after.clone() {
            let gone = async move { after.gone.cancelled().await };
            ctx.spawn(gone.into_actor(self).map(|(), actor, ctx| {
                actor.after = None;
                actor.pump(ctx);
            }));
        }
        self.pump(ctx);
    }
}

impl StreamHandler<Progress> for ChannelActor {
    fn handle(&mut self, _: Progress, ctx: &mut Self::Context) {
        self.pump(ctx);
    }
}
