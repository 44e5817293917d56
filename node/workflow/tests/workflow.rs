//! What a loaded workflow says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fakes;

use std::time::{Duration, Instant};

use etl_model::{OnError, StepName, SyncMode};
use etl_sdk::{CommitKind, DestinationCapabilities, FieldError, SourceCapabilities};
use etl_workflow::{
    CatchUp, Diagnostics, Guarantee, Inputs, MAX_FILE_BYTES, Overlap, RequiredGuarantee, RunFacts, Severity,
    Workflow, enforce, guarantee, json_schema, load, load_with, routes,
};
use serde_json::json;

fn read(text: &str) -> Result<Workflow, Diagnostics> {
    load("w.yaml", text.as_bytes(), &fakes::environment, &fakes::registry())
}

fn names<'a>(steps: impl IntoIterator<Item = &'a etl_workflow::Step>) -> Vec<String> {
    steps.into_iter().map(|step| step.name.to_string()).collect()
}

#[test]
fn a_linear_workflow_is_a_graph() {
    let workflow = read(include_str!("golden/linear.yaml")).unwrap();
    assert_eq!(names(workflow.steps()), ["source", "filter", "filter-2", "rename", "destination"]);
    let inputs: Vec<_> = workflow.steps().map(|step| step.inputs.clone()).collect();
    assert_eq!(
        inputs.concat().iter().map(StepName::as_str).collect::<Vec<_>>(),
        ["source", "filter", "filter-2", "rename"]
    );
    assert_eq!(workflow.transformations[2].config.shown(), &json!({}));
    assert_eq!((workflow.sources[0].span.line, workflow.sources[0].span.column), (3, 3));
}

#[test]
fn a_graph_is_sorted_and_has_its_settings() {
    let workflow = read(include_str!("golden/graph.yaml")).unwrap();
    assert_eq!(names(&workflow.sources), ["orders", "users"]);
    assert_eq!(names(&workflow.transformations), ["early", "late"]);
    assert_eq!(names(&workflow.destinations), ["db", "out"]);
    assert_eq!(workflow.transformations[0].on_error, OnError::DeadLetter);
    assert_eq!(workflow.transformations[1].on_error, OnError::Skip);
    let settings = &workflow.settings;
    assert_eq!((settings.sync, settings.delivery), (SyncMode::Incremental, RequiredGuarantee::AtLeastOnce));
    assert_eq!(settings.parallelism.map(|n| n.get()), Some(4));
    assert_eq!((settings.retry.max_attempts, settings.retry.max_backoff.0), (3, Duration::from_secs(5)));
    assert_eq!(settings.commit_interval.map(|span| span.0), Some(Duration::from_secs(2)));
    let routes: Vec<_> = routes(&workflow)
        .into_iter()
        .map(|route| (route.source.to_string(), route.destination.to_string(), route.via.len()))
        .collect();
    let expected = [("orders", "db", 1), ("orders", "out", 0), ("users", "db", 2), ("users", "out", 1)];
    assert_eq!(routes, expected.map(|(s, d, n)| (s.to_owned(), d.to_owned(), n)));
    let plans = enforce(&workflow, &fakes::registry()).unwrap();
    let exact = |plan: &&etl_workflow::RoutePlan| plan.guarantee.guarantee == Guarantee::ExactlyOnce;
    assert_eq!(
        plans.iter().filter(exact).map(|plan| plan.route.source.as_str()).collect::<Vec<_>>(),
        ["users"]
    );
}

