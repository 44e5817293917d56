use std::time::Duration;

use etl_raft::membership::Limits;

/// How the duties are timed. All nodes of a cluster should have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often a node tells the leader how it is.
    pub heartbeat: Duration,
    /// A node that was silent for so long is declared down.
    pub down_after: Duration,
    /// So long a node must have been silent that refuses connections before it is declared down. Longer than
    /// a few heartbeats.
    pub down_after_refusal: Duration,
    /// A node that joined and was never up may be silent for so long: it is being started.
    pub joining_patience: Duration,
    /// For how long all nodes must have stayed as they are before partitions move for the sake of balance.
    pub settled: Duration,
    /// How often a node looks at its disk.
    pub probe: Duration,
    /// What the steward goes by. Its `silence` should be `down_after`.
    pub limits: Limits,
}

impl Default for Settings {
    /// 300 ms; 3 s; 1 s; 30 s; 10 s; 5 s; the steward's defaults.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(300),
            down_after: Duration::from_secs(3),
            down_after_refusal: Duration::from_secs(1),
            joining_patience: Duration::from_secs(30),
            settled: Duration::from_secs(10),
            probe: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}
