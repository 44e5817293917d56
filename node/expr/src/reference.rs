//! The reference page of the expression language, with its functions out of their tables.

use std::fmt::Write;

use crate::functions::{Example, LIBRARIES, MACROS};

const PAGE: &str = include_str!("../docs/cel.md");
const BEGIN: &str = "<!-- functions: generated -->\n";
const END: &str = "<!-- end of functions -->\n";

/// The reference of the expression language in Markdown: types, operators, every function with an example, codes of
/// failing rows, and deviations from the CEL specification.
pub fn reference() -> String {
    let (head, rest) = PAGE.split_once(BEGIN).unwrap_or((PAGE, ""));
    let (_, tail) = rest.split_once(END).unwrap_or(("", rest));
    format!("{head}{BEGIN}{}{END}{tail}", functions())
}

fn functions() -> String {
    let mut page = String::new();
    let mut table = |title: &str, rows: &mut dyn Iterator<Item = (&str, &str, &Example)>| {
        // Writing to a text in memory cannot fail.
        let _ = write!(page, "\n### {title}\n\n| function | | example |\n|---|---|---|\n");
        for (signature, meaning, example) in rows {
            let _ = writeln!(page, "| {} | {} | {} |", code(signature), escaped(meaning), shown(example));
        }
    };
    table("Macros", &mut MACROS.iter().map(|entry| (entry.usage, entry.meaning, &entry.example)));
    for (title, entries) in LIBRARIES {
        table(title, &mut entries.iter().map(|entry| (entry.signature, entry.meaning, &entry.example)));
    }
    page.push('\n');
    page
}

fn shown(example: &Example) -> String {
    match example.yields.strip_prefix('!') {
        Some(code) => format!("{} fails: `{code}`", self::code(example.text)),
        None => format!("{} is {}", code(example.text), code(example.yields)),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", escaped(text))
}

/// A bar would end the cell, in code as well.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
