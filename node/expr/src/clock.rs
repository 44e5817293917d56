use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// No time is fixed.
const RUNNING: i64 = i64::MIN;

/// Microseconds since 1970 of the time that is fixed.
static FIXED: AtomicI64 = AtomicI64::new(RUNNING);

/// The time that `now()` is in a batch which is begun now.
pub fn now() -> DateTime<Utc> {
    let fixed = FIXED.load(Ordering::Relaxed);
    Some(fixed).filter(|at| *at != RUNNING).and_then(DateTime::from_timestamp_micros).unwrap_or_else(Utc::now)
}

/// Makes this time `now()` in the whole process until told otherwise: for a process that tests workflows and does nothing else.
pub fn fix_now(at: Option<DateTime<Utc>>) {
    FIXED.store(at.map_or(RUNNING, |at| at.timestamp_micros()), Ordering::Relaxed);
}
