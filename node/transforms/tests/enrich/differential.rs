//! Lookups beside a plain search through the rows of the table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use etl_model::Batch;
use etl_sdk::Registry;
use serde_json::{Value, json};

use crate::batches::{configure, failed, gone_on, process};
use crate::tables::Tables;

const CASES: u64 = 1_000;
const NAMES: [&str; 4] = ["x", "y", "", "Köln"];

/// The same for a seed, for ever (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % bound
    }

    fn some<T>(&mut self, value: T) -> Option<T> {
        (self.below(4) > 0).then_some(value)
    }
}

/// Keys as numbers, of one type or the other.
fn numbers(random: &mut Random, keys: &[Option<i64>]) -> ArrayRef {
    match random.below(2) {
        0 => Arc::new(Int64Array::from(keys.to_vec())),
        _ => Arc::new(keys.iter().map(|key| key.map(|key| key as f64)).collect::<Float64Array>()),
    }
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

#[tokio::test]
async fn lookups() {
    let (mut found, mut defaults, mut errors) = (0, 0, 0);
    for seed in 0..CASES {
        let mut random = Random(seed);
        let both = random.below(2) == 0;
        // The rows of the table: each key once.
        let mut table: Vec<(Option<i64>, Option<&str>, Option<&str>)> = Vec::new();
        for _ in 0..random.below(12) {
            let number = random.below(6) as i64 - 1;
            let name = NAMES[random.below(4) as usize];
            let key = (random.some(number), random.some(name));
            let is_known = |row: &&(Option<i64>, Option<&str>, Option<&str>)| {
                row.0 == key.0 && (!both || row.1 == key.1)
            };
            if !table.iter().any(|row| is_known(&row)) {
                let city = ["Kiel", "Bonn", "Ulm"][random.below(3) as usize];
                table.push((key.0, key.1, random.some(city)));
            }
        }
        let keys: Vec<Option<i64>> = table.iter().map(|row| row.0).collect();
        let columns = [
            ("id", numbers(&mut random, &keys)),
            ("name", texts(&table.iter().map(|row| row.1).collect::<Vec<_>>())),
            ("city", texts(&table.iter().map(|row| row.2).collect::<Vec<_>>())),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        let tables = Tables::default();
        let (batch, cut) = (batch.unwrap(), random.below(table.len() as u64 + 1) as usize);
        *tables.content.lock().unwrap() = vec![batch.slice(0, cut), batch.slice(cut, table.len() - cut)];

        let rows: Vec<(Option<i64>, Option<&str>)> = (0..random.below(9))
            .map(|_| {
                let (number, name) = (random.below(7) as i64 - 1, NAMES[random.below(4) as usize]);
                (random.some(number), random.some(name))
            })
            .collect();
        let asked: Vec<Option<i64>> = rows.iter().map(|row| row.0).collect();
        let columns = [
            ("n", numbers(&mut random, &asked)),
            ("t", texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ];
        let records =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        let ordinals: Vec<u64> = (0..rows.len() as u64).collect();
        let given = Batch::new(records.unwrap(), ordinals.into()).unwrap();
        let default = random.some(json!("nowhere"));
        let mut taken = json!({ "source": "city", "destination": "place.city" });
        if let Some(default) = &default {
            taken["default"] = default.clone();
        }
        let (key, lookup_key) =
            if both { (vec!["n", "t"], vec!["id", "name"]) } else { (vec!["n"], vec!["id"]) };
        let config = json!({
            "type": "lookup", "source": { "type": "tables" }, "key": key, "lookup_key": lookup_key,
            "result_mapping": [taken],
        });
        let enrich = configure(Registry::default().source(tables), config).unwrap();

        let (mut on, mut lost) = (Vec::new(), Vec::new());
        for (ordinal, (number, name)) in rows.iter().enumerate() {
            // Null is no key, as in SQL.
            let is_key = number.is_some() && (!both || name.is_some());
            let row = table.iter().find(|row| is_key && row.0 == *number && (!both || row.1 == *name));
            match (row.and_then(|row| row.2), &default) {
                (Some(city), _) => on.push((ordinal as u64, json!(city))),
                (None, Some(default)) => on.push((ordinal as u64, default.clone())),
                (None, None) => lost.push((ordinal as u64, "enrich_no_value")),
            }
            found += usize::from(row.is_some());
        }
        defaults += on.iter().filter(|(_, city)| *city == "nowhere").count();
        errors += lost.len();
        let processed = process(&enrich, given).await.unwrap();
        let gone: Vec<(u64, Value)> =
            gone_on(&processed).into_iter().map(|(n, row)| (n, row["place"]["city"].clone())).collect();
        assert_eq!(gone, on, "case {seed}: {table:?} {rows:?}");
        assert_eq!(failed(&processed.errors), lost, "case {seed}");
    }
    assert!(found > 500 && defaults > 500 && errors > 100, "{found} {defaults} {errors}");
}
