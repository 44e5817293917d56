//! Random expressions over random batches: the column-wise result equals that of an evaluator which takes one row and
//! one node at a time and shares no code with the crate.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use etl_expr::Expression;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
enum V {
    Null,
    Int(i64),
    Double(f64),
    Text(String),
    Bool(bool),
}

/// A failure; which of several failures a row reports is part of the contract too.
type R = Result<V, &'static str>;

#[derive(Debug, Clone)]
enum E {
    Lit(V),
    Col(&'static str),
    Bin(&'static str, Box<E>, Box<E>),
    Neg(Box<E>),
    Not(Box<E>),
    If(Box<E>, Box<E>, Box<E>),
    IsNull(Box<E>, bool),
    Size(Box<E>),
    Has(&'static str, Box<E>, Box<E>),
    ToInt(Box<E>),
    ToText(Box<E>),
    InList(Box<E>, Vec<i64>),
    Xor(Box<E>, Box<E>),
    Reverse(Box<E>),
    Format(Box<E>, Box<E>),
    OrValue(Box<E>, Box<E>),
    OptMap(Box<E>, Box<E>),
    Bind(Box<E>, Box<E>),
    Catch(Box<E>, Box<E>),
}

#[derive(Debug, Clone)]
struct Row {
    i: Option<i64>,
    j: Option<i64>,
    d: Option<f64>,
    s: Option<String>,
    b: Option<bool>,
}

impl E {
    fn text(&self) -> String {
        match self {
            E::Lit(V::Null) => "null".into(),
            E::Lit(V::Int(v)) if *v < 0 => format!("({v})"),
            E::Lit(V::Int(v)) => v.to_string(),
            E::Lit(V::Double(v)) => format!("({v:?})"),
            E::Lit(V::Text(v)) => format!("'{v}'"),
            E::Lit(V::Bool(v)) => v.to_string(),
            E::Col(name) => (*name).into(),
            E::Bin(op, a, b) => format!("({} {op} {})", a.text(), b.text()),
            E::Neg(a) => format!("(-({}))", a.text()),
            E::Not(a) => format!("(!({}))", a.text()),
            E::If(c, a, b) => format!("({} ? {} : {})", c.text(), a.text(), b.text()),
            E::IsNull(a, negated) => format!("({} {} null)", a.text(), if *negated { "!=" } else { "==" }),
            E::Size(a) => format!("size({})", a.text()),
            E::Has(f, a, b) => format!("{}.{f}({})", a.text(), b.text()),
            E::ToInt(a) => format!("int({})", a.text()),
            E::ToText(a) => format!("string({})", a.text()),
            E::InList(a, items) => {
                let items: Vec<String> = items.iter().map(i64::to_string).collect();
                format!("({} in [{}])", a.text(), items.join(", "))
            }
            E::Xor(a, b) => format!("math.bitXor({}, {})", a.text(), b.text()),
            E::Reverse(a) => format!("({}).reverse()", a.text()),
            E::Format(a, b) => format!("'%s|%d'.format([{}, {}])", a.text(), b.text()),
            E::OrValue(a, b) => format!("optional.ofNonZeroValue({}).orValue({})", a.text(), b.text()),
            E::OptMap(a, b) => {
                format!("optional.ofNonZeroValue({}).optMap(v, v + {}).orValue(0)", a.text(), b.text())
            }
            E::Catch(a, b) => format!("catch({}, {})", a.text(), b.text()),
            E::Bind(a, b) => format!("cel.bind(w, {}, ({}) ? w : w + w)", a.text(), b.text()),
        }
    }

    fn eval(&self, row: &Row) -> R {
        let overload = Err("no_such_overload");
        match self {
            E::Lit(v) => Ok(v.clone()),
            E::Col("i") => Ok(row.i.map_or(V::Null, V::Int)),
            E::Col("j") => Ok(row.j.map_or(V::Null, V::Int)),
            E::Col("d") => Ok(row.d.map_or(V::Null, V::Double)),
            E::Col("s") => Ok(row.s.clone().map_or(V::Null, V::Text)),
            E::Col(_) => Ok(row.b.map_or(V::Null, V::Bool)),
            E::Bin("&&", a, b) => logic(a.eval(row), b.eval(row), false),
            E::Bin("||", a, b) => logic(a.eval(row), b.eval(row), true),
            E::Bin(op, a, b) => binary(op, a.eval(row)?, b.eval(row)?),
            E::Neg(a) => match a.eval(row)? {
                V::Int(v) => v.checked_neg().map(V::Int).ok_or("overflow"),
                V::Double(v) => Ok(V::Double(-v)),
                _ => overload,
            },
            E::Not(a) => match a.eval(row)? {
                V::Bool(v) => Ok(V::Bool(!v)),
                _ => overload,
            },
            E::If(c, a, b) => match c.eval(row)? {
                V::Bool(true) => a.eval(row),
                V::Bool(false) => b.eval(row),
                _ => overload,
            },
            E::IsNull(a, negated) => Ok(V::Bool((a.eval(row)? == V::Null) != *negated)),
            E::Size(a) => match a.eval(row)? {
                V::Text(v) => Ok(V::Int(v.chars().count() as i64)),
                _ => overload,
            },
            E::Has(f, a, b) => match (a.eval(row)?, b.eval(row)?) {
                (V::Text(a), V::Text(b)) => Ok(V::Bool(match *f {
                    "contains" => a.contains(&b),
                    "startsWith" => a.starts_with(&b),
                    _ => a.ends_with(&b),
                })),
                _ => overload,
            },
            E::ToInt(a) => match a.eval(row)? {
                V::Int(v) => Ok(V::Int(v)),
                V::Double(v) if v > -9.3e18 && v < 9.2e18 => Ok(V::Int(v.trunc() as i64)),
                V::Double(_) => Err("overflow"),
                V::Text(v) => v.parse().map(V::Int).map_err(|_| "invalid_conversion"),
                _ => overload,
            },
            E::ToText(a) => match a.eval(row)? {
                V::Int(v) => Ok(V::Text(v.to_string())),
                V::Text(v) => Ok(V::Text(v)),
                V::Bool(v) => Ok(V::Text(v.to_string())),
                _ => overload,
            },
            E::InList(a, items) => match a.eval(row)? {
                V::Int(v) => Ok(V::Bool(items.contains(&v))),
                _ => Ok(V::Bool(false)),
            },
            E::Xor(a, b) => match (a.eval(row)?, b.eval(row)?) {
                (V::Int(a), V::Int(b)) => Ok(V::Int(a ^ b)),
                _ => overload,
            },
            E::Reverse(a) => match a.eval(row)? {
                V::Text(v) => Ok(V::Text(v.chars().rev().collect())),
                _ => overload,
            },
            E::Format(a, b) => match (a.eval(row)?, b.eval(row)?) {
                (V::Text(a), V::Int(b)) => Ok(V::Text(format!("{a}|{b}"))),
                (V::Null, V::Int(b)) => Ok(V::Text(format!("null|{b}"))),
                _ => overload,
            },
            E::OrValue(a, b) => match a.eval(row)? {
                V::Null | V::Int(0) => b.eval(row),
                v => Ok(v),
            },
            E::OptMap(a, b) => match a.eval(row)? {
                V::Null | V::Int(0) => Ok(V::Int(0)),
                v => binary("+", v, b.eval(row)?),
            },
            E::Catch(a, b) => a.eval(row).or_else(|_| b.eval(row)),
            // What is bound fails only where it is used.
            E::Bind(a, b) => match b.eval(row)? {
                V::Bool(true) => a.eval(row),
                V::Bool(false) => binary("+", a.eval(row)?, a.eval(row)?),
                _ => overload,
            },
        }
    }
}

fn logic(a: R, b: R, absorbing: bool) -> R {
    if a == Ok(V::Bool(absorbing)) || b == Ok(V::Bool(absorbing)) {
        return Ok(V::Bool(absorbing));
    }
    for side in [a, b] {
        match side? {
            V::Bool(_) => {}
            _ => return Err("no_such_overload"),
        }
    }
    Ok(V::Bool(!absorbing))
}

fn as_number(v: &V) -> Option<f64> {
    match v {
        V::Int(v) => Some(*v as f64),
        V::Double(v) => Some(*v),
        _ => None,
    }
}

fn binary(op: &str, a: V, b: V) -> R {
    let equal = match (&a, &b) {
        (V::Int(a), V::Int(b)) => a == b,
        _ => match (as_number(&a), as_number(&b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    };
    match op {
        "==" => return Ok(V::Bool(equal)),
        "!=" => return Ok(V::Bool(!equal)),
        _ => {}
    }
    match (op, &a, &b) {
        ("+", V::Int(a), V::Int(b)) => a.checked_add(*b).map(V::Int).ok_or("overflow"),
        ("-", V::Int(a), V::Int(b)) => a.checked_sub(*b).map(V::Int).ok_or("overflow"),
        ("*", V::Int(a), V::Int(b)) => a.checked_mul(*b).map(V::Int).ok_or("overflow"),
        ("/", V::Int(_), V::Int(0)) => Err("division_by_zero"),
        ("/", V::Int(a), V::Int(b)) => a.checked_div(*b).map(V::Int).ok_or("overflow"),
        ("%", V::Int(_), V::Int(0)) => Err("modulus_by_zero"),
        ("%", V::Int(a), V::Int(b)) => a.checked_rem(*b).map(V::Int).ok_or("overflow"),
        ("+", V::Double(a), V::Double(b)) => Ok(V::Double(a + b)),
        ("-", V::Double(a), V::Double(b)) => Ok(V::Double(a - b)),
        ("*", V::Double(a), V::Double(b)) => Ok(V::Double(a * b)),
        ("/", V::Double(a), V::Double(b)) => Ok(V::Double(a / b)),
        ("+", V::Text(a), V::Text(b)) => Ok(V::Text(format!("{a}{b}"))),
        _ => {
            let order = match (&a, &b) {
                (V::Int(a), V::Int(b)) => Some(a.cmp(b)),
                (V::Text(a), V::Text(b)) => Some(a.cmp(b)),
                (V::Bool(a), V::Bool(b)) => Some(a.cmp(b)),
                _ => match (as_number(&a), as_number(&b)) {
                    (Some(a), Some(b)) => a.partial_cmp(&b),
                    _ => return Err("no_such_overload"),
                },
            };
            Ok(V::Bool(match op {
                "<" => order.is_some_and(|o| o.is_lt()),
                "<=" => order.is_some_and(|o| o.is_le()),
                ">" => order.is_some_and(|o| o.is_gt()),
                _ => order.is_some_and(|o| o.is_ge()),
            }))
        }
    }
}

fn boxed(e: impl Strategy<Value = E>) -> impl Strategy<Value = Box<E>> {
    e.prop_map(Box::new)
}

fn op(names: &'static [&'static str], a: BoxedStrategy<E>, b: BoxedStrategy<E>) -> BoxedStrategy<E> {
    (prop::sample::select(names), boxed(a), boxed(b)).prop_map(|(op, a, b)| E::Bin(op, a, b)).boxed()
}

fn ints(depth: u32) -> BoxedStrategy<E> {
    // Small and extreme, so that doubles in mixed comparisons hold them exactly or are far away.
    let leaf = prop_oneof![
        (-4i64..5).prop_map(|v| E::Lit(V::Int(v))),
        Just(E::Lit(V::Int(i64::MAX))),
        Just(E::Col("i")),
        Just(E::Col("j")),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let next = || ints(depth - 1);
    prop_oneof![
        1 => leaf,
        4 => op(&["+", "-", "*", "/", "%"], next(), next()),
        1 => boxed(next()).prop_map(E::Neg),
        1 => (boxed(bools(depth - 1)), boxed(next()), boxed(next())).prop_map(|(c, a, b)| E::If(c, a, b)),
        1 => boxed(texts(depth - 1)).prop_map(E::Size),
        1 => boxed(doubles(depth - 1)).prop_map(E::ToInt),
        1 => boxed(texts(depth - 1)).prop_map(E::ToInt),
        1 => (boxed(next()), boxed(next())).prop_map(|(a, b)| E::Xor(a, b)),
        1 => (boxed(next()), boxed(next())).prop_map(|(a, b)| E::OrValue(a, b)),
        2 => (boxed(next()), boxed(next())).prop_map(|(a, b)| E::Catch(a, b)),
        1 => (boxed(next()), boxed(ints(0))).prop_map(|(a, b)| E::OptMap(a, b)),
        1 => (boxed(next()), boxed(bools(depth - 1))).prop_map(|(a, b)| E::Bind(a, b)),
    ]
    .boxed()
}

fn doubles(depth: u32) -> BoxedStrategy<E> {
    let leaf = prop_oneof![
        prop::sample::select(vec![0.0, 1.5, -2.0, 1e300]).prop_map(|v| E::Lit(V::Double(v))),
        Just(E::Col("d")),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let next = || doubles(depth - 1);
    prop_oneof![
        1 => leaf,
        3 => op(&["+", "-", "*", "/"], next(), next()),
        1 => boxed(next()).prop_map(E::Neg),
        1 => (boxed(bools(depth - 1)), boxed(next()), boxed(next())).prop_map(|(c, a, b)| E::If(c, a, b)),
    ]
    .boxed()
}

fn texts(depth: u32) -> BoxedStrategy<E> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["", "a", "é", "12", "-3"]).prop_map(|v| E::Lit(V::Text(v.into()))),
        Just(E::Col("s")),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        2 => leaf,
        2 => op(&["+"], texts(depth - 1), texts(depth - 1)),
        1 => boxed(ints(depth - 1)).prop_map(E::ToText),
        1 => boxed(bools(depth - 1)).prop_map(E::ToText),
        1 => boxed(texts(depth - 1)).prop_map(E::Reverse),
        1 => (boxed(texts(depth - 1)), boxed(texts(depth - 1))).prop_map(|(a, b)| E::Catch(a, b)),
        1 => (boxed(texts(depth - 1)), boxed(ints(depth - 1))).prop_map(|(a, b)| E::Format(a, b)),
        1 => (boxed(bools(depth - 1)), boxed(texts(depth - 1)), boxed(texts(depth - 1)))
            .prop_map(|(c, a, b)| E::If(c, a, b)),
    ]
    .boxed()
}

const COMPARE: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

fn bools(depth: u32) -> BoxedStrategy<E> {
    let leaf = prop_oneof![any::<bool>().prop_map(|v| E::Lit(V::Bool(v))), Just(E::Col("b"))];
    if depth == 0 {
        return leaf.boxed();
    }
    let down = depth - 1;
    prop_oneof![
        1 => leaf,
        3 => op(&["&&", "||"], bools(down), bools(down)),
        1 => boxed(bools(down)).prop_map(E::Not),
        1 => (boxed(bools(down)), boxed(bools(down))).prop_map(|(a, b)| E::Catch(a, b)),
        2 => op(COMPARE, ints(down), ints(down)),
        1 => op(COMPARE, doubles(down), doubles(down)),
        1 => op(COMPARE, ints(0), doubles(0)),
        1 => op(COMPARE, texts(down), texts(down)),
        1 => op(COMPARE, bools(down), bools(down)),
        1 => (boxed(ints(down)), any::<bool>()).prop_map(|(a, n)| E::IsNull(a, n)),
        1 => (boxed(texts(down)), any::<bool>()).prop_map(|(a, n)| E::IsNull(a, n)),
        1 => (prop::sample::select(&["contains", "startsWith", "endsWith"][..]), boxed(texts(down)), boxed(texts(down)))
            .prop_map(|(f, a, b)| E::Has(f, a, b)),
        1 => (boxed(ints(down)), prop::collection::vec(-2i64..3, 0..4)).prop_map(|(a, l)| E::InList(a, l)),
    ]
    .boxed()
}

fn row() -> impl Strategy<Value = Row> {
    let int = || prop_oneof![4 => (-4i64..5).prop_map(Some), 1 => Just(None), 1 => Just(Some(i64::MAX)), 1 => Just(Some(i64::MIN))];
    let double = prop::sample::select(vec![
        None,
        Some(0.0),
        Some(-0.0),
        Some(1.5),
        Some(2.0),
        Some(f64::NAN),
        Some(f64::INFINITY),
    ]);
    let text = prop::sample::select(vec![None, Some(""), Some("a"), Some("aé"), Some("7"), Some("x-3")]);
    let flag = prop::sample::select(vec![None, Some(true), Some(false)]);
    (int(), int(), double, text, flag).prop_map(|(i, j, d, s, b)| Row { i, j, d, s: s.map(str::to_owned), b })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let fields = [
        ("i", DataType::Int64),
        ("j", DataType::Int64),
        ("d", DataType::Float64),
        ("s", DataType::Utf8),
        ("b", DataType::Boolean),
    ];
    let fields: Vec<Field> = fields.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            Arc::new(rows.iter().map(|r| r.i).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|r| r.j).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|r| r.d).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|r| r.s.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| r.b).collect::<BooleanArray>()),
        ],
    )
    .unwrap()
}

