use std::io::Write;
use std::process::{Command, Stdio};

use etl_test_services::get;

use crate::collector::Collector;
use crate::nodes::Nodes;
use crate::site::Site;

/// What a server with TLS answers to who shows these files, by the program `openssl`.
fn ask(nodes: &Nodes, path: &str, files: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.current_dir(nodes.site.path("")).args(["s_client", "-quiet", "-verify_quiet", "-connect"]);
    command.arg(nodes.http(1).to_string()).args(files);
    let mut client =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = client.stdin.take().unwrap();
    // A server that refuses closes early.
    let _ = write!(input, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    let output = client.wait_with_output().unwrap();
    drop(input);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn with_tls_also_metrics_are_told_to_who_shows_a_certificate() {
    let mut nodes = Nodes::new();
    let host = nodes.host().to_owned();
    nodes.site.run(&["tls", "init", "pki", "--node", "n1", "--host", &host]).code(0);
    let listen = format!("{host}:0");
    let own = ["--tls-ca", "pki/ca.crt", "--tls-cert", "pki/n1.crt", "--tls-key", "pki/n1.key"];
    nodes.all_with(&["--http-listen", &listen]);
    nodes.start(1, &[&["--bootstrap"], &own[..]].concat());
    let trusted = ["-CAfile", "pki/ca.crt", "-cert", "pki/client.crt", "-key", "pki/client.key"];
    let told = ask(&nodes, "/metrics", &trusted);
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("actix_etl_raft_leads 1"), "{told}");
    let stranger = ask(&nodes, "/metrics", &["-CAfile", "pki/ca.crt"]);
    assert!(!stranger.contains("HTTP/1.1 200"), "{stranger}");
    let plain = get(nodes.http(1), "/metrics");
    assert!(!plain.is_ok_and(|(status, _)| status == 200), "without TLS");
}

const FEW: &str = "workflow:\n  name: few\n  source: { name: numbers, type: generate, config: { rows: 10 } }\n  transformations: \
     []\n  destination: { name: sink, type: sqlite, config: { path: out.db, table: t } }\n";

#[test]
fn traces_are_sent_with_tls_to_who_is_trusted() {
    let mut site = Site::new();
    site.write("few.yaml", FEW);
    for authority in ["pki", "other"] {
        site.run(&["tls", "init", authority, "--node", "collector", "--host", "127.0.0.1"]).code(0);
    }
    let file = |name: &str| site.path("pki").join(name);
    let collector = Collector::start_tls(&file("ca.crt"), &file("collector.crt"), &file("collector.key"));
    let url = collector.url().replace("http:", "https:");
    let arguments = ["run", "few.yaml", "--restart", "--progress", "none", "--otlp", &url];
    site.run(&arguments).code(2).says("must be given with https");
    site.set("OTEL_EXPORTER_OTLP_CERTIFICATE", "other/ca.crt");
    site.run(&arguments).code(0);
    assert!(collector.spans().is_empty(), "it is not trusted");
    site.set("OTEL_EXPORTER_OTLP_CERTIFICATE", "pki/ca.crt");
    site.run(&arguments).code(0);
    assert!(collector.spans().iter().any(|span| span.name == "commit sink"));
}
