//! A model of ownership, searched exhaustively within its bounds: one partition, two nodes, a leader that gives it to one or
//! the other at any time, owners that are paused (they do nothing for as long as it takes), processes that end, units that
//! arrive after their sender was given up, answers that are lost. Fences are decided by the real `Claim::decide`.
//!
//! Each guard is then taken out in turn, and the search must find what goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod guards;
mod world;

use std::collections::BTreeSet;

use guards::Guard;
use stateright::{Checker, HasDiscoveries, Model, Property};
use world::{ASSIGNMENTS, Action, Harm, RECORDS, World};

struct Play {
    missing: Option<Guard>,
}

const ALL_HARM: [(Harm, &str); 6] = [
    (Harm::Doubled, "no record is delivered twice"),
    (Harm::Lost, "what is not delivered can be read"),
    (Harm::Stale, "an older epoch changes nothing"),
    (Harm::Shared, "an epoch belongs to one attempt of one process"),
    (Harm::Back, "the epoch at a destination does not go back"),
    (Harm::Ahead, "source behind checkpoint, checkpoint behind marker"),
];

const TOLD_TRUTH: &str = "the marker tells what is delivered";
const COMPLETE: &str = "everything is delivered after a takeover";
const REFUSED: &str = "an old owner is refused";

fn name(harm: Harm) -> &'static str {
    ALL_HARM.iter().find(|(known, _)| *known == harm).unwrap().1
}

impl Model for Play {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.possible(actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        world.after(action, self.missing)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let never: [fn(&Self, &World) -> bool; 6] = [
            |_, world| !world.harm.contains(&Harm::Doubled),
            |_, world| !world.harm.contains(&Harm::Lost),
            |_, world| !world.harm.contains(&Harm::Stale),
            |_, world| !world.harm.contains(&Harm::Shared),
            |_, world| !world.harm.contains(&Harm::Back),
            |_, world| !world.harm.contains(&Harm::Ahead),
        ];
        let mut properties: Vec<_> =
            ALL_HARM.iter().zip(never).map(|((_, name), never)| Property::always(name, never)).collect();
        properties.push(Property::always(TOLD_TRUTH, |_, world: &World| {
            let delivered = world.rows.iter().map(|times| *times > 0);
            delivered.eq((0..RECORDS).map(|record| record < world.stored.next))
        }));
        properties.push(Property::sometimes(COMPLETE, |_, world: &World| {
            world.acknowledged == RECORDS && world.epoch == ASSIGNMENTS && world.stored.epoch == ASSIGNMENTS
        }));
        properties.push(Property::sometimes(REFUSED, |_, world: &World| world.refused));
        properties
    }
}

/// Searches everything, or until that harm is found; the properties for which the search has an example: a counterexample
/// of those that must always hold, a witness of the others.
fn found(missing: Option<(Guard, Harm)>) -> BTreeSet<&'static str> {
    let until = missing.map_or(HasDiscoveries::All, |(_, harm)| HasDiscoveries::AnyOf([name(harm)].into()));
    let play = Play { missing: missing.map(|(guard, _)| guard) };
    let checker = play.checker().threads(2).finish_when(until).spawn_bfs().join();
    println!(
        "without {:?}: {} distinct states",
        missing.map(|(guard, _)| guard),
        checker.unique_state_count()
    );
    checker.discoveries().into_keys().collect()
}

#[test]
fn owners_that_come_and_go_deliver_every_record_once() {
    assert_eq!(found(None), BTreeSet::from([COMPLETE, REFUSED]));
}

#[test]
fn each_guard_is_needed() {
    for (guard, harm) in Guard::ALL {
        assert!(
            found(Some((guard, harm))).contains(name(harm)),
            "nothing noticed that {guard:?} was missing"
        );
    }
}
