use etl_model::{RecordError, SourceLocation};

const SNIPPET_CHARS: usize = 100;

/// Why one record cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub code: &'static str,
    /// Byte offset in the record.
    pub at: usize,
    pub message: String,
    pub help: Option<&'static str>,
    /// Segments from the innermost field outwards.
    pub path: Vec<String>,
    /// Whether the text ended where more was needed.
    pub ended: bool,
}

/// Boxed, so that the result of the hot functions stays in registers.
pub(super) type Fallible<T> = Result<T, Box<Fault>>;

impl Fault {
    #[cold]
    pub fn new(code: &'static str, at: usize, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, at, message: message.into(), help: None, path: Vec::new(), ended: false })
    }

    #[cold]
    pub fn syntax(at: usize, message: impl Into<String>) -> Box<Self> {
        Self::new("json_syntax", at, message)
    }

    #[cold]
    pub fn ended(at: usize, inside: &str) -> Box<Self> {
        let mut fault = Self::syntax(at, format!("the record ends inside {inside}"));
        fault.ended = true;
        fault
    }

    pub fn with_help(mut self: Box<Self>, help: &'static str) -> Box<Self> {
        self.help = Some(help);
        self
    }

    #[cold]
    pub fn inside(mut self: Box<Self>, segment: &str) -> Box<Self> {
        self.path.push(segment.to_owned());
        self
    }

    /// The path as `a.b[2].c`, or nothing for the record as a whole.
    pub fn field(&self) -> Option<String> {
        let mut path = String::new();
        for segment in self.path.iter().rev() {
            if !path.is_empty() && !segment.starts_with('[') {
                path.push('.');
            }
            path.push_str(segment);
        }
        (!path.is_empty()).then_some(path)
    }

    pub fn into_error(
        self,
        ordinal: u64,
        location: SourceLocation,
        record: serde_json::Value,
    ) -> RecordError {
        let field = self.field();
        let mut error =
            RecordError::new(ordinal, self.code, self.message).with_location(location).with_record(record);
        error.field = field;
        error.help = self.help.map(str::to_owned);
        error
    }
}

/// The beginning of a value for a message: at most 100 characters, invalid UTF-8 replaced.
pub(super) fn snippet(value: &[u8]) -> String {
    let head = value.get(..SNIPPET_CHARS * 4).unwrap_or(value);
    let text = String::from_utf8_lossy(head);
    match text.char_indices().nth(SNIPPET_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}
