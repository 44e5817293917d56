//! The workflow language: YAML with spans, validation, plan and guarantees. No IO.
