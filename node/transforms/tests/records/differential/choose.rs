use std::collections::VecDeque;

use etl_transforms::{Dedupe, Limit, Route, Sample};
use serde_json::{Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::{self, configured, process};
use crate::generated::Kind;

#[test]
fn choices() {
    for seed in 0..CASES {
        let Case { mut random, rows, batch, .. } = case(seed, &[("k", Kind::Int)]);
        let on = |row: &Value| Fate::On(vec![row.clone()]);
        // Two batches of one partition.
        let limit = random.below(8);
        let mut partition = configured(Limit, json!({"records": limit})).begin().unwrap();
        let cut = random.below(rows.len() + 1);
        let (front, back) = (batch.slice(0, cut), batch.slice(cut, rows.len() - cut));
        let counts = [front.clone(), back.clone()].map(|part| partition.process(part).unwrap().batch.len());
        assert_eq!(
            counts,
            [cut.min(limit), (rows.len() - cut).min(limit.saturating_sub(cut))],
            "case {seed}"
        );

        let (window, most) = (1 + random.below(5), 1 + random.below(4));
        let mut partition =
            configured(Dedupe, json!({"by": ["k"], "records": window, "max_keys": most})).begin().unwrap();
        let mut seen: VecDeque<(usize, Value)> = VecDeque::new();
        let mut first = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            seen.retain(|(at, _)| number - at <= window);
            if !seen.iter().any(|(_, key)| *key == row["k"]) {
                seen.push_back((number, row["k"].clone()));
                first.push((number as u64 + 1) * 10);
            }
            if seen.len() > most {
                seen.pop_front();
            }
        }
        let parts = [front, back].map(|part| partition.process(part).unwrap());
        let found: Vec<u64> = parts.iter().flat_map(|part| part.batch.ordinals().values().to_vec()).collect();
        assert_eq!(found, first, "case {seed}");

        let all = random.one_in(2);
        let port = *random.pick(&["low", "high", "default"]);
        let outputs = json!({"low": "k < 1", "high": "k != null && k != 42 && 10 / (k - 1) != 10"});
        let config = json!({"outputs": outputs, "match": if all { "all" } else { "first" },
                            "port": {"output": port, "order": ["low", "high"], "reports": true}});
        let fate = |row: &Value| {
            let Some(k) = row["k"].as_i64() else { return Fate::Failed("no_such_overload") };
            let low = k < 1;
            let high = match k {
                42 => Ok(false),
                1 => Err("division_by_zero"),
                _ => k.checked_sub(1).map(|k| 10 / k != 10).ok_or("overflow"),
            };
            let high = match (high, low && !all) {
                (_, true) => false,
                (Ok(high), false) => high,
                (Err(code), false) => return Fate::Failed(code),
            };
            let takes = match port {
                "low" => low,
                "high" => high,
                _ => !low && !high,
            };
            if takes { on(row) } else { Fate::Filtered }
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        compare(seed, &config, &process(Route, config.clone(), batch.clone()), &fates);

        let config = json!({"every": 2, "by": ["k"]});
        let sampled = process(Sample, config.clone(), batch);
        let taken: Vec<Value> = batches::rows(&sampled).into_iter().map(|row| row["k"].clone()).collect();
        let fate = |row: &Value| if taken.contains(&row["k"]) { on(row) } else { Fate::Filtered };
        compare(seed, &config, &sampled, &rows.iter().map(fate).collect::<Vec<_>>());
    }
}
