use std::collections::HashSet;

use etl_model::SyncMode;
use serde::Deserialize;

use crate::check::to_json;
use crate::codes;
use crate::raw::{RawGuarantee, RawSettings, RawSyncMode};
use crate::read::cron;
use crate::settings::{RequiredGuarantee, Settings};
use crate::sink::Sink;
use crate::source::Mark;
use crate::yaml::Map;

/// Keys of `workflow` that serde reads.
const KEYS: &[&str] = &["description", "delivery", "sync", "parallelism", "retry", "commit_interval"];

/// Reads the settings. `faulty` are the places of errors already reported about the workflow's fields.
pub(super) fn read(
    map: &Map,
    faulty: bool,
    as_text: &HashSet<usize>,
    sink: &mut Sink,
) -> (Option<String>, Settings) {
    schedule(map, sink);
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
    if let Some(retry) = &raw.retry
        && retry.max_backoff < retry.initial_backoff
    {
        let message = format!(
            "`workflow.retry.max_backoff` ({}) must not be less than `initial_backoff` ({})",
            retry.max_backoff, retry.initial_backoff
        );
        sink.error(mark_of(map, "retry"), codes::OUT_OF_RANGE, message, None);
    }
    if raw.commit_interval.is_some_and(|interval| interval.0.is_zero()) {
        let message = "`workflow.commit_interval` must be more than 0s";
        sink.error(mark_of(map, "commit_interval"), codes::OUT_OF_RANGE, message, None);
    }
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
    };
    (raw.description, settings)
}

/// A schedule cannot be kept yet, but it can be wrong.
fn schedule(map: &Map, sink: &mut Sink) {
    let Some(entry) = map.entry("schedule") else { return };
    let Some(scalar) = entry.value.scalar().filter(|scalar| !scalar.is_unknown()) else { return };
    let checked = match scalar.text() {
        Some(text) => cron::check(text),
        None => Err("a schedule is text".to_owned()),
    };
    if let Err(reason) = checked {
        let message = format!("`workflow.schedule`: {reason}");
        let help = Some("for example \"0 3 * * *\" for three o'clock every day".to_owned());
        sink.error(entry.value.mark, codes::SCHEDULE, message, help);
    }
}

fn mark_of(map: &Map, key: &str) -> Mark {
    map.entry(key).map(|entry| entry.key.mark).unwrap_or_default()
}
