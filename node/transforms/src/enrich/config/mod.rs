//! The `config` of `enrich`: as it is written, and without contradictions.

mod http;
mod lookup;
mod raw;
mod rules;
mod taken;
mod validate;

pub(super) use raw::{Duplicates, RawEnrich, RawTable, ResponseAs, ResultType, Unavailable};
pub(super) use rules::{HttpRules, LookupRules, Rules, Taken};
