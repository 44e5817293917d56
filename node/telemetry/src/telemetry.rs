use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use etl_engine::Observer;
use etl_model::Tracer;
use uuid::Uuid;

use crate::Error;
use crate::metrics::{Instruments, ProcessSampler, RunMeters, Sample, Sampler, StepFacts, Workflows};
use crate::traces::{KeptSpan, RunTracer, TraceSettings, Traces};

/// What this process tells of itself. Clones are the same.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    instruments: Arc<Instruments>,
    workflows: Workflows,
    samplers: RwLock<Vec<Arc<dyn Sampler>>>,
    /// Held while an answer is put together: the values of one moment belong to one answer.
    answering: Mutex<()>,
    traces: Traces,
}

/// A run that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Its id.
    pub run: Uuid,
    /// Its workflow.
    pub workflow: String,
    /// The steps of that.
    pub steps: Vec<StepFacts>,
}

/// Counts and traces what the chains of a run do.
#[derive(Clone)]
pub struct Watcher {
    /// To be told what they do.
    pub observer: Arc<dyn Observer>,
    /// To be told spans.
    pub tracer: Arc<dyn Tracer>,
}

impl Telemetry {
    /// Counts from now on, and sends spans where the settings say so. Of a process with this version.
    ///
    /// # Errors
    /// [`Error::Endpoint`]: spans cannot be sent there. [`Error::Thread`].
    pub fn start(version: &'static str, traces: TraceSettings) -> Result<Self, Error> {
        let telemetry = Self {
            inner: Arc::new(Inner {
                instruments: Arc::new(Instruments::new()),
                workflows: Workflows::default(),
                samplers: RwLock::default(),
                answering: Mutex::default(),
                traces: Traces::start(version, traces)?,
            }),
        };
        telemetry.sample_with(Arc::new(ProcessSampler::new()));
        Ok(telemetry)
    }

    /// Asks somebody for what is so at the moment, whenever metrics are asked for.
    pub fn sample_with(&self, sampler: Arc<dyn Sampler>) {
        self.inner.samplers.write().unwrap_or_else(PoisonError::into_inner).push(sampler);
    }

    /// The number of this node, for what is told of it.
    pub fn is_node(&self, node: u64) {
        self.inner.traces.is_node(node);
    }

    /// Counts and traces for a run for as long as what is returned, or a clone of a part of it, lives.
    pub fn watch(&self, run: &RunFacts) -> Watcher {
        let Inner { instruments, workflows, traces, .. } = &*self.inner;
        let observer = RunMeters::begin(workflows, instruments, &run.workflow, &run.steps);
        Watcher { observer, tracer: Arc::new(RunTracer::new(traces, run)) }
    }

    /// Traces what belongs to no run, or to one whose steps do not matter.
    pub fn tracer(&self, run: Option<Uuid>) -> Arc<dyn Tracer> {
        Arc::new(RunTracer::beside(&self.inner.traces, run))
    }

    /// The spans of a run that are kept here, by their beginning.
    pub fn spans(&self, run: Uuid) -> Vec<KeptSpan> {
        self.inner.traces.of_run(run)
    }

    /// All metrics in the text format of OpenMetrics 1.0. May read files of the system; to be called where that is fine.
    ///
    /// # Errors
    /// [`Error::Encode`]: a defect.
    pub fn metrics(&self) -> Result<String, Error> {
        let Inner { instruments, workflows, samplers, answering, traces } = &*self.inner;
        let _answering = answering.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sample = Sample::default();
        for (workflow, runs) in workflows.look(Instant::now(), instruments) {
            runs.iter().for_each(|run| run.sample(&workflow, &mut sample));
        }
        traces.sample(&mut sample);
        let all = samplers.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.iter().for_each(|sampler| sampler.sample(&mut sample));
        instruments.text(sample)
    }

    /// What the answer of [`Self::metrics`] is, for HTTP.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Sends what waits, for so long at most. Nothing is sent after it. May block.
    pub fn finish(&self, patience: std::time::Duration) {
        // Who is asked may keep this alive, and what must be closed before the process ends.
        self.inner.samplers.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.inner.traces.finish(patience);
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, SystemTime};

    use etl_engine::{ChainSight, Committed, Operation, Wait, Work};
    use etl_model::{Counters, StepName, TraceContext, TraceSpan};

