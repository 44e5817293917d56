use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etl_sdk::Registry;
use serde_json::json;

use crate::batches::{configure, failed, gone_on, numbers, process};
use crate::http::{config, good, number};
use crate::server::{Act, Server, answer};

/// When each record was asked for.
type Asked = Arc<Mutex<BTreeMap<i64, Vec<Instant>>>>;

fn note(asked: &Asked, n: i64) -> usize {
    let mut asked = asked.lock().unwrap();
    let moments = asked.entry(n).or_default();
    moments.push(Instant::now());
    moments.len()
}

/// The beginning of an answer, and the end of the connection.
fn truncated() -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
    Act::Say(format!("{head}{{\"score\": 1").into_bytes())
}

fn late(n: i64) -> Act {
    let body = json!({ "score": n }).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Act::Late(Duration::from_millis(100), format!("{head}{body}").into_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_passes_costs_another_call_and_nothing_else() {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let server = Server::start(move |_, body| {
        let n = number(body);
        match (n % 6, note(&noted, n)) {
            (0, 1) => Act::Reset,
            (1, 1) => answer("429 Too Many Requests\r\nretry-after: 1", ""),
            (2, 1) => answer("500 No", ""),
            (3, 1) => truncated(),
            (4, _) => late(n),
            _ => good(&json!({ "score": n })),
        }
    })
    .await;
    let enrich = configure(Registry::default(), config(&server, json!({}))).unwrap();
    let processed = process(&enrich, numbers(0, 30)).await.unwrap();
    assert!(processed.errors.is_empty(), "{:?}", processed.errors);
    let scores: Vec<_> =
        gone_on(&processed).into_iter().map(|(n, record)| (n, record["found"]["score"].clone())).collect();
    assert_eq!(scores, (0..30).map(|n| (n, json!(n as f64))).collect::<Vec<_>>());
    for (n, moments) in asked.lock().unwrap().iter() {
        assert_eq!(moments.len(), if n % 6 < 4 { 2 } else { 1 }, "{n}");
        if n % 6 == 1 {
            assert!(moments[1] - moments[0] >= Duration::from_secs(1), "{n} waits as it was told");
        }
    }
    assert_eq!(server.requests(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_stays_fails_the_records_concerned() {
    const LARGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n";
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let server = Server::start(move |_, body| {
        let n = number(body);
        note(&noted, n);
        match n % 9 {
            0 => Act::Nothing,
            1 => Act::Reset,
            2 => answer("429 Too Many Requests\r\nretry-after: 0", ""),
            3 => answer("500 No", ""),
            4 => truncated(),
            5 => Act::Endless(LARGE),
            6 => Act::Endless(ENDLESS),
            7 => answer("200 OK\r\ncontent-type: text/html", "<html>"),
            _ => good(&json!({ "score": n })),
        }
    })
    .await;
    let more =
        json!({ "unavailable": "record_error", "timeout": "1s", "max_response": "64KiB", "concurrency": 16 });
    let enrich = configure(Registry::default(), config(&server, more)).unwrap();
    let processed = process(&enrich, numbers(0, 36)).await.unwrap();
    let fate = |n: i64| match n % 9 {
        0 => (3, Some("http_timeout")),
        1 | 4 => (3, Some("http_connection")),
        2 => (3, Some("http_unavailable")),
        3 => (3, Some("http_status")),
        5 | 6 => (1, Some("http_too_large")),
        7 => (1, Some("http_content_type")),
        _ => (1, None),
    };
    let errors: Vec<(u64, &str)> = (0..36).filter_map(|n| Some((n as u64, fate(n).1?))).collect();
    assert_eq!(failed(&processed.errors), errors);
    let ordinals: Vec<u64> = gone_on(&processed).into_iter().map(|(n, _)| n).collect();
    assert_eq!(ordinals, [8, 17, 26, 35]);
    for (n, moments) in asked.lock().unwrap().iter() {
        assert_eq!(moments.len(), fate(*n).0, "{n}");
    }
    // What the sockets hold on both sides is sent and never read.
    let sent = server.sent.load(Ordering::SeqCst);
    assert!(sent < 8 * (16 << 20), "{sent} bytes of eight answers went out");
}
