//! Three machines, on which members of a Raft group live. Messages are lost, and so are answers: a receiver
//! may act on what its sender never learns. Nothing but the disk survives from one action to the next, except
//! what candidates and leaders have counted, so that a machine that stops for a while is one that is not
//! heard.

mod actions;
mod machine;
mod state;

use std::collections::BTreeSet;

use stateright::{Model, Property};

use crate::broken;
use actions::Action;
use state::State;

/// What makes a change of members safe; one may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A request names the store it is meant for, and a machine with another refuses.
    StoreIsChecked,
    /// A store that registers gets an id that nobody had.
    IdsAreNew,
    /// From one set of voters to the next by way of a configuration in which both must agree.
    JointStep,
    /// A change begins only when the one before it is committed.
    OneAtATime,
    /// Nobody votes for a candidate whose log is older than its own. Raft's rule, not one of ours: a control.
    LogIsCompared,
}

struct Group {
    missing: Option<Rule>,
    bounds: Bounds,
}

#[derive(Clone, Copy)]
struct Bounds {
    term: u8,
    entries: usize,
    writes: u8,
    changes: u8,
    wipes: u8,
}

impl Group {
    fn has(&self, rule: Rule) -> bool {
        self.missing != Some(rule)
    }
}

impl Model for Group {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::founded()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.after(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(HARM, |_, state: &State| !state.has_diverged),
            Property::always("one leader a term", |_, state: &State| state.has_one_leader_a_term()),
            Property::sometimes("another leads", |_, state: &State| state.has_leader_in_later_term()),
        ];
        if self.bounds.changes > 0 && self.missing.is_none() {
            properties.push(Property::sometimes("voters were changed", |_, state: &State| {
                state.has_committed_other_voters()
            }));
        }
        if self.bounds.wipes > 0 && self.missing.is_none() {
            properties.push(Property::sometimes("a wiped machine is a member again", |_, state: &State| {
                state.has_newcomer()
            }));
        }
        properties
    }
}

const HARM: &str = "what was committed stays";
const CHANGES: Bounds = Bounds { term: 3, entries: 6, writes: 1, changes: 2, wipes: 0 };
const WIPES: Bounds = Bounds { term: 3, entries: 4, writes: 1, changes: 0, wipes: 1 };

fn search(missing: Option<Rule>, bounds: Bounds, name: &str) -> BTreeSet<&'static str> {
    let rules = missing.map_or_else(|| "all rules".to_owned(), |rule| format!("without {rule:?}"));
    let harm = missing.map(|_| HARM);
    broken(&format!("group, {name}, {rules}"), Group { missing, bounds }, harm)
}

#[test]
fn committed_entries_stay_while_voters_change() {
    assert_eq!(search(None, CHANGES, "voters change"), BTreeSet::new());
}

#[test]
fn committed_entries_stay_when_a_disk_is_wiped() {
    assert_eq!(search(None, WIPES, "a disk is wiped"), BTreeSet::new());
}

#[test]
fn without_any_one_of_the_rules_they_are_lost() {
    for (rule, bounds, name) in [
        (Rule::JointStep, CHANGES, "voters change"),
        (Rule::OneAtATime, CHANGES, "voters change"),
        (Rule::LogIsCompared, CHANGES, "voters change"),
        (Rule::StoreIsChecked, WIPES, "a disk is wiped"),
        (Rule::IdsAreNew, WIPES, "a disk is wiped"),
    ] {
        let broken = search(Some(rule), bounds, name);
        assert!(broken.contains(HARM), "nothing noticed that {rule:?} was missing");
    }
}
