use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use etl_engine::{ChainSight, Committed, EngineError, Observer, Operation, Wait, Work};
use etl_model::{Fault, StepName};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::instruments::{Instruments, Labels, SecondsCounter};
use super::{Sample, Workflows};
use crate::catalog::{self, Metric};

/// Counts what the chains of one run do, into the series of its workflow.
pub(crate) struct RunMeters {
    steps: HashMap<String, StepMeters>,
    compute: SecondsCounter,
    checkpoints: Counter,
    /// When the last checkpoint was stored; the beginning before there is one.
    checkpointed: Mutex<Instant>,
    /// Chains that are or were open, by source.
    chains: Mutex<Vec<(String, Weak<dyn ChainSight>)>>,
}

/// The series of one step.
struct StepMeters {
    connector: String,
    /// By operation; of those that a step of its kind does.
    work: [Option<(Counter, Histogram)>; 6],
    waits: [Option<SecondsCounter>; 4],
    source: Option<SourceMeters>,
    destination: Option<DestinationMeters>,
    set_aside: Counter,
    retries: [Counter; 3],
    failures: [Counter; 3],
}

struct SourceMeters {
    records: Counter,
    bytes: Counter,
}

struct DestinationMeters {
    delivered: Counter,
    bytes: Counter,
    filtered: Counter,
    created: Counter,
    skipped: Counter,
    units: Counter,
    latency: Histogram,
}

/// What a step of a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRole {
    /// It yields records.
    Source,
    /// It changes, drops or divides them.
    Transformation,
    /// It takes them.
    Destination,
}

/// A step of a workflow, for those who count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// Its name in the workflow.
    pub name: String,
    /// The type of its connector.
    pub connector: String,
    /// What it is.
    pub role: StepRole,
}

impl StepRole {
    fn does(self, operation: Operation) -> bool {
        match self {
            Self::Source => matches!(operation, Operation::Read | Operation::Decode),
            Self::Transformation => operation == Operation::Transform,
            Self::Destination => {
                matches!(operation, Operation::Encode | Operation::Write | Operation::Commit)
            }
        }
    }

    fn waits_for(self, what: Wait) -> bool {
        match self {
            Self::Source => what != Wait::Turn,
            Self::Transformation => false,
            Self::Destination => matches!(what, Wait::Limit | Wait::Turn),
        }
    }
}

const FAULTS: [(Fault, &str); 3] =
    [(Fault::User, "user"), (Fault::External, "external"), (Fault::Internal, "internal")];
const WAITS: [Wait; 4] = [Wait::Room, Wait::Limit, Wait::Thread, Wait::Turn];

/// Makes series and remembers them.
struct Maker<'a> {
    instruments: &'a Instruments,
    made: BTreeSet<(&'static str, Labels)>,
}

impl Maker<'_> {
    fn labels(&mut self, metric: &Metric, values: &[&str]) -> Labels {
        let labels: Labels =
            metric.labels.iter().copied().zip(values.iter().map(|value| (*value).to_owned())).collect();
        self.made.insert((metric.name, labels.clone()));
        labels
    }

    fn counter(&mut self, metric: &Metric, values: &[&str]) -> Counter {
        let labels = self.labels(metric, values);
        self.instruments.counter(metric, &labels)
    }

    fn seconds(&mut self, metric: &Metric, values: &[&str]) -> SecondsCounter {
        let labels = self.labels(metric, values);
        self.instruments.seconds(metric, &labels)
    }

    fn histogram(&mut self, metric: &Metric, values: &[&str]) -> Histogram {
        let labels = self.labels(metric, values);
        self.instruments.histogram(metric, &labels)
    }

    fn step(&mut self, workflow: &str, facts: &StepFacts) -> StepMeters {
        let StepFacts { name, connector, role } = facts;
        let of = [workflow, name.as_str(), connector.as_str()];
        let with = |last: &'static str| [workflow, name.as_str(), connector.as_str(), last];
        let work = Operation::ALL.map(|what| {
            let labels = with(what.as_str());
            role.does(what).then(|| {
                let records = self.counter(&catalog::STEP_RECORDS, &labels);
                (records, self.histogram(&catalog::STEP_SECONDS, &labels))
            })
        });
        let waits = WAITS.map(|what| {
            role.waits_for(what).then(|| self.seconds(&catalog::WAIT_SECONDS, &with(what.as_str())))
        });
        let source = (*role == StepRole::Source).then(|| SourceMeters {
            records: self.counter(&catalog::RECORDS_READ, &of),
            bytes: self.counter(&catalog::BYTES_READ, &of),
        });
        let destination = (*role == StepRole::Destination).then(|| DestinationMeters {
            delivered: self.counter(&catalog::RECORDS_DELIVERED, &of),
            bytes: self.counter(&catalog::BYTES_WRITTEN, &of),
            filtered: self.counter(&catalog::RECORDS_FILTERED, &of),
            created: self.counter(&catalog::RECORDS_CREATED, &of),
            skipped: self.counter(&catalog::RECORDS_SKIPPED, &of),
            units: self.counter(&catalog::UNITS_COMMITTED, &of),
            latency: self.histogram(&catalog::BATCH_LATENCY, &of),
        });
        StepMeters {
            connector: connector.clone(),
            work,
            waits,
            source,
            destination,
            set_aside: self.counter(&catalog::RECORDS_SET_ASIDE, &of),
            retries: FAULTS.map(|(_, fault)| self.counter(&catalog::RETRIES, &with(fault))),
            failures: FAULTS.map(|(_, fault)| self.counter(&catalog::FAILURES, &with(fault))),
        }
    }
}

