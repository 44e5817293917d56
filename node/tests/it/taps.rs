use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::nodes::Nodes;
use crate::site::Site;

/// A workflow that any node can carry out: of the records with the numbers 0, 1, 2, ... the even ones are written.
fn numbers(name: &str, source: &str) -> String {
    format!(
        "workflow:\n  name: {name}\n  source: {{ name: numbers, type: generate, config: {{ {source} }} }}\n  \
         transformations:\n    - {{ name: even, type: filter, config: {{ condition: \"id % 2 == 0\" }} }}\n  \
         destination: {{ name: out, type: stdout }}\n"
    )
}

fn start(nodes: &Nodes, source: &str) {
    nodes.site.write("numbers.yaml", numbers("numbers", source));
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "numbers"]).code(0);
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn records_of_every_step_are_seen_from_any_node() {
    let nodes = Nodes::pair();
    start(&nodes, "rate: 400, partitions: 4");
    let both = BTreeSet::from([Some(nodes.id(1)), Some(nodes.id(2))]);
    let mut seen = BTreeSet::new();
    while seen != both {
        let tapped = nodes.tool(2, &["tap", "numbers", "numbers", "--limit", "20"]).code(0).says("20 shown");
        let records = lines(&tapped.stdout);
        assert_eq!(records.len(), 20);
        for record in &records {
            assert_eq!(record["source"], "numbers");
            assert!(record["partition"].is_string() && record["ordinal"].is_u64(), "{record}");
            assert!(record["record"]["id"].is_i64(), "{record}");
            seen.insert(record["node"].as_u64());
        }
    }

    let tapped = nodes.tool(1, &["tap", "numbers", "even", "--limit", "30", "--sample", "1/1"]).code(0);
    let even = lines(&tapped.stdout);
    assert!(even.iter().all(|record| record["record"]["id"].as_i64().unwrap() % 2 == 0), "{even:?}");
    let partition = even[0]["partition"].as_str().unwrap();
    let arguments = ["tap", "numbers", "out", "--limit", "5", "--partition", partition, "-o", "json"];
    let mut one = lines(&nodes.tool(1, &arguments).code(0).stdout);
    let total = one.pop().unwrap();
    assert_eq!(total["shown"], 5);
    assert!(total["went_by"].as_u64().unwrap() >= 5 && total["run"].is_string(), "{total}");
    assert!(
        one.iter().all(|record| record["partition"] == partition && record["ordinal"].as_u64() > Some(0))
    );

    nodes.tool(1, &["partitions", "numbers", "--rate", "1500ms"]).code(0).says("RECORDS/S");
    let run = total["run"].as_str().unwrap();
    nodes.tool(2, &["tap", run, "numbrs"]).code(1).says("no step `numbrs`").says("did you mean `numbers`?");
    nodes.tool(2, &["tap", run, "x"]).code(1).says("`numbers`").says("`even`").says("`out`");
    nodes.tool(2, &["tap", run, "out", "--partition", "other"]).code(1).says("no partition `other`");
    nodes.tool(1, &["tap", "other", "out"]).code(1).says("there is no workflow `other`");
    nodes.tool(1, &["tap", "numbers", "out", "--sample", "2/3"]).code(2).says("1/1000");
    nodes.tool(1, &["tap", "numbers", "out", "--sample", "1/2", "--rate", "3"]).code(2);
    nodes.tool(1, &["workflow", "stop", "numbers"]).code(0);
    nodes.tool(2, &["tap", "numbers", "out"]).code(1).says("error[not_running]").says("cancelled");
}

#[test]
fn a_tap_does_not_show_what_is_hidden_from_those_who_look_on() {
    let nodes = Nodes::cluster(1);
    let hidden =
        "data_protection: { viewing: { masking_rules: [{ field: id, method: full, roles: [support] }] } }";
    let workflow =
        numbers("numbers", "rate: 1000").replace("\n  source:", &format!("\n  {hidden}\n  source:"));
    nodes.site.write("numbers.yaml", workflow);
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    nodes.tool(1, &["workflow", "run", "numbers"]).code(0);
    for step in ["numbers", "even", "out"] {
        let records = lines(&nodes.tool(1, &["tap", "numbers", step, "--limit", "20"]).code(0).stdout);
        assert!(
            records.len() == 20 && records.iter().all(|record| record["record"]["id"] == "****"),
            "{records:?}"
        );
    }
    nodes.tool(1, &["workflow", "stop", "numbers"]).code(0);
}

#[test]
fn a_tap_ends_with_the_run_or_with_control_c_and_tells_how_much_went_by() {
    let nodes = Nodes::cluster(1);
    start(&nodes, "rate: 1000");
    let server = nodes.admin(1);
    let watch = |arguments: &[&str]| {
        let all = [&["tap", "numbers"], arguments, &["--server", &server]].concat();
        let mut tapping =
            nodes.site.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(tapping.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        assert!(first.starts_with("{\"node\":1,\"source\":\"numbers\",\"partition\":"), "{first}");
        (tapping, out)
    };
    let (mut interrupted, _out) = watch(&["out", "--rate", "2"]);
    kill_process(Pid::from_child(&interrupted), Signal::INT).unwrap();
    assert_eq!(interrupted.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    interrupted.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(" went by, ") && said.contains(" shown"), "{said}");

    let (mut ended, mut out) = watch(&["even", "--sample", "1/100", "-o", "json"]);
    let (mut closed, dropped) = watch(&["even", "--sample", "1/2"]);
    drop(dropped);
    assert_eq!(closed.wait().unwrap().code(), Some(0), "whoever read it has seen enough");
    nodes.tool(1, &["workflow", "stop", "numbers"]).code(0);
    assert_eq!(ended.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let mut records = lines(&rest);
    let total = records.pop().unwrap();
    assert_eq!(total["shown"].as_u64(), Some(records.len() as u64 + 1));
    assert!(total["went_by"].as_u64() > total["shown"].as_u64(), "{total}");
}

#[test]
fn tap_has_help() {
    let help = Site::new().run(&["tap", "--help"]).code(0).stdout;
    for word in ["--server", "--timeout", "--sample", "1/N", "--rate", "--limit", "--partition", "STEP"] {
        assert!(help.contains(word), "{word}");
    }
}
