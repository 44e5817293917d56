use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_model::Retry;
use etl_sdk::{DestinationConnector, SourceConnector};
use etl_test_services::PostgresServer;
use serde_json::{Value, json};

use crate::reading::{LARGE, read};
use crate::writing::{Owner, batch, context, integers};

/// A primary whose commits wait for its standby.
fn pair() -> (PostgresServer, PostgresServer) {
    let primary = PostgresServer::start().unwrap();
    let standby = PostgresServer::builder().start_standby_of(&primary).unwrap();
    primary.follow_synchronously().unwrap();
    (primary, standby)
}

fn both(first: &PostgresServer, second: &PostgresServer) -> String {
    let (user, password) = (first.username(), first.password());
    format!("postgres://{user}:{password}@{},{}/postgres", first.address(), second.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_the_primary_took_down_is_delivered_once_to_its_successor() {
    let (primary, standby) = pair();
    // The standby stands first: it is passed over as long as it takes no writes.
    let config = json!({ "url": both(&standby, &primary), "table": "target" });
    let destination = PostgresDestination.configure(&config);
    let (destination, context) = (destination.unwrap(), context());
    destination.check(&context).await.unwrap();
    let mut owner = Owner::fence(&destination, &context, 1).await.unwrap();
    owner.deliver(vec![batch([("id", integers(1..=100))])], false).await.unwrap();
    let delivered = owner.marker.clone();

    // A unit is staged, and its COMMIT meets a server that is gone.
    owner.write(batch([("id", integers(101..=200))])).await.unwrap();
    owner.stage(false).await.unwrap();
    primary.stop_immediate().unwrap();
    let lost = owner.commit(false).await.unwrap_err();
    assert_eq!(lost.retry(), Retry::Backoff, "{lost:?}");
    drop(owner);
    // Nobody takes writes now, which is told as something that passes, with both places.
    let Err(between) = Owner::fence(&destination, &context, 2).await else {
        panic!("a standby was written to")
    };
    assert_eq!((between.code(), between.retry()), ("postgres_unreachable", Retry::Backoff), "{between:?}");
    for port in [primary.port(), standby.port()] {
        assert!(between.to_string().contains(&format!("127.0.0.1:{port}/postgres")), "{between}");
    }
    assert!(!format!("{between:?}").contains(primary.password()), "{between:?}");

    standby.promote().unwrap();
    let mut owner = Owner::fence(&destination, &context, 3).await.unwrap();
    assert_eq!((owner.marker.seq, owner.marker.epoch), (delivered.seq, 3));
    owner.marker.counters = delivered.counters;
    owner.deliver(vec![batch([("id", integers(101..=200))])], true).await.unwrap();
    let found = standby.psql("SELECT count(*), count(DISTINCT id), sum(id) FROM target").unwrap();
    assert_eq!(found, format!("200|200|{}", (1..=200).sum::<i64>()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_takes_the_server_that_was_asked_for() {
    let (primary, standby) = pair();
    let role = async |attributes: Option<&str>, url: String| {
        let mut config = json!({ "url": url, "query": "SELECT pg_is_in_recovery() AS standby" });
        if let Some(attributes) = attributes {
            config["target_session_attrs"] = json!(attributes);
        }
        let source = PostgresSource.configure(&config).unwrap();
        let rows = read(&source, None, LARGE, usize::MAX).await?.rows();
        Ok::<Value, etl_sdk::ConnectorError>(rows[0]["standby"].clone())
    };
    for (attributes, url, is_standby) in [
        (None, both(&primary, &standby), false),
        (Some("any"), both(&standby, &primary), true),
        (Some("read-only"), both(&primary, &standby), true),
        (Some("read-write"), both(&standby, &primary), false),
    ] {
        assert_eq!(role(attributes, url).await, Ok(json!(is_standby)), "{attributes:?}");
    }
    // A single host is held to it, too.
    let refused = role(Some("read-only"), primary.url()).await.unwrap_err();
    assert!(refused.to_string().contains("not read only"), "{refused}");
    // A login that is refused is refused everywhere, and no other host is asked.
    let wrong = both(&primary, &standby).replacen(primary.password(), "sEcret", 1);
    assert_eq!(role(None, wrong).await.unwrap_err().code(), "postgres_login");
    primary.stop_immediate().unwrap();
    assert_eq!(role(None, both(&primary, &standby)).await, Ok(json!(true)));
}