impl RunMeters {
    /// Begins to count for a run of a workflow with these steps and connectors.
    pub fn begin(
        workflows: &Workflows,
        instruments: &Arc<Instruments>,
        workflow: &str,
        steps: &[StepFacts],
    ) -> Arc<Self> {
        let label = workflows.label(workflow, instruments);
        let mut maker = Maker { instruments, made: BTreeSet::new() };
        let steps = steps.iter().map(|facts| (facts.name.clone(), maker.step(&label, facts))).collect();
        let run = Arc::new(Self {
            steps,
            compute: maker.seconds(&catalog::COMPUTE_SECONDS, &[&label]),
            checkpoints: maker.counter(&catalog::CHECKPOINTS, &[&label]),
            checkpointed: Mutex::new(Instant::now()),
            chains: Mutex::default(),
        });
        workflows.add(&label, &run, maker.made);
        run
    }

    fn step(&self, step: &StepName) -> Option<&StepMeters> {
        self.steps.get(step.as_str())
    }

    /// The step that an error is about, else the source of its chain.
    fn at_fault(&self, source: &StepName, error: &EngineError) -> Option<(&StepMeters, usize)> {
        let step = error.step().and_then(|step| self.step(step)).or_else(|| self.step(source))?;
        let fault = FAULTS.iter().position(|(fault, _)| *fault == error.fault())?;
        Some((step, fault))
    }

    /// Adds what is so at this moment.
    pub fn sample(&self, workflow: &str, sample: &mut Sample) {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut all, mut oldest) = (0, 0, Duration::ZERO);
        let mut open: HashMap<&str, u64> = HashMap::new();
        chains.retain(|(_, chain)| chain.strong_count() > 0);
        for (source, chain) in chains.iter().filter_map(|(source, chain)| Some((source, chain.upgrade()?))) {
            let (of_chain, budget) = chain.permits();
            taken += of_chain;
            all += budget;
            oldest = oldest.max(chain.oldest().unwrap_or_default());
            *open.entry(source).or_default() += 1;
        }
        sample.set(&catalog::PERMITS_TAKEN, &[workflow], taken as f64);
        sample.set(&catalog::PERMITS, &[workflow], all as f64);
        sample.largest(&catalog::LAG, &[workflow], oldest.as_secs_f64());
        for (source, count) in &open {
            let connector = self.steps.get(*source).map_or("", |step| step.connector.as_str());
            sample.set(&catalog::PARTITIONS_OPEN, &[workflow, source, connector], *count as f64);
        }
        if !open.is_empty() {
            let age = self.checkpointed.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            sample.largest(&catalog::CHECKPOINT_AGE, &[workflow], age.as_secs_f64());
        }
    }
}

impl Observer for RunMeters {
    fn worked(&self, step: &StepName, work: Work) {
        let Some(step) = self.step(step) else { return };
        let Work { operation, took, records, bytes } = work;
        if let Some((count, seconds)) = &step.work[operation as usize] {
            count.inc_by(records);
            seconds.observe(took.as_secs_f64());
        }
        match (operation, &step.source) {
            (Operation::Read, Some(source)) => {
                source.records.inc_by(records);
                source.bytes.inc_by(bytes);
            }
            (Operation::Decode | Operation::Transform | Operation::Encode, _) => {
                self.compute.inc_by(took.as_secs_f64());
            }
            _ => {}
        }
    }

    fn waited(&self, step: &StepName, what: Wait, time: Duration) {
        if let Some(waited) = self.step(step).and_then(|step| step.waits[what as usize].as_ref()) {
            waited.inc_by(time.as_secs_f64());
        }
    }

    fn committed(&self, destination: &StepName, unit: Committed) {
        let Some(meters) = self.step(destination).and_then(|step| step.destination.as_ref()) else { return };
        meters.units.inc();
        meters.delivered.inc_by(unit.counters.delivered);
        meters.bytes.inc_by(unit.counters.bytes_written);
        meters.filtered.inc_by(unit.counters.filtered);
        meters.created.inc_by(unit.counters.created);
        meters.skipped.inc_by(unit.counters.failed);
        if let Some(latency) = unit.latency {
            meters.latency.observe(latency.as_secs_f64());
        }
    }

    fn set_aside(&self, step: &StepName, records: u64) {
        if let Some(step) = self.step(step) {
            step.set_aside.inc_by(records);
        }
    }

    fn checkpointed(&self, _source: &StepName, routes: usize) {
        self.checkpoints.inc_by(routes as u64);
        *self.checkpointed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn opened(&self, source: &StepName, chain: Weak<dyn ChainSight>) {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if chains.len() == chains.capacity() {
            chains.retain(|(_, chain)| chain.strong_count() > 0);
        }
        chains.push((source.as_str().to_owned(), chain));
    }

    fn retrying(&self, source: &StepName, error: &EngineError) {
        if let Some((step, fault)) = self.at_fault(source, error) {
            step.retries[fault].inc();
        }
    }

    fn failed(&self, source: &StepName, error: &EngineError) {
        if let Some((step, fault)) = self.at_fault(source, error) {
            step.failures[fault].inc();
        }
    }
}
