use crate::codes;
use crate::parameters::Fact;

/// A part of a text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// With `$$` already read as `$`.
    Text(String),
    /// `${secret:name}`
    Secret(String),
    /// `${param:name}`, `offset` bytes into the text.
    Parameter { name: &'a str, offset: usize },
    /// `${run:id}`, `${run:tick}`
    Run(Fact),
    /// `${NAME...}`, `offset` bytes into the text.
    Variable { name: &'a str, fallback: Fallback, offset: usize },
}

/// What to do without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// `${NAME}`: an error.
    None,
    /// `${NAME:default}`
    IfUnset(String),
    /// `${NAME:-default}`
    IfEmpty(String),
    /// `${NAME:?message}`: an error, also when empty.
    Message(String),
}

/// A `${...}` that cannot be read, or something that looks like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    /// Bytes into the text.
    pub offset: usize,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

const FORMS: &str = "the forms are `${NAME}`, `${NAME:default}`, `${NAME:-default}`, `${NAME:?message}`, \
                     `${secret:name}`, `${param:name}`, `${run:id}` and `${run:tick}`; a literal `$` before `{` is written `$$`";

/// Splits a text into its pieces and all faults. Text pieces are never empty nor adjacent.
pub(crate) fn parse(text: &str) -> (Vec<Piece<'_>>, Vec<TemplateFault>) {
    let mut pieces = Vec::new();
    let mut faults = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        literal.push_str(&text[at..dollar]);
        let rest = &text[dollar + 1..];
        if rest.starts_with('$') {
            literal.push('$');
            at = dollar + 2;
            continue;
        }
        let Some(inside) = rest.strip_prefix('{') else {
            literal.push('$');
            faults.extend(unbraced(rest, dollar));
            at = dollar + 1;
            continue;
        };
        let Some(length) = inside.find('}') else {
            faults.push(malformed(dollar, "`${` has no `}`"));
            at = text.len();
            break;
        };
        match reference(&inside[..length], dollar) {
            Ok(piece) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
            }
            Err(fault) => faults.push(fault),
        }
        at = dollar + 2 + length + 1;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    (pieces, faults)
}

fn reference(inside: &str, offset: usize) -> Result<Piece<'_>, TemplateFault> {
    let (name, rest) = match inside.split_once(':') {
        Some((name, rest)) => (name, Some(rest)),
        None => (inside, None),
    };
    if let ("secret", Some(secret)) = (name, rest) {
        return match is_secret_name(secret) {
            true => Ok(Piece::Secret(secret.to_owned())),
            false => Err(malformed(offset, &format!("`{secret}` is not the name of a secret"))
                .with_help("use letters, digits and `_ - . / #`")),
        };
    }
    if let ("param", Some(parameter)) = (name, rest) {
        let is_name = parameter.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        return match is_name && !parameter.is_empty() {
            true => Ok(Piece::Parameter { name: parameter, offset }),
            false => Err(malformed(offset, &format!("`{parameter}` is not the name of a parameter"))
                .with_help("use letters, digits, `_` and `-`; its default stands where it is declared")),
        };
    }
    if let ("run", Some(fact)) = (name, rest) {
        return match fact {
            "id" => Ok(Piece::Run(Fact::Id)),
            "tick" => Ok(Piece::Run(Fact::Tick)),
            _ => Err(malformed(offset, &format!("a run has no `{fact}`"))
                .with_help("`${run:id}` is the run's id, `${run:tick}` the time it is about, as RFC 3339")),
        };
    }
    if !is_variable_name(name) {
        return Err(match name {
            "" => malformed(offset, "`${...}` without a name"),
            _ => malformed(offset, &format!("`{name}` is not the name of a variable")),
        });
    }
    if inside.contains("${") {
        return Err(malformed(offset, "a default cannot contain `${`"));
    }
    let unescape = |text: &str| text.replace("$$", "$");
    let fallback = match rest {
        None => Fallback::None,
        Some(rest) => match (rest.strip_prefix('-'), rest.strip_prefix('?')) {
            (Some(default), _) => Fallback::IfEmpty(unescape(default)),
            (_, Some(message)) => Fallback::Message(unescape(message)),
            _ => Fallback::IfUnset(unescape(rest)),
        },
    };
    Ok(Piece::Variable { name, fallback, offset })
}

