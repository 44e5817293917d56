use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use etl_model::{CircuitBreaker, OnError, RateLimit, Span, StepName, WorkflowName};
use etl_sdk::{FieldError, RetryPolicy};

use crate::codes;
use crate::diagnostics::Diagnostics;
use crate::meaning::meaning;
use crate::parameters::Parameter;
use crate::place::Place;
use crate::read::{Origin, field_issue};
use crate::secrets::StepConfig;
use crate::settings::Settings;
use crate::sink::Sink;
use crate::source::{Mark, SourceText};
use crate::yaml::{Node, Value};

/// A validated workflow: every name is unique and valid, every input exists, there is no cycle, every type is known
/// and every `config` was accepted by its connector.
#[derive(Clone)]
pub struct Workflow {
    /// The key of its state and markers.
    pub name: WorkflowName,
    /// What it is for.
    pub description: Option<String>,
    /// What a run can give to it, in the order of the file, with the values it has.
    pub parameters: Vec<Parameter>,
    /// How it is run.
    pub settings: Settings,
    /// By name.
    pub sources: Vec<Step>,
    /// Every step behind its inputs; by name where that leaves a choice.
    pub transformations: Vec<Step>,
    /// By name.
    pub destinations: Vec<Step>,
    /// What those who look on do not see, rule by rule.
    pub viewing: Vec<Viewing>,
    /// A hash of what decides which records arrive where and how they look: the name, `sync` and of every step its
    /// name, type, inputs, `config` (secrets by name, parameters with their values) and `on_error`; not the order of keys, the form, the description
    /// or settings that only say how fast or carefully it is done.
    pub meaning: String,
    /// What is allowed but probably not meant.
    pub warnings: Diagnostics,
    file: Arc<str>,
    text: Arc<str>,
}

/// What is hidden where records are shown.
#[derive(Debug, Clone)]
pub struct Viewing {
    /// Who sees it all the same.
    pub roles: Vec<String>,
    /// The transformation that hides it.
    pub mask: Step,
}

/// A source, transformation or destination.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the workflow.
    pub name: StepName,
    /// The `type`.
    pub kind: String,
    /// The steps it reads, in the order given; empty for sources.
    pub inputs: Vec<StepName>,
    /// The settings of its type, variables put in.
    pub config: StepConfig,
    /// What it does with a record it cannot process.
    pub on_error: OnError,
    /// Its records hold values that masking rules hide from everything behind it. What is reported of one that it cannot read
    /// must show neither the record nor a part of it.
    pub conceals: bool,
    /// It is given the records that fail at the step it reads. Its kind is no type of the registry.
    pub takes_errors: bool,
    /// The node that carries it out in a cluster, by its number; `None` where that follows from the step.
    pub node: Option<u64>,
    /// How much may pass it in a time; never on a transformation.
    pub rate_limit: Option<RateLimit>,
    /// When it is left alone because it fails; never on a transformation.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How long one call of it may take; never on a transformation.
    pub timeout: Option<Span>,
    /// How it is tried again, where not as the workflow says.
    pub retry: Option<RetryPolicy>,
    /// Where it stands in the file.
    pub span: Place,
    pub(crate) origin: Arc<Origin>,
}

impl Workflow {
    #[allow(clippy::too_many_arguments)] // a constructor of the fields, called once
    pub(crate) fn new(
        file: &str,
        text: &str,
        name: WorkflowName,
        description: Option<String>,
        parameters: Vec<Parameter>,
        settings: Settings,
        sources: Vec<Step>,
        transformations: Vec<Step>,
        destinations: Vec<Step>,
        viewing: Vec<Viewing>,
    ) -> Self {
        let mut workflow = Self {
            name,
            description,
            parameters,
            settings,
            sources,
            transformations,
            destinations,
            viewing,
            meaning: String::new(),
            warnings: Diagnostics::default(),
            file: file.into(),
            text: text.into(),
        };
        workflow.meaning = meaning(&workflow);
        workflow
    }

    /// The value of every parameter that has one, by name: what a run of it is started with.
    pub fn parameter_values(&self) -> BTreeMap<String, String> {
        let value = |parameter: &Parameter| Some((parameter.name.clone(), parameter.value.clone()?));
        self.parameters.iter().filter_map(value).collect()
    }

    /// All steps: sources, transformations, destinations.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.sources.iter().chain(&self.transformations).chain(&self.destinations)
    }

    /// The step of that name.
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        self.steps().find(|step| &step.name == name)
    }

    /// The same workflow with secrets put into the configs.
    ///
    /// # Errors
    /// One message per place of each secret for which `lookup` has no value.
    pub fn resolve_secrets(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Diagnostics> {
        let mut values: BTreeMap<&str, String> = BTreeMap::new();
        let mut sink = Sink::default();
        for step in self.steps().chain(self.viewing.iter().map(|rule| &rule.mask)) {
            for secret in &step.config.secrets {
                for name in secret.names() {
                    if values.contains_key(name) {
                        continue;
                    }
                    match lookup(name) {
                        Some(value) => drop(values.insert(name, value)),
                        None => {
                            let mark = place(&step.origin, &secret.path);
                            let message = format!("the secret `{name}` is not known");
                            sink.error(mark, codes::UNKNOWN_SECRET, message, None);
                        }
                    }
                }
            }
        }
        if sink.failed() {
            return Err(self.diagnostics(sink));
        }
        let mut resolved = self.clone();
        let lists = [&mut resolved.sources, &mut resolved.transformations, &mut resolved.destinations];
        let masks = resolved.viewing.iter_mut().map(|rule| &mut rule.mask);
        for step in lists.into_iter().flatten().chain(masks) {
            step.config = step.config.resolved(&values);
        }
        Ok(resolved)
    }

    /// Gives the errors of a connector their places in the file, for a `config` that was refused only after its
    /// secrets were put in. Values of secrets are removed from the messages.
    pub fn field_errors(&self, step: &Step, errors: &[FieldError]) -> Diagnostics {
        let mut sink = Sink::default();
        let mut unread = Sink::default();
        if let Some(source) = SourceText::new(self.text.as_bytes(), &mut unread) {
            for error in errors {
                let mut issue = field_issue(error, &step.origin, &source);
                issue.message = step.config.redact(&issue.message);
                issue.help = issue.help.map(|help| step.config.redact(&help));
                sink.push(issue);
            }
        }
        self.diagnostics(sink)
    }

    pub(crate) fn diagnostics(&self, sink: Sink) -> Diagnostics {
        let mut unread = Sink::default();
        let source = SourceText::new(self.text.as_bytes(), &mut unread);
        sink.finish(&self.file, source.as_ref())
    }
}

fn place(origin: &Origin, path: &[etl_sdk::PathSegment]) -> Mark {
    let found = path.iter().try_fold(&origin.node, |node: &Node, segment| match (&node.value, segment) {
        (Value::Map(map), etl_sdk::PathSegment::Key(key)) => map.get(key),
        (Value::List(items), etl_sdk::PathSegment::Index(index)) => items.get(*index),
        _ => None,
    });
    found.map_or(origin.mark, |node| node.mark)
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("parameters", &self.parameters)
            .field("settings", &self.settings)
            .field("sources", &self.sources)
            .field("transformations", &self.transformations)
            .field("destinations", &self.destinations)
            .field("meaning", &self.meaning)
            .finish_non_exhaustive()
    }
}
