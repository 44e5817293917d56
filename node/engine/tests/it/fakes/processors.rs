use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::Int64Type;
use etl_model::{Batch, RecordError};
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

fn split(batch: &Batch, keep: impl Fn(i64) -> bool) -> (Batch, Vec<u64>) {
    let values = batch.records().column(0).as_primitive::<Int64Type>();
    let mask: BooleanArray = values.values().iter().map(|&n| Some(keep(n))).collect();
    let gone = values.values().iter().zip(batch.ordinals().values());
    let gone = gone.filter(|&(&n, _)| !keep(n)).map(|(_, &ordinal)| ordinal).collect();
    (batch.filter(&mask).unwrap(), gone)
}

/// Filters out what is not a multiple.
pub struct KeepMultiples(pub i64);

impl Processor for KeepMultiples {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (batch, filtered) = split(&batch, |n| n % self.0 == 0);
        Ok(Processed { batch, filtered, errors: Vec::new() })
    }
}

/// Fails on multiples.
pub struct FailMultiples(pub i64);

impl Processor for FailMultiples {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (batch, failed) = split(&batch, |n| n % self.0 != 0);
        let errors = failed.into_iter().map(|ordinal| RecordError::new(ordinal, "multiple", "is a multiple"));
        Ok(Processed { batch, filtered: Vec::new(), errors: errors.collect() })
    }
}

/// Fails on one number.
pub struct FailAt(pub i64);

impl Processor for FailAt {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (batch, failed) = split(&batch, |n| n != self.0);
        let errors = failed.into_iter().map(|ordinal| RecordError::new(ordinal, "wrong", "is the wrong one"));
        Ok(Processed { batch, filtered: Vec::new(), errors: errors.collect() })
    }
}
