use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::nodes::{Nodes, voters};
use crate::site::Site;

fn role(status: &Value, id: u64) -> Option<&str> {
    let node = status["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap();
    node["role"].as_str()
}

fn state(status: &Value, id: u64) -> &str {
    let node = status["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap();
    node["state"].as_str().unwrap()
}

fn problems(status: &Value) -> impl Iterator<Item = &str> {
    status["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap())
}

/// Whether the machine on which the tests run is to blame.
fn of_disk(code: &str) -> bool {
    code.starts_with("disk")
}

#[test]
fn every_command_of_a_cluster_has_help() {
    let site = Site::new();
    let cluster = ["status", "drain", "resume", "leave", "remove", "transfer-leader", "backup", "join"];
    let workflow = ["apply", "list", "get", "diff", "delete", "history", "run", "pause", "resume", "stop"];
    let runs = ["list", "get", "watch", "logs"];
    let all = cluster.map(|command| ("cluster", command)).into_iter();
    let all = all.chain(workflow.map(|command| ("workflow", command)));
    for (group, command) in all.chain(runs.map(|command| ("runs", command))) {
        site.run(&[group, "--help"]).code(0).says(command);
        let help = site.run(&[group, command, "--help"]).code(0).stdout;
        for option in ["--server", "--tls-ca", "--tls-cert", "--tls-key", "--timeout", "--output"] {
            assert!(help.contains(option), "{group} {command}: {option}");
        }
    }
}

#[test]
fn the_status_is_the_same_from_every_node() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    let leader_id = nodes.id(leader);
    for node in 1..=3 {
        let status = nodes.status(node).unwrap();
        assert_eq!(
            (status["leader"].as_u64(), status["answered_by"].as_u64()),
            (Some(leader_id), Some(leader_id))
        );
        assert_eq!(voters(&status), [1, 2, 3].map(|node| nodes.id(node)));
        assert_eq!(role(&status, leader_id), Some("leader"));
        assert_eq!(status["cluster"].as_str(), Some(nodes.cluster_id(node).as_str()));
    }
    nodes.until("all have told how they are, and nothing is wrong", |nodes| {
        let status = nodes.status(2).unwrap();
        let mut told = status["nodes"].as_array().unwrap().iter();
        told.all(|node| node["disk_free_bytes"].as_u64() > Some(0))
            && !problems(&status).any(|code| !of_disk(code))
    });
    let checked = nodes.tool(2, &["cluster", "status", "--check", "-o", "json"]);
    assert_eq!(checked.code, Some(i32::from(problems(&checked.json()).next().is_some())));
    let text = nodes.tool(3, &["cluster", "status"]).code(0).stdout;
    let (version, id) = (env!("CARGO_PKG_VERSION"), nodes.cluster_id(1));
    for word in ["leader", "voters", "problem", "ADMIN ADDRESS", "DISK FREE", version, &id] {
        assert!(text.contains(word), "`{word}` is missing in\n{text}");
    }
    assert!(!text.contains('\x1b'), "colours and cursors are for terminals");
    let stale = nodes.tool(3, &["cluster", "status", "--stale", "-o", "json"]).code(0).json();
    assert_eq!(stale["answered_by"].as_u64(), Some(nodes.id(3)));
}

#[test]
fn problems_have_remedies_and_are_findings_only_when_asked() {
    let nodes = Nodes::cluster(1);
    let status = nodes.tool(1, &["cluster", "status", "-o", "json"]).code(0).json();
    let told = status["problems"].as_array().unwrap();
    let problem = told.iter().find(|problem| problem["code"] == "single_voter").unwrap();
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(!remedy.is_empty());
    nodes.tool(1, &["cluster", "status", "--check"]).code(1).says("single_voter").says(remedy);
}

#[test]
fn a_status_can_be_watched() {
    let nodes = Nodes::cluster(1);
    let server = nodes.admin(1);
    let arguments = ["cluster", "status", "--watch", "50ms", "-o", "json", "--server", &server];
    let mut watching = nodes.site.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let seen: Vec<Value> = lines.take(3).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(seen.iter().all(|status| status["leader"] == 1), "{seen:?}");
}

#[test]
fn without_a_leader_the_status_is_what_a_node_knows_and_exit_3() {
    let mut nodes = Nodes::cluster(3);
    nodes.apply(1, "one").code(0);
    nodes.kill(2);
    nodes.kill(3);
    let ended = nodes.tool(1, &["cluster", "status", "--timeout", "4s"]).code(3);
    ended.says("it may be old").says("problem");
    nodes.tool(1, &["workflow", "list", "--timeout", "1s"]).code(3).says("--stale");
    nodes.tool(1, &["workflow", "list", "--stale"]).code(0).says("one");
    nodes.tool(1, &["workflow", "get", "one", "--stale"]).code(0).says("name: one");
    assert_eq!(nodes.tool(1, &["cluster", "status", "--stale"]).code, Some(0));
}

#[test]
fn servers_that_cannot_be_reached_are_named() {
    let site = Site::new();
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let both = [closed.as_str(), "127.0.0.1:1"];
    let ended = site.run(&["workflow", "list", "--server", both[0], "--server", both[1]]).code(3);
    for server in both {
        assert!(ended.stderr.contains(server), "{}", ended.stderr);
    }
    let error = site.run(&["cluster", "status", "--server", &both.join(","), "-o", "json"]).code(3).json();
    assert_eq!(error["error"], "unreachable");
    assert!(error["message"].as_str().unwrap().contains(&closed) && error["help"].is_string());
    for wrong in ["localhost", "http://localhost:7002", "[::1", "localhost:0"] {
        site.run(&["workflow", "list", "--server", wrong]).code(2).says(wrong);
    }
    site.run(&["cluster", "status", "--server", &closed, "--tls-ca", "missing.pem"])
        .code(2)
        .says("missing.pem");
    site.run(&["cluster", "status", "--tls-cert", "a.pem"]).code(2).says("--tls-key");
}

#[test]
fn the_next_server_is_asked_and_the_environment_names_servers() {
    let mut nodes = Nodes::cluster(1);
    let servers = format!("127.0.0.1:1,{}", nodes.admin(1));
    nodes.site.set("ACTIX_ETL_SERVER", &servers);
    let status = nodes.site.run(&["cluster", "status", "-o", "json"]).code(0).json();
    assert_eq!(status["leader"], 1);
}

#[test]
fn a_node_is_drained_resumed_and_leaves() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    let leaving = (1..=3).find(|&node| node != leader).unwrap();
    let other = (1..=3).find(|&node| node != leader && node != leaving).unwrap();
    let id = nodes.id(leaving);
    let shown = id.to_string();
    nodes.tool(other, &["cluster", "drain", &shown]).code(0).says("is draining");
    assert_eq!(state(&nodes.status(other).unwrap(), id), "draining");
    let drained = nodes.tool(leaving, &["cluster", "drain", &shown, "-o", "json"]).code(0).json();
    assert_eq!((drained["node"].as_u64(), drained["partitions_left"].as_u64()), (Some(id), Some(0)));
    nodes.tool(other, &["cluster", "resume", &shown]).code(0).says("is up");
    nodes.tool(other, &["cluster", "drain", "7777"]).code(1).says("there is no node 7777").says("help:");
    let left = nodes.tool(other, &["cluster", "leave", &shown, "-o", "json"]).code(0).json();
    assert_eq!(left["state"], "removed");
    assert_eq!(nodes.ended(leaving), Some(0), "{}", nodes.says(leaving));
    let status = nodes.status(other).unwrap();
    assert_eq!((state(&status, id), role(&status, id)), ("removed", None));
    let text = nodes.tool(other, &["cluster", "status"]).code(0).stdout;
    assert!(!text.contains("removed"), "removed nodes are shown only on request:\n{text}");
    nodes.tool(other, &["cluster", "status", "--all"]).code(0).says("removed");
    nodes.tool(other, &["cluster", "resume", &shown]).code(1).says("removed for ever");
}

#[test]
fn a_node_that_is_down_is_removed_by_force_and_the_last_never() {
    let mut nodes = Nodes::cluster(1);
    let kept = nodes.id(1).to_string();
    nodes.tool(1, &["cluster", "leave", &kept]).code(1).says("only one that can vote").says("help:");
    nodes.tool(1, &["cluster", "remove", &kept, "--force", "--yes"]).code(1).says("help:");
    let founder = nodes.admin(1);
    nodes.start(2, &["--join", &founder]);
    nodes.start(3, &["--join", &founder]);
    nodes.until_voters(3);
    let down = nodes.id(3);
    nodes.kill(3);
    nodes.until("it is down", |nodes| nodes.status(1).is_some_and(|status| state(&status, down) == "down"));
    let shown = down.to_string();
    let error = nodes.tool(1, &["cluster", "remove", &shown, "-o", "json"]).code(1).json();
    assert_eq!(error["error"], "node_down");
    assert!(error["help"].as_str().is_some_and(|help| help.contains("--force")));
    nodes.tool(1, &["cluster", "remove", &shown, "--force"]).code(0).says("no member");
    assert!(!voters(&nodes.status(1).unwrap()).contains(&down));
}

#[test]
fn the_leader_itself_leaves() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    let others: Vec<u8> = (1..=3).filter(|&node| node != leader).collect();
    let id = nodes.id(leader);
    nodes.tool(others[0], &["cluster", "leave", &id.to_string()]).code(0);
    assert_eq!(nodes.ended(leader), Some(0), "{}", nodes.says(leader));
    let status = nodes.status(others[1]).unwrap();
    assert_ne!(status["leader"].as_u64(), Some(id));
    assert_eq!(role(&status, id), None);
    nodes.apply(others[1], "one").code(0);
}

