use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::{Fault, Place};

/// Deepest nesting; settings have three levels.
const MAX_DEPTH: usize = 16;
/// Most values; far more than there are settings.
const MAX_NODES: usize = 10_000;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Unique in the tree.
    pub id: usize,
    pub place: Place,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// The text, and whether it stands there without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub text: String,
    pub place: Place,
}

impl Node {
    /// Whether it stands for "not given": an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Takes out an entry or item below; answers whether it was there.
    pub fn remove(&mut self, id: usize) -> bool {
        match &mut self.value {
            Value::Scalar(..) => false,
            Value::List(items) => {
                let before = items.len();
                items.retain(|item| item.id != id);
                items.len() < before || items.iter_mut().any(|item| item.remove(id))
            }
            Value::Map(entries) => {
                let before = entries.len();
                entries.retain(|(_, value)| value.id != id);
                entries.len() < before || entries.iter_mut().any(|(_, value)| value.remove(id))
            }
        }
    }
}

/// Reads the one mapping of a file; an empty file is an empty mapping. Faults that do not end the reading are added to `faults`.
pub(super) fn parse(text: &str, faults: &mut Vec<Fault>) -> Result<Node, Fault> {
    let start = Place { line: 1, column: 1 };
    let mut builder = Builder { stack: Vec::new(), root: None, nodes: 0, documents: 0, faults };
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => builder.event(event, place(span.start))?,
            Some(Err(error)) => {
                return Err(Fault {
                    place: place(*error.marker()),
                    message: format!("this is no YAML: {}", error.info()),
                });
            }
        }
    }
    let empty = || Node { id: 0, place: start, value: Value::Map(Vec::new()) };
    let root = builder.root.filter(|root| !root.is_null()).unwrap_or_else(empty);
    match root.value {
        Value::Map(_) => Ok(root),
        _ => Err(Fault {
            place: root.place,
            message: "settings are a mapping, lines of `name: value`".to_owned(),
        }),
    }
}

struct Frame {
    place: Place,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next.
    Map(Vec<(Key, Node)>, Option<Key>),
}

struct Builder<'f> {
    stack: Vec<Frame>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    faults: &'f mut Vec<Fault>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Fault> {
        let refuse = |message: &str| Err(Fault { place, message: message.to_owned() });
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return refuse("a second document begins here; settings are one");
                }
            }
            Event::Alias(_) => return refuse("aliases are not used in settings; write the value again"),
            Event::Scalar(_, _, anchor, ref tag) if anchor > 0 || tag.is_some() => return decorated(place),
            Event::SequenceStart(anchor, ref tag) if anchor > 0 || tag.is_some() => return decorated(place),
            Event::MappingStart(anchor, ref tag) if anchor > 0 || tag.is_some() => return decorated(place),
            Event::Scalar(text, style, ..) => return self.scalar(text.into_owned(), style, place),
            Event::SequenceStart(..) => return self.open(place, Kind::List(Vec::new())),
            Event::MappingStart(..) => return self.open(place, Kind::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, place: Place) -> Result<(), Fault> {
        if let Some(Frame { kind: Kind::Map(_, key @ None), .. }) = self.stack.last_mut() {
            *key = Some(Key { text, place });
            return Ok(());
        }
        self.complete(place, Value::Scalar(text, style == ScalarStyle::Plain))
    }

    fn open(&mut self, place: Place, kind: Kind) -> Result<(), Fault> {
        if matches!(self.stack.last(), Some(Frame { kind: Kind::Map(_, None), .. })) {
            return Err(Fault { place, message: "a name must be text, not a list or mapping".to_owned() });
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(Fault { place, message: format!("nested more than {MAX_DEPTH} levels deep") });
        }
        self.stack.push(Frame { place, kind });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.kind {
            Kind::List(items) => Value::List(items),
            Kind::Map(entries, _) => Value::Map(entries),
        };
        self.complete(frame.place, value)
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, place: Place, value: Value) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault { place, message: format!("more than {MAX_NODES} values") });
        }
        let node = Node { id: self.nodes, place, value };
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => self.root = Some(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Map(entries, key)) => {
                let Some(key) = key.take() else { return Ok(()) };
                match entries.iter().find(|(other, _)| other.text == key.text) {
                    None => entries.push((key, node)),
                    Some((first, _)) => {
                        let message =
                            format!("`{}` is given twice, first in line {}", key.text, first.place.line);
                        self.faults.push(Fault { place: key.place, message });
                    }
                }
            }
        }
        Ok(())
    }
}

fn decorated(place: Place) -> Result<(), Fault> {
    Err(Fault { place, message: "anchors and tags are not used in settings; remove it".to_owned() })
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}
