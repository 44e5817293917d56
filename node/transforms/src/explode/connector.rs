use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};
use schemars::JsonSchema;
use serde::Deserialize;

use super::processor::ExplodeProcessor;
use crate::field_path::FieldPath;

/// The `explode` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Explode;

/// Makes a record of each element of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExplodeConfig {
    /// The list: a name, or a dotted path such as `order.items`.
    field: String,
    /// A new field for the element; the list is left out then. Without it the element takes the place of the list.
    r#as: Option<String>,
    /// A new field for the number of the element, counted from 0.
    index_field: Option<String>,
    /// A record without elements goes on with null instead of being filtered.
    #[serde(default)]
    keep_empty: bool,
    /// Records whose batch has no such field count as records without elements instead of failing.
    #[serde(default)]
    optional: bool,
}

/// What is exploded into what.
pub(super) struct Rules {
    pub field: FieldPath,
    pub target: Option<String>,
    pub index_field: Option<String>,
    pub keep_empty: bool,
    pub optional: bool,
}

const DOCUMENTATION: &str = "\
Makes one record of each element of a list: a record with a list of three elements becomes three records, which differ \
in that field alone. They keep the order of the list, stay together, and are delivered together: after a failure either \
all of them have arrived or none.

`field` is a list, a map, or a JSON field:

| value | elements |
|---|---|
| list | its items, with their type |
| map | a record `{key, value}` for each entry |
| JSON array | its items, as JSON |
| JSON object | `{\"key\": ..., \"value\": ...}` for each entry, as JSON |

The element takes the place of the list, also inside records (`order.items`). With `as` it becomes a field of that name at \
the end of the record, and the list is left out. `index_field` adds the number of the element as an int, counted from 0; \
null for a record without elements. An item that is null is an element like any other.

A record without elements (an empty list, null) is *filtered*. With `keep_empty: true` it goes on, once, with null.

A record is a **record error**, and the step's `on_error` decides what becomes of it, when

- its JSON value is neither an array nor an object (`not_a_list`), or the field has another type than those above;
- its batch has no such field (`missing_field`), unless `optional: true`;
- a new field has the name of one that the record has (`duplicate_field`).

All records made of the records of one batch are in memory at once. The step keeps no state.
";

const EXAMPLE: &str = "\
type: explode
config:
  field: order.items
  as: item
  index_field: position
";

impl ProcessorConnector for Explode {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "explode",
            summary: "Makes one record of each element of a list or map.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(ExplodeConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: ExplodeConfig = parse_config(config)?;
        let mut errors = Vec::new();
        let field = FieldPath::parse(&config.field).map_err(|error| errors.push(error.at("field")));
        for (place, name) in [("as", &config.r#as), ("index_field", &config.index_field)] {
            if name.as_deref() == Some("") {
                errors.push(FieldError::new("empty_name", "the name of the new field is empty").at(place));
            }
        }
        if config.index_field.is_some() && config.index_field == config.r#as {
            let message = "the element and its number cannot be the same field";
            errors.push(FieldError::new("duplicate_field", message).at("index_field"));
        }
        match field {
            Ok(field) if errors.is_empty() => Ok(Arc::new(ExplodeProcessor::new(Rules {
                field,
                target: config.r#as,
                index_field: config.index_field,
                keep_empty: config.keep_empty,
                optional: config.optional,
            }))),
            _ => Err(errors),
        }
    }
}
