use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a leader takes the time from that it stamps commands with, in milliseconds since 1970. It may be wrong and jump; the
/// state never goes back in time.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The clock of this machine.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        // Before 1970 there is no better answer than 0, and the state keeps the time it has.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    })
}
