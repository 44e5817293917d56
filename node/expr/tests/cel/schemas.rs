use std::collections::HashSet;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::DateTime;
use etl_expr::Expression;
use etl_model::is_json;

use crate::batches::batch;

#[test]
fn results_have_the_types_they_announce() {
    let schema = batch().schema();
    let cases = [
        ("user.age", DataType::Int32),
        ("t", DataType::Timestamp(TimeUnit::Millisecond, None)),
        ("t + duration('1s')", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))),
        ("t - t", DataType::Duration(TimeUnit::Microsecond)),
        ("dec", DataType::Decimal128(10, 2)),
        ("i == 1", DataType::Boolean),
        ("doc.a", DataType::Utf8),
        ("has(user.phone) ? user.phone : 'x'", DataType::Utf8),
        ("ghost", DataType::Null),
    ];
    for (text, expected) in cases {
        let compiled = Expression::parse(text).unwrap().compile(&schema).unwrap();
        assert_eq!(compiled.data_type(), expected, "{text}");
    }
    for (text, json) in [("doc", true), ("doc.a", true), ("s", false), ("[1, 'x'][0]", true)] {
        let compiled = Expression::parse(text).unwrap().compile(&schema).unwrap();
        assert_eq!(is_json(&compiled.field("x")), json, "{text}");
    }
}

#[test]
fn faults_point_into_the_text_and_help() {
    let fault = |text: &str| Expression::parse(text).unwrap_err().remove(0);
    let unknown = fault("'é' == 'x' && s.startWith('a')");
    assert_eq!(
        (unknown.code, unknown.help.as_deref()),
        ("unknown_function", Some("did you mean `startsWith`?"))
    );
    assert_eq!(unknown.offset, Some("'é' == 'x' && s.startWith".len()));
    let syntax = fault("i ==\n  == 2");
    assert_eq!((syntax.code, syntax.offset), ("syntax", Some(7)));
    assert_eq!(fault("'é' == )").offset, Some(8));
    let has = fault("i == 1 && has(s)");
    assert!(has.code == "syntax" && has.help.is_some_and(|help| help.contains("has(record.name)")));
    let arity = fault("s.startsWith('a', 'b')");
    assert_eq!(arity.message, "`startsWith` takes 1 argument, not 2");
    let types = Expression::parse("s + i").unwrap().compile(&batch().schema()).unwrap_err().remove(0);
    assert_eq!(types.message, "`+` is not defined for (string, int)");
    assert_eq!((types.offset, types.help.as_deref()), (Some(2), Some("write string(...) around the int")));
    assert_eq!(Expression::parse("foo(1) + bar(2)").unwrap_err().len(), 2, "all faults at once");
}

#[test]
fn a_missing_field_suggests_a_near_one() {
    let batch = batch();
    let compiled = Expression::parse("user.emial").unwrap().compile(&batch.schema()).unwrap();
    assert_eq!(
        compiled.evaluate(&batch).errors[0].message,
        "there is no field `emial`; did you mean `email`?"
    );
}

#[test]
fn a_condition_is_true_false_or_an_error() {
    let batch = batch();
    let condition = |text: &str| Expression::parse(text).unwrap().compile(&batch.schema()).unwrap();
    let (mask, errors) = condition("i > 6").evaluate_condition(&batch);
    assert_eq!(mask, arrow::array::BooleanArray::from(vec![false, false, true]));
    assert_eq!(errors.iter().map(|e| (e.row, e.code)).collect::<Vec<_>>(), [(1, "no_such_overload")]);
    let (mask, errors) = condition("b").evaluate_condition(&batch);
    assert_eq!((mask.true_count(), errors.len()), (1, 1), "null is not a bool");
    let (mask, errors) = condition("true").evaluate_condition(&batch);
    assert_eq!((mask.true_count(), errors.len()), (3, 0));
    assert!(!condition("i").is_condition() && condition("doc.a").is_condition());
}

#[test]
fn now_is_the_time_that_is_given_and_every_row_has_its_own_uuid() {
    let batch = batch();
    let compiled = |text: &str| Expression::parse(text).unwrap().compile(&batch.schema()).unwrap();
    let now = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let evaluated = compiled("string(now())").evaluate_at(&batch, now);
    assert!(evaluated.errors.is_empty(), "microseconds fit every column");
    let texts = evaluated.values.as_string::<i32>();
    assert!(texts.iter().all(|text| text == Some("2023-11-14T22:13:20.123456Z")));
    let (mask, _) = compiled("i == null || now() == timestamp('2023-11-14T22:13:20.123456Z')")
        .evaluate_condition_at(&batch, now);
    assert_eq!(mask.true_count(), 3);
    let nested = compiled("[1, 2].map(x, string(now())).distinct().size()").evaluate(&batch);
    assert_eq!(nested.values.as_primitive::<Int64Type>().value(0), 1, "loops see the same time");
    let ids = compiled("uuid()").evaluate(&batch).values;
    let ids: HashSet<&str> = ids.as_string::<i32>().iter().flatten().collect();
    assert_eq!(ids.len(), 3);
    let elements = compiled("[1, 2, 3].map(x, uuid()).distinct().size()").evaluate(&batch).values;
    assert_eq!(elements.as_primitive::<Int64Type>().value(2), 3);
    for (text, volatile) in
        [("now()", true), ("l.map(x, {'a': uuid()})", true), ("uuid.v5('dns', s)", false), ("i + 1", false)]
    {
        assert_eq!(Expression::parse(text).unwrap().is_volatile(), volatile, "{text}");
    }
}
