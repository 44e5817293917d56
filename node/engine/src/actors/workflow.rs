use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use actix::prelude::*;
use etl_model::{Counters, Marker, StepName};
use etl_sdk::{RetryPolicy, RunContext};
use tokio::sync::oneshot;

use super::{StartChain, SupervisorActor};
use crate::chain::OpenChain;
use crate::coordination::complete;
use crate::messages::{ChainEvent, Drain};
use crate::options::ChainShare;
use crate::pipeline::Pipeline;
use crate::report::{Outcome, PartitionFailure, RouteReport, RunReport};

/// What a run consists of, prepared before the actor starts.
pub(crate) struct WorkflowSetup {
    pub run: RunContext,
    pub chains: Vec<OpenChain>,
    pub pipeline: Pipeline,
    pub share: ChainShare,
    /// Chains that run at once.
    pub parallelism: usize,
    /// Whether further chains may come until it is told to stop.
    pub grows: bool,
    pub retry: RetryPolicy,
    pub supervisor: Addr<SupervisorActor>,
    pub started: Instant,
}

/// Orchestrates one run: starts chains up to the parallelism, completes the destinations when all are done, and
/// reports the totals.
pub(crate) struct WorkflowActor {
    setup: WorkflowSetup,
    waiting: VecDeque<usize>,
    running: usize,
    stopping: bool,
    markers: BTreeMap<usize, Vec<Option<Marker>>>,
    failures: Vec<PartitionFailure>,
    retries: u32,
    report: Option<oneshot::Sender<RunReport>>,
}

/// Begins the run; the report goes to the sender.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Begin(pub oneshot::Sender<RunReport>);

/// Partitions have come.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Grow(pub Vec<OpenChain>);

impl WorkflowActor {
    /// A run that has not begun.
    pub fn new(setup: WorkflowSetup) -> Self {
        let waiting = (0..setup.chains.len()).collect();
        Self {
            setup,
            waiting,
            running: 0,
            stopping: false,
            markers: BTreeMap::new(),
            failures: Vec::new(),
            retries: 0,
            report: None,
        }
    }

    fn advance(&mut self, ctx: &mut Context<Self>) {
        while self.running < self.setup.parallelism && !self.stopping {
            let Some(chain) = self.waiting.pop_front() else { break };
            self.running += 1;
            let request = self.setup.chains[chain].clone();
            let reply = ctx.address().recipient();
            self.setup.supervisor.do_send(StartChain { chain, request, share: self.setup.share, reply });
        }
        let waits = self.setup.grows && !self.stopping;
        if self.running == 0 && !waits {
            self.finish(ctx);
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.setup.supervisor.do_send(Drain);
    }

    fn done(&self) -> usize {
        let all_done = |markers: &&Vec<Option<Marker>>| {
            markers.iter().all(|marker| marker.as_ref().is_some_and(|marker| marker.done))
        };
        self.markers.values().filter(all_done).count()
    }

    fn finish(&mut self, ctx: &mut Context<Self>) {
        if self.setup.grows || self.done() < self.setup.chains.len() || !self.failures.is_empty() {
            let outcome = if self.failures.is_empty() { Outcome::Stopped } else { Outcome::Failed };
            return self.conclude(outcome);
        }
        let pipeline = self.setup.pipeline.clone();
        let (run, retry) = (self.setup.run.clone(), self.setup.retry.clone());
        let mut chains: Vec<&OpenChain> = self.setup.chains.iter().collect();
        chains.sort_by_key(|chain| chain.index);
        let partitions: Vec<_> = chains
            .into_iter()
            .map(|chain| (chain.plan.source.name.clone(), chain.partition.id.clone()))
            .collect();
        let work = async move { complete(&pipeline, &run, &partitions, &retry).await };
        ctx.spawn(work.into_actor(self).map(|errors, actor, _| {
            let failure = |error| PartitionFailure { source: None, partition: None, error };
            actor.failures.extend(errors.into_iter().map(failure));
            let completed = actor.failures.is_empty();
            actor.conclude(if completed { Outcome::Completed } else { Outcome::Failed });
        }));
    }

    fn conclude(&mut self, outcome: Outcome) {
        let mut routes: BTreeMap<(StepName, StepName), Counters> = BTreeMap::new();
        for (chain, request) in self.setup.chains.iter().enumerate() {
            for (output, plan) in request.plan.outputs.iter().enumerate() {
                let key = (request.plan.source.name.clone(), plan.step.name.clone());
                let total = routes.entry(key).or_default();
                let marker = self.markers.get(&chain).and_then(|markers| markers.get(output)?.as_ref());
                *total += marker.map(|marker| marker.counters).unwrap_or_default();
            }
        }
        let report = RunReport {
            outcome,
            routes: routes
                .into_iter()
                .map(|((source, destination), counters)| RouteReport { source, destination, counters })
                .collect(),
            failures: std::mem::take(&mut self.failures),
            partitions: (self.done(), self.setup.chains.len()),
            retries: self.retries,
            elapsed: self.setup.started.elapsed(),
        };
        if let Some(sender) = self.report.take() {
            // The receiver is gone only when the whole run has been dropped.
            let _ = sender.send(report);
        }
    }
}

impl Actor for WorkflowActor {
    type Context = Context<Self>;
}

impl Handler<Begin> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, message: Begin, ctx: &mut Self::Context) {
        self.report = Some(message.0);
        self.advance(ctx);
    }
}

impl Handler<Drain> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        let waited = self.setup.grows && self.running == 0 && !self.stopping;
        self.stop();
        if waited {
            self.finish(ctx);
        }
    }
}

impl Handler<Grow> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, message: Grow, ctx: &mut Self::Context) {
        let known = self.setup.chains.len();
        self.setup.chains.extend(message.0);
        self.waiting.extend(known..self.setup.chains.len());
        if !self.stopping {
            self.advance(ctx);
        }
    }
}

impl Handler<ChainEvent> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, message: ChainEvent, ctx: &mut Self::Context) {
        self.running = self.running.saturating_sub(1);
        match message {
            ChainEvent::Ended { chain, markers, attempts } => {
                self.retries += attempts.saturating_sub(1);
                self.markers.insert(chain, markers.into_iter().map(Some).collect());
            }
            ChainEvent::Withdrawn { chain, markers } => drop(self.markers.insert(chain, markers)),
            ChainEvent::Failed { chain, error, markers } => {
                let request = &self.setup.chains[chain];
                self.failures.push(PartitionFailure {
                    source: Some(request.plan.source.name.clone()),
                    partition: Some(request.partition.id.clone()),
                    error,
                });
                self.markers.insert(chain, markers);
                self.stop();
            }
            // Nobody kills single chains of a run that one process carries out alone.
            ChainEvent::Killed { .. } => {}
        }
        self.advance(ctx);
    }
}
