use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

/// Why there is no answer, or none that can be used. Tells of a URL no more than the server, and no headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be made.
    #[error("invalid {what}: {message}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// Certificates cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// No answer in time.
    #[error("{place} has not answered within {after:?}")]
    Timeout {
        /// Scheme, host and port.
        place: String,
        /// The longest time.
        after: Duration,
    },
    /// The server cannot be reached, or the connection was lost before or within the answer.
    #[error("{place}: {message}")]
    Connection {
        /// Scheme, host and port.
        place: String,
        /// What happened.
        message: String,
    },
    /// The answer is longer than it may be. The rest was not read.
    #[error("{place} has answered with more than {most} bytes")]
    TooLarge {
        /// Scheme, host and port.
        place: String,
        /// The bound.
        most: u64,
    },
    /// The answer is not what HTTP has, or its compression is broken.
    #[error("{place} has answered with what cannot be read: {message}")]
    Unreadable {
        /// Scheme, host and port.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl HttpError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "http_invalid_request",
            Self::Tls(_) => "http_tls",
            Self::Timeout { .. } => "http_timeout",
            Self::Connection { .. } => "http_connection",
            Self::TooLarge { .. } => "http_too_large",
            Self::Unreadable { .. } => "http_unreadable",
        }
    }

    /// Whether the same request may succeed later.
    pub fn may_go_away(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Connection { .. })
    }

    /// What the library says, told apart.
    pub(crate) fn of(error: &reqwest::Error, place: &str, after: Duration) -> Self {
        let place = place.to_owned();
        let message = words(error);
        if error.is_timeout() {
            return Self::Timeout { place, after };
        }
        if is_garbage(error) {
            return Self::Unreadable { place, message };
        }
        if error.is_builder() {
            return Self::Invalid { what: "request", message };
        }
        if error.is_redirect() {
            return Self::Unreadable { place, message };
        }
        Self::Connection { place, message }
    }
}

/// Whether what came can never be read. The library says the same of a body that ends too early, which may go away.
fn is_garbage(error: &reqwest::Error) -> bool {
    let mut inner = error.source();
    while let Some(reason) = inner {
        if let Some(io) = reason.downcast_ref::<std::io::Error>()
            && matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput)
        {
            return error.is_decode();
        }
        inner = reason.source();
    }
    false
}

/// The innermost reasons; the outermost repeats the URL.
fn words(error: &reqwest::Error) -> String {
    let mut reasons = Vec::new();
    let mut inner = error.source();
    while let Some(reason) = inner {
        reasons.push(reason.to_string());
        inner = reason.source();
    }
    reasons.dedup();
    match reasons.is_empty() {
        true => "the request failed".to_owned(),
        false => reasons.join(": "),
    }
}
