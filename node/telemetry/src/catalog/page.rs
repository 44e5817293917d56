use super::{ALL, Group, Kind, Metric};

/// The page about all metrics, in Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         `/metrics` of a node (`node start --http-listen`, 127.0.0.1:7003 unless told otherwise) and of a run without a \
         cluster (`run --http-listen`), in the text format of OpenMetrics 1.0, which Prometheus reads.\n\n\
         Names stay; labels are only added. No label has more values than there are workflows, steps and nodes: ten \
         thousand partitions are as many series as one. The series of a workflow go a quarter of an hour after its last \
         run here has ended. This page is made from the table in `src/catalog/entries.rs`; a test compares the two.\n",
    );
    for group in Group::ALL {
        page.push_str(&format!("\n## {}\n\n", heading(group)));
        page.push_str("| name | type | labels | what it says |\n|---|---|---|---|\n");
        for metric in ALL.iter().filter(|metric| metric.group == group) {
            page.push_str(&row(metric));
        }
    }
    page
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Performance => "Performance: throughput, latency, use of resources",
        Group::Operational => "Operational: what succeeds and fails, how the cluster is",
        Group::Business => "Business: records and bytes moved",
    }
}

fn row(metric: &Metric) -> String {
    let Metric { name, kind, labels, help, .. } = metric;
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    let buckets = match kind {
        Kind::Histogram(buckets) => {
            let ends: Vec<String> = buckets.0.iter().map(f64::to_string).collect();
            format!("; buckets end at {}", ends.join(", "))
        }
        _ => String::new(),
    };
    format!("| `{name}` | {} | {} | {help}{buckets} |\n", kind.as_str(), labels.join(" "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_is_the_one_that_is_checked_in() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        if std::env::var_os("ACTIX_ETL_BLESS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let known = std::fs::read_to_string(path).unwrap();
        assert!(
            known == page(),
            "run the tests of etl-telemetry with ACTIX_ETL_BLESS=1 and look at the difference"
        );
    }

    #[test]
    fn names_follow_the_conventions() {
        let mut seen = BTreeSet::new();
        for metric in ALL {
            let Metric { name, kind, labels, help, .. } = **metric;
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("actix_etl_") || name.starts_with("process_"), "{name}");
            let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(plain(name) && labels.iter().all(|label| plain(label)), "{name}");
            assert_eq!(name.ends_with("_total"), kind.as_str() == "counter", "{name}");
            let is_timed = matches!(kind, Kind::SecondsCounter | Kind::Histogram(_));
            assert!(!is_timed || metric.unit() == Some("seconds"), "{name}");
            assert!(!labels.iter().any(|label| ["partition", "run", "le"].contains(label)), "{name}");
            assert!(!help.ends_with('.') && !help.contains('|'), "{name}");
            if let Kind::Histogram(buckets) = kind {
                assert!(buckets.0.is_sorted() && buckets.0.len() < 20, "{name}");
            }
        }
    }
}
