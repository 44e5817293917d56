use std::collections::HashMap;

use crate::codes;
use crate::sink::Issue;
use crate::source::Mark;
use crate::yaml::{Entry, Key, Map, Node, Value};

/// A mapping whose end has not come yet.
#[derive(Default)]
pub(super) struct OpenMap {
    map: Map,
    places: HashMap<String, Mark>,
    /// The key whose value comes next, and what will become of that value.
    pending: Option<(Key, Use)>,
    /// What `<<` names, the most important first.
    merged: Vec<Map>,
}

enum Use {
    Entry,
    Merge,
    /// The second value of a key: read over, because its error has been reported.
    Duplicate,
}

impl OpenMap {
    /// Whether a key comes next.
    pub fn wants_key(&self) -> bool {
        self.pending.is_none()
    }

    /// Takes a key; answers with an error if the mapping has it already.
    pub fn begin(&mut self, text: String, plain: bool, mark: Mark) -> Option<Issue> {
        let first = self.places.get(&text).copied();
        let purpose = match first {
            Some(_) => Use::Duplicate,
            None if plain && text == "<<" => Use::Merge,
            None => Use::Entry,
        };
        let issue = first.map(|first| Issue {
            mark,
            code: codes::DUPLICATE_KEY,
            message: format!("the key `{text}` is given twice"),
            help: Some(format!("the first one is at {}:{}", first.line, first.column)),
        });
        if first.is_none() {
            self.places.insert(text.clone(), mark);
        }
        self.pending = Some((Key { text, mark }, purpose));
        issue
    }

    /// Takes the value of the last key; answers with an error if it cannot be merged.
    pub fn value(&mut self, node: Node) -> Option<Issue> {
        let (key, purpose) = self.pending.take()?;
        match purpose {
            Use::Duplicate => None,
            Use::Entry => {
                self.map.entries.push(Entry { key, value: node });
                None
            }
            Use::Merge => {
                let mark = node.mark;
                let maps: Vec<Option<Map>> = match node.value {
                    Value::List(items) => items.into_iter().map(into_map).collect(),
                    value => vec![into_map(Node { value, ..node })],
                };
                let complete = maps.iter().all(Option::is_some);
                self.merged.extend(maps.into_iter().flatten());
                (!complete).then(|| Issue {
                    mark,
                    code: codes::ALIAS,
                    message: "a merge key `<<` takes a mapping or a list of mappings".to_owned(),
                    help: None,
                })
            }
        }
    }

    /// The mapping; its own keys go before merged ones.
    pub fn finish(mut self) -> Map {
        for entry in self.merged.into_iter().flat_map(|map| map.entries) {
            if !self.places.contains_key(&entry.key.text) {
                self.places.insert(entry.key.text.clone(), entry.key.mark);
                self.map.entries.push(entry);
            }
        }
        self.map
    }
}

fn into_map(node: Node) -> Option<Map> {
    match node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}
