/// A text from elsewhere as a terminal may show it: control characters, line ends among them, are written as escapes, so
/// that they cannot move the cursor or hide anything.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}
