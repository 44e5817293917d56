use etl_expr::Expression;
use etl_model::ByteSize;
use etl_sdk::FieldError;

use super::raw::RawEnrich;
use super::rules::{LookupRules, Rules};
use super::taken::taken;
use crate::key::check_paths;

/// Bytes of a table.
const TABLE: u64 = 64 << 20;

impl RawEnrich {
    /// Checks how a table is looked up in.
    pub(super) fn lookup(self) -> Result<Rules, Vec<FieldError>> {
        let Self::Lookup { source, key, lookup_key, result_mapping, refresh, duplicates, max_size } = self
        else {
            return Err(Vec::new());
        };
        let mut faults = Vec::new();
        check_paths(&key, "key", &mut faults);
        check_paths(&lookup_key, "lookup_key", &mut faults);
        let lookup_key = if lookup_key.is_empty() { key.clone() } else { lookup_key };
        if lookup_key.len() != key.len() {
            let message = format!("`key` has {} fields and `lookup_key` {}", key.len(), lookup_key.len());
            faults.push(FieldError::new("lookup_key", message).at("lookup_key"));
        }
        if refresh.is_some_and(|every| every.0.is_zero()) {
            faults.push(FieldError::new("out_of_range", "`refresh` must be more than 0").at("refresh"));
        }
        let results = taken(result_mapping, false, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let paths = |names: &[String]| names.iter().map(|name| Expression::path(name)).collect();
        let rules = LookupRules {
            key: paths(&key),
            lookup_key: paths(&lookup_key),
            results,
            refresh,
            duplicates,
            max_size: max_size.unwrap_or(ByteSize(TABLE)),
        };
        Ok(Rules::Lookup(source, rules))
    }
}
