use std::collections::BTreeMap;

use etl_api::{Tie, Ties};
use etl_workflow::Workflow;

use super::running::REGISTRY;
use crate::pipeline;

/// What of a valid workflow only one node can carry out: what lies on one machine, and what the workflow places. Needs no
/// secrets.
pub(super) fn ties(workflow: &Workflow) -> Ties {
    // What cannot be built fails on one node as well as on all, and there it is told why.
    let pipeline = pipeline::build(workflow, &REGISTRY).unwrap_or_default();
    let placed = workflow.sources.iter().find_map(|step| step.node).map(Tie::Node);
    let is_local = pipeline.sources.iter().any(|step| step.source.is_local());
    let mut steps = BTreeMap::new();
    for step in &pipeline.destinations {
        if step.destination.is_local() {
            steps.insert(step.name.as_str().to_owned(), Tie::Asked);
        }
    }
    for step in workflow.transformations.iter().chain(&workflow.destinations) {
        if let Some(node) = step.node {
            steps.insert(step.name.as_str().to_owned(), Tie::Node(node));
        }
    }
    Ties { partitions: placed.or(is_local.then_some(Tie::Asked)), steps }
}