#[test]
fn masks_stand_behind_every_source_before_everything_that_reads_it() {
    let workflow = read(include_str!("golden/data_protection.yaml")).unwrap();
    let transformations = &workflow.transformations;
    assert_eq!(names(transformations), ["protect-orders", "protect-users-2", "protect-users", "both"]);
    let inputs = |name: &str| {
        let step = workflow.steps().find(|step| step.name.as_str() == name).unwrap();
        step.inputs.iter().map(StepName::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (inputs("protect-orders"), inputs("protect-users-2")),
        (vec!["orders".into()], vec!["users".into()])
    );
    assert_eq!(inputs("protect-users"), ["protect-users-2"]);
    assert_eq!(inputs("both"), ["protect-orders", "protect-users"]);
    assert_eq!(inputs("out"), ["both", "protect-users-2"]);
    assert_eq!(
        (transformations[0].on_error, transformations[1].on_error),
        (OnError::DeadLetter, OnError::Fail)
    );
    assert!(workflow.sources.iter().all(|source| source.conceals));
    assert_eq!(transformations[0].config["masking_rules"][1]["key"], "${secret:masking}");
    let resolved = workflow.resolve_secrets(&|_| Some("a long secret".to_owned())).unwrap();
    assert_eq!(resolved.transformations[1].config["masking_rules"][1]["key"], "a long secret");
    assert!(!format!("{resolved:?}").contains("a long secret"));
    let missing = workflow.resolve_secrets(&|_| None).unwrap_err().to_string();
    assert_eq!(missing, "w.yaml:7:45 E023 the secret `masking` is not known");
    let unprotected = include_str!("golden/data_protection.yaml").replace("hash, key", "full, key");
    assert_ne!(read(&unprotected).unwrap().meaning, workflow.meaning);
}

#[test]
fn every_output_that_is_read_is_a_step() {
    let workflow = read(include_str!("golden/ports.yaml")).unwrap();
    assert_eq!(names(&workflow.transformations), ["split-default", "small-tiny", "split-eu", "split-high"]);
    let ports: Vec<_> = workflow.transformations.iter().map(|step| step.config["port"].clone()).collect();
    let port = |output: &str, order: &[&str], reports: bool| json!({"output": output, "order": order, "reports": reports});
    let both = ["high", "eu"];
    assert_eq!(
        ports,
        [
            port("default", &both, false),
            port("tiny", &["tiny"], true),
            port("eu", &both, false),
            port("high", &both, true)
        ]
    );
    let inputs: Vec<_> = workflow.steps().map(|step| step.inputs.clone()).collect();
    assert_eq!(inputs[2].iter().map(StepName::as_str).collect::<Vec<_>>(), ["split-default"]);
    assert_eq!(inputs[5].iter().map(StepName::as_str).collect::<Vec<_>>(), ["split-high", "split-eu"]);
    let of_split = workflow.transformations.iter().filter(|step| step.name.as_str() != "small-tiny");
    assert!(of_split.clone().all(|step| step.on_error == OnError::Skip) && of_split.count() == 3);
    let swapped = include_str!("golden/ports.yaml").replace(
        "high: \"amount > 100.0\", eu: \"country == 'DE'\"",
        "eu: \"country == 'DE'\", high: \"amount > 100.0\"",
    );
    assert_ne!(
        read(&swapped).unwrap().meaning,
        workflow.meaning,
        "the order says which one is the first match"
    );
}

#[test]
fn aliases_and_merge_keys_are_followed() {
    let workflow = read(include_str!("golden/aliases.yaml")).unwrap();
    let configs: Vec<_> = workflow.sources.iter().map(|step| step.config.shown().clone()).collect();
    let file = json!({"path": "a.csv", "header": true});
    assert_eq!(configs, [file.clone(), file.clone(), json!({"path": "c.csv", "header": true}), file]);
}

#[test]
fn variables_are_typed_by_what_is_wanted() {
    let workflow = read(include_str!("golden/interpolation.yaml")).unwrap();
    assert_eq!(
        *workflow.sources[0].config,
        json!({
            "path": "orders/${NAME}/d/e//^a$",
            "header": true,
            "skip": 7,
            "extra": ["5", 5, "a: b\n${secret:x} ${NAME}", "x5"],
        })
    );
    let text = "workflow:\n  name: a\n  source:\n    type: file\n    config:\n      path: ${NUMBER}\n      \
                names: ${NUMBER}\n  destination: {type: stdout}\n";
    assert_eq!(*read(text).unwrap().sources[0].config, json!({"path": "5", "names": 5}));
}

const SECRETS: &str = "workflow:\n  name: a\n  source: {type: stdin}\n  destination:\n    type: sqlite\n    config:\n      \
                       path: \"x-${secret:one}-${secret:two}\"\n      table: $${secret:one}\n      \
                       password: ${secret:two}\n";

#[test]
fn secrets_are_put_in_late_and_never_shown() {
    let workflow = read(SECRETS).unwrap();
    let config = &workflow.destinations[0].config;
    assert_eq!(config["path"], json!("x-${secret:one}-${secret:two}"));
    assert_eq!(config.secret_names().collect::<Vec<_>>(), ["one", "two", "two"]);
    let lookup = |name: &str| Some(format!("hunter-{name}"));
    let resolved = workflow.resolve_secrets(&lookup).unwrap();
    let config = &resolved.destinations[0].config;
    let expected =
        json!({"path": "x-hunter-one-hunter-two", "table": "${secret:one}", "password": "hunter-two"});
    assert_eq!(**config, expected);
    let shown = format!("{resolved:?} {config:?} {config} {}", config.shown());
    assert!(!shown.contains("hunter") && shown.contains("${secret:two}"), "{shown}");
    assert_eq!(workflow.meaning, resolved.meaning);
    let error =
        FieldError::new("password", "`hunter-two` is too short").at("password").with_help("not hunter-two");
    let messages = resolved.field_errors(&resolved.destinations[0], &[error]).to_string();
    assert_eq!(
        messages,
        "w.yaml:9:17 E050 `workflow.destination.config.password`: `${secret:two}` is too short\n  \
         help: not ${secret:two}"
    );
}

#[test]
fn missing_secrets_are_all_named_with_their_places() {
    let errors = read(SECRETS).unwrap().resolve_secrets(&|_| None).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "w.yaml:7:13 E023 the secret `one` is not known\nw.yaml:7:13 E023 the secret `two` is not known\n\
         w.yaml:9:17 E023 the secret `two` is not known"
    );
}

