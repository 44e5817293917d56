/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// When a connection is cut, seen from the bytes that were waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before their last byte is forwarded: the receiver never has the whole of them.
    Before,
    /// As soon as they have been forwarded. Whether the receiver acts on them is open.
    Forwarded,
    /// When they have been forwarded and the other side has answered; the answer is not passed back. For a client that
    /// does not wait for one answer before it sends the next request the answer may be that to an earlier one; then
    /// wait for the bytes of the answer itself, with [`Direction::ToClient`] and [`Moment::Before`].
    AnswerLost,
}

/// Bytes whose passing cuts the connection they pass on. They are looked for in what goes over the wire, so not inside
/// TLS, and also when they arrive in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub(super) pattern: Vec<u8>,
    pub(super) direction: Direction,
    pub(super) moment: Moment,
    pub(super) skip: u64,
    pub(super) times: u64,
}

impl Trigger {
    /// Cuts one connection, at the first occurrence. An empty pattern stands for the first byte.
    pub fn new(pattern: impl Into<Vec<u8>>, direction: Direction, moment: Moment) -> Self {
        Self { pattern: pattern.into(), direction, moment, skip: 0, times: 1 }
    }

    /// Lets this many occurrences pass before, over all connections.
    pub fn after(mut self, occurrences: u64) -> Self {
        self.skip = occurrences;
        self
    }

    /// Cuts this many times.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }
}
