/// The fields of a cron expression: name, smallest and largest value, and names for them.
const FIELDS: [(&str, u8, u8, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of month", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("day of week", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

const SHORTHANDS: &[&str] = &["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];

/// Checks a cron expression of five fields or a shorthand; an error says what is wrong.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.starts_with('@') {
        return match SHORTHANDS.contains(&text) {
            true => Ok(()),
            false => Err(format!("`{text}` is not one of {}", SHORTHANDS.join(", "))),
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("a cron expression has 5 fields, not {}", fields.len()));
    }
    for (field, (name, least, most, names)) in fields.iter().zip(FIELDS) {
        for part in field.split(',') {
            if !is_valid(part, least, most, names) {
                return Err(format!("`{field}` is not valid for the {name} ({least} to {most})"));
            }
        }
    }
    Ok(())
}

/// `*`, `n` or `n-m`, each with an optional `/step`.
fn is_valid(part: &str, least: u8, most: u8, names: &[&str]) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if step.is_some_and(|step| !step.parse::<u8>().is_ok_and(|step| step > 0)) {
        return false;
    }
    let value = |text: &str| {
        let lower = text.to_lowercase();
        match names.iter().position(|name| *name == lower) {
            Some(position) => u8::try_from(position).ok().map(|position| position + least),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            None => None,
        }
        .filter(|value| (least..=most).contains(value))
    };
    match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => value(from).zip(value(to)).is_some_and(|(from, to)| from <= to),
        None => value(range).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn valid_expressions_pass() {
        for text in ["0 0 * * *", "*/5 0-6,18 1 JAN-mar sun", "59 23 31 12 7", "@daily", "5/10 * * * *"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn invalid_ones_say_which_field() {
        for (text, part) in [
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * * foo *", "month"),
            ("* * * * 6-1", "day of week"),
            ("*/0 * * * *", "minute"),
            ("* * * *", "5 fields"),
            ("", "5 fields"),
            ("+1 * * * *", "minute"),
            ("@noon", "@daily"),
        ] {
            assert!(check(text).is_err_and(|error| error.contains(part)), "{text}");
        }
    }
}
