/// A metric as it is told: the name never changes, labels are only added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// As it is exposed, unit and suffix included.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What tells its series apart. None of them has more values than there are workflows, steps, nodes or words of a small
    /// set; partitions and runs are never among them.
    pub labels: &'static [&'static str],
    /// What it says, as a sentence without its end.
    pub help: &'static str,
    /// Whom it serves.
    pub group: Group,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Counts up, in whole numbers.
    Counter,
    /// Counts seconds up.
    SecondsCounter,
    /// Counts up elsewhere, and is read when it is asked for.
    SampledCounter,
    /// Goes up and down, and is read when it is asked for.
    Gauge,
    /// How often a value fell into which bucket.
    Histogram(Buckets),
}

/// The upper ends of a histogram's buckets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buckets(pub &'static [f64]);

/// Whom a metric serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Throughput, latency, use of resources.
    Performance,
    /// What succeeds and fails, and how the cluster is.
    Operational,
    /// Records and bytes that were moved.
    Business,
}

impl Kind {
    /// In the words of Prometheus.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Counter | Self::SecondsCounter | Self::SampledCounter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Performance, Self::Operational, Self::Business];

    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Operational => "operational",
            Self::Business => "business",
        }
    }
}

impl Metric {
    /// The unit that the name ends with, `_total` left aside.
    pub fn unit(&self) -> Option<&'static str> {
        let base = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes", "entries"].into_iter().find(|unit| base.ends_with(&format!("_{unit}")))
    }
}
