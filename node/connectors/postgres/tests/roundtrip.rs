//! Random tables of all types go from PostgreSQL through columns to PostgreSQL, and are the same byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_model::{Claim, Marker, Route, RunId, StepName, Unit, WorkflowName};
use etl_sdk::{DestinationConnector, Fetched, ReadOptions, RunContext, SourceConnector};
use etl_test_services::{Database, PostgresServer};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// A type, whether a table that is created from its column gets the same one, and texts that it reads.
type Kind = (&'static str, bool, BoxedStrategy<String>);

fn of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts).prop_map(str::to_owned).boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        of(&["", " ", "NULL", "\\N", "\\", "a\tb\nc\r", "'", "\"", "{}", "ünïcode 東京 🦀", "  padded  "]),
        "[^\0]{0,20}",
    ]
    .boxed()
}

fn digits(whole: usize, fraction: usize) -> BoxedStrategy<String> {
    let pattern = if fraction == 0 {
        format!("-?[0-9]{{1,{whole}}}")
    } else {
        format!("-?[0-9]{{1,{whole}}}(\\.[0-9]{{1,{fraction}}})?")
    };
    proptest::string::string_regex(&pattern).unwrap().boxed()
}

fn kinds() -> Vec<Kind> {
    let timestamps = of(&[
        "4713-01-01 00:00:00 BC",
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.999999",
        "2000-01-01 00:00:00",
        "2024-02-29 12:34:56.000001",
        "294246-12-31 23:59:59.999999",
        "infinity",
        "-infinity",
    ]);
    vec![
        ("boolean", true, of(&["t", "f"])),
        ("smallint", true, any::<i16>().prop_map(|n| n.to_string()).boxed()),
        ("integer", true, any::<i32>().prop_map(|n| n.to_string()).boxed()),
        ("bigint", true, any::<i64>().prop_map(|n| n.to_string()).boxed()),
        (
            "real",
            true,
            prop_oneof![any::<f32>().prop_map(|n| n.to_string()), of(&["NaN", "Infinity", "-0"])].boxed(),
        ),
        (
            "double precision",
            true,
            prop_oneof![any::<f64>().prop_map(|n| n.to_string()), of(&["NaN", "-Infinity", "-0", "5e-324"])]
                .boxed(),
        ),
        (
            "numeric",
            true,
            prop_oneof![digits(40, 30), of(&["NaN", "Infinity", "-Infinity", "0.000", "1e-100"])].boxed(),
        ),
        ("numeric(12,2)", true, digits(10, 2)),
        ("numeric(38,38)", true, of(&["0", "0.00000000000000000000000000000000000001", "-0.5"])),
        ("numeric(76,10)", true, digits(60, 10)),
        ("money", true, digits(12, 2)),
        ("text", true, text()),
        ("character varying(25)", true, "[^\0]{0,25}".boxed()),
        ("character(5)", true, "[a-zé]{0,5}".boxed()),
        ("\"char\"", true, of(&["a", "", "~"])),
        ("name", false, "[a-z]{0,20}".boxed()),
        ("bytea", true, vec(any::<u8>(), 0..20).prop_map(hex).boxed()),
        ("date", true, of(&["4713-01-01 BC", "1970-01-01", "5874897-12-31", "infinity", "-infinity"])),
        ("time without time zone", true, of(&["00:00:00", "23:59:59.999999", "24:00:00"])),
        ("time with time zone", true, of(&["00:00:00+00", "23:59:59.999999-15:59", "12:00:00+05:30"])),
        ("timestamp without time zone", true, timestamps.clone()),
        ("timestamp with time zone", true, timestamps),
        (
            "interval",
            true,
            of(&[
                "0",
                "1 year -2 mons 3 days -04:05:06.789",
                "-178000000 years",
                "1 mon",
                "-00:00:00.000001",
            ]),
        ),
        ("uuid", true, any::<u128>().prop_map(|n| format!("{n:032x}")).boxed()),
        ("json", true, of(&["{\"b\" : 1, \"a\":[null,1.50]}", "null", "\"x\\u0041\"", " [ ] ", "1e400"])),
        (
            "jsonb",
            true,
            of(&["{\"b\" : 1, \"a\":[null,1.50]}", "null", "\"x\"", "[]", "12345678901234567890.5"]),
        ),
        ("inet", true, of(&["10.1.2.3", "10.1.2.3/8", "::1", "2001:db8::/32", "::ffff:1.2.3.4/128"])),
        ("cidr", true, of(&["10.0.0.0/8", "1.2.3.4/32", "2001:db8::/32"])),
        ("bit(3)", true, of(&["101", "000"])),
        ("bit varying", true, "[01]{0,20}".boxed()),
        ("xml", false, of(&["<a/>", "text"])),
        ("oid", false, any::<u32>().prop_map(|n| n.to_string()).boxed()),
        ("mood", false, of(&["sad", "o'k \"x\""])),
        ("positive", false, (1..i32::MAX).prop_map(|n| n.to_string()).boxed()),
        ("integer[]", true, of(&["{}", "{1,NULL,-3}", "{2147483647}"])),
        ("text[]", true, of(&["{}", "{\"\",NULL,\"a,b\",\"{}\",\"NULL\"}", "{x}"])),
        ("numeric(12,2)[]", true, of(&["{1.50,NULL}", "{}"])),
        ("timestamp with time zone[]", true, of(&["{\"2024-01-01 00:00:00+00\",infinity}"])),
        ("jsonb[]", true, of(&["{\"{\\\"a\\\": 1}\",NULL}"])),
        ("integer[][]", true, of(&["{{1,2},{3,NULL}}", "{}", "{{7}}"])),
        ("text[][][]", true, of(&["{{{a,b}},{{c,NULL}}}"])),
    ]
}

