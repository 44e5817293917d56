use serde::Deserialize;
use serde_json::Value;

/// The part of a relation that one partition reads. Its text form is the partition's id, so that an interrupted run
/// finds the same parts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Range {
    /// Everything.
    Whole,
    /// Keys above `after` up to and including `upto`; texts of the key's columns, as literals of their types.
    Keys { after: Option<Vec<String>>, upto: Option<Vec<String>> },
    /// Pages `from .. to` of the table's file; without `to`, to its end.
    Pages { from: u32, to: Option<u32> },
    /// Pages `from .. to` of the file with this number, without `to` all from there on; read in blocks of so many pages.
    Blocks { from: u32, to: Option<u32>, block: u32, file: u32 },
}

impl Range {
    /// The id of this part of `name`.
    pub(super) fn id(&self, name: &str) -> String {
        let shown = |bound: &Option<Vec<String>>| match bound {
            Some(texts) => Value::from(texts.clone()).to_string(),
            None => "[]".to_owned(),
        };
        match self {
            Self::Whole => name.to_owned(),
            Self::Keys { after, upto } => format!("{name} {}..{}", shown(after), shown(upto)),
            Self::Pages { from, to: Some(to) } => format!("{name} pages {from}..{to}"),
            Self::Pages { from, to: None } => format!("{name} pages {from}.."),
            Self::Blocks { from, to, block, file } => {
                let to = to.map(|to| to.to_string()).unwrap_or_default();
                format!("{name} pages {from}..{to} by {block} of file {file}")
            }
        }
    }

    /// Whether it is a part of a table's file.
    pub(super) fn is_of_pages(&self) -> bool {
        matches!(self, Self::Pages { .. } | Self::Blocks { .. })
    }

    /// Reads an id back; `None` when it is not the id of a part of `name`.
    pub(super) fn of_id(id: &str, name: &str) -> Option<Self> {
        let rest = id.strip_prefix(name)?;
        if rest.is_empty() {
            return Some(Self::Whole);
        }
        let rest = rest.strip_prefix(' ')?;
        if let Some(pages) = rest.strip_prefix("pages ") {
            let (pages, blocks) = pages.split_once(" by ").map_or((pages, None), |(a, b)| (a, Some(b)));
            let (from, to) = pages.split_once("..")?;
            let from = from.parse().ok()?;
            let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
            let Some(blocks) = blocks else { return Some(Self::Pages { from, to }) };
            let (block, file) = blocks.split_once(" of file ")?;
            return Some(Self::Blocks { from, to, block: block.parse().ok()?, file: file.parse().ok()? });
        }
        let (after, rest) = bound(rest)?;
        let (upto, rest) = bound(rest.strip_prefix("..")?)?;
        rest.is_empty().then_some(Self::Keys { after, upto })
    }
}

fn bound(text: &str) -> Option<(Option<Vec<String>>, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let texts = Vec::<String>::deserialize(values.next()?.ok()?).ok()?;
    let rest = text.get(values.byte_offset()..)?;
    Some(((!texts.is_empty()).then_some(texts), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_the_range() {
        let key = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let ranges = [
            Range::Whole,
            Range::Keys { after: None, upto: key(&["250"]) },
            Range::Keys { after: key(&["a]..[\"", "b\\"]), upto: key(&["ü", ""]) },
            Range::Keys { after: key(&["9"]), upto: None },
            Range::Pages { from: 0, to: Some(7) },
            Range::Pages { from: u32::MAX, to: None },
            Range::Blocks { from: 0, to: Some(128), block: 64, file: 16_401 },
            Range::Blocks { from: 128, to: None, block: 1, file: u32::MAX },
        ];
        for range in ranges {
            let id = range.id("app.users");
            assert_eq!(Range::of_id(&id, "app.users"), Some(range), "{id}");
            assert_eq!(Range::of_id(&id, "other"), None);
        }
        for bad in [
            "users x",
            "users []",
            "users []..",
            "users [1]..[]",
            "users pages 0..4 by 2",
            "users pages 0..4 by x of file 1",
            "users pages a..b",
            "users []..[]x",
        ] {
            assert_eq!(Range::of_id(bad, "users"), None, "{bad}");
        }
    }
}
