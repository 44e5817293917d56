//! Protected fields: nothing that a run leaves behind, says or shows has their plain values.

use std::fs;

use crate::site::{Site, walk};

/// What must not be seen anywhere but in the input.
const CANARY: &str = "4929123456781234";

fn workflow(on_error: &str) -> String {
    format!(
        "workflow:\n  name: cards\n  data_protection:\n    masking_rules:\n      - {{ field: card, method: partial, \
         show_chars: 4 }}\n  source:\n    type: file\n    on_error: {on_error}\n    config: {{ path: in.csv }}\n  \
         transformations:\n    - {{ type: filter, on_error: {on_error}, config: {{ condition: \"int(card) > 0\" }} }}\n  \
         destination: {{ type: file, config: {{ path: out.jsonl, mode: replace }} }}\n"
    )
}

/// The files below the site that have the value.
fn leaks(site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    walk(&site.path(""), &mut |path| {
        let bytes = fs::read(path).unwrap();
        let is_there = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        if is_there && path.file_name().is_none_or(|name| name != "in.csv") {
            found.push(path.display().to_string());
        }
    });
    found
}

#[test]
fn a_protected_value_is_in_no_letter_message_log_or_output() {
    for on_error in ["dead_letter", "fail", "skip"] {
        let site = Site::new();
        site.write("w.yaml", workflow(on_error));
        // A good record, one with too many fields, and one whose quotes do not fit.
        site.write("in.csv", format!("id,card\n1,{CANARY}\n2,{CANARY},{CANARY}\n3,\"{CANARY}\"x\n"));
        let arguments = ["run", "w.yaml", "--log", "debug", "--trace-tree", "--trace-sample", "1"];
        let ended = site.run(&arguments);
        assert_eq!(ended.code, Some(if on_error == "fail" { 1 } else { 0 }), "{}", ended.stderr);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(CANARY), "{on_error}\n{text}");
        }
        assert_eq!(leaks(&site), [] as [String; 0], "{on_error}");
        if on_error == "dead_letter" {
            assert_eq!(site.run(&["dlq", "count", "cards"]).code(0).stdout, "3\n");
            let shown = site.run(&["dlq", "show", "cards"]).code(0).stdout;
            assert!(shown.contains("in.csv:3") && shown.contains("are protected"), "{shown}");
            assert!(shown.contains("************1234"), "the filter has seen what was masked: {shown}");
        }
        let preview = site.run(&["preview", "w.yaml"]);
        for text in [&preview.stdout, &preview.stderr] {
            assert!(!text.contains(CANARY), "{on_error}\n{text}");
        }
        assert!(preview.stdout.contains("protect-source (mask)"), "{}", preview.stdout);
        site.run(&["preview", "w.yaml", "--step", "source"]).code(2).says("there are protect-source");
    }
}

#[test]
fn a_preview_shows_what_the_role_may_see_and_the_run_has_it_all() {
    let site = Site::new();
    site.write("in.csv", format!("id,card,note\n1,{CANARY},mail a@example.com\n0,{CANARY},none\n"));
    site.write(
        "w.yaml",
        r#"
workflow:
  name: cards
  data_protection:
    viewing:
      masking_rules:
        - { field: card, method: partial, show_chars: 4, roles: [support] }
        - { method: redact, detect: [email], patterns: ["[0-9]{16}"], roles: [support, finance] }
  source: { type: file, config: { path: in.csv } }
  transformations:
    - type: mapping
      config: { keep: "*", mappings: [{ expression: "string(100 / id) + ' ' + string(card)", destination: joined }] }
      fallback: { type: file, config: { path: failed.jsonl } }
  destination: { type: file, config: { path: out.jsonl } }
"#,
    );
    let hidden = site.run(&["preview", "w.yaml"]).code(0);
    assert!(!hidden.stdout.contains(CANARY), "{}", hidden.stdout);
    hidden.says("************1234").says("mail [REDACTED]");
    let other = site.run(&["preview", "w.yaml", "--role", "visitor", "-o", "json"]).code(0).stdout;
    assert!(!other.contains(CANARY) && !other.contains("a@example.com"), "{other}");
    let finance = site.run(&["preview", "w.yaml", "--role", "finance"]).code(0).stdout;
    assert!(finance.contains("************1234") && finance.contains("mail a@example.com"), "{finance}");
    let support = site.run(&["preview", "w.yaml", "--role", "support"]).code(0).stdout;
    assert!(support.contains(CANARY) && support.contains("mail a@example.com"), "{support}");
    site.run(&["run", "w.yaml", "--progress", "none"]).code(0);
    assert!(site.read("out.jsonl").contains(CANARY) && site.read("failed.jsonl").contains(CANARY));
    // What fails is not shown either.
    site.write(
        "w.yaml",
        site.read("w.yaml").replace("      fallback: { type: file, config: { path: failed.jsonl } }\n", ""),
    );
    let failed = site.run(&["preview", "w.yaml", "-o", "json"]).code(1).stdout;
    assert!(!failed.contains(CANARY) && failed.contains("division_by_zero"), "{failed}");
}
