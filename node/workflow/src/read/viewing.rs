use std::sync::Arc;

use etl_model::{OnError, StepName};
use etl_sdk::{PathSegment, Registry};
use serde_json::json;

use super::configs::Config;
use super::protection::{MASK, check_rules};
use crate::codes;
use crate::secrets::{SecretText, StepConfig};
use crate::sink::Sink;
use crate::source::SourceText;
use crate::workflow::{Step, Viewing};
use crate::yaml::{Map, Node, Value};

/// The key of the rules.
const RULES: &str = "masking_rules";

/// Reads `data_protection.viewing`, whose shape has been checked.
pub(super) fn read(
    workflow: &Map,
    registry: &Registry,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Vec<Viewing> {
    let viewing = workflow.get("data_protection").and_then(Node::map).and_then(|map| map.entry("viewing"));
    let rules = viewing.and_then(|viewing| viewing.value.map()?.entry(RULES));
    let (Some(viewing), Some(rules)) = (viewing, rules) else { return Vec::new() };
    let Some(items) = rules.value.list() else { return Vec::new() };
    let roles: Vec<Option<Vec<String>>> = items.iter().map(|item| roles(item, sink)).collect();
    let without = items.iter().map(without_roles).collect();
    let mut entry = rules.clone();
    entry.value.value = Value::List(without);
    let path = "workflow.data_protection.viewing";
    let Some(config) = check_rules(entry, &viewing.value, path, registry, source, sink) else {
        return Vec::new();
    };
    let rule =
        |(at, roles): (usize, Option<Vec<String>>)| Some(Viewing { roles: roles?, mask: mask(&config, at)? });
    roles.into_iter().enumerate().filter_map(rule).collect()
}

/// Who sees the values, as a rule says.
fn roles(rule: &Node, sink: &mut Sink) -> Option<Vec<String>> {
    let Some(entry) = rule.map().and_then(|rule| rule.entry("roles")) else { return Some(Vec::new()) };
    let names = entry.value.list().unwrap_or(std::slice::from_ref(&entry.value)).iter();
    let names: Option<Vec<String>> = names.map(|name| Some(name.scalar()?.text()?.to_owned())).collect();
    if names.is_none() {
        let help = "for example [support, admin]".to_owned();
        sink.error(entry.key.mark, codes::WRONG_TYPE, "`roles` must be a list of names", Some(help));
    }
    names
}

fn without_roles(rule: &Node) -> Node {
    let mut rule = rule.clone();
    if let Value::Map(map) = &mut rule.value {
        map.entries.retain(|entry| entry.key.text != "roles");
    }
    rule
}

/// One of the rules as a mask of its own.
fn mask(config: &Config, at: usize) -> Option<Step> {
    let rule = config.value.get(RULES)?.get(at)?;
    let of_rule = |secret: &SecretText| {
        let [PathSegment::Key(_), PathSegment::Index(index), ..] = secret.path.as_slice() else {
            return None;
        };
        let mut secret = (*index == at).then(|| secret.clone())?;
        *secret.path.get_mut(1)? = PathSegment::Index(0);
        Some(secret)
    };
    let secrets = config.secrets.iter().filter_map(of_rule).collect();
    Some(Step {
        name: StepName::new("viewing").ok()?,
        kind: MASK.to_owned(),
        inputs: Vec::new(),
        config: StepConfig::new(json!({ RULES: [rule] }), secrets),
        on_error: OnError::Fail,
        conceals: false,
        takes_errors: false,
        node: None,
        rate_limit: None,
        circuit_breaker: None,
        timeout: None,
        retry: None,
        span: config.origin.mark.into(),
        origin: Arc::new(config.origin.clone()),
    })
}
