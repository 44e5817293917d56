use std::io::Write;

use crate::site::Site;

const WORKFLOW: &str = "workflow:
  name: news
  sync: { mode: incremental }
  source: { type: file, config: { path: \"in/*.jsonl\" } }
  transformations: []
  destination: { type: sqlite, config: { path: out.db, table: news } }
";

fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|n| format!("{{\"id\":{n}}}\n")).collect()
}

#[track_caller]
fn run(site: &Site, read: u64, total: i64) {
    let ended = site.run(&["run", "news.yaml", "--progress", "none", "-o", "json"]).code(0);
    assert_eq!(ended.json()["records_read_here"], read);
    assert_eq!(site.number("out.db", "SELECT count(*) FROM news"), Some(total));
    assert_eq!(site.number("out.db", "SELECT count(DISTINCT id) FROM news"), Some(total));
}

#[test]
fn only_new_files_and_appended_lines_are_read() {
    let site = Site::new();
    site.write("news.yaml", WORKFLOW);
    site.write("in/a.jsonl", lines(0..100));
    run(&site, 100, 100);
    run(&site, 0, 100);
    site.write("in/b.jsonl", lines(100..150));
    run(&site, 50, 150);
    let mut file = std::fs::OpenOptions::new().append(true).open(site.path("in/a.jsonl")).unwrap();
    file.write_all(lines(150..175).as_bytes()).unwrap();
    run(&site, 25, 175);
    site.run(&["checkpoint", "show", "news.yaml"]).code(0).says("an incremental run goes on at");
    run(&site, 0, 175);
}

#[test]
fn a_file_that_was_rewritten_is_refused() {
    let site = Site::new();
    site.write("news.yaml", WORKFLOW);
    site.write("in/a.jsonl", lines(0..100));
    run(&site, 100, 100);
    site.write("in/a.jsonl", lines(500..650));
    site.run(&["run", "news.yaml", "--progress", "none"]).code(1).says("a.jsonl").says("help:");
    assert_eq!(site.number("out.db", "SELECT count(*) FROM news"), Some(100));
}
