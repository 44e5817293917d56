use std::collections::{BTreeMap, HashSet};

use super::inputs::Inputs;
use super::kind::ParameterKind;
use super::parameter::Parameter;
use crate::check::{did_you_mean, shorten};
use crate::codes;
use crate::sink::Sink;
use crate::source::Mark;
use crate::yaml::{Entry, Map, Node, Scalar, Typed, Value};

/// The key of the declarations.
pub(crate) const KEY: &str = "parameters";

/// The parameters of a workflow, with their values.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// In the order of the file; only those without a fault.
    pub parameters: Vec<Parameter>,
    /// All that were written down, also faulty ones: these are known, and their fault has been told.
    pub names: HashSet<String>,
    /// Where one without a default stands.
    pub required: Option<(String, Mark)>,
}

impl Declared {
    /// What `${param:NAME}` is; `None` when its fault has been told.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// Reads the declarations of a tree whose own variables have been put in, and gives them the values of a run. The shape of
/// a declaration is checked with the rest of the workflow: what it lacks is not told here.
pub(crate) fn declare(workflow: &Map, inputs: &Inputs, sink: &mut Sink) -> Declared {
    let entry = workflow.entry(KEY);
    let mut declared = Declared::default();
    let entries = entry.and_then(|entry| entry.value.map()).map_or(&[][..], |map| &map.entries);
    for entry in entries {
        declared.names.insert(entry.key.text.clone());
        let Some(mut parameter) = parameter(entry, sink) else { continue };
        if parameter.default.is_none() && declared.required.is_none() {
            declared.required = Some((parameter.name.clone(), entry.key.mark));
        }
        match inputs.parameters.get(&parameter.name) {
            Some(given) => match parameter.accept(given) {
                Ok(value) => parameter.value = Some(value),
                Err((message, help)) => {
                    sink.error(entry.key.mark, codes::PARAMETER, message, Some(help));
                    continue;
                }
            },
            None => parameter.value = parameter.default.clone(),
        }
        if parameter.value.is_none() && inputs.is_complete {
            let message = format!("the parameter `{}` has no value", parameter.name);
            let help = format!("give it with `--param {}={}`", parameter.name, parameter.sample());
            sink.error(entry.key.mark, codes::MISSING_PARAMETER, message, Some(help));
        }
        declared.parameters.push(parameter);
    }
    let mark = entry.map(|entry| entry.key.mark).or_else(|| workflow.entries.first().map(|e| e.key.mark));
    unknown(&inputs.parameters, &declared.names, mark.unwrap_or_default(), sink);
    declared
}

/// Reports values for parameters that there are not.
fn unknown(given: &BTreeMap<String, String>, names: &HashSet<String>, mark: Mark, sink: &mut Sink) {
    for name in given.keys().filter(|name| !names.contains(*name)) {
        let help = match names.is_empty() {
            true => Some("the workflow declares no `parameters`".to_owned()),
            false => {
                let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
                names.sort_unstable();
                did_you_mean(name, &names)
            }
        };
        let message = format!("there is no parameter `{}`", shorten(name));
        sink.error(mark, codes::UNKNOWN_PARAMETER, message, help);
    }
}

/// A declaration; `None` when something is wrong with it.
fn parameter(entry: &Entry, sink: &mut Sink) -> Option<Parameter> {
    let name = &entry.key.text;
    if !is_name(name) {
        let message = format!("`{}` is not the name of a parameter", shorten(name));
        let help = "use letters, digits, `_` and `-`".to_owned();
        sink.error(entry.key.mark, codes::PARAMETER, message, Some(help));
        return None;
    }
    let map = entry.value.map()?;
    let kind = ParameterKind::parse(map.get("type")?.scalar()?.text()?)?;
    let mut clean = true;
    let mut literal = |node: &Node| match read(name, kind, node, sink) {
        Ok(value) => value,
        Err(()) => {
            clean = false;
            None
        }
    };
    let listed = map.get("values").and_then(Node::list).unwrap_or_default();
    let values: Vec<String> = listed.iter().filter_map(&mut literal).collect();
    let default = map.entry("default").filter(|entry| !entry.value.is_null());
    let found = default.and_then(|entry| literal(&entry.value));
    if !clean {
        return None;
    }
    let description = map.get("description").and_then(Node::scalar).and_then(Scalar::text).map(str::to_owned);
    let mut parameter =
        Parameter { name: name.clone(), kind, description, default: None, values, value: None };
    if let (Some(value), Some(default)) = (found, default) {
        match parameter.accept(&value) {
            Ok(value) => parameter.default = Some(value),
            Err((message, help)) => {
                sink.error(default.value.mark, codes::PARAMETER, format!("default: {message}"), Some(help));
                return None;
            }
        }
    }
    Some(parameter)
}

/// A value as it stands in the file: never converted from another kind. `Ok(None)` when its fault has been told.
fn read(name: &str, kind: ParameterKind, node: &Node, sink: &mut Sink) -> Result<Option<String>, ()> {
    let mut refuse = |help: String| {
        let message = format!("the parameter `{name}` is of type {kind}, and this value is not");
        sink.error(node.mark, codes::PARAMETER, message, Some(help));
        Err(())
    };
    let Value::Scalar(scalar) = &node.value else {
        return refuse(format!("write for example `{}`", kind.example()));
    };
    if scalar.is_unknown() {
        return Ok(None);
    }
    let text = match (kind, scalar.natural()) {
        (ParameterKind::Int | ParameterKind::Float, Typed::Number(number)) => number.to_string(),
        (ParameterKind::Bool, Typed::Bool(value)) => value.to_string(),
        (ParameterKind::String | ParameterKind::Date | ParameterKind::Timestamp, _) => match scalar.text() {
            Some(text) => text.to_owned(),
            None => return refuse("put it into quotes".to_owned()),
        },
        _ => return refuse(format!("write for example `{}`, without quotes", kind.example())),
    };
    match kind.read(&text) {
        Some(value) => Ok(Some(value)),
        None => refuse(format!("write for example `{}`", kind.example())),
    }
}

fn is_name(name: &str) -> bool {
    const LONGEST: usize = 128;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(is_plain)
}
