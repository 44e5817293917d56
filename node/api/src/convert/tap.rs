use std::num::{NonZeroU32, NonZeroU64};

use etl_proto::admin as wire;
use etl_proto::admin::tap_step_request::Sampling;

use super::{Malformed, text_or_none, uuid};
use crate::model::{RunTarget, TapOptions, TapSampling, TapTold, TappedRecord};

/// Records a second when nothing else is asked for.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

impl TapOptions {
    /// The request for the records of a run.
    pub(crate) fn request(&self, target: &RunTarget, limit: Option<u64>) -> wire::TapStepRequest {
        wire::TapStepRequest {
            target: Some(target.into()),
            step: self.step.clone(),
            partition: self.partition.clone(),
            sampling: Some(match self.sampling {
                TapSampling::OneIn(n) => Sampling::OneIn(n.get()),
                TapSampling::PerSecond(rate) => Sampling::PerSecond(rate.get()),
            }),
            limit: limit.unwrap_or(0),
        }
    }

    /// What a request means, without its target.
    pub(crate) fn from_wire(request: wire::TapStepRequest) -> Result<Self, Malformed> {
        let wire::TapStepRequest { step, partition, sampling, limit, .. } = request;
        let zero = |field| Malformed::new(field, "is 0");
        let sampling = match sampling {
            Some(Sampling::OneIn(n)) => TapSampling::OneIn(NonZeroU64::new(n).ok_or_else(|| zero("one_in"))?),
            Some(Sampling::PerSecond(rate)) => {
                TapSampling::PerSecond(NonZeroU32::new(rate).ok_or_else(|| zero("per_second"))?)
            }
            None => TapSampling::PerSecond(PER_SECOND),
        };
        Ok(Self { step, partition, sampling, limit: NonZeroU64::new(limit) })
    }
}

impl From<TapTold> for wire::TapStepResponse {
    fn from(told: TapTold) -> Self {
        let TapTold { run, seen, records } = told;
        let record = |record: TappedRecord| {
            let TappedRecord { node, source, partition, ordinal, json, json_bytes } = record;
            let json = json.unwrap_or_default();
            wire::TappedRecord { node, source, partition, ordinal, json, json_bytes }
        };
        Self { run: run.to_string(), seen, records: records.into_iter().map(record).collect() }
    }
}

impl TryFrom<wire::TapStepResponse> for TapTold {
    type Error = Malformed;

    fn try_from(told: wire::TapStepResponse) -> Result<Self, Malformed> {
        let record = |record: wire::TappedRecord| {
            let wire::TappedRecord { node, source, partition, ordinal, json, json_bytes } = record;
            TappedRecord { node, source, partition, ordinal, json: text_or_none(json), json_bytes }
        };
        let records = told.records.into_iter().map(record).collect();
        Ok(Self { run: uuid("run", &told.run)?, seen: told.seen, records })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_wish_and_what_is_told_keep_everything_on_their_way() {
        let target = RunTarget::Workflow("orders".to_owned());
        let rate = TapSampling::PerSecond(NonZeroU32::new(7).unwrap());
        let one_in = TapSampling::OneIn(NonZeroU64::new(u64::MAX).unwrap());
        for (sampling, partition, limit) in [(rate, None, None), (one_in, Some("ä"), NonZeroU64::new(3))] {
            let step = "in".to_owned();
            let options = TapOptions { step, partition: partition.map(str::to_owned), sampling, limit };
            let request = options.request(&target, limit.map(NonZeroU64::get));
            assert_eq!(RunTarget::from_wire(request.target.clone()), Ok(target.clone()));
            assert_eq!(TapOptions::from_wire(request), Ok(options));
        }
        let record = |json: Option<&str>| TappedRecord {
            node: 2,
            source: "in".to_owned(),
            partition: "p".to_owned(),
            ordinal: 3,
            json: json.map(str::to_owned),
            json_bytes: 70_000,
        };
        let records = vec![record(Some("{}")), record(None)];
        let told = TapTold { run: Uuid::from_u128(7), seen: 12_345, records };
        assert_eq!(TapTold::try_from(wire::TapStepResponse::from(told.clone())), Ok(told));
    }

    #[test]
    fn nothing_asked_for_is_a_rate_and_zero_is_refused() {
        let read = |sampling| {
            let request = wire::TapStepRequest { sampling, ..wire::TapStepRequest::default() };
            TapOptions::from_wire(request).map(|options| options.sampling).map_err(|error| error.field)
        };
        assert_eq!(read(None), Ok(TapSampling::PerSecond(NonZeroU32::new(100).unwrap())));
        assert_eq!(read(Some(Sampling::OneIn(0))), Err("one_in"));
        assert_eq!(read(Some(Sampling::PerSecond(0))), Err("per_second"));
    }
}
