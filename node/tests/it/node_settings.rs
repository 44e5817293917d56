use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::site::Site;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/node.example.yaml");

#[test]
fn a_node_without_identity_must_be_told_how_to_get_one() {
    let site = Site::new();
    let arguments = ["node", "start", "--data-dir", "data", "--raft-listen", "127.0.0.1:0", "--admin-listen"];
    let ended = site.run(&[&arguments[..], &["127.0.0.1:0"]].concat()).code(2);
    ended.says("belongs to no cluster").says("--bootstrap").says("--join");
}

#[test]
fn wrong_settings_are_told_all_at_once() {
    let site = Site::new();
    site.run(&["node", "start", "--bootstrap", "--join", "a:1"])
        .code(2)
        .says("founds a cluster or joins one");
    site.run(&["node", "start", "--raft-heartbeat", "5"]).code(2).says("5s");
    site.run(&["node", "check", "--config", "missing.yaml"]).code(2).says("missing.yaml");
    site.write("node.yaml", "zoen: x\nraft:\n  listen: nowhere\n  heartbeat: 5\ntls: { ca: ca.crt }\n");
    let ended = site.run(&["node", "check", "--config", "node.yaml"]).code(2);
    ended.says("node.yaml:1:1: unknown field `zoen`").says("node.yaml:4:14");
    site.write("node.yaml", "raft:\n  listen: nowhere\ntls: { ca: ca.crt }\n");
    let ended = site.run(&["node", "check", "--config", "node.yaml"]).code(2);
    ended
        .says("node.yaml:2:3: `raft.listen` `nowhere` is not IP:PORT")
        .says("`tls.key` (--tls-key, ACTIX_ETL_TLS_KEY)");
}

#[test]
fn a_plain_listener_for_other_machines_is_refused() {
    let site = Site::new();
    let open = ["node", "start", "--bootstrap", "--data-dir", "data", "--raft-listen", "0.0.0.0:0"];
    let ended = site.run(&[&open[..], &["--raft-advertise", "localhost"]].concat()).code(2);
    ended.says("--insecure-plain-listener").says("tls init");
    assert!(!site.path("data").exists(), "nothing is touched");
    let asked = ["node", "check", "--raft-listen", "0.0.0.0:0", "--raft-advertise", "localhost"];
    site.run(&[&asked[..], &["--insecure-plain-listener"]].concat()).code(0);
}

#[test]
fn flags_win_then_the_environment_then_the_file() {
    let mut site = Site::new();
    site.write("node.yaml", "zone: of-file\ndata_dir: of-file\nraft: { advertise: of-file }\n");
    site.set("ACTIX_ETL_CONFIG", "node.yaml");
    site.set("ACTIX_ETL_ZONE", "of-environment");
    site.set("ACTIX_ETL_DATA_DIR", "of-environment");
    site.set("ACTIX_ETL_JOIN", "");
    site.set("ACTIX_ETL_BOOTSTRAP", "true");
    let found =
        site.run(&["node", "check", "--zone", "of-flag", "--bootstrap=false", "-o", "json"]).code(0).json();
    assert_eq!(found["zone"], "of-flag");
    assert_eq!(found["data_dir"], "of-environment");
    assert_eq!(found["raft"]["advertised"], "of-file:7001");
    assert_eq!(found["start"], "only with the identity it has");
}

#[test]
fn the_example_has_every_option_with_its_default() {
    let site = Site::new();
    let of_file = site.run(&["node", "check", "--config", EXAMPLE, "-o", "json"]).code(0).json();
    let of_nothing = site.run(&["node", "check", "-o", "json"]).code(0).json();
    assert_eq!(of_file, of_nothing);

    let options = options_in(&std::fs::read_to_string(EXAMPLE).unwrap());
    let help = site.run(&["node", "start", "--help"]).code(0).stdout;
    let not_settings = ["--config", "--print-addresses", "--output", "--help", "--version"];
    let flags: BTreeSet<String> =
        flags_in(&help).filter(|flag| !not_settings.contains(&flag.as_str())).collect();
    let of_options: BTreeSet<String> =
        options.iter().map(|option| format!("--{}", option.replace(['.', '_'], "-"))).collect();
    assert_eq!(of_options, flags);
    for option in &options {
        let variable = format!("[env: ACTIX_ETL_{}=", option.replace('.', "_").to_uppercase());
        assert!(help.contains(&variable), "{variable}");
    }
}

/// The options of a settings file that is indented by two spaces: `raft.listen` for `listen` below `raft`.
fn options_in(text: &str) -> Vec<String> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((name, value)) = line.split_once(':') else { continue };
        match (name.strip_prefix("  "), value.trim()) {
            (Some(name), _) => found.push(format!("{section}.{name}")),
            (None, "") => section = name.to_owned(),
            (None, _) => found.push(name.to_owned()),
        }
    }
    found
}

/// The flags that a help text explains.
fn flags_in(help: &str) -> impl Iterator<Item = String> + '_ {
    help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = if line.starts_with("--") {
            line
        } else {
            line.strip_prefix('-')?.get(1..)?.strip_prefix(", ")?
        };
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(line.len());
        line.starts_with("--").then(|| line[..end].to_owned())
    })
}

#[test]
fn every_default_in_the_example_is_the_one_in_the_help() {
    let help = Site::new().run(&["node", "start", "--help"]).code(0).stdout.replace('\n', " ");
    let words: Vec<&str> = help.split_whitespace().collect();
    let help = words.join(" ");
    let text = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if !name.starts_with("  ") {
            section = if value.trim().is_empty() { format!("{name}-") } else { String::new() };
        }
        let value = value.trim();
        if matches!(value, "" | "null" | "false" | "[]") {
            continue;
        }
        let flag = format!("--{section}{}", name.trim()).replace('_', "-");
        let place = help.find(&format!("{flag} <")).unwrap_or_else(|| panic!("{flag} is not explained"));
        let explanation = &help[place..help[place..].find("[env:").map_or(help.len(), |end| place + end)];
        let told = explanation.contains(&format!("[default: {value}]"))
            || explanation.contains(&format!(": {value}]"));
        assert!(told, "{flag} {value}: {explanation}");
    }
}

#[test]
fn check_shows_what_the_settings_come_to() {
    let site = Site::new();
    let arguments =
        ["node", "check", "--join", "a:1,b:2", "--tls-ca", "ca", "--tls-cert", "crt", "--tls-key", "key"];
    let found: Value = site.run(&[&arguments[..], &["-o", "json"]].concat()).code(0).json();
    assert_eq!(found["tls"]["client_auth"], "required");
    assert_eq!(found["start"], "joins by a:1, b:2, unless it belongs to a cluster");
    site.run(&arguments).code(0).says("data directory").says("authority ca");
}
