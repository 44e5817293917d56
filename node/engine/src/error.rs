use etl_model::{Fault, RecordError, Retry, StepName};
use etl_sdk::ConnectorError;

use crate::PortError;

/// Why a partition or a run ended without success.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// A connector or transformation refused or broke.
    #[error("{step}: {error}")]
    Step {
        /// The step.
        step: StepName,
        /// What it said.
        error: ConnectorError,
    },
    /// A record failed at a step whose `on_error` is `fail`.
    #[error("{step}: {message}", message = describe(.error))]
    Record {
        /// The step.
        step: StepName,
        /// The record and what is wrong with it.
        error: Box<RecordError>,
    },
    /// A record failed at a step whose `on_error` is `retry`.
    #[error("{step}: {message}", message = describe(.error))]
    Unsettled {
        /// The step.
        step: StepName,
        /// The record and what is wrong with it.
        error: Box<RecordError>,
    },
    /// Code of a step panicked; its chain was killed, the process lives on.
    #[error("{step}: panicked: {message}")]
    Panicked {
        /// The step.
        step: StepName,
        /// The panic's message.
        message: String,
    },
    /// A call into a step did not return in time.
    #[error("{step}: no answer from `{operation}` for {seconds} s")]
    Stalled {
        /// The step.
        step: StepName,
        /// The call.
        operation: &'static str,
        /// How long it has taken so far.
        seconds: u64,
    },
    /// A destination is behind what was checkpointed: it has been restored from a backup, or replaced.
    #[error(
        "{step}: the destination has committed up to {found} only, but this run had already committed up to {expected}"
    )]
    Rewound {
        /// The destination.
        step: StepName,
        /// The marker's place.
        found: String,
        /// The checkpoint's place.
        expected: String,
    },
    /// The state store failed.
    #[error("state: {0}")]
    State(#[from] PortError),
    /// Records do not add up; a defect, found before it could be reported as success.
    #[error("internal error: {route}: {read} records read, but {accounted} accounted for")]
    Unbalanced {
        /// The route.
        route: String,
        /// Records read.
        read: u64,
        /// Delivered, filtered, dead-lettered and failed together.
        accounted: u64,
    },
    /// The chain was asked to end while it waited; what it had under way is read again.
    #[error("asked to end")]
    Ending,
    /// A part of the engine vanished; a defect.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Characters of a failed record that are shown; a record can have megabytes.
const SHOWN_OF_A_RECORD: usize = 200;

fn describe(error: &RecordError) -> String {
    let mut text = String::new();
    if let Some(location) = &error.location {
        text.push_str(&location.origin);
        for part in [location.line, location.column].into_iter().flatten() {
            text.push_str(&format!(":{part}"));
        }
        text.push_str(": ");
    }
    if let Some(field) = &error.field {
        text.push_str(&format!("field `{field}`: "));
    }
    text.push_str(&error.message);
    let record = match &error.record {
        serde_json::Value::Null => return text,
        serde_json::Value::String(raw) => raw.clone(),
        record => record.to_string(),
    };
    let end = record.char_indices().nth(SHOWN_OF_A_RECORD).map_or(record.len(), |(end, _)| end);
    let dots = if end < record.len() { "..." } else { "" };
    text.push_str(&format!("\n  record {}: {}{dots}", error.ordinal, record.get(..end).unwrap_or_default()));
    text
}

impl EngineError {
    /// Whose fault.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Step { error, .. } => error.fault(),
            Self::Record { .. } | Self::Unsettled { .. } | Self::Rewound { .. } => Fault::User,
            Self::Stalled { .. } => Fault::External,
            Self::State(error) => error.fault,
            Self::Panicked { .. } | Self::Unbalanced { .. } | Self::Ending | Self::Internal(_) => {
                Fault::Internal
            }
        }
    }

    /// Whether the chain may be reopened.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Step { error, .. } => error.retry(),
            Self::Stalled { .. } | Self::Unsettled { .. } => Retry::Backoff,
            Self::State(error) => error.retry,
            _ => Retry::Never,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Step { error, .. } => error.code(),
            Self::Record { error, .. } | Self::Unsettled { error, .. } => &error.code,
            Self::Panicked { .. } => "panicked",
            Self::Stalled { .. } => "stalled",
            Self::Rewound { .. } => "destination_rewound",
            Self::State(_) => "state",
            Self::Unbalanced { .. } => "unbalanced",
            Self::Ending => "ending",
            Self::Internal(_) => "internal",
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Step { error, .. } => error.help().map(str::to_owned),
            Self::Record { error, .. } | Self::Unsettled { error, .. } => Some(match &error.help {
                Some(help) => format!("{help}; or set `on_error: dead_letter` on this step to set such records aside"),
                None => "mend the record, or set `on_error: dead_letter` on this step to set such records aside"
                    .to_owned(),
            }),
            Self::Rewound { .. } => Some(
                "the rows in between are missing there; if the source still has them, start over with --restart \
                 (append destinations keep what they have), otherwise restore the destination"
                    .to_owned(),
            ),
            Self::State(error) => error.help.clone(),
            _ => None,
        }
    }

    /// The step concerned.
    pub fn step(&self) -> Option<&StepName> {
        match self {
            Self::Step { step, .. }
            | Self::Record { step, .. }
            | Self::Unsettled { step, .. }
            | Self::Panicked { step, .. }
            | Self::Stalled { step, .. }
            | Self::Rewound { step, .. } => Some(step),
            _ => None,
        }
    }
}
