use etl_sdk::{Descriptor, Registry};
use serde_json::{Map, Value, json};

use crate::raw::{self, RawFile, RawLinearStep, RawSource, RawStep, RawWorkflow};

/// JSON Schema (2020-12) of a workflow file, for editors: made from the types the language is read with and the
/// schemas of the registry's connectors.
pub fn json_schema(registry: &Registry) -> Value {
    let mut defs = Map::new();
    let sources: Vec<&Descriptor> = registry.sources().map(|connector| connector.descriptor()).collect();
    let processors: Vec<&Descriptor> =
        registry.processors().map(|connector| connector.descriptor()).collect();
    let destinations: Vec<&Descriptor> =
        registry.destinations().map(|connector| connector.descriptor()).collect();
    for (role, types) in
        [("source", &sources), ("transformation", &processors), ("destination", &destinations)]
    {
        for descriptor in types {
            let schema = descriptor.schema.as_value().clone();
            embed(&mut defs, &format!("{role}-{}", descriptor.name), schema);
        }
    }
    let mut add = |name: &str, schema: Value, role: &str, types: &[&Descriptor]| {
        embed(&mut defs, name, schema);
        if let Some(Value::Object(step)) = defs.get_mut(name) {
            by_type(step, role, types);
        }
    };
    add("linear-source", raw::schema::<RawLinearStep>(), "source", &sources);
    add("linear-transformation", raw::schema::<RawLinearStep>(), "transformation", &processors);
    add("linear-destination", raw::schema::<RawLinearStep>(), "destination", &destinations);
    add("graph-source", raw::schema::<RawSource>(), "source", &sources);
    add("graph-transformation", raw::schema::<RawStep>(), "transformation", &processors);
    add("graph-destination", raw::schema::<RawStep>(), "destination", &destinations);
    embed(&mut defs, "workflow", raw::schema::<RawWorkflow>());
    if let Some(Value::Object(workflow)) = defs.get_mut("workflow") {
        forms(workflow);
    }
    if processors.iter().any(|descriptor| descriptor.name == "mask")
        && let Some(protection) = defs.get_mut("workflow.RawDataProtection")
    {
        let rules = json!({ "$ref": "#/$defs/transformation-mask/properties/masking_rules" });
        set(protection, "/properties/masking_rules", rules);
    }
    let mut file = raw::schema::<RawFile>();
    set(&mut file, "/properties/workflow", json!({ "$ref": "#/$defs/workflow" }));
    if let Value::Object(file) = &mut file {
        file.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        file.insert("title".to_owned(), json!("actix-etl workflow"));
        file.insert("$defs".to_owned(), Value::Object(defs));
    }
    file
}

/// Puts a document under a name into the definitions; its own definitions go beside it, under longer names.
fn embed(defs: &mut Map<String, Value>, name: &str, mut schema: Value) {
    rename(&mut schema, name);
    if let Value::Object(keywords) = &mut schema {
        keywords.remove("$schema");
        keywords.remove("title");
        if let Some(Value::Object(own)) = keywords.remove("$defs") {
            defs.extend(own.into_iter().map(|(inner, schema)| (format!("{name}.{inner}"), schema)));
        }
    }
    defs.insert(name.to_owned(), schema);
}

/// Makes references of a document fit its new place.
fn rename(schema: &mut Value, name: &str) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, name)),
        Value::Object(keywords) => {
            if let Some(Value::String(target)) = keywords.get_mut("$ref") {
                if let Some(inner) = target.strip_prefix("#/$defs/") {
                    *target = format!("#/$defs/{name}.{inner}");
                } else if target == "#" {
                    *target = format!("#/$defs/{name}");
                }
            }
            keywords.values_mut().for_each(|value| rename(value, name));
        }
        _ => {}
    }
}

/// Ties `config` to `type`.
fn by_type(step: &mut Map<String, Value>, role: &str, types: &[&Descriptor]) {
    let mut schema = Value::Object(std::mem::take(step));
    let names: Vec<Value> = types
        .iter()
        .map(|descriptor| json!({ "const": descriptor.name, "description": descriptor.summary }))
        .collect();
    if !names.is_empty() {
        set(
            &mut schema,
            "/properties/type",
            json!({ "description": format!("The type of {role}."), "oneOf": names }),
        );
    }
    let rules: Vec<Value> = types
        .iter()
        .map(|descriptor| {
            let target = format!("#/$defs/{role}-{}", descriptor.name);
            let required = descriptor.schema.get("required").and_then(Value::as_array).is_some_and(|r| !r.is_empty());
            let config = match required {
                true => json!({ "properties": { "config": { "$ref": target } }, "required": ["config"] }),
                false => {
                    json!({ "properties": { "config": { "anyOf": [{ "$ref": target }, { "type": "null" }] } } })
                }
            };
            json!({
                "if": { "properties": { "type": { "const": descriptor.name } }, "required": ["type"] },
                "then": config,
            })
        })
        .collect();
    if let Value::Object(mut keywords) = schema {
        if !rules.is_empty() {
            keywords.insert("allOf".to_owned(), Value::Array(rules));
        }
        *step = keywords;
    }
}

/// The steps of both forms, and that they exclude each other.
fn forms(workflow: &mut Map<String, Value>) {
    let mut schema = Value::Object(std::mem::take(workflow));
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let named = |name: &str| {
        json!({
            "type": "object",
            "propertyNames": { "pattern": "^[a-z0-9_-]+$" },
            "additionalProperties": reference(name),
        })
    };
    let list = json!({ "type": ["array", "null"], "items": reference("linear-transformation") });
    let mut mapping = named("graph-transformation");
    set(&mut mapping, "/type", json!(["object", "null"]));
    let replaced = [
        ("/properties/name/pattern", json!("^[a-z0-9_-]+$")),
        ("/properties/source", reference("linear-source")),
        ("/properties/destination", reference("linear-destination")),
        ("/properties/sources", named("graph-source")),
        ("/properties/destinations", named("graph-destination")),
        ("/properties/transformations", json!({ "type": ["array", "object", "null"] })),
        (
            "/oneOf",
            json!([
                {
                    "required": ["source", "destination"],
                    "properties": { "transformations": list, "sources": false, "destinations": false },
                },
                {
                    "required": ["sources", "destinations"],
                    "properties": { "transformations": mapping, "source": false, "destination": false },
                },
            ]),
        ),
    ];
    for (pointer, value) in replaced {
        set(&mut schema, pointer, value);
    }
    if let Value::Object(keywords) = schema {
        *workflow = keywords;
    }
}

/// Puts a value where a pointer leads; keeps the description of what stood there.
fn set(schema: &mut Value, pointer: &str, value: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let Some(Value::Object(parent)) = schema.pointer_mut(parent) else { return };
    let description = parent.get(key).and_then(|old| old.get("description")).cloned();
    parent.insert(key.to_owned(), value);
    if let (Some(description), Some(Value::Object(new))) = (description, parent.get_mut(key)) {
        new.entry("description").or_insert(description);
    }
}
