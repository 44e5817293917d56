use rustix::process::Signal;

use crate::nodes::Nodes;
use crate::site::Site;

/// So many rows at a rate, to a file that is named after the run.
const DOCUMENT: &str = "workflow:
  name: numbers
  parameters:
    rows: { type: int }
    rate: { type: int, default: 100000, description: rows per second }
    day: { type: date, default: 2026-01-31 }
    mode: { type: string, default: append, values: [append, replace] }
  commit_interval: 20ms
  source:
    type: generate
    config:
      rows: ${param:rows}
      rate: ${param:rate}
  destination:
    type: file
    config: { path: \"out/${param:day}-${run:id}.jsonl\", mode: \"${param:mode}\" }
";

fn site() -> Site {
    let site = Site::new();
    site.write("numbers.yaml", DOCUMENT);
    site.write("out/.keep", "");
    site
}

/// The arguments of a run; what it tells is for people.
fn run<'a>(parameters: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", "numbers.yaml", "--progress", "none"];
    parameters.iter().for_each(|parameter| arguments.extend(["--param", parameter]));
    arguments
}

/// The same for a program.
fn run_json<'a>(parameters: &[&'a str]) -> Vec<&'a str> {
    [&run(parameters)[..], &["-o", "json"]].concat()
}

#[test]
fn a_run_is_given_values_and_knows_itself() {
    let site = site();
    let ended = site.run(&run_json(&["rows=30", "day=2026-11-01"])).code(0);
    assert_eq!(ended.counters().delivered, 30);
    let id = ended.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(site.read(&format!("out/2026-11-01-{id}.jsonl")).lines().count(), 30);
    let ended = site.run(&run_json(&["rows=0020"])).code(0);
    assert_eq!(ended.counters().delivered, 20);
    assert_eq!(site.find("out/2026-01-31-").len(), 1, "the default");
}

#[test]
fn values_that_do_not_fit_are_told_with_what_would() {
    let site = site();
    let refused = |parameters: &[&str]| site.run(&run(parameters)).code(1);
    refused(&[]).says("E026 the parameter `rows` has no value").says("--param rows=1");
    refused(&["rows=many"]).says("E025 the parameter `rows` is of type int, and `many` is not");
    refused(&["rows=1", "day=2026-02-30"]).says("type date").says("2026-01-31");
    refused(&["rows=1", "mode=apend"]).says("E025").says("did you mean `append`?");
    refused(&["row=1"]).says("E024 there is no parameter `row`").says("did you mean `rows`?");
    assert!(site.find(".jsonl").is_empty());
    site.run(&run(&["rows"])).code(2).says("NAME=VALUE");
    site.run(&run(&["rows=1", "rows=2"])).code(2).says("given twice");
    site.run(&["lint", "numbers.yaml"]).code(0);
    site.run(&["lint", "numbers.yaml", "--param", "rate=fast"]).code(1).says("E025");
    let plan = ["plan", "numbers.yaml", "--offline", "--param", "rows=7"];
    site.run(&plan)
        .code(0)
        .says("rows = 7 (int, without a default)")
        .says("rate = 100000 (int)  rows per second");
    let json = site.run(&[&plan[..], &["-o", "json"]].concat()).code(0).json();
    assert_eq!(json["parameters"][0]["value"], "7");
    assert_eq!(json["steps"][0]["config"]["rows"], 7, "a number");
}

#[test]
fn an_interrupted_run_keeps_its_values() {
    let site = site();
    let mut running = site.start(&run(&["rows=2000", "rate=1000"]));
    running.until("the first rows", || site.find(".jsonl").iter().any(|path| path.is_file()));
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    let refused = site.run(&run(&["rows=3000"])).code(1);
    refused.says("was started with rows=2000, not with rows=3000").says("--restart");
    site.run(&run(&["rows=2000", "day=2026-02-01"])).code(1).says("day=2026-01-31");
    let ended = site.run(&run_json(&["rate=01000"])).code(0);
    assert_eq!(ended.json()["continued"], true);
    assert_eq!(ended.counters().delivered, 2000);
    site.run(&run(&[])).code(1).says("E026");
}

#[test]
fn a_schedule_is_planned_with_its_next_ticks() {
    let site = Site::new();
    let text = "workflow:\n  name: nightly\n  schedule: \"30 2 * * mon-fri\"\n  timezone: Europe/Berlin\n  overlap: queue\n  \
                source: { type: generate, config: { rows: 1 } }\n  destination: { type: stdout }\n";
    site.write("nightly.yaml", text);
    let plan = ["plan", "nightly.yaml", "--offline"];
    let shown = site.run(&plan).code(0).says("30 2 * * mon-fri in Europe/Berlin").says("overlap queue");
    assert_eq!(shown.stdout.matches("next at ").count(), 3, "{}", shown.stdout);
    let json = site.run(&[&plan[..], &["-o", "json"]].concat()).code(0).json();
    let ticks: Vec<u64> =
        json["next_ticks"].as_array().unwrap().iter().map(|tick| tick.as_u64().unwrap()).collect();
    assert!(
        ticks.len() == 3 && ticks.is_sorted() && ticks.iter().all(|tick| tick % 60_000 == 0),
        "{ticks:?}"
    );
}

#[test]
fn a_run_of_a_cluster_is_given_values_and_keeps_them() {
    let nodes = Nodes::cluster(1);
    let tool = |arguments: &[&str]| nodes.tool(1, arguments);
    let document = "workflow:\n  name: orders\n  parameters:\n    rate: { type: int, values: [50, 60] }\n  source:\n    type: \
                    generate\n    config:\n      rate: ${param:rate}\n  destination: { type: stdout }\n";
    nodes.site.write("orders.yaml", document);
    tool(&["workflow", "apply", "orders.yaml"]).code(0);
    tool(&["workflow", "run", "orders"])
        .code(1)
        .says("error[invalid_parameters]: E026")
        .says("--param rate=50");
    tool(&["workflow", "run", "orders", "--param", "rate=51"]).code(1).says("E025");
    tool(&["workflow", "run", "orders", "--param", "rats=50"]).code(1).says("did you mean `rate`?");
    tool(&["workflow", "run", "orders", "--param", "rate=050"]).code(0);
    tool(&["runs", "get", "orders"]).code(0).says("parameters   rate=50");
    tool(&["workflow", "pause", "orders"]).code(0);
    let refused = tool(&["workflow", "run", "orders", "--param", "rate=60"]).code(1);
    refused
        .says("error[parameters_changed]")
        .says("rate=50, not with rate=60")
        .says("--restart --param rate=60");
    tool(&["workflow", "run", "orders", "--param", "rate=50"]).code(0).says("continues");
    tool(&["workflow", "run", "orders", "--restart", "--param", "rate=60"]).code(0);
    let run = tool(&["runs", "get", "orders", "-o", "json"]).code(0).json();
    assert_eq!(run["parameters"]["rate"], "60");
}
