use std::time::Duration;

use clap::ValueEnum;

use super::cell::Cell;

/// What happens in the middle of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// SIGKILL to a node that owns partitions and does not lead.
    KillOwner,
    /// SIGKILL to the leader, which owns partitions, too.
    KillLeader,
    /// Both at once; they are started again after two seconds.
    KillBoth,
    /// SIGSTOP to an owner for longer than its lease, then SIGCONT.
    #[value(name = "pause-6s")]
    Pause6s,
    /// The same with an owner that does not stop by itself when its lease has run out: the fences alone keep it out.
    #[value(name = "pause-6s-unleased")]
    Pause6sUnleased,
    #[value(name = "pause-20s")]
    Pause20s,
    #[value(name = "pause-60s")]
    Pause60s,
    /// `cluster drain` of a node.
    Drain,
    /// A fourth node joins and gets partitions.
    Join,
    /// SIGTERM to each node in turn, which is started again.
    RollingRestart,
    /// The server crashes and comes back after five seconds.
    DestinationDown,
    /// The same after thirty.
    #[value(name = "destination-down-30s")]
    DestinationDown30s,
    /// Connections are cut between a COMMIT and its answer.
    ConnectionReset,
    /// The way to the server is held up again and again.
    SlowDestination,
    /// An owner that does not lead is cut off from the other nodes, but not from the destination.
    PartitionMinority,
    /// The leader is: the majority goes on without it.
    PartitionMajority,
    /// An owner hears the others, and is not heard by them.
    PartitionOneWay,
    /// The node that has the destination and an owner cannot reach each other; both reach the leader.
    RelayCut,
    /// What the nodes send each other is slow.
    RelaySlow,
    /// The disk of an owner is full, or the one on which the destination lies; then there is room again.
    DiskFull,
}

impl Fault {
    /// Those of the short form.
    pub const SHORT: [Self; 5] =
        [Self::KillOwner, Self::KillLeader, Self::Pause6s, Self::Drain, Self::PartitionMinority];

    /// Those of the long form.
    pub const LONG: [Self; 18] = [
        Self::KillOwner,
        Self::KillLeader,
        Self::KillBoth,
        Self::Pause6sUnleased,
        Self::Pause20s,
        Self::Pause60s,
        Self::Drain,
        Self::Join,
        Self::RollingRestart,
        Self::DestinationDown30s,
        Self::ConnectionReset,
        Self::SlowDestination,
        Self::PartitionMinority,
        Self::PartitionMajority,
        Self::PartitionOneWay,
        Self::RelayCut,
        Self::RelaySlow,
        Self::DiskFull,
    ];

    pub fn name(self) -> String {
        // None is hidden.
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it can strike there: what happens to the server and to its connections is nothing to a file, and the node that
    /// has the file must come back.
    pub fn fits(self, cell: Cell) -> bool {
        if matches!(self, Self::RelayCut | Self::RelaySlow) {
            return cell.is_hosted();
        }
        !cell.is_hosted()
            || !matches!(
                self,
                Self::KillLeader
                    | Self::DestinationDown
                    | Self::DestinationDown30s
                    | Self::ConnectionReset
                    | Self::SlowDestination
                    | Self::PartitionMajority
            )
    }

    /// Whether links between nodes must be cut or slowed for it, which needs root.
    pub fn needs_network(self) -> bool {
        use Fault::*;
        matches!(self, PartitionMinority | PartitionMajority | PartitionOneWay | RelayCut | RelaySlow)
    }

    /// Whether it needs root.
    pub fn needs_root(self) -> bool {
        self.needs_network() || self == Self::DiskFull
    }

    /// The crash points of all nodes.
    pub fn failpoints(self) -> Option<String> {
        (self == Self::Pause6sUnleased).then(|| "lease=return".to_owned())
    }

    /// How long an owner is paused.
    pub fn pause(self) -> Option<Duration> {
        match self {
            Self::Pause6s | Self::Pause6sUnleased => Some(Duration::from_secs(6)),
            Self::Pause20s => Some(Duration::from_secs(20)),
            Self::Pause60s => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// How long the server is down.
    pub fn outage(self) -> Option<Duration> {
        match self {
            Self::DestinationDown => Some(Duration::from_secs(5)),
            Self::DestinationDown30s => Some(Duration::from_secs(30)),
            _ => None,
        }
    }

    /// How long the source takes for its rows at least, so that the fault strikes a run that still has work.
    pub fn pace(self) -> Duration {
        let rest = match self {
            Self::Join => Duration::from_secs(40),
            Self::RollingRestart => Duration::from_secs(30),
            Self::PartitionMinority | Self::PartitionMajority | Self::PartitionOneWay | Self::DiskFull => {
                Duration::from_secs(10)
            }
            Self::RelayCut | Self::RelaySlow => Duration::from_secs(20),
            Self::Pause6sUnleased | Self::Pause20s | Self::Pause60s => self.pause().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        Duration::from_secs(5) + rest
    }
}
