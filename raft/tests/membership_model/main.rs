//! Models of the membership, searched exhaustively within their bounds.
//!
//! [`group`] is Raft below the rules: what is committed stays committed while voters change, disks are wiped,
//! leaders are deposed and answers are lost. [`steward`] is the rules above Raft: whatever change a steward
//! might wish for, the guards of `etl_raft::membership` keep the cluster able to work while nodes join, die,
//! come back and are removed. Each guard is then taken away in turn, and the search must find what goes
//! wrong: a guard whose absence nothing notices is not tested.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod group;
mod steward;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Searches everything, or until `harm` is found, prints how much was searched, and gives the properties that
/// were found not to hold.
fn broken<M>(name: &str, model: M, harm: Option<&'static str>) -> BTreeSet<&'static str>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    let expectations: Vec<_> =
        model.properties().into_iter().map(|property| (property.name, property.expectation)).collect();
    let until = harm.map_or(HasDiscoveries::All, |harm| HasDiscoveries::AnyOf([harm].into()));
    let checker = model.checker().threads(2).finish_when(until).spawn_bfs().join();
    let found = checker.discoveries();
    let broken: BTreeSet<&'static str> = expectations
        .into_iter()
        .filter(|(name, expectation)| match expectation {
            Expectation::Always | Expectation::Eventually => found.contains_key(name),
            Expectation::Sometimes => harm.is_none() && !found.contains_key(name),
        })
        .map(|(name, _)| name)
        .collect();
    println!(
        "{name}: {} states, {} distinct, depth {}, broken: {broken:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
    );
    broken
}
