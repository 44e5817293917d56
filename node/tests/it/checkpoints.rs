use crate::nodes::Nodes;

/// A workflow that reads what is new in files, on the node that has them.
fn incremental(nodes: &Nodes) -> String {
    let (input, output) = (nodes.site.path("in"), nodes.site.path("out.db"));
    format!(
        "workflow:\n  name: news\n  sync: {{ mode: incremental }}\n  source: {{ name: files, type: file, config: {{ path: \
         \"{}/*.jsonl\" }} }}\n  transformations: []\n  destination: {{ name: rows, type: sqlite, config: {{ path: {}, \
         table: news }} }}\n",
        input.display(),
        output.display()
    )
}

#[test]
fn an_incremental_run_goes_on_until_its_checkpoints_are_reset() {
    let nodes = Nodes::cluster(1);
    let rows = || nodes.site.number("out.db", "SELECT count(*) FROM news");
    nodes.site.write("in/a.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    nodes.site.write("news.yaml", incremental(&nodes));
    nodes.tool(1, &["workflow", "apply", "news.yaml"]).code(0);
    nodes.tool(1, &["checkpoint", "reset", "news"]).code(0).says("news: there was nothing to reset");
    nodes.tool(1, &["workflow", "run", "news", "--watch"]).code(0);
    let shown = nodes.tool(1, &["checkpoint", "show", "news.yaml"]).code(0);
    shown.says("completed").says("a.jsonl] -> rows:").says("position 18, done").says("2 read, 2 delivered");
    let shown = nodes.tool(1, &["checkpoint", "show", "news", "-o", "json"]).code(0).json();
    assert_eq!(shown["run"], shown["goes_on_after"]);
    let only = &shown["checkpoints"][0];
    assert_eq!((only["unit"].as_u64(), only["counters"]["read"].as_u64()), (Some(1), Some(2)), "{shown}");
    let shown = nodes.tool(1, &["checkpoint", "show", shown["run"].as_str().unwrap()]).code(0);
    shown.says("an incremental run goes on at files[").says("a.jsonl]: 18");

    nodes.site.write("in/b.jsonl", "{\"id\":3}\n");
    nodes.tool(1, &["workflow", "run", "news", "--watch"]).code(0).says("1 read = 1 delivered");
    assert_eq!(rows(), Some(3));
    let reset = nodes.tool(1, &["checkpoint", "reset", "news", "-o", "json"]).code(0).json();
    assert_eq!((reset["reset"].as_bool(), reset["ended_run"].as_str()), (Some(true), None));
    nodes.tool(1, &["checkpoint", "show", "news"]).code(0).says("an incremental run begins anew");
    nodes.tool(1, &["workflow", "run", "news", "--watch"]).code(0).says("3 read = 3 delivered");
    assert_eq!(rows(), Some(6), "everything again, beside what was delivered before");
}

#[test]
fn a_halted_run_is_given_up_by_a_reset_and_a_running_one_is_not() {
    let nodes = Nodes::cluster(1);
    let document = "workflow:\n  name: numbers\n  source: { type: generate, config: { rate: 100 } }\n  \
                    transformations: []\n  destination: { type: stdout }\n";
    nodes.site.write("numbers.yaml", document);
    nodes.tool(1, &["workflow", "apply", "numbers.yaml"]).code(0);
    let run = nodes.tool(1, &["workflow", "run", "numbers", "-o", "json"]).code(0).json();
    let run = run["run"].as_str().unwrap();
    let refused = nodes.tool(1, &["checkpoint", "reset", "numbers"]).code(1);
    refused.says("error[run_active]").says(run).says("workflow pause numbers");
    nodes.tool(1, &["workflow", "pause", "numbers"]).code(0);
    nodes.tool(1, &["checkpoint", "show", "numbers"]).code(0).says(run).says("paused");
    let reset = nodes.tool(1, &["checkpoint", "reset", "numbers", "--yes"]).code(0);
    reset.says("numbers: reset; the next run starts anew").says(&format!("run {run} is ended"));
    nodes.tool(1, &["runs", "get", run]).code(0).says("cancelled");
    let next = nodes.tool(1, &["workflow", "run", "numbers", "-o", "json"]).code(0).json();
    assert_eq!(next["continued"], false);

    nodes.tool(1, &["checkpoint", "show"]).code(2).says("no workflow was named");
    nodes.tool(1, &["checkpoint", "reset"]).code(2).says("no workflow was named");
    nodes.tool(1, &["checkpoint", "reset", "other"]).code(1).says("there is no workflow `other`");
    nodes.tool(1, &["checkpoint", "show", "numbers", "--state-dir", "x"]).code(2).says("--state-dir");
}
