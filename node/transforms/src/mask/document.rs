use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::method::{HIDDEN, Method};
use crate::column_text::json_text;
use crate::json_document::{JsonKind, fields, items};

/// Documents nested deeper are hidden as a whole; what the formats read goes to 128.
const DEEPEST: usize = 256;

/// The document with what lies at a path masked; an empty path means all of it. A text that is no JSON is hidden as a whole,
/// because nobody knows what is in it.
pub(super) fn mask_document(document: &str, path: &[String], method: &Method) -> String {
    masked(document, path, method, 0).unwrap_or_else(|| Value::from(HIDDEN).to_string())
}

/// `None` for what is no JSON, or nested too deeply.
fn masked(document: &str, path: &[String], method: &Method, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let kind = JsonKind::of(document)?;
    match kind {
        JsonKind::Null => serde_json::from_str::<()>(document).ok().map(|()| document.to_owned()),
        JsonKind::Array if !(path.is_empty() && method.takes_whole()) => {
            let items = items(document).ok()?.into_iter();
            let items: Option<Vec<String>> =
                items.map(|item| masked(item.get(), path, method, depth + 1)).collect();
            Some(format!("[{}]", items?.join(",")))
        }
        JsonKind::Object if !(path.is_empty() && method.takes_whole()) => {
            let field = |(name, value): (String, &RawValue)| {
                let value = value_of_field(&name, value.get(), path, method, depth + 1)?;
                Some(format!("{}:{value}", Value::from(name)))
            };
            let fields: Option<Vec<String>> = fields(document).ok()?.into_iter().map(field).collect();
            Some(format!("{{{}}}", fields?.join(",")))
        }
        kind if path.is_empty() && (kind == JsonKind::Text || !method.only_texts()) => {
            let text = json_text(document).ok()??;
            Some(Value::from(method.mask(&text)).to_string())
        }
        _ => serde_json::from_str::<&RawValue>(document).ok().map(|_| document.to_owned()),
    }
}

fn value_of_field(name: &str, value: &str, path: &[String], method: &Method, depth: usize) -> Option<String> {
    if path.is_empty() {
        return masked(value, path, method, depth);
    }
    let mut value = Cow::Borrowed(value);
    for rest in behind(name, path) {
        value = Cow::Owned(masked(&value, rest, method, depth)?);
    }
    Some(value.into_owned())
}

/// What of a path lies behind a field of that name. A name may have dots, so it can stand for several parts of the path.
pub(super) fn behind<'p>(name: &str, path: &'p [String]) -> impl Iterator<Item = &'p [String]> {
    let parts = name.split('.').count();
    let fits = path.get(..parts).is_some_and(|front| name.split('.').eq(front.iter().map(String::as_str)));
    fits.then(|| path.get(parts..)).flatten().into_iter()
}
