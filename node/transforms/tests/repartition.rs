//! Which rows meet, through the trait that the engine calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Int64Builder;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray, ListArray,
    MapBuilder, NullArray, RecordBatch, StringArray, StringBuilder, StringViewArray, StructArray,
    Time32SecondArray, TimestampMicrosecondArray, TimestampSecondArray, UInt64Array, new_null_array,
};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Int64Type, Schema};
use etl_model::{Batch, json_field};
use etl_sdk::{Divided, Processor, ProcessorConnector};
use etl_transforms::Repartition;
use proptest::prelude::*;
use serde_json::{Value, json};

fn divider(config: Value) -> Arc<dyn Processor> {
    Repartition.configure(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn batch(columns: Vec<(Field, ArrayRef)>) -> Batch {
    let rows = columns[0].1.len() as u64;
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let records = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Batch::new(records, UInt64Array::from_iter_values((0..rows).map(|row| row * 10))).unwrap()
}

fn column(name: &str, array: ArrayRef) -> (Field, ArrayRef) {
    (Field::new(name, array.data_type().clone(), true), array)
}

fn divide(processor: &dyn Processor, batch: Batch) -> Divided {
    processor.repartition().unwrap().divide(batch).unwrap()
}

/// The shard of each row that has one, by its number in the batch.
fn shards(divided: &Divided) -> BTreeMap<u64, usize> {
    let of_shard = |(shard, batch): (usize, &Batch)| {
        batch.ordinals().values().iter().map(|ordinal| (ordinal / 10, shard)).collect::<Vec<_>>()
    };
    divided.shards.iter().enumerate().flat_map(of_shard).collect()
}

/// The shards of the values of one column among 256, so that different values hardly ever meet by chance.
fn of_column(field: Field, array: ArrayRef) -> Vec<usize> {
    let processor = divider(json!({ "by": ["k"], "shards": 256 }));
    let divided = divide(processor.as_ref(), batch(vec![(field.with_name("k"), array)]));
    assert_eq!(divided.errors, []);
    shards(&divided).into_values().collect()
}

fn of(array: impl Array + 'static) -> Vec<usize> {
    let array: ArrayRef = Arc::new(array);
    of_column(Field::new("k", array.data_type().clone(), true), array)
}

fn of_json(values: &[Value]) -> Vec<usize> {
    let texts: StringArray = values.iter().map(|value| Some(value.to_string())).collect();
    of_column(json_field("k", true), Arc::new(texts))
}

/// For ever: whoever changes these has runs go on in the wrong shards.
#[test]
fn values_have_these_shards_for_ever() {
    let texts = ["", "a", "DE", "Köln", "a longer text than a register holds"];
    let others =
        [json!(null), json!(true), json!(false), json!([1, "a"]), json!({ "a": 1, "b": [null] }), json!({})];
    let decimals = Decimal128Array::from(vec![12345]).with_precision_and_scale(10, 2).unwrap();
    let processor = divider(json!({ "by": ["customer.id", "country"], "shards": 6 }));
    let ids: ArrayRef = Arc::new(Int64Array::from((0..10).collect::<Vec<_>>()));
    let customers = StructArray::from(vec![(Arc::new(Field::new("id", DataType::Int64, true)), ids)]);
    let countries: StringArray = (0..10).map(|row| (row != 3).then_some("DE")).collect();
    let both = batch(vec![column("customer", Arc::new(customers)), column("country", Arc::new(countries))]);
    let found = [
        of(StringArray::from(texts.to_vec())),
        of(Int64Array::from(vec![0, 1, 5, -1, i64::MAX, i64::MIN])),
        of(Float64Array::from(vec![0.5, -2.25, f64::NAN, f64::INFINITY, 1e300])),
        of_json(&others),
        of(BinaryArray::from(vec![&b""[..], b"\0\xff"])),
        of(Date32Array::from(vec![0, 20_000])),
        of(TimestampSecondArray::from(vec![0, 1_795_386_601])),
        of(Time32SecondArray::from(vec![3600])),
        of(decimals),
        shards(&divide(processor.as_ref(), both)).into_values().collect(),
    ];
    let expected: [&[usize]; 10] = [
        &[209, 161, 3, 80, 139],
        &[165, 146, 90, 123, 235, 116],
        &[219, 175, 96, 124, 247],
        &[219, 255, 235, 105, 16, 72],
        &[246, 148],
        &[48, 6],
        &[66, 135],
        &[60],
        &[171],
        &[1, 4, 0, 5, 1, 2, 3, 0, 1, 2],
    ];
    assert_eq!(found, expected.map(<[usize]>::to_vec));
}

#[test]
fn what_is_equal_meets_whatever_its_type() {
    let five = of(Int64Array::from(vec![5]));
    assert_eq!(of(Int8Array::from(vec![5])), five);
    assert_eq!(of(UInt64Array::from(vec![5])), five);
    assert_eq!(of(Float64Array::from(vec![5.0])), five);
    assert_eq!(of(Float32Array::from(vec![5.0])), five);
    assert_eq!(of(Decimal128Array::from(vec![500]).with_precision_and_scale(5, 2).unwrap()), five);
    assert_eq!(of_json(&[json!(5), json!(5.0)]), [five[0], five[0]]);
    assert_ne!(of(StringArray::from(vec!["5"])), five);

    let text = of(StringArray::from(vec!["Köln"]));
    assert_eq!(of(LargeStringArray::from(vec!["Köln"])), text);
    assert_eq!(of(StringViewArray::from(vec!["Köln"])), text);
    assert_eq!(of(DictionaryArray::<Int32Type>::from_iter(["Bonn", "Köln"]))[1..], text);
    assert_eq!(of_json(&[json!("Köln")]), text);
    assert_ne!(of(BinaryArray::from(vec!["Köln".as_bytes()])), text);

    let zero =
        of(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)]));
    assert_eq!((zero[0], zero[2], zero[2]), (zero[1], zero[3], zero[4]));
    assert_eq!(
        of(TimestampMicrosecondArray::from(vec![7_000_000]).with_timezone("+02:00")),
        of(TimestampSecondArray::from(vec![7]))
    );
    assert_eq!(of(Date64Array::from(vec![-86_400_000, 3 * 86_400_000])), of(Date32Array::from(vec![-1, 3])));
    assert_eq!(of(BooleanArray::from(vec![true])), of_json(&[json!(true)]));
}

