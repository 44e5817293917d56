use arrow::error::ArrowError;
use etl_sdk::ConnectorError;

/// What one side of a channel cannot accept from the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// A frame is missing.
    #[error("frame {found} came where frame {expected} was expected")]
    Gap {
        /// The number that had to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A frame of another ownership of the partition.
    #[error("a frame of epoch {found} in a channel of epoch {expected}")]
    Epoch {
        /// The channel's.
        expected: u64,
        /// The frame's.
        found: u64,
    },
    /// More than what was granted.
    #[error("{sent} bytes were sent, {granted} were granted")]
    Overrun {
        /// Bytes sent since the beginning.
        sent: u64,
        /// Bytes granted since the beginning.
        granted: u64,
    },
    /// Something is larger than it may be.
    #[error("{what} of {found} bytes, at most {limit} are allowed")]
    Oversize {
        /// What.
        what: &'static str,
        /// Its bytes.
        found: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// An acknowledgement of frames that were never sent, or of fewer than before.
    #[error("frame {expected} is asked for, but frames {first} to {next} can be sent")]
    Acknowledgement {
        /// What the other side says to expect.
        expected: u64,
        /// The first frame that is kept.
        first: u64,
        /// The number of the next new frame.
        next: u64,
    },
    /// A frame of a kind that is not known, or not at this place.
    #[error("a frame of kind {kind} {place}")]
    Kind {
        /// The kind as it was sent.
        kind: i32,
        /// Why it cannot be here.
        place: &'static str,
    },
    /// A message cannot be understood.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl RelayError {
    pub(crate) fn malformed(what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed { what, reason: reason.to_string() }
    }

    pub(crate) fn rows(error: ArrowError) -> Self {
        Self::malformed("rows", error)
    }

    /// The error of a step whose channel has ended by it. Reopening is safe, and may help: what was committed is in the
    /// destination's marker.
    pub(crate) fn of_channel(&self, channel: &impl std::fmt::Display) -> ConnectorError {
        ConnectorError::transient("relay_protocol", format!("{channel}: {self}"))
    }
}
