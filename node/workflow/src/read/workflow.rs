use std::sync::{Arc, LazyLock};

use etl_model::{StepName, WorkflowName};
use etl_sdk::Registry;
use serde_json::Value as Json;

use crate::check::{At, check, suggest};
use crate::codes;
use crate::parameters::Declared;
use crate::raw::{self, RESERVED_WORKFLOW, RawFile, RawWorkflow};
use crate::read::{
    Role, configs, errors, form, graph, limits, misplaced, names, placement, ports, protection, repartition,
    sequential, settings, viewing,
};
use crate::secrets::StepConfig;
use crate::sink::Sink;
use crate::source::SourceText;
use crate::workflow::{Step, Workflow};
use crate::yaml::Node;

static FILE: LazyLock<Json> = LazyLock::new(raw::schema::<RawFile>);
static WORKFLOW: LazyLock<Json> = LazyLock::new(raw::schema::<RawWorkflow>);

/// Reads the tree of a file; `None` if an error was reported.
pub(crate) fn workflow(
    file: &str,
    tree: &Node,
    declared: Declared,
    registry: &Registry,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Option<Workflow> {
    let Some(root) = tree.map() else {
        let help = Some("a workflow file starts with `workflow:`".to_owned());
        sink.error(tree.mark, codes::EMPTY, "the file is not a mapping with the key `workflow`", help);
        return None;
    };
    if root.entry("workflow").is_none() {
        let mark = root.entries.first().map_or(tree.mark, |entry| entry.key.mark);
        let near = root.entries.iter().find(|entry| suggest(&entry.key.text, ["workflow"]).is_some());
        let (mark, help) = match near {
            Some(entry) => (entry.key.mark, format!("`{}` should be `workflow`", entry.key.text)),
            None => (mark, "put everything below `workflow:`".to_owned()),
        };
        sink.error(mark, codes::EMPTY, "the file has no key `workflow`", Some(help));
        return None;
    }
    let verdict = check(tree, &FILE, &At::root("the file", tree.mark), &["tests"]);
    verdict.issues.into_iter().for_each(|issue| sink.push(issue));
    let entry = root.entry("workflow")?;
    let at = At::root("workflow", entry.key.mark);
    let verdict = check(&entry.value, &WORKFLOW, &at, RESERVED_WORKFLOW);
    // Steps have errors of their own; these are about the fields of the workflow itself.
    let faulty = !verdict.issues.is_empty();
    verdict.issues.into_iter().for_each(|issue| sink.push(issue));
    let map = entry.value.map()?;
    let name = name(map.get("name"), sink);
    let (description, settings) = settings::read(map, faulty, &verdict.as_text, sink);
    misplaced::secrets(map, sink);
    misplaced::parameters(map, sink);
    if let (Some((name, mark)), Some(_)) =
        (&declared.required, map.get("schedule").filter(|node| !node.is_null()))
    {
        let message = format!("the parameter `{name}` has no default, but the workflow has a `schedule`");
        let help = "give it a `default`: nobody gives a value when the workflow starts by itself";
        sink.error(*mark, codes::SCHEDULE, message, Some(help.to_owned()));
    }
    let form::Steps { mut drafts, connected, linear } = form::steps(map, &at, sink);
    let mut configs: Vec<_> =
        drafts.iter().map(|draft| configs::check_config(draft, registry, source, sink)).collect();
    let protection = protection::read(map, registry, source, sink);
    let viewing = viewing::read(map, registry, source, sink);
    if !connected {
        return None;
    }
    ports::expand(&mut drafts, &mut configs, linear, sink);
    errors::expand(&mut drafts, &mut configs, sink);
    names::check(&drafts, sink);
    placement::check(&drafts, sink);
    limits::check_shared(&drafts, sink);
    let graph = graph::build(&drafts, sink);
    repartition::check(&drafts, &graph, registry, sink);
    sequential::check(&drafts, &configs, &graph, registry, sink);
    limits::check_transformations(&drafts, &configs, registry, sink);
    if sink.failed() {
        return None;
    }

    let (mut sources, mut transformations, mut destinations) = (Vec::new(), Vec::new(), Vec::new());
    for index in graph.order {
        let (draft, config) = (drafts.get(index)?, configs.get_mut(index)?.take()?);
        let inputs = graph.inputs.get(index)?.iter();
        let step = Step {
            name: StepName::new(&draft.name).ok()?,
            kind: draft.kind?.0.to_owned(),
            inputs: inputs
                .map(|&input| drafts.get(input).and_then(|draft| StepName::new(&draft.name).ok()))
                .collect::<Option<_>>()?,
            config: StepConfig::new(config.value, config.secrets),
            on_error: draft.on_error.0,
            conceals: false,
            takes_errors: draft.takes_errors,
            node: draft.node.map(|(node, _)| node),
            rate_limit: draft.limits.rate.as_ref().map(|(limit, _)| limit.clone()),
            circuit_breaker: draft.limits.breaker.as_ref().map(|(breaker, _)| breaker.clone()),
            timeout: draft.limits.timeout.map(|(span, _)| span),
            retry: draft.limits.retry.as_ref().map(|(retry, _)| retry.clone()),
            span: draft.mark.into(),
            origin: Arc::new(config.origin),
        };
        match draft.role {
            Role::Source => sources.push(step),
            Role::Transformation => transformations.push(step),
            Role::Destination => destinations.push(step),
        }
    }
    if let Some(config) = &protection {
        protection::mask_sources(config, &mut sources, &mut transformations, &mut destinations);
    }
    Some(Workflow::new(
        file,
        source.text,
        name?,
        description,
        declared.parameters,
        settings,
        sources,
        transformations,
        destinations,
        viewing,
    ))
}

fn name(node: Option<&Node>, sink: &mut Sink) -> Option<WorkflowName> {
    let node = node?;
    let text = node.scalar()?.text()?;
    let name = WorkflowName::new(text).ok();
    if name.is_none() {
        names::invalid("workflow", text, node.mark, sink);
    }
    name
}