fn value(array: &dyn Array, row: usize) -> V {
    if array.is_null(row) {
        return V::Null;
    }
    match array.data_type() {
        DataType::Int64 => V::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => V::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => V::Text(array.as_string::<i32>().value(row).into()),
        DataType::Boolean => V::Bool(array.as_boolean().value(row)),
        other => panic!("a result of type {other}"),
    }
}

fn same(a: &V, b: &V) -> bool {
    match (a, b) {
        (V::Double(a), V::Double(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn columns_and_rows_agree(
        expression in prop_oneof![ints(4), doubles(3), texts(3), bools(4)],
        rows in prop::collection::vec(row(), 0..12),
    ) {
        let text = expression.text();
        // An expression beyond the limit of depth is not what this test is about.
        let Ok(parsed) = Expression::parse(&text) else {
            prop_assert!(Expression::parse(&text).unwrap_err().iter().all(|e| e.code == "too_deep"), "{}", text);
            return Ok(());
        };
        let batch = batch(&rows);
        let compiled = parsed.compile(&batch.schema());
        prop_assert!(compiled.is_ok(), "{}: {:?}", text, compiled.err());
        let evaluated = compiled.unwrap().evaluate(&batch);
        for (at, row) in rows.iter().enumerate() {
            let found: R = match evaluated.errors.iter().find(|error| error.row == at) {
                Some(error) => Err(error.code),
                None => Ok(value(evaluated.values.as_ref(), at)),
            };
            let expected = expression.eval(row);
            let agree = match (&found, &expected) {
                (Ok(found), Ok(expected)) => same(found, expected),
                (found, expected) => found == expected,
            };
            prop_assert!(agree, "{}\nrow {:?}\nexpected {:?}\nfound {:?}", text, row, expected, found);
        }
    }
}
