use serde_json::Value;

use super::violation::{Violation, ensure};
use crate::Descriptor;

/// Checks that help, documentation and validation can be made of a descriptor: a name in lower case, a summary,
/// documentation, an example that names the type, and a JSON Schema of an object that knows all its fields, each with
/// a description, or of alternatives that are such objects and are told apart by a constant field.
pub fn descriptor(descriptor: &Descriptor) -> Result<(), Violation> {
    let named = |what: &str| format!("`{}`: {what}", descriptor.name);
    ensure(
        !descriptor.name.is_empty()
            && descriptor.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
        "a type's name is a lower-case word",
        || named("other characters"),
    )?;
    ensure(!descriptor.summary.trim().is_empty(), "a connector has a summary", || named("empty"))?;
    ensure(
        descriptor.documentation.trim().len() > descriptor.summary.len(),
        "a connector is documented beyond its summary",
        || named("nothing more"),
    )?;
    ensure(
        descriptor.example.contains("type:") && descriptor.example.contains(descriptor.name),
        "the example is a step of this type",
        || named("the example does not name the type"),
    )?;
    let schema = descriptor.schema.as_value();
    match schema.get("oneOf").and_then(Value::as_array) {
        Some(alternatives) => alternatives.iter().try_for_each(|schema| object(schema, &named)),
        None => object(schema, &named),
    }
}

/// A schema of an object that knows all its fields.
fn object(schema: &Value, named: &dyn Fn(&str) -> String) -> Result<(), Violation> {
    ensure(
        schema.get("type").and_then(Value::as_str) == Some("object"),
        "the schema of `config` is an object",
        || named(&schema.to_string()),
    )?;
    ensure(
        schema.get("additionalProperties") == Some(&Value::Bool(false)),
        "unknown fields of `config` are refused",
        || named("`additionalProperties` is not false"),
    )?;
    let fields = schema.get("properties").and_then(Value::as_object);
    for (field, of) in fields.into_iter().flatten().filter(|(_, of)| of.get("const").is_none()) {
        let described = of
            .get("description")
            .and_then(Value::as_str)
            .is_some_and(|description| !description.trim().is_empty());
        ensure(described, "every field of `config` has a description", || named(field))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Good {
        /// Where.
        #[allow(dead_code)]
        path: String,
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Undescribed {
        #[allow(dead_code)]
        path: String,
    }

    fn of(schema: schemars::Schema) -> Descriptor {
        Descriptor {
            name: "thing",
            summary: "Things.",
            documentation: "Things of all kinds.",
            schema,
            example: "type: thing",
        }
    }

    #[test]
    fn a_complete_descriptor_passes_and_gaps_are_named() {
        descriptor(&of(schemars::schema_for!(Good))).unwrap();
        let violation = descriptor(&of(schemars::schema_for!(Undescribed))).unwrap_err();
        assert_eq!(violation.rule, "every field of `config` has a description");
        assert!(violation.detail.contains("path"));
        let nameless = Descriptor { example: "type: other", ..of(schemars::schema_for!(Good)) };
        assert!(descriptor(&nameless).is_err());
    }
}
