use etl_transforms::Validate;
use serde_json::{Map, Value, json};

use super::{CASES, Case, Fate, case, compare};
use crate::batches::process;
use crate::generated::{Kind, Random};

/// A schema for values of a kind, sometimes for those of another.
fn schema(random: &mut Random, kind: &Kind, depth: usize) -> Value {
    if depth > 0 && random.one_in(4) {
        let of = [schema(random, kind, depth - 1), schema(random, kind, depth - 1)];
        return match random.below(4) {
            0 => json!({ "anyOf": of }),
            1 => json!({ "allOf": of }),
            2 => json!({ "oneOf": of }),
            _ => json!({ "not": of[0] }),
        };
    }
    let limit = *random.pick(&[-1, 0, 1, 2, 42]);
    let size = random.below(4);
    match (random.below(4), kind) {
        (0, _) => {
            json!({ "type": random.pick(&["null", "boolean", "integer", "number", "string", "array", "object"]) })
        }
        (1, _) => json!({ "enum": [null, true, 0, 42, -2.5, "x", "12", [], {}] }),
        (_, Kind::Int | Kind::Float) => {
            let check = *random.pick(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
            json!({ "type": ["number", "null"], check: limit })
        }
        (_, Kind::Text | Kind::Decimal) => match random.below(3) {
            0 => json!({ "maxLength": size }),
            1 => json!({ "type": ["string", "null"], "minLength": size }),
            _ => json!({ "pattern": random.pick(&["^[a-z]*$", "1", "^-?[0-9]+$", "🏙"]) }),
        },
        (_, Kind::Bool) => json!({ "const": limit > 0 }),
        (_, Kind::Json) => json!({ "$ref": "#/$defs/document" }),
        (_, Kind::List(item)) => {
            json!({ "maxItems": size, "items": schema(random, item, depth.saturating_sub(1)) })
        }
        (_, Kind::Record(fields)) => object(random, fields, depth.saturating_sub(1)),
        (_, Kind::Map(value)) => {
            let value = schema(random, value, depth.saturating_sub(1));
            json!({ "minProperties": size.min(1), "additionalProperties": value })
        }
    }
}

fn object(random: &mut Random, fields: &[(String, Kind)], depth: usize) -> Value {
    let mut properties = Map::new();
    for (name, kind) in fields {
        if random.one_in(4) {
            properties.insert(name.clone(), schema(random, kind, depth));
        }
    }
    let mut made = json!({ "type": ["object", "null"], "properties": properties });
    if random.one_in(8) {
        made["required"] = json!(["a"]);
    }
    if random.one_in(16) {
        made["additionalProperties"] = json!({ "type": ["string", "null"] });
    }
    made
}

#[test]
fn json_schema() {
    let (mut sound, mut broken) = (0, 0);
    for seed in 0..CASES {
        let also = [("t", Kind::Text), ("i", Kind::Int), ("d", Kind::Json)];
        let Case { mut random, fields, rows, batch } = case(seed, &also);
        let mut schema = object(&mut random, &fields, 2);
        schema["$defs"] = json!({ "document": {
            "type": ["object", "array", "integer", "string", "null"],
            "maxItems": 1,
            "properties": { "a": { "$ref": "#/$defs/document" } },
        } });
        let reference = jsonschema::draft202012::new(&schema).unwrap();
        let fate = |row: &Value| match reference.is_valid(row) {
            true => Fate::On(vec![row.clone()]),
            false => Fate::Failed("schema_violation"),
        };
        let fates: Vec<Fate> = rows.iter().map(fate).collect();
        for fate in &fates {
            match fate {
                Fate::On(_) => sound += 1,
                _ => broken += 1,
            }
        }
        let config = json!({ "schema": schema });
        let given = batch.clone();
        let processed = process(Validate, config.clone(), batch);
        compare(seed, &config, &processed, &fates);
        let kept = fates.iter().map(|fate| Some(matches!(fate, Fate::On(_)))).collect();
        assert_eq!(processed.batch, given.filter(&kept).unwrap(), "sound records are unchanged");
    }
    assert!(sound > 500 && broken > 500, "{sound} {broken}");
}
