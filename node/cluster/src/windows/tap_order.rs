use std::num::{NonZeroU32, NonZeroU64};

use bytes::Bytes;
use etl_engine::{Sampling, TapOrder};
use etl_model::{PartitionId, StepName};
use etl_proto::cluster as wire;
use etl_proto::cluster::tap_request::Sampling as WireSampling;
use tonic::Status;
use uuid::Uuid;

use crate::candidate::uuid;

/// What another node asks to be shown.
///
/// # Errors
/// A field that is missing or no good, by its name.
pub(crate) fn tap_order(request: wire::TapRequest) -> Result<TapOrder, Status> {
    let wire::TapRequest { run, step, partition, sampling } = request;
    let zero = |field: &str| Status::invalid_argument(format!("{field} is 0"));
    let sampling = match sampling {
        Some(WireSampling::OneIn(n)) => Sampling::OneIn(NonZeroU64::new(n).ok_or_else(|| zero("one_in"))?),
        Some(WireSampling::PerSecond(rate)) => {
            Sampling::PerSecond(NonZeroU32::new(rate).ok_or_else(|| zero("per_second"))?)
        }
        None => return Err(Status::invalid_argument("sampling is missing")),
    };
    let step = StepName::new(&step).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let run = uuid("run", &run)?.into();
    Ok(TapOrder { run, step, partition: partition.map(PartitionId), sampling })
}

/// The same, to be asked of another node.
pub(super) fn tap_request(order: &TapOrder) -> wire::TapRequest {
    wire::TapRequest {
        run: Bytes::copy_from_slice(Uuid::from(order.run).as_bytes()),
        step: order.step.as_str().to_owned(),
        partition: order.partition.as_ref().map(|partition| partition.0.clone()),
        sampling: Some(match order.sampling {
            Sampling::OneIn(n) => WireSampling::OneIn(n.get()),
            Sampling::PerSecond(rate) => WireSampling::PerSecond(rate.get()),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let one_in = Sampling::OneIn(NonZeroU64::new(1000).unwrap());
        let rate = Sampling::PerSecond(NonZeroU32::MIN);
        for (partition, sampling) in [(None, one_in), (Some(PartitionId("a/ä.csv".to_owned())), rate)] {
            let (run, step) = (Uuid::from_u128(7).into(), StepName::new("in").unwrap());
            let order = TapOrder { run, step, partition, sampling };
            assert_eq!(tap_order(tap_request(&order)).unwrap(), order);
        }
    }

    #[test]
    fn a_field_that_is_no_good_is_named() {
        let good = wire::TapRequest {
            run: Bytes::from_static(&[1; 16]),
            step: "in".to_owned(),
            partition: None,
            sampling: Some(WireSampling::OneIn(1)),
        };
        let refused = |change: fn(&mut wire::TapRequest)| {
            let mut request = good.clone();
            change(&mut request);
            tap_order(request).unwrap_err().message().to_owned()
        };
        assert!(refused(|request| request.run = Bytes::from_static(b"short")).contains("run"));
        assert!(refused(|request| request.step = "A step".to_owned()).contains("A step"));
        assert!(refused(|request| request.sampling = None).contains("sampling"));
        assert!(refused(|request| request.sampling = Some(WireSampling::OneIn(0))).contains("one_in"));
        assert!(
            refused(|request| request.sampling = Some(WireSampling::PerSecond(0))).contains("per_second")
        );
    }
}
