//! Every function with a column kernel over random batches of random column types: the result equals that of plain code
//! which takes one row at a time and shares nothing with the crate.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, UInt64Type};
use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Timelike, Utc};
use etl_expr::Expression;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Row {
    s: Option<String>,
    p: Option<String>,
    i: Option<i64>,
    j: Option<i64>,
    u: Option<u64>,
    d: Option<f64>,
    y: Option<Vec<u8>>,
    t: Option<i64>,
    l: Option<Vec<Option<i64>>>,
}

/// A row's outcome: the value as text, `null`, or a code.
type R = Result<String, &'static str>;

const NULL: &str = "no_such_overload";

fn s(row: &Row) -> Result<&str, &'static str> {
    row.s.as_deref().ok_or(NULL)
}

fn p(row: &Row) -> Result<&str, &'static str> {
    row.p.as_deref().ok_or(NULL)
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn t(row: &Row) -> Result<DateTime<Utc>, &'static str> {
    row.t.and_then(DateTime::from_timestamp_millis).ok_or(NULL)
}

fn shown(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") }
}

fn position(text: &str, part: &str, from: i64) -> R {
    let (text, part) = (chars(text), chars(part));
    let from = usize::try_from(from).ok().filter(|from| *from <= text.len()).ok_or("index_out_of_range")?;
    let found = (from..=text.len()).find(|at| text[*at..].starts_with(&part));
    Ok(found.map_or(-1, |at| at as i64).to_string())
}

fn part(text: &str, from: i64, to: Option<i64>) -> R {
    let text = chars(text);
    let place = |index: i64| usize::try_from(index).ok().filter(|index| *index <= text.len());
    let (from, to) = (place(from).ok_or("index_out_of_range")?, place(to.unwrap_or(text.len() as i64)));
    let to = to.filter(|to| from <= *to).ok_or("index_out_of_range")?;
    Ok(text[from..to].iter().collect())
}

fn digits(text: &str) -> Vec<String> {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    numbers.map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shift(value: u64, places: i64, left: bool) -> Result<u64, &'static str> {
    match places {
        ..0 => Err("invalid_shift"),
        64.. => Ok(0),
        places if left => Ok((u128::from(value) << places) as u64),
        places => Ok(value / (1u64 << places)),
    }
}

/// An item of a list as text, `null` where it is null.
fn item(found: Option<&Option<i64>>) -> R {
    let found = found.ok_or("index_out_of_range")?;
    Ok(found.map_or_else(|| "null".to_owned(), |value| value.to_string()))
}

fn l(row: &Row) -> Result<&[Option<i64>], &'static str> {
    row.l.as_deref().ok_or(NULL)
}

fn midnight(day: NaiveDate) -> String {
    format!("{}T00:00:00Z", day.format("%Y-%m-%d"))
}

