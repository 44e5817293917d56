use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::sampled::{Gathered, SampledCollector};
use crate::Error;
use crate::catalog::{ALL, Buckets, Kind, Metric};

/// What tells a series apart: label and value, in the order of the catalogue.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Counts seconds.
pub(crate) type SecondsCounter = Counter<f64, AtomicU64>;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

enum Cells {
    Counter(Family<Labels, Counter>),
    Seconds(Family<Labels, SecondsCounter>),
    Histogram(Family<Labels, Histogram, Buckets>),
}

/// The series of all metrics of the catalogue that are counted here.
pub(crate) struct Instruments {
    registry: Registry,
    cells: HashMap<&'static str, Cells>,
    gathered: Gathered,
}

impl Instruments {
    /// No series yet.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let mut cells = HashMap::new();
        for metric in ALL {
            // The format adds `_total` by itself.
            let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
            let made = match metric.kind {
                Kind::Counter => {
                    let family = Family::<Labels, Counter>::default();
                    registry.register(name, metric.help, family.clone());
                    Cells::Counter(family)
                }
                Kind::SecondsCounter => {
                    let family = Family::<Labels, SecondsCounter>::default();
                    registry.register(name, metric.help, family.clone());
                    Cells::Seconds(family)
                }
                Kind::Histogram(buckets) => {
                    let family = Family::<Labels, Histogram, Buckets>::new_with_constructor(buckets);
                    registry.register(name, metric.help, family.clone());
                    Cells::Histogram(family)
                }
                Kind::SampledCounter | Kind::Gauge => continue,
            };
            cells.insert(metric.name, made);
        }
        let gathered = Gathered::default();
        registry.register_collector(Box::new(SampledCollector(gathered.clone())));
        Self { registry, cells, gathered }
    }

    /// A counter of the catalogue; one that counts for nobody where the catalogue has it as something else.
    pub fn counter(&self, metric: &Metric, labels: &Labels) -> Counter {
        match self.cells.get(metric.name) {
            Some(Cells::Counter(family)) => family.get_or_create(labels).clone(),
            _ => Counter::default(),
        }
    }

    /// A counter of seconds.
    pub fn seconds(&self, metric: &Metric, labels: &Labels) -> SecondsCounter {
        match self.cells.get(metric.name) {
            Some(Cells::Seconds(family)) => family.get_or_create(labels).clone(),
            _ => SecondsCounter::default(),
        }
    }

    /// A histogram.
    pub fn histogram(&self, metric: &Metric, labels: &Labels) -> Histogram {
        match self.cells.get(metric.name) {
            Some(Cells::Histogram(family)) => family.get_or_create(labels).clone(),
            _ => Buckets(&[]).new_metric(),
        }
    }

    /// Ends a series.
    pub fn remove(&self, metric: &'static str, labels: &Labels) {
        match self.cells.get(metric) {
            Some(Cells::Counter(family)) => family.remove(labels),
            Some(Cells::Seconds(family)) => family.remove(labels),
            Some(Cells::Histogram(family)) => family.remove(labels),
            None => false,
        };
    }

    /// All series in the text format of OpenMetrics, with what was gathered elsewhere for this answer.
    pub fn text(&self, sample: super::Sample) -> Result<String, Error> {
        self.gathered.put(sample);
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|_| Error::Encode)?;
        Ok(text)
    }
}
