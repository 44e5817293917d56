use std::io::{IsTerminal, Write, stdout};

use etl_api::{Diff, LineKind};

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// Writes a difference to standard output, in colours when that is a terminal and `NO_COLOR` is not set.
pub(crate) fn write_diff(out: &mut impl Write, diff: &Diff) -> std::io::Result<()> {
    let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    write_lines(out, diff, colours)
}

fn write_lines(out: &mut impl Write, diff: &Diff, colours: bool) -> std::io::Result<()> {
    for line in &diff.0 {
        let colour = match line.kind {
            LineKind::Name => BOLD,
            LineKind::Place => CYAN,
            LineKind::Removed => RED,
            LineKind::Added => GREEN,
            LineKind::Context => "",
        };
        match colours && !colour.is_empty() {
            true => writeln!(out, "{colour}{}{PLAIN}", line.text)?,
            false => writeln!(out, "{}", line.text)?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals() {
        let diff = Diff::new("old", "a\nb\n", "new", "a\nc\n");
        let written = |colours| {
            let mut out = Vec::new();
            write_lines(&mut out, &diff, colours).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(false), "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
        assert!(written(true).contains("\x1b[31m-b\x1b[0m\n\x1b[32m+c\x1b[0m\n"));
    }
}
