use std::collections::HashSet;

use etl_model::SyncMode;
use serde::Deserialize;

use super::limits::check_retry;
use crate::check::to_json;
use crate::codes;
use crate::raw::{RawGuarantee, RawSettings, RawSyncMode};
use crate::read::schedule;
use crate::settings::{RequiredGuarantee, Settings};
use crate::sink::Sink;
use crate::source::Mark;
use crate::yaml::Map;

/// Keys of `workflow` that serde reads.
const KEYS: &[&str] = &[
    "description",
    "delivery",
    "sync",
    "parallelism",
    "retry",
    "commit_interval",
    "schedule",
    "timezone",
    "overlap",
    "catch_up",
];

/// Reads the settings. `faulty` are the places of errors already reported about the workflow's fields.
pub(super) fn read(
    map: &Map,
    faulty: bool,
    as_text: &HashSet<usize>,
    sink: &mut Sink,
) -> (Option<String>, Settings) {
    schedule::check(map, sink);
    if faulty {
        return (None, Settings::default());
    }
    let json = map
        .entries
        .iter()
        .filter(|entry| KEYS.contains(&entry.key.text.as_str()) && !entry.value.is_unknown())
        .map(|entry| (entry.key.text.clone(), to_json(&entry.value, as_text)))
        .collect();
    let raw = match RawSettings::deserialize(serde_json::Value::Object(json)) {
        Ok(raw) => raw,
        Err(error) => {
            // The shape has been checked, so this is a value that only its type can judge.
            let mark = map.entries.first().map(|entry| entry.key.mark).unwrap_or_default();
            sink.error(mark, codes::OUT_OF_RANGE, error.to_string(), None);
            return (None, Settings::default());
        }
    };
    if let Some(retry) = &raw.retry {
        check_retry(retry, "workflow.retry", mark_of(map, "retry"), sink);
    }
    if raw.commit_interval.is_some_and(|interval| interval.0.is_zero()) {
        let message = "`workflow.commit_interval` must be more than 0s";
        sink.error(mark_of(map, "commit_interval"), codes::OUT_OF_RANGE, message, None);
    }
    let schedule = schedule::read(&raw);
    let settings = Settings {
        sync: match raw.sync.unwrap_or_default().mode {
            RawSyncMode::Full => SyncMode::Full,
            RawSyncMode::Incremental => SyncMode::Incremental,
        },
        parallelism: raw.parallelism,
        delivery: match raw.delivery.unwrap_or_default().guarantee {
            RawGuarantee::ExactlyOnce => RequiredGuarantee::ExactlyOnce,
            RawGuarantee::AtLeastOnce => RequiredGuarantee::AtLeastOnce,
            RawGuarantee::Best => RequiredGuarantee::Best,
        },
        retry: raw.retry.unwrap_or_default(),
        commit_interval: raw.commit_interval,
        schedule,
    };
    (raw.description, settings)
}

fn mark_of(map: &Map, key: &str) -> Mark {
    map.entry(key).map(|entry| entry.key.mark).unwrap_or_default()
}
