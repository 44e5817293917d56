use etl_transforms::{Filter, Mapping};
use serde_json::{Map, Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::process;
use crate::generated::{Kind, at, paths};

/// What is kept of a record: all, some fields, or none; under other names where that is asked for.
fn kept(row: &Value, names: &[String], renamed: &Map<String, Value>) -> Map<String, Value> {
    let name = |name: &String| renamed.get(name).and_then(Value::as_str).unwrap_or(name).to_owned();
    names.iter().map(|known| (name(known), row[known].clone())).collect()
}

#[test]
fn mapping() {
    let mut failed = 0;
    for seed in 0..CASES {
        let Case { mut random, fields, rows, batch } = case(seed, &[("k", Kind::Int)]);
        let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
        let some: Vec<String> = names.iter().filter(|_| random.one_in(2)).cloned().collect();
        let (mut config, kept_names) = match random.below(3) {
            0 => (json!({}), Vec::new()),
            1 => (json!({"keep": some}), some),
            _ => {
                let left = names.iter().filter(|name| !some.contains(name)).cloned().collect();
                (json!({"keep": "*", "drop": some}), left)
            }
        };
        let mut renamed = Map::new();
        if let Some(name) = kept_names.first().filter(|_| random.one_in(2)) {
            renamed.insert(name.clone(), json!("z_new"));
            config["rename"] = Value::Object(renamed.clone());
        }
        let all = paths(&fields);
        let (first, second) = (random.pick(&all).0.clone(), random.pick(&all).0.clone());
        config["mappings"] = json!([
            {"source": first, "destination": "m0"},
            {"source": second, "destination": "deep.m1"},
            {"expression": "k + 1", "destination": "deep.inside.m2"},
            {"constant": [1, "x"], "destination": "m3"},
        ]);
        let fate = |row: &Value| {
            let Some(k) = row["k"].as_i64() else { return Fate::Failed("no_such_overload") };
            let Some(next) = k.checked_add(1) else { return Fate::Failed("overflow") };
            let mut record = kept(row, &kept_names, &renamed);
            record.insert("m0".to_owned(), at(row, &first).clone());
            record.insert("deep".to_owned(), json!({"m1": at(row, &second), "inside": {"m2": next}}));
            record.insert("m3".to_owned(), json!([1, "x"]));
            Fate::On(vec![Value::Object(record)])
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        failed += fates.iter().filter(|fate| matches!(fate, Fate::Failed(_))).count();
        compare(seed, &config, &process(Mapping, config.clone(), batch), &fates);
    }
    assert!(failed > 300, "{failed} rows failed");
}

#[test]
fn filter() {
    for seed in 0..CASES {
        let Case { mut random, rows, batch, .. } = case(seed, &[("k", Kind::Int), ("t", Kind::Text)]);
        let (least, text) = (*random.pick(&[-1i64, 0, 1, 42]), *random.pick(&["x", "1.5", "true"]));
        let config =
            json!({"condition": format!("10 / (k - {least}) != 10 && (t == null || t != '{text}')")});
        let fate = |row: &Value| {
            // One that is false decides, whatever the other says.
            if row["t"] == text {
                return Fate::Filtered;
            }
            let Some(k) = row["k"].as_i64() else { return Fate::Failed("no_such_overload") };
            match k.checked_sub(least) {
                None => Fate::Failed("overflow"),
                Some(0) => Fate::Failed("division_by_zero"),
                Some(by) if 10 / by != 10 => Fate::On(vec![row.clone()]),
                Some(_) => Fate::Filtered,
            }
        };
        compare(
            seed,
            &config,
            &process(Filter, config.clone(), batch),
            &rows.iter().map(fate).collect::<Vec<_>>(),
        );
    }
}
