use std::collections::HashSet;
use std::sync::Arc;

use etl_model::{OnError, StepName};
use etl_sdk::Registry;

use super::configs::{Config, check_config};
use crate::codes;
use crate::read::limits::Limits;
use crate::read::{Draft, Role};
use crate::secrets::StepConfig;
use crate::sink::Sink;
use crate::source::SourceText;
use crate::workflow::Step;
use crate::yaml::{Entry, Map, Node, Typed, Value};

/// The transformation that carries out masking rules.
pub(super) const MASK: &str = "mask";

/// Reads `data_protection`, whose shape has been checked; the `config` of the masks that stand behind all sources, if there
/// are to be any.
pub(super) fn read(
    workflow: &Map,
    registry: &Registry,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Option<Config> {
    let entry = workflow.entry("data_protection")?;
    let protection = entry.value.map()?;
    if let Some(encryption) = protection.get("encryption").and_then(Node::map) {
        refuse_encryption(encryption, sink);
    }
    let rules = protection.entry("masking_rules").filter(|rules| !rules.value.is_null())?;
    check_rules(rules.clone(), &entry.value, "workflow.data_protection", registry, source, sink)
}

/// Checks masking rules that stand in a mapping of this path, as the `config` of a mask.
pub(super) fn check_rules(
    rules: Entry,
    around: &Node,
    path: &str,
    registry: &Registry,
    source: &SourceText<'_>,
    sink: &mut Sink,
) -> Option<Config> {
    let mark = rules.key.mark;
    let node = Node { value: Value::Map(Map { entries: vec![rules] }), ..around.clone() };
    let draft = Draft {
        role: Role::Transformation,
        config_path: path.to_owned(),
        named: false,
        name: MASK.to_owned(),
        mark,
        kind: Some((MASK, mark)),
        inputs: Vec::new(),
        config: Some((mark, &node)),
        on_error: (OnError::Fail, None),
        takes_errors: false,
        limits: Limits::default(),
        node: None,
    };
    check_config(&draft, registry, source, sink)
}

/// What would have to be encrypted cannot be told yet, and is not pretended to be.
fn refuse_encryption(encryption: &Map, sink: &mut Sink) {
    for entry in &encryption.entries {
        let asked = entry.value.scalar().is_none_or(|scalar| *scalar.natural() != Typed::Bool(false));
        if !asked || entry.value.is_null() {
            continue;
        }
        let message = format!("`encryption.{}` is part of the language but not built yet", entry.key.text);
        let help = "remove it; ask for encrypted connections in the `config` of the connectors that have it, and encrypt \
                    the disks";
        sink.error(entry.key.mark, codes::NOT_BUILT, message, Some(help.to_owned()));
    }
}

/// Puts a mask behind every source, before everything that reads it. It does with records what the source does.
pub(super) fn mask_sources(
    config: &Config,
    sources: &mut [Step],
    transformations: &mut Vec<Step>,
    destinations: &mut [Step],
) {
    let names =
        sources.iter().chain(&*transformations).chain(&*destinations).map(|step| step.name.to_string());
    let mut taken: HashSet<String> = names.collect();
    let mut masks = Vec::with_capacity(sources.len());
    for source in sources {
        let base = format!("protect-{}", source.name);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name));
        let Some(name) = name.and_then(|name| StepName::new(&name).ok()) else { continue };
        taken.insert(name.to_string());
        // What it cannot read is told without a part of it, so that its errors have nothing to mask.
        let readers = transformations.iter_mut().filter(|step| !step.takes_errors);
        for reader in readers.chain(&mut *destinations) {
            for input in reader.inputs.iter_mut().filter(|input| **input == source.name) {
                *input = name.clone();
            }
        }
        source.conceals = true;
        masks.push(Step {
            name,
            kind: MASK.to_owned(),
            inputs: vec![source.name.clone()],
            config: StepConfig::new(config.value.clone(), config.secrets.clone()),
            on_error: source.on_error,
            conceals: false,
            takes_errors: false,
            node: None,
            rate_limit: None,
            circuit_breaker: None,
            timeout: None,
            retry: None,
            span: config.origin.mark.into(),
            origin: Arc::new(config.origin.clone()),
        });
    }
    transformations.splice(0..0, masks);
}