fn meaning(text: &str) -> String {
    read(text).unwrap().meaning
}

#[test]
fn meaning_follows_what_a_run_does() {
    let base =
        "workflow:\n  name: a\n  source: {type: file, config: {path: p}}\n  destination: {type: stdout}\n";
    let with = |from: &str, to: &str| meaning(&base.replace(from, to));
    let same = meaning(base);
    for (from, to) in [
        ("name: a", "name: \"a\" # comment"),
        (
            "name: a",
            "name: a\n  description: other\n  parallelism: 3\n  commit_interval: 9s\n  retry: {max_attempts: 9}",
        ),
        ("{type: stdout}", "{type: stdout, on_error: fail, config: {}}"),
        ("{type: stdout}", "{type: stdout, config: }"),
        ("path: p", "path: \"${MISSING:p}\""),
        (
            "source: {type: file, config: {path: p}}\n  destination: {type: stdout}",
            "destinations: {destination: {inputs: [source], type: stdout}}\n  sources: {source: {config: {path: p}, type: file}}",
        ),
    ] {
        assert_eq!(with(from, to), same, "{to}");
    }
    for (from, to) in [
        ("name: a", "name: b"),
        ("name: a", "name: a\n  sync: {mode: incremental}"),
        ("path: p", "path: q"),
        ("path: p", "path: p, skip: 1"),
        ("type: stdout", "type: stdout, on_error: skip"),
        ("type: stdout", "type: stdout, name: other"),
        ("{type: stdout}", "{type: file, config: {path: p}}"),
        ("  destination", "  transformations: [{type: mapping}]\n  destination"),
    ] {
        assert_ne!(with(from, to), same, "{to}");
    }
    assert_ne!(with("path: p", "path: \"${secret:x}\""), with("path: p", "path: \"$${secret:x}\""));
}

#[test]
fn guarantees_follow_from_both_ends() {
    let source =
        |replayable, ordered| SourceCapabilities { replayable, ordered, bounded: true, reason: None };
    let destination = |commit| DestinationCapabilities {
        commit,
        max_writers: None,
        holds_rows: false,
        rejects_rows: false,
        unit_bytes: None,
    };
    for (replayable, ordered, commit, expected) in [
        (true, true, CommitKind::Transactional, Guarantee::ExactlyOnce),
        (true, true, CommitKind::ConditionalCreate, Guarantee::ExactlyOnce),
        (true, true, CommitKind::None, Guarantee::AtLeastOnce),
        (false, true, CommitKind::Transactional, Guarantee::AtLeastOnce),
        (true, false, CommitKind::Transactional, Guarantee::AtLeastOnce),
    ] {
        assert_eq!(guarantee(&source(replayable, ordered), &destination(commit)).guarantee, expected);
    }
    let reason = Some("a pipe".to_owned());
    let given =
        guarantee(&SourceCapabilities { reason, ..source(false, true) }, &destination(CommitKind::None));
    assert_eq!(given.reason, "the source cannot be read again from a position: a pipe");
}

#[test]
fn messages_are_also_data() {
    let errors = read("workflow:\n  nam: x\n").unwrap_err();
    let json = serde_json::to_value(&errors).unwrap();
    assert_eq!(
        json[1],
        json!({
            "file": "w.yaml", "line": 1, "column": 1, "severity": "error", "code": "E013",
            "message": "`workflow` has no `destination`", "help": "or `destinations` for a graph of steps",
            "snippet": "workflow:",
        })
    );
    assert!(errors.iter().any(|e| e.line == 2 && e.snippet.as_deref() == Some("  nam: x")));
    assert_eq!(errors[0].severity, Severity::Error);
}

