use etl_sdk::Registry;

use super::configs::Config;
use crate::codes;
use crate::read::graph::Graph;
use crate::read::{Draft, Role};
use crate::sink::Sink;

/// Reports steps that depend on the order of a partition behind repartitions and on nodes of their own.
pub(super) fn check(
    drafts: &[Draft<'_>],
    configs: &[Option<Config>],
    graph: &Graph,
    registry: &Registry,
    sink: &mut Sink,
) {
    let processor = |index: usize| {
        let draft = drafts.get(index).filter(|draft| draft.role == Role::Transformation)?;
        let config = configs.get(index)?.as_ref()?;
        registry.find_processor(draft.kind?.0)?.configure(&config.value).ok()
    };
    // By step the repartition it lies behind. Inputs come first in the order.
    let mut behind: Vec<Option<usize>> = vec![None; drafts.len()];
    for &index in &graph.order {
        let draft = &drafts[index];
        let mut inputs = graph.inputs[index].as_slice();
        if let (true, Some(&of)) = (draft.takes_errors, inputs.first()) {
            // What fails at a step is as it came there.
            inputs = graph.inputs[of].as_slice();
        }
        behind[index] = inputs.iter().find_map(|&input| behind[input]);
        let Some(processor) = processor(index) else { continue };
        if !processor.capabilities().stateless {
            if let Some(repartition) = behind[index] {
                let message = format!(
                    "`{}` depends on the order of a partition, but lies behind the repartition `{}`",
                    draft.name, drafts[repartition].name
                );
                let help = "put it before the repartition";
                sink.error(draft.mark, codes::SEQUENTIAL, message, Some(help.to_owned()));
            }
            if let Some((_, mark)) = draft.node {
                let message =
                    format!("`{}` depends on the order of a partition, but is placed on a node", draft.name);
                let help = "remove `placement`; it runs where the partition is read";
                sink.error(mark, codes::SEQUENTIAL, message, Some(help.to_owned()));
            }
        }
        if processor.repartition().is_some() {
            behind[index] = Some(index);
        }
    }
}
