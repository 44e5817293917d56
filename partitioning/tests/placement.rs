//! Properties of placement over random clusters.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use etl_partitioning::{Member, Partition, balance, place};
use proptest::prelude::*;

fn partitions(count: usize) -> Vec<Partition> {
    let partition = |i: usize| Partition {
        key: format!("run-1/part-{i:05}").into_bytes(),
        owner: None,
        readable_at: None,
    };
    (0..count).map(partition).collect()
}

fn members(nodes: impl IntoIterator<Item = u64>) -> Vec<Member> {
    nodes.into_iter().map(Member::normal).collect()
}

fn settle(members: &[Member], partitions: &mut [Partition]) -> usize {
    let placement = place(members, partitions);
    assert_eq!(placement.homeless, Vec::<usize>::new());
    for each in &placement.moves {
        partitions[each.partition].owner = Some(each.to);
    }
    placement.moves.len()
}

fn loads(partitions: &[Partition]) -> BTreeMap<u64, usize> {
    let mut loads = BTreeMap::new();
    for partition in partitions {
        *loads.entry(partition.owner.unwrap()).or_default() += 1;
    }
    loads
}

fn assert_bounded(members: &[Member], partitions: &[Partition]) {
    let weights: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
    let loads = loads(partitions);
    for member in members {
        let fair = partitions.len() as f64 * f64::from(member.weight) / weights as f64;
        let load = loads.get(&member.node).copied().unwrap_or(0);
        assert!(load as f64 <= (1.25 * fair).max(fair.ceil()) + 1e-9, "{load} of {fair} at {}", member.node);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nobody_has_more_than_its_bound(
        weights in prop::collection::vec(1_u32..=300, 1..10),
        count in 0_usize..500,
    ) {
        let members: Vec<_> =
            (1..).zip(&weights).map(|(node, &weight)| Member { node, weight }).collect();
        let mut all = partitions(count);
        settle(&members, &mut all);
        assert_bounded(&members, &all);
        prop_assert_eq!(place(&members, &all), Default::default(), "what is placed stays");
    }

    #[test]
    fn losing_a_node_moves_what_it_had_and_little_else(nodes in 2_u64..12, count in 50_usize..600, lost in 0_u64..12) {
        let lost = lost % nodes;
        let mut all = partitions(count);
        settle(&members(0..nodes), &mut all);
        let had = loads(&all).get(&lost).copied().unwrap_or(0);
        let rest = members((0..nodes).filter(|&node| node != lost));
        let moved = settle(&rest, &mut all);
        assert_bounded(&rest, &all);
        prop_assert_eq!(moved, had, "the bound only grows, so that nothing else has to move");
    }

    #[test]
    fn gaining_a_node_moves_about_its_share(nodes in 1_u64..12, count in 50_usize..600) {
        let mut all = partitions(count);
        settle(&members(0..nodes), &mut all);
        let more = members(0..=nodes);
        let mut moved = settle(&more, &mut all);
        assert_bounded(&more, &all);
        let moves = balance(&more, &all, usize::MAX);
        moved += moves.len();
        for each in &moves {
            prop_assert_eq!(all[each.partition].owner, each.from);
            all[each.partition].owner = Some(each.to);
        }
        assert_bounded(&more, &all);
        let share = count / (nodes as usize + 1);
        let newest = loads(&all).get(&nodes).copied().unwrap_or(0);
        prop_assert!(newest >= share * 4 / 5, "{} of {}", newest, share);
        // Others may have been a little below their share too.
        prop_assert!(moved <= count * 3 / (2 * (nodes as usize + 1)) + nodes as usize + 1, "{} of {}", moved, share);
        prop_assert!(balance(&more, &all, usize::MAX).len() <= nodes as usize, "it comes to rest");
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(nodes in 1_u64..8, count in 1_usize..200, seed in any::<u64>()) {
        let mut one = partitions(count);
        let mut other = one.clone();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|&i| (i as u64).wrapping_mul(seed | 1));
        other = order.iter().map(|&i| other[i].clone()).collect();
        let forwards = members(0..nodes);
        let backwards: Vec<_> = forwards.iter().rev().copied().collect();
        settle(&forwards, &mut one);
        settle(&backwards, &mut other);
        other.sort_by(|a, b| a.key.cmp(&b.key));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_partition_is_only_where_it_can_be_read(
        readable in prop::collection::vec(prop::collection::btree_set(0_u64..5, 0..4), 1..80),
    ) {
        let all: Vec<_> = partitions(readable.len())
            .into_iter()
            .zip(&readable)
            .map(|(partition, nodes)| Partition { readable_at: Some(nodes.clone()), ..partition })
            .collect();
        let placement = place(&members(0..5), &all);
        let mut seen = BTreeSet::new();
        for each in &placement.moves {
            prop_assert!(readable[each.partition].contains(&each.to));
            seen.insert(each.partition);
        }
        for &homeless in &placement.homeless {
            prop_assert!(readable[homeless].is_empty());
            seen.insert(homeless);
        }
        prop_assert_eq!(seen.len(), readable.len());
    }
}

#[test]
fn a_node_with_weight_0_loses_all_it_has() {
    let mut all = partitions(90);
    let mut nodes = members(1..=3);
    settle(&nodes, &mut all);
    nodes[0].weight = 0;
    settle(&nodes, &mut all);
    assert_eq!(loads(&all).get(&1), None);
    assert_bounded(&nodes[1..], &all);
}

#[test]
fn without_members_all_are_homeless() {
    assert_eq!(place(&[], &partitions(3)).homeless, [0, 1, 2]);
    assert!(balance(&[], &partitions(3), 9).is_empty());
}

#[test]
fn no_more_moves_than_allowed() {
    let mut all = partitions(100);
    settle(&members([1]), &mut all);
    assert_eq!(balance(&members(1..=2), &all, 7).len(), 7);
}

/// Other versions of the software, other machines and other processes must come to the same answer.
#[test]
fn the_answer_is_the_same_for_ever() {
    let mut all = partitions(24);
    settle(&members(1..=3), &mut all);
    let owners: String = all.iter().map(|partition| partition.owner.unwrap().to_string()).collect();
    assert_eq!(owners, "231332323123221233313112");
}
