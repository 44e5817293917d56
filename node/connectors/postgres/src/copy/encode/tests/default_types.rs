use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit, UnionFields, UnionMode};
use etl_model::json_field;

use crate::types::{Kind, TYPE_METADATA};

use super::super::default_type;
use super::ty;

fn name(data_type: DataType) -> String {
    default_type(&Field::new("x", data_type, true)).unwrap().name
}

fn named(data_type: DataType, metadata: &str) -> String {
    let metadata = HashMap::from([(TYPE_METADATA.to_owned(), metadata.to_owned())]);
    default_type(&Field::new("x", data_type, true).with_metadata(metadata)).unwrap().name
}

fn list(of: DataType) -> DataType {
    DataType::new_list(of, true)
}

#[test]
fn by_arrow_type() {
    use DataType::*;
    for (data_type, expected) in [
        (Null, "text"),
        (Boolean, "boolean"),
        (Int8, "smallint"),
        (Int16, "smallint"),
        (UInt8, "smallint"),
        (Int32, "integer"),
        (UInt16, "integer"),
        (Int64, "bigint"),
        (UInt32, "bigint"),
        (UInt64, "numeric(20,0)"),
        (Float16, "real"),
        (Float32, "real"),
        (Float64, "double precision"),
        (Decimal32(9, 2), "numeric(9,2)"),
        (Decimal64(18, 0), "numeric(18,0)"),
        (Decimal128(38, 38), "numeric(38,38)"),
        (Decimal256(76, 10), "numeric(76,10)"),
        (Decimal128(5, -3), "numeric"),
        (Decimal128(3, 5), "numeric"),
        (Utf8, "text"),
        (LargeUtf8, "text"),
        (Utf8View, "text"),
        (Dictionary(Box::new(Int8), Box::new(Utf8)), "text"),
        (Dictionary(Box::new(Int8), Box::new(Int64)), "bigint"),
        (
            RunEndEncoded(
                Arc::new(Field::new("run_ends", Int32, false)),
                Arc::new(Field::new("values", Date32, true)),
            ),
            "date",
        ),
        (Binary, "bytea"),
        (LargeBinary, "bytea"),
        (BinaryView, "bytea"),
        (FixedSizeBinary(16), "bytea"),
        (FixedSizeBinary(3), "bytea"),
        (Date32, "date"),
        (Date64, "date"),
        (Time32(TimeUnit::Second), "time without time zone"),
        (Time64(TimeUnit::Nanosecond), "time without time zone"),
        (Timestamp(TimeUnit::Second, None), "timestamp without time zone"),
        (Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())), "timestamp with time zone"),
        (Duration(TimeUnit::Second), "interval"),
        (Interval(IntervalUnit::YearMonth), "interval"),
        (Interval(IntervalUnit::DayTime), "interval"),
        (Interval(IntervalUnit::MonthDayNano), "interval"),
        (list(Int32), "integer[]"),
        (list(list(Utf8)), "text[][]"),
        (LargeList(Arc::new(Field::new("item", UInt64, true))), "numeric(20,0)[]"),
        (FixedSizeList(Arc::new(Field::new("item", Float32, true)), 3), "real[]"),
        (ListView(Arc::new(Field::new("item", Binary, true))), "bytea[]"),
        (list(Struct(Fields::from(vec![Field::new("a", Int32, true)]))), "jsonb[]"),
        (list(Null), "text[]"),
        (Struct(Fields::from(vec![Field::new("a", Int32, true)])), "jsonb"),
        (Struct(Fields::empty()), "jsonb"),
        (list(list(list(list(list(list(Int32)))))), "integer[][][][][][]"),
        (list(list(list(list(list(list(list(Int32))))))), "jsonb"),
    ] {
        assert_eq!(name(data_type.clone()), expected, "{data_type}");
        // Every default is a name that is read back as the same type.
        if !expected.starts_with("numeric(76") {
            assert_eq!(default_type(&Field::new("x", data_type, true)).unwrap(), ty(expected));
        }
    }
    assert_eq!(default_type(&json_field("x", true)).unwrap(), ty("jsonb"));
    let uuid = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
    let field = Field::new("x", FixedSizeBinary(16), true).with_metadata(uuid);
    assert_eq!(default_type(&field).unwrap(), ty("uuid"));
    let array = default_type(&Field::new("x", list(list(Int32)), true)).unwrap();
    assert_eq!(array.oid, 1007);
    assert_eq!(array.kind, Kind::Array { element: Box::new(ty("integer")), dimensions: 2 });
}

