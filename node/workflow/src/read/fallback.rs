use etl_model::OnError;

use super::limits::Limits;
use crate::codes;
use crate::read::errors::ERRORS;
use crate::read::{Draft, Input, Role};
use crate::sink::Sink;
use crate::yaml::Entry;

/// The index of a step, where its `fallback` stands, and what it is.
pub(super) type Fallback<'t> = (usize, String, &'t Entry);

/// Makes a destination of every `fallback`, which reads the errors of its step and has the name `step-fallback`.
pub(super) fn expand<'t>(drafts: &mut Vec<Draft<'t>>, fallbacks: Vec<Fallback<'t>>, sink: &mut Sink) {
    for (of, path, entry) in fallbacks {
        let (Some(map), Some(step)) = (entry.value.map(), drafts.get(of)) else { continue };
        let mark = entry.key.mark;
        if step.role == Role::Destination {
            let message = format!("the destination `{}` has a `fallback`", step.name);
            let help = "nothing comes out of a destination: what it refuses goes to the dead letters with \
                        `on_error: dead_letter`, and what it may refuse a `validate` before it tells";
            sink.error(mark, codes::OUTPUT, message, Some(help.to_owned()));
            continue;
        }
        let kind = map.get("type").and_then(|node| Some((node.scalar()?.text()?, node.mark)));
        let input = Input::new(&format!("{}.{ERRORS}", step.name), mark);
        let name = format!("{}-fallback", step.name);
        drafts.push(Draft {
            role: Role::Destination,
            config_path: format!("{path}.config"),
            named: true,
            name,
            mark,
            kind,
            inputs: vec![input],
            config: map.entry("config").map(|entry| (entry.key.mark, &entry.value)),
            on_error: (OnError::Fail, None),
            takes_errors: false,
            limits: Limits::default(),
            node: None,
        });
    }
}
