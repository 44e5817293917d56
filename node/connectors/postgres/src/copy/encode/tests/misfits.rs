use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use etl_model::json_field;

use crate::types::{Kind, PgType};

use super::super::{Encoding, Misfit};
use super::ty;

const KINDS: [&str; 26] = [
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "oid",
    "tid",
    "real",
    "double precision",
    "numeric(12,2)",
    "numeric",
    "money",
    "text",
    "\"char\"",
    "bytea",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "inet",
    "bit(3)",
    "integer[]",
];

const INTEGERS: [&str; 10] = [
    "smallint",
    "integer",
    "bigint",
    "oid",
    "tid",
    "real",
    "double precision",
    "numeric(12,2)",
    "numeric",
    "money",
];

fn one(field: Field, target: &PgType) -> Result<Encoding, Vec<Misfit>> {
    Encoding::new(&Schema::new(vec![field]), std::slice::from_ref(target))
}

fn misfit(field: Field, target: &str) -> Misfit {
    one(field, &ty(target)).unwrap_err().remove(0)
}

#[test]
fn the_matrix() {
    use DataType::*;
    let item = || Arc::new(Field::new("item", Int32, true));
    let structs = || Struct(Fields::from(vec![Field::new("a", Int32, true)]));
    let entries = |key| {
        let fields = vec![Field::new("keys", key, false), Field::new("values", Int32, true)];
        Map(Arc::new(Field::new("entries", Struct(Fields::from(fields)), false)), false)
    };
    let texts: &[&str] = &[
        "numeric(12,2)",
        "numeric",
        "text",
        "\"char\"",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "json",
        "jsonb",
        "inet",
        "bit(3)",
    ];
    let floats: &[&str] =
        &["smallint", "integer", "bigint", "oid", "real", "double precision", "numeric(12,2)", "numeric"];
    let decimals: &[&str] = &[
        "smallint",
        "integer",
        "bigint",
        "oid",
        "real",
        "double precision",
        "numeric(12,2)",
        "numeric",
        "money",
    ];
    let documents: &[&str] = &["json", "jsonb"];
    let mut matrix: Vec<(DataType, &[&str])> = vec![
        (Null, &KINDS),
        (Boolean, &["boolean"]),
        (Utf8, texts),
        (LargeUtf8, texts),
        (Utf8View, texts),
        (Dictionary(Box::new(Int8), Box::new(Utf8)), texts),
        (Binary, &["bytea"]),
        (LargeBinary, &["bytea"]),
        (BinaryView, &["bytea"]),
        (FixedSizeBinary(16), &["bytea", "uuid"]),
        (FixedSizeBinary(4), &["bytea"]),
        (Date32, &["date"]),
        (Date64, &["date"]),
        (Time32(TimeUnit::Second), &["time"]),
        (Time32(TimeUnit::Millisecond), &["time"]),
        (Time64(TimeUnit::Microsecond), &["time"]),
        (Time64(TimeUnit::Nanosecond), &["time"]),
        (Interval(IntervalUnit::YearMonth), &["interval"]),
        (Interval(IntervalUnit::DayTime), &["interval"]),
        (Interval(IntervalUnit::MonthDayNano), &["interval"]),
        (Decimal32(5, 2), decimals),
        (Decimal64(5, 2), decimals),
        (Decimal128(5, 2), decimals),
        (Decimal256(5, 2), decimals),
        (structs(), documents),
        (entries(Utf8), documents),
        (entries(UInt8), documents),
        (entries(Boolean), documents),
        (entries(Date32), &[]),
        (List(item()), &["json", "jsonb", "integer[]"]),
        (LargeList(item()), &["json", "jsonb", "integer[]"]),
        (FixedSizeList(item(), 2), &["json", "jsonb", "integer[]"]),
        (DataType::new_list(DataType::new_list(Int32, true), true), documents),
        (DataType::new_list(Utf8, true), documents),
    ];
    matrix.extend(
        [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]
            .map(|data_type| (data_type, &INTEGERS[..])),
    );
    matrix.extend([Float16, Float32, Float64].map(|data_type| (data_type, floats)));
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        matrix.push((Timestamp(unit, None), &["timestamp"]));
        matrix.push((Timestamp(unit, Some("Asia/Tokyo".into())), &["timestamptz"]));
        matrix.push((Duration(unit), &["interval"]));
    }
    for (data_type, allowed) in matrix {
        for kind in KINDS {
            let made = one(Field::new("x", data_type.clone(), true), &ty(kind));
            assert_eq!(made.is_ok(), allowed.contains(&kind), "{data_type} in {kind}");
        }
    }
    for kind in KINDS {
        let made = one(json_field("x", true), &ty(kind));
        assert_eq!(made.is_ok(), ["text", "json", "jsonb"].contains(&kind), "JSON in {kind}");
    }
}

