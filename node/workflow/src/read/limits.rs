use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use etl_model::{CircuitBreaker, OnError, RateAmount, RateLimit, Span, StepName};
use etl_sdk::{Registry, RetryPolicy};
use serde::de::DeserializeOwned;

use crate::check::{shorten, to_json};
use crate::codes;
use crate::raw::{RawCircuitBreaker, RawRateLimit};
use crate::read::configs::Config;
use crate::read::{Draft, Role};
use crate::sink::Sink;
use crate::source::Mark;
use crate::yaml::{Entry, Map};

const PER: Duration = Duration::from_secs(1);
const FAILURES: u32 = 5;
const WITHIN: Duration = Duration::from_secs(30);
const OPEN_FOR: Duration = Duration::from_secs(10);
/// What is shorter cannot be kept over several nodes.
const SHORTEST: Duration = Duration::from_millis(1);
/// What is longer is most likely a mistake, and would let a whole day's worth wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Limits of a step, with the places of their keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub rate: Option<(RateLimit, Mark)>,
    pub breaker: Option<(CircuitBreaker, Mark)>,
    pub timeout: Option<(Span, Mark)>,
    pub retry: Option<(RetryPolicy, Mark)>,
}

/// Reads the limits of a step whose shape has been checked; `faulty` when that has found something.
pub(super) fn read(map: Option<&Map>, faulty: bool, as_text: &HashSet<usize>, sink: &mut Sink) -> Limits {
    let given = |key| map.and_then(|map| map.entry(key)).filter(|entry| !entry.value.is_null());
    let (rate, breaker) = (given("rate_limit"), given("circuit_breaker"));
    let (timeout, retry) = (given("timeout"), given("retry"));
    if faulty {
        return Limits::default();
    }
    Limits {
        rate: rate.and_then(|entry| Some((rate_limit(entry, as_text, sink)?, entry.key.mark))),
        breaker: breaker.and_then(|entry| Some((circuit_breaker(entry, as_text, sink)?, entry.key.mark))),
        timeout: timeout.and_then(|entry| Some((timeout_of_calls(entry, as_text, sink)?, entry.key.mark))),
        retry: retry.and_then(|entry| Some((retry_policy(entry, as_text, sink)?, entry.key.mark))),
    }
}

fn parse<T: DeserializeOwned>(entry: &Entry, as_text: &HashSet<usize>, sink: &mut Sink) -> Option<T> {
    match serde_json::from_value(to_json(&entry.value, as_text)) {
        Ok(raw) => Some(raw),
        Err(error) => {
            // The shape has been checked, so this is a value that only its type can judge.
            sink.error(entry.key.mark, codes::OUT_OF_RANGE, format!("`{}`: {error}", entry.key.text), None);
            None
        }
    }
}

fn rate_limit(entry: &Entry, as_text: &HashSet<usize>, sink: &mut Sink) -> Option<RateLimit> {
    let raw: RawRateLimit = parse(entry, as_text, sink)?;
    let amount = match (raw.records, raw.bytes) {
        (Some(records), None) => RateAmount::Records(records.get()),
        (None, Some(bytes)) if bytes.0 > 0 => RateAmount::Bytes(bytes),
        (None, Some(_)) => {
            let message = "`rate_limit.bytes` must be more than 0 B";
            sink.error(entry.key.mark, codes::OUT_OF_RANGE, message, None);
            return None;
        }
        (both, _) => {
            let has =
                if both.is_some() { "both `records` and `bytes`" } else { "neither `records` nor `bytes`" };
            let help = "give one of them; two steps behind one another can have a limit each";
            let message = format!("`rate_limit` has {has}");
            sink.error(entry.key.mark, codes::LIMIT, message, Some(help.to_owned()));
            return None;
        }
    };
    let per = span(raw.per, PER, "rate_limit.per", entry.key.mark, sink)?;
    Some(RateLimit { amount, per, name: name(raw.name, "rate_limit", entry.key.mark, sink)? })
}

fn timeout_of_calls(entry: &Entry, as_text: &HashSet<usize>, sink: &mut Sink) -> Option<Span> {
    let given: Span = parse(entry, as_text, sink)?;
    span(Some(given), LONGEST, "timeout", entry.key.mark, sink)
}

fn retry_policy(entry: &Entry, as_text: &HashSet<usize>, sink: &mut Sink) -> Option<RetryPolicy> {
    let policy: RetryPolicy = parse(entry, as_text, sink)?;
    check_retry(&policy, "retry", entry.key.mark, sink);
    Some(policy)
}

/// Reports pauses that cannot grow.
pub(super) fn check_retry(policy: &RetryPolicy, field: &str, mark: Mark, sink: &mut Sink) {
    let RetryPolicy { initial_backoff, max_backoff, .. } = policy;
    if max_backoff < initial_backoff {
        let message = format!(
            "`{field}.max_backoff` ({max_backoff}) must not be less than `initial_backoff` ({initial_backoff})"
        );
        sink.error(mark, codes::OUT_OF_RANGE, message, None);
    }
}

