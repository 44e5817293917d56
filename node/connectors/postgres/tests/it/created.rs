use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, ListArray, NullArray, RecordBatch, StructArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use serde_json::json;

use crate::reading::{self, database};
use crate::writing::{batch, destination, integers, run, run_units, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_created_table_has_a_type_for_every_column() {
    let database = database("");
    let json_type = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
    let inner: ArrayRef = Arc::new(Int32Array::from(vec![7]));
    let mut rows = batch([
        ("tiny", Arc::new(Int8Array::from(vec![-5])) as ArrayRef),
        ("short", Arc::new(Int16Array::from(vec![-300]))),
        ("whole", Arc::new(Int32Array::from(vec![i32::MIN]))),
        ("long", integers([i64::MIN])),
        ("u32", Arc::new(UInt32Array::from(vec![u32::MAX]))),
        ("u64", Arc::new(UInt64Array::from(vec![u64::MAX]))),
        ("single", Arc::new(Float32Array::from(vec![0.5]))),
        ("double", Arc::new(Float64Array::from(vec![f64::NEG_INFINITY]))),
        ("flag", Arc::new(BooleanArray::from(vec![true]))),
        ("word", texts(&["it's \\ \"é\""])),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))),
        ("day", Arc::new(Date32Array::from(vec![19_782]))),
        ("clock", Arc::new(Time64MicrosecondArray::from(vec![1]))),
        (
            "instant",
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]).with_timezone("Europe/Berlin")),
        ),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![-1]))),
        ("price", Arc::new(Decimal128Array::from(vec![110]).with_precision_and_scale(9, 2).unwrap())),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(1.5), None])])),
        ),
        (
            "nested",
            Arc::new(StructArray::from(vec![(Arc::new(Field::new("k", DataType::Int32, true)), inner)])),
        ),
        ("doc", texts(&["{\"b\": [1.10, null], \"a\": \"x\"}"])),
        ("void", Arc::new(NullArray::new(1))),
    ]);
    let mut fields: Vec<_> = rows.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[18] = fields[18].clone().with_metadata(json_type);
    let records =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), rows.records().columns().to_vec()).unwrap();
    rows = rows.with_records(records).unwrap();
    for mode in ["append", "replace"] {
        let target = destination(&database, json!({ "table": mode, "mode": mode }));
        assert_eq!(run(&target, vec![rows.clone()]).await.unwrap(), []);
        let types = format!(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = '{mode}'::regclass AND attnum > 0"
        );
        assert_eq!(
            database.psql(&types).unwrap(),
            "tiny smallint, short smallint, whole integer, long bigint, u32 bigint, u64 numeric(20,0), single real, \
             double double precision, flag boolean, word text, bytes bytea, day date, clock time without time zone, \
             instant timestamp with time zone, local timestamp without time zone, price numeric(9,2), \
             list double precision[], nested jsonb, doc jsonb, void text"
        );
        assert_eq!(
            database.psql(&format!("SELECT * FROM {mode}")).unwrap(),
            "-5|-300|-2147483648|-9223372036854775808|4294967295|18446744073709551615|0.5|-Infinity|t|it's \\ \"é\"|\\x00ff|\
             2024-02-29|00:00:00.000001|1970-01-01 00:00:01.5+00|1969-12-31 23:59:59.999999|1.10|{1.5,NULL}|\
             {\"k\": 7}|{\"a\": \"x\", \"b\": [1.10, null]}|"
        );
    }
    assert_eq!(
        database.psql("SELECT doc #>> '{b,0}', jsonb_typeof(doc) FROM append").unwrap(),
        "1.10|object"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_came_from_postgres_stay_what_they_were() {
    let database = database(
        "CREATE TABLE s (id int PRIMARY KEY, u uuid, n numeric(7, 3), i inet, v varchar(9), c char(3), t timetz,
           w interval, x xml, b varbit, a int[], j json, y bytea, d date[], m text[]);
         INSERT INTO s VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '10.0.0.1/8', 'v', 'c', '12:00+02',
           '1 day -2:00', '<a/>', '101', '{1,NULL}', '{\"k\":  1}', 'x', '{2024-01-01}', '{\"a,b\",NULL}'); INSERT INTO s VALUES (2);",
    );
    let read = reading::whole(&database, json!({ "table": "s" })).await.unwrap();
    let target = destination(&database, json!({ "table": "t", "mode": "upsert", "key": ["id"] }));
    assert_eq!(run(&target, read.batches).await.unwrap(), []);
    let types = |table: &str| {
        database.psql(&format!(
            "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
        ))
    };
    assert_eq!(types("t").unwrap(), types("s").unwrap());
    assert_eq!(
        database.psql("SELECT * FROM t ORDER BY id").unwrap(),
        database.psql("SELECT * FROM s ORDER BY id").unwrap()
    );
    // From 18 on, the columns of the key that are not null are constraints, too.
    let key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype <> 'n'";
    assert_eq!(database.psql(key).unwrap(), "PRIMARY KEY (id)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_create_one_table_at_once() {
    for mode in ["append", "upsert", "replace"] {
        let database = database("");
        let config = match mode {
            "upsert" => json!({ "table": mode, "mode": mode, "key": ["id"] }),
            _ => json!({ "table": mode, "mode": mode }),
        };
        let context = crate::writing::context();
        let mut running = tokio::task::JoinSet::new();
        for i in 0..6_i64 {
            // As processes of their own would.
            let (target, context) = (destination(&database, config.clone()), context.clone());
            running.spawn(async move {
                let partition = format!("p{i}");
                let mut owner =
                    crate::writing::Owner::of(&target, &context, &partition, 1, vec![]).await.unwrap();
                owner.deliver(vec![batch([("id", integers([i]))])], true).await.unwrap()
            });
        }
        let refused: Vec<_> = running.join_all().await.concat();
        assert!(refused.is_empty(), "{mode}: {refused:?}");
        let routes: Vec<_> = (0..6).map(|i| crate::writing::route(&context, &format!("p{i}"))).collect();
        destination(&database, config).complete(&context, &routes).await.unwrap();
        let sum = format!("SELECT count(*) || ' ' || sum(id) FROM {mode}");
        assert_eq!(database.psql(&sum).unwrap(), "6 15", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_and_values_are_only_names_and_values() {
    let database = database("CREATE TABLE victim (a int)");
    let nasty =
        ["\"; drop table victim; --", "it's", "back\\slash", "per%sent $1", "UPPER", "select", "ü b", "a.b"];
    for name in nasty {
        for (mode, key) in [("append", vec![]), ("upsert", vec![name]), ("replace", vec![])] {
            let table = format!("\"{mode} {}\"", name.replace('"', "\"\""));
            let target = destination(&database, json!({ "table": table, "mode": mode, "key": key }));
            let rows = || batch([(name, texts(&nasty))]);
            assert_eq!(run_units(&target, vec![vec![rows()], vec![rows()]]).await.unwrap(), [], "{table}");
            let count = database.psql(&format!("SELECT count(DISTINCT t), count(*) FROM {table} t")).unwrap();
            let times = if mode == "upsert" { 1 } else { 2 };
            assert_eq!(count, format!("{}|{}", nasty.len(), times * nasty.len()), "{table}");
        }
    }
    database.psql("SELECT * FROM victim").unwrap();
    for name in ["a\0b", &"long".repeat(16)] {
        let target = destination(&database, json!({ "table": "n" }));
        let error = run(&target, vec![batch([(name, integers([1]))])]).await.unwrap_err();
        assert_eq!(error.code(), "invalid_name", "{error}");
    }
    let exact = "x".repeat(63);
    let target = destination(&database, json!({ "table": exact, "mode": "replace" }));
    assert_eq!(run(&target, vec![batch([("id", integers([1]))])]).await.unwrap(), []);
    assert_eq!(database.psql(&format!("SELECT id FROM {exact}")).unwrap(), "1");
}
