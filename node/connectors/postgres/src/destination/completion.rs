use etl_model::Route;
use etl_sdk::{ConnectorError, RunContext, failpoint};

use super::config::{Config, Mode};
use super::markers::{Markers, Stored};
use super::replacement;
use crate::PostgresError;
use crate::connection::Session;

/// Makes the rows of a `replace` visible; the other modes have nothing left to do.
pub(super) async fn complete(
    config: &Config,
    run: &RunContext,
    routes: &[Route],
) -> Result<(), ConnectorError> {
    failpoint("completion_started")?;
    if config.mode == Mode::Replace {
        exchange(config, run, routes).await?;
    }
    failpoint("completed")
}

async fn exchange(config: &Config, run: &RunContext, routes: &[Route]) -> Result<(), PostgresError> {
    let purpose = format!("actix-etl run {} completes", run.run.short());
    let session = Session::connect(&config.connection, &purpose).await?;
    let mut all = Vec::with_capacity(routes.len());
    for route in routes {
        all.push(Markers::new(route.clone(), &config.table, &config.place())?);
    }
    session.execute("BEGIN").await?;
    let (mut completed, mut delivered) = (0, 0);
    for markers in &all {
        let stored = ended(markers, &session, run).await?;
        completed += usize::from(stored.completed);
        delivered += stored.marker.counters.delivered;
    }
    if !all.is_empty() && completed == all.len() {
        return Ok(());
    }
    replacement::exchange(&session, config, run.run, delivered).await?;
    for markers in &all {
        markers.complete(&session).await?;
    }
    session.execute("COMMIT").await
}

/// The marker of a route that this run has written to its end.
async fn ended(markers: &Markers, session: &Session, run: &RunContext) -> Result<Stored, PostgresError> {
    match markers.load(session, true).await? {
        Some(stored) if stored.marker.run != run.run => Err(PostgresError::Fenced {
            place: markers.place().to_owned(),
            found: stored.marker.epoch,
            held: 0,
            run: stored.marker.run,
        }),
        Some(stored) if stored.marker.done => Ok(stored),
        Some(_) => Err(PostgresError::Impossible(format!("{}: completed before its end", markers.place()))),
        None => Err(PostgresError::Marker {
            place: markers.place().to_owned(),
            message: "it has disappeared since this run began".to_owned(),
        }),
    }
}
