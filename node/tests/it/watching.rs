//! Runs that go on for the files that come.

use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::site::Site;

const WORKFLOW: &str = "workflow:\n  name: inbox\n  commit_interval: 20ms\n  source: { type: file, config: { path: \
     'in-*.jsonl', watch: 50ms } }\n  transformations: []\n  destination: { type: sqlite, config: { path: out.db, \
     table: rows } }\n";

/// Writes a file that was last written to a minute ago.
fn put(site: &Site, name: &str, ids: std::ops::Range<u64>) {
    let text: String = ids.map(|id| format!("{{\"id\":{id}}}\n")).collect();
    site.write(".new", text);
    let file = std::fs::File::options().append(true).open(site.path(".new")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    std::fs::rename(site.path(".new"), site.path(name)).unwrap();
}

fn rows(site: &Site) -> Option<i64> {
    site.number("out.db", "SELECT count(DISTINCT id) FROM rows WHERE (SELECT count(*) FROM rows) <= 1000")
}

#[test]
fn files_that_come_are_read_once_also_by_the_next_process() {
    let site = Site::new();
    site.write("inbox.yaml", WORKFLOW);
    let args = ["run", "inbox.yaml", "--progress", "none"];
    let mut running = site.start(&args);
    put(&site, "in-1.jsonl", 0..100);
    running.until("the first file", || rows(&site) == Some(100));
    put(&site, "in-2.jsonl", 100..250);
    put(&site, "in-0.jsonl", 250..300);
    running.until("two more", || rows(&site) == Some(300));
    running.signal(Signal::TERM);
    assert_eq!(running.end().code, Some(143));
    put(&site, "in-3.jsonl", 300..400);
    let mut running = site.start(&args);
    running.until("what came meanwhile", || rows(&site) == Some(400));
    put(&site, "in-4.jsonl", 400..500);
    running.until("what came then", || rows(&site) == Some(500));
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    put(&site, "in-5.jsonl", 500..600);
    let mut running = site.start(&args);
    running.until("everything", || rows(&site) == Some(600));
    running.signal(Signal::TERM);
    running.end().says("stopped; the next run continues here");
    assert_eq!(site.number("out.db", "SELECT count(*) FROM rows"), Some(600));
}