#[test]
fn messages_name_both_types_and_the_way_out() {
    let misfit_of = |data_type, target| {
        let misfit = misfit(Field::new("age", data_type, true), target);
        assert_eq!(misfit.column, "age");
        (misfit.message, misfit.help)
    };
    assert_eq!(
        misfit_of(DataType::Utf8, "smallint"),
        (
            "column `age` is smallint in the table, the rows have text".to_owned(),
            "convert it with the mapping `int(age)`".to_owned()
        )
    );
    assert_eq!(misfit_of(DataType::Utf8, "real").1, "convert it with the mapping `double(age)`");
    assert_eq!(misfit_of(DataType::Utf8, "boolean").1, "convert it with the mapping `bool(age)`");
    assert_eq!(misfit_of(DataType::LargeUtf8, "bytea").1, "convert it with the mapping `bytes(age)`");
    assert_eq!(misfit_of(DataType::Int64, "text").1, "convert it with the mapping `string(age)`");
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    assert_eq!(misfit_of(dictionary, "bigint").1, "convert it with the mapping `int(age)`");
    assert_eq!(
        misfit_of(DataType::Timestamp(TimeUnit::Second, None), "timestamptz"),
        (
            "column `age` is timestamp with time zone in the table, the rows have timestamps without time zone"
                .to_owned(),
            "convert it with the mapping `timestamp(age)`, which takes them as UTC".to_owned()
        )
    );
    assert_eq!(
        misfit_of(DataType::Timestamp(TimeUnit::Second, Some("UTC".into())), "timestamp").1,
        "make the table's column `timestamp with time zone`"
    );
    assert_eq!(
        misfit_of(DataType::new_list(DataType::Utf8, true), "integer[]").0,
        "column `age` is integer[] in the table, the rows have lists of text"
    );
    let odd = misfit(Field::new("Order ID", DataType::Utf8, true), "bigint");
    assert_eq!(odd.help, "convert it with the mapping `int(record[\"Order ID\"])`");
}

#[test]
fn all_misfits_at_once() {
    let schema = Schema::new(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Int32, true),
        Field::new("c", DataType::Boolean, true),
        Field::new("d", DataType::Int32, true),
    ]);
    let misfits = Encoding::new(&schema, &[ty("bigint"), ty("bigint"), ty("text")]).unwrap_err();
    assert_eq!(misfits.iter().map(|misfit| misfit.column.as_str()).collect::<Vec<_>>(), ["a", "c", "d"]);
    let misfits = Encoding::new(&schema.project(&[1]).unwrap(), &[ty("bigint"), ty("date")]).unwrap_err();
    assert_eq!(misfits[0].message, "a column of type date in the table has no column in the rows");
    let wide = Schema::new(vec![Field::new("n", DataType::Null, true); 40_000]);
    assert_eq!(Encoding::new(&wide, &vec![ty("text"); 40_000]).unwrap_err().len(), 1);
}

#[test]
fn types_that_are_only_read_as_text_are_not_written() {
    let vector = PgType { kind: Kind::Text, oid: 3614, name: "tsvector".to_owned() };
    let misfits = one(Field::new("x", DataType::Utf8, true), &vector).unwrap_err();
    assert_eq!(misfits[0].message, "column `x` is tsvector in the table, the rows have text");
    assert!(misfits[0].help.contains("cannot be written"));
    let deep = PgType {
        kind: Kind::Array { element: Box::new(ty("integer")), dimensions: 7 },
        oid: 1007,
        name: "integer[]".to_owned(),
    };
    let mut data_type = DataType::Int32;
    for _ in 0..7 {
        data_type = DataType::new_list(data_type, true);
    }
    assert!(one(Field::new("x", data_type, true), &deep).is_err());
    let fields = vec![Field::new("a", DataType::Int32, true), Field::new("a", DataType::Int32, true)];
    let twice = Field::new("x", DataType::Struct(Fields::from(fields)), true);
    assert!(one(twice, &ty("jsonb")).is_err());
}
