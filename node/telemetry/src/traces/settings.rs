use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;

/// Which batches are traced, and where their spans go.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The share of source batches that are traced, from 0 to 1. Unless it is 0, the first batch of every run is.
    pub sample: f64,
    /// Where spans are sent; they are kept for a while here in any case.
    pub collector: Option<Collector>,
    /// Takes out of the words about an error what must not be shown.
    pub redact: fn(&str) -> Cow<'_, str>,
}

/// An OpenTelemetry collector, or another program that takes OTLP over gRPC.
#[derive(Clone)]
pub struct Collector {
    /// For messages.
    pub name: String,
    /// Makes the connection; called within the runtime that uses it.
    pub connect: Arc<dyn Fn() -> Channel + Send + Sync>,
    /// Sent with every call. They may be secrets.
    pub headers: Vec<(String, String)>,
    /// How long it may take for one call.
    pub timeout: Duration,
}

impl Default for TraceSettings {
    /// One batch in a hundred, kept here.
    fn default() -> Self {
        Self { sample: 0.01, collector: None, redact: |text| Cow::Borrowed(text) }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers.
        f.debug_struct("Collector")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
