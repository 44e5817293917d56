//! Up to four nodes and whoever stewards them. It may try any change there is, however foolish: only the
//! guards of `etl_raft::membership` stand in its way. What a node is told about others is accurate here; that
//! a node died a moment ago and nobody knows is what no guard can help against.

mod actions;
mod world;

use std::collections::BTreeSet;

use etl_raft::membership::Guard;
use stateright::{Model, Property};

use crate::broken;
use actions::Action;
use world::World;

struct Rules {
    missing: Option<Guard>,
    bounds: Bounds,
}

/// How often what may happen.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    deaths: u8,
    registrations: u8,
    removals: u8,
    changes: u8,
    /// Whether software is upgraded.
    upgrades: bool,
}

impl Model for Rules {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::founded(1), World::founded(3)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.possible(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        world.take(&action)?;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("what is begun can be committed", |_, world: &World| !world.has_begun_in_vain),
            Property::always("writes go on after a change", |_, world: &World| !world.has_stalled),
            Property::always("more voters bear no fewer failures", |_, world: &World| !world.is_weakened),
            Property::always("only the admitted take part", |_, world: &World| !world.has_stranger),
            Property::always("one change after the other", |_, world: &World| world.configs.len() <= 2),
            Property::always("the leader votes", |_, world: &World| world.leader_votes()),
            Property::always("voters are members", |_, world: &World| world.voters_are_members()),
            Property::always("features are known to all", |_, world: &World| world.level_is_known()),
        ];
        properties.push(Property::sometimes("another leads", |_, world: &World| world.leader == Some(2)));
        if self.bounds.registrations > 1 {
            properties.push(Property::sometimes("one became three", |_, world: &World| {
                world.founders == 1 && world.configs.len() == 1 && world.voters().len() == 3
            }));
        }
        properties
    }
}

const FAILURES: Bounds = Bounds { deaths: 2, registrations: 1, removals: 1, changes: 1, upgrades: false };
const GROWTH: Bounds = Bounds { deaths: 1, registrations: 2, removals: 1, changes: 2, upgrades: false };
const UPGRADES: Bounds = Bounds { deaths: 0, registrations: 1, removals: 1, changes: 1, upgrades: true };

fn search(name: &str, bounds: Bounds) -> BTreeSet<&'static str> {
    broken(&format!("steward, {name}, all guards"), Rules { missing: None, bounds }, None)
}

#[test]
fn with_all_guards_no_change_does_harm() {
    for (name, bounds) in [("failures", FAILURES), ("growth", GROWTH), ("upgrades", UPGRADES)] {
        assert_eq!(search(name, bounds), BTreeSet::new(), "{name}");
    }
}

#[test]
fn without_any_one_of_the_guards_some_change_does() {
    for (guard, bounds, harm) in [
        (Guard::OneAtATime, GROWTH, "one change after the other"),
        (Guard::LeaderVotes, FAILURES, "the leader votes"),
        (Guard::QuorumBefore, FAILURES, "what is begun can be committed"),
        (Guard::QuorumAfter, FAILURES, "writes go on after a change"),
        (Guard::CaughtUp, GROWTH, "more voters bear no fewer failures"),
        (Guard::Admitted, GROWTH, "only the admitted take part"),
        (Guard::StillVotes, FAILURES, "voters are members"),
        (Guard::AllKnowIt, UPGRADES, "features are known to all"),
    ] {
        let rules = Rules { missing: Some(guard), bounds };
        let broken = broken(&format!("steward, without {guard:?}"), rules, Some(harm));
        assert!(broken.contains(harm), "nothing noticed that {guard:?} was missing");
    }
}
