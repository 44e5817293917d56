use std::collections::{BTreeSet, HashMap, HashSet};

use crate::check::{did_you_mean, shorten, suggest};
use crate::codes;
use crate::read::errors::ERRORS;
use crate::read::{Draft, Role};
use crate::sink::Sink;

/// Most paths from a source to a destination; every path carries a copy of each record.
const MAX_PATHS: u64 = 1000;
/// Most steps of a workflow.
const MAX_STEPS: usize = 1000;
/// Most pairs of a source and a destination.
const MAX_ROUTES: usize = 10_000;
/// The port that is meant without naming one.
const DEFAULT_PORT: &str = "default";

/// How the steps hang together.
pub(super) struct Graph {
    /// Indexes of the steps: sources by name, transformations in topological order (by name where it leaves a
    /// choice), destinations by name. The order of keys in the file plays no part.
    pub order: Vec<usize>,
    /// For each step, the steps it reads, in the order in which it names them.
    pub inputs: Vec<Vec<usize>>,
}

/// Resolves inputs and reports everything that cannot be run. The order is complete only if nothing was reported.
pub(super) fn build(drafts: &[Draft<'_>], sink: &mut Sink) -> Graph {
    let count = |role: Role| drafts.iter().filter(|draft| draft.role == role).count();
    let routes = count(Role::Source).saturating_mul(count(Role::Destination));
    let limit = match (drafts.len() > MAX_STEPS, routes > MAX_ROUTES) {
        (true, _) => Some(format!("more than {MAX_STEPS} steps")),
        (_, true) => Some(format!("more than {MAX_ROUTES} pairs of a source and a destination")),
        _ => None,
    };
    if let Some(message) = limit {
        let mark = drafts.last().map(|draft| draft.mark).unwrap_or_default();
        let help = "split the workflow; a source can read many files or tables";
        sink.error(mark, codes::TOO_MANY_PATHS, message, Some(help.to_owned()));
        return Graph { order: Vec::new(), inputs: Vec::new() };
    }
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        by_name.entry(&draft.name).or_insert(index);
    }
    let mut used: HashSet<usize> = HashSet::new();
    let mut inputs = vec![Vec::new(); drafts.len()];
    for (index, draft) in drafts.iter().enumerate() {
        resolve(index, draft, drafts, &by_name, &mut inputs[index], &mut used, sink);
    }
    for (index, draft) in drafts.iter().enumerate() {
        let first = by_name.get(draft.name.as_str()) == Some(&index);
        if draft.role != Role::Destination && first && !used.contains(&index) {
            let message = format!("nobody reads the {} `{}`", draft.role.word(), draft.name);
            let help = "name it in the `inputs` of a transformation or destination, or remove it";
            sink.error(draft.mark, codes::UNUSED_STEP, message, Some(help.to_owned()));
        }
    }
    let order = sorted(drafts, &inputs);
    cycles(drafts, &inputs, &order, sink);
    let graph = Graph { order, inputs };
    paths(drafts, &graph, sink);
    graph
}

