use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use etl_model::Retry;
use etl_test_services::Database;
use serde_json::json;

use crate::reading::database;
use crate::writing::{Owner, batch, context, destination, integers, texts};

/// Two keys that a unit of two rows changes.
const TABLE: &str =
    "CREATE TABLE target (id bigint PRIMARY KEY, v text); INSERT INTO target VALUES (1, 'old'), (2, 'old')";

async fn wait_for(database: &Database, query: &str, answer: &str) {
    let began = Instant::now();
    while database.psql(query).unwrap() != answer {
        assert!(began.elapsed() < Duration::from_secs(60), "{query} is never {answer}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another client with a transaction.
struct Other(Child);

impl Other {
    fn begin(database: &Database) -> Self {
        let mut command = database.psql_command();
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn say(&mut self, sql: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{sql}").unwrap();
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

fn both() -> etl_model::Batch {
    batch([("id", integers([1, 2])), ("v", texts(&["new", "new"]))])
}

fn content(database: &Database) -> String {
    database.psql("SELECT string_agg(id || ' ' || v, ', ' ORDER BY id) FROM target").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_loses_a_deadlock_is_delivered_again() {
    let database = database(TABLE);
    // The first that looks for deadlocks is the one that gives way: here not the other one.
    let name = database.name();
    database.psql(&format!("ALTER DATABASE {name} SET deadlock_timeout = '4s'")).unwrap();
    let (target, context) =
        (destination(&database, json!({ "table": "target", "mode": "upsert", "key": ["id"] })), context());
    let mut owner = Owner::fence(&target, &context, 1).await.unwrap();
    let mut other = Other::begin(&database);
    other.say("SET deadlock_timeout = '1h'; BEGIN; UPDATE target SET v = 'other' WHERE id = 2;");
    let is_open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    wait_for(&database, is_open, "1").await;
    let unit = tokio::spawn(async move { owner.deliver(vec![both()], true).await.map(|_| ()) });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_for(&database, waits, "1").await;
    other.say("UPDATE target SET v = 'other' WHERE id = 1;");
    let lost = unit.await.unwrap().unwrap_err();
    assert_eq!((lost.code(), lost.retry()), ("postgres_unavailable", Retry::Backoff), "{lost:?}");
    assert!(lost.to_string().contains("40P01"), "{lost}");
    other.say("COMMIT;");
    other.end();
    assert_eq!(content(&database), "1 other, 2 other", "nothing of the unit is there");

    let mut owner = Owner::fence(&target, &context, 2).await.unwrap();
    assert_eq!(owner.marker.seq, 0);
    owner.deliver(vec![both()], true).await.unwrap();
    assert_eq!(content(&database), "1 new, 2 new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_cannot_be_serialized_is_delivered_again() {
    let database = database(TABLE);
    let name = database.name();
    database
        .psql(&format!("ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"))
        .unwrap();
    let (target, context) =
        (destination(&database, json!({ "table": "target", "mode": "upsert", "key": ["id"] })), context());
    let mut owner = Owner::fence(&target, &context, 1).await.unwrap();
    // The unit's transaction has its snapshot from here on.
    owner.write(both()).await.unwrap();
    database.psql("UPDATE target SET v = 'other' WHERE id = 1").unwrap();
    let lost = owner.stage(true).await.unwrap_err();
    assert_eq!((lost.code(), lost.retry()), ("postgres_unavailable", Retry::Backoff), "{lost:?}");
    assert!(lost.to_string().contains("40001"), "{lost}");
    drop(owner);

    let mut owner = Owner::fence(&target, &context, 2).await.unwrap();
    assert_eq!(owner.marker.seq, 0);
    owner.deliver(vec![both()], true).await.unwrap();
    assert_eq!(content(&database), "1 new, 2 new");
}
