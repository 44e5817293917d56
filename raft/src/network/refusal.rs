use std::error::Error as _;

use tonic::metadata::MetadataValue;
use tonic::{Code, ConnectError, Status};

use super::envelope::NotAdmitted;
use super::malformed::Malformed;
use crate::error::Error;

/// Marks an answer that says for certain that nothing was done. Without it a failure may have happened anywhere between the two
/// nodes, also after the request had its effect.
const NOT_DONE: &str = "etl-not-done";
const SIZE: &str = "etl-size";
const LIMIT: &str = "etl-limit";

/// The answer of a service of this crate to a request that failed with `error`.
pub(crate) fn status_of(error: &Error) -> Status {
    let code = match error {
        Error::NoLeader(_) | Error::Stopped(_) => Code::Unavailable,
        Error::Misdirected(_) | Error::WrongIdentity(_) | Error::Membership(_) => Code::FailedPrecondition,
        Error::TooLarge { .. } => Code::ResourceExhausted,
        Error::Encoding(_) => Code::InvalidArgument,
        Error::Unknown(_) => Code::Aborted,
        Error::Io { .. } | Error::Damaged { .. } | Error::InUse { .. } => Code::Internal,
    };
    let message = match error {
        // The other side puts its own words around it.
        Error::NoLeader(reason) | Error::Misdirected(reason) | Error::Unknown(reason) => reason.clone(),
        other => other.to_string(),
    };
    let mut status = Status::new(code, message);
    if !matches!(code, Code::Aborted | Code::Internal) {
        mark_not_done(&mut status);
    }
    if let Error::TooLarge { size, limit } = error {
        status.metadata_mut().insert(SIZE, MetadataValue::from(*size as u64));
        status.metadata_mut().insert(LIMIT, MetadataValue::from(*limit as u64));
    }
    status
}

fn mark_not_done(status: &mut Status) {
    status.metadata_mut().insert(NOT_DONE, MetadataValue::from_static("1"));
}

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Self {
        let mut status = Self::invalid_argument(malformed.to_string());
        mark_not_done(&mut status);
        status
    }
}

impl From<NotAdmitted> for Status {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::Malformed(malformed) => malformed.into(),
            NotAdmitted::Misdirected(reason) => status_of(&Error::Misdirected(reason)),
        }
    }
}

/// What the failure of a call to `peer` means to the caller.
pub(crate) fn error_of(peer: &str, status: Status) -> Error {
    let said = format!("{peer}: {}", status.message());
    if status.metadata().contains_key(NOT_DONE) {
        return match status.code() {
            Code::FailedPrecondition | Code::InvalidArgument => Error::Misdirected(said),
            Code::ResourceExhausted => match (number(&status, SIZE), number(&status, LIMIT)) {
                (Some(size), Some(limit)) => Error::TooLarge { size, limit },
                _ => Error::Misdirected(said),
            },
            _ => Error::NoLeader(said),
        };
    }
    if status.code() == Code::Unimplemented {
        return Error::Misdirected(format!(
            "{peer} is not the Raft listener of a node: {}",
            status.message()
        ));
    }
    if was_not_sent(&status) { Error::NoLeader(said) } else { Error::Unknown(said) }
}

fn number(status: &Status, key: &str) -> Option<usize> {
    status.metadata().get(key)?.to_str().ok()?.parse().ok()
}

/// Whether there was not even a connection.
fn was_not_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn carried(error: &Error) -> Error {
        error_of("node 1 at a:1", status_of(error))
    }

    #[test]
    fn what_was_refused_for_certain_is_not_unknown() {
        assert!(
            matches!(carried(&Error::NoLeader("x".into())), Error::NoLeader(said) if said == "node 1 at a:1: x")
        );
        assert!(matches!(carried(&Error::Stopped(1)), Error::NoLeader(_)));
        assert!(matches!(carried(&Error::Misdirected("x".into())), Error::Misdirected(_)));
        assert!(matches!(
            carried(&Error::TooLarge { size: 9, limit: 4 }),
            Error::TooLarge { size: 9, limit: 4 }
        ));
        let malformed = error_of("node 1 at a:1", Malformed::missing("vote").into());
        assert!(matches!(malformed, Error::Misdirected(said) if said.contains("vote is missing")));
    }

    #[test]
    fn what_may_have_been_done_is_unknown() {
        assert!(matches!(carried(&Error::Unknown("x".into())), Error::Unknown(_)));
        for code in
            [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded, Code::Internal]
        {
            let lost = error_of("node 1 at a:1", Status::new(code, "broken pipe"));
            assert!(matches!(lost, Error::Unknown(_)), "{code}: {lost:?}");
        }
    }
}
