use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

/// Runs whose names are known at the same time.
const RUNS: usize = 1000;

static NODE: AtomicU64 = AtomicU64::new(0);
static RUNS_KNOWN: RwLock<Runs> = RwLock::new(Runs { by_id: BTreeMap::new(), order: VecDeque::new() });

struct Runs {
    by_id: BTreeMap<Uuid, RunNames>,
    order: VecDeque<Uuid>,
}

struct RunNames {
    workflow: String,
    /// By step: the type of its connector.
    connectors: HashMap<String, String>,
}

/// The number of this node, for all that is logged from now on.
pub(crate) fn is_node(node: u64) {
    NODE.store(node, Ordering::Relaxed);
}

/// The number of this node; `None` without a cluster.
pub(super) fn node() -> Option<u64> {
    Some(NODE.load(Ordering::Relaxed)).filter(|node| *node > 0)
}

/// Says to which workflow a run belongs and which connectors its steps have, for all that is logged about it.
pub(crate) fn name_run(run: Uuid, workflow: &str, connectors: impl IntoIterator<Item = (String, String)>) {
    let names = RunNames { workflow: workflow.to_owned(), connectors: connectors.into_iter().collect() };
    let mut known = RUNS_KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.by_id.insert(run, names).is_none() {
        known.order.push_back(run);
    }
    while known.order.len() > RUNS {
        let oldest = known.order.pop_front();
        oldest.and_then(|oldest| known.by_id.remove(&oldest));
    }
}

/// The workflow of a run, and the connector of one of its steps, as far as they are known.
pub(super) fn names_of(run: &str, step: Option<&str>) -> Option<(String, Option<String>)> {
    let run = Uuid::parse_str(run).ok()?;
    let known = RUNS_KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let names = known.by_id.get(&run)?;
    Some((names.workflow.clone(), step.and_then(|step| names.connectors.get(step).cloned())))
}
