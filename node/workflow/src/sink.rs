use std::collections::HashSet;

use crate::codes;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::source::{Mark, SourceText};

/// More messages than anyone reads; keeps the answer to a hostile file small.
const MAX_MESSAGES: usize = 1000;

/// A message whose place has not been turned into a line of text yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Issue {
    pub mark: Mark,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

/// Collects the messages of one load.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    issues: Vec<Issue>,
}

impl Sink {
    /// Adds a message; whether it is an error or a warning is told by the code.
    pub fn error(
        &mut self,
        mark: Mark,
        code: &'static str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(Issue { mark, code, message: message.into(), help });
    }

    /// Adds a message.
    pub fn push(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Whether an error has been added.
    pub fn failed(&self) -> bool {
        self.issues.iter().any(|issue| severity(issue.code) == Severity::Error)
    }

    /// All messages, each once, in the order of their places.
    pub fn finish(self, file: &str, source: Option<&SourceText<'_>>) -> Diagnostics {
        let mut seen = HashSet::new();
        let mut issues: Vec<Issue> =
            self.issues.into_iter().filter(|issue| seen.insert(issue.clone())).collect();
        issues.sort_by_key(|issue| issue.mark.index);
        if issues.len() > MAX_MESSAGES {
            // Errors first, or a flood of warnings would hide that there are any.
            issues.sort_by_key(|issue| (severity(issue.code), issue.mark.index));
            issues.truncate(MAX_MESSAGES);
            issues.sort_by_key(|issue| issue.mark.index);
        }
        Diagnostics(issues.into_iter().map(|issue| diagnostic(issue, file, source)).collect())
    }
}

fn severity(code: &'static str) -> Severity {
    if code.starts_with('W') { Severity::Warning } else { Severity::Error }
}

fn diagnostic(issue: Issue, file: &str, source: Option<&SourceText<'_>>) -> Diagnostic {
    debug_assert!(codes::explain(issue.code).is_some(), "unknown code {}", issue.code);
    Diagnostic {
        file: file.to_owned(),
        line: issue.mark.line,
        column: issue.mark.column,
        severity: severity(issue.code),
        code: issue.code,
        message: issue.message,
        help: issue.help,
        snippet: source.and_then(|source| source.snippet(issue.mark)),
    }
}
