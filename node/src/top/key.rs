/// What somebody asks for with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Quit,
    Up,
    Down,
    /// To what is chosen.
    Enter,
    Back,
    /// By the next column.
    Sort,
    /// The other way round.
    Reverse,
}

/// What the keys do, for the last line.
pub(super) const HELP: &str = "q quit  up/down choose  enter partitions  esc back  s sort by next  r reverse";
