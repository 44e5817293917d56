use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::HttpError;

/// What is asked of a server.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: reqwest::Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// Whether it is the name of a method, in capitals.
pub fn method(name: &str) -> bool {
    const KNOWN: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    KNOWN.contains(&name)
}

impl Request {
    /// A request without headers and body.
    ///
    /// # Errors
    /// The URL is none of `http` or `https`, or the method is not known.
    pub fn new(name: &str, url: &str) -> Result<Self, HttpError> {
        let invalid = |message: String| HttpError::Invalid { what: "url", message };
        let parsed = reqwest::Url::parse(url).map_err(|error| invalid(format!("`{url}`: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(invalid(format!("`{url}` is not a URL of http or https")));
        }
        let known = Some(name).filter(|name| method(name)).and_then(|name| name.parse().ok());
        let method = known.ok_or_else(|| HttpError::Invalid {
            what: "method",
            message: format!("`{name}` is not a method that is known here"),
        })?;
        Ok(Self { method, url: parsed, headers: HeaderMap::new(), body: None })
    }

    /// Adds a header.
    ///
    /// # Errors
    /// The name or the value cannot stand in a header, such as a value with a line break.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HttpError> {
        let invalid =
            |message: &str| HttpError::Invalid { what: "header", message: format!("`{name}`: {message}") };
        let header: HeaderName = name.parse().map_err(|_| invalid("is not the name of a header"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| invalid("its value has characters that cannot stand in a header"))?;
        // What a header says is often a secret.
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Gives it a body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What tells it from others, for a cache.
    pub fn identity(&self) -> (String, Option<Bytes>) {
        (format!("{} {}", self.method, self.url), self.body.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_is_told() {
        for url in ["", "example.com/x", "ftp://example.com/", "http://", "file:///etc/passwd"] {
            assert!(matches!(Request::new("GET", url), Err(HttpError::Invalid { what: "url", .. })), "{url}");
        }
        assert!(matches!(Request::new("TRACE", "http://a/"), Err(HttpError::Invalid { what: "method", .. })));
        let request = Request::new("GET", "http://a/").unwrap();
        assert!(request.clone().header("X-Id", "a\r\nEvil: 1").is_err());
        assert!(request.clone().header("X Id", "a").is_err());
        let debug = format!("{:?}", request.header("Authorization", "Bearer canary").unwrap());
        assert!(!debug.contains("canary"), "{debug}");
    }
}
