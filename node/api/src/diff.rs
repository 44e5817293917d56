use std::fmt;
use std::time::Duration;

use similar::TextDiff;

/// How long the shortest difference is looked for before a longer one will do.
const PATIENCE: Duration = Duration::from_secs(1);

/// The difference between two texts in the unified format, with three lines around every change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff(pub Vec<DiffLine>);

/// One line of a [`Diff`], without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// What it shows.
    pub kind: LineKind,
    /// As it is printed, with the sign in front.
    pub text: String,
}

/// What a line of a [`Diff`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The name of one of the texts.
    Name,
    /// Where the following lines stand.
    Place,
    /// What both have.
    Context,
    /// What only the old text has.
    Removed,
    /// What only the new text has.
    Added,
}

impl Diff {
    /// From the old text to the new one, each with its name; empty when they are equal.
    pub fn new(old_name: &str, old: &str, new_name: &str, new: &str) -> Self {
        if old == new {
            return Self::default();
        }
        let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
        let text = diff.unified_diff().header(old_name, new_name).to_string();
        let line = |(index, text): (usize, &str)| {
            let kind = match text.as_bytes().first() {
                // Only the first two lines are names: a removed `-- x` looks like one.
                _ if index < 2 => LineKind::Name,
                Some(b'@') => LineKind::Place,
                Some(b'-') => LineKind::Removed,
                Some(b'+') => LineKind::Added,
                _ => LineKind::Context,
            };
            DiffLine { kind, text: text.to_owned() }
        };
        Self(text.lines().enumerate().map(line).collect())
    }

    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        Diff::new("old", old, "new", new).to_string()
    }

    #[test]
    fn equal_texts_have_no_difference() {
        assert!(Diff::new("old", "a\nb\n", "new", "a\nb\n").is_empty());
        assert!(Diff::new("old", "", "new", "").is_empty());
    }

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(
            diff(old, &old.replace('5', "five")),
            "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn a_new_text_is_all_added() {
        assert_eq!(diff("", "a\nb\n"), "--- old\n+++ new\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    }

    #[test]
    fn a_missing_line_end_is_told() {
        assert_eq!(diff("a\n", "a"), "--- old\n+++ new\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
    }

    #[test]
    fn lines_that_look_like_signs_are_what_they_are() {
        let found = Diff::new("old", "-- x\n@@ y\n", "new", "++ x\n@@ y\n");
        let kinds: Vec<_> = found.0.iter().map(|line| line.kind).collect();
        use LineKind::*;
        assert_eq!(kinds, [Name, Name, Place, Removed, Added, Context]);
    }
}
