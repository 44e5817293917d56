use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::deserializer::Reader;
use super::tree::{Node, Value, parse};
use super::{Fault, Place};

/// Largest file of settings, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Reads a file of settings; also tells where each of them stands (`raft.listen` for `listen` below `raft`).
///
/// # Errors
/// All faults, in the order of their places.
pub(in crate::node) fn read<T: DeserializeOwned>(
    bytes: &[u8],
) -> Result<(T, BTreeMap<String, Place>), Vec<Fault>> {
    let mut faults = Vec::new();
    let text = text(bytes).map_err(|fault| vec![fault])?;
    let mut tree = match parse(text, &mut faults) {
        Ok(tree) => tree,
        Err(fault) => {
            faults.push(fault);
            return Err(faults);
        }
    };
    let mut places = BTreeMap::new();
    collect(&tree, "", &mut places);
    let value = loop {
        match T::deserialize(Reader(&tree)) {
            Ok(value) => break Some(value),
            Err(misfit) => {
                let (fault, id) = misfit.into_parts(&tree);
                faults.push(fault);
                if !tree.remove(id) {
                    break None;
                }
            }
        }
    };
    faults.sort();
    match value {
        Some(value) if faults.is_empty() => Ok((value, places)),
        _ => Err(faults),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    let start = Place { line: 1, column: 1 };
    if bytes.len() > MAX_BYTES {
        return Err(Fault { place: start, message: format!("the file has more than {MAX_BYTES} bytes") });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Fault {
            place: Place { line, column: 1 },
            message: "this line is not UTF-8; save the file as UTF-8".to_owned(),
        }
    })?;
    let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    match text.find(forbidden) {
        // The parser would take a zero byte for the end of the file.
        Some(at) => {
            let line = text[..at].matches('\n').count() + 1;
            Err(Fault {
                place: Place { line, column: 1 },
                message: "this line has a control character".to_owned(),
            })
        }
        None => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
    }
}

fn collect(node: &Node, prefix: &str, places: &mut BTreeMap<String, Place>) {
    let Value::Map(entries) = &node.value else { return };
    for (key, value) in entries {
        let path = if prefix.is_empty() { key.text.clone() } else { format!("{prefix}.{}", key.text) };
        collect(value, &path, places);
        places.insert(path, key.place);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_model::Span;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        name: Option<String>,
        on: Option<bool>,
        count: Option<u64>,
        pause: Option<Span>,
        list: Option<Vec<String>>,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        First,
        Second,
    }

    fn faults(text: &str) -> Vec<(usize, usize, String)> {
        let faults = read::<Settings>(text.as_bytes()).unwrap_err();
        faults.into_iter().map(|fault| (fault.place.line, fault.place.column, fault.message)).collect()
    }

    #[test]
    fn values_are_read_with_their_places() {
        let text = "# a comment\nname: \"5\"\non: true\ncount: 12\npause: 500ms\nlist: [a, 'b']\ninner:\n  kind: second\n";
        let (settings, places) = read::<Settings>(text.as_bytes()).unwrap();
        assert_eq!(settings.name.as_deref(), Some("5"));
        assert_eq!((settings.on, settings.count), (Some(true), Some(12)));
        assert_eq!(settings.pause, "500ms".parse().ok());
        assert_eq!(settings.list.unwrap(), ["a", "b"]);
        assert_eq!(settings.inner.kind, Some(Kind::Second));
        assert_eq!(places["inner.kind"], Place { line: 8, column: 3 });
    }

    #[test]
    fn what_is_empty_is_not_given() {
        for text in ["", "# nothing\n", "---\n", "name:\non: ~\ncount: null\nlist:\n", "\u{feff}name:\n"] {
            assert_eq!(read::<Settings>(text.as_bytes()).unwrap().0, Settings::default(), "{text:?}");
        }
        assert_eq!(read::<Settings>(b"list: []").unwrap().0.list, Some(Vec::new()));
    }

    #[test]
    fn all_faults_are_told_at_once_where_they_are() {
        let found = faults(
            "nmae: x\non: 5\ncount: -1\npause: 5\ninner: { kind: third, other: 1 }\nlist: [a, 1]\non: true\n",
        );
        let places: Vec<_> = found.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 1), (2, 5), (3, 8), (4, 8), (5, 16), (5, 23), (6, 11), (7, 1)], "{found:?}");
        let words = ["nmae", "boolean", "-1", "string", "third", "other", "string", "twice"];
        for ((.., message), word) in found.iter().zip(words) {
            assert!(message.contains(word), "`{message}` does not say `{word}`");
        }
    }

    #[test]
    fn what_is_no_mapping_of_settings_is_refused() {
        let cases = [
            ("- a\n", "a mapping"),
            ("just text\n", "a mapping"),
            ("inner: 5\n", "expected"),
            ("name: x\n---\nname: y\n", "second document"),
            ("name: &a x\n", "anchors"),
            ("name: !t x\n", "anchors"),
            ("name: [\n", "no YAML"),
            ("name: \"half", "no YAML"),
            ("? [a]\n: b\n", "must be text"),
            ("name: a\u{0}b\n", "control character"),
        ];
        for (text, words) in cases {
            let found = faults(text);
            assert!(found.iter().any(|(.., message)| message.contains(words)), "{text:?}: {found:?}");
        }
        assert!(faults(&"[".repeat(100)).iter().any(|(.., message)| message.contains("levels")));
        let found = read::<Settings>(b"name: x\ncount: \xff\n").unwrap_err();
        assert_eq!(found[0].place.line, 2);
        assert!(read::<Settings>(&vec![b' '; 2 << 20]).is_err());
    }

    #[test]
    fn no_prefix_of_a_file_does_harm() {
        let text = "name: \"5\"\non: true\npause: 500ms\nlist: [a, 'b']\ninner:\n  kind: second\n";
        for end in 0..text.len() {
            let _ = read::<Settings>(&text.as_bytes()[..end]);
        }
    }
}