#[test]
fn null_and_missing_are_one_value() {
    let null = of(Int64Array::from(vec![None]))[0];
    assert_eq!(of(NullArray::new(2)), [null, null]);
    assert_eq!(of(StringArray::from(vec![None::<&str>])), [null]);
    assert_eq!(of_json(&[json!(null)]), [null]);
    assert_eq!(of(DictionaryArray::<Int32Type>::from_iter([Some("a"), None]))[1], null);
    let processor = divider(json!({ "by": ["k"], "shards": 256 }));
    let missing = batch(vec![column("other", Arc::new(Int64Array::from(vec![1, 2])))]);
    assert_eq!(shards(&divide(processor.as_ref(), missing)), [(0, null), (1, null)].into());
    // Also below a record that is null, and a path that a JSON object lacks.
    let inner = Fields::from(vec![Field::new("id", DataType::Int64, true)]);
    let processor = divider(json!({ "by": ["k.id"], "shards": 256 }));
    let records = new_null_array(&DataType::Struct(inner), 1);
    assert_eq!(shards(&divide(processor.as_ref(), batch(vec![column("k", records)]))), [(0, null)].into());
    let documents: ArrayRef = Arc::new(StringArray::from(vec![Some("{}"), None, Some("{\"id\": 5}")]));
    let found = shards(&divide(processor.as_ref(), batch(vec![(json_field("k", true), documents)])));
    assert_eq!(found, [(0, null), (1, null), (2, of(Int64Array::from(vec![5]))[0])].into());
}

#[test]
fn nested_values_meet_by_their_content() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), Some(vec![])]);
    let expected = of_json(&[json!([1, null]), json!([])]);
    assert_eq!(of(list.clone()), expected);
    assert_eq!(of(list.slice(1, 1)), expected[1..], "a slice has its own items");

    let fields =
        Fields::from(vec![Field::new("b", DataType::Utf8, true), Field::new("a", DataType::Int64, true)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("x"), None])),
        Arc::new(Int64Array::from(vec![Some(1), Some(2)])),
    ];
    let records = StructArray::new(fields, columns, None);
    assert_eq!(of(records.clone()), of_json(&[json!({ "a": 1, "b": "x" }), json!({ "a": 2 })]));
    assert_eq!(of(records.slice(1, 1)), of_json(&[json!({ "b": null, "a": 2 })]));

    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("b");
    maps.values().append_value(2);
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.append(true).unwrap();
    assert_eq!(of(maps.finish()), of_json(&[json!({ "a": 1, "b": 2 })]));
}

