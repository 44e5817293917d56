use serde_json::{Value, json};

use crate::site::Site;

const VALID: &str = "workflow:
  name: small
  source: { type: generate, config: { rows: 3 } }
  transformations: []
  destination: { type: stdout }
";

#[test]
fn a_placement_is_told_to_be_for_clusters() {
    let site = Site::new();
    let workflow = "workflow:\n  name: placed\n  source: { type: generate, config: { rows: 3 } }\n  transformations: []\n  \
                    destination: { type: stdout, placement: { node: 7 } }\n";
    site.write("placed.yaml", workflow);
    site.run(&["run", "placed.yaml", "--progress", "none"])
        .code(0)
        .says("`placement` of step `destination` is for clusters");
}

#[test]
fn every_command_has_help() {
    let site = Site::new();
    let commands: [&[&str]; 15] = [
        &[],
        &["run"],
        &["lint"],
        &["fmt"],
        &["plan"],
        &["preview"],
        &["connectors"],
        &["schema"],
        &["explain"],
        &["checkpoint"],
        &["dlq"],
        &["dlq", "show"],
        &["checkpoint", "show"],
        &["checkpoint", "reset"],
        &["completions"],
    ];
    for command in commands {
        let ended = site.run(&[command, &["--help"]].concat()).code(0);
        assert!(ended.stdout.contains("Usage: actix-etl"), "{command:?}");
        assert!(ended.stdout.contains("--output"), "{command:?}");
    }
    site.run(&["--version"]).code(0).says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let site = Site::new();
    for arguments in [&["rnu"][..], &["run"], &["run", "a.yaml", "--memory", "12"], &["lint", "missing.yaml"]]
    {
        site.run(arguments).code(2);
    }
    site.run(&["run", "missing.yaml"]).code(2).says("missing.yaml").says("help:");
    site.run(&["explain", "E999"]).code(2);
    site.run(&["connectors", "postgers"]).code(2).says("actix-etl connectors");
}

#[test]
fn lint_reports_every_fault_with_its_place() {
    let site = Site::new();
    site.write("good.yaml", VALID);
    site.run(&["lint", "good.yaml"]).code(0).says("1 workflow valid");
    site.write(
        "bad.yaml",
        VALID.replace("generate", "generat").replace("type: stdout", "type: stdout, nme: x"),
    );
    let ended = site.run(&["lint", "good.yaml", "bad.yaml"]).code(1);
    assert!(ended.stdout.contains("bad.yaml:3:19 E041"), "{}", ended.stdout);
    assert!(ended.stdout.contains("bad.yaml:5:") && ended.stdout.contains("E012"), "{}", ended.stdout);
    assert!(ended.stdout.contains("generate"), "a suggestion: {}", ended.stdout);
    let findings = site.run(&["lint", "bad.yaml", "-o", "json"]).code(1).json();
    let findings = findings.as_array().unwrap();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().any(|finding| finding["code"] == "E041" && finding["line"] == 3), "{findings:?}");
    assert_eq!(site.run(&["lint", "good.yaml", "-o", "json"]).code(0).json(), json!([]));
}

#[test]
fn a_system_that_refuses_is_exit_3_and_data_that_is_missing_exit_1() {
    let site = Site::new();
    let destination = "{ type: file, config: { path: out.jsonl } }";
    let workflow = |path: &str| {
        format!(
            "workflow:\n  name: w\n  source: {{ type: file, config: {{ path: {path} }} }}\n  transformations: []\n  \
             destination: {destination}\n"
        )
    };
    site.write("missing.yaml", workflow("nothing.csv"));
    let ended = site.run(&["run", "missing.yaml", "--progress", "none"]);
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    ended.says("nothing.csv").says("help:");
    site.write("good.yaml", VALID);
    site.write("state", "a file where a directory is needed");
    site.run(&["run", "good.yaml", "--state-dir", "state", "--progress", "none"]).code(3).says("state");
}

#[test]
fn rows_go_to_standard_output_and_the_summary_elsewhere() {
    let site = Site::new();
    site.write("good.yaml", VALID);
    let ended = site.run(&["run", "good.yaml", "--progress", "none"]).code(0);
    let rows: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert!(
        ended.stderr.contains("3 read = 3 delivered + 0 filtered + 0 dead-lettered + 0 failed"),
        "{}",
        ended.stderr
    );
}

