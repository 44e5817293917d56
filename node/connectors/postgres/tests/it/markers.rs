use std::time::Duration;

use etl_test_services::{Direction, Moment, PostgresServer, Proxy, Trigger};
use serde_json::json;

use crate::reading::database;
use crate::writing::{Owner, batch, context, destination, integers, route};

const PATIENCE: Duration = Duration::from_secs(20);

/// After an error of a commit the marker tells whether it happened: the next owner goes on from there, with every row once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marker_tells_whether_a_commit_happened() {
    for mode in ["append", "upsert", "replace"] {
        for (moment, happened) in [(Moment::AnswerLost, true), (Moment::Before, false)] {
            let database = database("CREATE TABLE t (id bigint PRIMARY KEY)");
            let key = if mode == "upsert" { vec!["id"] } else { vec![] };
            let proxy = Proxy::start(PostgresServer::shared().address()).unwrap();
            let url = database.url_via(proxy.address());
            let target =
                destination(&database, json!({ "url": url, "table": "t", "mode": mode, "key": key }));
            let run = context();
            let mut owner = Owner::fence(&target, &run, 1).await.unwrap();
            owner.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();
            owner.write(batch([("id", integers([2]))])).await.unwrap();
            owner.stage(false).await.unwrap();
            proxy.cut_when(Trigger::new(*b"COMMIT", Direction::ToServer, moment));
            let error = owner.commit(false).await.unwrap_err();
            proxy.wait_for_cuts(1, PATIENCE).unwrap();
            assert_eq!(error.code(), "postgres_connection", "{mode} {moment:?}: {error}");
            drop(owner);

            let mut owner = Owner::fence(&target, &run, 2).await.unwrap();
            assert_eq!(owner.marker.seq, if happened { 2 } else { 1 }, "{mode} {moment:?}");
            if !happened {
                owner.deliver(vec![batch([("id", integers([2]))])], false).await.unwrap();
            }
            owner.deliver(vec![batch([("id", integers([3]))])], true).await.unwrap();
            drop(owner);
            target.complete(&run, &[route(&run, "p")]).await.unwrap();
            let rows = database.psql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").unwrap();
            assert_eq!(rows, "1 2 3", "{mode} {moment:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_answer_was_lost_is_done_once() {
    for (moment, done) in [(Moment::AnswerLost, "2"), (Moment::Before, "1")] {
        let database = database("CREATE TABLE t (id bigint); INSERT INTO t VALUES (1)");
        let proxy = Proxy::start(PostgresServer::shared().address()).unwrap();
        let url = database.url_via(proxy.address());
        let target = destination(&database, json!({ "url": url, "table": "t", "mode": "replace" }));
        let run = context();
        let mut owner = Owner::fence(&target, &run, 1).await.unwrap();
        owner.deliver(vec![batch([("id", integers([2]))])], true).await.unwrap();
        drop(owner);
        proxy.cut_when(Trigger::new(*b"COMMIT", Direction::ToServer, moment));
        target.complete(&run, &[route(&run, "p")]).await.unwrap_err();
        proxy.wait_for_cuts(1, PATIENCE).unwrap();
        assert_eq!(database.psql("SELECT id FROM t").unwrap(), done, "{moment:?}");
        target.complete(&run, &[route(&run, "p")]).await.unwrap();
        assert_eq!(database.psql("SELECT id FROM t").unwrap(), "2", "{moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_while_rows_are_on_their_way_leaves_nothing() {
    let database = database("");
    let proxy = Proxy::start(PostgresServer::shared().address()).unwrap();
    let target = destination(&database, json!({ "url": database.url_via(proxy.address()), "table": "t" }));
    let run = context();
    let mut owner = Owner::fence(&target, &run, 1).await.unwrap();
    owner.write(batch([("id", integers(0..1000))])).await.unwrap();
    proxy.cut_all();
    let error = owner.stage(true).await.unwrap_err();
    assert_eq!(error.code(), "postgres_connection", "{error}");
    drop(owner);
    let mut owner = Owner::fence(&target, &run, 2).await.unwrap();
    assert_eq!(owner.marker.seq, 0);
    owner.deliver(vec![batch([("id", integers(0..1000))])], true).await.unwrap();
    assert_eq!(database.psql("SELECT count(*), count(DISTINCT id) FROM t").unwrap(), "1000|1000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_inside_a_unit_goes_on_from_the_marker() {
    let server = PostgresServer::start().unwrap();
    let database = server.fresh_database().unwrap();
    let target = destination(&database, json!({ "table": "t" }));
    let run = context();
    let mut owner = Owner::fence(&target, &run, 1).await.unwrap();
    owner.deliver(vec![batch([("id", integers([1]))])], false).await.unwrap();
    owner.write(batch([("id", integers([2]))])).await.unwrap();
    owner.stage(false).await.unwrap();
    server.stop_immediate().unwrap();
    let error = owner.commit(false).await.unwrap_err();
    assert!(matches!(error.code(), "postgres_connection" | "postgres_unavailable"), "{error}");
    drop(owner);
    let error = Owner::fence(&target, &run, 2).await.err().unwrap();
    assert!(matches!(error.code(), "postgres_connection" | "postgres_unreachable"), "{error}");
    server.start_again().unwrap();
    let mut owner = Owner::fence(&target, &run, 2).await.unwrap();
    assert_eq!(owner.marker.seq, 1);
    owner.deliver(vec![batch([("id", integers([2]))])], true).await.unwrap();
    assert_eq!(database.psql("SELECT string_agg(id::text, ' ') FROM t").unwrap(), "1 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_that_was_tampered_with_is_not_guessed() {
    let database = database("");
    let target = destination(&database, json!({ "table": "t" }));
    let run = context();
    let mut held = Owner::fence(&target, &run, 1).await.unwrap();
    for change in
        ["position = '{broken'", "counters = '[]', position = NULL", "run = 'nobody', counters = '{}'"]
    {
        database.psql(&format!("UPDATE _etl_markers SET {change}")).unwrap();
        let mut writer = target.open(&run, &route(&run, "p"), 0).await.unwrap();
        let error = writer.marker().await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("marker_unreadable", true), "{change}: {error}");
    }
    database.psql("DELETE FROM _etl_markers").unwrap();
    assert_eq!(held.stage(true).await.unwrap_err().code(), "marker_unreadable");
}
