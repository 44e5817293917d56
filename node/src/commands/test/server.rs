use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response as HttpResponse, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::case::{Endpoint, Response};

/// Bytes of the largest request.
const MAX_BODY: usize = 16 << 20;

/// A server on this machine that answers as a test says. Ends when it is dropped.
pub(super) struct MockServer {
    address: String,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

/// What is asked, and what was.
struct Desk {
    endpoints: Vec<Endpoint>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Per endpoint.
    asked: Vec<u64>,
    unexpected: Vec<String>,
}

impl MockServer {
    /// Listens on a free port.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(endpoints: Vec<Endpoint>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let seen = Mutex::new(Seen { asked: vec![0; endpoints.len()], unexpected: Vec::new() });
        let desk = Arc::new(Desk { endpoints, seen });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        let task = tokio::spawn(async move {
            // Whoever asks sees that it has ended.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, desk, task })
    }

    /// Its URL without a path.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Requests that were not expected, and those that were and did not come.
    pub fn complaints(&self) -> Vec<String> {
        let seen = self.desk.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut complaints: Vec<String> =
            seen.unexpected.iter().map(|request| format!("no endpoint answers {request}")).collect();
        for (endpoint, asked) in self.desk.endpoints.iter().zip(&seen.asked) {
            let Endpoint { place, method, path, times, .. } = endpoint;
            if let Some(times) = times.filter(|times| asked < times) {
                let line = place.line;
                complaints.push(format!("line {line}: {method} {path} was asked {asked} times, not {times}"));
            }
        }
        complaints
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> HttpResponse<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut seen = desk.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |(index, endpoint): &(usize, &Endpoint)| {
        let asked = seen.asked.get(*index).copied().unwrap_or_default();
        endpoint.times.is_none_or(|times| asked < times)
            && endpoint.method == parts.method.as_str()
            && endpoint.path == path
            && endpoint.headers.iter().all(|(name, value)| has(&parts.headers, name, value))
            && endpoint.body.as_ref().is_none_or(|expected| is(expected, &body))
    };
    let found = desk.endpoints.iter().enumerate().find(fits);
    match found {
        Some((index, endpoint)) => {
            if let Some(asked) = seen.asked.get_mut(index) {
                *asked += 1;
            }
            response(&endpoint.response)
        }
        None => {
            let body = String::from_utf8_lossy(&body);
            let with = if body.is_empty() { String::new() } else { format!(" with {body}") };
            seen.unexpected.push(format!("{} {path}{with}", parts.method));
            status(StatusCode::NOT_FOUND)
        }
    }
}

fn has(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get_all(name).iter().any(|found| found.as_bytes() == value.as_bytes())
}

/// Text is compared as it stands, all else as JSON.
fn is(expected: &Value, body: &[u8]) -> bool {
    match expected {
        Value::String(text) => text.as_bytes() == body,
        expected => serde_json::from_slice::<Value>(body).is_ok_and(|found| found == *expected),
    }
}

fn response(response: &Response) -> HttpResponse<Body> {
    let (kind, body) = match &response.body {
        Value::Null => (None, String::new()),
        Value::String(text) => (Some("text/plain; charset=utf-8"), text.clone()),
        body => (Some("application/json"), body.to_string()),
    };
    let mut builder = HttpResponse::builder().status(response.status);
    let is_kind = |name: &String| name.eq_ignore_ascii_case("content-type");
    if let Some(kind) = kind.filter(|_| !response.headers.keys().any(is_kind)) {
        builder = builder.header("content-type", kind);
    }
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(body)).unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(code: StatusCode) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(Body::empty());
    *response.status_mut() = code;
    response
}
