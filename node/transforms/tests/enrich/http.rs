use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_model::Retry;
use etl_sdk::Registry;
use serde_json::{Value, json};

use crate::batches::{configure, failed, gone_on, numbers, process};
use crate::server::{Act, Server, answer};

pub fn good(value: &Value) -> Act {
    answer("200 OK\r\ncontent-type: application/json", &value.to_string())
}

pub fn number(body: &str) -> i64 {
    serde_json::from_str::<Value>(body).unwrap()["n"].as_i64().unwrap()
}

pub fn config(server: &Server, more: Value) -> Value {
    let mut config = json!({
        "type": "http",
        "url": format!("{}score", server.url()),
        "body_template": r#"{"n": {{n}}}"#,
        "result_mapping": [
            { "source": "response.score", "destination": "found.score", "type": "double", "default": -1.0 },
            { "source": "response.tags[0]", "destination": "tag", "type": "string", "default": null },
        ],
        "retry": { "max_attempts": 3, "initial_backoff": "1ms", "max_backoff": "2ms" },
        "timeout": "5s",
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

/// Every kind of answer, by the number of the record. What a record must become is computed beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_gets_what_its_answer_says_or_fails_by_itself() {
    let server = Server::start(|_, body| {
        let n = number(body);
        match n % 12 {
            0 => answer("404 None", ""),
            1 => answer("500 No", "it broke"),
            2 => answer("400 Bad", "{\"error\": \"bad\"}"),
            3 => answer("200 OK\r\ncontent-type: text/html", "<html>"),
            4 => answer("200 OK\r\ncontent-type: application/json", "{\"score\": "),
            5 => good(&json!({"score": "much"})),
            6 => good(&json!({"other": 1})),
            7 => good(&json!({"score": null, "tags": []})),
            8 => Act::Endless(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n",
            ),
            9 => answer("200 OK", &json!({"score": n}).to_string()),
            10 => answer("204 No Content", ""),
            _ => good(&json!({"score": n as f64 / 2.0, "tags": ["a", "b"]})),
        }
    })
    .await;
    let enrich = configure(Registry::default(), config(&server, json!({"not_found": [404]}))).unwrap();
    let processed = process(&enrich, numbers(0, 240)).await.unwrap();
    let code = |n: i64| match n % 12 {
        1 | 2 => Some("http_status"),
        3 => Some("http_content_type"),
        4 | 10 => Some("http_not_json"),
        5 => Some("enrich_type"),
        8 => Some("http_too_large"),
        _ => None,
    };
    let errors: Vec<(u64, &str)> = (0..240).filter_map(|n| Some((n as u64, code(n)?))).collect();
    assert_eq!(failed(&processed.errors), errors);
    let expected: Vec<(u64, Value)> = (0..240)
        .filter(|n| code(*n).is_none())
        .map(|n| {
            let (score, tag) = match n % 12 {
                9 => (n as f64, json!(null)),
                11 => (n as f64 / 2.0, json!("a")),
                _ => (-1.0, json!(null)),
            };
            let name = if n % 13 == 0 { json!(null) } else { json!(format!("name \"{n}\"")) };
            (n as u64, json!({"n": n, "name": name, "found": {"score": score}, "tag": tag}))
        })
        .collect();
    assert_eq!(gone_on(&processed), expected);
    assert_eq!(server.requests(), 240 + 2 * 20, "500 alone is tried again, twice");
    assert!(server.sent.load(Ordering::SeqCst) < 20 * (64 << 20), "answers are not read beyond their bound");
    let broken = processed.errors.iter().find(|error| error.ordinal == 1).unwrap();
    assert!(broken.message.contains("500") && broken.message.contains("it broke"), "{}", broken.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_fails_the_step_unless_records_are_to_fail() {
    for act in [answer("503 Later", ""), Act::Reset, answer("429 Slow\r\nretry-after: 0", "")] {
        let kept = act.clone();
        let server = Server::start(move |_, _| kept.clone()).await;
        let enrich = configure(Registry::default(), config(&server, json!({}))).unwrap();
        let error = process(&enrich, numbers(0, 5)).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Backoff, "{error}");
        let more = json!({"unavailable": "record_error"});
        let enrich = configure(Registry::default(), config(&server, more)).unwrap();
        let processed = process(&enrich, numbers(0, 5)).await.unwrap();
        assert_eq!((processed.errors.len(), processed.batch.len()), (5, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_put_in_without_leaving_their_place() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let server = Server::start(move |_, body| {
        noted.lock().unwrap().push(body.to_owned());
        good(&json!({"ok": true}))
    })
    .await;
    let more = json!({
        "body_template": r#"{"who": "Dr. {{name}}", "n": "{{n}}"}"#,
        "headers": { "x-number": "{{n}}" },
        "url": format!("{}u/{{{{n}}}}?who={{{{name}}}}", server.url()),
        "result_mapping": [{ "source": "response", "destination": "answer" }],
    });
    let enrich = configure(Registry::default(), config(&server, more)).unwrap();
    let processed = process(&enrich, numbers(12, 15)).await.unwrap();
    assert_eq!(failed(&processed.errors), [(13, "enrich_template")], "a name that is null has no text");
    assert!(processed.errors[0].message.contains("{{ name }}"), "{}", processed.errors[0].message);
    let mut bodies: Vec<Value> =
        seen.lock().unwrap().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    bodies.sort_by_key(|body| body["n"].to_string());
    let body = |n| json!({"who": format!("Dr. name \"{n}\""), "n": format!("{n}")});
    assert_eq!(bodies, [body(12), body(14)]);
    assert_eq!(gone_on(&processed)[0].1["answer"], json!({"ok": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_asked_for_with_one_call() {
    let server = Server::start(|_, body| {
        let items: Vec<Value> = serde_json::from_str(body).unwrap();
        let first = items[0]["n"].as_i64().unwrap();
        let mut scores: Vec<Value> = items.iter().map(|item| json!({"score": item["n"]})).collect();
        if first == 20 {
            scores.pop();
        }
        good(&json!({"results": {"items": scores}}))
    })
    .await;
    let more = json!({"batch": {"size": 10, "results": "results.items"}});
    let enrich = configure(Registry::default(), config(&server, more)).unwrap();
    let processed = process(&enrich, numbers(0, 45)).await.unwrap();
    assert_eq!(server.requests(), 5);
    let short: Vec<(u64, &str)> = (20..30).map(|n| (n, "http_batch")).collect();
    assert_eq!(failed(&processed.errors), short);
    let gone = gone_on(&processed);
    assert_eq!(gone.len(), 35);
    assert!(gone.iter().all(|(n, record)| record["found"]["score"] == json!(*n as f64)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_is_asked_for_once_over_all_partitions() {
    let server = Server::start(|_, body| match number(body) {
        3 => answer("400 Bad", ""),
        n => good(&json!({"score": n})),
    })
    .await;
    let more = json!({"cache": {"ttl": "1h"}, "body_template": r#"{"n": {{n % 5}}}"#});
    let enrich = configure(Registry::default(), config(&server, more)).unwrap();
    let partitions: Vec<_> = (0..4)
        .map(|p| {
            let enrich = enrich.clone();
            async move { process(&enrich, numbers(p * 50, p * 50 + 50)).await }
        })
        .collect();
    for processed in futures::future::join_all(partitions).await {
        let processed = processed.unwrap();
        assert_eq!((processed.batch.len(), processed.errors.len()), (40, 10));
        assert!(
            gone_on(&processed).iter().all(|(n, record)| record["found"]["score"] == json!((*n % 5) as f64))
        );
    }
    let failures = server.requests() - 4;
    assert!((1..=40).contains(&failures), "four answers are remembered, failures are not: {failures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_are_made_at_once_than_may_be() {
    let body = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 14\r\n\r\n{\"score\": 1.5}".to_vec();
    let server = Server::start(move |_, _| Act::Late(Duration::from_millis(20), body.clone())).await;
    let enrich = configure(Registry::default(), config(&server, json!({"concurrency": 3}))).unwrap();
    let partitions = (0..4).map(|p| process(&enrich, numbers(p * 10, p * 10 + 10)));
    for processed in futures::future::join_all(partitions).await {
        assert_eq!(processed.unwrap().batch.len(), 10);
    }
    assert_eq!(*server.awaited.lock().unwrap(), (0, 3), "over all partitions");
}

#[test]
fn contradictions_are_all_told_with_their_place() {
    let faults = |config: Value| -> Vec<String> {
        let found = configure(Registry::default(), config).map(|_| ()).unwrap_err();
        found.iter().map(ToString::to_string).collect()
    };
    let found = faults(json!({
        "type": "http",
        "url": "https://example.com/{{ n + }}",
        "method": "FETCH",
        "body_template": "{\"a\": {{n}}",
        "timeout": "0s",
        "result_mapping": [
            { "source": "response.(", "destination": "a..b" },
            { "source": "answer.score", "destination": "x" },
            { "source": "response.score", "destination": "x.y", "type": "int", "default": "none" },
        ],
    }));
    for part in
        ["url:", "method:", "body_template:", "timeout:", "[0].source", "[0].destination", "[2].destination"]
    {
        assert!(found.iter().any(|fault| fault.contains(part)), "{part} {found:#?}");
    }
    let found = faults(json!({
        "type": "http",
        "url": "https://example.com/{{n}}",
        "batch": { "size": 5 },
        "cache": { "ttl": "1s" },
        "result_mapping": [{ "source": "response.a", "destination": "a" }],
    }));
    assert!(found.iter().any(|fault| fault.starts_with("batch:")), "{found:#?}");
    let found = faults(json!({
        "type": "http",
        "url": "https://example.com/",
        "result_mapping": [{ "source": "response.score", "destination": "y", "type": "int", "default": "none" }],
    }));
    assert_eq!(found, ["result_mapping[0].default: \"none\" is not a whole number of 64 bits"]);
}
