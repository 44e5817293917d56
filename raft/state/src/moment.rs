/// When a command acts: the only clock that `apply` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Of the entry in the log.
    pub index: u64,
    /// The highest time that any leader has stamped so far, in milliseconds since 1970.
    pub time_ms: u64,
}
