use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions};
use saphyr_parser::{Event, Parser, ScalarStyle};

/// Columns that are used before a line is broken.
const WIDTH: usize = 120;

/// Why a text is not formatted. It is left as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unformatted {
    /// It is not YAML.
    Syntax(String),
    /// What would come out does not mean the same; a defect of the formatter.
    Changed,
}

/// A text of YAML in its common form, with its comments. What it means is compared before and after.
pub(crate) fn formatted(text: &str) -> Result<String, Unformatted> {
    let before = meaning(text).map_err(Unformatted::Syntax)?;
    let options = FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() },
        language: LanguageOptions {
            trailing_comma: false,
            prefer_single_line: true,
            format_comments: false,
            ..LanguageOptions::default()
        },
    };
    let made =
        pretty_yaml::format_text(text, &options).map_err(|error| Unformatted::Syntax(error.to_string()))?;
    match meaning(&made) {
        Ok(after) if after == before && comments(&made) == comments(text) => Ok(made),
        _ => Err(Unformatted::Changed),
    }
}

/// What the parser makes of a text, without places and without the difference between quotes.
fn meaning(text: &str) -> Result<Vec<String>, String> {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        events.push(match event {
            Event::Scalar(value, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                format!("{is_plain} {anchor} {tag:?} {value}")
            }
            other => format!("{other:?}"),
        });
    }
    Ok(events)
}

/// How many lines have a comment, roughly: a `#` inside a text counts before and after.
fn comments(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('#') || line.contains(" #")).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const UNTIDY: &str = "# What it is for.\nworkflow:\n    name:   orders   # the name\n    source: {type: file,config: {path: 'a.csv'}}\n\n\n\n    transformations:\n      -   {type: filter, config: {condition: \"a == 'x' # no comment\"}}\n    destination:\n      type: stdout\n      # nothing else\n";

    #[test]
    fn texts_become_tidy_and_stay_so() {
        let tidy = formatted(UNTIDY).unwrap();
        assert_ne!(tidy, UNTIDY);
        for comment in ["# What it is for.", "# the name", "# nothing else"] {
            assert!(tidy.contains(comment), "{comment}\n{tidy}");
        }
        assert!(tidy.contains("  name: orders # the name\n"), "{tidy}");
        assert!(tidy.contains("condition: \"a == 'x' # no comment\""), "{tidy}");
        assert_eq!(formatted(&tidy).unwrap(), tidy);
        assert_eq!(meaning(&tidy), meaning(UNTIDY));
    }

    #[test]
    fn what_is_not_yaml_is_told() {
        assert!(matches!(formatted("a: [1\nb: }"), Err(Unformatted::Syntax(_))));
    }
}
