use std::sync::Arc;

use etl_raft_state::{Envelope, State};
use openraft::EntryPayload;

use super::data_dir::DataDir;
use super::log::{self, LogStore};
use super::machine::{self, Found, Position, SharedState, StateMachine};
use super::origin::{Origin, Sources, decide, gap};
use super::snapshot::{Shelf, SnapshotMeta, read_snapshot};
use crate::Error;

/// All that consensus keeps on disk, open and checked.
#[derive(Debug)]
pub struct Storage {
    pub log: LogStore,
    pub machine: StateMachine,
    pub state: SharedState,
}

impl Storage {
    /// Opens what the directory holds, or makes it. Blocks while it reads the log, the newest snapshot and the state.
    ///
    /// A write that a crash has cut short is removed from the end of the log. A state that does not hold what was written
    /// is made anew from the newest snapshot and the log, which a crash cannot harm; so is a damaged snapshot from the
    /// state. Both are logged with their names.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming file or directory when something that had been synced is missing or altered and cannot be
    /// made anew; [`Error::Encoding`] when newer software has written it; [`Error::Io`]
    pub fn open(dir: &DataDir) -> Result<Self, Error> {
        if log::is_missing(dir)? && (machine::has_database(dir)? || has_snapshots(dir)?) {
            let problem =
                "it is missing beside a state; what this node has promised is not known any more".to_owned();
            return Err(Error::Damaged { path: dir.wal(), problem });
        }
        let log = log::open(dir)?;
        let shelf = Arc::new(Shelf::open(dir.snapshots())?);
        let found = machine::find(dir)?;

        let purged = log.core.state()?.last_purged_log_id;
        let snapshot = shelf.current();
        let sources = Sources {
            purged,
            database: match &found {
                Found::Sound(sound) => Some(sound.2.applied),
                Found::Nothing | Found::Damaged(_) => None,
            },
            snapshot: snapshot.as_ref().map(|(meta, _)| meta.last_log_id),
        };
        let (state, position, database) = match (decide(&sources), found) {
            (None, Found::Damaged(error)) => return Err(error),
            (None, _) => return Err(gap(dir.state(), &sources)),
            (Some(Origin::Database), Found::Sound(sound)) => {
                let (database, state, position) = *sound;
                (state, position, Some(database))
            }
            (Some(origin), found) => {
                if let Found::Damaged(error) = found {
                    tracing::error!(%error, ?origin, "the state is damaged and made anew");
                }
                let (state, position) = match (origin, snapshot) {
                    (Origin::Snapshot, Some((_, file))) => {
                        let (meta, state) = read_snapshot(&file.path)?;
                        (state, Position::from(&meta))
                    }
                    _ => (State::default(), Position::default()),
                };
                (state, position, None)
            }
        };
        if sources.snapshot.flatten() < purged {
            // Whoever needs what the log does not hold any more needs a snapshot, and so does the next start after damage.
            shelf.write(position.meta(), &state)?;
        }
        let state = machine::start(dir, shelf, Arc::downgrade(&log.core), state, position, database)?;
        let machine = StateMachine::new(state.clone());
        Ok(Self { log: LogStore::new(Arc::new(log), state.clone()), machine, state })
    }

    /// The state with every entry of the log applied, also those that this node does not know to be committed; the index of
    /// the last one; and how many those are. For a cluster of which this node is all that is left.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn state_with_whole_log(&self) -> Result<(State, u64, u64), Error> {
        let mut state = self.state.with(State::clone);
        let applied = *self.state.applied().borrow();
        let mut last = applied.map_or(0, |entry| entry.index);
        for entry in self.log.entries_from(applied.map_or(0, |entry| entry.index + 1))? {
            if let EntryPayload::Normal(proposal) = entry.payload {
                state.apply(entry.log_id.index, &Envelope::decode(&proposal.0)?);
            }
            last = entry.log_id.index;
        }
        let agreed = self.log.committed()?.max(applied).map_or(0, |entry| entry.index);
        Ok((state, last, last.saturating_sub(agreed)))
    }

    /// Fills a directory that holds nothing yet with a state, as if a node had just installed it as a snapshot: for
    /// restoring a backup and for recovering without a majority. Nothing but the state is taken over.
    ///
    /// A crash before this returns leaves a directory that cannot be opened and must be quarantined.
    ///
    /// # Errors
    /// [`Error::WrongIdentity`] when the directory holds something, [`Error::Io`]
    pub fn seed(dir: &DataDir, meta: &SnapshotMeta, state: &State) -> Result<(), Error> {
        let Some(last) = meta.last_log_id else {
            return Err(Error::WrongIdentity("a state before the first entry cannot be restored".to_owned()));
        };
        if !log::is_missing(dir)? || machine::has_database(dir)? || has_snapshots(dir)? {
            return Err(Error::WrongIdentity(format!(
                "{} holds a log or a state already; use an empty data directory",
                dir.path().display()
            )));
        }
        let log = log::open(dir)?;
        log.core.purge(last)?;
        log.core.purge_covered(Some(last))?;
        let shelf = Shelf::open(dir.snapshots())?;
        shelf.write(meta.clone(), state)?;
        // Closing the log syncs it; opening everything tells whether all of it has arrived.
        drop(log);
        drop(shelf);
        Self::open(dir).map(drop)
    }
}

fn has_snapshots(dir: &DataDir) -> Result<bool, Error> {
    Ok(!super::durable::list(&dir.snapshots())?.is_empty())
}
