use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What has gone over the relay channels of this process, since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayCounts {
    /// Channels to other nodes that are open.
    pub senders: u64,
    /// Channels that are carried out here.
    pub hosts: u64,
    /// Counted frames that were sent, those that were sent once more included, and bytes in them.
    pub sent: (u64, u64),
    /// The same of those that have come.
    pub received: (u64, u64),
    /// Frames that were sent once more.
    pub resent: u64,
    /// Streams that broke.
    pub lost: u64,
    /// Bytes of frames that are not acknowledged now.
    pub kept: u64,
    /// Bytes that may be sent now before more is granted.
    pub credit: u64,
}

/// There is one network for all that a process relays.
pub(crate) static METER: Meter = Meter::new();

/// Counts.
pub(crate) struct Meter {
    senders: AtomicI64,
    hosts: AtomicI64,
    sent: [AtomicU64; 2],
    received: [AtomicU64; 2],
    resent: AtomicU64,
    lost: AtomicU64,
    kept: AtomicI64,
    credit: AtomicI64,
}

fn add([frames, all]: &[AtomicU64; 2], bytes: usize) {
    frames.fetch_add(1, Ordering::Relaxed);
    all.fetch_add(bytes as u64, Ordering::Relaxed);
}

impl Meter {
    const fn new() -> Self {
        Self {
            senders: AtomicI64::new(0),
            hosts: AtomicI64::new(0),
            sent: [AtomicU64::new(0), AtomicU64::new(0)],
            received: [AtomicU64::new(0), AtomicU64::new(0)],
            resent: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            kept: AtomicI64::new(0),
            credit: AtomicI64::new(0),
        }
    }

    pub fn sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    pub fn received(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    pub fn resent(&self, frames: usize) {
        self.resent.fetch_add(frames as u64, Ordering::Relaxed);
    }

    pub fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// What an outbox keeps, and what it may send, have changed by so much.
    pub fn changed(&self, kept: i64, credit: i64) {
        self.kept.fetch_add(kept, Ordering::Relaxed);
        self.credit.fetch_add(credit, Ordering::Relaxed);
    }

    /// A channel to another node, for as long as what is returned lives.
    pub fn sender(&'static self) -> Open {
        Open::new(&self.senders)
    }

    /// A channel that is carried out here.
    pub fn host(&'static self) -> Open {
        Open::new(&self.hosts)
    }
}

/// A channel that is open.
pub(crate) struct Open(&'static AtomicI64);

impl Open {
    fn new(count: &'static AtomicI64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What has gone over the relay channels of this process.
pub fn relay_counts() -> RelayCounts {
    let open = |count: &AtomicI64| u64::try_from(count.load(Ordering::Relaxed)).unwrap_or(0);
    let pair =
        |[frames, bytes]: &[AtomicU64; 2]| (frames.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
    RelayCounts {
        senders: open(&METER.senders),
        hosts: open(&METER.hosts),
        sent: pair(&METER.sent),
        received: pair(&METER.received),
        resent: METER.resent.load(Ordering::Relaxed),
        lost: METER.lost.load(Ordering::Relaxed),
        kept: open(&METER.kept),
        credit: open(&METER.credit),
    }
}
