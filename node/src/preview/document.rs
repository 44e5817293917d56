use etl_expr::record_json;
use etl_model::StepName;
use serde_json::{Value, json};

use super::changes::Change;
use super::trial::{StepTrial, asked};

/// The same for programs.
pub(crate) fn document(
    steps: &[StepTrial],
    kinds: &dyn Fn(&StepName) -> String,
    only: Option<&StepName>,
) -> Value {
    let steps = asked(steps, only).into_iter().map(|at| {
        let step = &steps[at];
        let columns: Vec<Value> =
            step.columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
        json!({
            "step": step.name,
            "type": kinds(&step.name),
            "inputs": step.inputs,
            "came": step.came,
            "filtered": step.filtered,
            "columns": columns,
            "changes": step.changes.iter().map(change).collect::<Vec<_>>(),
            "records": records(step),
            "errors": step.errors,
        })
    });
    json!({ "steps": steps.collect::<Vec<_>>() })
}

fn change(change: &Change) -> Value {
    match change {
        Change::Added(name, kind) => json!({ "added": name, "type": kind }),
        Change::Removed(name) => json!({ "removed": name }),
        Change::Retyped(name, before, after) => json!({ "changed": name, "from": before, "to": after }),
    }
}

fn records(step: &StepTrial) -> Vec<Value> {
    let of = |batch: &etl_model::Batch| -> Vec<Value> {
        (0..batch.len())
            .map(|row| {
                let record = record_json(batch.records(), row);
                json!({ "ordinal": batch.ordinals().value(row), "record": record })
            })
            .collect()
    };
    step.batches.iter().flat_map(of).collect()
}
