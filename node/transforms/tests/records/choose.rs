//! `sample`, `limit`, `dedupe` and `route`: which records go on.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use etl_model::Batch;
use etl_sdk::{Processed, Sequential};
use etl_transforms::{Dedupe, Limit, Route, Sample};
use serde_json::{Value, json};

use crate::batches::{
    batch, configured, describes_itself, errors, faults, field, numbered, ordinals, process,
};

fn keys(keys: &[Value]) -> Batch {
    let rows: Vec<Value> = keys.iter().map(|key| json!({"k": key, "n": 1})).collect();
    batch(vec![field("k", DataType::Utf8), field("n", DataType::Int64)], &rows)
}

/// Every row ends in one of the three parts.
#[track_caller]
fn complete(processed: &Processed, given: &Batch) {
    let failed = processed.errors.iter().map(|error| error.ordinal);
    let mut all: Vec<u64> =
        ordinals(processed).into_iter().chain(processed.filtered.clone()).chain(failed).collect();
    all.sort_unstable();
    assert_eq!(all, given.ordinals().values().to_vec());
}

#[test]
fn samples_are_the_same_every_time_and_about_as_large_as_wanted() {
    let given = numbered(vec![field("n", DataType::Int64)], &vec![json!({"n": 1}); 10_000], 1);
    for (config, expected) in
        [(json!({"rate": 0.1}), 1000), (json!({"every": 10}), 1000), (json!({"rate": 0.5}), 5000)]
    {
        let once = process(Sample, config.clone(), given.clone());
        complete(&once, &given);
        let off = once.batch.len().abs_diff(expected);
        assert!(off < 200, "{config}: {} of {expected}", once.batch.len());
        let parts = [given.slice(0, 17), given.slice(17, 9_983)];
        let again: Vec<u64> =
            parts.into_iter().flat_map(|part| ordinals(&process(Sample, config.clone(), part))).collect();
        assert_eq!(again, ordinals(&once), "batches do not matter");
    }
    for (config, expected) in
        [(json!({"rate": 0}), 0), (json!({"rate": 1.0}), 10_000), (json!({"every": 1}), 10_000)]
    {
        assert_eq!(process(Sample, config, given.clone()).batch.len(), expected);
    }
}

#[test]
fn records_with_one_key_are_sampled_together() {
    let names: Vec<Value> = (0..2000).map(|n| json!(format!("customer {}", n % 100))).collect();
    let given = keys(&names);
    let processed = process(Sample, json!({"every": 4, "by": ["k"]}), given.clone());
    complete(&processed, &given);
    let taken: BTreeSet<u64> = ordinals(&processed).iter().map(|ordinal| (ordinal / 10 - 1) % 100).collect();
    assert!((10..40).contains(&taken.len()), "{taken:?}");
    assert_eq!(processed.batch.len(), taken.len() * 20);
    let failed = process(Sample, json!({"every": 4, "by": ["k.x"]}), keys(&[json!("a"), json!(null)]));
    assert_eq!(failed.errors.len(), 2);
    for (config, fault) in [
        (json!({}), "one_share there is neither"),
        (json!({"rate": 0.1, "every": 2}), "one_share there is both"),
        (json!({"rate": 1.5}), "rate rate: "),
        (json!({"every": 0}), "every every: "),
        (json!({"every": 2, "by": ["a", "a"]}), "duplicate_field by[1]: "),
    ] {
        assert!(faults(Sample, config)[0].starts_with(fault));
    }
    describes_itself(Sample);
}

#[test]
fn a_limit_counts_over_the_batches_of_a_partition_and_begins_anew() {
    let limit = configured(Limit, json!({"records": 5}));
    assert!(!limit.capabilities().stateless);
    let given = keys(&vec![json!("a"); 4]);
    for _ in 0..2 {
        let mut partition: Box<dyn Sequential> = limit.begin().unwrap();
        let passed: Vec<usize> = (0..3)
            .map(|_| partition.process(given.clone()).unwrap())
            .inspect(|p| complete(p, &given))
            .map(|p| p.batch.len())
            .collect();
        assert_eq!(passed, [4, 1, 0]);
    }
    let none = configured(Limit, json!({"records": 0})).begin().unwrap().process(given.clone()).unwrap();
    assert_eq!(none.filtered, [10, 20, 30, 40]);
    describes_itself(Limit);
}

