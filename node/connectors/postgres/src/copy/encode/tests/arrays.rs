use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Int32Array, Int32Builder, LargeListArray, LargeListViewArray, ListArray,
    ListBuilder, ListViewArray, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int32Type};

use super::{Cell, cells, codes, messages, values};

type Level1 = Option<Vec<Option<i32>>>;
type Level2 = Option<Vec<Level1>>;

fn flat(rows: Vec<Level1>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows))
}

fn deep(rows: Vec<Level2>) -> ArrayRef {
    let mut builder = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    for row in rows {
        if let Some(lists) = &row {
            for list in lists {
                for item in list.iter().flatten() {
                    builder.values().values().append_option(*item);
                }
                builder.values().append(list.is_some());
            }
        }
        builder.append(row.is_some());
    }
    Arc::new(builder.finish())
}

fn words(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

#[test]
fn one_dimension() {
    let array = flat(vec![Some(vec![Some(7), Some(-1)]), None, Some(vec![]), Some(vec![None, Some(8)])]);
    let expected = [
        // Dimensions, null flag, element type, length, lower bound, elements.
        Cell::Value(words(&[1, 0, 23, 2, 1, 4, 7, 4, -1])),
        Cell::Null,
        Cell::Value(words(&[0, 0, 23])),
        Cell::Value(words(&[1, 1, 23, 2, 1, -1, 4, 8])),
    ];
    assert_eq!(cells(&array, "integer[]"), expected);
    assert_eq!(cells(&array.slice(1, 3), "integer[]"), expected[1..]);
    let mut small = words(&[1, 0, 21, 2, 1, 2]);
    small.extend([0, 7, 0, 0, 0, 2, 0xff, 0xff]);
    assert_eq!(cells(&array, "smallint[]")[0], Cell::Value(small));
    let large = flat(vec![Some(vec![Some(1), Some(70_000)])]);
    assert_eq!(codes(&large, "smallint[]"), ["out_of_range"]);
    assert_eq!(messages(&large, "smallint[]"), ["at `[1]`: 70000 does not fit smallint"]);
}

#[test]
fn every_layout_of_lists() {
    let items: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let nulls = Some(NullBuffer::from(vec![true, false]));
    let layouts: [ArrayRef; 4] = [
        Arc::new(LargeListArray::new(
            item.clone(),
            OffsetBuffer::new(ScalarBuffer::from(vec![0i64, 2, 4])),
            items.clone(),
            nulls.clone(),
        )),
        Arc::new(FixedSizeListArray::new(item.clone(), 2, items.clone(), nulls.clone())),
        Arc::new(ListViewArray::new(
            item.clone(),
            ScalarBuffer::from(vec![0i32, 1]),
            ScalarBuffer::from(vec![2i32, 3]),
            items.clone(),
            nulls.clone(),
        )),
        Arc::new(LargeListViewArray::new(
            item,
            ScalarBuffer::from(vec![0i64, 1]),
            ScalarBuffer::from(vec![2i64, 3]),
            items,
            nulls,
        )),
    ];
    for array in layouts {
        let expected = [Cell::Value(words(&[1, 0, 23, 2, 1, 4, 1, 4, 2])), Cell::Null];
        assert_eq!(cells(&array, "integer[]"), expected, "{}", array.data_type());
        assert_eq!(cells(&array.slice(1, 1), "integer[]"), [Cell::Null], "{}", array.data_type());
    }
}

#[test]
fn several_dimensions() {
    let two = |a, b| Some(vec![Some(a), b]);
    let array = deep(vec![Some(vec![two(1, None), two(3, Some(4)), two(5, Some(6))]), Some(vec![]), None]);
    assert_eq!(
        cells(&array, "integer[][]"),
        [
            Cell::Value(words(&[2, 1, 23, 3, 1, 2, 1, 4, 1, -1, 4, 3, 4, 4, 4, 5, 4, 6])),
            Cell::Value(words(&[0, 0, 23])),
            Cell::Null
        ]
    );
}

#[test]
fn uneven_lists_are_faults() {
    let one = || Some(vec![Some(1)]);
    let array = deep(vec![
        Some(vec![one(), Some(vec![Some(1), Some(2)])]),
        Some(vec![one(), None]),
        Some(vec![None, one()]),
        Some(vec![one(), Some(vec![])]),
        Some(vec![Some(vec![]), Some(vec![])]),
    ]);
    assert_eq!(codes(&array, "integer[][]"), ["array_dimensions"; 5]);
    // Even within each list, uneven between them: {{1},{2}} beside {{3,4},{5,6}}.
    let mut builder = ListBuilder::new(ListBuilder::new(ListBuilder::new(Int32Builder::new())));
    for (first, count) in [(1, 1), (3, 2)] {
        for at in 0..2 {
            for item in 0..count {
                builder.values().values().values().append_value(first + at * count + item);
            }
            builder.values().values().append(true);
        }
        builder.values().append(true);
    }
    builder.append(true);
    let array: ArrayRef = Arc::new(builder.finish());
    assert_eq!(codes(&array, "integer[][][]"), ["array_dimensions"]);
}

#[test]
fn elements_obey_the_modifiers_of_the_array() {
    let mut builder = ListBuilder::new(arrow::array::StringBuilder::new());
    builder.values().append_value("1.25");
    builder.append(true);
    let array: ArrayRef = Arc::new(builder.finish());
    assert_eq!(codes(&array, "numeric(4,1)[]"), ["out_of_range"]);
    assert_eq!(codes(&array, "character varying(3)[]"), ["too_long"]);
    assert_eq!(values(&array, "numeric(4,2)[]").len(), 1);
    let long = "x".repeat(64);
    let mut builder = ListBuilder::new(arrow::array::StringBuilder::new());
    builder.values().append_value(&long);
    builder.append(true);
    assert_eq!(codes(&(Arc::new(builder.finish()) as ArrayRef), "name[]"), ["too_long"]);
    // The catalogue gives the element of an array without modifiers.
    let mut target = super::ty("timestamp(3) without time zone[]");
    if let crate::types::Kind::Array { element, .. } = &mut target.kind {
        "timestamp without time zone".clone_into(&mut element.name);
    }
    let items: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-01T00:00:00.0001"]));
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let array: ArrayRef =
        Arc::new(ListArray::new(item, OffsetBuffer::new(ScalarBuffer::from(vec![0, 1])), items, None));
    assert_eq!(super::cells_of(super::field(&array), &array, &target), [Cell::Fault("too_precise")]);
}
