use etl_sdk::Registry;

use crate::codes;
use crate::read::graph::Graph;
use crate::read::{Draft, Role};
use crate::sink::Sink;

/// Reports repartitions behind others, steps that read rows which are divided in different ways, and repartitions that are
/// placed on a node.
pub(super) fn check(drafts: &[Draft<'_>], graph: &Graph, registry: &Registry, sink: &mut Sink) {
    let is_repartition = |draft: &Draft<'_>| {
        let kind = draft.kind.filter(|_| draft.role == Role::Transformation);
        kind.and_then(|(kind, _)| registry.find_processor(kind)).is_some_and(|found| found.is_repartition())
    };
    // By step the repartition that divides what leaves it. Inputs come first in the order.
    let mut divided_by: Vec<Option<usize>> = vec![None; drafts.len()];
    for &index in &graph.order {
        let draft = &drafts[index];
        let mut inputs = graph.inputs[index].as_slice();
        if let (true, Some(&of)) = (draft.takes_errors, inputs.first()) {
            // What fails at a step is as it came there.
            inputs = graph.inputs[of].as_slice();
        }
        let first = inputs.first().and_then(|&input| divided_by[input]);
        let other = inputs.iter().copied().find(|&input| divided_by[input] != first);
        if let (Some(other), Some(&input)) = (other, inputs.first()) {
            let how = |input: usize| match divided_by[input] {
                Some(repartition) => {
                    format!("`{}` is divided by `{}`", drafts[input].name, drafts[repartition].name)
                }
                None => format!("`{}` is not divided", drafts[input].name),
            };
            let message = format!("`{}` reads both: {}, {}", draft.name, how(input), how(other));
            let help = "let one repartition read all of them, or none";
            sink.error(draft.mark, codes::REPARTITION, message, Some(help.to_owned()));
        }
        divided_by[index] = first;
        if !is_repartition(draft) {
            continue;
        }
        if let Some(before) = first {
            let message = format!("`{}` lies behind the repartition `{}`", draft.name, drafts[before].name);
            let help = "divide by the fields of both at once, or make two workflows of it";
            sink.error(draft.mark, codes::REPARTITION, message, Some(help.to_owned()));
        }
        if let Some((_, mark)) = draft.node {
            let message = format!("the repartition `{}` is placed on a node", draft.name);
            let help = "remove `placement`; the steps behind it can be placed";
            sink.error(mark, codes::REPARTITION, message, Some(help.to_owned()));
        }
        divided_by[index] = Some(index);
    }
}
