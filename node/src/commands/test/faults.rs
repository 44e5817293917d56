use etl_workflow::{Diagnostic, Diagnostics, Place, Severity};

pub(super) const NOT_UTF8: &str = "E001";
pub(super) const FILE_SIZE: &str = "E002";
pub(super) const SYNTAX: &str = "E003";
pub(super) const SEVERAL_DOCUMENTS: &str = "E006";
pub(super) const TOO_COMPLEX: &str = "E007";
pub(super) const DUPLICATE_KEY: &str = "E008";
pub(super) const TAG: &str = "E009";
pub(super) const ALIAS: &str = "E010";
pub(super) const BAD_KEY: &str = "E011";
pub(super) const UNKNOWN_FIELD: &str = "E012";
pub(super) const MISSING_FIELD: &str = "E013";
pub(super) const WRONG_TYPE: &str = "E014";
pub(super) const OUT_OF_RANGE: &str = "E016";
pub(super) const DUPLICATE_NAME: &str = "E032";
pub(super) const UNKNOWN_STEP: &str = "E033";
pub(super) const CONFIG: &str = "E050";

/// Lines up to this length are shown whole, longer ones not at all.
const SNIPPET: usize = 200;

/// What is wrong with a test file, under the codes of the workflow language.
pub(super) struct Faults {
    file: String,
    lines: Vec<String>,
    found: Vec<Diagnostic>,
}

impl Faults {
    /// None yet of a file with that text.
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), lines: text.lines().map(str::to_owned).collect(), found: Vec::new() }
    }

    /// Adds one.
    pub fn add(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let line = place.line.checked_sub(1).and_then(|line| self.lines.get(line));
        self.found.push(Diagnostic {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            severity: Severity::Error,
            code,
            message: message.into(),
            help: help.into(),
            snippet: line.filter(|line| line.len() <= SNIPPET).cloned(),
        });
    }

    /// All of them, in the order of their places.
    ///
    /// # Errors
    /// There are some.
    pub fn finish(mut self) -> Result<(), Diagnostics> {
        self.found.sort_by_key(|found| (found.line, found.column));
        if self.found.is_empty() { Ok(()) } else { Err(Diagnostics(self.found)) }
    }
}
