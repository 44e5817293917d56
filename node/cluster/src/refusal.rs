use etl_raft_state::{Rejection, RejectionClass};
use tonic::{Code, Status};

/// A field of a request that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub(crate) struct Malformed {
    pub field: &'static str,
    pub problem: String,
}

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Self {
        Self::invalid_argument(malformed.to_string())
    }
}

/// The code of an answer to a node that was removed: it has no place in the cluster any more and must stop.
pub(crate) const REMOVED: Code = Code::NotFound;

/// What the state refuses, for a caller. What may be otherwise in a while has a code that is tried again, see
/// [`is_passing`].
pub(crate) fn rejected(rejection: &Rejection) -> Status {
    let message = rejection.to_string();
    match rejection {
        // The other node may be an earlier life of this one that is not declared down yet.
        Rejection::AddressInUse { .. } => Status::already_exists(message),
        Rejection::NotFounded | Rejection::SessionExpired { .. } => Status::unavailable(message),
        other => match other.class() {
            RejectionClass::Invalid => Status::invalid_argument(message),
            RejectionClass::NotFound | RejectionClass::Precondition => Status::failed_precondition(message),
            RejectionClass::Conflict => Status::aborted(message),
            RejectionClass::Unknown => Status::unavailable(message),
        },
    }
}

/// What consensus could not do, for a caller. To join twice is harmless, so that a lost answer is no
/// different from none.
pub(crate) fn failed(error: &etl_raft::Error) -> Status {
    use etl_raft::Error;
    let message = error.to_string();
    match error {
        Error::NoLeader(_) | Error::Unknown(_) | Error::Stopped(_) => Status::unavailable(message),
        Error::TooLarge { .. } => Status::invalid_argument(message),
        _ => Status::internal(message),
    }
}

/// Whether the same request may be answered otherwise in a while.
pub(crate) fn is_passing(status: &Status) -> bool {
    !matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let in_use = Rejection::AddressInUse { address: "a:1".to_owned(), node: 2 };
        assert!(is_passing(&rejected(&in_use)));
        assert!(is_passing(&rejected(&Rejection::NotFounded)));
        assert!(is_passing(&rejected(&Rejection::SessionExpired { client: Uuid::nil(), seq: 1 })));
        assert!(is_passing(&failed(&etl_raft::Error::NoLeader(String::new()))));
        assert!(is_passing(&failed(&etl_raft::Error::Unknown(String::new()))));
    }

    #[test]
    fn what_stays_is_not() {
        assert!(!is_passing(&rejected(&Rejection::NodeRemoved { node: 2 })));
        assert!(!is_passing(&rejected(&Rejection::SoftwareTooOld { reported: 1, cluster: 2 })));
        let malformed = Malformed { field: "store", problem: "is nil".to_owned() };
        assert!(!is_passing(&malformed.into()));
    }
}
