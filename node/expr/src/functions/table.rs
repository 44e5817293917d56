use crate::functions::{Entry, lists, numbers, texts, times, values};

/// All functions, in the order of the reference page.
pub(crate) const LIBRARIES: &[(&str, &[Entry])] = &[
    ("Conversions and sizes", values::CONVERSIONS),
    ("Optional values and values that fail", values::OPTIONALS),
    ("Strings", texts::STRINGS),
    ("Regular expressions", texts::PATTERNS),
    ("Encodings", texts::ENCODINGS),
    ("Hashes", texts::HASHES),
    ("Identifiers", values::IDENTIFIERS),
    ("Times", times::TIMES),
    ("Numbers", numbers::NUMBERS),
    ("Lists", lists::LISTS),
    ("Sets", lists::SETS),
];

/// Every function of every library.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    LIBRARIES.iter().flat_map(|(_, entries)| entries.iter())
}
