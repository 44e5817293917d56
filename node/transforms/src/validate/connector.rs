use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use crate::validate::config::ValidateConfig;
use crate::validate::processor::ValidateProcessor;

/// The `validate` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Validate;

const DOCUMENTATION: &str = "\
Lets the records through, unchanged, that are as they must be. Every other record is a **record error** which names the \
field, the rule and the value; the step's `on_error` decides what becomes of it.

It has either `rules` or a `schema`.

**`rules`** are looked at in their order, and a record is reported with the first one that it breaks. A rule is about one \
`field`, or it is an `expression` in [CEL](https://cel.dev) that must be true. An expression that has no value for a record \
is that record's error with the code of the failure.

| check of a field | code | holds for |
|---|---|---|
| `required: true` | `rule_required` | a field that is there and not null |
| `not_null: true` | `rule_not_null` | a field that is absent from the batch, or not null |
| `type` | `rule_type` | values of that type: `bool int number string bytes date timestamp list record` |
| `min`, `max` | `rule_min`, `rule_max` | numbers, or dates and times, from or up to the given one |
| `min_length`, `max_length` | `rule_min_length`, `rule_max_length` | texts of so many characters, bytes, lists of so many items |
| `pattern` | `rule_pattern` | texts in which the regular expression matches somewhere; `^...$` for the whole text |
| `one_of` | `rule_one_of` | these texts, numbers (`1` is `1.0`), bools, dates and times |

Null, and a field that is absent, fulfil every check but `required` and `not_null`. A value of a type that the check is not \
about breaks it: a text has no `min`, a number no `pattern`. Numbers are compared exactly, decimals with whole numbers too. \
Values of JSON fields are what their documents hold. `message` stands in front of what is reported.

**`schema`** is a [JSON Schema](https://json-schema.org) (draft 2020-12 unless `$schema` says otherwise), compiled once; \
references lead to places inside it only, and patterns are those of `rules`. It sees the record as JSON: times and decimals \
as text, bytes in base64. Its code is `schema_violation`. Rules on fields are faster, for they work on columns.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: validate
config:
  rules:
    - { field: id, required: true, type: int, min: 1 }
    - { field: email, max_length: 254, pattern: \"^[^@ ]+@[^@ ]+$\", message: no usable address }
    - { field: country, one_of: [DE, FR, NL] }
    - { field: address.zip, not_null: true, min_length: 4 }
    - { expression: \"shipped == null || shipped >= ordered\", message: shipped before it was ordered }
";

impl ProcessorConnector for Validate {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "validate",
            summary: "Lets the records through that fulfil rules or a JSON Schema.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(ValidateConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: ValidateConfig = parse_config(config)?;
        Ok(Arc::new(ValidateProcessor::new(config.validate()?)))
    }
}
