//! Draws faults from the seed and ends them again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft::NodeId;
use fastrand::Rng;

use crate::clients::Clients;
use crate::links::{Links, Pair};
use crate::orders::{Answer, Ask, Order, Reply};
use crate::site::Site;
use crate::weather::{FaultId, Kind, Way};

/// So many at once.
const MOST_ACTIVE: usize = 2;

pub struct Faults<'k> {
    kinds: &'k [Kind],
    random: Rng,
    next_at: Duration,
    active: Vec<Active>,
    /// Changes that were ordered and not answered yet.
    ordered: Vec<(FaultId, Reply)>,
    begun: Vec<Kind>,
    pub links: Links,
    pub losses: Losses,
}

/// What crashes have taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Losses {
    pub crashes: u64,
    /// That took something from the log.
    pub with_lost_writes: u64,
    pub log_changes: u64,
    /// That took something from the state.
    pub with_older_state: u64,
}

struct Active {
    id: FaultId,
    until: Duration,
    effect: Effect,
}

enum Effect {
    /// Nothing passes.
    Cut(BTreeSet<Way>),
    /// So many milliseconds at most.
    Slow(BTreeSet<Pair>, u64),
    Pause(NodeId),
    Stall(BTreeSet<NodeId>),
    /// In milliseconds.
    Skew(NodeId, i64),
    Down(NodeId),
}

impl<'k> Faults<'k> {
    pub fn new(kinds: &'k [Kind], mut random: Rng) -> Self {
        let next_at = Duration::from_millis(random.u64(300..1500));
        Self {
            kinds,
            random,
            next_at,
            active: Vec::new(),
            ordered: Vec::new(),
            begun: Vec::new(),
            links: Links::default(),
            losses: Losses::default(),
        }
    }

    /// Ends what is over and begins something new when it is time.
    pub fn step(&mut self, sim: &mut turmoil::Sim<'_>, site: &Site, clients: &mut Clients, step: u64) {
        let now = sim.elapsed();
        self.collect(site);
        let (over, active) =
            std::mem::take(&mut self.active).into_iter().partition(|active: &Active| active.until <= now);
        self.active = active;
        let mut changed = self.end(sim, site, over);
        if self.next_at <= now {
            self.next_at = now + Duration::from_millis(self.random.u64(150..900));
            if self.active.len() < MOST_ACTIVE {
                self.begin(sim, site, clients, now, step);
                changed = true;
            }
        }
        if changed {
            self.apply(sim, site);
        }
    }

    /// Ends everything.
    pub fn heal(&mut self, sim: &mut turmoil::Sim<'_>, site: &Site) {
        let all = std::mem::take(&mut self.active);
        site.witness.note(|| "all faults end".to_owned());
        self.end(sim, site, all);
        self.apply(sim, site);
    }

    /// The faults that began and those that struck, by kind.
    pub fn tally(&self, site: &Site) -> BTreeMap<Kind, (u64, u64)> {
        let struck = site.weather.struck();
        let mut tally: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
        for (id, kind) in self.begun.iter().enumerate() {
            let (begun, bit) = tally.entry(*kind).or_default();
            *begun += 1;
            *bit += u64::from(struck.contains(&(id as FaultId)));
        }
        tally
    }

    /// Whether what was ordered has been done.
    pub fn collect(&mut self, site: &Site) {
        self.ordered.retain(|(id, reply)| {
            let Some(answer) = reply.take() else { return true };
            site.witness.note(|| format!("fault {id} is answered {answer:?}"));
            if answer == Answer::Done {
                site.weather.strikes(*id);
            }
            false
        });
    }

    fn end(&mut self, sim: &mut turmoil::Sim<'_>, site: &Site, over: Vec<Active>) -> bool {
        for Active { id, effect, .. } in &over {
            site.witness.note(|| format!("fault {id} ends"));
            if let Effect::Down(node) = effect {
                sim.bounce(crate::network::host(*node));
            }
        }
        !over.is_empty()
    }

