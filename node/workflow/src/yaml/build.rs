use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::codes;
use crate::sink::{Issue, Sink};
use crate::source::{Mark, SourceText};
use crate::yaml::merge::OpenMap;
use crate::yaml::syntax::syntax_error;
use crate::yaml::{Node, Scalar, Typed, Value, resolve};

/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most values, aliases put in.
const MAX_NODES: usize = 100_000;
/// Most bytes of text, aliases put in.
pub(crate) const MAX_TEXT_BYTES: usize = 16 << 20;

const START: Mark = Mark { index: 0, line: 1, column: 1 };

/// Reads the one document of a file; `None` after reporting why there is no tree.
pub(crate) fn parse(source: &SourceText<'_>, sink: &mut Sink) -> Option<Node> {
    let mut parser = Parser::new_from_str(source.text);
    let mut builder = Builder {
        sink,
        stack: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        spent: Size::default(),
        ids: 0,
        documents: 0,
    };
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => builder.event(event, span).ok()?,
            Some(Err(error)) => {
                let open = builder.stack.last().map(|frame| frame.mark);
                builder.sink.push(syntax_error(&error, open, source));
                return None;
            }
        }
    }
    if builder.root.is_none() {
        let help = Some("a workflow file starts with `workflow:`".to_owned());
        builder.sink.error(START, codes::EMPTY, "the file is empty", help);
    }
    builder.root
}

/// Building goes no further; the reason has been reported.
struct Stop;

/// A container whose end has not come yet.
struct Frame {
    mark: Mark,
    /// 0 for none.
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map(OpenMap),
}

