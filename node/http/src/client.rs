use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;

use crate::retry_after::retry_after;
use crate::{HttpConfig, HttpError, Request, Response, tls};

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Calls servers, over connections that are kept. Clones share them.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    pub(crate) config: HttpConfig,
}

impl HttpClient {
    /// A client with these settings. Reads certificates; blocks.
    ///
    /// # Errors
    /// A certificate or key cannot be read.
    pub fn new(config: &HttpConfig) -> Result<Self, HttpError> {
        let tls = tls::client(&config.tls.clone().unwrap_or_default())?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("actix-etl/", env!("CARGO_PKG_VERSION")))
            .timeout(config.timeout.0)
            .connect_timeout(config.connect_timeout.0)
            .redirect(Policy::limited(REDIRECTS))
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| HttpError::Tls(error.to_string()))?;
        Ok(Self { client, config: config.clone() })
    }

    /// Makes one attempt and reads the answer whole.
    ///
    /// # Errors
    /// There is no answer, or it cannot be used. A status that tells of a failure is an answer.
    pub async fn send(&self, request: &Request) -> Result<Response, HttpError> {
        let Request { method, url, headers, body } = request;
        let place = place(url);
        let failed = |error: reqwest::Error| HttpError::of(&error, &place, self.config.timeout.0);
        let mut builder = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = body {
            builder = builder.body(body.clone());
        }
        let mut answer = builder.send().await.map_err(failed)?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let content_type = text(CONTENT_TYPE).map(|value| essence(&value));
        let retry_after = text(RETRY_AFTER).and_then(|value| retry_after(&value, SystemTime::now()));
        let status = answer.status().as_u16();
        let most = self.config.max_response.0;
        let mut read = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if (read.len() + piece.len()) as u64 > most {
                return Err(HttpError::TooLarge { place, most });
            }
            read.extend_from_slice(&piece);
        }
        Ok(Response { status, content_type, retry_after, body: Bytes::from(read) })
    }
}

/// What a person needs to find the server; what follows the path may be personal or secret.
fn place(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

/// A media type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_nothing_personal() {
        let url =
            reqwest::Url::parse("https://me:canary@example.com:8443/u/jo@example.com?key=canary").unwrap();
        assert_eq!(place(&url), "https://example.com:8443");
        assert_eq!(essence("Application/JSON; charset=utf-8"), "application/json");
    }
}
