//! One simulation from beginning to end, and the judgement of it.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use etl_raft::NodeId;
use etl_raft_state::Response;
use fastrand::Rng;

use crate::clients::{Clients, KEYS, Tally, hash, put};
use crate::damage::Damage;
use crate::faults::{Faults, Losses};
use crate::history::{Call, Input, Output, check};
use crate::links::USUAL_LATENCY;
use crate::network::host;
use crate::node;
use crate::orders::{Answer, Ask, Order, Reply};
use crate::site::Site;
use crate::weather::Kind;
use crate::witness::Sights;

const TICK: Duration = Duration::from_millis(4);

/// After all faults have ended every member must be able to write, and all must be the same, within this time.
const RECOVERY: Duration = Duration::from_secs(20);

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub damage: Option<Damage>,
    pub kinds: &'static [Kind],
}

/// What was seen.
pub struct Outcome {
    pub violations: Vec<String>,
    pub trace: Vec<String>,
    pub faults: BTreeMap<Kind, (u64, u64)>,
    pub losses: Losses,
    pub tally: Tally,
    pub sights: Sights,
    pub simulated: Duration,
    /// From the end of the last fault until all was well.
    pub recovery: Duration,
}

struct World<'s> {
    sim: turmoil::Sim<'s>,
    site: Site,
    clients: Clients,
    faults: Faults<'static>,
    step: u64,
}

pub fn simulate(plan: Plan) -> Outcome {
    let mut random = Rng::with_seed(plan.seed);
    let mut world = World::new(plan, &mut random);
    let end = Duration::from_millis(random.u64(3_000..6_000));
    while world.sim.elapsed() < end && world.site.witness.violations().is_empty() {
        world.faults.step(&mut world.sim, &world.site, &mut world.clients, world.step);
        world.clients.begin(&world.site, world.step);
        world.advance();
    }
    let healed = world.sim.elapsed();
    world.faults.heal(&mut world.sim, &world.site);
    if world.site.witness.violations().is_empty() {
        world.recover();
    }
    let recovery = world.sim.elapsed() - healed;
    world.clients.end(world.step);
    world.judge();
    Outcome {
        violations: world.site.witness.violations(),
        trace: world.site.witness.trace(),
        faults: world.faults.tally(&world.site),
        losses: world.faults.losses,
        tally: world.clients.tally,
        sights: world.site.witness.sights(),
        simulated: world.sim.elapsed(),
        recovery,
    }
}

