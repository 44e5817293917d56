use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_http::{Calls, HttpClient, HttpConfig, HttpError, Request, Response};
use etl_model::{ByteSize, Span};
use etl_sdk::RetryPolicy;

use crate::server::{Act, Server, answer};

fn config() -> HttpConfig {
    let pause = Span(Duration::from_millis(1));
    let retry =
        RetryPolicy { max_attempts: 3, initial_backoff: pause, max_backoff: pause, ..RetryPolicy::default() };
    HttpConfig { timeout: Span(Duration::from_secs(20)), retry, ..HttpConfig::default() }
}

async fn call_with(config: HttpConfig, server: &Server) -> Result<Response, HttpError> {
    let calls = Calls::new(HttpClient::new(&config).unwrap());
    let request = Request::new("GET", &server.url()).unwrap();
    calls.call(&request, async || Ok::<(), HttpError>(())).await
}

async fn call(server: &Server) -> Result<Response, HttpError> {
    call_with(config(), server).await
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let server = Server::start(|_, _| answer("200 OK\r\ncontent-type: Text/JSON; charset=utf-8", "{}")).await;
    let response = call(&server).await.unwrap();
    assert_eq!((response.status, response.body.as_ref()), (200, b"{}".as_ref()));
    assert_eq!(response.content_type.as_deref(), Some("text/json"));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn what_may_go_away_is_tried_again_and_what_does_not_is_not() {
    for (status, requests) in
        [("500 No", 3), ("503 Later", 3), ("404 None", 1), ("400 Bad", 1), ("501 No", 1)]
    {
        let server = Server::start(move |_, _| answer(status, "")).await;
        let response = call(&server).await.unwrap();
        assert_eq!((response.status.to_string().as_str(), server.requests()), (&status[..3], requests));
    }
    let server =
        Server::start(|n, _| if n < 2 { answer("502 Bad", "") } else { answer("200 OK", "ok") }).await;
    assert_eq!(call(&server).await.unwrap().body.as_ref(), b"ok");
    let server = Server::start(|n, _| if n < 2 { Act::Reset } else { answer("200 OK", "ok") }).await;
    assert_eq!(call(&server).await.unwrap().body.as_ref(), b"ok");
}

#[tokio::test]
async fn a_lost_connection_is_no_answer() {
    let truncated = Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":".to_vec());
    let chunked = Act::Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab".to_vec());
    for act in [Act::Reset, Act::Say(Vec::new()), truncated, chunked] {
        let server = Server::start(move |_, _| act.clone()).await;
        let error = call(&server).await.unwrap_err();
        assert!(matches!(error, HttpError::Connection { .. }), "{error:?}");
        assert_eq!(server.requests(), 3, "{error}");
    }
    let closed = Server::start(|_, _| Act::Reset).await.address;
    let request = Request::new("GET", &format!("http://{closed}/")).unwrap();
    let client = HttpClient::new(&config()).unwrap();
    assert!(client.send(&request).await.unwrap_err().may_go_away());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start(|_, _| Act::Nothing).await;
    let config = HttpConfig { timeout: Span(Duration::from_millis(50)), ..config() };
    let error = call_with(config, &server).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_heeded() {
    let limited = "429 Too Many Requests\r\nretry-after: 1";
    let server =
        Server::start(move |n, _| if n == 0 { answer(limited, "") } else { answer("200 OK", "") }).await;
    assert_eq!(call(&server).await.unwrap().status, 200);
    let moments = server.moments.lock().unwrap().clone();
    assert!(moments[1] - moments[0] >= Duration::from_secs(1), "{moments:?}");
    let server = Server::start(|_, _| answer("503 Later\r\nretry-after: 86400", "")).await;
    assert_eq!((call(&server).await.unwrap().status, server.requests()), (503, 1), "a day is not waited for");
}

#[tokio::test]
async fn no_more_is_read_than_may_be() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let server = Server::start(move |_, _| Act::Endless(head)).await;
        let error = call(&server).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { most: 1_048_576, .. }), "{error:?}");
        assert_eq!(server.requests(), 1);
        assert!(server.sent.load(Ordering::SeqCst) < 64 << 20, "the rest is not taken");
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(body: &[u8]) -> Act {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    Act::Say(bytes)
}

#[tokio::test]
async fn what_is_compressed_counts_as_what_it_becomes() {
    let server = Server::start(|_, _| gzip(&compressed(b"small"))).await;
    assert_eq!(call(&server).await.unwrap().body.as_ref(), b"small");
    let server = Server::start(|_, _| gzip(&compressed(&vec![0; 32 << 20]))).await;
    assert!(matches!(call(&server).await, Err(HttpError::TooLarge { .. })));
    let server = Server::start(|_, _| gzip(b"not compressed at all")).await;
    let error = call(&server).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreadable { .. }), "{error:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_largest_answer_still_fits() {
    let body = "x".repeat(1 << 20);
    let server = Server::start(move |_, _| answer("200 OK", &body)).await;
    assert_eq!(call(&server).await.unwrap().body.len(), 1 << 20);
    let config = HttpConfig { max_response: ByteSize((1 << 20) - 1), ..config() };
    assert!(matches!(call_with(config, &server).await, Err(HttpError::TooLarge { .. })));
}
