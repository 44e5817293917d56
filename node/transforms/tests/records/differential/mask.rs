use etl_transforms::{Detokenise, Mask};
use serde_json::{Map, Value, json};

use super::cast::cast_value;
use super::{CASES, Case, Fate, case, compare};
use crate::batches::{self, process};
use crate::generated::{Kind, at, paths};

/// The value with what lies at a path masked, through records, lists, maps and documents: as a whole, or so that this many
/// characters of every value inside are shown.
fn hidden(kind: &Kind, value: &Value, path: &[&str], shown: Option<usize>) -> Value {
    match (kind, value, path) {
        (_, Value::Null, _) => Value::Null,
        (_, _, []) if shown.is_none() => json!("-"),
        (kind, Value::Array(items), _) => {
            let item = if let Kind::List(item) = kind { item } else { kind };
            items.iter().map(|value| hidden(item, value, path, shown)).collect()
        }
        (kind, Value::Object(entries), _) => {
            let field = |(key, value): (&String, &Value)| {
                let kind = match kind {
                    Kind::Record(fields) => &fields.iter().find(|(name, _)| name == key).unwrap().1,
                    Kind::Map(inner) => inner,
                    other => other,
                };
                let rest =
                    path.split_first().map_or(Some(path), |(name, rest)| (key == name).then_some(rest));
                (key.clone(), rest.map_or_else(|| value.clone(), |rest| hidden(kind, value, rest, shown)))
            };
            entries.iter().map(field).collect::<Map<_, _>>().into()
        }
        (kind, value, []) => {
            let text = match (kind, cast_value(kind, value, "string")) {
                (Kind::Float, Ok(Value::String(text))) => text,
                _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            };
            let letters: Vec<char> = text.chars().collect();
            let stays = shown.unwrap_or_default().min(letters.len() / 2);
            let stars = letters.len() - stays;
            json!(std::iter::repeat_n('*', stars).chain(letters[stars..].iter().copied()).collect::<String>())
        }
        (_, value, _) => value.clone(),
    }
}

#[test]
fn mask() {
    let (mut changed, mut compared) = (0, 0);
    for seed in 0.. {
        if compared == CASES {
            break;
        }
        let Case { mut random, fields, rows, batch } = case(seed, &[]);
        let mut path = random.pick(&paths(&fields)).0.clone();
        (0..random.below(3)).for_each(|_| path = format!("{path}.{}", random.pick(&["a", "b", "n"])));
        let parts: Vec<&str> = path.split('.').collect();
        if maps_on_the_way(&Kind::Record(fields.clone()), &parts) {
            continue;
        }
        compared += 1;
        let shown = random.one_in(2).then(|| random.below(4));
        let rule = match shown {
            None => json!({"field": path, "method": "full", "replacement": "-"}),
            Some(shown) => json!({"field": path, "method": "partial", "show_chars": shown}),
        };
        let config = json!({ "masking_rules": [rule] });
        let kind = Kind::Record(fields);
        let masked: Vec<Value> = rows.iter().map(|row| hidden(&kind, row, &parts, shown)).collect();
        changed += u64::from(masked != rows);
        let fates: Vec<Fate> = masked.into_iter().map(|row| Fate::On(vec![row])).collect();
        compare(seed, &config, &process(Mask, config.clone(), batch), &fates);
    }
    assert!(changed > 200, "{changed} batches had something to hide");
}

/// Whether the path leads into the values of a map, whose type decides for all keys of a batch.
fn maps_on_the_way(kind: &Kind, path: &[&str]) -> bool {
    match (kind, path) {
        (Kind::Map(_), [_, ..]) => true,
        (Kind::List(item), _) => maps_on_the_way(item, path),
        (Kind::Record(fields), [name, rest @ ..]) => {
            fields.iter().any(|(found, kind)| found == name && maps_on_the_way(kind, rest))
        }
        _ => false,
    }
}

#[test]
fn tokens() {
    for seed in 0..CASES {
        let Case { mut random, fields, rows, batch } = case(seed, &[("t", Kind::Text)]);
        let texts: Vec<_> = paths(&fields).into_iter().filter(|(_, kind)| *kind == Kind::Text).collect();
        let (path, _) = random.pick(&texts);
        let key = "sixteen characters or more";
        let rule = json!({"field": path, "method": "tokenise", "key": key});
        let sealed = process(Mask, json!({ "masking_rules": [rule] }), batch);
        for (plain, sealed) in rows.iter().zip(batches::rows(&sealed)) {
            let same = at(plain, path) == at(&sealed, path);
            assert_eq!(same, at(plain, path).is_null(), "case {seed}: {path}");
        }
        let config = json!({"fields": [path], "key": key});
        let opened = process(Detokenise, config.clone(), sealed.batch);
        let fates: Vec<Fate> = rows.into_iter().map(|row| Fate::On(vec![row])).collect();
        compare(seed, &config, &opened, &fates);
    }
}
