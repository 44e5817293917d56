use std::path::Path;

/// The value of a secret: the file of its name in `directory`, else the environment variable
/// `ACTIX_ETL_SECRET_<NAME>` with the name in upper case and `-` as `_`. One line end at the end of a file is dropped.
pub(crate) fn lookup(directory: Option<&Path>, name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if let Some(directory) = directory.filter(|_| is_plain && !name.starts_with('.'))
        && let Ok(text) = std::fs::read_to_string(directory.join(name))
    {
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Some(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    std::env::var(format!("ACTIX_ETL_SECRET_{}", name.to_uppercase().replace(['-', '.'], "_"))).ok()
}
