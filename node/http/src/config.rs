use std::path::PathBuf;
use std::time::Duration;

use etl_model::{ByteSize, Span};
use etl_sdk::{FieldError, RetryPolicy};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a server is called.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Longest time for one attempt, from the first byte sent to the last one received.
    pub timeout: Span,
    /// Longest time to connect.
    pub connect_timeout: Span,
    /// Largest answer that is read, after decompression.
    pub max_response: ByteSize,
    /// How calls are tried again after failures that may go away: a lost connection, a timeout, the statuses 408, 429, 500, 502,
    /// 503 and 504. A server that says when (`Retry-After`) is heeded.
    pub retry: RetryPolicy,
    /// Certificates, for `https`.
    pub tls: Option<HttpTlsConfig>,
}

/// Certificates for `https`. Without it the authorities of Mozilla's list are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTlsConfig {
    /// PEM file of the authorities to trust instead.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate to show, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            timeout: Span(Duration::from_secs(30)),
            connect_timeout: Span(Duration::from_secs(10)),
            max_response: ByteSize(1 << 20),
            retry: RetryPolicy::default(),
            tls: None,
        }
    }
}

impl HttpConfig {
    /// All contradictions.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        for (name, span) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)] {
            if span.0.is_zero() {
                faults
                    .push(FieldError::new("out_of_range", format!("`{name}` must be more than 0")).at(name));
            }
        }
        if self.max_response.0 == 0 {
            faults.push(
                FieldError::new("out_of_range", "`max_response` must be more than 0").at("max_response"),
            );
        }
        if let Some(tls) = &self.tls
            && tls.cert_file.is_some() != tls.key_file.is_some()
        {
            let fault = FieldError::new("incomplete", "`cert_file` and `key_file` go together");
            faults.push(fault.at("tls"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contradictions_are_told() {
        assert!(HttpConfig::default().faults().is_empty());
        let tls = HttpTlsConfig { cert_file: Some(PathBuf::from("a.pem")), ..HttpTlsConfig::default() };
        let config = HttpConfig {
            timeout: Span(Duration::ZERO),
            max_response: ByteSize(0),
            tls: Some(tls),
            ..HttpConfig::default()
        };
        assert_eq!(config.faults().len(), 3);
    }
}
