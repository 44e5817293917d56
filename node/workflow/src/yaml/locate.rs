use saphyr_parser::ScalarStyle;

use crate::source::{Mark, SourceText, advance};
use crate::yaml::{Node, Value};

/// The place of the byte `offset` of a scalar's text as written; `None` where the two cannot be matched up.
///
/// Walks source and text together, because quotes, escapes, folded lines and indentation stand only in the source.
pub(crate) fn locate(source: &SourceText<'_>, node: &Node, offset: usize) -> Option<Mark> {
    let Value::Scalar(scalar) = &node.value else { return None };
    let text = scalar.written.get(..offset)?;
    let mut cursor = Cursor {
        rest: source.slice(node.mark.index, node.end.index),
        mark: node.mark,
        style: scalar.style,
        indent: node.mark.column.saturating_sub(1),
    };
    if matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        cursor.take(1);
    }
    let mut wanted = text;
    while !wanted.is_empty() {
        wanted = cursor.step(wanted)?;
    }
    let continued = |rest: &str| rest.starts_with("\\\n") || rest.starts_with("\\\r");
    while cursor.style == ScalarStyle::DoubleQuoted && continued(cursor.rest) {
        cursor.take(1);
        cursor.take_line_ends();
    }
    Some(cursor.mark)
}

struct Cursor<'a> {
    rest: &'a str,
    mark: Mark,
    style: ScalarStyle,
    /// Columns before the text of a block scalar.
    indent: usize,
}

impl Cursor<'_> {
    /// Consumes what stands for the next characters of `wanted`; returns what is still wanted.
    fn step<'w>(&mut self, wanted: &'w str) -> Option<&'w str> {
        let here = self.rest.chars().next()?;
        let expected = wanted.chars().next()?;
        let block = matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded);
        let white = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        let at_break = self.rest[white..].starts_with(['\n', '\r']);
        if at_break && (!block || white == 0) {
            return self.line_end(wanted, white);
        }
        if self.style == ScalarStyle::DoubleQuoted && here == '\\' {
            return self.escape(wanted, expected);
        }
        let doubled = self.style == ScalarStyle::SingleQuoted && here == '\'';
        if here != expected {
            return None;
        }
        self.take(if doubled { 2 } else { 1 });
        Some(&wanted[expected.len_utf8()..])
    }

    fn escape<'w>(&mut self, wanted: &'w str, expected: char) -> Option<&'w str> {
        let kind = self.rest.chars().nth(1)?;
        if matches!(kind, '\n' | '\r') {
            self.take(1);
            self.take_line_ends();
            return Some(wanted);
        }
        self.take(match kind {
            'x' => 4,
            'u' => 6,
            'U' => 10,
            _ => 2,
        });
        Some(&wanted[expected.len_utf8()..])
    }

    fn line_end<'w>(&mut self, wanted: &'w str, white: usize) -> Option<&'w str> {
        if self.style == ScalarStyle::Literal {
            let wanted = wanted.strip_prefix('\n')?;
            self.take_line_end();
            self.take_indent();
            return Some(wanted);
        }
        self.take(white);
        self.take_line_ends();
        match wanted.strip_prefix(' ') {
            Some(rest) => Some(rest),
            None => {
                let rest = wanted.trim_start_matches('\n');
                (rest.len() < wanted.len()).then_some(rest)
            }
        }
    }

    fn take_line_ends(&mut self) {
        while self.rest.starts_with(['\n', '\r']) {
            self.take_line_end();
            match self.style {
                ScalarStyle::Folded => self.take_indent(),
                _ => self.take_white(),
            }
        }
    }

    fn take_line_end(&mut self) {
        self.take(if self.rest.starts_with("\r\n") { 2 } else { 1 });
    }

    fn take_indent(&mut self) {
        let spaces = self.rest.len() - self.rest.trim_start_matches(' ').len();
        self.take(spaces.min(self.indent));
    }

    fn take_white(&mut self) {
        let white = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.take(white);
    }

    fn take(&mut self, characters: usize) {
        let bytes = self.rest.char_indices().nth(characters).map_or(self.rest.len(), |(at, _)| at);
        let (taken, rest) = self.rest.split_at(bytes);
        self.mark = advance(self.mark, taken);
        self.rest = rest;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::sink::Sink;
    use crate::yaml::parse;

    use super::*;

    /// Looks for `needle` in the value of `a` and returns the line and column of it.
    fn find(text: &str, needle: &str) -> Option<(usize, usize)> {
        let mut sink = Sink::default();
        let source = SourceText::new(text.as_bytes(), &mut sink).unwrap();
        let tree = parse(&source, &mut sink).unwrap();
        let node = tree.map().unwrap().get("a").unwrap().clone();
        let offset = node.scalar().unwrap().written.find(needle).unwrap();
        locate(&source, &node, offset).map(|mark| (mark.line, mark.column))
    }

    #[test]
    fn every_style_leads_back_to_its_source() {
        assert_eq!(find("a: one X", "X"), Some((1, 8)));
        assert_eq!(find("a: \"one X\"", "X"), Some((1, 9)));
        assert_eq!(find("a: \"é\\n\\x41\\u00e9 X\"", "X"), Some((1, 19)));
        assert_eq!(find("a: 'it''s X'", "X"), Some((1, 11)));
        assert_eq!(find("a: one\n  two\n\n  X", "X"), Some((4, 3)));
        assert_eq!(find("a: \"one  \n   two \\\n  X\"", "X"), Some((3, 3)));
        assert_eq!(find("a: |\n  one\n\n    two\n  X\n", "X"), Some((5, 3)));
        assert_eq!(find("a: >\n  one\n  two\n\n  X\n", "X"), Some((5, 3)));
        assert_eq!(find("a: |\r\n  one\r\n  X\r\n", "X"), Some((3, 3)));
    }
}
