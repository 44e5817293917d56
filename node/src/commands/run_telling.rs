use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etl_api::model::{HealthCheck, HealthReport, HealthStatus, RunTrace};
use etl_engine::{Progress, ProgressSnapshot};
use etl_raft::network;
use etl_security::{Listener, Peers};
use etl_telemetry::{Sample, Sampler, Telemetry, catalog};
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::arguments::{RunArguments, TracingOptions};
use crate::http::{Told, routes};
use crate::node::{self, LogMeter, Serving};
use crate::tracing_settings::{self, WrongTracing, otlp_variable};
use crate::view::{span_view, write_trace};
use crate::watching::Wanted;
use crate::{Error, logging};

/// Counts and traces a run of this process alone, as it was asked for.
pub(super) fn telemetry(arguments: &RunArguments) -> Result<Telemetry, Error> {
    let options = TracingOptions {
        endpoint: arguments.otlp.clone(),
        sample: arguments.trace_sample,
        ..TracingOptions::default()
    };
    let environment = |name: &str| std::env::var(name).ok();
    let mut wrong = Vec::new();
    let settings = tracing_settings::validate(&options, None, &environment, &mut wrong);
    if let Some(WrongTracing { message, .. }) = wrong.into_iter().next() {
        let help = "see `--otlp` and the variables OTEL_EXPORTER_OTLP_*".to_owned();
        return Err(Error::Unknown { message: format!("where traces go: {message}"), help });
    }
    let traces = settings.resolve(arguments.workflow.secrets_dir.as_deref())?;
    let telemetry = Telemetry::start(node::SOFTWARE_VERSION, traces)?;
    telemetry.sample_with(Arc::new(LogMeter(logging::counts())));
    telemetry.sample_with(Arc::new(Build));
    Ok(telemetry)
}

/// What nobody can see is not counted, and what nobody gets is not traced.
pub(super) fn wanted(arguments: &RunArguments) -> Wanted {
    let environment = |name: &str| std::env::var(name).ok();
    let is_sent = arguments.otlp.is_some() || otlp_variable(&environment, "ENDPOINT").is_some();
    Wanted { metrics: arguments.http_listen.is_some(), traces: is_sent || arguments.trace_tree }
}

/// What this program is.
struct Build;

impl Sampler for Build {
    fn sample(&self, sample: &mut Sample) {
        sample.set(&catalog::BUILD, &[node::SOFTWARE_VERSION, ""], 1.0);
        sample.set(&catalog::READY, &[], 1.0);
    }
}

/// A run, for those who ask over HTTP.
struct RunTold {
    workflow: String,
    telemetry: Telemetry,
    progress: Arc<Progress>,
}

impl Told for RunTold {
    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn unready(&self) -> Option<String> {
        None
    }

    fn health(&self) -> BoxFuture<'static, HealthReport> {
        let report =
            HealthReport::of(vec![check(&self.workflow, &self.progress.snapshot(), SystemTime::now())]);
        async move { report }.boxed()
    }
}

/// The workflow from end to end.
fn check(workflow: &str, snapshot: &ProgressSnapshot, now: SystemTime) -> HealthCheck {
    let count = |state: &str| snapshot.partitions.iter().filter(|partition| partition.state == state).count();
    let (retrying, done, all) = (count("retrying"), count("done"), snapshot.partitions.len());
    let held = snapshot.partitions.iter().find_map(|partition| partition.waits_for.as_ref());
    let (status, details) = match (held, retrying) {
        (Some(why), _) => (HealthStatus::Degraded, format!("partitions wait: {why}")),
        (None, 0) => (HealthStatus::Healthy, format!("{done} of {all} partitions are done")),
        (None, retrying) => {
            (HealthStatus::Degraded, format!("{retrying} of {all} partitions are tried again"))
        }
    };
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    HealthCheck {
        component: format!("workflow/{workflow}"),
        status,
        details,
        last_checked_ms: u64::try_from(millis).unwrap_or(u64::MAX),
        node: None,
    }
}

/// Tells of a run over HTTP until what is returned is dropped. Needs a runtime.
pub(super) fn serve(
    address: SocketAddr,
    workflow: &str,
    telemetry: &Telemetry,
    progress: &Arc<Progress>,
) -> Result<Serving, Error> {
    let listener = Listener::bind(address, None, Peers::Anyone)?;
    // Where it cannot be written there is nobody to tell.
    let _ = writeln!(stderr(), "metrics: http://{}/metrics", listener.address());
    let told = RunTold {
        workflow: workflow.to_owned(),
        telemetry: telemetry.clone(),
        progress: Arc::clone(progress),
    };
    let router = network::server().accept_http1(true).add_routes(routes(Arc::new(told)).into());
    Ok(Serving::start("http", router, listener))
}

/// How long a collector may take for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);
/// Traces that are shown at the end of a run.
const SHOWN: usize = 3;

/// Sends the last spans, and shows the last traces where that was asked for.
pub(super) fn finish(
    telemetry: &Telemetry,
    run: Uuid,
    workflow: &str,
    shows_traces: bool,
) -> Result<(), Error> {
    telemetry.finish(LAST_SPANS);
    if shows_traces {
        let spans = telemetry.spans(run).into_iter().map(span_view).collect();
        let trace = RunTrace { run, workflow: workflow.to_owned(), spans, silent: Vec::new() };
        write_trace(&mut stderr().lock(), &trace, SHOWN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use etl_engine::PartitionProgress;
    use etl_model::{Counters, PartitionId, StepName};

    use super::*;

    #[test]
    fn a_run_is_judged_by_its_partitions() {
        let status = |states: &[&'static str], waits_for: Option<&str>| {
            let partition = |state: &&'static str| PartitionProgress {
                source: StepName::new("in").unwrap_or_else(|_| unreachable!("it is a name")),
                partition: PartitionId("p".to_owned()),
                state,
                waits_for: waits_for.map(str::to_owned),
                bytes_total: None,
                records_total: None,
                counters: Counters::default(),
                committed: 0,
                inherited: 0,
                inherited_bytes: 0,
            };
            let partitions = states.iter().map(partition).collect();
            let snapshot = ProgressSnapshot { elapsed: Duration::ZERO, partitions };
            check("orders", &snapshot, SystemTime::now()).status
        };
        assert_eq!(status(&["running", "done"], None), HealthStatus::Healthy);
        assert_eq!(status(&["running", "retrying"], None), HealthStatus::Degraded);
        assert_eq!(status(&["running"], Some("a breaker is open")), HealthStatus::Degraded);
        assert_eq!(status(&[], None), HealthStatus::Healthy);
    }
}
