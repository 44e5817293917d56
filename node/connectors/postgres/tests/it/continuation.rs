use std::collections::BTreeMap;

use etl_test_services::{Database, PostgresServer};
use serde_json::{Value, json};

use crate::reading::{LARGE, SINGLE, database, discover, pull, read, source};

const TABLES: &str = r#"
CREATE TABLE whole (k bigint PRIMARY KEY, v int);
INSERT INTO whole SELECT i * 10 - 100, 0 FROM generate_series(1, 20) i;
CREATE TABLE word (k text COLLATE "en-x-icu" PRIMARY KEY, v int);
INSERT INTO word SELECT chr(96 + i) || '''\' || i, 0 FROM generate_series(1, 20) i;
CREATE TABLE pair (a text, b numeric, v int, PRIMARY KEY (b, a));
INSERT INTO pair SELECT 'k' || i, i % 3 + 0.5, 0 FROM generate_series(1, 20) i;
CREATE TABLE ranges (k int4range PRIMARY KEY, v int);
INSERT INTO ranges SELECT int4range(i, i + 5), 0 FROM generate_series(1, 20) i;
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_position_in_the_middle_continues_with_exactly_the_rest() {
    let database = database(TABLES);
    for table in ["whole", "word", "pair", "ranges"] {
        for partitions in [1, 3] {
            let config = json!({ "table": table, "partitions": partitions });
            let first = source(&database, config.clone());
            for partition in discover(&first).await {
                let mut reader = first.read(&partition, None, &SINGLE).await.unwrap();
                let whole = pull(reader.as_mut(), usize::MAX).await.unwrap();
                assert!(whole.positions.len() > 3, "{config}");
                for (i, position) in whole.positions.iter().enumerate().step_by(3) {
                    let other = source(&database, config.clone());
                    let mut reader = other.read(&partition, Some(position), &LARGE).await.unwrap();
                    let rest = pull(reader.as_mut(), usize::MAX).await.unwrap();
                    assert_eq!(rest.rows(), whole.rows()[i + 1..], "{config} behind {position:?}");
                    assert_eq!(rest.ordinals(), whole.ordinals()[i + 1..], "{config} behind {position:?}");
                    assert_eq!(rest.end.unwrap().next, whole.end.as_ref().unwrap().next, "{config}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_comes_once_although_rows_change_before_the_continuation() {
    for (table, changes) in [
        (
            "whole",
            "INSERT INTO whole SELECT i * 10 - 95, 1 FROM generate_series(0, 21) i; DELETE FROM whole WHERE k IN (-90, 40, 100)",
        ),
        (
            "word",
            "INSERT INTO word SELECT chr(96 + i) || 'zz', 1 FROM generate_series(1, 20) i; DELETE FROM word WHERE k LIKE 'b%' OR k LIKE 'j%'",
        ),
        (
            "pair",
            "INSERT INTO pair SELECT 'l' || i, i % 3 + 0.5, 1 FROM generate_series(1, 20) i; DELETE FROM pair WHERE a IN ('k3', 'k8', 'k20')",
        ),
    ] {
        let database = database(TABLES);
        let config = json!({ "table": table });
        let first = read(&source(&database, config.clone()), None, SINGLE, 9).await.unwrap();
        // The row that the position is behind goes, too.
        let last = key(first.rows().last().unwrap());
        database.psql(&format!("{changes}; UPDATE {table} SET v = 2")).unwrap();
        let condition = if table == "pair" { "a || '/' || b" } else { "k::text" };
        database
            .psql(&format!("DELETE FROM {table} WHERE {condition} = '{}'", last.replace('\'', "''")))
            .unwrap();
        let rest = read(&source(&database, config), first.positions.last(), LARGE, usize::MAX).await.unwrap();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for row in first.rows().iter().chain(&rest.rows()) {
            *seen.entry(key(row)).or_default() += 1;
        }
        assert!(seen.values().all(|&times| times == 1), "{table}: {seen:?}");
        assert!(rest.rows().iter().all(|row| row["v"] == 2), "{table}: a new snapshot is seen");
        let order = if table == "pair" { "(b, a)" } else { "k" };
        let bound = match table {
            "pair" => last.split_once('/').map(|(a, b)| format!("({b}, '{a}')")).unwrap(),
            "whole" => last.clone(),
            _ => format!("'{}'", last.replace('\'', "''")),
        };
        let behind = database.psql(&format!("SELECT count(*) FROM {table} WHERE {order} > {bound}")).unwrap();
        assert_eq!(rest.rows().len().to_string(), behind, "{table}");
        assert!(rest.rows().len() > 15, "{table}");
    }
}

fn key(row: &Value) -> String {
    match (&row["k"], &row["a"]) {
        (Value::Null, Value::String(a)) => format!("{a}/{}", row["b"].as_str().unwrap()),
        (Value::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// Of its own: transactions of other tests that are open would keep a table without key from being continued.
pub fn alone(sql: &str) -> (PostgresServer, Database) {
    let server = PostgresServer::start().unwrap();
    let database = server.fresh_database().unwrap();
    database.psql(sql).unwrap();
    (server, database)
}

const PLAIN: &str = "CREATE TABLE t (n int, filler text) WITH (fillfactor = 50);
    INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 50) i;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_without_key_is_continued_only_if_nothing_came_or_moved() {
    let (server, database) = alone(PLAIN);
    let config = json!({ "table": "t" });
    let first = read(&source(&database, config.clone()), None, SINGLE, 20).await.unwrap();
    let position = first.positions.last().unwrap().clone();
    let goes_on = async || {
        let rest = read(&source(&database, config.clone()), Some(&position), LARGE, usize::MAX).await;
        rest.map(|rest| rest.numbers("n")).map_err(|error| error.code())
    };
    assert_eq!(goes_on().await, Ok((21..=50).collect()));
    // Other tables and deletions do not matter, and neither does cleaning up after them.
    database
        .psql("CREATE TABLE other AS SELECT 1 AS n; DELETE FROM t WHERE n IN (3, 30); VACUUM t; ANALYZE t")
        .unwrap();
    server.restart().unwrap();
    assert_eq!(goes_on().await, Ok((21..=50).filter(|&n| n != 30).collect()));
    for change in [
        "UPDATE t SET n = n WHERE n = 45",
        "INSERT INTO t VALUES (51)",
        "VACUUM FULL t",
        "CREATE TABLE copy AS SELECT * FROM t; TRUNCATE t; INSERT INTO t SELECT * FROM copy",
    ] {
        let (_server, database) = alone(PLAIN);
        let first = read(&source(&database, config.clone()), None, SINGLE, 20).await.unwrap();
        database.psql(change).unwrap();
        let error = read(&source(&database, config.clone()), first.positions.last(), LARGE, usize::MAX).await;
        let error = error.map(drop).unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("source_changed", true), "{change}: {error}");
    }
}

/// A row that a savepoint of an open transaction wrote has a number of its own, which no snapshot lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_savepoint_that_was_open_are_noticed() {
    let (_server, database) = alone(PLAIN);
    database.psql("DELETE FROM t WHERE n = 2; VACUUM t; CREATE TABLE other (n int)").unwrap();
    let mut psql = database.psql_command();
    let mut open = psql
        .args(["-q", "-A", "-t"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (open.stdin.take().unwrap(), open.stdout.take().unwrap());
    use std::io::{BufRead, Write};
    writeln!(
        input,
        "BEGIN; INSERT INTO other VALUES (1); SAVEPOINT s; UPDATE t SET n = 1 WHERE n = 50; SELECT 'updated';"
    )
    .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(output).read_line(&mut line).unwrap();
    assert_eq!(line, "updated\n");
    // Another transaction ends, so that the snapshot reaches beyond the savepoint's number.
    database.psql("INSERT INTO other VALUES (2)").unwrap();
    let config = json!({ "table": "t" });
    let first = read(&source(&database, config.clone()), None, SINGLE, 30).await.unwrap();
    writeln!(input, "COMMIT;").unwrap();
    drop(input);
    assert!(open.wait().unwrap().success());
    let rest = read(&source(&database, config), first.positions.last(), LARGE, usize::MAX).await;
    assert_eq!(rest.map(|rest| rest.numbers("n")).unwrap_err().code(), "source_changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_without_key_says_that_it_cannot_be_continued() {
    let database = database(TABLES);
    let once = source(&database, json!({ "query": "SELECT * FROM whole" }));
    let capabilities = once.capabilities();
    assert!(!capabilities.replayable && capabilities.reason.is_some());
    let first = read(&once, None, SINGLE, 3).await.unwrap();
    let error = read(&once, first.positions.last(), SINGLE, 1).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "not_replayable");
    // A position of another order is not mistaken for one of this.
    let counted = source(&database, json!({ "table": "word" }));
    let error = read(&counted, first.positions.last(), SINGLE, 1).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "source_changed");
}
