/// What a row is about: the first byte of its key. A number is never used for anything else again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKind {
    Facts = 1,
    Node = 2,
    Workflow = 3,
    WorkflowVersion = 4,
    Document = 5,
    Schedule = 6,
    Run = 7,
    Epoch = 8,
    Assignment = 9,
    Checkpoint = 10,
    Secret = 11,
    User = 12,
    AuditEvent = 13,
    Client = 14,
    Answer = 15,
    Partition = 16,
}

impl RowKind {
    /// In the order of their keys.
    pub const ALL: [Self; 16] = [
        Self::Facts,
        Self::Node,
        Self::Workflow,
        Self::WorkflowVersion,
        Self::Document,
        Self::Schedule,
        Self::Run,
        Self::Epoch,
        Self::Assignment,
        Self::Checkpoint,
        Self::Secret,
        Self::User,
        Self::AuditEvent,
        Self::Client,
        Self::Answer,
        Self::Partition,
    ];

    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }

    pub fn byte(self) -> u8 {
        self as u8
    }

    /// For messages.
    pub fn what(self) -> &'static str {
        match self {
            Self::Facts => "a row of the cluster's facts",
            Self::Node => "a row of the nodes",
            Self::Workflow => "a row of the workflows",
            Self::WorkflowVersion => "a row of the workflow versions",
            Self::Document => "a row of the workflow documents",
            Self::Schedule => "a row of the schedules",
            Self::Run => "a row of the runs",
            Self::Epoch => "a row of the epochs",
            Self::Assignment => "a row of the assignments",
            Self::Checkpoint => "a row of the checkpoints",
            Self::Secret => "a row of the secrets",
            Self::User => "a row of the users",
            Self::AuditEvent => "a row of the audit",
            Self::Client => "a row of the sessions",
            Self::Answer => "a row of the sessions' answers",
            Self::Partition => "a row of the partitions",
        }
    }
}
