/// Longest word that is compared; longer ones are no typing errors.
const MAX_WORD: usize = 64;

/// The candidate that was most likely meant, if one is near enough.
pub(crate) fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let normal = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
    let word = normal(word);
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= MAX_WORD)
        .filter_map(|candidate| {
            let other = normal(candidate);
            let (length, other_length) = (word.chars().count(), other.chars().count());
            let limit = (length.max(other_length) / 3).max(1);
            // Words are no nearer than their lengths, which is cheaper to see.
            let near = length.abs_diff(other_length) <= limit;
            let distance = near.then(|| strsim::damerau_levenshtein(&word, &other))?;
            (distance <= limit).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean` or, without a near candidate, what there is.
pub fn did_you_mean(word: &str, candidates: &[&str]) -> Option<String> {
    match suggest(word, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() => None,
        None => Some(format!("use {}", one_of(candidates))),
    }
}

/// `a`, or `one of a, b, c`; long lists are cut.
pub(crate) fn one_of(candidates: &[&str]) -> String {
    const SHOWN: usize = 20;
    let quoted: Vec<String> = candidates.iter().take(SHOWN).map(|text| format!("`{text}`")).collect();
    match (quoted.as_slice(), candidates.len()) {
        ([single], 1) => single.clone(),
        (_, count) if count > SHOWN => format!("one of {}, …", quoted.join(", ")),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_not() {
        assert_eq!(suggest("sorce", ["source", "sources"]), Some("source"));
        assert_eq!(suggest("on-error", ["on_error"]), Some("on_error"));
        assert_eq!(suggest("Path", ["path"]), Some("path"));
        assert_eq!(suggest("zebra", ["path", "mode"]), None);
        assert_eq!(suggest(&"p".repeat(100_000), ["path"]), None);
    }
}
