//! How chains are asked, or told, to end.

use actix::prelude::*;

use super::{Phase, SupervisorActor, Verdict};
use crate::messages::{Disband, Drain, DrainChain, KillChain, RenewChain};

impl SupervisorActor {
    fn drain(&mut self, id: usize, ctx: &mut Context<Self>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        chain.draining = true;
        chain.ending.cancel();
        if let Some(source) = &chain.source {
            source.do_send(Drain);
        }
        let is_asked = chain.verdict == Some(Verdict::Asked);
        if chain.phase == Phase::Pausing || is_asked {
            if is_asked {
                // It is over for now, whatever the breaker says.
                (chain.error, chain.verdict) = (None, None);
            }
            chain.phase = Phase::Ending;
            self.settle(id, ctx);
        }
    }

    fn renew(&mut self, id: usize) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        // One that has failed is opened anew in any case.
        if chain.draining || chain.killed || !matches!(chain.phase, Phase::Opening | Phase::Running) {
            return;
        }
        chain.renewing = true;
        if let Some(source) = &chain.source {
            source.do_send(Drain);
        }
    }

    fn kill(&mut self, id: usize, ctx: &mut Context<Self>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        chain.killed = true;
        chain.kill.cancel();
        chain.ending.cancel();
        if chain.phase != Phase::Opening {
            chain.phase = Phase::Ending;
            self.settle(id, ctx);
        }
    }
}

impl Handler<Drain> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        let all: Vec<usize> = self.chains.keys().copied().collect();
        for id in all {
            self.drain(id, ctx);
        }
    }
}

impl Handler<DrainChain> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: DrainChain, ctx: &mut Self::Context) {
        self.drain(message.0, ctx);
    }
}

impl Handler<RenewChain> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: RenewChain, _: &mut Self::Context) {
        self.renew(message.0);
    }
}

impl Handler<KillChain> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: KillChain, ctx: &mut Self::Context) {
        self.kill(message.0, ctx);
    }
}

impl Handler<Disband> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: Disband, ctx: &mut Self::Context) {
        self.leaving = true;
        if self.chains.is_empty() {
            return ctx.stop();
        }
        let all: Vec<usize> = self.chains.keys().copied().collect();
        for id in all {
            self.kill(id, ctx);
        }
    }
}
