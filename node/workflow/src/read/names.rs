use std::collections::HashMap;

use etl_model::StepName;

use crate::check::shorten;
use crate::codes;
use crate::read::Draft;
use crate::sink::Sink;
use crate::source::Mark;

/// Reports invalid names and names given to two steps.
pub(super) fn check(drafts: &[Draft<'_>], sink: &mut Sink) {
    let mut first: HashMap<&str, &Draft<'_>> = HashMap::new();
    for draft in drafts {
        if draft.named && StepName::new(&draft.name).is_err() {
            invalid("step", &draft.name, draft.mark, sink);
        }
        if let Some(other) = first.get(draft.name.as_str()) {
            let (first, second) = (other.role.word(), draft.role.word());
            let users =
                if first == second { format!("two {first}s") } else { format!("a {first} and a {second}") };
            let message = format!("the name `{}` is used by {users}", draft.name);
            let help = format!("the first one is at {}:{}", other.mark.line, other.mark.column);
            sink.error(draft.mark, codes::DUPLICATE_NAME, message, Some(help));
        } else {
            first.insert(&draft.name, draft);
        }
    }
}

/// Reports a name that does not match `^[a-z0-9_-]+$` and says what would.
pub(super) fn invalid(what: &str, name: &str, mark: Mark, sink: &mut Sink) {
    let valid: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' })
        .take(60)
        .collect();
    let valid = valid.trim_matches('-');
    let mut help = "use lower-case letters, digits, `_` and `-`".to_owned();
    if !valid.is_empty() {
        help.push_str(&format!(", for example `{valid}`"));
    }
    sink.error(
        mark,
        codes::INVALID_NAME,
        format!("`{}` is not a valid {what} name", shorten(name)),
        Some(help),
    );
}
