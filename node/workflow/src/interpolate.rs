//! `${...}` in scalars. Works on parsed values, never on the text of the file: what a variable holds can change a
//! value, but never the shape of the workflow.

use std::collections::HashSet;

use saphyr_parser::ScalarStyle;

use crate::check::did_you_mean;
use crate::codes;
use crate::parameters::{Declared, Inputs, KEY, Parameter, declare};
use crate::sink::Sink;
use crate::source::{Mark, SourceText};
use crate::template::{Fallback, Piece, parse};
use crate::yaml::{MAX_TEXT_BYTES, Node, Part, Scalar, Typed, Value, locate, retype};

/// Looks up a variable of the environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts variables and what the run gives into every scalar of the tree; reports all that are missing or cannot be read.
/// Returns the parameters of the workflow.
///
/// A scalar with an error becomes [`Typed::Unknown`], so that later checks keep silent about it.
pub(crate) fn interpolate(
    tree: &mut Node,
    environment: Environment<'_>,
    inputs: &Inputs,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Declared {
    let nothing = Declared::default();
    let mut used = HashSet::new();
    let mut pass = Pass { environment, inputs, declared: None, used: &mut used, source, sink, bytes: 0 };
    if let Some(node) = declarations(tree) {
        pass.node(node);
    }
    let bytes = pass.bytes;
    let workflow = tree.map().and_then(|root| root.get("workflow")).and_then(Node::map);
    let declared = workflow.map_or(nothing, |workflow| declare(workflow, inputs, sink));
    let known = Some(&declared);
    Pass { environment, inputs, declared: known, used: &mut used, source, sink, bytes }.tree(tree);
    if !sink.failed() {
        warn_of_unused(tree, &declared, &used, sink);
    }
    declared
}

/// Parameters that are named nowhere: whoever gives them a value would wonder.
fn warn_of_unused(tree: &mut Node, declared: &Declared, used: &HashSet<String>, sink: &mut Sink) {
    let entries = declarations(tree).and_then(|node| node.map()).map_or(&[][..], |map| &map.entries);
    let is_unused = |name: &str| declared.get(name).is_some() && !used.contains(name);
    for entry in entries.iter().filter(|entry| is_unused(&entry.key.text)) {
        let name = &entry.key.text;
        let help = format!("write `${{param:{name}}}` where its value belongs, or remove it");
        let message = format!("the parameter `{name}` is used nowhere");
        sink.error(entry.key.mark, codes::UNUSED_PARAMETER, message, Some(help));
    }
}

fn declarations(tree: &mut Node) -> Option<&mut Node> {
    let workflow = entry(tree, "workflow")?;
    entry(workflow, KEY)
}

fn entry<'t>(node: &'t mut Node, key: &str) -> Option<&'t mut Node> {
    let Value::Map(map) = &mut node.value else { return None };
    map.entries.iter_mut().find(|entry| entry.key.text == key).map(|entry| &mut entry.value)
}

struct Pass<'a, 's> {
    environment: Environment<'a>,
    inputs: &'a Inputs,
    /// `None` inside of the declarations themselves.
    declared: Option<&'a Declared>,
    /// Parameters that are named somewhere.
    used: &'s mut HashSet<String>,
    source: &'a SourceText<'a>,
    sink: &'s mut Sink,
    bytes: usize,
}

