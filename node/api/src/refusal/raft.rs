use etl_raft_state::{Rejection, RejectionClass};

use super::{Kind, Refusal};

impl From<etl_raft::Error> for Refusal {
    fn from(error: etl_raft::Error) -> Self {
        use etl_raft::Error as Raft;
        let message = error.to_string();
        match error {
            Raft::NoLeader(_) => Self::new(Kind::Unavailable, "no_leader", message)
                .help("wait for an election; a majority of the voters must be running and reach each other"),
            Raft::Stopped(_) => Self::new(Kind::Unavailable, "stopping", message).help("ask another node"),
            Raft::Unknown(_) => Self::new(Kind::Unknown, "outcome_unknown", message)
                .help("look at what is there before you try again"),
            Raft::TooLarge { .. } => Self::new(Kind::Invalid, "too_large", message),
            Raft::Membership(_) => Self::new(Kind::Precondition, "membership", message)
                .help("see `cluster status` for what stands against it"),
            Raft::Misdirected(_) | Raft::WrongIdentity(_) => {
                Self::new(Kind::Precondition, "wrong_identity", message)
            }
            _ => Self::new(Kind::Internal, "internal", message).help("see the log of the node"),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        match (&rejection, rejection.class()) {
            (Rejection::VersionConflict { name, expected, actual, .. }, _) => {
                Self::version_conflict(name, *expected, *actual)
            }
            (Rejection::LastNode { .. }, _) => Self::new(Kind::Precondition, "last_node", message).help(
                "add another node first; to end the cluster, stop the node and delete its data directory",
            ),
            (Rejection::RunNotFinished { .. }, _) => {
                Self::new(Kind::Precondition, "run_not_finished", message)
                    .help("end the run first, with `workflow stop`")
            }
            (Rejection::RunQueued { .. }, _) => Self::new(Kind::Precondition, "run_queued", message)
                .help("it begins when the run before it has finished"),
            (Rejection::RunFinished { .. }, _) => Self::new(Kind::Precondition, "run_finished", message)
                .help("start a new one with `workflow run`"),
            (Rejection::RunHalted { .. }, _) => {
                Self::new(Kind::Precondition, "run_halted", message).help(
                    "continue it with `workflow resume`, or end it with `workflow stop`; `runs get` tells why it is halted",
                )
            }
            (Rejection::FeatureLevel { .. }, _) => Self::new(Kind::Precondition, "feature_level", message),
            (_, RejectionClass::Invalid) => Self::new(Kind::Invalid, "invalid_request", message),
            (_, RejectionClass::NotFound) => Self::new(Kind::NotFound, "not_found", message),
            (_, RejectionClass::Conflict) => Self::new(Kind::Conflict, "conflict", message)
                .help("another change came between; look at what is there and try again"),
            (_, RejectionClass::Precondition) => Self::new(Kind::Precondition, "refused", message),
            (_, RejectionClass::Unknown) => Self::new(Kind::Unknown, "outcome_unknown", message)
                .help("look at what is there before you try again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::refusal::Detail;

    #[test]
    fn rejections_keep_their_class_and_conflicts_both_versions() {
        let conflict = Rejection::VersionConflict {
            kind: etl_raft_state::Kind::Workflow,
            name: "orders".to_owned(),
            expected: 3,
            actual: 5,
        };
        let refusal = Refusal::from(conflict);
        assert_eq!(refusal.kind, Kind::Conflict);
        let detail = Detail::VersionConflict { name: "orders".to_owned(), expected: 3, actual: 5 };
        assert_eq!(refusal.detail, Some(detail));
        let kind = |rejection: Rejection| Refusal::from(rejection).kind;
        assert_eq!(kind(Rejection::LastNode { node: 1 }), Kind::Precondition);
        assert_eq!(kind(Rejection::UnknownNode { node: 1 }), Kind::NotFound);
        assert_eq!(kind(Rejection::SessionExpired { client: Uuid::nil(), seq: 1 }), Kind::Unknown);
        let running = Rejection::RunNotFinished { workflow: "orders".to_owned(), run: Uuid::nil() };
        assert_eq!(Refusal::from(running).code, "run_not_finished");
    }

    #[test]
    fn only_what_has_not_happened_may_be_tried_again() {
        let retryable = |error: etl_raft::Error| Refusal::from(error).is_retryable();
        assert!(retryable(etl_raft::Error::NoLeader("an election".to_owned())));
        assert!(retryable(etl_raft::Error::Stopped(3)));
        assert!(!retryable(etl_raft::Error::Unknown("the answer was lost".to_owned())));
        assert!(!retryable(etl_raft::Error::TooLarge { size: 2, limit: 1 }));
        assert!(!retryable(etl_raft::Error::Membership("the last voter".to_owned())));
    }
}
