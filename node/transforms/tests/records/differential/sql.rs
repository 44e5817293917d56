use etl_transforms::Sql;
use serde_json::{Map, Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::process;
use crate::generated::Kind;

type Cell = Result<Value, &'static str>;

fn whole(row: &Value, name: &str) -> Option<i64> {
    row[name].as_i64()
}

fn of_two(row: &Value, of: fn(i64, i64) -> Option<i64>) -> Cell {
    match (whole(row, "i"), whole(row, "j")) {
        (Some(i), Some(j)) => of(i, j).map(|value| json!(value)).ok_or("overflow"),
        _ => Ok(Value::Null),
    }
}

/// An expression with what it means for one record.
type Meaning<T> = (&'static str, fn(&Value) -> Result<T, &'static str>);

const EXPRESSIONS: [Meaning<Value>; 10] = [
    ("i + j", |row| of_two(row, i64::checked_add)),
    ("i - j", |row| of_two(row, i64::checked_sub)),
    ("i * j", |row| of_two(row, i64::checked_mul)),
    ("-i", |row| match whole(row, "i") {
        Some(i) => i.checked_neg().map(|i| json!(i)).ok_or("overflow"),
        None => Ok(Value::Null),
    }),
    ("i / j", |row| match whole(row, "j") {
        Some(0) if whole(row, "i").is_some() => Err("division_by_zero"),
        _ => of_two(row, i64::checked_div),
    }),
    ("CAST(t AS BIGINT)", |row| match row["t"].as_str() {
        Some(text) => text.parse::<i64>().map(|n| json!(n)).map_err(|_| "invalid_conversion"),
        None => Ok(Value::Null),
    }),
    ("TRY_CAST(t AS BIGINT)", |row| Ok(json!(row["t"].as_str().and_then(|text| text.parse::<i64>().ok())))),
    ("CASE WHEN i > 0 THEN t ELSE 'no' END", |row| match whole(row, "i") {
        Some(i) if i > 0 => Ok(row["t"].clone()),
        _ => Ok(json!("no")),
    }),
    ("upper(t)", |row| Ok(json!(row["t"].as_str().map(str::to_uppercase)))),
    ("coalesce(i, j, 7)", |row| Ok(json!(whole(row, "i").or(whole(row, "j")).unwrap_or(7)))),
];

/// Null is false.
const CONDITIONS: [Meaning<bool>; 5] = [
    ("true", |_| Ok(true)),
    ("i > 0", |row| Ok(whole(row, "i").is_some_and(|i| i > 0))),
    ("t IS NOT NULL", |row| Ok(!row["t"].is_null())),
    ("i <> 0 AND j / i >= 0", |row| match (whole(row, "i"), whole(row, "j")) {
        (Some(0), _) | (None, _) | (_, None) => Ok(false),
        (Some(i), Some(j)) => j.checked_div(i).map(|quotient| quotient >= 0).ok_or("overflow"),
    }),
    ("t LIKE '%1%' OR i = j", |row| {
        let same = whole(row, "i").is_some() && whole(row, "i") == whole(row, "j");
        Ok(same || row["t"].as_str().is_some_and(|text| text.contains('1')))
    }),
];

#[test]
fn sql() {
    let (mut failures, mut filtered, mut multiplied) = (0, 0, 0);
    for seed in 0..CASES {
        let list = Kind::List(Box::new(Kind::Int));
        let also = [("i", Kind::Int), ("j", Kind::Int), ("t", Kind::Text), ("l", list)];
        let Case { mut random, fields, rows, batch } = case(seed, &also);
        let passed: Vec<&str> =
            fields.iter().map(|(name, _)| name.as_str()).filter(|_| random.one_in(2)).collect();
        let computed: Vec<_> = (0..random.below(4)).map(|n| (n, *random.pick(&EXPRESSIONS))).collect();
        let items = random.one_in(3);
        let (condition, holds) = *random.pick(&CONDITIONS);
        let mut result: Vec<String> = passed.iter().map(|name| format!("b.\"{name}\"")).collect();
        result.extend(computed.iter().map(|(n, (text, _))| format!("{text} AS x{n}")));
        if items {
            result.push("unnest(l) AS item".to_owned());
        }
        if result.is_empty() {
            result.push("i".to_owned());
        }
        let fate = |row: &Value| {
            match holds(row) {
                Ok(true) => {}
                Ok(false) => return Fate::Filtered,
                Err(code) => return Fate::Failed(code),
            }
            let mut made: Map<String, Value> =
                passed.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect();
            for (n, (_, value)) in &computed {
                match value(row) {
                    Ok(value) => drop(made.insert(format!("x{n}"), value)),
                    Err(code) => return Fate::Failed(code),
                }
            }
            if made.is_empty() && !items {
                made.insert("i".to_owned(), row["i"].clone());
            }
            match row["l"].as_array() {
                None if items => Fate::Filtered,
                Some(list) if items && list.is_empty() => Fate::Filtered,
                _ if !items => Fate::On(vec![made.into()]),
                list => Fate::On(
                    list.into_iter()
                        .flatten()
                        .map(|item| {
                            let mut made = made.clone();
                            made.insert("item".to_owned(), item.clone());
                            made.into()
                        })
                        .collect(),
                ),
            }
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        for fate in &fates {
            match fate {
                Fate::Failed(_) => failures += 1,
                Fate::Filtered => filtered += 1,
                Fate::On(made) => multiplied += usize::from(made.len() > 1),
            }
        }
        let query = format!("SELECT {} FROM batch AS b WHERE {condition}", result.join(", "));
        let config = json!({ "query": query });
        compare(seed, &config, &process(Sql, config.clone(), batch), &fates);
    }
    assert!(failures > 100 && filtered > 100 && multiplied > 100, "{failures} {filtered} {multiplied}");
}