fn circuit_breaker(entry: &Entry, as_text: &HashSet<usize>, sink: &mut Sink) -> Option<CircuitBreaker> {
    let raw: RawCircuitBreaker = parse(entry, as_text, sink)?;
    let mark = entry.key.mark;
    let within = span(raw.within, WITHIN, "circuit_breaker.within", mark, sink);
    let open_for = span(raw.open_for, OPEN_FOR, "circuit_breaker.open_for", mark, sink);
    let name = name(raw.name, "circuit_breaker", mark, sink)?;
    let failures = raw.failures.map_or(FAILURES, |failures| failures.get());
    Some(CircuitBreaker { failures, within: within?, open_for: open_for?, name })
}

fn span(given: Option<Span>, default: Duration, field: &str, mark: Mark, sink: &mut Sink) -> Option<Span> {
    let span = given.unwrap_or(Span(default));
    if (SHORTEST..=LONGEST).contains(&span.0) {
        return Some(span);
    }
    let message = format!("`{field}` must be from {} to {}, not {span}", Span(SHORTEST), Span(LONGEST));
    sink.error(mark, codes::OUT_OF_RANGE, message, None);
    None
}

/// A name that is shared is like the name of a step.
fn name(given: Option<String>, of: &str, mark: Mark, sink: &mut Sink) -> Option<Option<String>> {
    let Some(name) = given else { return Some(None) };
    if StepName::new(&name).is_ok() {
        return Some(Some(name));
    }
    let message = format!("`{}` is not a name for `{of}.name`", shorten(&name));
    let help = "use lower-case letters, digits, `_` and `-`";
    sink.error(mark, codes::INVALID_NAME, message, Some(help.to_owned()));
    None
}

/// Reports limits of transformations that call no system, and of those that another node carries out, which does not await
/// them.
pub(super) fn check_transformations(
    drafts: &[Draft<'_>],
    configs: &[Option<Config>],
    registry: &Registry,
    sink: &mut Sink,
) {
    for (draft, config) in drafts.iter().zip(configs) {
        let Limits { rate, breaker, timeout, retry } = &draft.limits;
        if let Some((_, mark)) = timeout
            && draft.role == Role::Transformation
        {
            let message = format!("`timeout` belongs to a source or destination: `{}` is none", draft.name);
            let help = "a transformation that calls a system has a `timeout` in its `config`";
            sink.error(*mark, codes::LIMIT, message, Some(help.to_owned()));
        }
        let rate = rate.as_ref().map(|(_, mark)| ("rate_limit", *mark));
        let breaker = breaker.as_ref().map(|(_, mark)| ("circuit_breaker", *mark));
        // A record that is tried again is tried again as the step says.
        let retry = retry.as_ref().filter(|_| draft.on_error.0 != OnError::Retry);
        let retry = retry.map(|(_, mark)| ("retry", *mark));
        let given = [rate, breaker, retry];
        if draft.role != Role::Transformation || given.iter().all(Option::is_none) {
            continue;
        }
        let connector = draft.kind.and_then(|(kind, _)| registry.find_processor(kind));
        let configured = connector.zip(config.as_ref());
        let Some(Ok(processor)) = configured.map(|(of, config)| of.configure(&config.value)) else {
            continue;
        };
        for (key, mark) in given.into_iter().flatten() {
            let (message, help) = if !processor.capabilities().waits {
                let message =
                    format!("`{key}` belongs to a step that calls a system: `{}` does not", draft.name);
                let help = match key {
                    "retry" => "give it to the source or destination; `on_error: retry` tries records again",
                    _ => "limit the source or destination",
                };
                (message, help)
            } else if draft.node.is_some() && key != "retry" {
                let message = format!("`{key}` and `placement` of `{}` exclude each other", draft.name);
                (message, "remove one of them; calls are counted where the partition is worked on")
            } else {
                continue;
            };
            sink.error(mark, codes::LIMIT, message, Some(help.to_owned()));
        }
    }
}

/// Reports figures that differ from those of another step under the same name.
pub(super) fn check_shared(drafts: &[Draft<'_>], sink: &mut Sink) {
    let mut rates: BTreeMap<&str, (&str, &RateLimit)> = BTreeMap::new();
    let mut breakers: BTreeMap<&str, (&str, &CircuitBreaker)> = BTreeMap::new();
    for draft in drafts {
        if let Some((limit, mark)) = &draft.limits.rate
            && let Some(name) = &limit.name
        {
            let (step, first) = *rates.entry(name).or_insert((&draft.name, limit));
            if first != limit {
                differs("rate_limit", name, *mark, [&draft.name, step], [limit, first], sink);
            }
        }
        if let Some((breaker, mark)) = &draft.limits.breaker
            && let Some(name) = &breaker.name
        {
            let (step, first) = *breakers.entry(name).or_insert((&draft.name, breaker));
            if first != breaker {
                differs("circuit_breaker", name, *mark, [&draft.name, step], [breaker, first], sink);
            }
        }
    }
}

fn differs<T: std::fmt::Display>(
    what: &str,
    name: &str,
    mark: Mark,
    steps: [&str; 2],
    figures: [&T; 2],
    sink: &mut Sink,
) {
    let message =
        format!("`{what}` `{name}` is {} at `{}` and {} at `{}`", figures[0], steps[0], figures[1], steps[1]);
    let help = "what is shared has the same figures wherever it is named; give it another name otherwise";
    sink.error(mark, codes::LIMIT, message, Some(help.to_owned()));
}