    fn begin(
        &mut self,
        sim: &mut turmoil::Sim<'_>,
        site: &Site,
        clients: &mut Clients,
        now: Duration,
        step: u64,
    ) {
        let kind = self.kinds[self.random.usize(..self.kinds.len())];
        let id = self.begun.len() as FaultId;
        self.begun.push(kind);
        site.witness.note(|| format!("fault {id}: {kind:?}"));
        let effects = match kind {
            Kind::Crash => {
                let running = site.running();
                let leader = site.leader().map(|(leader, _)| leader).filter(|_| self.random.u8(..3) == 0);
                let victim = leader.or_else(|| self.random.choice(running));
                self.crash(sim, site, clients, victim.into_iter().collect(), id, step)
            }
            Kind::PowerLoss => self.crash(sim, site, clients, site.running(), id, step),
            Kind::Transfer | Kind::AddLearner | Kind::Promote | Kind::Demote | Kind::Remove => {
                self.order(site, kind, id);
                Vec::new()
            }
            kind => self.disturb(site, kind).into_iter().collect(),
        };
        for effect in effects {
            let longest = match (&effect, kind) {
                (_, Kind::Drops) => 100,
                _ => 1200,
            };
            let until = now + Duration::from_millis(self.random.u64(20..longest));
            self.active.push(Active { id, until, effect });
        }
    }

    fn crash(
        &mut self,
        sim: &mut turmoil::Sim<'_>,
        site: &Site,
        clients: &mut Clients,
        victims: Vec<NodeId>,
        id: FaultId,
        step: u64,
    ) -> Vec<Effect> {
        for victim in &victims {
            let place = &site.places[victim];
            place.ended();
            sim.crash(crate::network::host(*victim));
            let loss = place.disk().crash();
            site.witness.note(|| format!("node {victim} crashes: {loss:?}"));
            clients.node_ended(*victim, step);
            self.losses.crashes += 1;
            self.losses.with_lost_writes += u64::from(loss.log_changes > 0);
            self.losses.log_changes += loss.log_changes as u64;
            self.losses.with_older_state += u64::from(loss.has_older_state);
            site.weather.strikes(id);
        }
        victims.into_iter().map(Effect::Down).collect()
    }

    fn disturb(&mut self, site: &Site, kind: Kind) -> Option<Effect> {
        let mut nodes: Vec<NodeId> = site.nodes().into_iter().collect();
        self.random.shuffle(&mut nodes);
        let leader = site.leader().map_or(nodes[0], |(leader, _)| leader);
        let few = self.random.usize(1..=(nodes.len() - 1) / 2);
        Some(match kind {
            Kind::MinorityCut => Effect::Cut(between(&nodes[..few], &nodes[few..])),
            Kind::LeaderCut => {
                nodes.retain(|node| *node != leader);
                let (mut side, rest) = (nodes[..few - 1].to_vec(), &nodes[few - 1..]);
                side.push(leader);
                Effect::Cut(between(&side, rest))
            }
            Kind::AllCut => Effect::Cut(between(&nodes, &nodes)),
            Kind::OneWay => {
                let from = if self.random.bool() { leader } else { nodes[0] };
                nodes.retain(|node| *node != from);
                nodes.truncate(self.random.usize(1..=nodes.len()));
                let away = self.random.bool();
                let way = |other: NodeId| if away { (from, other) } else { (other, from) };
                Effect::Cut(nodes.into_iter().map(way).collect())
            }
            Kind::Bridge => {
                let (halves, _bridge) = nodes.split_at(nodes.len() - 1);
                let (left, right) = halves.split_at(halves.len() / 2);
                Effect::Cut(between(left, right))
            }
            Kind::Drops => Effect::Cut([(nodes[0], nodes[1])].into()),
            Kind::Delays => {
                let pairs = between(&nodes[..few], &nodes[few..]);
                let pairs = pairs.into_iter().filter(|(a, b)| a < b);
                Effect::Slow(pairs.collect(), self.random.u64(50..600))
            }
            Kind::Pause => Effect::Pause(if self.random.bool() { leader } else { nodes[0] }),
            Kind::DiskStall => {
                nodes.truncate(self.random.usize(1..=nodes.len()));
                Effect::Stall(nodes.into_iter().collect())
            }
            Kind::ClockSkew => {
                let wrong = self.random.i64(-3_600_000..3_600_000);
                Effect::Skew(if self.random.bool() { leader } else { nodes[0] }, wrong)
            }
            _ => return None,
        })
    }

