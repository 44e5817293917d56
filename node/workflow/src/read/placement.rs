use crate::codes;
use crate::read::{Draft, Role};
use crate::sink::Sink;

/// Reports sources that are placed on another node than the first one that is placed.
pub(super) fn check(drafts: &[Draft<'_>], sink: &mut Sink) {
    let sources = drafts.iter().filter(|draft| draft.role == Role::Source);
    let mut placed = sources.filter_map(|draft| Some((&draft.name, draft.node?)));
    let Some((first, (node, _))) = placed.next() else { return };
    for (name, (other, mark)) in placed.filter(|(_, (other, _))| *other != node) {
        let message =
            format!("source `{name}` is placed on node {other}, and source `{first}` on node {node}");
        let help = "place them on the same node, or make two workflows of it";
        sink.error(mark, codes::PLACEMENT, message, Some(help.to_owned()));
    }
}