#[test]
fn size_has_a_limit_and_below_it_time_is_linear() {
    let large = vec![b'#'; MAX_FILE_BYTES + 1];
    let errors = load("w.yaml", &large, &|_| None, &fakes::registry()).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, "E002"));

    let sources: String =
        (0..20_000).map(|n| format!("    s{n}: {{type: file, config: {{path: é{n}.csv}}}}\n")).collect();
    let inputs: Vec<String> = (0..20_000).map(|n| format!("s{n}")).collect();
    let text = format!(
        "workflow:\n  name: a\n  sources:\n{sources}  destinations:\n    out: {{type: stdout, inputs: [{}]}}\n",
        inputs.join(", ")
    );
    let start = Instant::now();
    let errors = read(&text).err().map(|errors| errors.to_string()).unwrap_or_default();
    assert!(errors.contains("E007"), "{errors}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());

    let bad = format!("workflow: {{{}}}\n", (0..40_000).map(|n| format!("é{n}: 1, ")).collect::<String>());
    let start = Instant::now();
    assert_eq!(read(&bad).unwrap_err().len(), 1000);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn the_schema_names_every_type_and_resolves_every_reference() {
    fn references(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                found.extend(object.get("$ref").and_then(|r| r.as_str()).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let schema = json_schema(&fakes::registry());
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(schema.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for name in ["source-file", "source-stdin", "transformation-filter", "destination-sqlite"] {
        assert_eq!(schema["$defs"][name]["additionalProperties"], json!(false), "{name}");
    }
    assert_eq!(schema["$defs"]["workflow"]["required"], json!(["name"]));
    assert_eq!(schema["$defs"]["linear-source"]["allOf"][0]["if"]["properties"]["type"]["const"], "file");
}

#[test]
fn a_workflow_has_a_limit_of_steps_and_routes() {
    let workflow = |sources: usize, destinations: usize| {
        let names: Vec<String> = (0..sources).map(|n| format!("s{n}")).collect();
        let inputs: String = names.iter().map(|name| format!("    {name}: {{type: stdin}}\n")).collect();
        let outputs: String =
            (0..destinations).map(|n| format!("    d{n}: {{type: stdout, inputs: [t]}}\n")).collect();
        format!(
            "workflow:\n  name: a\n  sources:\n{inputs}  transformations:\n    t: {{type: mapping, inputs: [{}]}}\n  \
             destinations:\n{outputs}",
            names.join(", ")
        )
    };
    assert_eq!(routes(&read(&workflow(90, 90)).unwrap()).len(), 8100);
    for (sources, destinations) in [(999, 1), (101, 100)] {
        let errors = read(&workflow(sources, destinations)).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["E039"]);
    }
}

#[test]
fn a_large_file_is_read_in_linear_time() {
    let text = |kib: usize| {
        let line = format!("        {}\n", "é".repeat(500)).repeat(kib);
        format!(
            "workflow:\n  name: a\n  source:\n    type: file\n    config:\n      path: p\n      extra: |\n{line}  \
             destination: {{type: stdout}}\n"
        )
    };
    let start = Instant::now();
    let workflow = read(&text(4000)).unwrap();
    assert_eq!(workflow.sources[0].config["extra"].as_str().map(str::len), Some(4000 * 1001));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_schedule_is_read_with_its_defaults_and_changes_no_meaning() {
    let workflow = read(include_str!("golden/schedule.yaml")).unwrap();
    let schedule = workflow.settings.schedule.clone().unwrap();
    assert_eq!(schedule.ticks.cron(), "30 2 * * mon-fri");
    assert_eq!(schedule.ticks.timezone(), "Europe/Berlin");
    assert_eq!((schedule.overlap, schedule.catch_up), (Overlap::Queue, CatchUp::All));
    let shown = json!({
        "schedule": "30 2 * * mon-fri", "timezone": "Europe/Berlin", "overlap": "queue", "catch_up": "all",
    });
    assert_eq!(serde_json::to_value(&schedule).unwrap(), shown);

    let without: String = include_str!("golden/schedule.yaml")
        .lines()
        .filter(|line| !["schedule", "timezone", "overlap", "catch_up"].iter().any(|key| line.contains(key)))
        .map(|line| format!("{line}\n"))
        .collect();
    let other = read(&without).unwrap();
    assert_eq!((other.settings.schedule, other.meaning), (None, workflow.meaning));
    let daily = read(&without.replace("  source:", "  schedule: '@daily'\n  timezone:\n  source:")).unwrap();
    let schedule = daily.settings.schedule.unwrap();
    assert_eq!((schedule.ticks.cron(), schedule.ticks.timezone()), ("@daily".to_owned(), "UTC"));
    assert_eq!((schedule.overlap, schedule.catch_up), (Overlap::Skip, CatchUp::Last));
}

fn with(text: &str, inputs: &Inputs) -> Result<Workflow, Diagnostics> {
    load_with("w.yaml", text.as_bytes(), &fakes::environment, inputs, &fakes::registry())
}

const OF_A_DAY: &str = "workflow:
  name: orders
  parameters:
    day: {type: date}
    rows: {type: int, default: 5}
  source:
    type: file
    config:
      path: in/${param:day}-${run:id}-${run:tick}.csv
      skip: ${param:rows}
  destination: {type: stdout}
";

fn given(parameters: &[(&str, &str)], run: Option<RunFacts>) -> Inputs {
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inputs { run, ..Inputs::of_run(parameters) }
}

#[test]
fn a_run_gives_values_and_itself() {
    let id = etl_model::RunId::parse("01920000-0000-7000-8000-000000000007").unwrap();
    let run = RunFacts { id, tick_ms: 1_700_000_000_123 };
    let workflow = with(OF_A_DAY, &given(&[("day", "2026-11-01"), ("rows", "07")], Some(run))).unwrap();
    let config = workflow.sources[0].config.shown();
    assert_eq!(config["path"], format!("in/2026-11-01-{id}-2023-11-14T22:13:20.123Z.csv"));
    assert_eq!(config["skip"], 7, "a number");
    let values = workflow.parameter_values();
    assert_eq!((values["day"].as_str(), values["rows"].as_str()), ("2026-11-01", "7"));
}

#[test]
fn values_are_part_of_the_meaning_and_the_run_is_not_when_it_is_only_looked_at() {
    let meaning = |day, run| with(OF_A_DAY, &given(&[("day", day)], run)).unwrap().meaning;
    assert_ne!(meaning("2026-11-01", None), meaning("2026-11-02", None));
    assert_eq!(meaning("2026-11-01", None), meaning("2026-11-01", None));
    let unchecked = load("w.yaml", OF_A_DAY.as_bytes(), &fakes::environment, &fakes::registry()).unwrap();
    assert_eq!(unchecked.parameters[0].value, None, "an example stands in, but is no value");
    assert_eq!(unchecked.parameter_values().len(), 1);
}

#[test]
fn values_that_are_missing_wrong_or_unknown_are_refused() {
    let told =
        |parameters: &[(&str, &str)]| with(OF_A_DAY, &given(parameters, None)).unwrap_err().to_string();
    let missing = told(&[]);
    assert!(missing.contains("E026") && missing.contains("--param day=2026-01-31"), "{missing}");
    let wrong = told(&[("day", "${HOME}"), ("rows", "5.0")]);
    assert_eq!(wrong.matches("E025").count(), 2, "a value is never interpolated: {wrong}");
    let unknown = told(&[("day", "2026-11-01"), ("row", "1")]);
    assert!(unknown.contains("E024") && unknown.contains("did you mean `rows`?"), "{unknown}");
    let none = with(
        "workflow: {name: a, source: {type: stdin}, destination: {type: stdout}}",
        &given(&[("a", "b")], None),
    );
    assert!(none.unwrap_err().to_string().contains("the workflow declares no `parameters`"));
}

#[test]
fn limits_are_read_with_their_defaults_and_are_no_part_of_the_meaning() {
    let text = |limits: &str| {
        format!("workflow: {{name: a, source: {{type: stdin{limits}}}, destination: {{type: stdout}}}}")
    };
    let plain = with(&text(""), &Inputs::default()).unwrap();
    let limited = with(
        &text(", rate_limit: {bytes: 16MiB, name: crm}, circuit_breaker: {failures: 2}, timeout: 5s"),
        &Inputs::default(),
    );
    let limited = limited.unwrap();
    assert_eq!(plain.meaning, limited.meaning);
    let rate = limited.sources[0].rate_limit.clone().unwrap();
    assert_eq!((rate.to_string().as_str(), rate.name.as_deref()), ("16MiB per 1s", Some("crm")));
    let breaker = limited.sources[0].circuit_breaker.clone().unwrap();
    assert_eq!((breaker.to_string().as_str(), breaker.name), ("2 failures within 30s, open for 10s", None));
    assert_eq!(limited.sources[0].timeout.unwrap().to_string(), "5s");
    assert_eq!((&limited.destinations[0].rate_limit, limited.destinations[0].timeout), (&None, None));
}
