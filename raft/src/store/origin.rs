use std::path::PathBuf;

use crate::Error;
use crate::type_config::LogId;

/// What a node can start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sources {
    /// The log holds nothing up to here.
    pub purged: Option<LogId>,
    /// How far the state on disk goes; absent when there is none that is sound.
    pub database: Option<Option<LogId>>,
    /// How far the newest sound snapshot goes.
    pub snapshot: Option<Option<LogId>>,
}

/// What a node starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Database,
    Snapshot,
    /// The log holds everything since the beginning.
    Log,
}

/// Decides what to start from: the source that goes furthest, provided that the log holds all that follows. Database and
/// snapshot both hold only what is committed, so any that is sound will do.
///
/// `None` when something is missing between every source and the log.
pub(super) fn decide(sources: &Sources) -> Option<Origin> {
    let reaches_log = |source: &Option<LogId>| *source >= sources.purged;
    let database = sources.database.filter(reaches_log);
    let snapshot = sources.snapshot.filter(reaches_log);
    match (database, snapshot) {
        (Some(database), Some(snapshot)) if snapshot > database => Some(Origin::Snapshot),
        (Some(_), _) => Some(Origin::Database),
        (None, Some(_)) => Some(Origin::Snapshot),
        (None, None) => sources.purged.is_none().then_some(Origin::Log),
    }
}

/// Why a node cannot start: nothing reaches the beginning of its log.
pub(super) fn gap(state: PathBuf, sources: &Sources) -> Error {
    let reach = |source: &Option<Option<LogId>>| match source {
        Some(Some(last)) => format!("goes to entry {}", last.index),
        Some(None) => "is empty".to_owned(),
        None => "is missing".to_owned(),
    };
    let problem = format!(
        "the log has been removed up to entry {}, but the state {} and the newest snapshot {}",
        sources.purged.map_or(0, |purged| purged.index),
        reach(&sources.database),
        reach(&sources.snapshot),
    );
    Error::Damaged { path: state, problem }
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;

    fn at(index: u64) -> Option<LogId> {
        Some(LogId::new(CommittedLeaderId::new(1, 1), index))
    }

    #[test]
    fn the_source_that_goes_furthest_and_reaches_the_log_is_taken() {
        let cases = [
            (None, None, None, Some(Origin::Log)),
            (None, Some(None), None, Some(Origin::Database)),
            (None, None, Some(at(7)), Some(Origin::Snapshot)),
            (None, Some(at(3)), Some(at(7)), Some(Origin::Snapshot)),
            (at(5), Some(at(9)), Some(at(7)), Some(Origin::Database)),
            (at(5), Some(at(7)), Some(at(7)), Some(Origin::Database)),
            (at(5), Some(at(3)), Some(at(7)), Some(Origin::Snapshot)),
            (at(5), None, Some(at(5)), Some(Origin::Snapshot)),
            (at(5), None, Some(at(4)), None),
            (at(5), Some(at(4)), None, None),
            (at(5), Some(None), None, None),
            (at(5), None, None, None),
        ];
        for (purged, database, snapshot, expected) in cases {
            let sources = Sources { purged, database, snapshot };
            assert_eq!(decide(&sources), expected, "{sources:?}");
        }
    }
}
