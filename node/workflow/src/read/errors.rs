use std::collections::BTreeMap;

use etl_model::OnError;
use serde_json::json;

use super::configs::Config;
use super::limits::Limits;
use crate::codes;
use crate::read::{Draft, Input, Role};
use crate::sink::Sink;
use crate::source::Mark;

/// The output of the records that fail at a step.
pub(super) const ERRORS: &str = "errors";

/// Puts a step for the errors of every step of which they are read, as `step.errors`, and lets its readers read that. It has
/// the name `step-errors`.
pub(super) fn expand(drafts: &mut Vec<Draft<'_>>, configs: &mut Vec<Option<Config>>, sink: &mut Sink) {
    let mut read: BTreeMap<String, Mark> = BTreeMap::new();
    for input in drafts.iter().flat_map(|draft| &draft.inputs).filter(|input| is_errors(input)) {
        read.entry(input.step.clone()).or_insert(input.mark);
    }
    for (name, mark) in read {
        // One that is not there is reported with the inputs.
        let Some(index) = drafts.iter().position(|draft| draft.name == name) else { continue };
        if drafts[index].role == Role::Destination {
            // Neither can what arrives there, which is reported with the inputs.
            let inputs = drafts.iter_mut().flat_map(|draft| &mut draft.inputs);
            inputs.filter(|input| input.step == name).for_each(|input| input.port = None);
            continue;
        }
        if let Some((mark, message, help)) = refused(&drafts[index], drafts, mark) {
            sink.error(mark, codes::OUTPUT, message, Some(help.to_owned()));
        }
        let step = step_name(&name);
        for input in drafts.iter_mut().flat_map(|draft| &mut draft.inputs) {
            if input.step == name && is_errors(input) {
                *input = Input { text: step.clone(), step: step.clone(), port: None, mark: input.mark };
            }
        }
        let of = drafts[index].clone();
        drafts.push(Draft {
            role: Role::Transformation,
            kind: Some((ERRORS, of.mark)),
            inputs: vec![Input { text: name.clone(), step: name, port: None, mark }],
            config: None,
            on_error: (OnError::Fail, None),
            takes_errors: true,
            limits: Limits::default(),
            named: true,
            name: step,
            ..of
        });
        let config = configs.get(index).and_then(Option::as_ref);
        configs.push(config.map(|of| Config { value: json!({}), secrets: Vec::new(), ..of.clone() }));
    }
}

fn is_errors(input: &Input) -> bool {
    input.port.as_deref() == Some(ERRORS)
}

fn step_name(step: &str) -> String {
    format!("{step}-{ERRORS}")
}

/// Why the errors of a step cannot be read where they are, if so.
fn refused(step: &Draft<'_>, drafts: &[Draft<'_>], mark: Mark) -> Option<(Mark, String, &'static str)> {
    let name = &step.name;
    if let (_, Some(mark)) = step.on_error {
        let message = format!("`on_error` of `{name}`, whose errors are read as `{name}.{ERRORS}`");
        return Some((mark, message, "remove one of them: what fails there goes on to its readers"));
    }
    let reads = |input: &Input| input.step == *name && !is_errors(input);
    if !drafts.iter().any(|draft| draft.inputs.iter().any(reads)) {
        let message = format!("nobody reads `{name}` itself, only its errors");
        return Some((mark, message, "what does not fail there would be lost: name it in `inputs` as well"));
    }
    None
}