fn resolve(
    index: usize,
    draft: &Draft<'_>,
    drafts: &[Draft<'_>],
    by_name: &HashMap<&str, usize>,
    inputs: &mut Vec<usize>,
    used: &mut HashSet<usize>,
    sink: &mut Sink,
) {
    let mut seen: HashSet<usize> = HashSet::new();
    for input in &draft.inputs {
        // A name with a dot is invalid, which has been said; it is still the step that was meant.
        let whole = by_name.get(input.text.as_str());
        let Some(&other) = whole.or_else(|| by_name.get(input.step.as_str())) else {
            let mut names: Vec<&str> = drafts
                .iter()
                .filter(|other| other.role != Role::Destination && other.name != draft.name)
                .map(|other| other.name.as_str())
                .collect();
            names.sort_unstable();
            // The step that was meant is not unused as well.
            let near = suggest(&input.step, names.iter().copied());
            used.extend(near.and_then(|name| by_name.get(name)));
            let message = format!("`{}` reads `{}`, which is not a step", draft.name, shorten(&input.step));
            sink.error(input.mark, codes::UNKNOWN_INPUT, message, did_you_mean(&input.step, &names));
            continue;
        };
        let port = input.port.as_deref().filter(|port| whole.is_none() && *port != DEFAULT_PORT);
        if let Some(port) = port {
            let message =
                format!("`{}` reads `{}.{}`, which is not an output", draft.name, input.step, shorten(port));
            let help = did_you_mean(port, &[ERRORS]);
            sink.error(input.mark, codes::OUTPUT, message, help);
        }
        used.insert(other);
        let Some(target) = drafts.get(other) else { continue };
        if other == index {
            sink.error(input.mark, codes::SELF_INPUT, format!("`{}` reads itself", draft.name), None);
        } else if target.role == Role::Destination {
            let message = format!("`{}` reads the destination `{}`", draft.name, target.name);
            let help = "give it the inputs of that destination instead";
            sink.error(input.mark, codes::DESTINATION_INPUT, message, Some(help.to_owned()));
        } else if !seen.insert(other) {
            let message = format!("`{}` reads `{}` twice", draft.name, target.name);
            sink.error(input.mark, codes::DUPLICATE_INPUT, message, Some("name it once".to_owned()));
        } else {
            inputs.push(other);
        }
    }
}

/// Steps of which all inputs come before; what lies on or behind a cycle is missing.
fn sorted(drafts: &[Draft<'_>], inputs: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = inputs.iter().map(Vec::len).collect();
    let mut readers = vec![Vec::new(); drafts.len()];
    for (index, inputs) in inputs.iter().enumerate() {
        for &input in inputs {
            readers[input].push(index);
        }
    }
    let rank = |index: usize| (drafts[index].role, drafts[index].name.as_str(), index);
    let mut ready: BTreeSet<_> = (0..drafts.len()).filter(|&index| waiting[index] == 0).map(rank).collect();
    let mut order = Vec::with_capacity(drafts.len());
    while let Some((_, _, index)) = ready.pop_first() {
        order.push(index);
        for &reader in &readers[index] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.insert(rank(reader));
            }
        }
    }
    order
}

fn cycles(drafts: &[Draft<'_>], inputs: &[Vec<usize>], order: &[usize], sink: &mut Sink) {
    let sorted: HashSet<usize> = order.iter().copied().collect();
    let mut walked: HashSet<usize> = HashSet::new();
    for start in (0..drafts.len()).filter(|index| !sorted.contains(index)) {
        let mut way = Vec::new();
        let mut here = start;
        while walked.insert(here) {
            way.push(here);
            // Every unsorted step has an unsorted input, so walking against the stream ends in a cycle.
            match inputs[here].iter().find(|input| !sorted.contains(input)) {
                Some(&input) => here = input,
                None => break,
            }
        }
        let Some(begin) = way.iter().position(|&step| step == here) else { continue };
        let mut cycle: Vec<usize> = way.split_off(begin);
        cycle.reverse();
        let first =
            cycle.iter().enumerate().min_by_key(|(_, step)| drafts[**step].mark).map_or(0, |(at, _)| at);
        cycle.rotate_left(first);
        let names: Vec<&str> =
            cycle.iter().chain(cycle.first()).map(|&step| drafts[step].name.as_str()).collect();
        let mark = cycle.first().map(|&step| drafts[step].mark).unwrap_or_default();
        let message = format!("steps read each other in a circle: {}", names.join(" -> "));
        sink.error(mark, codes::CYCLE, message, Some("remove one of these inputs".to_owned()));
    }
}

fn paths(drafts: &[Draft<'_>], graph: &Graph, sink: &mut Sink) {
    let mut paths = vec![0u64; drafts.len()];
    for &index in &graph.order {
        paths[index] = match drafts[index].role {
            Role::Source => 1,
            _ => graph.inputs[index].iter().fold(0, |sum, &input| sum.saturating_add(paths[input])),
        };
        let copied = graph.inputs[index].iter().all(|&input| paths[input] <= MAX_PATHS);
        if paths[index] > MAX_PATHS && copied {
            let message = format!("more than {MAX_PATHS} paths lead to `{}`", drafts[index].name);
            let help = "every path carries a copy of each record; let fewer steps share their inputs";
            sink.error(drafts[index].mark, codes::TOO_MANY_PATHS, message, Some(help.to_owned()));
        }
    }
}