type Case = (&'static str, fn(&Row) -> R);

const CASES: &[Case] = &[
    ("s.reverse()", |row| Ok(s(row)?.chars().rev().collect())),
    ("s.replace(p, '<>')", |row| {
        let (s, p) = (s(row)?, p(row)?);
        Ok(s.split(p).collect::<Vec<_>>().join("<>"))
    }),
    ("s.substring(i)", |row| part(s(row)?, row.i.ok_or(NULL)?, None)),
    ("s.substring(i, j)", |row| {
        let (s, i, j) = (s(row)?, row.i.ok_or(NULL)?, row.j.ok_or(NULL)?);
        part(s, i, Some(j))
    }),
    ("s.indexOf(p)", |row| position(s(row)?, p(row)?, 0)),
    ("s.indexOf(p, i)", |row| {
        let (s, p) = (s(row)?, p(row)?);
        position(s, p, row.i.ok_or(NULL)?)
    }),
    ("s.charAt(i)", |row| {
        let (s, i) = (s(row)?, row.i.ok_or(NULL)?);
        let end = (i == chars(s).len() as i64).then_some(i);
        part(s, i, end.or(i.checked_add(1)))
    }),
    ("s.split('1').size()", |row| Ok(s(row)?.split('1').count().to_string())),
    ("s.split('1').join('+')", |row| Ok(s(row)?.replace('1', "+"))),
    ("strings.quote(s)", |row| Ok(format!("\"{}\"", s(row)?.replace('\\', "\\\\").replace('"', "\\\"")))),
    ("'%s|%d|%x'.format([s, i, u])", |row| {
        let text = row.s.clone().unwrap_or_else(|| "null".to_owned());
        let (i, u) = (row.i.ok_or(NULL)?, row.u.ok_or(NULL)?);
        Ok(format!("{text}|{i}|{u:x}"))
    }),
    ("'%.3f'.format([d])", |row| {
        let d = row.d.ok_or(NULL)?;
        Ok(if d.is_nan() { "NaN".to_owned() } else { format!("{d:.3}").replace("inf", "Infinity") })
    }),
    ("regex.extract(s, '[0-9]+')", |row| {
        Ok(digits(s(row)?).first().cloned().unwrap_or_else(|| "null".to_owned()))
    }),
    ("regex.extractAll(s, '([0-9]+)').join(',')", |row| Ok(digits(s(row)?).join(","))),
    ("regex.replace(s, '[0-9]', '#', i)", |row| {
        let s = s(row)?;
        let limit = usize::try_from(row.i.ok_or(NULL)?).unwrap_or(usize::MAX);
        let mut seen = 0;
        Ok(s.chars()
            .map(|c| {
                seen += usize::from(c.is_ascii_digit());
                if c.is_ascii_digit() && seen <= limit { '#' } else { c }
            })
            .collect())
    }),
    ("hex.encode(y)", |row| Ok(hex(row.y.as_deref().ok_or(NULL)?))),
    ("hex.encode(hex.decode(s))", |row| {
        let s = s(row)?;
        let sound = s.len() % 2 == 0 && s.bytes().all(|byte| byte.is_ascii_hexdigit());
        if sound { Ok(s.to_lowercase()) } else { Err("invalid_conversion") }
    }),
    ("hex.encode(base64.decode(base64.encode(y)))", |row| Ok(hex(row.y.as_deref().ok_or(NULL)?))),
    ("size(base64.encode(y))", |row| Ok((row.y.as_ref().ok_or(NULL)?.len().div_ceil(3) * 4).to_string())),
    ("url.encode(s)", |row| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let code = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        Ok(s(row)?.bytes().map(code).collect())
    }),
    ("url.decode(url.encode(s))", |row| Ok(s(row)?.to_owned())),
    ("string(y)", |row| String::from_utf8(row.y.clone().ok_or(NULL)?).map_err(|_| "invalid_utf8")),
    ("hash.crc32(y)", |row| {
        let mut crc = u32::MAX;
        for byte in row.y.as_ref().ok_or(NULL)? {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        Ok(format!("{:08x}", !crc))
    }),
    ("size(hash.sha512(s))", |row| s(row).map(|_| "128".to_owned())),
    ("hash.hmacSha256(s, y) == hash.hmacSha256(bytes(s), y)", |row| {
        s(row)?;
        row.y.as_ref().ok_or(NULL).map(|_| "true".to_owned())
    }),
    ("uint(i)", |row| u64::try_from(row.i.ok_or(NULL)?).map(|v| v.to_string()).map_err(|_| "overflow")),
    ("int(u)", |row| i64::try_from(row.u.ok_or(NULL)?).map(|v| v.to_string()).map_err(|_| "overflow")),
    ("uint(s)", |row| {
        let s = s(row)?;
        let digits = !s.is_empty() && s.bytes().all(|byte| byte.is_ascii_digit());
        let number = s.parse::<u64>().ok().filter(|_| digits);
        number.map(|number| number.to_string()).ok_or("invalid_conversion")
    }),
    ("bool(s)", |row| match s(row)? {
        "1" | "t" => Ok("true".to_owned()),
        "0" => Ok("false".to_owned()),
        _ => Err("invalid_conversion"),
    }),
    ("string(u)", |row| Ok(row.u.ok_or(NULL)?.to_string())),
    ("math.round(d)", |row| Ok(shown(row.d.ok_or(NULL)?.round()))),
    ("math.sqrt(i)", |row| Ok(shown((row.i.ok_or(NULL)? as f64).sqrt()))),
    ("math.pow(d, i)", |row| {
        let (d, i) = (row.d.ok_or(NULL)?, row.i.ok_or(NULL)?);
        Ok(shown(d.powf(i as f64)))
    }),
    ("math.isNaN(d)", |row| Ok(row.d.ok_or(NULL)?.is_nan().to_string())),
    ("math.abs(i)", |row| {
        let i = i128::from(row.i.ok_or(NULL)?).abs();
        if i > i128::from(i64::MAX) { Err("overflow") } else { Ok(i.to_string()) }
    }),
    ("math.sign(i)", |row| Ok(row.i.ok_or(NULL)?.signum().to_string())),
    ("math.greatest(i, j, 2)", |row| Ok(row.i.ok_or(NULL)?.max(row.j.ok_or(NULL)?).max(2).to_string())),
    ("math.least(u, 3u)", |row| Ok(row.u.ok_or(NULL)?.min(3).to_string())),
    ("math.bitAnd(i, j)", |row| Ok((row.i.ok_or(NULL)? & row.j.ok_or(NULL)?).to_string())),
    ("math.bitOr(u, 9u)", |row| Ok((row.u.ok_or(NULL)? | 9).to_string())),
    ("math.bitXor(i, j)", |row| Ok((row.i.ok_or(NULL)? ^ row.j.ok_or(NULL)?).to_string())),
    ("math.bitNot(i)", |row| Ok((-1 - row.i.ok_or(NULL)?).to_string())),
    ("math.bitShiftLeft(u, i)", |row| {
        let (u, i) = (row.u.ok_or(NULL)?, row.i.ok_or(NULL)?);
        shift(u, i, true).map(|value| value.to_string())
    }),
    ("math.bitShiftRight(i, j)", |row| {
        let (i, j) = (row.i.ok_or(NULL)?, row.j.ok_or(NULL)?);
        shift(i as u64, j, false).map(|value| (value as i64).to_string())
    }),
    ("t.getHours('+05:30')", |row| {
        let minutes = t(row)?.timestamp().div_euclid(60) + 330;
        Ok((minutes.rem_euclid(24 * 60) / 60).to_string())
    }),
    ("t.getDayOfYear()", |row| Ok(t(row)?.ordinal0().to_string())),
    ("t.format('%Y-%m-%d %H', '+02:00')", |row| {
        let local = t(row)? + chrono::TimeDelta::hours(2);
        Ok(format!("{:04}-{:02}-{:02} {:02}", local.year(), local.month(), local.day(), local.hour()))
    }),
    ("t.truncate('day')", |row| Ok(midnight(t(row)?.date_naive()))),
    ("t.truncate('month')", |row| {
        let day = t(row)?.date_naive();
        Ok(midnight(day.with_day(1).unwrap()))
    }),
    ("t.truncate('week')", |row| {
        let mut day = t(row)?.date_naive();
        while day.weekday() != chrono::Weekday::Mon {
            day = day.pred_opt().unwrap();
        }
        Ok(midnight(day))
    }),
    ("t.truncate('day', 'Europe/Berlin') <= t", |row| t(row).map(|_| "true".to_owned())),
    ("timestamp.parse(t.format('%F %T%.3f'), '%F %T%.3f') == t", |row| t(row).map(|_| "true".to_owned())),
    ("timestamp.parse(s, '%Y')", |row| s(row).and(Err("invalid_timestamp"))),
    ("t + duration('36h') - t == duration('36h')", |row| t(row).map(|_| "true".to_owned())),
    ("int(t - timestamp(0) < duration('0s') ? t : timestamp(0))", |row| {
        Ok(t(row)?.timestamp().min(0).to_string())
    }),
    ("optional.ofNonZeroValue(i).orValue(j)", |row| {
        let value = row.i.filter(|i| *i != 0).or(row.j);
        Ok(value.map_or_else(|| "null".to_owned(), |value| value.to_string()))
    }),
    ("optional.ofNonZeroValue(s).optMap(x, x.substring(1)).orValue('-')", |row| match row.s.as_deref() {
        None | Some("") => Ok("-".to_owned()),
        Some(text) => part(text, 1, None),
    }),
    ("optional.ofNonZeroValue(i).or(optional.ofNonZeroValue(j)).value()", |row| {
        let value = row.i.filter(|i| *i != 0).or(row.j.filter(|j| *j != 0));
        value.map(|value| value.to_string()).ok_or("no_value")
    }),
    ("optional.of(u).hasValue()", |row| row.u.map(|_| "true".to_owned()).ok_or(NULL)),
    ("cel.bind(x, 12 / i, x != 0 ? x : j)", |row| {
        let x = match row.i.ok_or(NULL)? {
            0 => return Err("division_by_zero"),
            i => 12 / i,
        };
        Ok(if x != 0 { Some(x) } else { row.j }.map_or_else(|| "null".to_owned(), |value| value.to_string()))
    }),
    ("[i, j, 0].sort() == [0, i, j].sort()", |row| row.i.and(row.j).map(|_| "true".to_owned()).ok_or(NULL)),
    ("json.encode([i, j, i, j].distinct())", |row| {
        let mut seen = vec![row.i];
        seen.extend((row.i != row.j).then_some(row.j));
        Ok(serde_json::to_string(&seen).unwrap())
    }),
    ("sets.contains([i, 1, 2], [j, j])", |row| {
        Ok((row.j == row.i || row.j == Some(1) || row.j == Some(2)).to_string())
    }),
    ("size(l)", |row| Ok(l(row)?.len().to_string())),
    ("l[i]", |row| {
        let (l, i) = (l(row)?, row.i.ok_or(NULL)?);
        item(usize::try_from(i).ok().and_then(|i| l.get(i)))
    }),
    ("l[?i].orValue(j)", |row| {
        let i = row.i.map(usize::try_from);
        let found = match (&row.l, i) {
            (None, _) => None,
            (Some(_), None) => return Err(NULL),
            (Some(l), Some(i)) => i.ok().and_then(|i| l.get(i).copied().flatten()),
        };
        Ok(found.or(row.j).map_or_else(|| "null".to_owned(), |value| value.to_string()))
    }),
    ("l.first().value()", |row| {
        l(row)?.first().copied().flatten().map(|value| value.to_string()).ok_or("no_value")
    }),
    ("l.last().orValue(7)", |row| Ok(l(row)?.last().copied().flatten().unwrap_or(7).to_string())),
    ("l.reverse() == l || l.size() > 1", |row| l(row).map(|_| "true".to_owned())),
    ("json.encode(l.slice(0, 2))", |row| {
        let part = l(row)?.get(..2).ok_or("index_out_of_range")?;
        Ok(serde_json::to_string(part).unwrap())
    }),
    ("l.filter(x, x != null).sort().size()", |row| Ok(l(row)?.iter().flatten().count().to_string())),
    ("optional.ofNonZeroValue(d).hasValue()", |row| Ok(row.d.is_some().to_string())),
    ("optional.ofNonZeroValue(u).value()", |row| {
        row.u.filter(|u| *u != 0).map(|u| u.to_string()).ok_or("no_value")
    }),
    ("json.parse(json.encode({'a': s, 'b': [i]})).b[0] == i", |row| {
        let _ = row;
        Ok("true".to_owned())
    }),
];

static EXPRESSIONS: LazyLock<BTreeMap<&str, Expression>> =
    LazyLock::new(|| CASES.iter().map(|(text, _)| (*text, Expression::parse(text).unwrap())).collect());

fn row() -> impl Strategy<Value = Row> {
    let texts = || {
        let sample = prop::sample::select(vec![
            None,
            Some(""),
            Some("a"),
            Some("aé1"),
            Some("12"),
            Some("1"),
            Some("0"),
            Some("t"),
            Some("4a6B"),
            Some("x-3 \"44\\ ü1"),
            Some("𝄞1𝄞"),
        ]);
        sample.prop_map(|text| text.map(str::to_owned))
    };
    let int = || {
        prop_oneof![
            5 => (-3i64..7).prop_map(Some),
            1 => Just(None),
            1 => prop::sample::select(vec![Some(i64::from(i32::MAX)), Some(63), Some(64)]),
        ]
    };
    let uint = prop::sample::select(vec![None, Some(0), Some(1), Some(6), Some(u64::MAX), Some(1 << 63)]);
    let double = prop::sample::select(vec![
        None,
        Some(0.5),
        Some(-2.5),
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(1e9),
    ]);
    let bytes = prop::option::weighted(0.9, prop::collection::vec(any::<u8>(), 0..6));
    let time = prop_oneof![
        1 => Just(None),
        6 => (-60_000_000_000_000i64..250_000_000_000_000).prop_map(Some),
    ];
    let list =
        prop::option::weighted(0.8, prop::collection::vec(prop::option::weighted(0.8, -3i64..9), 0..4));
    let row = (texts(), texts(), int(), int(), uint, double, bytes, time, list);
    row.prop_map(|(s, p, i, j, u, d, y, t, l)| Row { s, p: p.filter(|p| !p.is_empty()), i, j, u, d, y, t, l })
}

/// The columns' types: any that holds the values.
fn types() -> impl Strategy<Value = Vec<DataType>> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let text = vec![DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary];
    let blob = vec![DataType::Binary, DataType::LargeBinary, DataType::BinaryView];
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let time = vec![DataType::Timestamp(TimeUnit::Millisecond, None), zoned];
    (
        prop::sample::select(text.clone()),
        prop::sample::select(text),
        prop::sample::select(vec![DataType::Int32, DataType::Int64]),
        prop::sample::select(blob),
        prop::sample::select(time),
    )
        .prop_map(|(s, p, i, y, t)| {
            let list = DataType::List(Arc::new(Field::new("item", i.clone(), true)));
            vec![s, p, i, DataType::Int64, DataType::UInt64, DataType::Float64, y, t, list]
        })
}

