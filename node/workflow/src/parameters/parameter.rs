use serde::Serialize;

use super::kind::ParameterKind;

/// A value that is given when a run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Unique in the workflow.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// What it is for.
    pub description: Option<String>,
    /// The value of a run that gives none; `None`: a run has to give one.
    pub default: Option<String>,
    /// The only values it takes; empty for all of its kind.
    pub values: Vec<String>,
    /// The value that was given, or the default.
    pub value: Option<String>,
}

impl Parameter {
    /// A value that was given, in the form in which it is kept.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub(crate) fn accept(&self, text: &str) -> Result<String, (String, String)> {
        let Self { name, kind, values, .. } = self;
        let quoted = crate::check::shorten(text);
        let Some(value) = kind.read(text) else {
            let message = format!("the parameter `{name}` is of type {kind}, and `{quoted}` is not");
            return Err((message, format!("write for example `{}`", kind.example())));
        };
        if values.is_empty() || values.contains(&value) {
            return Ok(value);
        }
        let known: Vec<&str> = values.iter().map(String::as_str).collect();
        let message = format!("the parameter `{name}` does not take `{quoted}`");
        let help = crate::check::did_you_mean(&value, &known);
        Err((message, help.unwrap_or_else(|| format!("use {}", crate::check::one_of(&known)))))
    }

    /// What stands in for a value while a file is only checked.
    pub(crate) fn sample(&self) -> &str {
        let first = self.values.first().map(String::as_str);
        self.value.as_deref().or(first).unwrap_or_else(|| self.kind.example())
    }
}
