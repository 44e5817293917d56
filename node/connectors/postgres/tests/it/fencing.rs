use etl_sdk::ConnectorError;
use etl_test_services::{PostgresServer, Proxy};
use serde_json::json;

use crate::reading::database;
use crate::writing::{Owner, batch, context, destination, integers, route};

fn is_fenced(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Fenced { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_latest_owner_of_a_known_run_may_write() {
    let database = database("");
    let target = destination(&database, json!({ "table": "t" }));
    let run = context();
    let mut first = Owner::fence(&target, &run, 1).await.unwrap();
    first.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();

    let second = Owner::fence(&target, &run, 2).await.unwrap();
    assert_eq!((second.marker.seq, second.marker.epoch), (1, 2), "it goes on where the first one was");
    let error = first.deliver(vec![batch([("id", integers([2]))])], false).await.unwrap_err();
    assert!(is_fenced(&error), "{error}");
    assert!(Owner::fence(&target, &run, 1).await.err().is_some_and(|error| is_fenced(&error)));
    assert_eq!(Owner::fence(&target, &run, 2).await.unwrap().marker, second.marker, "its own claim holds");

    let stranger = context();
    let error = Owner::fence(&target, &stranger, 9).await.err().unwrap();
    assert_eq!((error.code(), error.help().is_some()), ("stranger", true), "{error}");
    let known = Owner::of(&target, &stranger, "p", 9, vec![run.run]).await.unwrap();
    assert_eq!((known.marker.seq, known.marker.epoch, known.marker.run), (0, 9, stranger.run));
    assert_eq!(database.psql("SELECT id FROM t").unwrap(), "1");
}

/// The owner is paused inside its unit, with the marker locked, and its rows on the way or staged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_was_paused_inside_a_unit_cannot_commit_it() {
    for mode in ["append", "upsert", "replace"] {
        for staged in [false, true] {
            let database = database("CREATE TABLE t (id bigint PRIMARY KEY)");
            let key = if mode == "upsert" { vec!["id"] } else { vec![] };
            let proxy = Proxy::start(PostgresServer::shared().address()).unwrap();
            // A limit for locks that is shorter than the patience with an older owner must not keep it in office.
            let config = json!({ "table": "t", "mode": mode, "key": key, "lock_timeout": "300ms", "statement_timeout": "500ms" });
            let mut proxied = config.clone();
            proxied["url"] = json!(database.url_via(proxy.address()));
            let (through, direct) = (destination(&database, proxied), destination(&database, config));
            let run = context();
            let mut old = Owner::fence(&through, &run, 1).await.unwrap();
            old.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();
            old.write(batch([("id", integers([2]))])).await.unwrap();
            if staged {
                old.stage(false).await.unwrap();
            }
            proxy.pause();
            let mut new = Owner::fence(&direct, &run, 2).await.unwrap();
            assert_eq!((new.marker.seq, new.marker.epoch), (1, 2), "{mode}");
            proxy.resume();
            let late = if staged { old.commit(false).await } else { old.stage(false).await.map(drop) };
            let error = late.unwrap_err();
            assert!(is_fenced(&error), "{mode}, staged {staged}: {error}");
            new.deliver(vec![batch([("id", integers([3]))])], true).await.unwrap();
            direct.complete(&run, &[route(&run, "p")]).await.unwrap();
            let rows = database.psql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").unwrap();
            assert_eq!(rows, "1 3", "{mode}, staged {staged}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_an_older_epoch_does_not_disturb_a_newer_owner() {
    let database = database("");
    let target = destination(&database, json!({ "table": "t" }));
    let run = context();
    let mut newer = Owner::fence(&target, &run, 5).await.unwrap();
    newer.write(batch([("id", integers([1]))])).await.unwrap();
    assert!(Owner::fence(&target, &run, 4).await.err().is_some_and(|error| is_fenced(&error)));
    newer.stage(true).await.unwrap();
    newer.commit(true).await.unwrap();
    assert_eq!(database.psql("SELECT id FROM t").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_at_once_leave_one_owner() {
    let database = database("");
    let target = destination(&database, json!({ "table": "t" }));
    let run = context();
    let mut claims = tokio::task::JoinSet::new();
    for epoch in 1..=8 {
        let (target, run) = (target.clone(), run.clone());
        claims.spawn(async move { (epoch, Owner::fence(&target, &run, epoch).await) });
    }
    for (epoch, claim) in claims.join_all().await {
        match claim {
            Ok(owner) => assert_eq!(owner.marker.epoch, epoch),
            Err(error) => assert!(is_fenced(&error), "{error}"),
        }
    }
    assert_eq!(database.psql("SELECT epoch, count(*) FROM _etl_markers GROUP BY epoch").unwrap(), "8|1");
}
