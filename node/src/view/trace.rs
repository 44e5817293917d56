use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use etl_api::model::{RunTrace, SpanEventView, SpanView};
use etl_telemetry::{KeptEvent, KeptSpan};

use super::{plural, printable};

/// Columns of the names, tree included.
const NAME: usize = 44;

/// A span of this process as one of a node; the number of the node is put in by who knows it.
pub(crate) fn span_view(span: KeptSpan) -> SpanView {
    let event = |KeptEvent { name, at_us, attributes }| SpanEventView { name, at_us, attributes };
    SpanView {
        node: 0,
        trace: span.trace,
        span: span.span,
        parent: span.parent,
        name: span.name,
        kind: span.kind.to_owned(),
        start_us: span.start_us,
        end_us: span.end_us,
        attributes: span.attributes,
        events: span.events.into_iter().map(event).collect(),
        links: span.links,
        failed: span.failed,
    }
}

/// The last `limit` traces of a run.
pub(crate) fn last_traces(trace: &RunTrace, limit: usize) -> Vec<Vec<&SpanView>> {
    let mut by_trace: BTreeMap<&str, Vec<&SpanView>> = BTreeMap::new();
    for span in &trace.spans {
        by_trace.entry(&span.trace).or_default().push(span);
    }
    let mut traces: Vec<Vec<&SpanView>> = by_trace.into_values().collect();
    traces.sort_by_key(|spans| spans.iter().map(|span| span.start_us).min());
    traces.split_off(traces.len().saturating_sub(limit))
}

/// Shows the last `limit` traces of a run as trees.
pub(crate) fn write_trace(out: &mut impl Write, trace: &RunTrace, limit: usize) -> io::Result<()> {
    let traces = last_traces(trace, limit);
    if traces.is_empty() {
        writeln!(out, "run {} of {}: no span is kept", trace.run, trace.workflow)?;
    }
    for spans in traces {
        write_tree(out, &spans)?;
    }
    Ok(())
}

fn write_tree(out: &mut impl Write, spans: &[&SpanView]) -> io::Result<()> {
    let begin = spans.iter().map(|span| span.start_us).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.end_us).max().unwrap_or(0);
    let nodes: BTreeSet<u64> = spans.iter().map(|span| span.node).filter(|node| *node > 0).collect();
    let on = match nodes.is_empty() {
        true => String::new(),
        false => {
            let nodes: Vec<String> = nodes.iter().map(u64::to_string).collect();
            format!(" on node {}", nodes.join(", "))
        }
    };
    let id = spans.first().map_or("", |span| span.trace.as_str());
    let count = plural(spans.len() as u64, "span");
    writeln!(out, "trace {}: {count}{on}, {}", printable(id), millis(end.saturating_sub(begin)))?;
    let known: BTreeSet<&str> = spans.iter().map(|span| span.span.as_str()).collect();
    let mut children: HashMap<&str, Vec<&SpanView>> = HashMap::new();
    let mut roots = Vec::new();
    for span in spans {
        // What has caused it may not be kept any more. No span is its own ancestor in what this program makes.
        match span.parent.as_deref().filter(|parent| known.contains(parent) && *parent != span.span) {
            Some(parent) => children.entry(parent).or_default().push(span),
            None => roots.push(*span),
        }
    }
    let tree = Tree { begin, children };
    let mut seen = BTreeSet::new();
    for root in roots {
        tree.write(out, root, "  ", "", &mut seen)?;
    }
    Ok(())
}

struct Tree<'a> {
    begin: u64,
    children: HashMap<&'a str, Vec<&'a SpanView>>,
}