/// `$NAME` in capitals is most likely meant as a variable; `$` alone is common in patterns.
fn unbraced(rest: &str, offset: usize) -> Option<TemplateFault> {
    let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    let name = &rest[..end.unwrap_or(rest.len())];
    if name.len() < 2 || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    Some(TemplateFault {
        offset,
        code: codes::UNBRACED_VARIABLE,
        message: format!("`${name}` stays as it is"),
        help: Some(format!("write `${{{name}}}` for the variable, or `$${name}` for the text")),
    })
}

fn malformed(offset: usize, message: &str) -> TemplateFault {
    TemplateFault {
        offset,
        code: codes::BAD_INTERPOLATION,
        message: message.to_owned(),
        help: Some(FORMS.to_owned()),
    }
}

impl TemplateFault {
    fn with_help(self, help: &str) -> Self {
        Self { help: Some(help.to_owned()), ..self }
    }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_secret_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./#".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, fallback: Fallback, offset: usize) -> Piece<'_> {
        Piece::Variable { name, fallback, offset }
    }

    #[test]
    fn all_forms_are_read() {
        let (pieces, faults) = parse("a$$b ${A}${B:d:e}${C:-}${D:?say $$}-${secret:db/pw#x}$");
        assert_eq!(faults, []);
        assert_eq!(
            pieces,
            [
                Piece::Text("a$b ".to_owned()),
                variable("A", Fallback::None, 5),
                variable("B", Fallback::IfUnset("d:e".to_owned()), 9),
                variable("C", Fallback::IfEmpty(String::new()), 17),
                variable("D", Fallback::Message("say $".to_owned()), 23),
                Piece::Text("-".to_owned()),
                Piece::Secret("db/pw#x".to_owned()),
                Piece::Text("$".to_owned()),
            ]
        );
        assert_eq!(parse("^a$|$1|${secret}").0.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_reported_with_its_offset() {
        for (text, offset) in [
            ("x${", 1),
            ("x${A", 1),
            ("${}", 0),
            ("${:d}", 0),
            ("${1A}", 0),
            ("${A B}", 0),
            ("${A-b}", 0),
            ("${A:-${B}}", 0),
            ("ok ${secret:}", 3),
            ("ok ${secret:a b}", 3),
        ] {
            let (_, faults) = parse(text);
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!((faults[0].offset, faults[0].code), (offset, codes::BAD_INTERPOLATION), "{text}");
        }
        let (_, faults) = parse("${A B} ${:} é ${C D}");
        assert_eq!(faults.iter().map(|f| f.offset).collect::<Vec<_>>(), [0, 7, 15]);
    }

    #[test]
    fn parameters_and_runs_have_their_own_forms() {
        let (pieces, faults) = parse("${param:day}-${run:id}-${run:tick}-$${param:x}");
        assert_eq!(faults, []);
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            pieces,
            [
                Piece::Parameter { name: "day", offset: 0 },
                text("-"),
                Piece::Run(Fact::Id),
                text("-"),
                Piece::Run(Fact::Tick),
                text("-${param:x}"),
            ]
        );
        for text in ["${param:}", "${param:a b}", "${param:day:x}", "${run:}", "${run:name}", "${run:id:x}"] {
            let (_, faults) = parse(text);
            assert_eq!((faults.len(), faults[0].code), (1, codes::BAD_INTERPOLATION), "{text}");
        }
    }

    #[test]
    fn unbraced_names_only_warn() {
        let (pieces, faults) = parse("$HOME/x");
        assert_eq!(pieces, [Piece::Text("$HOME/x".to_owned())]);
        assert_eq!(faults[0].code, codes::UNBRACED_VARIABLE);
        assert!(parse("$a $1 $A $").1.is_empty());
    }
}
