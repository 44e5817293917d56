use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use etl_model::RecordError;
use serde_json::json;

use crate::reading::database;
use crate::writing::{batch, destination, integers, run, run_units, texts, told};

const TABLE: &str = r#"
CREATE TABLE parent (id bigint PRIMARY KEY); INSERT INTO parent VALUES (1);
CREATE TABLE t ("Id" bigint PRIMARY KEY, name text NOT NULL UNIQUE, parent bigint REFERENCES parent,
  n numeric(5, 2) CONSTRAINT small CHECK (n < 500), v varchar(5), i smallint);
INSERT INTO t VALUES (5000, 'kept', 1, 0, 'kept', 0);
CREATE FUNCTION no_sevens() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF new."Id" = 707 THEN RAISE EXCEPTION 'no sevens here'; END IF;
  IF new."Id" = 708 THEN RAISE EXCEPTION 'nor eights' USING ERRCODE = '45000'; END IF;
  IF new."Id" = 709 THEN RAISE EXCEPTION 'nor nines' USING ERRCODE = 'U0009'; END IF;
  RETURN new; END $$;
CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no_sevens();
"#;

fn thousand_rows() -> etl_model::Batch {
    let name = |i: i64| match i {
        400 => Some("kept".to_owned()),
        500 => None,
        550 => Some("nul \0".to_owned()),
        _ => Some(format!("n{i}")),
    };
    batch([
        ("Id", integers((0..1000).map(|i| if i == 300 { 5000 } else { i }))),
        ("name", Arc::new(StringArray::from((0..1000).map(name).collect::<Vec<_>>())) as ArrayRef),
        ("parent", integers((0..1000).map(|i| if i == 600 { 2 } else { 1 }))),
        (
            "n",
            integers((0..1000).map(|i| {
                if i == 650 {
                    1000
                } else if i == 999 {
                    600
                } else {
                    i % 400
                }
            })),
        ),
        (
            "v",
            Arc::new(StringArray::from_iter_values(
                (0..1000).map(|i| if i == 800 { "too long" } else { "short" }),
            )),
        ),
        ("i", integers((0..1000).map(|i| if i == 900 { 40_000 } else { i }))),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refused_row_is_found_and_all_others_are_written() {
    for (mode, key) in [("append", vec![]), ("upsert", vec!["Id"])] {
        let database = database(TABLE);
        let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
        let mut errors = run(&target, vec![thousand_rows()]).await.unwrap();
        errors.sort_by_key(|error| error.ordinal);
        let append = mode == "append";
        let found: Vec<_> = told(&errors).into_iter().map(|(row, code)| (row, code.to_owned())).collect();
        let refused: Vec<u64> = found.iter().map(|(row, _)| *row).collect();
        let expected: Vec<u64> = [300, 400, 500, 550, 600, 650, 707, 708, 709, 800, 900, 999]
            .into_iter()
            .filter(|&row| append || row > 400)
            .collect();
        assert_eq!(refused, expected, "{mode}: {found:?}");
        let error = |row: u64| errors.iter().find(|error| error.ordinal == row + 100).unwrap();
        let says = |row: u64, code: &str, field: Option<&str>, parts: &[&str]| {
            let RecordError { code: got, message, field: got_field, record, help, .. } = error(row);
            assert_eq!((got.as_str(), got_field.as_deref()), (code, field), "{mode}: {message}");
            assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message}");
            assert!(help.is_some() && record["Id"] == json!(row), "{mode}: {record}");
        };
        if append {
            let unique = error(300);
            assert_eq!((unique.code.as_str(), unique.field.as_deref()), ("constraint_unique", Some("Id")));
            assert!(
                unique.message.contains("t_pkey") && unique.message.contains("5000"),
                "{}",
                unique.message
            );
            assert_eq!(unique.record["name"], "n300");
            says(400, "constraint_unique", Some("name"), &["t_name_key", "kept"]);
        }
        says(500, "constraint_not_null", Some("name"), &["name"]);
        says(600, "constraint_foreign_key", Some("parent"), &["t_parent_fkey", "parent", "2"]);
        says(707, "refused_by_trigger", None, &["no sevens here"]);
        says(708, "refused_by_trigger", None, &["nor eights"]);
        says(709, "refused_by_trigger", None, &["nor nines"]);
        assert!(error(999).message.contains("small"), "{}", error(999).message);
        assert_eq!(error(999).code, "constraint_check");
        for (row, field, value) in
            [(550, "name", "nul"), (650, "n", "1000"), (800, "v", "too long"), (900, "i", "40000")]
        {
            let error = error(row);
            assert_eq!(error.field.as_deref(), Some(field), "{mode}: {error:?}");
            assert!(
                error.message.contains(value) || error.record[field].to_string().contains(value),
                "{error:?}"
            );
        }
        // Together with the row that was there, which an upsert overwrites.
        let written = 1000 - expected.len() + usize::from(append);
        assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), written.to_string(), "{mode}");
        let kept = if append { "kept" } else { "n300" };
        assert_eq!(database.psql("SELECT name FROM t WHERE \"Id\" = 5000").unwrap(), kept);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_refused_rows_of_one_unit_are_found_in_order() {
    let database = database("CREATE TABLE t (id bigint PRIMARY KEY CHECK (id % 3 <> 0), place serial)");
    let target = destination(&database, json!({ "table": "t" }));
    let batches = vec![batch([("id", integers(1..=900))]), batch([("id", integers(901..=1200))])];
    let errors = run(&target, batches).await.unwrap();
    assert_eq!(errors.len(), 400);
    assert!(errors.iter().all(|error| error.code == "constraint_check"));
    let ids: Vec<i64> = errors.iter().map(|error| error.record["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=400).map(|i| i * 3).collect::<Vec<_>>());
    let rows = "SELECT count(*), bool_and(earlier < id) FROM (SELECT id, lag(id, 1, 0::bigint) OVER (ORDER BY place) AS earlier FROM t) r";
    assert_eq!(database.psql(rows).unwrap(), "800|t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encodings_that_lack_a_character_refuse_its_row() {
    let name = "latin";
    let server = etl_test_services::PostgresServer::shared();
    server.psql(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")).unwrap();
    let url = server.url().replacen("/postgres?", &format!("/{name}?"), 1);
    let url = match url.strip_suffix("/postgres") {
        Some(begin) => format!("{begin}/{name}"),
        None => url,
    };
    let any = server.fresh_database().unwrap();
    let target = destination(&any, json!({ "url": url, "table": "t" }));
    let errors = run(&target, vec![batch([("v", texts(&["é", "€", "ü"]))])]).await.unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].ordinal, errors[0].record["v"].as_str()), (101, Some("€")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_leaves_rows_out_is_not_taken_for_success() {
    let sql = "CREATE TABLE t (id bigint PRIMARY KEY);
        CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN IF new.id = 2 THEN RETURN NULL; END IF; RETURN new; END $$;
        CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skip();";
    for (mode, key) in [("append", vec![]), ("upsert", vec!["id"]), ("replace", vec![])] {
        let database = database(sql);
        let target = destination(&database, json!({ "table": "t", "mode": mode, "key": key }));
        assert!(run(&target, vec![batch([("id", integers([1, 3]))])]).await.unwrap().is_empty(), "{mode}");
        let error = run(&target, vec![batch([("id", integers([4, 2, 5]))])]).await.unwrap_err();
        assert_eq!((error.code(), error.help().is_some()), ("rows_skipped", true), "{mode}: {error}");
        assert_eq!(database.psql("SELECT string_agg(id::text, ' ') FROM t").unwrap(), "1 3", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deferred_constraint_concerns_the_unit() {
    let database = database(
        "CREATE TABLE parent (id bigint PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE t (id bigint REFERENCES parent DEFERRABLE INITIALLY DEFERRED);",
    );
    let target = destination(&database, json!({ "table": "t" }));
    let units = vec![vec![batch([("id", integers([1]))])], vec![batch([("id", integers([1, 2]))])]];
    let error = run_units(&target, units).await.unwrap_err();
    assert_eq!((error.code(), error.help().is_some()), ("deferred_constraint", true), "{error}");
    assert!(error.to_string().contains("t_id_fkey"), "{error}");
    assert_eq!(database.psql("SELECT count(*) FROM t").unwrap(), "1");
    assert_eq!(database.psql("SELECT seq FROM _etl_markers").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_are_exact_or_an_error_of_the_row() {
    let database = database(
        "CREATE TABLE t (small smallint, n numeric(6, 2), whole numeric(20, 0), f real, d date, ts timestamptz,
           u uuid, j jsonb, js json, w varchar(4), any_ numeric);",
    );
    let target = destination(&database, json!({ "table": "t" }));
    let column = async |name: &'static str, values: ArrayRef| {
        let errors = run(&target, vec![batch([(name, values)])]).await.unwrap();
        let rows =
            database.psql(&format!("SELECT string_agg({name}::text, ' ') FROM t WHERE {name} IS NOT NULL"));
        database.psql("TRUNCATE t").unwrap();
        (errors.iter().map(|error| error.ordinal - 100).collect::<Vec<_>>(), rows.unwrap())
    };
    let floats = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    assert_eq!(
        column("small", integers([1, 32_767, 32_768, -32_769])).await,
        (vec![2, 3], "1 32767".to_owned())
    );
    assert_eq!(column("n", integers([9999, 10_000])).await, (vec![1], "9999.00".to_owned()));
    assert_eq!(
        column("any_", floats(&[0.1, 1e22, f64::NAN])).await,
        (vec![], "0.1 10000000000000000000000 NaN".to_owned())
    );
    assert_eq!(
        column("d", texts(&["2024-02-29", "2023-02-29", "x"])).await,
        (vec![1, 2], "2024-02-29".to_owned())
    );
    assert_eq!(column("u", texts(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "no"])).await.0, [1]);
    let documents = ["{\"a\": 1}", "[1.50]", "\"x\"", "{oops"];
    assert_eq!(column("j", texts(&documents)).await, (vec![3], "{\"a\": 1} [1.50] \"x\"".to_owned()));
    assert_eq!(column("js", texts(&documents)).await, (vec![3], "{\"a\": 1} [1.50] \"x\"".to_owned()));
    assert_eq!(column("w", texts(&["1234", "12345", "öäüß"])).await, (vec![1], "1234 öäüß".to_owned()));
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7)]));
    assert_eq!(column("whole", nulls).await, (vec![], "7".to_owned()));
}
