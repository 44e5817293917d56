use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;

use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_sdk::{ConnectorError, DestinationConnector, SourceConnector};
use etl_test_services::{Authentication, PostgresServer};
use serde_json::{Value, json};

use crate::reading::{database, failure, source, whole};
use crate::writing::{Owner, batch, context, destination, integers, run};

async fn check(config: Value) -> Result<(), ConnectorError> {
    PostgresSource.configure(&config).unwrap().check().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_are_checked_and_never_told() {
    for method in [Authentication::Scram, Authentication::Md5, Authentication::Password] {
        let server = PostgresServer::builder().authentication(method).start().unwrap();
        server.psql("CREATE ROLE one LOGIN PASSWORD 'p@ss:w/ö%20d'").unwrap();
        let at = format!("{}:{}/postgres", server.host(), server.port());
        let fields = |password: Option<&str>| {
            let mut config = json!({
                "host": server.host(), "port": server.port(), "database": "postgres", "username": "one", "query": "SELECT 1 AS a"
            });
            if let Some(password) = password {
                config["password"] = json!(password);
            }
            config
        };
        check(fields(Some("p@ss:w/ö%20d"))).await.unwrap();
        check(json!({ "url": format!("postgres://one:p%40ss%3Aw%2F%C3%B6%2520d@{at}"), "query": "SELECT 1 AS a" })).await.unwrap();
        for wrong in [Some("sEcret"), Some(""), None] {
            let error = check(fields(wrong)).await.unwrap_err();
            assert_eq!(
                (error.code(), error.help().is_some()),
                ("postgres_login", true),
                "{method:?}: {error}"
            );
            assert!(!format!("{error:?}").contains("sEcret"), "{error:?}");
        }
        let wrong = PostgresDestination
            .configure(&json!({ "url": format!("postgres://one:sEcret@{at}"), "table": "t" }))
            .unwrap();
        let error = wrong.check(&context()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("sEcret") && error.code() == "postgres_login", "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_do_not_answer_are_named_and_may_be_tried_again() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = |extra: &str| json!({ "url": format!("postgres://u:sEcret@127.0.0.1:{port}/db{extra}"), "query": "SELECT 1", "connect_timeout": "300ms" });
    for mode in ["", "?sslmode=disable"] {
        let error = check(config(mode)).await.unwrap_err();
        assert!(
            matches!(error, ConnectorError::External { retry: etl_model::Retry::Backoff, .. }),
            "{error:?}"
        );
        assert!(matches!(error.code(), "postgres_unreachable" | "postgres_connection"), "{error:?}");
        assert!(
            error.to_string().contains(&format!("127.0.0.1:{port}/db"))
                && !error.to_string().contains("sEcret"),
            "{error}"
        );
    }
    drop(silent);
    let error = check(config("")).await.unwrap_err();
    assert_eq!(error.code(), "postgres_connection", "{error:?}");
    let server = PostgresServer::shared();
    let error = check(
        json!({ "url": format!("{}nope", server.url().trim_end_matches("postgres")), "query": "SELECT 1" }),
    );
    assert!(matches!(error.await.unwrap_err().code(), "database_missing" | "postgres_login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_ended() {
    let database = database("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let slow = json!({ "table": "t", "where": "pg_sleep(60) IS NOT NULL", "statement_timeout": "200ms" });
    let error = failure(&database, slow).await;
    assert_eq!(error.code(), "postgres_unavailable", "{error}");
    assert!(error.to_string().contains("statement timeout"), "{error}");
    let quick = json!({ "table": "t", "where": "pg_sleep(0.01) IS NOT NULL", "statement_timeout": "30s" });
    assert_eq!(whole(&database, quick).await.unwrap().rows().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_had_in_time_is_given_up() {
    let database = database("CREATE TABLE t (id bigint)");
    let mut psql = database.psql_command();
    let mut holder =
        psql.args(["-q", "-A", "-t"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (holder.stdin.take().unwrap(), holder.stdout.take().unwrap());
    writeln!(input, "BEGIN; LOCK TABLE t IN SHARE MODE; SELECT 'locked';").unwrap();
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    assert_eq!(line, "locked\n");
    let target = destination(&database, json!({ "table": "t", "lock_timeout": "200ms" }));
    let run = context();
    let mut owner = Owner::fence(&target, &run, 1).await.unwrap();
    let error = owner.deliver(vec![batch([("id", integers([1]))])], true).await.unwrap_err();
    assert_eq!(error.code(), "postgres_unavailable", "{error}");
    assert!(error.to_string().contains("lock timeout"), "{error}");
    drop(owner);
    writeln!(input, "COMMIT;").unwrap();
    drop(input);
    assert!(holder.wait().unwrap().success());
    let mut owner = Owner::fence(&target, &run, 2).await.unwrap();
    owner.deliver(vec![batch([("id", integers([1]))])], true).await.unwrap();
    assert_eq!(database.psql("SELECT id FROM t").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_list_of_connections_tells_who_they_are() {
    let database =
        database("CREATE TABLE s (id int PRIMARY KEY); INSERT INTO s SELECT generate_series(1, 9)");
    let target = destination(&database, json!({ "table": "t" }));
    let owner = Owner::fence(&target, &context(), 7).await.unwrap();
    let source = source(&database, json!({ "table": "s" }));
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let mut reader = source.read(&partition, None, &crate::reading::SINGLE).await.unwrap();
    reader.next().await.unwrap();
    let names = database
        .psql("SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'actix-etl%'")
        .unwrap();
    let expected = format!("actix-etl run {} epoch 7 p", owner.context.run.short());
    for name in [expected.as_str(), "actix-etl holds a snapshot", "actix-etl reads s"] {
        assert!(names.lines().any(|line| line == name), "{name} in {names}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_without_schema_are_looked_up_along_the_search_path() {
    let database = database("CREATE SCHEMA \"a,b\"; CREATE SCHEMA two; CREATE TABLE two.t (id bigint)");
    let config = |table: &str| json!({ "table": table, "search_path": ["a,b", "two"] });
    for table in ["t", "new"] {
        let errors = run(&destination(&database, config(table)), vec![batch([("id", integers([1]))])]).await;
        assert_eq!(errors.unwrap(), [], "{table}");
        database.psql("DELETE FROM \"a,b\"._etl_markers").unwrap();
    }
    assert_eq!(database.psql("SELECT count(*) FROM two.t, \"a,b\".new").unwrap(), "1");
}

/// Settings of the server, a database or a role must not change what is read or written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_database_do_not_change_values() {
    let database = database(
        "CREATE TABLE t (k timestamptz PRIMARY KEY, f float8, w interval, d date, v text, b bytea);
         INSERT INTO t SELECT timestamptz '2024-03-04 05:06:07.000001+03' + i * interval '1 h', i / 3.0, i * interval '1 mon -1 s',
           '2024-03-04', 'a\\b''' || i, '\\x00ff' FROM generate_series(1, 30) i;",
    );
    let config = json!({ "table": "t", "partitions": 3 });
    let rows = async || {
        let source = source(&database, config.clone());
        let mut all = Vec::new();
        for partition in crate::reading::discover(&source).await {
            let mut reader = source.read(&partition, None, &crate::reading::SINGLE).await.unwrap();
            let read = crate::reading::pull(reader.as_mut(), usize::MAX).await.unwrap();
            let again = source.read(&partition, Some(&read.positions[2]), &crate::reading::SINGLE).await;
            let rest = crate::reading::pull(again.unwrap().as_mut(), usize::MAX).await.unwrap();
            assert_eq!(rest.rows(), read.rows()[3..]);
            all.extend(read.rows());
        }
        all
    };
    let before = rows().await;
    let name = database.name();
    let is_renamed = "SELECT current_setting('server_version_num')::int >= 160000";
    let parallel = match database.psql(is_renamed).unwrap().as_str() {
        "t" => "debug_parallel_query = on",
        _ => "force_parallel_mode = on",
    };
    for setting in [
        "timezone = 'America/New_York'",
        "datestyle = 'German, DMY'",
        "intervalstyle = 'sql_standard'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
        "statement_timeout = 300",
        "default_transaction_read_only = on",
        "idle_in_transaction_session_timeout = 300",
        parallel,
        "row_security = on",
    ] {
        PostgresServer::shared().psql(&format!("ALTER DATABASE {name} SET {setting}")).unwrap();
    }
    assert_eq!(rows().await, before);
    assert_eq!(before.len(), 30);
}
