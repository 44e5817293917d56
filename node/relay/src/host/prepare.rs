use std::sync::Arc;

use bytes::Bytes;
use etl_model::TraceContext;
use etl_sdk::{Account, CarriedOut, Encoded, Encoder, Steps, within_blocking};

use super::compute::{Compute, Computing};
use crate::channel::ChannelId;
use crate::codec::rows_from_bytes;

/// How the rows of a channel become what its writer takes. Shared by all threads.
#[derive(Clone)]
pub(super) struct Preparation {
    /// What leads to the destination, where that is carried out here, too.
    pub steps: Option<Arc<dyn Steps>>,
    pub encoder: Arc<dyn Encoder>,
}

/// Rows as they are to be written, and what became of the others.
pub(super) struct Ready {
    pub rows: Vec<Encoded>,
    pub account: Account,
}

impl Preparation {
    /// Begins to decode rows, to carry out what leads to the destination, and to encode them as that wants them, on behalf
    /// of a span of the sender.
    pub fn begin(
        &self,
        compute: &Compute,
        id: &ChannelId,
        rows: Bytes,
        cause: Option<TraceContext>,
    ) -> Computing<Ready> {
        let (this, id) = (self.clone(), id.clone());
        compute.begin(move || {
            let batch = rows_from_bytes(rows).map_err(|error| error.of_channel(&id))?;
            let CarriedOut { rows, account } = match (&this.steps, cause.filter(TraceContext::is_sampled)) {
                (Some(steps), Some(cause)) => within_blocking(cause, || steps.carry_out(batch))?,
                (Some(steps), None) => steps.carry_out(batch)?,
                (None, _) => CarriedOut { rows: vec![batch], account: Account::default() },
            };
            let encoded = rows.into_iter().map(|batch| this.encoder.encode(batch));
            Ok(Ready { rows: encoded.collect::<Result<_, _>>()?, account })
        })
    }
}