#[test]
fn connectors_lists_all_and_every_example_is_valid() {
    let site = Site::new();
    let text = site.run(&["connectors"]).code(0).stdout;
    let documents = site.run(&["connectors", "-o", "json"]).code(0).json();
    let registry = etl_connectors::registry();
    let all = registry.sources().count() + registry.processors().count() + registry.destinations().count();
    let documents = documents.as_array().unwrap();
    assert_eq!(documents.len(), all);
    for document in documents {
        let name = document["type"].as_str().unwrap();
        assert!(text.contains(name));
        let schema = &document["schema"];
        assert!(schema["properties"].is_object() || schema["oneOf"].is_array(), "{name}");
        site.run(&["connectors", name]).code(0).says("# ").says("Example:").says("Fields");
        let example = document["example"].as_str().unwrap();
        let indented: String = example.trim_end().lines().map(|line| format!("    {line}\n")).collect();
        let role = document["role"].as_str().unwrap();
        let source = "  source: { type: generate }\n";
        let destination = "  destination: { type: stdout }\n";
        let workflow = match role {
            "source" => format!("  source:\n{indented}  transformations: []\n{destination}"),
            // It has several outputs, which only a graph can read.
            "transformation" if name == "route" => {
                let step: String = example.trim_end().lines().map(|line| format!("      {line}\n")).collect();
                format!(
                    "  sources:\n    all: {{ type: generate }}\n  transformations:\n    split:\n      inputs: [all]\n{step}  \
                     destinations:\n    out: {{ type: stdout, inputs: [split.high] }}\n"
                )
            }
            "transformation" => {
                let item = indented.replacen("    ", "  - ", 1);
                format!("{source}  transformations:\n{item}{destination}")
            }
            _ => format!("{source}  transformations: []\n  destination:\n{indented}"),
        };
        site.write("example.yaml", format!("workflow:\n  name: example\n{workflow}"));
        let ended = site.run(&["lint", "example.yaml"]);
        assert_eq!(ended.code, Some(0), "{role} {name}:\n{workflow}\n{}", ended.stdout);
    }
}

#[test]
fn the_reference_of_expressions_is_printed() {
    let page = Site::new().run(&["functions"]).code(0).stdout;
    let written = include_str!("../../expr/docs/cel.md");
    assert!(page == written && page.contains("`hash.sha256("), "{page}");
}

#[test]
fn codes_are_explained() {
    let site = Site::new();
    let all = site.run(&["explain", "-o", "json"]).code(0).json();
    let all = all.as_array().unwrap();
    assert!(all.len() > 30, "{}", all.len());
    for code in all {
        site.run(&["explain", code["id"].as_str().unwrap()]).code(0).says(code["title"].as_str().unwrap());
    }
}

#[test]
fn the_schema_of_the_language_names_every_type() {
    let site = Site::new();
    let schema = site.run(&["schema"]).code(0).stdout;
    assert!(serde_json::from_str::<Value>(&schema).unwrap().is_object(), "{schema}");
    for name in ["generate", "sqlite", "stdout", "filter", "mapping", "file"] {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn shells_are_completed() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        site.run(&["completions", shell]).code(0).says("checkpoint");
    }
}

#[test]
fn plan_shows_steps_partitions_and_guarantees() {
    let site = Site::new();
    site.write("good.yaml", VALID);
    site.run(&["plan", "good.yaml"]).code(0).says("at least once").says("partitions of").says("columns of");
    let document = site.run(&["plan", "good.yaml", "-o", "json"]).code(0).json();
    assert_eq!(document["routes"][0]["guarantee"], "at_least_once");
    assert_eq!(document["sources"][0]["partitions"].as_array().unwrap().len(), 1);
    let offline = site.run(&["plan", "good.yaml", "--offline", "-o", "json"]).code(0).json();
    assert_eq!(offline["sources"], Value::Null);
}

#[test]
fn an_impossible_guarantee_is_refused() {
    let site = Site::new();
    let workflow = VALID.replace("  source:", "  delivery: { guarantee: exactly_once }\n  source:");
    site.write("impossible.yaml", &workflow);
    for command in ["lint", "plan", "run"] {
        site.run(&[command, "impossible.yaml"]).code(1).says("E051");
    }
    site.write("possible.yaml", workflow.replace("type: stdout", "type: file, config: { path: out.jsonl }"));
    site.run(&["lint", "possible.yaml"]).code(0);
}

