use crate::site::{Counters, Site};

/// 1,000 rows; `value` is 0 in ten of them, so that a division fails there.
fn site(on_error: &str) -> Site {
    let site = Site::new();
    let rows: String = (1..=1000).map(|n| format!("{n},{}\n", if n % 100 == 0 { 0 } else { n })).collect();
    site.write("in.csv", format!("id,value\n{rows}"));
    site.write(
        "records.yaml",
        format!(
            "workflow:\n  name: records\n  source: {{ type: file, config: {{ path: in.csv }} }}\n  transformations:\n  - \
             {{ type: filter, config: {{ condition: \"id > 50\" }} }}\n  - {{ name: divide, type: mapping{on_error}, \
             config: {{ keep: [id], mappings: [{{ expression: \"1000 / value\", destination: share }}] }} }}\n  \
             destination: {{ type: file, config: {{ path: out.jsonl }} }}\n"
        ),
    );
    site
}

#[test]
fn fail_names_the_record_and_the_place() {
    let site = site("");
    let ended = site.run(&["run", "records.yaml", "--progress", "none"]).code(1);
    ended.says("divide").says("division_by_zero").says("in.csv").says("failed; the next run continues here");
    assert!(!site.path("out.jsonl").exists(), "a part is not shown as the whole");
}

#[test]
fn dead_letters_hold_the_record_its_error_and_its_place() {
    let site = site(", on_error: dead_letter");
    let ended = site.run(&["run", "records.yaml", "--progress", "none", "-o", "json"]).code(0);
    let expected = Counters { read: 1000, delivered: 940, filtered: 50, dead_lettered: 10, failed: 0 };
    assert_eq!(ended.counters(), expected);
    assert_eq!(site.read("out.jsonl").lines().count(), 940);
    let mut letters = Vec::new();
    for path in site.find("dead_letters") {
        let text = std::fs::read_to_string(path).unwrap();
        letters.extend(text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()));
    }
    assert_eq!(letters.len(), 10, "{letters:?}");
    for letter in &letters {
        let text = letter.to_string();
        assert!(text.contains("divide") && text.contains("division_by_zero"), "{text}");
        assert!(letter["ordinal"].is_u64() && letter["record"]["id"].as_u64().unwrap() % 100 == 0, "{text}");
    }
}

#[test]
fn skipped_records_are_counted() {
    let site = site(", on_error: skip");
    let ended = site.run(&["run", "records.yaml", "--progress", "none", "-o", "json"]).code(0);
    let expected = Counters { read: 1000, delivered: 940, filtered: 50, dead_lettered: 0, failed: 10 };
    assert_eq!(ended.counters(), expected);
    assert!(site.find("dead_letters").is_empty());
}

#[test]
fn a_malformed_row_is_a_record_error_of_the_source() {
    for (on_error, code) in [("", 1), (", on_error: dead_letter", 0)] {
        let site = Site::new();
        site.write("in.csv", "id,value\n1,a\n2,b,c\n3,d\n");
        site.write(
            "records.yaml",
            format!(
                "workflow:\n  name: records\n  source: {{ type: file{on_error}, config: {{ path: in.csv }} }}\n  \
                 transformations: []\n  destination: {{ type: file, config: {{ path: out.jsonl }} }}\n"
            ),
        );
        let ended = site.run(&["run", "records.yaml", "--progress", "none"]).code(code);
        if code == 1 {
            ended.says("in.csv").says("3");
        } else {
            ended.says("3 read = 2 delivered + 0 filtered + 1 dead-lettered + 0 failed");
            assert_eq!(site.read("out.jsonl"), "{\"id\":1,\"value\":\"a\"}\n{\"id\":3,\"value\":\"d\"}\n");
        }
    }
}

#[test]
fn a_file_cut_in_half_is_an_error_and_not_an_end() {
    let site = Site::new();
    site.write("in.csv", "id,value\n1,a\n2,\"b");
    site.write("in.jsonl", "{\"id\":1}\n{\"id\":");
    for input in ["in.csv", "in.jsonl"] {
        site.write(
            "cut.yaml",
            format!(
                "workflow:\n  name: cut\n  source: {{ type: file, config: {{ path: {input} }} }}\n  transformations: \
                 []\n  destination: {{ type: file, config: {{ path: out.jsonl }} }}\n"
            ),
        );
        site.run(&["run", "cut.yaml", "--restart", "--progress", "none"]).code(1).says(input);
        assert!(!site.path("out.jsonl").exists(), "{input}");
    }
}