struct Anchored {
    node: Node,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

struct Builder<'s> {
    sink: &'s mut Sink,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchored>,
    spent: Size,
    ids: usize,
    documents: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let start = mark(span.start);
        match event {
            Event::DocumentStart(_) => self.document(start),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), start);
                self.spend(start, Size { nodes: 1, bytes: text.len() })?;
                self.scalar(text.into_owned(), style, anchor, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), start);
                self.open(start, anchor, Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), start);
                self.open(start, anchor, Kind::Map(OpenMap::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark(span.end)),
            Event::Alias(anchor) => self.alias(anchor, start),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, start: Mark) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let help = Some("put each document into a file of its own".to_owned());
        self.sink.error(start, codes::SEVERAL_DOCUMENTS, "a second document begins here", help);
        Err(Stop)
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, anchor: usize, span: Span) -> Result<(), Stop> {
        let start = mark(span.start);
        if let Some(map) = self.map_wanting_key() {
            if style == ScalarStyle::Plain && matches!(text.as_str(), "" | "~") {
                return self.bad_key(start, "a key is missing here");
            }
            let duplicate = map.begin(text, style == ScalarStyle::Plain, start);
            if let Some(issue) = duplicate {
                self.sink.push(issue);
            }
            return Ok(());
        }
        let typed = match resolve(&text, style) {
            Ok(typed) => {
                if matches!(typed, Typed::Number(_)) && has_leading_zero(&text) {
                    self.sink.push(leading_zero(&text, start));
                }
                typed
            }
            // What a variable will be put into is never a number here: `$` is no part of one.
            Err(reason) => {
                let help = Some(format!("put it into quotes if it is text: \"{text}\""));
                self.sink.error(start, codes::OUT_OF_RANGE, format!("`{text}`: {reason}"), help);
                Typed::Unknown
            }
        };
        let scalar = Scalar {
            written: text,
            style,
            typed,
            interpolated: false,
            of_run: false,
            secret_parts: Vec::new(),
        };
        let node = self.node(start, mark(span.end), Value::Scalar(scalar));
        self.complete(node, anchor)
    }

    fn open(&mut self, start: Mark, anchor: usize, kind: Kind) -> Result<(), Stop> {
        if self.map_wanting_key().is_some() {
            return self.bad_key(start, "a key must be text, not a list or mapping");
        }
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            self.sink.error(start, codes::TOO_COMPLEX, message, None);
            return Err(Stop);
        }
        self.spend(start, Size { nodes: 1, bytes: 0 })?;
        self.stack.push(Frame { mark: start, anchor, kind });
        Ok(())
    }

    fn close(&mut self, end: Mark) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.kind {
            Kind::List(items) => Value::List(items),
            Kind::Map(map) => Value::Map(map.finish()),
        };
        let node = self.node(frame.mark, end, value);
        self.complete(node, frame.anchor)
    }

    fn alias(&mut self, anchor: usize, start: Mark) -> Result<(), Stop> {
        if self.map_wanting_key().is_some() {
            return self.bad_key(start, "a key must be text, not an alias");
        }
        let Some(anchored) = self.anchors.get(&anchor) else {
            let message = "the alias lies inside of what it names";
            self.sink.error(start, codes::ALIAS, message, None);
            return Err(Stop);
        };
        let size = anchored.size;
        self.spend(start, size)?;
        let Some(mut node) = self.anchors.get(&anchor).map(|anchored| anchored.node.clone()) else {
            return Ok(());
        };
        self.renumber(&mut node);
        self.complete(node, 0)
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            let size = measure(&node);
            self.spend(node.mark, size)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), size });
        }
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => self.root = Some(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Map(map)) => {
                if let Some(issue) = map.value(node) {
                    self.sink.push(issue);
                }
            }
        }
        Ok(())
    }

    fn map_wanting_key(&mut self) -> Option<&mut OpenMap> {
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            Some(Kind::Map(map)) if map.wants_key() => Some(map),
            _ => None,
        }
    }

    fn node(&mut self, mark: Mark, end: Mark, value: Value) -> Node {
        self.ids += 1;
        Node { id: self.ids, mark, end, value }
    }

    fn renumber(&mut self, node: &mut Node) {
        self.ids += 1;
        node.id = self.ids;
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.renumber(item)),
            Value::Map(map) => map.entries.iter_mut().for_each(|entry| self.renumber(&mut entry.value)),
        }
    }

    fn spend(&mut self, at: Mark, size: Size) -> Result<(), Stop> {
        self.spent.nodes += size.nodes;
        self.spent.bytes += size.bytes;
        if self.spent.nodes <= MAX_NODES && self.spent.bytes <= MAX_TEXT_BYTES {
            return Ok(());
        }
        let message = if self.spent.nodes > MAX_NODES {
            format!("more than {MAX_NODES} values in the file, counting what aliases repeat")
        } else {
            format!("more than {MAX_TEXT_BYTES} bytes of text in the file, counting what aliases repeat")
        };
        self.sink.error(at, codes::TOO_COMPLEX, message, None);
        Err(Stop)
    }

    fn refuse_tag(&mut self, tagged: bool, at: Mark) {
        if tagged {
            let help = Some("remove the tag; text that looks like a number goes into quotes".to_owned());
            self.sink.error(at, codes::TAG, "YAML tags are not part of the language", help);
        }
    }

    fn bad_key(&mut self, at: Mark, message: &str) -> Result<(), Stop> {
        self.sink.error(at, codes::BAD_KEY, message, None);
        Err(Stop)
    }
}

fn measure(node: &Node) -> Size {
    let add = |sum: Size, size: Size| Size { nodes: sum.nodes + size.nodes, bytes: sum.bytes + size.bytes };
    match &node.value {
        Value::Scalar(scalar) => Size { nodes: 1, bytes: scalar.written.len() },
        Value::List(items) => items.iter().map(measure).fold(Size { nodes: 1, bytes: 0 }, add),
        Value::Map(map) => map
            .entries
            .iter()
            .map(|entry| add(measure(&entry.value), Size { nodes: 1, bytes: entry.key.text.len() }))
            .fold(Size { nodes: 1, bytes: 0 }, add),
    }
}

fn has_leading_zero(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

fn leading_zero(text: &str, mark: Mark) -> Issue {
    Issue {
        mark,
        code: codes::LEADING_ZERO,
        message: format!("`{text}` is read as a number without its leading zeros"),
        help: Some(format!("put it into quotes if it is text: \"{text}\"")),
    }
}

fn mark(marker: Marker) -> Mark {
    Mark { index: marker.index(), line: marker.line(), column: marker.col() + 1 }
}
