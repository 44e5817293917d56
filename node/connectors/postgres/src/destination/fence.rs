use std::time::Duration;

use etl_model::{Claim, Fence, Marker};

use super::config::{Config, Mode};
use super::markers::{Markers, Stored};
use super::replacement;
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;

/// How long an older owner may keep the marker locked before its connection is ended, and how often that is tried.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the marker is waited for at least, should somebody else than an owner hold it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Executes a claim: takes the lock on the marker, decides, stores. What an older owner has not committed is gone after.
pub(super) async fn fence(
    session: &Session,
    markers: &Markers,
    config: &Config,
    claim: &Claim,
) -> Result<Marker, PostgresError> {
    // Without a lock first: an owner of an older epoch must not end the connection of a newer one.
    if let Some(found) = markers.load(session, false).await? {
        refusal(claim.decide(Some(&found.marker)), markers, claim)?;
    }
    markers.create(session).await?;
    loop {
        // An older owner's connection is ended after a while: until then no shorter limit may strike.
        let limit = config.connection.lock_timeout.max(LONGEST_WAIT).as_millis();
        session
            .execute(&format!("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {limit}"))
            .await?;
        let found = locked(session, markers, config).await?;
        let decision = claim.decide(found.as_ref().map(|stored| &stored.marker));
        let stored = match refusal(decision, markers, claim)? {
            Fence::Store(marker) => store(session, markers, config, found, marker).await?,
            Fence::Held(marker) => Some(marker),
            Fence::Fenced { .. } | Fence::Stranger { .. } => None,
        };
        session.execute("COMMIT").await?;
        // Somebody else stored the first marker in between: decide on that one.
        if let Some(marker) = stored {
            return Ok(marker);
        }
    }
}

fn refusal(decision: Fence, markers: &Markers, claim: &Claim) -> Result<Fence, PostgresError> {
    let place = markers.place().to_owned();
    match decision {
        Fence::Fenced { epoch, run } => {
            Err(PostgresError::Fenced { place, found: epoch, held: claim.epoch, run })
        }
        Fence::Stranger { run } => Err(PostgresError::Stranger { place, run }),
        other => Ok(other),
    }
}

/// Returns `None` when another session stored the route's first marker at the same time.
async fn store(
    session: &Session,
    markers: &Markers,
    config: &Config,
    found: Option<Stored>,
    marker: Marker,
) -> Result<Option<Marker>, PostgresError> {
    match found {
        None => {
            if !markers.insert(session, &marker).await? {
                return Ok(None);
            }
        }
        Some(found) if found.marker.run == marker.run => markers.raise(session, marker.epoch).await?,
        Some(found) => {
            if config.mode == Mode::Replace {
                replacement::abandon(session, &config.table, found.marker.run).await?;
            }
            markers.store(session, &marker).await?;
        }
    }
    Ok(Some(marker))
}

/// Reads the marker under its lock. An older owner that is paused inside a unit holds that lock: after a while its
/// connection is ended, which rolls the unit back.
async fn locked(
    session: &Session,
    markers: &Markers,
    config: &Config,
) -> Result<Option<Stored>, PostgresError> {
    let row =
        session.client().query_one("SELECT pg_catalog.pg_backend_pid()", &[]).await.at(markers.place())?;
    let own: i32 = row.try_get(0).at(markers.place())?;
    let loading = markers.load(session, true);
    tokio::pin!(loading);
    loop {
        tokio::select! {
            loaded = &mut loading => return loaded,
            () = tokio::time::sleep(PATIENCE) => end_blockers(config, own, markers.place()).await?,
        }
    }
}

/// Ends the connections of this program that `waiting` waits for.
async fn end_blockers(config: &Config, waiting: i32, place: &str) -> Result<(), PostgresError> {
    let session = Session::connect(&config.connection, "actix-etl ends an older owner").await?;
    let sql = "SELECT a.application_name::text, pg_catalog.pg_terminate_backend(a.pid) \
               FROM pg_catalog.pg_stat_activity a \
               WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1)) AND a.application_name LIKE 'actix-etl run %'";
    for row in session.client().query(sql, &[&waiting]).await.at(place)? {
        let owner: String = row.try_get(0).at(place)?;
        tracing::warn!(%place, %owner, "ended the connection of an older owner that held the marker");
    }
    Ok(())
}
