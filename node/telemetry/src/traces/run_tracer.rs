use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use etl_model::{AttributeValue, TraceContext, TraceSpan, Tracer};
use uuid::Uuid;

use super::Traces;
use crate::telemetry::RunFacts;

/// Traces on behalf of one run, or of none.
pub(crate) struct RunTracer {
    traces: Traces,
    run: Option<Uuid>,
    workflow: Option<String>,
    /// By step: the type of its connector.
    connectors: HashMap<String, String>,
    has_begun: AtomicBool,
    /// The run as text, made when it is first needed.
    text: Mutex<Option<String>>,
}

/// The name of a connector's system in the conventions for databases (OpenTelemetry semantic conventions 1.37,
/// `db.system.name`).
fn database(connector: &str) -> Option<&'static str> {
    match connector {
        "postgres" => Some("postgresql"),
        "sqlite" => Some("sqlite"),
        "mysql" => Some("mysql"),
        "mariadb" => Some("mariadb"),
        _ => None,
    }
}

/// The same for `messaging.system`.
fn messaging(connector: &str) -> Option<&'static str> {
    match connector {
        "kafka" => Some("kafka"),
        "rabbitmq" => Some("rabbitmq"),
        _ => None,
    }
}

impl RunTracer {
    /// Of a run whose steps are known.
    pub fn new(traces: &Traces, facts: &RunFacts) -> Self {
        let connectors = facts.steps.iter().map(|step| (step.name.clone(), step.connector.clone())).collect();
        let workflow = Some(facts.workflow.clone());
        Self { workflow, connectors, ..Self::beside(traces, Some(facts.run)) }
    }

    /// Of something else that is done for a run, or for none.
    pub fn beside(traces: &Traces, run: Option<Uuid>) -> Self {
        Self {
            traces: traces.clone(),
            run,
            workflow: None,
            connectors: HashMap::new(),
            has_begun: AtomicBool::new(false),
            text: Mutex::default(),
        }
    }

    fn run_text(&self) -> Option<String> {
        let run = self.run?;
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        Some(text.get_or_insert_with(|| run.to_string()).clone())
    }

    /// What belongs to every span of the run, and of its steps.
    fn describe(&self, mut span: TraceSpan) -> TraceSpan {
        let step = span.attributes.iter().find_map(|(name, value)| match (*name, value) {
            ("etl.step", AttributeValue::Text(step)) => self.connectors.get(step.as_ref()),
            _ => None,
        });
        if let Some(connector) = step {
            span.attributes.push(("etl.connector", connector.clone().into()));
            if let Some(system) = database(connector) {
                span.attributes.push(("db.system.name", system.into()));
            }
            if let Some(system) = messaging(connector) {
                span.attributes.push(("messaging.system", system.into()));
            }
        }
        if let Some(workflow) = &self.workflow {
            span.attributes.push(("etl.workflow", workflow.clone().into()));
        }
        if let (None, Some(run)) = (span.parent, self.run) {
            let whole = TraceContext::of_run(run.into());
            if whole != span.context {
                span.links.push(whole);
            }
        }
        if let Some(run) = self.run_text() {
            span.attributes.push(("etl.run", run.into()));
        }
        if let Some(node) = self.traces.node() {
            span.attributes.push(("etl.node", node.into()));
        }
        span
    }
}

impl Tracer for RunTracer {
    fn begin(&self) -> Option<TraceContext> {
        let sampling = self.traces.sampling();
        if !sampling.is_on() {
            return None;
        }
        // The first one always, so that there is something to look at also in a short run.
        let is_first =
            !self.has_begun.load(Ordering::Relaxed) && !self.has_begun.swap(true, Ordering::Relaxed);
        (is_first || sampling.chooses()).then(|| TraceContext::new(true))
    }

    fn ended(&self, span: TraceSpan) {
        if span.context.is_sampled() && self.traces.sampling().is_on() {
            self.traces.take(self.run, self.describe(span));
        }
    }
}
