use saphyr_parser::ScalarStyle;
use serde_json::Number;

use crate::yaml::Typed;

/// What the core schema of YAML 1.2 makes of a scalar.
///
/// An error is a number that cannot be represented exactly, with the reason.
pub(crate) fn resolve(text: &str, style: ScalarStyle) -> Result<Typed, &'static str> {
    if style != ScalarStyle::Plain {
        return Ok(Typed::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
        "true" | "True" | "TRUE" => Typed::Bool(true),
        "false" | "False" | "FALSE" => Typed::Bool(false),
        _ => match number(text)? {
            Some(number) => Typed::Number(number),
            None => Typed::Text(text.to_owned()),
        },
    })
}

/// What a plain scalar becomes that is one variable and nothing else: a number or boolean, otherwise text.
///
/// An empty variable stays empty text; numbers that do not fit stay text as well, because the environment knows
/// no types and text loses nothing.
pub(crate) fn retype(text: String) -> Typed {
    match resolve(&text, ScalarStyle::Plain) {
        Ok(natural @ (Typed::Bool(_) | Typed::Number(_))) => Typed::Either(Box::new(natural), text),
        _ => Typed::Text(text),
    }
}

fn number(text: &str) -> Result<Option<Number>, &'static str> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("infinity and not-a-number cannot be used here");
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
                return Ok(None);
            }
            return match u64::from_str_radix(digits, radix) {
                Ok(value) => Ok(Some(value.into())),
                Err(_) => Err("the number does not fit into 64 bits"),
            };
        }
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let plain = text.strip_prefix('+').unwrap_or(text);
        if let Ok(value) = plain.parse::<i64>() {
            return Ok(Some(value.into()));
        }
        return match plain.parse::<u64>() {
            Ok(value) => Ok(Some(value.into())),
            Err(_) => Err("the number does not fit into 64 bits"),
        };
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Ok(Some(number)),
        None => Err("the number is too large"),
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_fits && exponent_fits
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Typed {
        resolve(text, ScalarStyle::Plain).unwrap()
    }

    #[test]
    fn the_core_schema_decides() {
        for text in ["", "~", "null"] {
            assert_eq!(plain(text), Typed::Null, "{text}");
        }
        for text in [
            "no",
            "yes",
            "on",
            "1_000",
            "1:30",
            "0b1",
            "0x",
            "0xg",
            "-",
            "+",
            ".",
            "1e",
            "e5",
            "2001-01-01",
            "1.2.3",
            "-0x1f",
            "nan",
            "inf",
            "0o8",
        ] {
            assert_eq!(plain(text), Typed::Text(text.to_owned()), "{text}");
        }
        for (text, value) in [("0", 0), ("-12", -12), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("007", 7)] {
            assert_eq!(plain(text), Typed::Number(value.into()), "{text}");
        }
        for (text, value) in [("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1e3", -1000.0), ("1E-2", 0.01)] {
            assert_eq!(plain(text), Typed::Number(Number::from_f64(value).unwrap()), "{text}");
        }
        assert_eq!(plain("18446744073709551615"), Typed::Number(u64::MAX.into()));
        assert_eq!(plain("-9223372036854775808"), Typed::Number(i64::MIN.into()));
        assert_eq!(resolve("5", ScalarStyle::DoubleQuoted), Ok(Typed::Text("5".to_owned())));
    }

    #[test]
    fn numbers_are_never_rounded_into_range() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "0x10000000000000000",
            ".inf",
            "-.INF",
            ".nan",
            "1e400",
        ] {
            assert!(resolve(text, ScalarStyle::Plain).is_err(), "{text}");
            assert_eq!(retype(text.to_owned()), Typed::Text(text.to_owned()));
        }
    }

    #[test]
    fn variables_become_numbers_and_booleans_but_never_null() {
        assert_eq!(retype(String::new()), Typed::Text(String::new()));
        assert_eq!(retype("null".to_owned()), Typed::Text("null".to_owned()));
        assert_eq!(retype("5".to_owned()), Typed::Either(Box::new(Typed::Number(5.into())), "5".to_owned()));
    }
}
