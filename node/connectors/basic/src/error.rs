use etl_sdk::ConnectorError;

/// What goes wrong in `generate` and `stdout`.
#[derive(Debug, thiserror::Error)]
pub enum BasicError {
    /// A record is larger than the engine accepts.
    #[error(
        "`row_bytes` makes records of {row_bytes} bytes, more than the {limit} bytes allowed for one record"
    )]
    RecordTooLarge {
        /// As configured.
        row_bytes: u64,
        /// The engine's limit.
        limit: usize,
    },
    /// A position of another configuration.
    #[error("the interrupted run generated other records: {difference}")]
    OtherRecords {
        /// What differs.
        difference: String,
    },
    /// A partition that this source does not have.
    #[error("`generate` has no partition `{id}`")]
    UnknownPartition {
        /// The id.
        id: String,
    },
    /// The reader of standard output has gone.
    #[error("standard output was closed by its reader (broken pipe)")]
    OutputClosed,
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// The columns of a later batch differ under one CSV header.
    #[error("the columns changed after the CSV header was printed: `{was}` became `{is}`")]
    HeaderChanged {
        /// The header printed.
        was: String,
        /// The header of the later rows.
        is: String,
    },
    /// The format cannot show the columns.
    #[error(transparent)]
    Format(#[from] etl_formats::FormatError),
    /// A defect.
    #[error("{0}")]
    Impossible(String),
}

impl From<BasicError> for ConnectorError {
    fn from(error: BasicError) -> Self {
        let message = error.to_string();
        match error {
            BasicError::RecordTooLarge { .. } => {
                Self::user("record_too_large", message, "lower `row_bytes` or raise the limit for one record")
            }
            BasicError::OtherRecords { .. } => Self::user(
                "source_changed",
                message,
                "put the configuration back, or start anew with `run --restart`",
            ),
            BasicError::UnknownPartition { .. } => Self::user(
                "unknown_partition",
                message,
                "put `partitions` back, or start anew with `run --restart`",
            ),
            BasicError::OutputClosed => Self::external("stdout_closed", message),
            BasicError::Output(_) => Self::external("stdout", message),
            BasicError::HeaderChanged { .. } => Self::user(
                "csv_header_changed",
                message,
                "name the columns with a mapping, or use format: jsonl",
            ),
            BasicError::Format(etl_formats::FormatError::Unsupported { .. }) => {
                Self::user("unsupported_column", message, "leave the column out or convert it with a mapping")
            }
            BasicError::Format(_) | BasicError::Impossible(_) => Self::internal(message),
        }
    }
}
