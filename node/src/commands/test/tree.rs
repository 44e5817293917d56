use etl_workflow::{MAX_FILE_BYTES, Place};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::Value as Json;

use super::faults::{
    ALIAS, BAD_KEY, DUPLICATE_KEY, FILE_SIZE, Faults, NOT_UTF8, SEVERAL_DOCUMENTS, SYNTAX, TAG, TOO_COMPLEX,
};

/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most values.
const MAX_NODES: usize = 100_000;

/// A value of a test file with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Without quotes a number, a boolean or nothing is what it is in JSON; all else is text.
    Scalar(Json),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    /// Of the key.
    pub place: Place,
    pub value: Node,
}

impl Node {
    /// Whether nothing is given.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Json::Null))
    }

    /// The value without places.
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.clone(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect()
            }
        }
    }
}

/// The text of a file.
pub(super) fn text(file: &str, bytes: Vec<u8>) -> Result<String, Faults> {
    let refuse = |line, code, message: String| {
        let mut faults = Faults::new(file, "");
        faults.add(Place { line, column: 1 }, code, message, None);
        Err(faults)
    };
    if bytes.len() > MAX_FILE_BYTES {
        return refuse(1, FILE_SIZE, format!("the file has more than {MAX_FILE_BYTES} bytes"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)),
        Err(error) => {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            refuse(line, NOT_UTF8, "this line is not UTF-8; save the file as UTF-8".to_owned())
        }
    }
}

/// Reads the one document of a text; none where it cannot be read on, which has then been reported.
pub(super) fn parse(text: &str, faults: &mut Faults) -> Option<Node> {
    let mut builder = Builder { stack: Vec::new(), root: None, nodes: 0, documents: 0, faults };
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => builder.event(event, place(span.start))?,
            Some(Err(error)) => {
                let message = format!("this is no YAML: {}", error.info());
                builder.faults.add(place(*error.marker()), SYNTAX, message, None);
                return None;
            }
        }
    }
    let start = Place { line: 1, column: 1 };
    Some(builder.root.unwrap_or(Node { place: start, value: Value::Scalar(Json::Null) }))
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn scalar(text: String, is_plain: bool) -> Json {
    match text.as_str() {
        _ if !is_plain => Json::String(text),
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        number => serde_json::from_str::<serde_json::Number>(number).map_or(Json::String(text), Json::Number),
    }
}

enum Open {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next.
    Map(Vec<Entry>, Option<(String, Place)>),
}

struct Builder<'f> {
    stack: Vec<(Place, Open)>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    faults: &'f mut Faults,
}

impl Builder<'_> {
    /// Takes what the parser has found; none where reading ends.
    fn event(&mut self, event: Event<'_>, place: Place) -> Option<()> {
        match &event {
            Event::Scalar(_, _, anchor, tag) => self.decorated(*anchor, tag.is_some(), place),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                self.decorated(*anchor, tag.is_some(), place);
            }
            _ => {}
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second document begins here; a test file is one";
                    return self.refuse(place, SEVERAL_DOCUMENTS, message.to_owned());
                }
            }
            Event::Alias(_) => {
                let message = "aliases are not used in test files; write the value again";
                self.faults.add(place, ALIAS, message, None);
                return self.complete(place, Value::Scalar(Json::Null));
            }
            Event::Scalar(text, style, ..) => {
                if let Some((_, Open::Map(_, key @ None))) = self.stack.last_mut() {
                    *key = Some((text.into_owned(), place));
                    return Some(());
                }
                let value = scalar(text.into_owned(), style == ScalarStyle::Plain);
                return self.complete(place, Value::Scalar(value));
            }
            Event::SequenceStart(..) => return self.open(place, Open::List(Vec::new())),
            Event::MappingStart(..) => return self.open(place, Open::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => {
                let (place, open) = self.stack.pop()?;
                let value = match open {
                    Open::List(items) => Value::List(items),
                    Open::Map(entries, _) => Value::Map(entries),
                };
                return self.complete(place, value);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn refuse(&mut self, place: Place, code: &'static str, message: String) -> Option<()> {
        self.faults.add(place, code, message, None);
        None
    }

    fn decorated(&mut self, anchor: usize, has_tag: bool, place: Place) {
        if anchor > 0 {
            self.faults.add(place, ALIAS, "anchors are not used in test files; remove it", None);
        }
        if has_tag {
            self.faults.add(place, TAG, "tags are not used in test files; remove it", None);
        }
    }

    fn open(&mut self, place: Place, open: Open) -> Option<()> {
        if matches!(self.stack.last(), Some((_, Open::Map(_, None)))) {
            return self.refuse(place, BAD_KEY, "a key must be text, not a list or mapping".to_owned());
        }
        if self.stack.len() >= MAX_DEPTH {
            return self.refuse(place, TOO_COMPLEX, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.stack.push((place, open));
        Some(())
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, place: Place, value: Value) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.refuse(place, TOO_COMPLEX, format!("more than {MAX_NODES} values"));
        }
        let node = Node { place, value };
        match self.stack.last_mut().map(|(_, open)| open) {
            None => self.root = Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => {
                let (key, at) = key.take()?;
                match entries.iter().find(|entry| entry.key == key) {
                    None => entries.push(Entry { key, place: at, value: node }),
                    Some(first) => {
                        let message = format!("`{key}` is given twice, first in line {}", first.place.line);
                        self.faults.add(at, DUPLICATE_KEY, message, None);
                    }
                }
            }
        }
        Some(())
    }
}
