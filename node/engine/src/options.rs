use std::num::NonZeroUsize;
use std::time::Duration;

use etl_model::ByteSize;
use etl_sdk::{ReadOptions, RetryPolicy};

const MIB: u64 = 1 << 20;

/// How a run uses the machine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Partitions that run at the same time.
    pub parallelism: NonZeroUsize,
    /// Threads that decode, transform and encode.
    pub workers: NonZeroUsize,
    /// What the process should stay inside, whatever the width of the rows.
    pub memory: ByteSize,
    /// The longest time a written row waits for its commit.
    pub commit_interval: Duration,
    /// How long one call into a connector may take before its chain is killed and reopened.
    pub stall_timeout: Duration,
    /// What is done after an error that may go away.
    pub retry: RetryPolicy,
}

/// The share of a chain, derived from the options and the number of chains that run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainShare {
    /// Bytes of permits.
    pub permits: usize,
    /// Processor actors.
    pub processors: usize,
    /// Bytes held by one unit before it is committed.
    pub unit_bytes: usize,
    /// How chunks are cut.
    pub read: ReadOptions,
}

/// Bytes a chunk occupies while it is decoded, transformed and encoded, per byte of raw data (measured: raw 1,
/// columns 1 to 1.5, text out 1 to 2).
pub(crate) const EXPANSION: usize = 4;

impl EngineOptions {
    /// Divides the machine among `chains` that run at once.
    ///
    /// Permits cover a quarter of the budget: the rest is the program itself, the allocator's slack and what
    /// connectors hold beside the batches.
    pub(crate) fn share(&self, chains: usize) -> ChainShare {
        let chains = chains.clamp(1, self.parallelism.get());
        let budget = self.memory.0.max(16 * MIB) as usize;
        let permits = budget / 4 / chains;
        let processors = self.workers.get().div_ceil(chains) + 1;
        let chunk_bytes = (permits / (EXPANSION * (processors + 3))).clamp(16 << 10, MIB as usize);
        ChainShare {
            permits,
            processors,
            unit_bytes: permits / 4,
            read: ReadOptions { chunk_bytes, max_record_bytes: (permits / EXPANSION).max(64 << 10) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(memory: u64) -> EngineOptions {
        EngineOptions {
            parallelism: NonZeroUsize::MIN.saturating_add(3),
            workers: NonZeroUsize::MIN.saturating_add(1),
            memory: ByteSize(memory),
            commit_interval: Duration::from_secs(1),
            stall_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
        }
    }

    #[test]
    fn a_chain_always_has_room_for_its_chunks() {
        for memory in [1 << 20, 32 << 20, 256 << 20, 4 << 30] {
            for chains in [0, 1, 2, 4, 64] {
                let share = options(memory).share(chains);
                assert!(share.permits >= EXPANSION * share.read.chunk_bytes);
                assert!(
                    share.permits >= EXPANSION * share.read.max_record_bytes.min(share.permits / EXPANSION)
                );
                assert!(share.processors >= 2);
            }
        }
    }

    #[test]
    fn more_chains_share_the_same_memory() {
        let one = options(256 << 20).share(1).permits;
        let four = options(256 << 20).share(4).permits;
        assert_eq!(one / 4, four);
        assert_eq!(options(256 << 20).share(64).permits, four, "never more at once than the parallelism");
    }
}