impl<'a> Tree<'a> {
    fn write(
        &self,
        out: &mut impl Write,
        span: &'a SpanView,
        indent: &str,
        branch: &str,
        seen: &mut BTreeSet<&'a str>,
    ) -> io::Result<()> {
        if !seen.insert(&span.span) {
            return Ok(());
        }
        let name = format!("{indent}{branch}{}", printable(&span.name));
        let node = if span.node > 0 { format!("  node {}", span.node) } else { String::new() };
        let linked = match span.links.len() {
            0 => String::new(),
            more => format!("  with {more} more"),
        };
        writeln!(
            out,
            "{name:<NAME$} +{:>9} {:>10}{node}{}{linked}{}",
            millis(span.start_us.saturating_sub(self.begin)),
            millis(span.end_us.saturating_sub(span.start_us)),
            facts(span),
            span.failed.as_deref().map_or_else(String::new, |why| format!("  FAILED: {}", printable(why)))
        )?;
        let deeper = match branch {
            "" => indent.to_owned(),
            "└─ " => format!("{indent}   "),
            _ => format!("{indent}│  "),
        };
        for event in span.events.iter().filter(|event| event.name != "exception") {
            let at = event.at_us.saturating_sub(self.begin);
            writeln!(out, "{:<NAME$} +{:>9}", format!("{deeper}* {}", printable(&event.name)), millis(at))?;
        }
        let children = self.children.get(span.span.as_str()).map_or(&[][..], Vec::as_slice);
        for (number, child) in children.iter().enumerate() {
            let branch = if number + 1 == children.len() { "└─ " } else { "├─ " };
            self.write(out, child, &deeper, branch, seen)?;
        }
        Ok(())
    }
}

/// What tells most of a span.
fn facts(span: &SpanView) -> String {
    let value = |name: &str| {
        span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| printable(value))
    };
    let told = [("etl.records", "records"), ("etl.bytes", "bytes"), ("db.system.name", "db")];
    told.iter().filter_map(|(name, short)| Some(format!("  {short}={}", value(name)?))).collect()
}

fn millis(micros: u64) -> String {
    format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn span(
        node: u64,
        id: &str,
        parent: Option<&str>,
        name: &str,
        (start_us, end_us): (u64, u64),
    ) -> SpanView {
        SpanView {
            node,
            trace: "4bf9".to_owned(),
            span: id.to_owned(),
            parent: parent.map(str::to_owned),
            name: name.to_owned(),
            kind: "internal".to_owned(),
            start_us,
            end_us,
            attributes: vec![("etl.records".to_owned(), "10".to_owned())],
            events: Vec::new(),
            links: Vec::new(),
            failed: None,
        }
    }

    fn text(spans: Vec<SpanView>, limit: usize) -> String {
        let trace = RunTrace { run: Uuid::nil(), workflow: "orders".to_owned(), spans, silent: Vec::new() };
        let mut out = Vec::new();
        write_trace(&mut out, &trace, limit).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_trace_is_a_tree_over_nodes() {
        let mut commit = span(2, "d", Some("c"), "commit out", (3000, 4500));
        commit.failed = Some("no\nroom".to_owned());
        let shown = text(
            vec![
                span(1, "a", None, "read in", (0, 1000)),
                span(1, "b", Some("a"), "decode in", (1000, 2000)),
                span(1, "c", Some("a"), "write out", (2000, 5000)),
                commit,
            ],
            5,
        );
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0].join(" "), "trace 4bf9: 4 spans on node 1, 2, 5.0 ms");
        assert_eq!(lines[1].join(" "), "read in + 0.0 ms 1.0 ms node 1 records=10");
        assert_eq!(lines[2].join(" "), "├─ decode in + 1.0 ms 1.0 ms node 1 records=10");
        assert_eq!(lines[3].join(" "), "└─ write out + 2.0 ms 3.0 ms node 1 records=10");
        assert_eq!(lines[4].join(" "), "└─ commit out + 3.0 ms 1.5 ms node 2 records=10 FAILED: no\\nroom");
    }

    #[test]
    fn what_does_not_fit_together_is_shown_all_the_same() {
        let circle = vec![span(1, "a", Some("b"), "x", (0, 1)), span(1, "b", Some("a"), "y", (0, 1))];
        assert!(text(circle, 5).contains("2 spans"));
        let orphan = vec![span(1, "a", Some("gone"), "x", (0, 1))];
        assert!(text(orphan, 5).contains("  x "));
        assert!(text(Vec::new(), 5).contains("no span is kept"));
        let mut two = vec![span(1, "a", None, "first", (0, 1)), span(1, "b", None, "second", (5, 6))];
        two[1].trace = "5bf9".to_owned();
        let last = text(two, 1);
        assert!(last.contains("second") && !last.contains("first"), "{last}");
    }
}
