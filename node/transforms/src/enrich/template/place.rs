use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What a template becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A URL with scheme and host.
    Url,
    /// The value of a header.
    Header,
    /// A JSON document.
    Json,
    /// `name=value&...`
    Form,
    /// A text of no form that is known.
    Text,
}

/// Where in a text an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Of a URL, in front of the path.
    Host,
    /// Of a URL, from the path on; also of a form.
    Encoded,
    Header,
    /// Between the quotes of a JSON string.
    JsonString,
    /// Where JSON has a value.
    JsonValue,
    Text,
}

/// What may stand for itself everywhere in a URL (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A host name is that long.
const LONGEST_LABEL: usize = 63;

impl Place {
    /// Appends a value as it has to stand there, or tells why it cannot.
    pub fn write(self, value: &Value, out: &mut String) -> Result<(), String> {
        if self == Self::JsonValue {
            out.push_str(&value.to_string());
            return Ok(());
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null => return Err("it is null".to_owned()),
            Value::Array(_) => return Err("it is a list, not a single value".to_owned()),
            Value::Object(_) => return Err("it is a record, not a single value".to_owned()),
        };
        match self {
            Self::Host => {
                let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
                if text.is_empty() || text.len() > LONGEST_LABEL || !text.chars().all(fits) {
                    return Err("it is no part of a host name: letters, digits and `-`".to_owned());
                }
                out.push_str(&text);
            }
            Self::Encoded => out.extend(utf8_percent_encode(&text, RESERVED)),
            Self::Header if text.chars().any(|c| c.is_control() && c != '\t') => {
                return Err("it has characters that cannot stand in a header".to_owned());
            }
            Self::JsonString => {
                let quoted = Value::String(text).to_string();
                out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            Self::Header | Self::Text | Self::JsonValue => out.push_str(&text),
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(place: Place, value: Value) -> Result<String, String> {
        let mut out = String::new();
        place.write(&value, &mut out).map(|()| out)
    }

    #[test]
    fn values_cannot_leave_their_place() {
        let nasty = json!("a\"b\\c/d?e&f=g#h\r\ni é");
        assert_eq!(
            written(Place::Encoded, nasty.clone()).unwrap(),
            "a%22b%5Cc%2Fd%3Fe%26f%3Dg%23h%0D%0Ai%20%C3%A9"
        );
        let string = written(Place::JsonString, nasty.clone()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&format!("\"{string}\"")).unwrap(), nasty);
        assert_eq!(written(Place::JsonValue, nasty.clone()).unwrap(), nasty.to_string());
        assert!(written(Place::Header, nasty.clone()).is_err());
        assert!(written(Place::Host, nasty.clone()).is_err());
        assert!(written(Place::Host, json!("evil.example")).is_err());
        assert_eq!(written(Place::Host, json!("tenant-7")).unwrap(), "tenant-7");
        assert_eq!(written(Place::Text, json!(1.5)).unwrap(), "1.5");
    }

    #[test]
    fn what_has_no_text_stands_only_where_json_has_a_value() {
        for value in [json!(null), json!([1]), json!({"a": 1})] {
            for place in [Place::Host, Place::Encoded, Place::Header, Place::JsonString, Place::Text] {
                assert!(written(place, value.clone()).is_err(), "{place:?} {value}");
            }
            assert_eq!(written(Place::JsonValue, value.clone()).unwrap(), value.to_string());
        }
    }
}
