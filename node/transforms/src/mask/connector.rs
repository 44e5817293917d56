use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use super::config::MaskConfig;
use super::processor::MaskProcessor;

/// The `mask` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mask;

const DOCUMENTATION: &str = "\
Hides values that not everyone may read. To hide them from everything behind a source, dead letters included, use the \
`masking_rules` of `data_protection`, which have the same form; this step hides them from the steps behind it.

`masking_rules` are carried out in their order. Each has a `method`:

| `method` | the value becomes |
|---|---|
| `partial` | `*` for every character but `show_chars` at its end, or at its start with `from: start`; at most half of the characters are shown |
| `full` | `replacement`, `****` by default |
| `hash` | its HMAC-SHA-256 under `key`, as 64 hexadecimal digits: equal values stay equal, and cannot be computed back |
| `tokenise` | a token (AES-256-SIV under `key`, RFC 5297) that `detokenise` turns back: equal values have equal tokens |
| `redact` | a text in which `replacement` (`[REDACTED]` by default) stands for all that `detect` names or `patterns` match |

`detect` knows `email`, `phone`, `credit_card`, `ssn`, `ip` and `iban`; check digits are tested where there are any. Texts \
alone are searched, not numbers, and not the names of fields.

`field` is a name or a dotted path. It leads through records, lists (each item), maps (the value under that key) and JSON \
fields; a field whose own name has dots is found by that name as well. A batch without the field passes, as there is nothing \
to hide; with `required: true` its records are **record errors** (`missing_field`). `redact` without a `field` searches every \
text of a record.

Null stays null. Any other value is masked as text, so the field becomes a text field: numbers and times as `string()` \
writes them, decimals with all of their digits; in a JSON field a JSON text takes the place of the value. `full` replaces a \
record or list as a whole; the other methods mask every value inside, but not the keys of a map. What has no text (bytes that \
are not UTF-8, times of day) becomes `****`, and so does a JSON field that holds no JSON or is nested deeper than 256. If masking changes the type of the \
values of a map, all of them are masked and not only those under the key.

A `key` has at least 16 characters and should be a secret: `${secret:masking}`. Who has the key of `hash` can try out likely \
values; who has that of `tokenise` can read them. A changed key changes every hash and token.

The records of errors of this step are masked too. Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: mask
config:
  masking_rules:
    - { field: user.email, method: partial, show_chars: 3, from: start }
    - { field: user.credit_card, method: full, replacement: \"****\" }
    - { field: user.id, method: hash, key: \"a key of more than 16 characters\" }
    - { method: redact, detect: [email, phone, iban] }
";

impl ProcessorConnector for Mask {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "mask",
            summary: "Hides values: in part, in full, as hashes, tokens or redacted texts.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(MaskConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: MaskConfig = parse_config(config)?;
        Ok(Arc::new(MaskProcessor::new(config.validate()?)))
    }
}
