use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use etl_sdk::{Processor, Registry};
use serde_json::{Value, json};

use crate::batches::{configure, failed, gone_on, numbers, process};
use crate::tables::Tables;

/// Rows `{id, city}`; the ids are doubles.
fn table(rows: &[(f64, Option<&str>)]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Float64, true),
        Field::new("city", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn config(more: Value) -> Value {
    let mut config = json!({
        "type": "lookup",
        "source": { "type": "tables" },
        "key": ["n"],
        "lookup_key": ["id"],
        "result_mapping": [{ "source": "city", "destination": "place.city" }],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn enrich(tables: &Tables, more: Value) -> Arc<dyn Processor> {
    configure(Registry::default().source(tables.clone()), config(more)).unwrap()
}

fn with(rows: &[&[(f64, Option<&str>)]]) -> Tables {
    let tables = Tables::default();
    *tables.content.lock().unwrap() = rows.iter().map(|rows| table(rows)).collect();
    tables
}

#[tokio::test]
async fn rows_are_found_whatever_the_types_of_their_keys() {
    let tables = with(&[&[(1.0, Some("Kiel")), (2.0, None)], &[(3.0, Some("Bonn"))]]);
    let processed = process(&enrich(&tables, json!({})), numbers(1, 5)).await.unwrap();
    let gone: Vec<_> = gone_on(&processed).into_iter().map(|(n, row)| (n, row["place"].clone())).collect();
    assert_eq!(gone, [(1, json!({"city": "Kiel"})), (3, json!({"city": "Bonn"}))]);
    assert_eq!(failed(&processed.errors), [(2, "enrich_no_value"), (4, "enrich_no_value")]);
    assert!(processed.errors[0].message.contains("null in the table"));
    assert_eq!(processed.errors[1].field.as_deref(), Some("place.city"));
    let more = |default| json!({"result_mapping": [{ "source": "city", "destination": "city", "default": default }]});
    let cities = async |default: Value| -> Vec<Value> {
        let processed = process(&enrich(&tables, more(default)), numbers(1, 5)).await.unwrap();
        gone_on(&processed).into_iter().map(|(_, row)| row["city"].clone()).collect()
    };
    assert_eq!(cities(json!("?")).await, ["Kiel", "?", "Bonn", "?"]);
    assert_eq!(cities(json!(null)).await, [json!("Kiel"), json!(null), json!("Bonn"), json!(null)]);
    let error = process(&enrich(&tables, more(json!(7))), numbers(1, 5)).await.unwrap_err();
    assert_eq!(error.code(), "lookup_default");
}

#[tokio::test]
async fn a_key_that_two_rows_have_is_a_fault_unless_it_is_said_which_counts() {
    let tables = with(&[&[(1.0, Some("first"))], &[(1.0, Some("last"))]]);
    let error = process(&enrich(&tables, json!({})), numbers(1, 2)).await.unwrap_err();
    assert!(error.to_string().contains("first") && error.to_string().contains("last"), "{error}");
    for which in ["first", "last"] {
        let processed = process(&enrich(&tables, json!({"duplicates": which})), numbers(1, 2)).await.unwrap();
        assert_eq!(gone_on(&processed)[0].1["place"]["city"], which);
    }
}

#[tokio::test]
async fn the_table_is_read_once_and_again_when_it_is_due() {
    let tables = with(&[&[(1.0, Some("old"))]]);
    let once = enrich(&tables, json!({}));
    let often = enrich(&tables, json!({"refresh": "1ms"}));
    let city = async |enrich: &Arc<dyn Processor>| -> String {
        let processed = process(enrich, numbers(1, 2)).await.unwrap();
        gone_on(&processed)[0].1["place"]["city"].as_str().unwrap().to_owned()
    };
    assert_eq!((city(&once).await, city(&often).await), ("old".to_owned(), "old".to_owned()));
    *tables.content.lock().unwrap() = vec![table(&[(1.0, Some("new"))])];
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!((city(&once).await, city(&often).await), ("old".to_owned(), "new".to_owned()));
    *tables.is_away.lock().unwrap() = true;
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(city(&often).await, "new", "the one of before is used on");
    assert_eq!(tables.reads.load(Ordering::SeqCst), 3);
    let never = enrich(&tables, json!({}));
    assert_eq!(process(&never, numbers(1, 2)).await.unwrap_err().code(), "away");
}

#[tokio::test]
async fn a_table_that_cannot_be_used_is_refused() {
    let large: Vec<(f64, Option<&str>)> = (0..10_000).map(|n| (f64::from(n), Some("x"))).collect();
    let error = process(&enrich(&with(&[&large]), json!({"max_size": "16KiB"})), numbers(1, 2)).await;
    assert_eq!(error.unwrap_err().code(), "lookup_too_large");
    let column = json!({"result_mapping": [{ "source": "town", "destination": "city" }]});
    let error = process(&enrich(&with(&[&[(1.0, None)]]), column), numbers(1, 2)).await.unwrap_err();
    assert!(error.to_string().contains("no column `town`"), "{error}");
    let error = process(&enrich(&Tables::default(), json!({})), numbers(1, 2)).await.unwrap_err();
    assert!(error.to_string().contains("is empty"), "{error}");
}

#[test]
fn faults_of_the_table_are_told_where_they_are() {
    let faults = |source: Value| {
        let registry = Registry::default().source(Tables::default());
        let found = configure(registry, config(json!({"source": source}))).map(|_| ()).unwrap_err();
        found[0].to_string()
    };
    assert!(faults(json!({"type": "tabels"})).starts_with("source.type: there is no source `tabels`"));
    assert_eq!(faults(json!({"type": "tables", "config": {"wrong": 1}})), "source.config.wrong: is wrong");
}