fn hex(bytes: Vec<u8>) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{digits}")
}

/// Indexes of types, and rows of texts or nulls.
fn tables() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<Option<String>>>)> {
    vec(0..kinds().len(), 1..12).prop_flat_map(|types| {
        let kinds = kinds();
        let row: Vec<_> =
            types.iter().map(|&at| proptest::option::weighted(0.8, kinds[at].2.clone())).collect();
        (Just(types), vec(row, 0..12))
    })
}

fn prepare(database: &Database, types: &[usize], rows: &[Vec<Option<String>>]) {
    let kinds = kinds();
    let columns: Vec<_> = types.iter().enumerate().map(|(i, &at)| format!("c{i} {}", kinds[at].0)).collect();
    let mut sql = format!(
        "DROP TABLE IF EXISTS original, alike, created, _etl_markers; \
         CREATE TABLE original (n bigint PRIMARY KEY, {}); CREATE TABLE alike (LIKE original);",
        columns.join(", ")
    );
    for (n, row) in rows.iter().enumerate() {
        let values: Vec<_> = row
            .iter()
            .zip(types)
            .map(|(value, &at)| match value {
                None => "NULL".to_owned(),
                Some(text) => format!("'{}'::{}", text.replace('\'', "''"), kinds[at].0),
            })
            .collect();
        sql.push_str(&format!("INSERT INTO original VALUES ({n}, {});", values.join(", ")));
    }
    database.psql(&sql).unwrap();
}

async fn copy(database: &Database, target: &str) {
    let source = PostgresSource.configure(&json!({ "url": database.url(), "table": "original" })).unwrap();
    let destination =
        PostgresDestination.configure(&json!({ "url": database.url(), "table": target })).unwrap();
    let run = RunContext { workflow: WorkflowName::new(target).unwrap(), run: RunId::generate() };
    destination.check(&run).await.unwrap();
    let partition = source.discover(&[]).await.unwrap().partitions.remove(0);
    let route = Route {
        workflow: run.workflow.clone(),
        source: StepName::new("source").unwrap(),
        partition: partition.id.clone(),
        destination: StepName::new("target").unwrap(),
        shard: None,
    };
    let mut writer = destination.open(&run, &route, 0).await.unwrap();
    let claim = Claim { run: run.run, epoch: 1, start: None, replaces: Vec::new() };
    let marker = writer.fence(&claim).await.unwrap();
    // Small chunks, so that a table is many of them.
    let options = ReadOptions { chunk_bytes: 300, max_record_bytes: 1 << 20 };
    let mut reader = source.read(&partition, None, &options).await.unwrap();
    while let Fetched::Chunk(chunk) = reader.next().await.unwrap() {
        let decoded = chunk.decode().unwrap();
        assert_eq!(decoded.errors, []);
        for batch in decoded.batches {
            let encoded = destination.encoder().encode(batch).unwrap();
            assert_eq!(encoded.errors, []);
            writer.write(encoded).await.unwrap();
        }
    }
    let unit = Unit { marker: Marker { seq: marker.seq + 1, done: true, ..marker } };
    assert_eq!(writer.stage(&unit).await.unwrap(), []);
    writer.commit(&unit).await.unwrap();
}

fn content(database: &Database, table: &str) -> String {
    database.psql(&format!("COPY (SELECT * FROM {table} ORDER BY n) TO STDOUT")).unwrap()
}

#[test]
fn random_tables_are_the_same_byte_for_byte() {
    let database = PostgresServer::shared().fresh_database().unwrap();
    database
        .psql(
            "SET client_min_messages = error; CREATE TYPE mood AS ENUM ('sad', 'o''k \"x\"'); \
             CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        )
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig {
        cases: 96,
        failure_persistence: None,
        max_shrink_iters: 150,
        ..ProptestConfig::default()
    };
    proptest!(config, |((types, rows) in tables())| {
        prepare(&database, &types, &rows);
        let original = content(&database, "original");
        runtime.block_on(copy(&database, "alike"));
        prop_assert_eq!(content(&database, "alike"), original.as_str());
        if rows.is_empty() {
            return Ok(());
        }
        runtime.block_on(copy(&database, "created"));
        prop_assert_eq!(content(&database, "created"), original.as_str());
        let kinds = kinds();
        let described = database
            .psql(
                "SELECT string_agg(format_type(atttypid, atttypmod), '|' ORDER BY attnum) FROM pg_attribute \
                 WHERE attrelid = 'created'::regclass AND attnum > 1",
            )
            .unwrap();
        for (found, &at) in described.trim().split('|').zip(&types) {
            let (expected, kept, _) = &kinds[at];
            // PostgreSQL does not keep the number of brackets in a type's name.
            let expected = expected.replace("[][]", "[]").replace("[][]", "[]");
            prop_assert!(!kept || found == expected, "{} became {}", expected, found);
        }
    });
}