#[test]
fn the_first_of_equals_goes_on() {
    let first = |config: Value, batches: &[&[Value]]| -> Vec<Vec<u64>> {
        let mut partition = configured(Dedupe, config).begin().unwrap();
        let mut of_batch = |texts: &&[Value]| {
            let given = keys(texts);
            let processed = partition.process(given.clone()).unwrap();
            complete(&processed, &given);
            ordinals(&processed)
        };
        batches.iter().map(&mut of_batch).collect()
    };
    let (a, b, c, null) = (json!("a"), json!("b"), json!("c"), json!(null));
    let both: [&[Value]; 2] =
        [&[a.clone(), b.clone(), a.clone(), null.clone()], &[null, b.clone(), c.clone()]];
    assert_eq!(first(json!({"by": ["k"]}), &both), [vec![10, 20, 40], vec![30]]);
    assert_eq!(first(json!({"by": ["n", "ghost"]}), &both).concat(), [10], "a missing field is null");
    let window: [&[Value]; 1] = [&[a.clone(), b.clone(), a.clone(), a.clone(), a.clone()]];
    assert_eq!(first(json!({"by": ["k"], "records": 2}), &window), [vec![10, 20, 40]]);
    let bound: [&[Value]; 1] = [&[a.clone(), b.clone(), a.clone(), c, a, b]];
    assert_eq!(first(json!({"by": ["k"], "max_keys": 2}), &bound), [vec![10, 20, 40, 50, 60]]);
    assert!(faults(Dedupe, json!({"by": []}))[0].starts_with("no_key by: "));
    describes_itself(Dedupe);
}

fn amounts() -> Batch {
    let row = |n: Value, c: &str| json!({"n": n, "c": c});
    let rows = [
        row(json!(150), "DE"),
        row(json!(150), "US"),
        row(json!(5), "FR"),
        row(json!(5), "US"),
        row(json!(null), "DE"),
    ];
    batch(vec![field("n", DataType::Int64), field("c", DataType::Utf8)], &rows)
}

/// What comes out of each output, the first of which reports.
fn routed(config: &Value) -> Vec<Processed> {
    let order = ["high", "eu"];
    let port = |(nth, output): (usize, &str)| {
        let mut config = config.clone();
        config["port"] = json!({"output": output, "order": order, "reports": nth == 0});
        let processed = process(Route, config, amounts());
        complete(&processed, &amounts());
        processed
    };
    ["high", "eu", "default"].into_iter().enumerate().map(port).collect()
}

#[test]
fn records_take_the_first_way_or_all() {
    let mut config = json!({"outputs": {"eu": "c in ['DE', 'FR']", "high": "n > 100"}});
    let first = routed(&config);
    assert_eq!(first.iter().map(ordinals).collect::<Vec<_>>(), [vec![10, 20], vec![30], vec![40]]);
    assert_eq!(errors(&first[0]), [(50, "no_such_overload")]);
    assert!(first[1..].iter().all(|processed| processed.errors.is_empty()), "one output reports");
    config["match"] = json!("all");
    let all = routed(&config);
    assert_eq!(all.iter().map(ordinals).collect::<Vec<_>>(), [vec![10, 20], vec![10, 30], vec![40]]);
    config["outputs"] = json!({"high": "n != null && n > 100", "eu": "n == null || 10 / (n - 5) > 0"});
    config["match"] = json!("first");
    let lazy = routed(&config);
    assert_eq!(lazy.iter().map(ordinals).collect::<Vec<_>>(), [vec![10, 20], vec![50], vec![]]);
    assert_eq!(errors(&lazy[0]), [(30, "division_by_zero"), (40, "division_by_zero")]);
    config["outputs"] = json!({"high": "n == 150", "eu": "c + 1"});
    let unfit = routed(&config);
    assert_eq!(ordinals(&unfit[0]), [10, 20], "a condition that is not asked does no harm");
    assert_eq!(unfit[0].errors.len(), 3);
}

#[test]
fn contradictions_of_a_route_are_all_reported() {
    let found =
        faults(Route, json!({"outputs": {"default": "true", "Up": "n >", "now": "now() > timestamp(0)"}}));
    for expected in [
        "default_condition outputs.default: ",
        "invalid_name outputs.Up: ",
        "syntax outputs.Up: ",
        "volatile_condition outputs.now: ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    assert!(faults(Route, json!({"outputs": {}}))[0].starts_with("no_outputs outputs: "));
    let unplaced = configured(Route, json!({"outputs": {"a": "true"}}));
    assert!(unplaced.process(amounts()).is_err(), "a route is not run without its outputs");
    describes_itself(Route);
}
