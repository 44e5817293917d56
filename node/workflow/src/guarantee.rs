use std::collections::{HashMap, HashSet};

use etl_model::StepName;
use etl_sdk::{CommitKind, DestinationCapabilities, Registry, SourceCapabilities};
use serde::Serialize;

use crate::codes;
use crate::diagnostics::Diagnostics;
use crate::settings::RequiredGuarantee;
use crate::sink::Sink;
use crate::workflow::{Step, Workflow};

/// What a route gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// Every record arrives once.
    ExactlyOnce,
    /// Every record arrives, after a failure perhaps more than once.
    AtLeastOnce,
}

/// What a route gives, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteGuarantee {
    /// What it gives.
    pub guarantee: Guarantee,
    /// In one sentence, without a full stop.
    pub reason: String,
}

/// The way from a source to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoutePath {
    /// The source.
    pub source: StepName,
    /// The destination.
    pub destination: StepName,
    /// The transformations on any path between them, in topological order.
    pub via: Vec<StepName>,
}

/// How the rows of a route are divided among shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteDivision {
    /// The repartition.
    pub step: StepName,
    /// The fields of its key.
    pub by: Vec<String>,
    /// How many shards there are, each with a writer of its own at the destination.
    pub shards: u16,
}

/// A route with its guarantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoutePlan {
    /// The route.
    pub route: RoutePath,
    /// How its rows are divided, where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divided: Option<RouteDivision>,
    /// What it gives.
    #[serde(flatten)]
    pub guarantee: RouteGuarantee,
}

/// What a source and a destination give together. Steps between them change nothing of it: what they make of a partition is
/// the same every time it is read from its start.
pub fn guarantee(source: &SourceCapabilities, destination: &DestinationCapabilities) -> RouteGuarantee {
    let weaker = |reason: String| RouteGuarantee { guarantee: Guarantee::AtLeastOnce, reason };
    let because = |reason: &str| match &source.reason {
        Some(own) => weaker(format!("{reason}: {own}")),
        None => weaker(reason.to_owned()),
    };
    if !source.replayable {
        return because("the source cannot be read again from a position");
    }
    if !source.ordered {
        return because(
            "the source's records have no fixed order, so a position does not tell which ones were written",
        );
    }
    let reason = match destination.commit {
        CommitKind::None => {
            let reason = "the destination cannot store its position together with the rows";
            return weaker(reason.to_owned());
        }
        CommitKind::Transactional => "rows and position are committed in one transaction",
        CommitKind::ConditionalCreate => {
            "rows and position become visible by creating one name that must not exist"
        }
    };
    RouteGuarantee { guarantee: Guarantee::ExactlyOnce, reason: reason.to_owned() }
}

/// All routes, by source and destination.
pub fn routes(workflow: &Workflow) -> Vec<RoutePath> {
    let steps: HashMap<&StepName, &Step> = workflow.steps().map(|step| (&step.name, step)).collect();
    let mut routes = Vec::new();
    for source in &workflow.sources {
        // Topological order lets one pass find everything behind the source.
        let mut behind: HashSet<&StepName> = HashSet::from([&source.name]);
        for step in workflow.transformations.iter().chain(&workflow.destinations) {
            if step.inputs.iter().any(|input| behind.contains(input)) {
                behind.insert(&step.name);
            }
        }
        for destination in workflow.destinations.iter().filter(|step| behind.contains(&step.name)) {
            let before = before(destination, &steps);
            let via = workflow
                .transformations
                .iter()
                .filter(|step| behind.contains(&step.name) && before.contains(&step.name))
                .map(|step| step.name.clone())
                .collect();
            routes.push(RoutePath {
                source: source.name.clone(),
                destination: destination.name.clone(),
                via,
            });
        }
    }
    routes
}

fn before<'w>(step: &'w Step, steps: &HashMap<&StepName, &'w Step>) -> HashSet<&'w StepName> {
    let mut found = HashSet::new();
    let mut waiting: Vec<&StepName> = step.inputs.iter().collect();
    while let Some(name) = waiting.pop() {
        if found.insert(name) {
            waiting.extend(steps.get(name).into_iter().flat_map(|step| &step.inputs));
        }
    }
    found
}

/// What every route gives; refuses the workflow if one cannot give what `delivery.guarantee` requires.
///
/// Routes with a step whose `config` can only be judged with its secrets are left out.
///
/// # Errors
/// One message per route that falls short.
pub fn enforce(workflow: &Workflow, registry: &Registry) -> Result<Vec<RoutePlan>, Diagnostics> {
    let mut sink = Sink::default();
    let plans: Vec<RoutePlan> =
        routes(workflow).into_iter().filter_map(|route| plan(workflow, registry, route)).collect();
    for RoutePlan { route, guarantee, .. } in &plans {
        if workflow.settings.delivery == RequiredGuarantee::ExactlyOnce
            && guarantee.guarantee == Guarantee::AtLeastOnce
        {
            let mark = workflow.step(&route.destination).map(|step| step.origin.mark).unwrap_or_default();
            let message = format!(
                "`{}` -> `{}` cannot be delivered exactly once: {}",
                route.source, route.destination, guarantee.reason
            );
            let help = "change the source or destination, or require `at_least_once` or `best`";
            sink.error(mark, codes::GUARANTEE, message, Some(help.to_owned()));
        }
    }
    if sink.failed() { Err(workflow.diagnostics(sink)) } else { Ok(plans) }
}

fn plan(workflow: &Workflow, registry: &Registry, route: RoutePath) -> Option<RoutePlan> {
    let source = workflow.step(&route.source)?;
    let destination = workflow.step(&route.destination)?;
    let reads = registry.find_source(&source.kind)?.configure(&source.config).ok()?.capabilities();
    let writes =
        registry.find_destination(&destination.kind)?.configure(&destination.config).ok()?.capabilities();
    let mut divided = None;
    for (at, name) in route.via.iter().enumerate() {
        let step = workflow.step(name)?;
        let next = route.via.get(at + 1).and_then(|next| workflow.step(next));
        if step.takes_errors || next.is_some_and(|next| next.takes_errors) {
            // What fails at a step is as it came there.
            continue;
        }
        let processor = registry.find_processor(&step.kind)?.configure(&step.config).ok()?;
        if let Some(repartition) = processor.repartition() {
            let (by, shards) = (repartition.by().to_vec(), repartition.shards().get());
            divided = Some(RouteDivision { step: name.clone(), by, shards });
        }
    }
    Some(RoutePlan { route, divided, guarantee: guarantee(&reads, &writes) })
}
