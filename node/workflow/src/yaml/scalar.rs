use saphyr_parser::ScalarStyle;
use serde_json::Number;

/// A scalar: as written, and what it means.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    /// The text as YAML reads it, before variables are put in. Messages about values of fields quote this one, so
    /// that they do not print what the environment holds.
    pub written: String,
    pub style: ScalarStyle,
    pub typed: Typed,
    /// Whether a variable was put in.
    pub interpolated: bool,
    /// Whether it depends on the run: a parameter or a fact of the run was put in.
    pub of_run: bool,
    /// The parts of a text that refers to secrets; empty otherwise.
    pub secret_parts: Vec<Part>,
}

/// What a scalar means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Typed {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// A plain scalar that a variable turned into something else than text. Whoever needs text takes the text:
    /// the environment knows no types.
    Either(Box<Typed>, String),
    /// Could not be determined; the error has been reported.
    Unknown,
}

/// A part of a text with secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Secret(String),
}

impl Scalar {
    pub fn is_null(&self) -> bool {
        self.typed == Typed::Null
    }

    pub fn is_unknown(&self) -> bool {
        self.typed == Typed::Unknown
    }

    /// The text, if this is text or can be taken as such.
    pub fn text(&self) -> Option<&str> {
        match &self.typed {
            Typed::Text(text) | Typed::Either(_, text) => Some(text),
            _ => None,
        }
    }

    /// The value where nothing says that text is wanted.
    pub fn natural(&self) -> &Typed {
        match &self.typed {
            Typed::Either(natural, _) => natural,
            typed => typed,
        }
    }
}
