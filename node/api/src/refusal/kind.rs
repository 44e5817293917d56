use etl_model::Fault;
use tonic::Code;

/// What sort of refusal it is. Decides whose fault it is and whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// It is not at the version that was expected.
    Conflict,
    /// The state of the cluster forbids it.
    Precondition,
    /// Nobody leads, the leader cannot be reached, or the node is stopping. Nothing was done.
    Unavailable,
    /// The answer was lost: whether it was done cannot be told.
    Unknown,
    /// The caller may not.
    Denied,
    /// The node does not know such a call.
    Unsupported,
    /// A defect, or damaged data.
    Internal,
}

impl Kind {
    /// Every kind.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::Precondition,
        Self::Unavailable,
        Self::Unknown,
        Self::Denied,
        Self::Unsupported,
        Self::Internal,
    ];

    /// Whose fault it is.
    pub fn fault(self) -> Fault {
        match self {
            Self::Invalid | Self::NotFound | Self::Conflict | Self::Precondition | Self::Denied => {
                Fault::User
            }
            Self::Unavailable | Self::Unknown | Self::Unsupported => Fault::External,
            Self::Internal => Fault::Internal,
        }
    }

    /// The code of gRPC.
    pub fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::Conflict => Code::Aborted,
            Self::Precondition => Code::FailedPrecondition,
            Self::Unavailable => Code::Unavailable,
            Self::Unknown => Code::DeadlineExceeded,
            Self::Denied => Code::PermissionDenied,
            Self::Unsupported => Code::Unimplemented,
            Self::Internal => Code::Internal,
        }
    }

    /// What a code of gRPC means, from this service or from anything on the way to it.
    pub fn from_code(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid,
            Code::NotFound => Self::NotFound,
            Code::Aborted | Code::AlreadyExists => Self::Conflict,
            Code::FailedPrecondition => Self::Precondition,
            Code::Unavailable | Code::ResourceExhausted => Self::Unavailable,
            // A server that ends a call at its deadline answers CANCELLED.
            Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => Self::Unknown,
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied,
            Code::Unimplemented => Self::Unsupported,
            Code::Internal | Code::DataLoss | Code::Ok => Self::Internal,
        }
    }

    /// The stable code of a refusal of which no better one is known.
    pub(crate) fn default_name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Precondition => "refused",
            Self::Unavailable => "unavailable",
            Self::Unknown => "outcome_unknown",
            Self::Denied => "denied",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
    }
}