#[test]
fn fmt_makes_files_tidy_and_keeps_what_they_mean() {
    let site = Site::new();
    let untidy = VALID.replace("  name:", "  # what it is called\n  name:   ");
    site.write("w.yaml", &untidy);
    site.run(&["fmt", "--check", "w.yaml"]).code(1).says("1 file to be formatted");
    assert_eq!(std::fs::read_to_string(site.path("w.yaml")).unwrap(), untidy, "nothing is changed");
    site.run(&["fmt", "w.yaml"]).code(0).says("w.yaml");
    let tidy = std::fs::read_to_string(site.path("w.yaml")).unwrap();
    assert!(tidy.contains("  # what it is called\n  name: "), "{tidy}");
    assert_eq!(site.run(&["fmt", "--check", "w.yaml", "-o", "json"]).code(0).json()["changed"], json!([]));
    site.run(&["lint", "w.yaml"]).code(0);
    site.write("bad.yaml", "workflow: [");
    let ended = site.run(&["fmt", "bad.yaml"]).code(1);
    assert!(ended.stderr.contains("bad.yaml: not YAML"), "{}", ended.stderr);
}

const STEPS: &str = r#"workflow:
  name: steps
  source: { type: file, config: { path: in.csv } }
  transformations:
    - { type: filter, name: paid, config: { condition: "status == 'paid'" } }
    - type: mapping
      name: cents
      config: { keep: [id], mappings: [{ expression: "int(amount) * 100", destination: cents }] }
  destination: { type: sqlite, config: { path: out.db, table: t } }
"#;

#[test]
fn preview_shows_what_each_step_does_and_writes_nothing() {
    let site = Site::new();
    site.write("steps.yaml", STEPS);
    site.write("in.csv", "id,amount,status\n1,10,paid\n2,x,paid\n3,7,open\n4,8,paid\n5,9,paid\n");
    let ended = site.run(&["preview", "steps.yaml", "--records", "4"]).code(1);
    for part in [
        "source (file): 4 records",
        "paid (filter): 3 of 4 records, 1 filtered",
        "cents (mapping): 2 of 3 records, 1 failed",
        "  + cents: Int64",
        "  - amount",
        "  record 27: field `cents`: `x` is not an int",
    ] {
        assert!(ended.stdout.contains(part), "{part}\n{}", ended.stdout);
    }
    assert!(!site.path("out.db").exists() && !site.path(".actix-etl").exists(), "nothing is written");
    let shown = site.run(&["preview", "steps.yaml", "--step", "cents", "-o", "json"]).code(1).json();
    let names: Vec<_> = shown["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    assert_eq!(names, ["paid", "cents"]);
    let cents = &shown["steps"][1];
    assert_eq!(cents["records"][0], json!({"ordinal": 17, "record": {"id": 1, "cents": 1000}}));
    assert_eq!(cents["changes"][0], json!({"added": "cents", "type": "Int64"}));
    assert_eq!(cents["errors"][0]["ordinal"], 27, "the byte at which the record begins");
    site.run(&["preview", "steps.yaml", "--step", "cent"]).code(2).says("there are");
}

#[test]
fn dead_letters_are_listed_shown_exported_and_discarded() {
    let site = Site::new();
    let workflow = STEPS.replace("name: cents", "name: cents\n      on_error: dead_letter");
    site.write("steps.yaml", &workflow);
    site.write("in.csv", "id,amount,status\n1,10,paid\n2,x,paid\n3,7,open\n4,8,paid\n5,y,paid\n");
    site.run(&["dlq", "list"]).code(2).says("there is no state directory");
    site.run(&["run", "steps.yaml", "--progress", "none"]).code(0);
    site.run(&["dlq", "list"]).code(0).says("invalid_conversion").says("cents");
    assert_eq!(site.run(&["dlq", "count", "steps"]).code(0).stdout, "2\n");
    assert_eq!(site.run(&["dlq", "count", "steps", "--code", "overflow"]).code(0).stdout, "0\n");
    let shown = site.run(&["dlq", "show", "steps.yaml", "--limit", "1"]).code(0).stdout;
    assert!(shown.contains("`x` is not an int") && shown.contains(r#""amount":"x""#), "{shown}");
    assert!(!shown.contains(r#""amount":"y""#), "{shown}");
    let records = site.run(&["dlq", "export", "steps", "--records"]).code(0).stdout;
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let record = |id: u8, amount: &str| json!({"id": id, "amount": amount, "status": "paid"});
    assert_eq!(records, [record(2, "x"), record(5, "y")]);
    let letters = site.run(&["dlq", "export", "steps", "--step", "cents"]).code(0).stdout;
    let letter: Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    assert_eq!(letter["letter"]["code"], "invalid_conversion");
    let run = letter["run"].as_str().unwrap();
    site.run(&["dlq", "discard", "steps", "--run", "x"]).code(2).says("not the id of a run");
    site.run(&["dlq", "discard", "steps", "--run", run]).code(0).says("2 dead letters removed");
    assert_eq!(site.run(&["dlq", "count", "steps"]).code(0).stdout, "0\n");
    site.run(&["dlq", "list"]).code(0).says("no dead letters");
}
