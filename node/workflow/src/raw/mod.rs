//! The language as it is written: the types from which field checks and the editor's schema are generated.
//!
//! Steps are read from the tree and not through serde, so that an error in one hides none in another; serde reads the
//! settings, once their shape has been checked.

mod data_protection;
mod limits;
mod parameter;
mod settings;
mod step;
mod workflow;

pub(crate) use data_protection::RawDataProtection;
pub(crate) use limits::{RawCircuitBreaker, RawRateLimit};
pub(crate) use parameter::RawParameter;
pub(crate) use settings::{
    RawCatchUp, RawDelivery, RawGuarantee, RawOverlap, RawSettings, RawSync, RawSyncMode,
};
pub(crate) use step::{RawLinearStep, RawSource, RawStep};
pub(crate) use workflow::{RawFile, RawWorkflow};

/// Keys of `workflow` that are reserved for coming versions.
pub(crate) const RESERVED_WORKFLOW: &[&str] = &["placement", "circuit_breaker", "tests"];

/// The schema of a raw type as a JSON document.
pub(crate) fn schema<T: schemars::JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}
