use crate::error::ExprError;
use crate::functions::table::entries;
use crate::functions::{Entry, Function, MACROS, Style};

/// Whether `space.name(...)` with so many arguments is a function of a namespace, and not a call on a field that
/// happens to have the namespace's name.
pub(crate) fn is_namespaced(space: &str, name: &str, arguments: usize) -> bool {
    let is_space = |entry: &Entry| matches!(entry.style, Style::Namespace(known) if known == space);
    if !entries().any(is_space) {
        return false;
    }
    resolve(name, false, Some(space), arguments, None).is_ok()
        || resolve(name, true, None, arguments + 1, None).is_err()
}

/// Finds a called function and checks the number of its operands (the receiver included).
pub(crate) fn resolve(
    name: &str,
    receiver: bool,
    space: Option<&str>,
    operands: usize,
    offset: Option<usize>,
) -> Result<Function, ExprError> {
    let written = space.map_or_else(|| name.to_owned(), |space| format!("{space}.{name}"));
    if let Some(found) = MACROS.iter().find(|found| found.name == name && space.is_none()) {
        let message = format!("`{name}` is called with the wrong arguments");
        return Err(
            ExprError::new(offset, "wrong_arguments", message).with_help(format!("write `{}`", found.usage))
        );
    }
    let in_space = |entry: &&Entry| match entry.style {
        Style::Namespace(known) => space == Some(known),
        _ => space.is_none(),
    };
    let Some(entry) = entries().filter(in_space).find(|entry| entry.name == name) else {
        return Err(unknown(name, &written, space, offset));
    };
    let usage = match entry.style {
        Style::Global => format!("{name}(...)"),
        Style::Namespace(space) => format!("{space}.{name}(...)"),
        Style::Member | Style::Both => format!("value.{name}(...)"),
    };
    let style_fits = match entry.style {
        Style::Global | Style::Namespace(_) => !receiver,
        Style::Member => receiver,
        Style::Both => true,
    };
    if !style_fits {
        let message = format!("`{written}` is not called this way");
        return Err(ExprError::new(offset, "wrong_arguments", message).with_help(format!("write `{usage}`")));
    }
    let (least, most) = entry.operands;
    if (least..=most).contains(&operands) {
        return Ok(entry.function);
    }
    let own = usize::from(receiver);
    let expected = match (least.saturating_sub(own), most.saturating_sub(own)) {
        (1, 1) => "1 argument".to_owned(),
        (0, 0) => "no argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) if most > 16 => format!("at least {least} argument"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let message = format!("`{written}` takes {expected}, not {}", operands.saturating_sub(own));
    Err(ExprError::new(offset, "wrong_arguments", message))
}

fn unknown(name: &str, written: &str, space: Option<&str>, offset: Option<usize>) -> ExprError {
    let error = ExprError::new(offset, "unknown_function", format!("there is no function `{written}`"));
    let candidates = entries()
        .map(|entry| (entry.name, entry.style))
        .chain(MACROS.iter().map(|found| (found.name, Style::Member)));
    let prefix = |style: Style| match style {
        Style::Namespace(space) => Some(space),
        _ => None,
    };
    let best = candidates
        .map(|(candidate, style)| {
            let distance = strsim::damerau_levenshtein(&candidate.to_lowercase(), &name.to_lowercase());
            (distance, prefix(style) != space, candidate, style)
        })
        .min_by_key(|(distance, elsewhere, _, _)| (*distance, *elsewhere));
    match best {
        Some((distance, _, candidate, style)) if distance * 3 <= name.len().max(3) => {
            let prefix = prefix(style).map_or_else(String::new, |space| format!("{space}."));
            error.with_help(format!("did you mean `{prefix}{candidate}`?"))
        }
        _ => error,
    }
}
