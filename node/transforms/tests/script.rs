//! The `script` transformation: records in and out, its sandbox and its limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, Time32SecondArray, TimestampNanosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, TimeUnit};
use etl_expr::record_json;
use etl_model::{Batch, is_json, json_field};
use etl_sdk::{FieldError, Processed, Processor, ProcessorConnector};
use etl_transforms::Script;
use proptest::prelude::*;
use serde_json::{Value, json};

fn batch(columns: Vec<(Field, ArrayRef)>) -> Batch {
    let rows = columns[0].1.len() as u64;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Batch::new(records, UInt64Array::from_iter_values((1..=rows).map(|row| row * 10))).unwrap()
}

fn column(name: &str, array: impl Array + 'static) -> (Field, ArrayRef) {
    (Field::new(name, array.data_type().clone(), true), Arc::new(array))
}

fn numbers(values: Vec<Option<i64>>) -> Batch {
    batch(vec![column("n", Int64Array::from(values))])
}

fn configured(config: Value) -> Arc<dyn Processor> {
    Script.configure(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn script(text: &str) -> Arc<dyn Processor> {
    configured(json!({ "script": text }))
}

fn records(processed: &Processed) -> Vec<Value> {
    (0..processed.batch.len()).map(|row| record_json(processed.batch.records(), row)).collect()
}

fn ordinals(processed: &Processed) -> Vec<u64> {
    processed.batch.ordinals().values().to_vec()
}

fn errors(processed: &Processed) -> Vec<(u64, &str)> {
    processed.errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect()
}

fn types(processed: &Processed) -> Vec<(String, DataType)> {
    let schema = processed.batch.schema();
    schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

fn faults(config: &Value) -> Vec<String> {
    let errors: Vec<FieldError> = Script.configure(config).err().expect("the config is at fault");
    errors.iter().map(|error| format!("{} {error}", error.code)).collect()
}

/// One column of every type that scripts know, and some that they do not.
fn every_type() -> Batch {
    let inner = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
    let inner = StructArray::new(inner, vec![Arc::new(Int64Array::from(vec![Some(1), None]))], None);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let decimal = Decimal128Array::from(vec![Some(-105), None]).with_precision_and_scale(9, 2).unwrap();
    let mut columns = vec![
        column("flag", BooleanArray::from(vec![Some(true), None])),
        column("small", arrow::array::Int8Array::from(vec![Some(-7), None])),
        column("big", UInt64Array::from(vec![Some(7), None])),
        column("real", Float64Array::from(vec![Some(1.5), None])),
        column("text", StringArray::from(vec![Some("é"), None])),
        column("bytes", BinaryArray::from(vec![Some(&b"ab"[..]), None])),
        column("day", Date32Array::from(vec![Some(-1), None])),
        column("at", TimestampNanosecondArray::from(vec![Some(1_500_000_001), None]).with_timezone("UTC")),
        column("clock", Time32SecondArray::from(vec![Some(61), None])),
        column("price", decimal),
        column("list", lists),
        column("inner", inner),
        column("none", arrow::array::NullArray::new(2)),
    ];
    columns
        .push((json_field("doc", true), Arc::new(StringArray::from(vec![Some(r#"{"x":[1,"a"]}"#), None]))));
    batch(columns)
}

#[test]
fn values_of_every_type_survive_a_script() {
    let given = every_type();
    let processed = script("fn process(record) { record }").process(given.clone()).unwrap();
    assert_eq!((ordinals(&processed), processed.errors.len()), (vec![10, 20], 0));
    let json = records(&processed);
    assert_eq!(json[0]["price"], json!("-1.05"), "decimals keep their digits as text");
    for (row, record) in json.iter().enumerate() {
        let mut expected = record_json(given.records(), row);
        expected["price"] = record["price"].clone();
        assert_eq!(*record, expected);
    }
    let utc = |unit| DataType::Timestamp(unit, Some("+00:00".into()));
    let found = types(&processed);
    for (name, expected) in [
        ("small", DataType::Int64),
        ("bytes", DataType::Binary),
        ("day", DataType::Date32),
        ("at", utc(TimeUnit::Nanosecond)),
        ("clock", DataType::Utf8),
        ("none", DataType::Null),
    ] {
        assert_eq!(found.iter().find(|(found, _)| found == name).unwrap().1, expected, "{name}");
    }
    let names: Vec<&String> = found.iter().map(|(name, _)| name).collect();
    let schema = given.schema();
    assert_eq!(
        names,
        schema.fields().iter().map(|field| field.name()).collect::<Vec<_>>(),
        "the order stays"
    );
}

#[test]
fn a_record_becomes_none_one_or_several() {
    let processed = script(
        "fn process(record) {
             if record.n == () { return (); }
             if record.n == 0 { return []; }
             let copies = [];
             for copy in 0..record.n { copies.push(#{ n: record.n, copy: copy }); }
             if record.n == 1 { copies[0] } else { copies }
         }",
    )
    .process(numbers(vec![Some(2), None, Some(1), Some(0), Some(3)]))
    .unwrap();
    assert_eq!(ordinals(&processed), [10, 10, 30, 50, 50, 50], "several records share the ordinal");
    assert_eq!(processed.filtered, [20, 40]);
    assert_eq!(records(&processed)[1], json!({"n": 2, "copy": 1}));
    assert!(processed.errors.is_empty());
}

#[test]
fn what_a_script_throws_is_its_records_error() {
    let text = "fn process(record) {\n  if record.n == 2 { throw \"no twos\"; }\n  record.n = 10 / record.n;\n  record\n}";
    let processed = script(text).process(numbers(vec![Some(5), Some(2), Some(0), None])).unwrap();
    assert_eq!(ordinals(&processed), [10]);
    assert_eq!(errors(&processed), [(20, "script_error"), (30, "script_error"), (40, "script_error")]);
    assert_eq!(processed.errors[0].message, "line 2: no twos");
    assert!(processed.errors[1].message.starts_with("line 3: "), "{}", processed.errors[1].message);
    assert_eq!(processed.errors[2].record, json!({"n": null}));
    for (text, code) in [
        ("fn process(record) { 5 }", "script_result"),
        ("fn process(record) { [#{}, 1] }", "script_result"),
        ("fn process(record) { #{ a: Fn(\"process\") } }", "invalid_type"),
        ("fn process(record) { #{ a: record.ghost } }", "script_error"),
        ("fn process(record) { #{ a: [0.0 / 0.0, 1] } }", "not_representable"),
    ] {
        let processed = script(text).process(numbers(vec![Some(1)])).unwrap();
        assert_eq!(errors(&processed), [(10, code)], "{text}");
    }
}

#[test]
fn limits_bite_and_the_next_record_has_its_own() {
    let limited = |body: &str, more: Value| {
        let mut config = json!({ "script": format!("fn down(n) {{ down(n + 1) }}\nfn process(record) {{\n{body}\nrecord }}") });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let began = Instant::now();
        let processed = configured(config).process(numbers(vec![Some(1), Some(2), Some(1)])).unwrap();
        assert!(began.elapsed() < Duration::from_secs(20), "{body}");
        assert_eq!(ordinals(&processed), [20], "{body}");
        processed.errors[0].code.clone()
    };
    assert_eq!(
        limited("if record.n == 1 { loop {} }", json!({"max_operations": 10_000})),
        "script_operations"
    );
    let endless = json!({"max_operations": u64::MAX, "timeout": "50ms"});
    assert_eq!(limited("if record.n == 1 { loop {} }", endless), "script_timeout");
    assert_eq!(limited("if record.n == 1 { down(0) }", json!({})), "script_depth");
    for bomb in [
        "let x = \"aaaaaaaa\"; loop { x += x; }",
        "let x = [1, 2]; loop { x += x; }",
        "let x = [0]; loop { x = [x, x]; }",
        "let x = #{}; let n = 0; loop { x[`k${n}`] = n; n += 1; }",
        "let a = []; a.pad(1000, 0); let x = #{}; let n = 0; loop { x[`k${n}`] = a; n += 1; }",
        "let x = []; x.pad(1000, 0); let a = x; let n = 0; loop { x[n % 1000] = a; n += 1; }",
        "let x = \"\"; x.pad(1_000_000_000, 'x');",
        "let x = blob(1_000_000_000, 7);",
        "let x = []; x.pad(1_000_000_000, 1);",
    ] {
        let body = format!("if record.n == 1 {{ {bomb} }}");
        assert_eq!(
            limited(&body, json!({"max_memory": "64KiB", "timeout": "10s"})),
            "script_memory",
            "{bomb}"
        );
    }
    for nesting in [
        "let x = []; loop { x = [x]; }",
        "let x = #{}; loop { x = #{ x: x }; }",
        "let x = []; loop { let y = []; y.push(x); x = y; }",
        "let x = [1]; let f = || x; loop { x.push(x); }",
        "let x = [1]; let f = || x; loop { x[0] = x; }",
        "let x = #{}; let f = || x; loop { x.x = x; }",
    ] {
        let body = format!("if record.n == 1 {{ {nesting} }}");
        let code = limited(&body, json!({}));
        assert!(["script_memory", "script_error"].contains(&code.as_str()), "{nesting}: {code}");
    }
    // As deep as functions and expressions may be nested at once, on a thread of the ordinary size.
    let nested = |deep: usize| {
        let (open, close) = ("(1 + ".repeat(deep), ")".repeat(deep));
        json!({ "script": format!("fn f(n) {{ {open}f(n + 1){close} }} fn process(record) {{ f(0) }}") })
    };
    let deepest = (1..40).rev().find_map(|deep| Script.configure(&nested(deep)).ok()).unwrap();
    let processed = deepest.process(numbers(vec![Some(1)])).unwrap();
    assert_eq!(errors(&processed), [(10, "script_depth")]);
}

#[test]
fn there_is_nothing_outside_the_sandbox() {
    for body in [
        "import \"/etc/passwd\" as secrets;",
        "eval(\"40 + 2\");",
        "print(record);",
        "debug(record);",
        "let x = undefined_variable;",
        "let grow = || { loop { this = [this]; } };",
    ] {
        let found = faults(&json!({ "script": format!("fn process(record) {{ {body} record }}") }));
        assert!(found[0].starts_with("syntax script: line 1, column "), "{body}: {found:?}");
    }
    for body in [
        "sleep(1);",
        "Fn(\"sleep\").call(1.5);",
        "Fn(\"eval\").call(\"40 + 2\");",
        "open_file(\"/etc/passwd\");",
        "system(\"ls\");",
    ] {
        let began = Instant::now();
        let processed = script(&format!("fn process(record) {{ {body} record }}"))
            .process(numbers(vec![Some(1)]))
            .unwrap();
        assert_eq!(errors(&processed), [(10, "script_error")], "{body}");
        assert!(began.elapsed() < Duration::from_secs(1), "{body}");
    }
    // Nothing is kept from record to record.
    let processed =
        script("let seen = 0;\nfn process(record) { record.seen = global::START; record }\nconst START = 5;")
            .process(numbers(vec![Some(1), Some(2)]));
    assert_eq!(records(&processed.unwrap()), [json!({"n": 1, "seen": 5}), json!({"n": 2, "seen": 5})]);
}

#[test]
fn an_output_fixes_fields_and_types() {
    let config = json!({
        "script": "fn process(record) {
            switch record.n {
                1 => #{ i: 1, d: 1, s: 'x', at: time(\"2024-02-29T12:00:00.5Z\") + 1, day: \"2024-02-29\", doc: [1, \"a\"] },
                2 => #{ i: 1.5 },
                3 => #{ other: 1 },
                4 => #{ d: 9007199254740993 },
                5 => [#{ i: 5 }, #{ s: 5 }],
                _ => #{ b: true },
            }
        }",
        "output": [
            {"name": "i", "type": "int"}, {"name": "d", "type": "double"}, {"name": "s", "type": "string"},
            {"name": "at", "type": "timestamp"}, {"name": "day", "type": "date"}, {"name": "b", "type": "bool"},
            {"name": "y", "type": "bytes"}, {"name": "doc", "type": "json"},
        ],
    });
    let step = configured(config);
    let processed = step.process(numbers((1..=6).map(Some).collect())).unwrap();
    assert_eq!(ordinals(&processed), [10, 60], "a record fails with all that was made of it");
    assert_eq!(
        errors(&processed),
        [(20, "invalid_type"), (30, "unknown_field"), (40, "invalid_type"), (50, "invalid_type")]
    );
    assert_eq!(processed.errors[0].message, "the double `1.5` does not fit a field of type int");
    assert_eq!(processed.errors[0].field.as_deref(), Some("i"));
    let first = &records(&processed)[0];
    assert_eq!((&first["d"], &first["s"], &first["doc"]), (&json!(1.0), &json!("x"), &json!([1, "a"])));
    assert_eq!(
        (&first["at"], &first["day"]),
        (&json!("2024-02-29T12:00:01.5Z"), &json!("2024-02-29T00:00:00Z"))
    );
    assert!(is_json(processed.batch.schema().field(7)));
    let empty = step.process(numbers(vec![])).unwrap();
    assert_eq!(empty.batch.schema(), processed.batch.schema(), "every batch has the same columns");
}

#[test]
fn types_come_from_the_values_without_an_output() {
    let processed = script(
        "fn process(record) {
             if record.n == 1 { #{ mixed: 1, list: [1], rec: #{ a: 1 } } }
             else { #{ mixed: \"x\", list: [], rec: #{ b: [#{ c: 0.5 }] }, n: () } }
         }",
    )
    .process(numbers(vec![Some(1), Some(2)]))
    .unwrap();
    let schema = processed.batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["n", "list", "mixed", "rec"]);
    assert_eq!(schema.field(0).data_type(), &DataType::Int64, "a field of nulls keeps its type");
    assert!(is_json(schema.field(2)), "values of several types are JSON");
    assert_eq!(
        records(&processed),
        [
            json!({"n": null, "list": [1], "mixed": 1, "rec": {"a": 1, "b": null}}),
            json!({"n": null, "list": [], "mixed": "x", "rec": {"a": null, "b": [{"c": 0.5}]}}),
        ]
    );
    let big = batch(vec![column("u", UInt64Array::from(vec![u64::MAX, 1]))]);
    let processed = script("fn process(record) { record }").process(big).unwrap();
    assert_eq!((ordinals(&processed), errors(&processed)), (vec![20], vec![(10, "overflow")]));
    assert_eq!(processed.errors[0].field.as_deref(), Some("u"));
}

#[test]
fn faults_of_the_config_are_all_reported() {
    let found = faults(&json!({
        "script": "fn process(record) {\n  let é = ;\n}",
        "output": [{"name": "", "type": "int"}, {"name": "a", "type": "int"}, {"name": "a", "type": "int"}],
        "max_operations": 0,
        "timeout": "0s",
        "max_memory": "1GB",
    }));
    for expected in [
        "out_of_range max_operations: ",
        "out_of_range timeout: ",
        "empty_name output[0].name: ",
        "duplicate_field output[2].name: `a` is in the output twice",
        "syntax script: line 2, column ",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected} in {found:#?}");
    }
    let errors = Script.configure(&json!({"script": "fn process(record) {\n  let x = ;\n}"})).err().unwrap();
    assert_eq!(errors[0].offset, Some("fn process(record) {\n  let x = ".len()));
    assert!(faults(&json!({"script": "fn process() { }"}))[0].starts_with("no_process script: "));
    assert!(
        faults(&json!({"script": "fn process(r) { r }", "output": []}))[0]
            .starts_with("empty_output output: ")
    );
    assert!(
        faults(&json!({"script": "fn process(r) { r }", "max_memory": "2GiB"}))[0].contains("max_memory")
    );
}

#[test]
fn the_descriptor_is_complete() {
    let descriptor = Script.descriptor();
    let schema = serde_json::to_value(&descriptor.schema).unwrap();
    for field in ["script", "output", "max_operations", "timeout", "max_memory"] {
        assert!(schema["properties"][field]["description"].is_string(), "{field} is documented");
    }
    let start = descriptor.example.find("script: |").unwrap() + "script: |\n".len();
    let end = descriptor.example.find("  output:").unwrap();
    let text: String =
        descriptor.example[start..end].lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let items = r#"[{"name": "a", "net": 100.0}]"#;
    let orders = batch(vec![
        column("id", Int64Array::from(vec![1, 2])),
        column("status", StringArray::from(vec!["paid", "test"])),
        (json_field("items", true), Arc::new(StringArray::from(vec![items, items]))),
    ]);
    let processed = script(&text).process(orders).unwrap();
    assert!(processed.errors.is_empty(), "{:?}", processed.errors);
    assert_eq!(records(&processed), [json!({"gross": 119.0, "name": "a", "order": 1})]);
    assert_eq!(processed.filtered, [20]);
}

/// The plain evaluation that the script below is compared with.
fn plain(n: Option<i64>, text: Option<&str>, list: Option<&[i64]>) -> Result<Vec<Value>, &'static str> {
    let Some(n) = n else { return Ok(Vec::new()) };
    let text = text.unwrap_or("none");
    let sum = list.unwrap_or_default().iter().try_fold(0i64, |sum, item| sum.checked_add(*item));
    let sum = sum.and_then(|sum| sum.checked_mul(n)).ok_or("script_error")?;
    let record = |copy: i64| json!({"n": n, "text": format!("{text}{copy}"), "sum": sum, "long": text.chars().count() > 2});
    Ok((0..n.clamp(0, 3)).map(record).collect())
}

const COMPARED: &str = "
fn process(record) {
    if record.n == () { return (); }
    let text = if record.text == () { \"none\" } else { record.text };
    let sum = 0;
    if record.list != () { for item in record.list { sum += item; } }
    sum *= record.n;
    let copies = [];
    for copy in 0..min(max(record.n, 0), 3) {
        copies.push(#{ n: record.n, text: text + copy, sum: sum, long: text.len > 2 });
    }
    copies
}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn scripts_and_plain_code_agree(
        rows in prop::collection::vec(
            (
                prop::option::weighted(0.8, prop_oneof![-2i64..6, Just(i64::MAX)]),
                prop::option::of(prop::sample::select(vec!["", "a", "éé", "long text"])),
                prop::option::of(prop::collection::vec(prop_oneof![-5i64..6, Just(i64::MAX)], 0..4)),
            ),
            0..12,
        ),
        large in any::<bool>(),
    ) {
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>());
        let texts = if large { arrow::compute::cast(&texts, &DataType::LargeUtf8).unwrap() } else { texts };
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
            rows.iter().map(|row| row.2.as_ref().map(|list| list.iter().copied().map(Some).collect::<Vec<_>>())),
        );
        let given = batch(vec![
            column("n", rows.iter().map(|row| row.0).collect::<Int64Array>()),
            (Field::new("text", texts.data_type().clone(), true), texts),
            column("list", lists),
        ]);
        let processed = script(COMPARED).process(given).unwrap();
        let (mut made, mut filtered, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (n, text, list)) in rows.iter().enumerate() {
            let ordinal = (row as u64 + 1) * 10;
            match plain(*n, *text, list.as_deref()) {
                Err(code) => failed.push((ordinal, code)),
                Ok(records) if records.is_empty() => filtered.push(ordinal),
                Ok(records) => made.extend(records.into_iter().map(|record| (ordinal, record))),
            }
        }
        let found: Vec<(u64, Value)> = ordinals(&processed).into_iter().zip(records(&processed)).collect();
        prop_assert_eq!(found, made);
        prop_assert_eq!(&processed.filtered, &filtered);
        prop_assert_eq!(errors(&processed), failed);
    }
}
