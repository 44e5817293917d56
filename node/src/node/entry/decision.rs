use std::fs;
use std::io;

use etl_raft::store::{DataDir, Identity};

use super::Marker;
use crate::node::Error;
use crate::node::settings::Entry;

/// What a data directory holds, as far as it decides how the node begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) struct Held {
    pub identity: Option<Identity>,
    pub marker: Option<Marker>,
    pub log: bool,
}

/// How the node begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::node) enum Decision {
    /// As what it was.
    Continue(Identity),
    /// It founds a new cluster.
    Found,
    /// It founds the cluster that it had begun to found when it was interrupted.
    GoOnFounding(Identity),
    /// It joins the cluster of the nodes with these admin addresses.
    Join(Vec<String>),
    /// It cannot: it has no identity and was not told how to get one.
    NoIdentity,
    /// It cannot: something is missing that was there, as this sentence says.
    Incomplete(&'static str),
}

/// Looks at a data directory.
///
/// # Errors
/// When something in it cannot be read, or its identity is damaged or belongs to another directory.
pub(in crate::node) fn inspect(dir: &DataDir) -> Result<Held, Error> {
    let log = dir.path().join("wal");
    let has_log = match fs::read_dir(&log) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io(log)(error)),
    };
    Ok(Held { identity: dir.identity()?, marker: Marker::read(dir)?, log: has_log })
}

/// Decides how a node begins that holds this and was started like this.
pub(in crate::node) fn decide(held: &Held, entry: &Entry) -> Decision {
    match (held.identity, held.marker) {
        (Some(identity), Some(Marker::Founding)) => Decision::GoOnFounding(identity),
        (Some(identity), Some(Marker::Joining)) => Decision::Continue(identity),
        (Some(identity), None) if held.log => Decision::Continue(identity),
        (Some(_), None) => {
            Decision::Incomplete("the log of this node is missing, with everything it has promised")
        }
        (None, _) if held.log => {
            Decision::Incomplete("there is a log, but the identity of the node it belongs to is missing")
        }
        (None, _) => match entry {
            Entry::Bootstrap => Decision::Found,
            Entry::Join(addresses) => Decision::Join(addresses.clone()),
            Entry::None => Decision::NoIdentity,
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn identity() -> Identity {
        Identity { cluster: Uuid::from_u128(1), node: 7, store: Uuid::from_u128(2) }
    }

    fn decided(identity: Option<Identity>, marker: Option<Marker>, log: bool, entry: &Entry) -> Decision {
        decide(&Held { identity, marker, log }, entry)
    }

    #[test]
    fn without_identity_the_settings_decide() {
        let join = Entry::Join(vec!["a:1".to_owned()]);
        for marker in [None, Some(Marker::Founding), Some(Marker::Joining)] {
            assert_eq!(decided(None, marker, false, &Entry::None), Decision::NoIdentity);
            assert_eq!(decided(None, marker, false, &Entry::Bootstrap), Decision::Found);
            assert_eq!(decided(None, marker, false, &join), Decision::Join(vec!["a:1".to_owned()]));
        }
    }

    #[test]
    fn with_identity_the_settings_mean_nothing() {
        for entry in [Entry::None, Entry::Bootstrap, Entry::Join(vec!["a:1".to_owned()])] {
            assert_eq!(decided(Some(identity()), None, true, &entry), Decision::Continue(identity()));
            for log in [false, true] {
                let founding = decided(Some(identity()), Some(Marker::Founding), log, &entry);
                assert_eq!(founding, Decision::GoOnFounding(identity()));
                let joining = decided(Some(identity()), Some(Marker::Joining), log, &entry);
                assert_eq!(joining, Decision::Continue(identity()));
            }
        }
    }

    #[test]
    fn what_is_missing_is_never_made_anew() {
        for entry in [Entry::None, Entry::Bootstrap, Entry::Join(vec!["a:1".to_owned()])] {
            assert!(matches!(decided(Some(identity()), None, false, &entry), Decision::Incomplete(_)));
            assert!(matches!(decided(None, None, true, &entry), Decision::Incomplete(_)));
            assert!(matches!(decided(None, Some(Marker::Founding), true, &entry), Decision::Incomplete(_)));
        }
    }
}
