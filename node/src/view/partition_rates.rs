use std::collections::BTreeMap;
use std::time::Duration;

use etl_api::model::{PartitionView, RunPartitions};

/// How fast partitions are, by their numbers in the run: records a second between two looks at them. Checkpoints tell when
/// they were made, which is more exact than when one has looked.
pub(crate) fn partition_rates(
    before: &RunPartitions,
    after: &RunPartitions,
    between: Duration,
) -> BTreeMap<u64, f64> {
    let known: BTreeMap<u64, &PartitionView> =
        before.partitions.iter().map(|partition| (partition.index, partition)).collect();
    let rate = |partition: &PartitionView| {
        let now = partition.progress.as_ref()?;
        let then = known.get(&partition.index).and_then(|known| known.progress.as_ref());
        let read = then.map_or(0, |then| then.counters.read);
        let records = now.counters.read.saturating_sub(read);
        let between = match then {
            Some(then) => Duration::from_millis(now.at_ms.saturating_sub(then.at_ms)),
            None => between,
        };
        let rate = if between.is_zero() { 0.0 } else { records as f64 / between.as_secs_f64() };
        Some((partition.index, rate))
    };
    match before.run == after.run {
        true => after.partitions.iter().filter_map(rate).collect(),
        // The workflow has another run since.
        false => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use etl_api::model::PartitionProgress;
    use etl_model::Counters;
    use uuid::Uuid;

    use super::*;

    fn partition(index: u64, progress: Option<(u64, u64)>) -> PartitionView {
        let progress = progress.map(|(read, at_ms)| PartitionProgress {
            destination: "out".to_owned(),
            unit: 1,
            position: read,
            counters: Counters { read, ..Counters::default() },
            done: false,
            at_ms,
        });
        let (source, partition) = ("in".to_owned(), index.to_string());
        let (assignment, bytes, records) = (None, None, None);
        PartitionView {
            source,
            partition,
            index,
            done: false,
            assignment,
            progress,
            bytes,
            records,
            waits_for: None,
        }
    }

    #[test]
    fn a_rate_is_what_was_read_between_two_checkpoints() {
        let listed = |run: u128, partitions| {
            let workflow = "orders".to_owned();
            RunPartitions { run: Uuid::from_u128(run), workflow, partitions }
        };
        let before = listed(
            7,
            vec![
                partition(0, Some((1000, 5000))),
                partition(1, Some((70, 5000))),
                partition(2, None),
                partition(3, None),
            ],
        );
        let after = listed(
            7,
            vec![
                partition(0, Some((4000, 7000))),
                partition(1, Some((70, 5000))),
                partition(2, Some((300, 9000))),
                partition(3, None),
                partition(4, Some((30, 9000))),
            ],
        );
        let rates = partition_rates(&before, &after, Duration::from_secs(3));
        assert_eq!(rates, BTreeMap::from([(0, 1500.0), (1, 0.0), (2, 100.0), (4, 10.0)]));
        assert!(partition_rates(&listed(8, Vec::new()), &after, Duration::from_secs(3)).is_empty());
    }
}
