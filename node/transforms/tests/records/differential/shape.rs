use etl_transforms::{Explode, Flatten, Parse};
use serde_json::{Map, Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::process;
use crate::generated::{Kind, Random, at, of_rows, paths, put};

#[test]
fn explode() {
    for seed in 0..CASES {
        let Case { mut random, fields, rows, batch } = case(seed, &[]);
        let (path, kind) = random.pick(&paths(&fields)).clone();
        let keep = random.one_in(2);
        let mut config = json!({"field": path, "keep_empty": keep});
        let target = random.one_in(2).then_some("element");
        if let Some(target) = target {
            config["as"] = json!(target);
        }
        if random.one_in(2) {
            config["index_field"] = json!("index");
        }
        let entry = |(key, value): (&String, &Value)| json!({"key": key, "value": value});
        let fate = |row: &Value| {
            let elements = match (&kind, at(row, &path)) {
                (Kind::List(_) | Kind::Map(_) | Kind::Json, Value::Null) => Vec::new(),
                (Kind::List(_) | Kind::Json, Value::Array(items)) => items.clone(),
                (Kind::Map(_) | Kind::Json, Value::Object(entries)) => entries.iter().map(entry).collect(),
                _ => return Fate::Failed("not_a_list"),
            };
            let made = |(index, element): (Value, Value)| {
                let mut made = row.clone();
                put(&mut made, &path, target.is_none().then(|| element.clone()));
                if target.is_some() {
                    made["element"] = element;
                }
                if config.get("index_field").is_some() {
                    made["index"] = index;
                }
                made
            };
            match elements.is_empty() {
                true if keep => Fate::On(vec![made((Value::Null, Value::Null))]),
                true => Fate::Filtered,
                false => Fate::On(
                    elements.into_iter().enumerate().map(|(at, value)| made((json!(at), value))).collect(),
                ),
            }
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        compare(seed, &config, &process(Explode, config.clone(), batch), &fates);
    }
}

fn flat(fields: &[(String, Kind)], row: &Value, front: &str, depth: usize, out: &mut Vec<(String, Value)>) {
    for (name, kind) in fields {
        let (value, name) = (&row[name], format!("{front}{name}"));
        match kind {
            Kind::Record(inner) if depth > 0 => flat(inner, value, &format!("{name}_"), depth - 1, out),
            _ => out.push((name, value.clone())),
        }
    }
}

#[test]
fn flatten() {
    let mut collisions = 0;
    for seed in 0..CASES {
        let Case { mut random, fields, rows, batch } = case(seed, &[]);
        let depth = 1 + random.below(3);
        let config = json!({"max_depth": depth});
        let fate = |row: &Value| {
            let mut pairs = Vec::new();
            flat(&fields, row, "", depth, &mut pairs);
            let count = pairs.len();
            let record: Map<String, Value> = pairs.into_iter().collect();
            if record.len() == count {
                Fate::On(vec![record.into()])
            } else {
                Fate::Failed("duplicate_field")
            }
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        collisions += u64::from(fates.iter().any(|fate| matches!(fate, Fate::Failed(_))));
        compare(seed, &config, &process(Flatten, config.clone(), batch), &fates);
    }
    assert!(collisions > 10, "{collisions} schemas with collisions");
}

#[test]
fn parse() {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let fields = [("line".to_owned(), Kind::Text), ("id".to_owned(), Kind::Int)];
        let csv = random.one_in(2);
        let config = match csv {
            true => {
                json!({"field": "line", "format": "csv", "columns": ["p", "q"], "into": "in", "fields": {"q": "int"}})
            }
            false => {
                json!({"field": "line", "format": "json", "into": "in", "fields": {"p": "string", "q": "int"}})
            }
        };
        let (mut given, mut fates) = (Vec::new(), Vec::new());
        for id in 0..random.below(7) {
            let p = Kind::Text.value(&mut random);
            let number = random.below(50);
            let q = random.pick(&[json!(null), json!(number), json!("x")]).clone();
            let quoted = |value: &Value| match value {
                Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let line = if csv {
                format!("{},{}", quoted(&p), quoted(&q))
            } else {
                json!({"q": q, "p": p}).to_string()
            };
            let (line, fate) = match random.below(8) {
                0 => (Value::Null, Some(None)),
                1 => (json!(format!("\"x\"y{line}")), None),
                _ => (json!(line), Some(Some(json!({"p": p, "q": q})))),
            };
            fates.push(match fate {
                None => Fate::Failed(if csv { "invalid_csv" } else { "invalid_json" }),
                Some(Some(found)) if found["q"] == "x" => Fate::Failed("invalid_conversion"),
                Some(found) => Fate::On(vec![json!({"id": id, "in": found.unwrap_or_default()})]),
            });
            given.push(json!({"line": line, "id": id}));
        }
        compare(seed, &config, &process(Parse, config.clone(), of_rows(&fields, &given)), &fates);
    }
}
