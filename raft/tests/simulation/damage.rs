/// A fault of the software itself that the checks must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The log says that entries and votes are durable before they are.
    AcknowledgesBeforeSync,
    /// The leader applies and tells as committed what is not on its own disk.
    CommitsAheadOfOwnSync,
    /// A node answers reads with what it knows, without asking whether that is the latest.
    ReadsAskNobody,
    /// A write that is repeated because its answer was lost gets a new number in its session.
    RepeatsActTwice,
}
