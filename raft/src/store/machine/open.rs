use std::sync::{Arc, RwLock, Weak};

use etl_raft_state::State;
use tokio::sync::{Mutex, watch};

use super::current::Current;
use super::database::Database;
use super::generation;
use super::persister::Persister;
use super::position::Position;
use super::shared::{Machine, SharedState};
use crate::Error;
use crate::store::log::Core;
use crate::store::snapshot::Shelf;
use crate::store::{DataDir, durable};

/// What there is in `state/`.
pub(crate) enum Found {
    /// A database that is sound.
    Sound(Box<(Database, State, Position)>),
    /// No database, and there never was one.
    Nothing,
    /// A database that does not hold what was written.
    Damaged(Error),
}

/// Whether there is a database, sound or not.
pub(crate) fn has_database(dir: &DataDir) -> Result<bool, Error> {
    Ok(!durable::list(&dir.state())?.is_empty())
}

/// Reads the database in use.
///
/// # Errors
/// [`Error::Io`], and [`Error::Encoding`] when newer software has written it
pub(crate) fn find(dir: &DataDir) -> Result<Found, Error> {
    let opened =
        generation::current(&dir.state()).and_then(|path| path.map(|path| Database::open(&path)).transpose());
    match opened {
        Ok(Some(sound)) => Ok(Found::Sound(Box::new(sound))),
        Ok(None) => Ok(Found::Nothing),
        Err(error @ Error::Damaged { .. }) => Ok(Found::Damaged(error)),
        Err(error) => Err(error),
    }
}

/// Starts with a sound database, or with a new one that is made of `state`.
pub(crate) fn start(
    dir: &DataDir,
    shelf: Arc<Shelf>,
    log: Weak<Core>,
    state: State,
    position: Position,
    database: Option<Database>,
) -> Result<SharedState, Error> {
    let state_dir = dir.state();
    durable::create_dir(&state_dir)?;
    let database = match database {
        Some(database) => database,
        None => {
            let path = generation::fresh(&state_dir)?;
            let database = Database::create(&path, state.rows(), &position)?;
            generation::switch(&state_dir, &path)?;
            database
        }
    };
    generation::remove_others(&state_dir, database.path())?;
    let covered = shelf.current().and_then(|(meta, _)| meta.last_log_id);
    let machine = Machine {
        applied: watch::Sender::new(position.applied),
        covered: watch::Sender::new(covered),
        current: RwLock::new(Current { state, position }),
        persister: Persister::start(state_dir.clone(), database, dir.reserve.clone())?,
        shelf,
        building: Mutex::new(()),
        state_dir,
        log,
        reserve: dir.reserve.clone(),
        _lock: dir.lock.clone(),
    };
    Ok(SharedState { machine: Arc::new(machine) })
}