impl Pass<'_, '_> {
    /// Everything but the declarations.
    fn tree(&mut self, tree: &mut Node) {
        let Value::Map(root) = &mut tree.value else { return self.node(tree) };
        for top in &mut root.entries {
            match &mut top.value.value {
                Value::Map(workflow) if top.key.text == "workflow" => {
                    let others = workflow.entries.iter_mut().filter(|entry| entry.key.text != KEY);
                    others.for_each(|entry| self.node(&mut entry.value));
                }
                _ => self.node(&mut top.value),
            }
        }
    }

    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(map) => map.entries.iter_mut().for_each(|entry| self.node(&mut entry.value)),
            Value::Scalar(scalar) if scalar.written.contains('$') => {
                let filled = self.fill(node);
                if let (Value::Scalar(scalar), Some(filled)) = (&mut node.value, filled) {
                    *scalar = filled;
                }
            }
            Value::Scalar(_) => {}
        }
    }

    fn fill(&mut self, node: &Node) -> Option<Scalar> {
        let scalar = node.scalar()?;
        let (pieces, faults) = parse(&scalar.written);
        for fault in &faults {
            let mark = self.place(node, fault.offset);
            self.sink.error(mark, fault.code, fault.message.clone(), fault.help.clone());
        }
        let whole = pieces.len() == 1 && scalar.style == ScalarStyle::Plain;
        let mut filled = Scalar { interpolated: false, of_run: false, ..scalar.clone() };
        let mut is_typed = true;
        let mut broken = faults.iter().any(|fault| fault.code.starts_with('E'));
        let mut parts: Vec<Part> = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => push_text(&mut parts, text),
                Piece::Secret(name) => parts.push(Part::Secret(name)),
                Piece::Run(fact) => {
                    filled.of_run = true;
                    is_typed = false;
                    push_text(&mut parts, self.inputs.fact(fact));
                }
                Piece::Parameter { name, offset } => {
                    filled.interpolated = true;
                    self.used.insert(name.to_owned());
                    match self.parameter(name) {
                        Ok(parameter) => {
                            filled.of_run = true;
                            is_typed = parameter.kind.is_typed();
                            push_text(&mut parts, parameter.sample().to_owned());
                        }
                        Err(fault) => {
                            if let Some((message, help)) = fault {
                                let mark = self.place(node, offset);
                                self.sink.error(mark, codes::UNKNOWN_PARAMETER, message, help);
                            }
                            broken = true;
                        }
                    }
                }
                Piece::Variable { name, fallback, offset } => {
                    filled.interpolated = true;
                    match self.variable(name, fallback) {
                        Ok(value) => push_text(&mut parts, value),
                        Err((message, help)) => {
                            let mark = self.place(node, offset);
                            self.sink.error(mark, codes::MISSING_VARIABLE, message, Some(help));
                            broken = true;
                        }
                    }
                }
            }
        }
        let text: String = parts.iter().map(shown).collect();
        self.bytes += text.len();
        if self.bytes > MAX_TEXT_BYTES {
            if !broken && self.bytes - text.len() <= MAX_TEXT_BYTES {
                let message = format!("variables expand to more than {MAX_TEXT_BYTES} bytes");
                self.sink.error(node.mark, codes::TOO_COMPLEX, message, None);
            }
            broken = true;
        }
        let secret = parts.iter().any(|part| matches!(part, Part::Secret(_)));
        filled.typed = if broken {
            Typed::Unknown
        } else if whole && filled.interpolated && is_typed {
            retype(text)
        } else {
            Typed::Text(text)
        };
        filled.secret_parts = if secret { parts } else { Vec::new() };
        Some(filled)
    }

    /// A parameter that has a value; nothing to tell when the fault of its declaration was told.
    fn parameter(&self, name: &str) -> Result<&Parameter, Option<(String, Option<String>)>> {
        let Some(declared) = self.declared else {
            let help = "write the value, or `${NAME}` for a variable of the environment".to_owned();
            return Err(Some(("a parameter cannot refer to another one".to_owned(), Some(help))));
        };
        match declared.get(name) {
            Some(parameter) => Ok(parameter),
            None if declared.names.contains(name) => Err(None),
            None => {
                let mut names: Vec<&str> = declared.names.iter().map(String::as_str).collect();
                names.sort_unstable();
                let help = match did_you_mean(name, &names) {
                    Some(near) => near,
                    None => "declare it in `parameters` of the workflow".to_owned(),
                };
                Err(Some((format!("there is no parameter `{name}`"), Some(help))))
            }
        }
    }

    fn variable(&self, name: &str, fallback: Fallback) -> Result<String, (String, String)> {
        let value = (self.environment)(name);
        let missing = |state: &str| {
            (
                format!("the environment variable `{name}` is {state}"),
                format!("set it, or give a default: `${{{name}:default}}`"),
            )
        };
        match (value, fallback) {
            (Some(value), Fallback::IfEmpty(default)) if value.is_empty() => Ok(default),
            (Some(value), Fallback::Message(message)) if value.is_empty() => {
                Err((missing("empty").0, or_generic(message, missing("empty").1)))
            }
            (Some(value), _) => Ok(value),
            (None, Fallback::IfUnset(default) | Fallback::IfEmpty(default)) => Ok(default),
            (None, Fallback::Message(message)) => {
                Err((missing("not set").0, or_generic(message, missing("not set").1)))
            }
            (None, Fallback::None) => Err(missing("not set")),
        }
    }

    fn place(&self, node: &Node, offset: usize) -> Mark {
        locate(self.source, node, offset).unwrap_or(node.mark)
    }
}

fn or_generic(message: String, generic: String) -> String {
    if message.trim().is_empty() { generic } else { message }
}

/// A part as it stands in the file.
pub(crate) fn shown(part: &Part) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Secret(name) => format!("${{secret:{name}}}"),
    }
}

fn push_text(parts: &mut Vec<Part>, text: String) {
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(&text),
        _ => parts.push(Part::Text(text)),
    }
}
