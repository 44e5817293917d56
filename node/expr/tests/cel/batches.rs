use std::sync::Arc;

use arrow::array::Int64Builder;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, MapBuilder, NullArray, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use etl_expr::{Evaluated, Expression};
use etl_model::json_field;

/// Three rows: sound values, nulls, and values at the edges.
pub fn batch() -> RecordBatch {
    let user_fields = Fields::from(vec![
        Field::new("email", DataType::Utf8, true),
        Field::new("age", DataType::Int32, true),
    ]);
    let user = StructArray::new(
        user_fields.clone(),
        vec![
            Arc::new(StringArray::from(vec![Some("a@b.c"), None, Some("hidden")])),
            Arc::new(Int32Array::from(vec![Some(30), Some(40), None])),
        ],
        Some(NullBuffer::from(vec![true, true, false])),
    );
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
        Some(vec![Some(1), Some(2), Some(3)]),
        None,
        Some(vec![]),
    ]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(7);
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    let map = map.finish();
    let decimal =
        Decimal128Array::from(vec![Some(1250), None, Some(-1)]).with_precision_and_scale(10, 2).unwrap();
    let columns: Vec<(Field, ArrayRef)> = vec![
        (
            Field::new("i", DataType::Int64, true),
            Arc::new(Int64Array::from(vec![Some(6), None, Some(i64::MAX)])),
        ),
        (Field::new("u", DataType::UInt64, true), Arc::new(UInt64Array::from(vec![Some(5), None, Some(0)]))),
        (
            Field::new("d", DataType::Float64, true),
            Arc::new(Float64Array::from(vec![Some(2.5), None, Some(f64::NAN)])),
        ),
        (
            Field::new("s", DataType::Utf8, true),
            Arc::new(StringArray::from(vec![Some("héllo"), None, Some("")])),
        ),
        (
            Field::new("b", DataType::Boolean, true),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        (
            Field::new("y", DataType::Binary, true),
            Arc::new(BinaryArray::from(vec![Some(&b"ab"[..]), None, Some(&[0xff])])),
        ),
        (
            Field::new("t", DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None), true),
            Arc::new(TimestampMillisecondArray::from(vec![Some(1_234_567_890_123), None, Some(0)])),
        ),
        (
            Field::new("day", DataType::Date32, true),
            Arc::new(Date32Array::from(vec![Some(1), None, Some(0)])),
        ),
        (Field::new("dec", decimal.data_type().clone(), true), Arc::new(decimal)),
        (Field::new("user", DataType::Struct(user_fields), true), Arc::new(user)),
        (Field::new("l", list.data_type().clone(), true), Arc::new(list)),
        (Field::new("m", map.data_type().clone(), true), Arc::new(map)),
        (
            json_field("doc", true),
            Arc::new(StringArray::from(vec![
                Some(
                    r#"{"a": {"b": 1}, "l": [1, "x", null], "n": null, "f": 1.5, "big": 18446744073709551615}"#,
                ),
                None,
                Some(r#""text""#),
            ])),
        ),
        (Field::new("nothing", DataType::Null, true), Arc::new(NullArray::new(3))),
        (Field::new("Order ID", DataType::Int64, true), Arc::new(Int64Array::from(vec![1, 2, 3]))),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

use arrow::array::Array;

pub fn evaluate(text: &str, batch: &RecordBatch) -> Result<Evaluated, String> {
    let expression = Expression::parse(text).map_err(|errors| errors[0].code.to_owned())?;
    let compiled = expression.compile(&batch.schema()).map_err(|errors| errors[0].code.to_owned())?;
    let evaluated = compiled.evaluate(batch);
    assert_eq!(evaluated.values.len(), batch.num_rows(), "{text}");
    assert_eq!(*evaluated.values.data_type(), compiled.data_type(), "{text}");
    for error in &evaluated.errors {
        assert!(
            evaluated.values.is_null(error.row) || *evaluated.values.data_type() == DataType::Null,
            "{text}: a failed row is null"
        );
    }
    assert!(
        evaluated.errors.windows(2).all(|pair| pair[0].row < pair[1].row),
        "{text}: ascending, each once"
    );
    Ok(evaluated)
}

/// Each row as text, `null`, or `!code` where it failed; a fault of the expression as one `!!code`.
pub fn rows(text: &str, batch: &RecordBatch) -> Vec<String> {
    let evaluated = match evaluate(text, batch) {
        Ok(evaluated) => evaluated,
        Err(code) => return vec![format!("!!{code}")],
    };
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(evaluated.values.as_ref(), &options).unwrap();
    (0..batch.num_rows())
        .map(|row| match evaluated.errors.iter().find(|error| error.row == row) {
            Some(error) => format!("!{}", error.code),
            None => formatter.value(row).to_string(),
        })
        .collect()
}
