use std::collections::BTreeSet;

use serde_json::json;

use super::configs::Config;
use crate::check::{did_you_mean, shorten};
use crate::codes;
use crate::read::errors::ERRORS;
use crate::read::{Draft, Role};
use crate::sink::Sink;

/// The transformation that has several outputs.
const ROUTE: &str = "route";
/// The output of the records that no other one takes.
const DEFAULT: &str = "default";

/// Puts a step for each output that is read in the place of every `route`, and lets its readers read these.
///
/// The step of an output has the name `step-output` and the `config` of the route with its `port`, of which the first also
/// `reports` the records for which a condition has no value.
pub(super) fn expand<'t>(
    drafts: &mut Vec<Draft<'t>>,
    configs: &mut Vec<Option<Config>>,
    linear: bool,
    sink: &mut Sink,
) {
    let is_route = |draft: &Draft<'_>| {
        draft.role == Role::Transformation && draft.kind.is_some_and(|(kind, _)| kind == ROUTE)
    };
    let routes: Vec<usize> = (0..drafts.len()).filter(|&index| is_route(&drafts[index])).collect();
    let mut resolved: Vec<(usize, Vec<String>)> = Vec::new();
    for index in routes {
        let Draft { name, mark, .. } = drafts[index].clone();
        if linear {
            let message =
                format!("the route `{name}` has several outputs, but a list of transformations is one way");
            let help = "write the workflow as a graph, with `sources`, `transformations` and `destinations` as mappings from \
                        names to steps";
            sink.error(mark, codes::OUTPUT, message, Some(help.to_owned()));
            continue;
        }
        let Some(config) = &configs[index] else {
            // What it should have been has been reported; its readers are right.
            forget_ports(drafts, &name);
            continue;
        };
        let outputs = outputs(config);
        let drops = config.value.get("drop_unmatched").and_then(|drop| drop.as_bool()).unwrap_or_default();
        let read = read(drafts, &name, &outputs, sink);
        let complete = drops || read.is_empty();
        for output in outputs.iter().filter(|output| !complete && !read.contains(output.as_str())) {
            let message = format!("nobody reads the output `{name}.{output}`");
            let help = "name it in the `inputs` of a step, or write `drop_unmatched: true` if its records are not wanted";
            sink.error(mark, codes::OUTPUT, message, Some(help.to_owned()));
        }
        if read.is_empty() {
            forget_ports(drafts, &name);
        } else {
            resolved.push((index, outputs.into_iter().filter(|output| read.contains(output)).collect()));
        }
    }
    // Every input is resolved now, those of routes that read others as well.
    for (index, outputs) in resolved.iter().rev() {
        let (route, config) = (drafts.remove(*index), configs.remove(*index));
        // The first one reports what fails, so its errors are those of the route.
        let reports = outputs.first().map(|output| step_name(&route.name, output));
        for input in drafts.iter_mut().flat_map(|draft| &mut draft.inputs) {
            if let Some(reports) = reports.as_ref().filter(|_| input.step == route.name) {
                input.step.clone_from(reports);
            }
        }
        for (nth, output) in outputs.iter().enumerate() {
            let mut config = config.clone();
            if let Some(config) = &mut config {
                // The order decides what a first match is, so it belongs to the meaning of the step.
                let order = config.value.get("outputs").and_then(|outputs| outputs.as_object());
                let order: Vec<String> = order.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                config.value["port"] = json!({ "output": output, "order": order, "reports": nth == 0 });
            }
            drafts.push(Draft { name: step_name(&route.name, output), ..route.clone() });
            configs.push(config);
        }
    }
}

fn step_name(route: &str, output: &str) -> String {
    format!("{route}-{output}")
}

/// The outputs in the order in which the `config` names them.
fn outputs(config: &Config) -> Vec<String> {
    let named = config.value.get("outputs").and_then(|outputs| outputs.as_object());
    let mut outputs: Vec<String> = named.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    outputs.push(DEFAULT.to_owned());
    outputs
}

/// The outputs of a route that are read; their readers read the steps of these outputs from now on. What is wrong is reported
/// and taken out.
fn read(drafts: &mut [Draft<'_>], route: &str, outputs: &[String], sink: &mut Sink) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for draft in drafts {
        let reader = draft.name.clone();
        draft.inputs.retain_mut(|input| {
            if input.step != route {
                return true;
            }
            match input.port.take() {
                Some(port) if outputs.contains(&port) => {
                    input.step = step_name(route, &port);
                    input.text = input.step.clone();
                    found.insert(port);
                    return true;
                }
                Some(port) if port == ERRORS => {
                    input.port = Some(port);
                    return true;
                }
                Some(port) => {
                    let message =
                        format!("`{reader}` reads `{route}.{}`, which is not an output", shorten(&port));
                    let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
                    sink.error(input.mark, codes::OUTPUT, message, did_you_mean(&port, &names));
                }
                None => {
                    let message = format!("`{reader}` reads the route `{route}` without naming an output");
                    let names: Vec<String> =
                        outputs.iter().map(|output| format!("`{route}.{output}`")).collect();
                    let help = format!("its outputs are {}", names.join(", "));
                    sink.error(input.mark, codes::OUTPUT, message, Some(help));
                }
            }
            false
        });
    }
    found
}

/// Lets the readers of a route read the step itself, so that there are no more messages about them.
fn forget_ports(drafts: &mut [Draft<'_>], route: &str) {
    let inputs = drafts.iter_mut().flat_map(|draft| &mut draft.inputs);
    for input in inputs.filter(|input| input.step == route) {
        input.port = None;
        input.text = route.to_owned();
    }
}
