use std::path::Path;

use etl_test_services::PostgresServer;

use super::crowd::Crowd;
use super::report::Throughput;
use crate::group::Error;

/// How long the server takes for each statement that writes rows, in seconds.
const LATENCY: &str = "0.4";
/// Partitions of the run, and how many of them a node works on at a time: it is they that wait.
const PARTITIONS: u64 = 24;
const AT_A_TIME: u64 = 2;
/// Bytes of a record, so that what a statement writes is not a matter of processors.
const ROW: &str = "1KiB";

fn workflow(url: &str, records: u64) -> String {
    format!(
        "workflow:\n  name: crowd\n  parallelism: {AT_A_TIME}\n  commit_interval: 20ms\n  source: {{ type: generate, config: {{ \
         rows: {records}, partitions: {PARTITIONS}, row_bytes: {ROW} }} }}\n  transformations: []\n  destination: {{ type: \
         postgres, config: {{ url: \"{url}\", table: output.records }} }}\n"
    )
}

/// The same run on so many nodes, into a server that is far away.
pub async fn measure(
    server: &PostgresServer,
    scratch: &Path,
    nodes: u8,
    records: u64,
) -> Result<Throughput, Error> {
    let database = server.fresh_database()?;
    database.psql(&format!(
        "CREATE SCHEMA output;
         CREATE FUNCTION output.far() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep({LATENCY});
             RETURN NULL;
         END $$;
         CREATE FUNCTION output.attach() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF to_regclass('output.records') IS NOT NULL
                 AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'far') THEN
                 CREATE TRIGGER far BEFORE INSERT ON output.records
                     FOR EACH STATEMENT EXECUTE FUNCTION output.far();
             END IF;
         END $$;
         CREATE EVENT TRIGGER attach ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
             EXECUTE FUNCTION output.attach();"
    ))?;
    let directory = scratch.join(format!("nodes-{nodes}"));
    let mut crowd = Crowd::found(&directory, nodes).await?;
    let began = crowd.start("crowd", workflow(database.url(), records)).await?;
    let delivered = crowd.until_complete("crowd").await?;
    let seconds = began.elapsed().as_secs_f64();
    let counted = database.psql("SELECT count(*) || ' ' || count(DISTINCT id) FROM output.records")?;
    let whole = format!("{records} {records}");
    if delivered != records || counted.trim() != whole {
        let message = format!("{delivered} of {records} records are delivered, the table has {counted}");
        return Err(Error::Unexpected(message));
    }
    Ok(Throughput { nodes, records, seconds, per_second: records as f64 / seconds })
}
