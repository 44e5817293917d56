use crate::codes;
use crate::sink::Sink;

/// Largest workflow file, in bytes.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// Characters between two entries of the index from characters to bytes.
const STRIDE: usize = 1024;
/// Characters shown on each side of the column when a line is long.
const SNIPPET_SIDE: usize = 60;

/// A place in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    /// Characters before it.
    pub index: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// The text of a workflow file, checked for what no YAML file may contain.
pub(crate) struct SourceText<'a> {
    /// Without a byte order mark.
    pub text: &'a str,
    /// Byte offsets of every 1024th character; empty for ASCII, where both are the same.
    strides: Vec<usize>,
}

impl<'a> SourceText<'a> {
    /// Checks size, encoding and characters; `None` after reporting why the text cannot be read.
    pub fn new(bytes: &'a [u8], sink: &mut Sink) -> Option<Self> {
        let start = Mark { index: 0, line: 1, column: 1 };
        if bytes.len() > MAX_FILE_BYTES {
            let message = format!("the file has {} bytes, more than {MAX_FILE_BYTES}", bytes.len());
            sink.error(start, codes::FILE_SIZE, message, None);
            return None;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let offset = error.valid_up_to();
                let before = String::from_utf8_lossy(&bytes[..offset]);
                let mark = advance(start, &before);
                let found = bytes.get(offset).copied().unwrap_or_default();
                let help = match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file seems to be UTF-16; save it as UTF-8",
                    _ => "save the file as UTF-8",
                };
                sink.error(
                    mark,
                    codes::NOT_UTF8,
                    format!("byte 0x{found:02x} at offset {offset} is not valid UTF-8"),
                    Some(help.to_owned()),
                );
                return None;
            }
        };
        let source = Self { text, strides: strides(text) };
        match text.char_indices().find(|(_, c)| is_forbidden(*c)) {
            None => Some(source),
            Some((offset, character)) => {
                sink.error(
                    advance(start, &text[..offset]),
                    codes::CONTROL_CHARACTER,
                    format!("control character U+{:04X} in the file", u32::from(character)),
                    None,
                );
                None
            }
        }
    }

    /// The text between two character indexes; empty if they do not lie in it.
    pub fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(self.byte(start)..self.byte(end)).unwrap_or("")
    }

    fn byte(&self, index: usize) -> usize {
        let Some(&base) = self.strides.get(index / STRIDE) else {
            return if self.strides.is_empty() { index.min(self.text.len()) } else { self.text.len() };
        };
        let rest = &self.text[base..];
        rest.char_indices().nth(index % STRIDE).map_or(self.text.len(), |(offset, _)| base + offset)
    }

    /// The line of a mark, or what surrounds it.
    pub fn snippet(&self, mark: Mark) -> Option<String> {
        let at = self.byte(mark.index);
        let before = &self.text[..at];
        let after = &self.text[at..];
        let mut head = before.chars().rev().take_while(|c| !is_break(*c));
        let mut left: Vec<char> = head.by_ref().take(SNIPPET_SIDE).collect();
        left.reverse();
        let cut_left = head.next().is_some();
        let mut tail = after.chars().take_while(|c| !is_break(*c));
        let right: String = tail.by_ref().take(SNIPPET_SIDE).collect();
        let cut_right = tail.next().is_some();
        let line = format!(
            "{}{}{}{}",
            if cut_left { "…" } else { "" },
            left.into_iter().collect::<String>(),
            right,
            if cut_right { "…" } else { "" }
        );
        let line = line.trim_end();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

fn strides(text: &str) -> Vec<usize> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().step_by(STRIDE).map(|(offset, _)| offset).collect()
}

fn is_break(character: char) -> bool {
    character == '\n' || character == '\r'
}

/// What YAML calls non-printable. NUL matters most: the parser would take it for the end of the file.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}'
        | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// The mark behind `text`, which starts at `mark`.
pub(crate) fn advance(mut mark: Mark, text: &str) -> Mark {
    let mut previous = ' ';
    for character in text.chars() {
        mark.index += 1;
        match character {
            '\n' if previous == '\r' => {}
            '\n' | '\r' => {
                mark.line += 1;
                mark.column = 1;
            }
            _ => mark.column += 1,
        }
        previous = character;
    }
    mark
}
