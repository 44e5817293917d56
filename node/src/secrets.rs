use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// What stands for a secret wherever something is shown.
const HIDDEN: &str = "[secret]";
/// Shorter values are not looked for: they are parts of everything.
const SHORTEST: usize = 4;
/// From this length on a part of a value is hidden by itself, in bytes.
const LONG_PART: usize = 8;

/// Every form of every value that was handed out, longest first.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// The value of a secret: the file of its name in `directory`, else the environment variable
/// `ACTIX_ETL_SECRET_<NAME>` with the name in upper case and `-` as `_`. One line end at the end of a file is dropped.
///
/// From then on [`redacted`] hides it.
pub(crate) fn lookup(directory: Option<&Path>, name: &str) -> Option<String> {
    let value = find(directory, name)?;
    hide(&value);
    Some(value)
}

fn find(directory: Option<&Path>, name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if let Some(directory) = directory.filter(|_| is_plain && !name.starts_with('.'))
        && let Ok(text) = std::fs::read_to_string(directory.join(name))
    {
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Some(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    std::env::var(format!("ACTIX_ETL_SECRET_{}", name.to_uppercase().replace(['-', '.'], "_"))).ok()
}

/// Has a value never be shown again by what asks [`redacted`]: in its own form, as part of an address, and as programs quote
/// it. Long parts of it are hidden as well, since an address with it may be taken apart in the wrong places.
pub(crate) fn hide(value: &str) {
    hide_one(value);
    for part in value.split(['/', '@', ':', '?', '#', '&', '=', ';']).filter(|part| part.len() >= LONG_PART) {
        hide_one(part);
    }
}

fn hide_one(value: &str) {
    if value.len() < SHORTEST {
        return;
    }
    let is_known = |known: &[String]| known.iter().any(|form| form == value);
    if is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let mut forms: BTreeSet<String> = known.drain(..).collect();
    forms.extend(forms_of(value));
    known.extend(forms);
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

fn forms_of(value: &str) -> [String; 4] {
    let debug = format!("{value:?}");
    // It begins and ends with a quotation mark.
    let debug = debug.get(1..debug.len().saturating_sub(1)).unwrap_or(value).to_owned();
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or(value).to_owned();
    let percent = value.bytes().fold(String::new(), |text, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            text + char::from(byte).to_string().as_str()
        }
        _ => text + format!("%{byte:02X}").as_str(),
    });
    [value.to_owned(), debug, json, percent]
}

/// The text without any secret that was handed out.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    for form in known.iter().filter(|form| !form.is_empty()) {
        if text.contains(form.as_str()) {
            text = Cow::Owned(text.replace(form.as_str(), HIDDEN));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        let secret = "p\"ss w/rd-äöü-canary";
        hide(secret);
        hide("abc");
        for text in [
            secret.to_owned(),
            format!("{secret:?}"),
            format!("postgres://me:p%22ss%20w%2Frd-%C3%A4%C3%B6%C3%BC-canary@host/{secret}"),
            serde_json::json!({ "password": secret }).to_string(),
        ] {
            let shown = redacted(&text).into_owned();
            assert!(shown.contains(HIDDEN) && !shown.contains("canary"), "{shown}");
        }
        hide("user:part-of-an-address@host");
        assert_eq!(redacted("`part-of-an-address` is not a port"), "`[secret]` is not a port");
        assert_eq!(redacted("abc and nothing else, user"), "abc and nothing else, user");
    }
}