fn batch(rows: &[Row], types: &[DataType]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.s.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.p.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.i).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.j).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.u).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|r| r.d).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.y.as_deref()).collect::<BinaryArray>()),
        Arc::new(rows.iter().map(|r| r.t).collect::<TimestampMillisecondArray>()),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(rows.iter().map(|r| r.l.clone()))),
    ];
    let columns: Vec<ArrayRef> =
        columns.iter().zip(types).map(|(column, to)| cast(column, to).unwrap()).collect();
    let names = ["s", "p", "i", "j", "u", "d", "y", "t", "l"];
    let fields: Vec<Field> =
        names.iter().zip(types).map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn text(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => shown(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(row);
            Utc.timestamp_micros(micros).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
        other => panic!("a result of type {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, ..ProptestConfig::default() })]

    #[test]
    fn kernels_and_plain_code_agree(rows in prop::collection::vec(row(), 0..8), types in types()) {
        // A part of a greater batch, so that nothing begins at the first value of its buffers.
        let around: Vec<Row> = rows.iter().take(1).chain(&rows).cloned().collect();
        let batch = batch(&around, &types).slice(around.len() - rows.len(), rows.len());
        for (expression, plain) in CASES {
            let compiled = EXPRESSIONS[expression].compile(&batch.schema()).unwrap();
            let evaluated = compiled.evaluate(&batch);
            for (at, row) in rows.iter().enumerate() {
                let found: R = match evaluated.errors.iter().find(|error| error.row == at) {
                    Some(error) => Err(error.code),
                    None => Ok(text(evaluated.values.as_ref(), at)),
                };
                prop_assert_eq!(found, plain(row), "{} of {:?}", expression, row);
            }
        }
    }
}
