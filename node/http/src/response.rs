use bytes::Bytes;
use std::time::Duration;

/// What a server has answered, whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// As the server says, without parameters, in lower case.
    pub content_type: Option<String>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Decompressed, no longer than asked for.
    pub body: Bytes,
}

impl Response {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may succeed later (RFC 9110, section 15).
    pub fn may_go_away(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// Whether the server as a whole, not this request, has to be waited for.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }
}
