use rhai::EvalAltResult;

/// Why a script has no result for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What stopped the script, with its line.
    pub fn of(error: &EvalAltResult) -> Self {
        let inner = error.unwrap_inner();
        let line = inner.position().line().or_else(|| error.position().line());
        let code = match inner {
            EvalAltResult::ErrorTooManyOperations(_) => "script_operations",
            EvalAltResult::ErrorTerminated(..) => "script_timeout",
            EvalAltResult::ErrorDataTooLarge(..) | EvalAltResult::ErrorTooManyVariables(_) => "script_memory",
            EvalAltResult::ErrorStackOverflow(_) => "script_depth",
            _ => "script_error",
        };
        let what = match inner {
            EvalAltResult::ErrorTooManyOperations(_) => "more operations than `max_operations`".to_owned(),
            EvalAltResult::ErrorTerminated(..) => "it ran longer than `timeout`".to_owned(),
            EvalAltResult::ErrorDataTooLarge(kind, _) => {
                format!("{} beyond `max_memory`", kind.to_lowercase())
            }
            EvalAltResult::ErrorTooManyVariables(_) => "too many variables at once".to_owned(),
            EvalAltResult::ErrorStackOverflow(_) => "functions call each other too deeply".to_owned(),
            EvalAltResult::ErrorRuntime(thrown, _) => thrown.to_string(),
            other => without_place(&other.to_string()),
        };
        let what = crate::cells::shortened(&what);
        Self { code, message: line.map_or_else(|| what.clone(), |line| format!("line {line}: {what}")) }
    }
}

/// The message without the `(line 1, position 2)` at its end.
fn without_place(message: &str) -> String {
    message.rsplit_once(" (line ").map_or(message, |(what, _)| what).to_owned()
}