#[test]
fn without_a_type() {
    let fields = UnionFields::from_fields([Field::new("a", DataType::Int32, true)]);
    let field = Field::new("u", DataType::Union(fields, UnionMode::Sparse), false);
    let misfit = default_type(&field).unwrap_err();
    assert_eq!(misfit.column, "u");
    assert!(misfit.message.contains("no type in PostgreSQL"), "{}", misfit.message);
    let nested = Field::new("l", list(field.data_type().clone()), true);
    assert_eq!(default_type(&nested).unwrap_err().column, "l");
}

#[test]
fn the_metadata_decides_where_it_can() {
    use DataType::*;
    for same in [
        "character varying(10)",
        "character varying",
        "character(3)",
        "bpchar",
        "uuid",
        "json",
        "jsonb",
        "inet",
        "cidr",
        "interval",
        "interval(3)",
        "interval day to second(2)",
        "interval year",
        "time with time zone",
        "time(3) with time zone",
        "timestamp(0) without time zone",
        "numeric(12,2)",
        "numeric(5,-2)",
        "numeric",
        "numeric(100,3)",
        "bit(3)",
        "bit varying",
        "bit varying(7)",
        "\"bit\"",
        "\"char\"",
        "name",
        "xml",
        "date",
    ] {
        assert_eq!(named(Utf8, same), same);
    }
    for (alias, name) in [
        ("varchar(10)", "character varying(10)"),
        ("timetz", "time with time zone"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("char", "character(1)"),
        ("bit", "bit(1)"),
        ("varbit(2)", "bit varying(2)"),
        ("decimal(12, 2)", "numeric(12,2)"),
        ("numeric(4)", "numeric(4,0)"),
    ] {
        assert_eq!(named(Utf8, alias), name);
    }
    for (data_type, metadata, expected) in [
        (Int64, "smallint", "smallint"),
        (Int64, "int4", "integer"),
        (UInt32, "oid", "oid"),
        (UInt64, "tid", "tid"),
        (Decimal128(19, 2), "money", "money"),
        (list(Int32), "integer[]", "integer[]"),
        (list(list(Int32)), "integer[]", "integer[][]"),
        (list(Utf8), "character varying(3)[]", "character varying(3)[]"),
        (Null, "uuid", "uuid"),
        // What cannot be, or is not built in, falls back.
        (Utf8, "integer", "text"),
        (Utf8, "integer[]", "text"),
        (Int32, "integer[]", "integer"),
        (Utf8, "app.mood", "text"),
        (Utf8, "macaddr", "text"),
        (Utf8, "numeric(0,0)", "text"),
        (Utf8, "numeric(1001,0)", "text"),
        (Utf8, "timestamp(7)", "text"),
        (Utf8, "uuid(3)", "text"),
        (Utf8, "interval fortnight", "text"),
        (Utf8, "interval day(3)", "text"),
        (Utf8, "varchar(0)", "text"),
        (Utf8, "varchar(10", "text"),
        (Utf8, "varchar(x)", "text"),
        (Utf8, "", "text"),
        (Boolean, "money", "boolean"),
    ] {
        assert_eq!(named(data_type, metadata), expected, "{metadata}");
    }
    assert_eq!(ty("numeric(12,2)").kind, Kind::Decimal { precision: 12, scale: 2 });
    assert_eq!(ty("numeric(77,2)").kind, Kind::Numeric);
    assert_eq!(ty("numeric(2,4)").kind, Kind::Numeric);
    let metadata = HashMap::from([(TYPE_METADATA.to_owned(), "money".to_owned())]);
    let yen = Field::new("x", Decimal128(19, 0), true).with_metadata(metadata);
    assert_eq!(default_type(&yen).unwrap().kind, Kind::Money { scale: 0 });
}
