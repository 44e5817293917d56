use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::instruments::Labels;
use crate::catalog::{ALL, Kind, Metric};

/// Tells values that are known elsewhere, whenever somebody asks for the metrics.
pub trait Sampler: Send + Sync {
    /// Adds what it knows. Must not wait for long.
    fn sample(&self, sample: &mut Sample);
}

/// Values of one moment.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    values: BTreeMap<&'static str, BTreeMap<Labels, f64>>,
}

impl Sample {
    /// The value of a series; `labels` are the values of the metric's labels, in their order. The same series once more
    /// adds to it.
    pub fn set(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        let labels =
            metric.labels.iter().copied().zip(labels.iter().map(|value| (*value).to_owned())).collect();
        let series = self.values.entry(metric.name).or_default();
        *series.entry(labels).or_insert(0.0) += value;
    }

    /// The largest of the values that are given to a series.
    pub fn largest(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        let labels =
            metric.labels.iter().copied().zip(labels.iter().map(|value| (*value).to_owned())).collect();
        let known = self.values.entry(metric.name).or_default().entry(labels).or_insert(value);
        *known = known.max(value);
    }
}

/// What was gathered for the answer under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered(Arc<Mutex<Sample>>);

impl Gathered {
    pub fn put(&self, sample: Sample) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }
}

/// Writes what was gathered.
#[derive(Debug)]
pub(super) struct SampledCollector(pub Gathered);

impl Collector for SampledCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let sample = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for metric in ALL {
            let is_counter = match metric.kind {
                Kind::SampledCounter => true,
                Kind::Gauge => false,
                _ => continue,
            };
            let Some(series) = sample.values.get(metric.name) else { continue };
            let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
            let kind = if is_counter { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, metric.help, None, kind)?;
            for (labels, value) in series {
                if labels.is_empty() {
                    // The last one: there is no other without labels.
                    match is_counter {
                        true => ConstCounter::new(*value).encode(family)?,
                        false => ConstGauge::new(*value).encode(family)?,
                    }
                    break;
                }
                let one = family.encode_family(labels)?;
                match is_counter {
                    true => ConstCounter::new(*value).encode(one)?,
                    false => ConstGauge::new(*value).encode(one)?,
                }
            }
        }
        Ok(())
    }
}
