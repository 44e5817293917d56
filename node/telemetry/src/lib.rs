//! Metrics and traces of what this process does.
//!
//! ```text
//! engine ── Observer ──> RunMeters ──> Instruments ──┐
//! node   ── Sampler (values of one moment) ──────────┴──> Telemetry::metrics: the text for Prometheus
//! engine ── Tracer ────> RunTracer ──> Ring (the last spans of the last runs, for `trace RUN`)
//!                                 └──> Sender: a bounded queue ──> OTLP over gRPC
//! ```
//! [`catalog`] is the one table of all metrics.
//!
//! **Invariants:** this crate alone knows OpenTelemetry and the Prometheus client. Nothing that is told here ever waits: what a
//! queue cannot take is dropped and counted.

pub mod catalog;
mod error;
mod metrics;
mod telemetry;
mod traces;

pub use error::Error;
pub use metrics::{Sample, Sampler, StepFacts, StepRole};
pub use telemetry::{RunFacts, Telemetry, Watcher};
pub use traces::{Collector, KeptEvent, KeptSpan, TraceSettings};
