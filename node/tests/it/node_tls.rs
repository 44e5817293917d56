use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::Signal;

use crate::nodes::Nodes;
use crate::site::Site;

/// Nodes with certificates of one authority; tools have one, too.
fn secured() -> Nodes {
    let mut nodes = Nodes::new();
    let host = nodes.host().to_owned();
    let arguments = ["tls", "init", "pki", "--node", "n1", "--node", "n2", "--node", "n3", "--host", &host];
    nodes.site.run(&arguments).code(0).says("pki/n3.key").says("keep pki/ca.key away");
    nodes.all_with(&["--tls-ca", "pki/ca.crt"]);
    nodes.tools_with(&[
        "--tls-ca",
        "pki/ca.crt",
        "--tls-cert",
        "pki/client.crt",
        "--tls-key",
        "pki/client.key",
    ]);
    nodes
}

const FIRST: [&str; 4] = ["--tls-cert", "pki/n1.crt", "--tls-key", "pki/n1.key"];
const SECOND: [&str; 4] = ["--tls-cert", "pki/n2.crt", "--tls-key", "pki/n2.key"];
const THIRD: [&str; 4] = ["--tls-cert", "pki/n3.crt", "--tls-key", "pki/n3.key"];

#[test]
fn a_cluster_speaks_tls_and_lets_in_only_who_shows_a_certificate() {
    let mut nodes = secured();
    nodes.start(1, &[&["--bootstrap"], &FIRST[..]].concat());
    let founder = nodes.admin(1);
    nodes.start(2, &[&["--join", &founder], &SECOND[..]].concat());
    nodes.start(3, &[&["--join", &founder], &THIRD[..]].concat());
    nodes.until_voters(3);
    nodes.apply(2, "private").code(0);
    assert_eq!(nodes.workflows(3), ["private"]);

    let without_tls = ["workflow", "list", "--server", &founder, "--timeout", "2s"];
    nodes.site.run(&without_tls).code(3);
    let without_certificate = [&without_tls[..], &["--tls-ca", "pki/ca.crt"]].concat();
    nodes.site.run(&without_certificate).code(3);
    nodes.site.run(&["tls", "init", "other", "--node", "n1", "--host", nodes.host()]).code(0);
    let foreign =
        ["--tls-ca", "other/ca.crt", "--tls-cert", "other/client.crt", "--tls-key", "other/client.key"];
    nodes.site.run(&[&without_tls[..], &foreign].concat()).code(3).says("not trusted");

    // New certificates are taken up while the cluster goes on.
    let before = fs::read(nodes.site.path("pki/n2.crt")).unwrap();
    let host = nodes.host().to_owned();
    nodes.site.run(&["tls", "issue", "pki", "--node", "n2", "--host", &host, "--replace"]).code(0);
    assert_ne!(fs::read(nodes.site.path("pki/n2.crt")).unwrap(), before);
    nodes.signal(2, Signal::HUP);
    nodes.until("node 2 has taken up its new certificate", |nodes| {
        assert!(nodes.runs(2));
        nodes.says(2).contains("new certificates are in use")
    });
    assert_eq!(nodes.workflows(2), ["private"]);
    fs::write(nodes.site.path("pki/n3.crt"), "half").unwrap();
    nodes.signal(3, Signal::HUP);
    nodes.until("node 3 has refused a broken certificate", |nodes| {
        assert!(nodes.runs(3));
        nodes.says(3).contains("new certificates cannot be used")
    });
    assert_eq!(nodes.workflows(3), ["private"]);
}

#[test]
fn certificates_that_do_not_fit_are_refused_at_the_start() {
    let nodes = secured();
    let start = ["node", "start", "--bootstrap", "--data-dir", "data", "--tls-ca", "pki/ca.crt"];
    let crossed = ["--tls-cert", "pki/n1.crt", "--tls-key", "pki/n2.key"];
    nodes.site.run(&[&start[..], &crossed].concat()).code(2).says("is not the private key of");
    let of_a_tool = ["--tls-cert", "pki/client.crt", "--tls-key", "pki/client.key"];
    nodes.site.run(&[&start[..], &of_a_tool].concat()).code(2).says("not meant for this purpose");
}

#[test]
fn certificates_are_made_once_and_further_ones_later() {
    let site = Site::new();
    site.run(&["tls", "init", "pki"]).code(2).says("--node");
    site.run(&["tls", "init", "pki", "--node", "n1=10.0.0.1,node-1.example"]).code(0);
    let key = fs::metadata(site.path("pki/n1.key")).unwrap();
    assert_eq!(key.mode() & 0o777, 0o600);
    let before = fs::read(site.path("pki/ca.crt")).unwrap();
    site.run(&["tls", "init", "pki", "--node", "n2"]).code(2).says("is not overwritten");
    assert!(!site.path("pki/n2.crt").exists());
    site.run(&["tls", "issue", "pki", "--node", "n1"]).code(2).says("n1.crt");
    site.run(&["tls", "issue", "pki", "--node", "n2=a b"])
        .code(2)
        .says("neither an IP address nor a DNS name");
    site.run(&["tls", "issue", "pki", "--node", "n2", "--client", "ci"]).code(0).says("pki/ci.key");
    site.run(&["tls", "issue", "pki", "--client", "ci"]).code(2);
    let written =
        site.run(&["tls", "issue", "pki", "--client", "ci", "--replace", "-o", "json"]).code(0).json();
    assert_eq!(written["written"].as_array().unwrap().len(), 2);
    assert_eq!(fs::read(site.path("pki/ca.crt")).unwrap(), before);
    site.run(&["tls", "issue", "nowhere", "--node", "n2"]).code(2).says("nowhere");
}
