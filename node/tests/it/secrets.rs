use etl_test_services::{PostgresServer, get};

use crate::nodes::Nodes;
use crate::site::Site;

/// What must be found nowhere.
const CANARY: &str = "canary \"7\" of-the-mine/ä";

/// Whether any form of it is there.
fn shows(text: &str) -> bool {
    text.contains("of-the-mine") || text.contains("canary")
}

#[track_caller]
fn silent(what: &str, text: &str) {
    assert!(!shows(text), "{what} shows the secret:\n{text}");
}

fn workflow(name: &str, destination: &str) -> String {
    format!(
        "workflow:\n  name: {name}\n  retry: {{ max_attempts: 2, initial_backoff: 10ms, max_backoff: 20ms }}\n  source: {{ name: \
         numbers, type: generate, config: {{ rows: 5 }} }}\n  transformations: []\n  destination: {destination}\n"
    )
}

/// Every way in which a workflow with a secret can fail.
fn failing() -> Vec<(&'static str, String)> {
    let server = PostgresServer::shared();
    let postgres = |host: &str, port: u16, more: &str| {
        format!(
            "{{ name: sink, type: postgres, on_error: dead_letter, config: {{ url: \"postgres://postgres@{host}:{port}/postgres\", \
             password: \"${{secret:key}}\", table: t{more} }} }}"
        )
    };
    let (host, port) = (server.host(), server.port());
    vec![
        ("wrong-password", workflow("wrong-password", &postgres(host, port, ""))),
        ("nobody-there", workflow("nobody-there", &postgres("127.0.0.1", 1, ""))),
        ("unknown-host", workflow("unknown-host", &postgres("nobody.invalid", 5432, ""))),
        (
            "in-the-address",
            workflow(
                "in-the-address",
                "{ name: sink, type: postgres, config: { url: \
             \"postgres://me:${secret:key}@127.0.0.1:1/db\", table: t } }",
            ),
        ),
        (
            "as-a-path",
            workflow(
                "as-a-path",
                "{ name: sink, type: sqlite, config: { path: \"/nowhere/${secret:key}/x.db\", table: \
             t } }",
            ),
        ),
        (
            "as-a-table",
            workflow(
                "as-a-table",
                "{ name: sink, type: sqlite, config: { path: \"out.db\", table: \"${secret:key}\", \
             mode: upsert, key: [\"${secret:key}\"] } }",
            ),
        ),
        (
            "as-a-setting",
            workflow(
                "as-a-setting",
                "{ name: sink, type: file, config: { path: \"out.csv\", format: \
             \"${secret:key}\" } }",
            ),
        ),
    ]
}

#[test]
fn no_command_shows_a_secret() {
    let mut site = Site::new();
    site.set("ACTIX_ETL_SECRET_KEY", CANARY);
    site.set("ACTIX_ETL_LOG", "trace");
    for (name, text) in failing() {
        let file = format!("{name}.yaml");
        site.write(&file, text);
        for arguments in [
            vec!["lint", &file],
            vec!["plan", &file],
            vec!["run", &file, "--progress", "json", "--trace-tree", "--trace-sample", "1"],
            vec!["run", &file, "-o", "json"],
        ] {
            let ended = site.run(&arguments);
            silent(&format!("{arguments:?}"), &format!("{}{}", ended.stdout, ended.stderr));
            assert!(arguments[0] != "run" || ended.code != Some(0), "{name} should fail");
        }
    }
    for path in site.find("letters") {
        if path.is_file() {
            silent("dead letters", &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn no_node_shows_a_secret() {
    let mut nodes = Nodes::new();
    nodes.site.set("ACTIX_ETL_SECRET_KEY", CANARY);
    nodes.site.set("ACTIX_ETL_TRACING_HEADERS", "authorization=Bearer ${secret:key}");
    nodes.site.set("ACTIX_ETL_TRACING_ENDPOINT", "http://127.0.0.1:1");
    let host = format!("{}:0", nodes.host());
    nodes.all_with(&["--http-listen", &host, "--log", "debug", "--tracing-sample", "1"]);
    nodes.grow(1);
    for (name, text) in failing() {
        let file = format!("{name}.yaml");
        nodes.site.write(&file, text);
        if nodes.tool(1, &["workflow", "apply", &file]).code != Some(0) {
            continue;
        }
        let watched = nodes.tool(1, &["workflow", "run", name, "--watch"]);
        silent("run --watch", &format!("{}{}", watched.stdout, watched.stderr));
        for arguments in [
            vec!["runs", "get", name],
            vec!["runs", "logs", name, "--level", "debug", "-o", "json"],
            vec!["trace", name],
            vec!["health", "-o", "json"],
            vec!["partitions", name],
        ] {
            let ended = nodes.tool(1, &arguments);
            silent(&format!("{name}: {arguments:?}"), &format!("{}{}", ended.stdout, ended.stderr));
        }
    }
    for path in ["/metrics", "/health", "/readyz"] {
        silent(path, &get(nodes.http(1), path).unwrap().1);
    }
    silent("the log", &nodes.says(1));
}
