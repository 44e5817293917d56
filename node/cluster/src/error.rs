use std::fmt;

/// Why a node could not speak to the cluster.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A member has said no, for a reason that stays. The operator has to do something.
    #[error("{address} refuses: {reason}")]
    Refused { address: String, reason: String },
    /// Nobody has answered yes in time. Trying again may help.
    #[error("no member took this node in within {waited_s} s: {}", list(failures))]
    NotJoined { waited_s: u64, failures: Vec<Failure> },
    /// There is nobody to ask.
    #[error("no address of a member is given; name the admin address of at least one as HOST:PORT")]
    NoAddress,
    /// A member cannot be asked. Trying again may help.
    #[error("{address}: {reason}")]
    Unreachable { address: String, reason: String },
    /// An answer makes no sense.
    #[error("{address} has answered with {problem}; is it a node of actix-etl?")]
    Malformed { address: String, problem: String },
}

/// The last thing that went wrong with one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub address: String,
    pub reason: String,
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NotJoined { .. } | Self::Unreachable { .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.reason)
    }
}

fn list(failures: &[Failure]) -> String {
    let failures: Vec<String> = failures.iter().map(Failure::to_string).collect();
    failures.join("; ")
}
