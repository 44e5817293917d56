use std::collections::{HashMap, HashSet, VecDeque};

use actix::prelude::*;
use etl_model::{Marker, RouteEnd};
use tokio::sync::{mpsc, oneshot};

use super::{StartChain, SupervisorActor};
use crate::EngineError;
use crate::chain::OpenChain;
use crate::crew::{CrewEvent, PartitionEnd};
use crate::messages::{ChainEvent, Disband, DrainChain, KillChain, RenewChain};
use crate::options::ChainShare;

/// A node's share of a run: begins chains as they are ordered, as many at once as there is room for, and tells how each
/// has ended.
pub(crate) struct CrewActor {
    supervisor: Addr<SupervisorActor>,
    share: ChainShare,
    /// Chains that run at once.
    parallelism: usize,
    events: mpsc::UnboundedSender<CrewEvent>,
    /// Those that have been begun before, elsewhere or here, in front.
    waiting: VecDeque<usize>,
    /// How many of the waiting are such.
    begun: usize,
    orders: HashMap<usize, OpenChain>,
    running: HashSet<usize>,
    /// Resolves when the supervisor is gone.
    vanished: Option<oneshot::Receiver<()>>,
}

/// Begin this chain when there is room.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct BeginChain {
    pub chain: usize,
    pub request: OpenChain,
    /// It goes before those that have not been begun yet.
    pub is_begun: bool,
}

impl CrewActor {
    pub fn new(
        supervisor: Addr<SupervisorActor>,
        share: ChainShare,
        parallelism: usize,
        events: mpsc::UnboundedSender<CrewEvent>,
        vanished: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            supervisor,
            share,
            parallelism,
            events,
            waiting: VecDeque::new(),
            begun: 0,
            orders: HashMap::new(),
            running: HashSet::new(),
            vanished: Some(vanished),
        }
    }

    fn tell(&self, event: CrewEvent) {
        // Nobody listens any more when the node lets go of the run.
        let _ = self.events.send(event);
    }

    fn advance(&mut self, ctx: &mut Context<Self>) {
        while self.running.len() < self.parallelism {
            let Some(chain) = self.waiting.pop_front() else { return };
            self.begun = self.begun.saturating_sub(1);
            let Some(request) = self.orders.get(&chain).cloned() else { continue };
            self.running.insert(chain);
            let reply = ctx.address().recipient();
            self.supervisor.do_send(StartChain { chain, request, share: self.share, reply });
        }
    }

    fn end(&mut self, chain: usize, end: PartitionEnd) {
        if self.orders.remove(&chain).is_some() {
            self.tell(CrewEvent::Ended { partition: chain, end });
        }
    }

    /// Takes a chain that has not begun off the list; whether it was there.
    fn withdraw(&mut self, chain: usize) -> bool {
        let place = self.waiting.iter().position(|waiting| *waiting == chain);
        let Some(place) = place else { return false };
        self.begun -= usize::from(place < self.begun);
        self.waiting.remove(place).is_some()
    }
}

impl Actor for CrewActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(vanished) = self.vanished.take() {
            let gone = vanished.into_actor(self).map(|_, actor, _| {
                let error = EngineError::Internal("the supervisor actor has vanished".to_owned());
                actor.tell(CrewEvent::Lost { error });
            });
            ctx.spawn(gone);
        }
    }
}

impl Handler<BeginChain> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: BeginChain, ctx: &mut Self::Context) {
        self.orders.insert(message.chain, message.request);
        match message.is_begun {
            true => {
                self.waiting.insert(self.begun, message.chain);
                self.begun += 1;
            }
            false => self.waiting.push_back(message.chain),
        }
        self.advance(ctx);
    }
}

impl Handler<DrainChain> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: DrainChain, _: &mut Self::Context) {
        if self.withdraw(message.0) {
            return self.end(message.0, PartitionEnd::Drained { markers: Vec::new() });
        }
        self.supervisor.do_send(message);
    }
}

impl Handler<RenewChain> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: RenewChain, _: &mut Self::Context) {
        if self.running.contains(&message.0) {
            self.supervisor.do_send(message);
        }
    }
}

impl Handler<KillChain> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: KillChain, _: &mut Self::Context) {
        if self.withdraw(message.0) {
            return self.end(message.0, PartitionEnd::Killed);
        }
        self.supervisor.do_send(message);
    }
}

impl Handler<Disband> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: Disband, ctx: &mut Self::Context) {
        self.supervisor.do_send(message);
        ctx.stop();
    }
}

impl Handler<ChainEvent> for CrewActor {
    type Result = ();

    fn handle(&mut self, message: ChainEvent, ctx: &mut Self::Context) {
        let (chain, end) = match message {
            ChainEvent::Ended { chain, markers, .. } => {
                let is_done = markers.iter().all(|marker| marker.done);
                let markers = self.by_destination(chain, markers.into_iter().map(Some));
                let end =
                    if is_done { PartitionEnd::Done { markers } } else { PartitionEnd::Drained { markers } };
                (chain, end)
            }
            ChainEvent::Withdrawn { chain, markers } => {
                let markers = self.by_destination(chain, markers.into_iter());
                (chain, PartitionEnd::Drained { markers })
            }
            ChainEvent::Failed { chain, error, markers } => {
                let markers = self.by_destination(chain, markers.into_iter());
                (chain, PartitionEnd::Failed { error, markers })
            }
            ChainEvent::Killed { chain } => (chain, PartitionEnd::Killed),
        };
        self.running.remove(&chain);
        self.end(chain, end);
        self.advance(ctx);
    }
}

impl CrewActor {
    fn by_destination(
        &self,
        chain: usize,
        markers: impl Iterator<Item = Option<Marker>>,
    ) -> Vec<(RouteEnd, Marker)> {
        let Some(request) = self.orders.get(&chain) else { return Vec::new() };
        let ends = (0..request.plan.outputs.len()).map(|output| request.route(output).end());
        ends.zip(markers).filter_map(|(end, marker)| Some((end, marker?))).collect()
    }
}