#[test]
fn keys_that_cannot_be_computed_are_errors_of_their_rows() {
    let processor = divider(json!({ "by": ["k"], "shards": 4 }));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), Some("{oops"), None, Some("[1")]));
    let broken = batch(vec![(json_field("k", true), texts)]);
    let divided = divide(processor.as_ref(), broken.clone());
    let errors: Vec<_> = divided.errors.iter().map(|error| (error.ordinal, error.field.as_deref())).collect();
    assert_eq!(errors, [(10, Some("k")), (30, Some("k"))]);
    assert_eq!(shards(&divided).keys().copied().collect::<Vec<_>>(), [0, 2]);
    let processed = processor.process(broken).unwrap();
    assert_eq!((processed.batch.len(), processed.errors.len(), processed.filtered.len()), (2, 2, 0));

    // A path that leads into a text.
    let processor = divider(json!({ "by": ["k.id"] }));
    let texts = batch(vec![column("k", Arc::new(StringArray::from(vec!["a", "b"])))]);
    let divided = divide(processor.as_ref(), texts);
    assert_eq!((divided.errors.len(), divided.shards.len()), (2, 8));
    assert!(divided.shards.iter().all(Batch::is_empty));
}

#[test]
fn configs_are_checked() {
    let refused = |config: Value| {
        let errors = Repartition.configure(&config).err().unwrap_or_else(|| panic!("{config} was accepted"));
        errors.iter().map(|error| error.code.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(refused(json!({ "by": [] })), "no_key");
    assert_eq!(refused(json!({ "by": ["a..b", ""] })), "invalid_path invalid_path");
    assert_eq!(refused(json!({ "by": ["a", "b", "a"] })), "duplicate_field");
    assert_eq!(refused(json!({ "by": ["a"], "shards": 257 })), "shards");
    assert_eq!(refused(json!({ "by": ["a"], "shards": 0 })), "shards");
    assert!(!refused(json!({ "by": ["a"], "shard": 3 })).is_empty());
    for (config, shards) in [(json!({ "by": ["a"] }), 8), (json!({ "by": ["a"], "shards": 256 }), 256)] {
        let processor = divider(config);
        assert_eq!(processor.repartition().unwrap().shards().get(), shards);
        assert_eq!(processor.repartition().unwrap().by(), ["a"]);
    }
    assert!(Repartition.is_repartition());
}

proptest! {
    /// Every row ends in one shard, in the order it came in; a row's shard does not depend on its neighbours.
    #[test]
    fn rows_are_neither_lost_nor_doubled_nor_disordered(
        keys in prop::collection::vec(prop::option::of(-20..20i64), 1..200),
        shards_wanted in 1..=256u16,
        cut in 0..200usize,
    ) {
        let processor = divider(json!({ "by": ["k"], "shards": shards_wanted }));
        let all = batch(vec![column("k", Arc::new(Int64Array::from(keys.clone())))]);
        let divided = divide(processor.as_ref(), all.clone());
        prop_assert_eq!(divided.shards.len(), usize::from(shards_wanted));
        let found = shards(&divided);
        prop_assert_eq!(found.len(), keys.len());
        for batch in &divided.shards {
            prop_assert!(batch.ordinals().values().is_sorted());
            let values = batch.records().column(0).as_primitive::<Int64Type>();
            for (row, ordinal) in batch.ordinals().values().iter().enumerate() {
                let key = keys[(ordinal / 10) as usize];
                prop_assert_eq!(values.is_valid(row).then(|| values.value(row)), key);
            }
        }
        let cut = cut.min(keys.len());
        let (head, tail) = (all.slice(0, cut), all.slice(cut, keys.len() - cut));
        let mut apart = shards(&divide(processor.as_ref(), head));
        apart.extend(shards(&divide(processor.as_ref(), tail)));
        prop_assert_eq!(apart, found);
    }
}
