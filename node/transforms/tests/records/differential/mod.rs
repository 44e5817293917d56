//! Every transformation beside a plain evaluation row by row, over generated schemas and batches, errors included.

mod cast;
mod choose;
mod map;
mod mask;
mod shape;
#[cfg(feature = "sql")]
mod sql;
mod validate;

use etl_model::Batch;
use etl_sdk::Processed;
use serde_json::Value;

use crate::batches;
use crate::generated::{Kind, Random, fields, of_rows, row};

/// Compared for each transformation.
const CASES: u64 = 1_000;

/// What becomes of a row.
enum Fate {
    On(Vec<Value>),
    Filtered,
    Failed(&'static str),
}

#[track_caller]
fn compare(case: u64, config: &Value, processed: &Processed, fates: &[Fate]) {
    let (mut on, mut filtered, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (fate, ordinal) in fates.iter().zip((1u64..).map(|row| row * 10)) {
        match fate {
            Fate::On(records) => on.extend(records.iter().map(|record| (ordinal, record.clone()))),
            Fate::Filtered => filtered.push(ordinal),
            Fate::Failed(code) => failed.push((ordinal, *code)),
        }
    }
    let found: Vec<_> =
        processed.batch.ordinals().values().iter().copied().zip(batches::rows(processed)).collect();
    assert_eq!(found, on, "case {case}: {config}");
    assert_eq!(processed.filtered, filtered, "case {case}: {config}");
    let errors: Vec<_> = processed.errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect();
    assert_eq!(errors, failed, "case {case}: {config}");
}

struct Case {
    random: Random,
    fields: Vec<(String, Kind)>,
    rows: Vec<Value>,
    batch: Batch,
}

fn case(seed: u64, also: &[(&str, Kind)]) -> Case {
    let mut random = Random(seed);
    let mut fields = fields(&mut random, 2);
    fields.extend(also.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())));
    let rows: Vec<Value> = (0..random.below(7)).map(|_| row(&fields, &mut random)).collect();
    let batch = of_rows(&fields, &rows);
    Case { random, fields, rows, batch }
}