    /// Has the leader change something, when there is one and there is something to change.
    fn order(&mut self, site: &Site, kind: Kind, id: FaultId) {
        let Some((leader, status)) = site.leader() else { return };
        let members: BTreeSet<NodeId> = status.voters.union(&status.learners).copied().collect();
        let mut random = self.random.fork();
        let mut one_of = |nodes: Vec<NodeId>| random.choice(nodes);
        let least_voters = if site.nodes().len() > 3 { 3 } else { 2 };
        let voters_but = |node: NodeId| status.voters.iter().copied().filter(move |voter| *voter != node);
        let ask = match kind {
            Kind::Transfer => one_of(voters_but(leader).collect()).map(|to| Ask::Transfer { to }),
            Kind::AddLearner => one_of(site.nodes().difference(&members).copied().collect())
                .map(|node| Ask::AddLearner { node, peer: site.places[&node].member.peer() }),
            Kind::Promote => one_of(status.learners.iter().copied().collect())
                .map(|node| Ask::SetVoters { voters: voters_but(0).chain([node]).collect() }),
            Kind::Demote if status.voters.len() > least_voters => {
                one_of(status.voters.iter().copied().collect())
                    .map(|node| Ask::SetVoters { voters: voters_but(node).collect() })
            }
            Kind::Remove => {
                one_of(status.learners.iter().copied().collect()).map(|node| Ask::Remove { node })
            }
            _ => None,
        };
        let process = site.places[&leader].process();
        if let (Some(ask), Some(process)) = (ask, process) {
            site.witness.note(|| format!("fault {id} asks node {leader}: {ask:?}"));
            let reply = Reply::default();
            // Fails only when the process has just ended.
            let _ = process.orders.send(Order { ask, reply: reply.clone() });
            self.ordered.push((id, reply));
        }
    }

    /// Makes network, disks and clocks what the active faults say.
    fn apply(&mut self, sim: &mut turmoil::Sim<'_>, site: &Site) {
        let mut links = Links::default();
        let mut ways: BTreeMap<Way, (FaultId, bool)> = BTreeMap::new();
        let (mut stalled, mut skewed) = (BTreeMap::new(), BTreeMap::new());
        for Active { id, effect, .. } in &self.active {
            match effect {
                Effect::Cut(cut) => {
                    ways.extend(cut.iter().map(|way| (*way, (*id, true))));
                    links.cut.extend(cut);
                }
                Effect::Slow(pairs, most) => {
                    for (a, b) in pairs {
                        ways.entry((*a, *b)).or_insert((*id, false));
                        ways.entry((*b, *a)).or_insert((*id, false));
                    }
                    links.slow.extend(pairs.iter().map(|pair| (*pair, *most)));
                }
                Effect::Pause(node) => {
                    for other in site.nodes().into_iter().filter(|other| other != node) {
                        ways.entry((*node, other)).or_insert((*id, false));
                        ways.entry((other, *node)).or_insert((*id, false));
                        links.held.insert((*node.min(&other), *node.max(&other)));
                    }
                    stalled.insert(*node, *id);
                }
                Effect::Stall(nodes) => stalled.extend(nodes.iter().map(|node| (*node, *id))),
                Effect::Skew(node, wrong) => {
                    skewed.insert(*node, (*id, *wrong));
                }
                Effect::Down(_) => {}
            }
        }
        for (node, place) in &site.places {
            place.disk().is_stalled = stalled.contains_key(node);
        }
        links.replace(sim, &self.links, &site.nodes());
        self.links = links;
        site.weather.set_ways(ways);
        site.weather.set_stalled(stalled);
        site.weather.set_skewed(skewed);
    }
}

/// The ways between two groups, in both directions.
fn between(left: &[NodeId], right: &[NodeId]) -> BTreeSet<Way> {
    let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (*a, *b)));
    pairs.filter(|(a, b)| a != b).flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}