    use super::*;
    use crate::catalog;
    use crate::metrics::StepRole;
    use crate::traces::Collector;

    struct Chain;

    impl ChainSight for Chain {
        fn permits(&self) -> (u64, u64) {
            (7, 10)
        }

        fn oldest(&self) -> Option<Duration> {
            Some(Duration::from_secs(3))
        }
    }

    fn facts(run: u128) -> RunFacts {
        let step = |name: &str, connector: &str, role| StepFacts {
            name: name.to_owned(),
            connector: connector.to_owned(),
            role,
        };
        RunFacts {
            run: Uuid::from_u128(run),
            workflow: "orders".to_owned(),
            steps: vec![
                step("in", "file", StepRole::Source),
                step("mapping", "mapping", StepRole::Transformation),
                step("out", "sqlite", StepRole::Destination),
            ],
        }
    }

    fn value(text: &str, series: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| unreachable!("{series} in\n{text}")).parse().unwrap()
    }

    #[test]
    fn what_chains_do_becomes_series() {
        let telemetry = Telemetry::start("1.2.3", TraceSettings::default()).unwrap();
        let Watcher { observer, .. } = telemetry.watch(&facts(1));
        let [source, mapping, out] = ["in", "mapping", "out"].map(|name| StepName::new(name).unwrap());
        let took = Duration::from_millis(20);
        let work = |operation| Work { operation, took, records: 100, bytes: 5000 };
        observer.worked(&source, work(Operation::Read));
        observer.worked(&mapping, work(Operation::Transform));
        observer.worked(&mapping, work(Operation::Write));
        observer.waited(&source, Wait::Room, Duration::from_millis(1500));
        let counters = Counters {
            read: 100,
            delivered: 90,
            filtered: 7,
            dead_lettered: 2,
            failed: 1,
            created: 3,
            bytes_read: 5000,
            bytes_written: 4000,
        };
        observer.committed(&out, Committed { counters, latency: Some(Duration::from_millis(300)) });
        observer.set_aside(&mapping, 2);
        observer.checkpointed(&source, 3);
        let error = etl_engine::EngineError::Internal("a".to_owned());
        observer.retrying(&source, &error);
        observer.worked(&StepName::new("unknown").unwrap(), work(Operation::Read));
        let chain: Arc<dyn ChainSight> = Arc::new(Chain);
        observer.opened(&source, Arc::downgrade(&chain));
        let text = telemetry.metrics().unwrap();
        let step = |name: &str, step: &str, connector: &str, more: &str| {
            value(
                &text,
                &format!("{name}{{workflow=\"orders\",step=\"{step}\",connector=\"{connector}\"{more}}}"),
            )
        };
        assert_eq!(step("actix_etl_records_read_total", "in", "file", ""), 100.0);
        assert_eq!(step("actix_etl_bytes_read_total", "in", "file", ""), 5000.0);
        assert_eq!(step("actix_etl_records_delivered_total", "out", "sqlite", ""), 90.0);
        assert_eq!(step("actix_etl_bytes_written_total", "out", "sqlite", ""), 4000.0);
        assert_eq!(step("actix_etl_records_filtered_total", "out", "sqlite", ""), 7.0);
        assert_eq!(step("actix_etl_records_created_total", "out", "sqlite", ""), 3.0);
        assert_eq!(step("actix_etl_records_skipped_total", "out", "sqlite", ""), 1.0);
        assert_eq!(step("actix_etl_records_dead_lettered_total", "mapping", "mapping", ""), 2.0);
        let seconds = ",operation=\"transform\"";
        assert_eq!(step("actix_etl_step_seconds_count", "mapping", "mapping", seconds), 1.0);
        assert_eq!(step("actix_etl_step_seconds_sum", "mapping", "mapping", seconds), 0.02);
        assert_eq!(step("actix_etl_wait_seconds_total", "in", "file", ",reason=\"room\""), 1.5);
        assert_eq!(step("actix_etl_retries_total", "in", "file", ",fault=\"internal\""), 1.0);
        assert_eq!(step("actix_etl_partitions_open", "in", "file", ""), 1.0);
        assert_eq!(step("actix_etl_batch_latency_seconds_count", "out", "sqlite", ""), 1.0);
        let workflow = |name: &str| value(&text, &format!("{name}{{workflow=\"orders\"}}"));
        assert_eq!(workflow("actix_etl_permits_taken_bytes"), 7.0);
        assert_eq!(workflow("actix_etl_lag_seconds"), 3.0);
        assert_eq!(workflow("actix_etl_checkpoints_total"), 3.0);
        assert_eq!(workflow("actix_etl_compute_seconds_total"), 0.02);
        assert!(workflow("actix_etl_checkpoint_age_seconds") < 60.0);
        assert!(text.ends_with("# EOF\n") && !text.contains("unknown") && !text.contains("unreachable"));
        drop(chain);
        assert!(
            !telemetry.metrics().unwrap().contains("actix_etl_partitions_open{"),
            "none is open any more"
        );
    }

    #[test]
    fn a_collector_that_is_not_there_costs_spans_and_no_time() {
        let connect = || tonic::transport::Channel::from_static("http://127.0.0.1:1").connect_lazy();
        let collector = Collector {
            name: "nobody".to_owned(),
            connect: Arc::new(connect),
            headers: Vec::new(),
            timeout: Duration::from_secs(1),
        };
        let settings = TraceSettings { sample: 1.0, collector: Some(collector), ..TraceSettings::default() };
        let telemetry = Telemetry::start("1.2.3", settings).unwrap();
        let tracer = telemetry.watch(&facts(1)).tracer;
        let began = Instant::now();
        for _ in 0..20_000 {
            let context = tracer.begin().unwrap();
            tracer.ended(TraceSpan::of(context, "read in", SystemTime::now()));
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let text = telemetry.metrics().unwrap();
        let dropped = value(&text, "actix_etl_spans_dropped_total{reason=\"queue\"}");
        assert!(dropped > 10_000.0 && dropped < 20_000.0, "{dropped}");
        assert_eq!(value(&text, "actix_etl_spans_sent_total"), 0.0);
        telemetry.finish(Duration::from_millis(1));
        let kept = telemetry.spans(Uuid::from_u128(1));
        assert_eq!(kept.len(), 1000, "the last ones are kept here");
        let attribute = |name: &str| kept[0].attributes.iter().find(|(known, _)| known == name).cloned();
        assert_eq!(attribute("etl.workflow").unwrap().1, "orders");
    }

    #[test]
    fn without_tracing_nothing_is_traced() {
        let telemetry =
            Telemetry::start("1.2.3", TraceSettings { sample: 0.0, ..TraceSettings::default() }).unwrap();
        let tracer = telemetry.watch(&facts(1)).tracer;
        assert_eq!(tracer.begin(), None);
        let of_run = TraceSpan::of(TraceContext::new(true), "RunWorkflow", SystemTime::now());
        telemetry.tracer(Some(Uuid::from_u128(1))).ended(of_run);
        assert!(telemetry.spans(Uuid::from_u128(1)).is_empty());
        let few =
            Telemetry::start("1.2.3", TraceSettings { sample: 1e-9, ..TraceSettings::default() }).unwrap();
        let tracer = few.watch(&facts(2)).tracer;
        assert!(tracer.begin().is_some(), "the first batch always");
        assert!((0..1000).all(|_| tracer.begin().is_none()));
    }

    #[test]
    fn only_what_the_catalogue_has_is_told_and_partitions_make_no_series() {
        let telemetry = Telemetry::start("1.2.3", TraceSettings::default()).unwrap();
        let Watcher { observer, .. } = telemetry.watch(&facts(1));
        let source = StepName::new("in").unwrap();
        let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        let before = lines(&telemetry.metrics().unwrap());
        let chains: Vec<Arc<dyn ChainSight>> = (0..10_000).map(|_| Arc::new(Chain) as _).collect();
        for chain in &chains {
            observer.opened(&source, Arc::downgrade(chain));
        }
        let text = telemetry.metrics().unwrap();
        assert!(lines(&text) < before + 10, "{before} series became {}", lines(&text));
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            let known = catalog::ALL.iter().find(|metric| metric.name == format!("{name}{suffix}"));
            assert_eq!(known.map(|metric| metric.kind.as_str()), Some(kind), "{line}");
        }
    }
}