#[test]
fn leadership_is_handed_over() {
    let mut nodes = Nodes::cluster(3);
    let leader = nodes.leader();
    let next = (1..=3).find(|&node| node != leader).unwrap();
    let (server, id) = (nodes.any_running(), nodes.id(next));
    let told =
        nodes.tool(server, &["cluster", "transfer-leader", "--to", &id.to_string(), "-o", "json"]).code(0);
    assert_eq!(told.json()["leader"].as_u64(), Some(id));
    assert_eq!(nodes.leader(), next);
    nodes.tool(server, &["cluster", "transfer-leader"]).code(0).says("leads in term");
    assert_ne!(nodes.leader(), next);
    nodes.tool(server, &["cluster", "transfer-leader", "--to", "7777"]).code(1).says("there is no node 7777");
}

#[test]
fn a_backup_is_written_whole_or_not_at_all() {
    let mut nodes = Nodes::cluster(1);
    nodes.apply(1, "one").code(0);
    nodes.tool(1, &["cluster", "backup", "backup.etl"]).code(0).says("complete and checked");
    let first = nodes.site.path("backup.etl");
    let size = std::fs::metadata(&first).unwrap().len();
    let saved = nodes.tool(1, &["cluster", "backup", "backup.etl", "-o", "json"]).code(0).json();
    assert_eq!(saved["bytes"].as_u64(), Some(std::fs::metadata(&first).unwrap().len()));
    assert!(size > 0);
    nodes.tool(1, &["cluster", "backup", "missing/backup.etl"]).code(1).says("missing/backup.etl");
    let mut before = Vec::new();
    std::fs::File::open(&first).unwrap().read_to_end(&mut before).unwrap();
    nodes.signal(1, Signal::STOP);
    nodes.tool(1, &["cluster", "backup", "backup.etl", "--timeout", "1s"]).code(3);
    nodes.signal(1, Signal::CONT);
    assert_eq!(std::fs::read(&first).unwrap(), before, "the old one stays");
    assert!(nodes.site.find("backup.etl.tmp").is_empty());
}

#[test]
fn how_to_join_is_told_with_the_addresses_of_this_cluster() {
    let mut nodes = Nodes::cluster(1);
    let founder = nodes.admin(1);
    nodes.start(2, &["--join", &founder]);
    let id = nodes.id(2);
    nodes.until("it is up", |nodes| nodes.status(1).is_some_and(|status| state(&status, id) == "up"));
    let told = nodes.tool(2, &["cluster", "join", "-o", "json"]).code(0).json();
    let expected = format!("actix-etl node start --join {},{}", nodes.admin(1), nodes.admin(2));
    assert_eq!(told["command"].as_str(), Some(expected.as_str()));
    nodes.tool(1, &["cluster", "join"]).code(0).says(&expected).says("learner");
}
