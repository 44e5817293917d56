use std::io::{Write, stderr};

use etl_engine::PartitionFailure;
use serde_json::{Value, json};

use crate::Error;
use crate::arguments::Output;
use crate::secrets::redacted;
use crate::view::print_json;

/// Shows why a command could not do its work. Messages of a workflow keep their `file:line:column` form.
pub(crate) fn show_error(error: &Error, output: Output) {
    // Where neither can be written to there is nobody to tell; the exit code remains.
    let _ = match (output, error) {
        (Output::Json, _) => print_json(&error_document(error)),
        (Output::Text, Error::Invalid(diagnostics)) => {
            writeln!(stderr(), "{}", redacted(&diagnostics.to_string()))
        }
        (Output::Text, Error::InvalidOnCluster(_)) => writeln!(stderr(), "{}", redacted(&error.to_string())),
        (Output::Text, _) => {
            let help = error.help().map_or_else(String::new, |help| format!("\n  help: {help}"));
            writeln!(stderr(), "error[{}]: {}", error.code(), redacted(&format!("{error}{help}")))
        }
    };
}

/// An error for programs.
pub(crate) fn error_document(error: &Error) -> Value {
    match error {
        Error::Invalid(diagnostics) => json!({ "error": error.code(), "diagnostics": diagnostics }),
        Error::InvalidOnCluster(findings) => json!({ "error": error.code(), "diagnostics": findings }),
        _ => json!({ "error": error.code(), "message": redacted(&error.to_string()), "help": error.help() }),
    }
}

/// Shows one failed partition.
pub(crate) fn show_failure(out: &mut impl Write, failure: &PartitionFailure) -> std::io::Result<()> {
    writeln!(out, "error[{}]: {}", failure.error.code(), redacted(&failure.error.to_string()))?;
    if let (Some(source), Some(partition)) = (&failure.source, &failure.partition) {
        writeln!(out, "  partition: {source}[{partition}]")?;
    }
    if let Some(help) = failure.error.help() {
        writeln!(out, "  help: {help}")?;
    }
    Ok(())
}
