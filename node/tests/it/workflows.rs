use serde_json::Value;

use crate::nodes::Nodes;

fn document(name: &str, rows: u32) -> String {
    format!(
        "workflow:\n  name: {name}\n  source: {{ type: generate, config: {{ rows: {rows} }} }}\n  transformations: []\n  \
         destination: {{ type: stdout }}\n"
    )
}

fn outcomes(told: &Value) -> Vec<(&str, &str, u64)> {
    let workflows = told["workflows"].as_array().unwrap().iter();
    workflows
        .map(|each| {
            let (name, outcome) = (each["name"].as_str().unwrap(), each["outcome"].as_str().unwrap());
            (name, outcome, each["version"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn a_file_is_applied_shown_compared_and_deleted() {
    let nodes = Nodes::cluster(1);
    let (run, site) = (|arguments: &[&str]| nodes.tool(1, arguments), &nodes.site);
    run(&["workflow", "list"]).code(0).says("there are no workflows");
    site.write("orders.yaml", document("orders", 1));
    run(&["workflow", "diff", "orders.yaml"]).code(1).says("+  name: orders").says("--- nothing");
    run(&["workflow", "apply", "orders.yaml", "--dry-run"]).code(0).says("would be created (version 1)");
    run(&["workflow", "list"]).code(0).says("there are no workflows");
    run(&["workflow", "apply", "orders.yaml"]).code(0).says("orders created (version 1)");
    run(&["workflow", "apply", "orders.yaml"]).code(0).says("orders unchanged (version 1)");
    run(&["workflow", "diff", "orders.yaml"]).code(0).says("no difference");

    site.write("orders.yaml", document("orders", 2));
    let shown = run(&["workflow", "diff", "orders.yaml"]).code(1).stdout;
    assert!(shown.contains("--- orders, version 1\n+++ orders.yaml\n"), "{shown}");
    let planned = run(&["workflow", "apply", "orders.yaml", "--dry-run"]).code(0);
    assert!(planned.stdout.contains("would be updated (version 2)"), "{}", planned.stdout);
    let applied = run(&["workflow", "apply", "orders.yaml"]).code(0).stdout;
    assert!(
        applied.contains("orders updated (version 2)\n--- orders, version 1\n+++ orders.yaml\n"),
        "{applied}"
    );
    for line in [
        "-  source: { type: generate, config: { rows: 1 } }",
        "+  source: { type: generate, config: { rows: 2 } }",
    ] {
        assert!(applied.contains(line) && shown.contains(line), "{applied}");
    }
    assert!(!applied.contains('\x1b'), "colours are for terminals");

    let got = run(&["workflow", "get", "orders"]).code(0).stdout;
    assert_eq!(got, document("orders", 2), "as it was given");
    assert_eq!(run(&["workflow", "get", "orders", "--version", "1"]).code(0).stdout, document("orders", 1));
    let got = run(&["workflow", "get", "orders", "-o", "json"]).code(0).json();
    assert_eq!(
        (got["version"].as_u64(), got["document"].as_str()),
        (Some(2), Some(document("orders", 2).as_str()))
    );
    run(&["workflow", "diff", "orders"]).code(1).says("--- orders, version 1").says("+++ orders, version 2");
    run(&["workflow", "diff", "orders", "--from", "2", "--to", "1"]).code(1).says("+++ orders, version 1");
    run(&["workflow", "diff", "orders", "--from", "2", "--to", "2"]).code(0);

    run(&["workflow", "delete", "orders", "--expect-version", "1"]).code(1).says("is at version 2");
    run(&["workflow", "delete", "orders", "--expect-version", "2"]).code(0).says("deleted (version 2)");
    run(&["workflow", "delete", "orders"]).code(1).says("does not exist");
    run(&["workflow", "get", "orders"]).code(1).says("there is no workflow `orders`").says("help:");
    run(&["workflow", "history", "orders"]).code(0).says("deleted");
    let history = run(&["workflow", "history", "orders", "-o", "json"]).code(0).json();
    let versions: Vec<_> =
        history.as_array().unwrap().iter().map(|each| each["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [2, 2, 1]);
    run(&["workflow", "history", "customers"]).code(1).says("there is no workflow `customers`");
}

#[test]
fn the_next_tick_of_a_schedule_is_shown() {
    let nodes = Nodes::cluster(1);
    let (run, site) = (|arguments: &[&str]| nodes.tool(1, arguments), &nodes.site);
    let yearly = "  schedule: '0 0 1 1 *'\n  source:";
    site.write("orders.yaml", document("orders", 1).replace("  source:", yearly));
    site.write("customers.yaml", document("customers", 1));
    run(&["workflow", "apply", "orders.yaml", "customers.yaml"]).code(0);
    let listed = run(&["workflow", "list"]).code(0).stdout;
    let line = |name: &str| listed.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("orders").contains("-01-01 00:00:00"), "{listed}");
    assert!(line("customers").contains(" - "), "{listed}");
    let got = run(&["workflow", "get", "orders"]).code(0);
    assert!(got.stderr.contains("by itself") && got.stderr.contains("-01-01 00:00:00 UTC"), "{}", got.stderr);
    assert!(got.stdout.contains("schedule:") && !got.stdout.contains("by itself"), "{}", got.stdout);
    let got = run(&["workflow", "get", "orders", "-o", "json"]).code(0).json();
    assert!(got["next_tick_ms"].as_u64().is_some(), "{got}");
}

#[test]
fn a_conflict_names_both_versions_and_is_a_finding() {
    let nodes = Nodes::cluster(1);
    let run = |arguments: &[&str]| nodes.tool(1, arguments);
    nodes.site.write("a.yaml", document("orders", 1));
    nodes.site.write("b.yaml", document("customers", 1));
    run(&["workflow", "apply", "a.yaml", "--expect-version", "0"]).code(0).says("created");
    nodes.site.write("a.yaml", document("orders", 2));
    let conflict = run(&["workflow", "apply", "a.yaml", "--expect-version", "0"]).code(1);
    conflict.says("workflow orders exists already, at version 1").says("help:");
    let told = run(&["workflow", "apply", "a.yaml", "--expect-version", "7", "-o", "json"]).code(1).json();
    assert_eq!(told["failed"]["error"], "version_conflict");
    assert_eq!(told["failed"]["message"], "workflow orders is at version 1, version 7 was expected");
    run(&["workflow", "apply", "a.yaml", "--expect-version", "7", "--dry-run"]).code(1);
    run(&["workflow", "apply", "a.yaml", "b.yaml", "--expect-version", "1"])
        .code(2)
        .says("belongs to one workflow");
    run(&["workflow", "apply", "a.yaml", "--expect-version", "1"]).code(0).says("updated (version 2)");
}

#[test]
fn a_folder_is_applied_and_not_at_all_when_one_file_is_bad() {
    let nodes = Nodes::cluster(3);
    let run = |arguments: &[&str]| nodes.tool(2, arguments);
    nodes.site.write("flows/a.yaml", document("orders", 1));
    nodes.site.write("flows/b.yml", document("customers", 1));
    nodes.site.write("flows/notes.txt", "not a workflow");
    nodes.site.write("flows/below/c.yaml", document("below", 1));
    nodes.site.write("flows/bad.yaml", document("bad", 1).replace("generate", "generat"));
    let refused = run(&["workflow", "apply", "flows"]).code(1);
    assert!(refused.stderr.contains("flows/bad.yaml:3:19 E041"), "{}", refused.stderr);
    let refused = run(&["workflow", "apply", "flows", "-o", "json"]).code(1).json();
    assert_eq!(refused["error"], "invalid_workflow");
    assert_eq!(refused["diagnostics"][0]["file"], "flows/bad.yaml");
    assert_eq!(refused["diagnostics"][0]["line"], 3);
    assert_eq!(run(&["workflow", "list", "-o", "json"]).code(0).json(), serde_json::json!([]));

    nodes.site.write("flows/bad.yaml", document("orders", 3));
    run(&["workflow", "apply", "flows"]).code(1).says("workflow `orders` is in flows/a.yaml, too");
    nodes.site.write("flows/bad.yaml", [0x66, 0xff, 0x66]);
    run(&["workflow", "apply", "flows"]).code(1).says("not valid UTF-8");
    std::fs::remove_file(nodes.site.path("flows/bad.yaml")).unwrap();

    let told = run(&["workflow", "apply", "flows", "-o", "json"]).code(0).json();
    assert_eq!(outcomes(&told), [("orders", "created", 1), ("customers", "created", 1)]);
    nodes.site.write("flows/b.yml", document("customers", 2));
    let text = run(&["workflow", "apply", "flows"]).code(0);
    text.says("orders unchanged (version 1)")
        .says("customers updated (version 2)")
        .says("1 of 2 workflows changed");
    let told = run(&["workflow", "apply", "flows", "--dry-run", "-o", "json"]).code(0).json();
    assert_eq!(told["dry_run"], true);
    assert_eq!(outcomes(&told), [("orders", "unchanged", 1), ("customers", "unchanged", 2)]);
    assert_eq!(nodes.workflows(3), ["customers", "orders"]);
    run(&["workflow", "list"]).code(0).says("WORKFLOW").says("customers");

    run(&["workflow", "apply", "flows/below"]).code(0).says("below created");
    std::fs::create_dir(nodes.site.path("empty")).unwrap();
    run(&["workflow", "apply", "empty"]).code(2).says("no *.yaml");
    run(&["workflow", "apply", "missing.yaml"]).code(2).says("missing.yaml");
    run(&["workflow", "diff", "missing.yaml"]).code(2).says("missing.yaml");
}
