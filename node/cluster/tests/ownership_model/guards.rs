use crate::world::Harm;

/// What keeps one partition safe in the hands of several nodes, and what goes wrong without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Raft lets only the owner of the epoch claim it.
    ClaimByOwner,
    /// Raft lets an epoch be claimed once; another attempt takes the next one.
    ClaimOnce,
    /// A fence never puts an older epoch in the place of a newer one.
    FenceComparesEpochs,
    /// The position is read after the fence, not before.
    FenceBeforeRead,
    /// A destination takes no unit of another epoch than the fence's.
    CommitChecksEpoch,
    /// A destination takes a unit only behind the one before it, under the epoch of the fence.
    CommitChecksMarker,
    /// A position is stored, and the source told, after the commit and not before.
    CheckpointAfterCommit,
    /// Raft takes no checkpoint of an older epoch.
    CheckpointChecksEpoch,
}

impl Guard {
    pub const ALL: [(Self, Harm); 8] = [
        (Self::ClaimByOwner, Harm::Shared),
        (Self::ClaimOnce, Harm::Shared),
        (Self::FenceComparesEpochs, Harm::Back),
        (Self::FenceBeforeRead, Harm::Doubled),
        (Self::CommitChecksEpoch, Harm::Stale),
        (Self::CommitChecksMarker, Harm::Doubled),
        (Self::CheckpointAfterCommit, Harm::Lost),
        (Self::CheckpointChecksEpoch, Harm::Stale),
    ];
}
