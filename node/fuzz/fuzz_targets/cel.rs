#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use etl_expr::Expression;
use libfuzzer_sys::fuzz_target;

/// Rows with every type, nulls, the ends of ranges and what is not a number.
static BATCH: LazyLock<RecordBatch> = LazyLock::new(|| {
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("Köln"), None, Some(""), Some("東京")]));
    let zip: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(-1), None, Some(50667)]));
    let fields = Fields::from(vec![
        Field::new("city", DataType::Utf8, true),
        Field::new("zip", DataType::Int64, true),
    ]);
    let tags = vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(i64::MAX)])];
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(0), None, Some(i64::MAX)]))),
        ("f", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(-0.0), None, Some(f64::INFINITY)]))),
        ("s", Arc::new(StringArray::from(vec![Some("a"), Some(""), None, Some("2024-02-29T00:00:00Z")]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(tags))),
        (
            "t",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(0), Some(i64::MAX), None, Some(i64::MIN)])
                    .with_timezone("+00:00"),
            ),
        ),
    ];
    let address = StructArray::new(fields, vec![city, zip], Some(vec![true, true, true, false].into()));
    columns.push(("o", Arc::new(address)));
    let schema = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(schema.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())
        .expect("the columns fit")
});

fuzz_target!(|text: &str| {
    let Ok(expression) = Expression::parse(text) else { return };
    let Ok(compiled) = expression.compile(BATCH.schema().as_ref()) else { return };
    let rows = BATCH.num_rows();
    let found = compiled.evaluate(&BATCH);
    assert_eq!(found.values.len(), rows);
    assert!(found.errors.windows(2).all(|pair| pair[0].row < pair[1].row), "errors ascend, each row once");
    assert!(found.errors.iter().all(|error| error.row < rows));
    // A column of nothing but nulls has no bitmap of them.
    let nulls = found.values.logical_nulls();
    for error in &found.errors {
        assert!(nulls.as_ref().is_some_and(|nulls| nulls.is_null(error.row)), "a failed row has no value");
    }
    if compiled.is_condition() {
        let (yes, errors) = compiled.evaluate_condition(&BATCH);
        assert_eq!(yes.len(), rows);
        assert!(errors.iter().all(|error| !yes.value(error.row)), "a failed row is not let through");
    }
});