impl World<'_> {
    fn new(plan: Plan, random: &mut Rng) -> Self {
        let nodes = random.u64(3..=5);
        let voters = random.u64(3..=nodes);
        let mut sim = turmoil::Builder::new()
            .rng_seed(random.u64(..))
            .tick_duration(TICK)
            .simulation_duration(Duration::from_secs(3600))
            .epoch(UNIX_EPOCH)
            .min_message_latency(Duration::ZERO)
            .max_message_latency(USUAL_LATENCY)
            .tcp_capacity(4096)
            .enable_random_order()
            .build();
        let site = Site::new(nodes, voters, plan.damage, random);
        site.witness.note(|| format!("seed {}: {nodes} nodes, {voters} voters", plan.seed));
        for (node, place) in &site.places {
            let place = place.clone();
            sim.host(host(*node), move || node::run(place.clone()));
        }
        let clients = Clients::new(random.u64(2..=5), random.fork());
        let faults = Faults::new(plan.kinds, random.fork());
        Self { sim, site, clients, faults, step: 0 }
    }

    fn advance(&mut self) {
        if let Err(error) = self.sim.step() {
            self.site.witness.violation(format!("a host has failed: {error}"));
        }
        self.clients.collect(&self.site, self.step);
        self.step += 1;
    }

    /// Waits until every member can write and read, and all have the same state.
    fn recover(&mut self) {
        let until = self.sim.elapsed() + RECOVERY;
        let mut checks: BTreeMap<NodeId, Checks> = BTreeMap::new();
        loop {
            self.faults.collect(&self.site);
            if let Some((_, status)) = self.site.leader() {
                // A removal that was ordered before may be carried out only now.
                checks.retain(|node, _| status.peers.contains_key(node));
                for node in status.peers.keys() {
                    checks.entry(*node).or_default();
                }
                let done =
                    checks.values_mut().all(|checks| checks.left.is_empty() && checks.under_way.is_none());
                if done && !checks.is_empty() && self.all_agree(&checks) {
                    break;
                }
            }
            for (node, checks) in &mut checks {
                checks.proceed(*node, &self.site, &mut self.clients, self.step);
            }
            self.advance();
            if self.sim.elapsed() > until || !self.site.witness.violations().is_empty() {
                let status: Vec<_> = self.site.places.values().filter_map(|place| place.status()).collect();
                self.site.witness.violation(format!("no recovery within {RECOVERY:?}: {status:#?}"));
                return;
            }
        }
        let place = &self.site.places[checks.keys().next().expect("there is a member")];
        if let Some(process) = place.process() {
            let problems = process.consensus.peek(|state| self.acknowledged_but_lost(state));
            problems.into_iter().for_each(|problem| self.site.witness.violation(problem));
        }
    }

    /// Whether all members have applied the same entries; compares their states.
    fn all_agree(&self, checks: &BTreeMap<NodeId, Checks>) -> bool {
        let processes: Option<Vec<_>> = checks.keys().map(|node| self.site.places[node].process()).collect();
        let Some(processes) = processes else { return false };
        let mut applied: Vec<_> =
            processes.iter().map(|process| *process.consensus.applied().borrow()).collect();
        applied.dedup();
        let [Some(applied)] = applied[..] else { return false };
        for process in processes {
            let digest = process.consensus.peek(|state| state.digest());
            self.site.witness.state(applied.index, digest);
        }
        true
    }

    fn acknowledged_but_lost(&self, state: &etl_raft_state::State) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, calls) in &self.clients.histories {
            let kept: BTreeMap<u64, _> =
                state.workflows().history(key).map(|version| (version.version, version.hash)).collect();
            let oldest = kept.keys().next().copied().unwrap_or(0);
            for call in calls {
                let (Input::Put { value, .. }, Some(Output::Written { version })) = (call.input, call.output)
                else {
                    continue;
                };
                if version >= oldest && kept.get(&version) != Some(&hash(value)) {
                    problems.push(format!("{key} was given {value} as version {version}, which is lost"));
                }
            }
            let mut hashes: Vec<_> = kept.values().collect();
            hashes.sort_unstable();
            if let Some(twice) = hashes.windows(2).find(|pair| pair[0] == pair[1]) {
                problems.push(format!("{key} was given {} twice", twice[0]));
            }
        }
        problems
    }

    /// Whether what the clients saw can be.
    fn judge(&mut self) {
        for (key, calls) in &mut self.clients.histories {
            calls.sort_by_key(|call| call.called);
            if let Err(problem) = check(calls) {
                self.site.witness.violation(format!("{key} is not linearizable: {problem}"));
            }
        }
    }
}

/// What a member has to do to show that it is well: one write, then a read of each key.
struct Checks {
    left: Vec<Check>,
    under_way: Option<(Check, u64, Reply)>,
}

#[derive(Clone, Copy)]
enum Check {
    Write,
    Read(&'static str),
}

impl Default for Checks {
    fn default() -> Self {
        let reads = KEYS.into_iter().map(Check::Read);
        Self { left: reads.chain([Check::Write]).collect(), under_way: None }
    }
}

impl Checks {
    fn proceed(&mut self, node: NodeId, site: &Site, clients: &mut Clients, step: u64) {
        let Some(process) = site.places[&node].process() else { return };
        let Some((what, called, reply)) = &self.under_way else {
            let Some(next) = self.left.pop() else { return };
            let ask = match next {
                Check::Write => {
                    let value = clients.fresh_value();
                    Ask::Write { session: None, command: Box::new(put("last", value, None).into()) }
                }
                Check::Read(key) => Ask::Read { key: key.to_owned() },
            };
            let reply = Reply::default();
            // Fails only when the process has ended.
            let _ = process.orders.send(Order { ask, reply: reply.clone() });
            self.under_way = Some((next, 2 * step, reply));
            return;
        };
        let (what, called) = (*what, *called);
        let Some(answer) = reply.take() else { return };
        self.under_way = None;
        site.witness.note(|| format!("node {node} answers {answer:?}"));
        match (what, answer) {
            (Check::Write, Answer::Written(Response::WorkflowPut { .. })) => {}
            (Check::Read(key), Answer::Found(found)) => {
                let output = Some(Output::Found(found));
                clients.add(key, Call { input: Input::Read, output, called, returned: 2 * step + 1 });
            }
            // Not well yet.
            _ => self.left.push(what),
        }
    }
}

/// Hosts and site know each other.
impl Drop for World<'_> {
    fn drop(&mut self) {
        self.site.places.values().for_each(|place| place.ended());
    }
}
