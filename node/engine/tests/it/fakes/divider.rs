use std::num::NonZeroU16;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::Int64Type;
use etl_model::{Batch, RecordError};
use etl_sdk::{ConnectorError, Divided, Processed, Processor, ProcessorCapabilities, Repartition};

/// Divides numbers by their remainder.
#[derive(Clone, Copy)]
pub struct Remainders {
    pub shards: u16,
    /// Multiples of it have no key.
    pub keyless: i64,
    /// All numbers go to the first shard.
    pub is_uneven: bool,
}

impl Remainders {
    pub fn of(shards: u16) -> Self {
        Self { shards, keyless: i64::MAX, is_uneven: false }
    }

    /// Who has a number.
    pub fn shard(&self, number: i64) -> usize {
        if self.is_uneven { 0 } else { number as usize % usize::from(self.shards) }
    }

    fn is_keyless(&self, number: i64) -> bool {
        number > 0 && number % self.keyless == 0
    }
}

fn only(batch: &Batch, keep: impl Fn(i64) -> bool) -> Batch {
    let values = batch.records().column(0).as_primitive::<Int64Type>();
    let mask: BooleanArray = values.values().iter().map(|&n| Some(keep(n))).collect();
    batch.filter(&mask).unwrap()
}

impl Processor for Remainders {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn repartition(&self) -> Option<&dyn Repartition> {
        Some(self)
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        Err(ConnectorError::internal("the engine has to have rows divided"))
    }
}

impl Repartition for Remainders {
    fn by(&self) -> &[String] {
        &[]
    }

    fn shards(&self) -> NonZeroU16 {
        NonZeroU16::new(self.shards).unwrap()
    }

    fn divide(&self, batch: Batch) -> Result<Divided, ConnectorError> {
        let keyless = only(&batch, |n| self.is_keyless(n));
        let error = |ordinal: &u64| RecordError::new(*ordinal, "keyless", "has no key");
        let errors = keyless.ordinals().values().iter().map(error).collect();
        let of_shard = |shard| only(&batch, |n| !self.is_keyless(n) && self.shard(n) == shard);
        Ok(Divided { shards: (0..usize::from(self.shards)).map(of_shard).collect(), errors })
    }
}
