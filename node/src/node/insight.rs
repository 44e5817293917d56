use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etl_api::model::{HealthCheck, HealthReport, HealthStatus, SpanView};
use etl_api::{HealthSight, Insight, LogLevels};
use etl_cluster::{Health, Probe};
use etl_model::Tracer;
use etl_telemetry::Telemetry;
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::probe::NodeProbe;
use crate::http::Told;
use crate::logging::LogControl;
use crate::view::span_view;

/// Below this share of free space, in percent, a disk is as good as full.
const DISK_FULL: u64 = 5;
/// Below this one it is told.
const DISK_LOW: u64 = 10;

/// What a node knows of itself.
pub(super) struct NodeInsight {
    pub log: LogControl,
    pub telemetry: Telemetry,
    pub probe: Arc<NodeProbe>,
}

impl Insight for NodeInsight {
    fn log(&self) -> &dyn LogLevels {
        &self.log
    }

    fn spans(&self, run: Uuid) -> Vec<SpanView> {
        self.telemetry.spans(run).into_iter().map(span_view).collect()
    }

    fn tracer(&self, run: Uuid) -> Arc<dyn Tracer> {
        self.telemetry.tracer(Some(run))
    }

    fn checks(&self) -> Vec<HealthCheck> {
        checks(&self.probe.look(), SystemTime::now())
    }
}

/// What the probe has found, by part.
fn checks(health: &Health, now: SystemTime) -> Vec<HealthCheck> {
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let last_checked_ms = u64::try_from(millis).unwrap_or(u64::MAX);
    let check = |component: &str, status, details| HealthCheck {
        component: component.to_owned(),
        status,
        details,
        last_checked_ms,
        node: None,
    };
    let Health { disk_free_bytes: free, disk_total_bytes: total, log_bytes, state_bytes, problems, .. } =
        health;
    let percent = free.saturating_mul(100).checked_div(*total).unwrap_or(0);
    let (disk, certificate): (Vec<&String>, Vec<&String>) =
        problems.iter().partition(|problem| problem.contains("disk"));
    let room = match percent {
        _ if !disk.is_empty() => HealthStatus::Unhealthy,
        percent if percent < DISK_FULL => HealthStatus::Unhealthy,
        percent if percent < DISK_LOW => HealthStatus::Degraded,
        _ => HealthStatus::Healthy,
    };
    let told = match disk.first() {
        Some(problem) => (*problem).clone(),
        None => format!(
            "{percent} % of {} are free; the log has {}, the state {}",
            crate::view::bytes(*total),
            crate::view::bytes(*log_bytes),
            crate::view::bytes(*state_bytes)
        ),
    };
    let mut checks = vec![check("disk", room, told)];
    let ends = certificate.first().map_or_else(
        || (HealthStatus::Healthy, "it is good for a while, or none is used".to_owned()),
        |problem| {
            let is_over = problem.contains("has expired");
            let status = if is_over { HealthStatus::Unhealthy } else { HealthStatus::Degraded };
            (status, (*problem).clone())
        },
    );
    checks.push(check("certificate", ends.0, ends.1));
    checks
}

/// What a node tells over HTTP.
pub(super) struct NodeTold {
    pub telemetry: Telemetry,
    pub sight: HealthSight,
}

impl Told for NodeTold {
    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn unready(&self) -> Option<String> {
        self.sight.unready()
    }

    fn health(&self) -> BoxFuture<'static, HealthReport> {
        let sight = self.sight.clone();
        async move { sight.report().await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_judged_by_what_the_probe_finds() {
        let status = |free: u64, problems: &[&str]| {
            let problems = problems.iter().map(|text| (*text).to_owned()).collect();
            let health =
                Health { disk_free_bytes: free, disk_total_bytes: 1000, problems, ..Health::default() };
            checks(&health, SystemTime::now()).into_iter().map(|check| check.status).collect::<Vec<_>>()
        };
        use HealthStatus::{Degraded, Healthy, Unhealthy};
        assert_eq!(status(500, &[]), [Healthy, Healthy]);
        assert_eq!(status(80, &[]), [Degraded, Healthy]);
        assert_eq!(status(30, &[]), [Unhealthy, Healthy]);
        assert_eq!(status(500, &["the disk cannot be looked at: x"]), [Unhealthy, Healthy]);
        assert_eq!(status(500, &["the certificate expires in 3 days"]), [Healthy, Degraded]);
        assert_eq!(status(500, &["the certificate has expired"]), [Healthy, Unhealthy]);
        assert_eq!(checks(&Health::default(), SystemTime::now())[0].status, Unhealthy, "nothing is known");
    }
}
