use etl_proto::admin as wire;
use etl_proto::admin::diagnostic::Severity as WireSeverity;

use crate::model::{Finding, Severity};

/// Without the file, which the one who asks knows best.
pub(crate) fn finding_to_wire(finding: &Finding) -> wire::Diagnostic {
    let severity = match finding.severity {
        Severity::Error => WireSeverity::Error,
        Severity::Warning => WireSeverity::Warning,
    };
    wire::Diagnostic {
        line: finding.line,
        column: finding.column,
        severity: severity.into(),
        code: finding.code.clone(),
        message: finding.message.clone(),
        help: finding.help.clone().unwrap_or_default(),
        snippet: finding.snippet.clone().unwrap_or_default(),
    }
}

/// A severity that is not known counts as an error.
pub(crate) fn finding_from_wire(file: &str, found: wire::Diagnostic) -> Finding {
    let severity = match found.severity() {
        WireSeverity::Warning => Severity::Warning,
        WireSeverity::Error | WireSeverity::Unspecified => Severity::Error,
    };
    Finding {
        file: file.to_owned(),
        line: found.line,
        column: found.column,
        severity,
        code: found.code,
        message: found.message,
        help: Some(found.help).filter(|help| !help.is_empty()),
        snippet: Some(found.snippet).filter(|snippet| !snippet.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_keep_everything_on_their_way() {
        let with = Finding {
            file: "a.yaml".to_owned(),
            line: 3,
            column: 19,
            severity: Severity::Error,
            code: "E041".to_owned(),
            message: "there is no type `generat`".to_owned(),
            help: Some("did you mean `generate`?".to_owned()),
            snippet: Some("  source: { type: generat }".to_owned()),
        };
        let without = Finding { severity: Severity::Warning, help: None, snippet: None, ..with.clone() };
        for finding in [with, without] {
            assert_eq!(finding_from_wire("a.yaml", finding_to_wire(&finding)), finding);
        }
    }
}
