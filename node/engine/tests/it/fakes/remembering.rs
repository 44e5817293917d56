use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use arrow::array::{AsArray, BooleanArray, UInt32Array, UInt64Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{Int64Type, UInt64Type};
use etl_model::{Batch, RecordError};
use etl_sdk::{Brake, ConnectorError, Processed, Processor, ProcessorCapabilities, Sequential};

/// Lets the first of all numbers with the same remainder through.
pub struct OnlyNew(pub i64);

struct Seen {
    divisor: i64,
    remainders: HashSet<i64>,
    /// Batches arrive in the order of the partition.
    next: u64,
}

impl Processor for OnlyNew {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: false, waits: false }
    }

    fn begin(&self) -> Option<Box<dyn Sequential>> {
        Some(Box::new(Seen { divisor: self.0, remainders: HashSet::new(), next: 0 }))
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        Err(ConnectorError::internal("the engine has to ask for what remembers"))
    }
}

impl Sequential for Seen {
    fn process(&mut self, batch: Batch) -> Result<Processed, ConnectorError> {
        let ordinals = batch.ordinals().values();
        if ordinals.first().is_some_and(|first| *first != self.next) {
            return Err(ConnectorError::internal(format!("{} after {}", ordinals[0], self.next)));
        }
        self.next = ordinals.last().map_or(self.next, |last| last + 1);
        let numbers = batch.records().column(0).as_primitive::<Int64Type>().values();
        let fresh: Vec<bool> = numbers.iter().map(|n| self.remainders.insert(n % self.divisor)).collect();
        let filtered = ordinals.iter().zip(&fresh).filter(|(_, fresh)| !**fresh).map(|(at, _)| *at).collect();
        let kept = batch.filter(&BooleanArray::from(fresh)).unwrap();
        Ok(Processed { batch: kept, filtered, errors: Vec::new() })
    }
}

/// Makes as many records of a number as its remainder says; multiples of 7 fail.
pub struct Repeat(pub i64);

impl Processor for Repeat {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let numbers = batch.records().column(0).as_primitive::<Int64Type>().values();
        let (mut rows, mut filtered, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (number, ordinal)) in numbers.iter().zip(batch.ordinals().values()).enumerate() {
            match (number % 7, number % self.0) {
                (0, _) => errors.push(RecordError::new(*ordinal, "multiple", "is a multiple")),
                (_, 0) => filtered.push(*ordinal),
                (_, times) => rows.extend(std::iter::repeat_n(row as u32, times as usize)),
            }
        }
        let rows = UInt32Array::from(rows);
        let records = take_record_batch(batch.records(), &rows).unwrap();
        let ordinals: UInt64Array =
            take(batch.ordinals(), &rows, None).unwrap().as_primitive::<UInt64Type>().clone();
        Ok(Processed { batch: Batch::new(records, ordinals).unwrap(), filtered, errors })
    }
}

/// Waits outside until as many batches as the barrier wants do so at the same time.
pub struct Together(pub Arc<Barrier>);

impl Processor for Together {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: true }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        self.0.wait();
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}

/// Makes a call for each record, so many of which fail in a way that may go away. Clones are the same.
#[derive(Clone, Default)]
pub struct Caller {
    pub calls: Arc<AtomicUsize>,
    /// Calls before the first that may fail.
    pub spared: Arc<AtomicUsize>,
    /// Calls that will fail.
    pub failures: Arc<AtomicUsize>,
}

impl Processor for Caller {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: true }
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        Err(ConnectorError::internal("the engine has to hold its calls back"))
    }

    fn process_braked(&self, batch: Batch, brake: &dyn Brake) -> Result<Processed, ConnectorError> {
        for _ in 0..batch.len() {
            tokio::runtime::Handle::current().block_on(brake.pass(1, 8))?;
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let fails = |left: usize| left.checked_sub(1);
            if call >= self.spared.load(Ordering::SeqCst)
                && self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok()
            {
                return Err(ConnectorError::transient("away", "connection refused"));
            }
        }
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}
