use std::io::{self, Write};

use comfy_table::{Table, presets};
use etl_api::model::HealthReport;

use super::{moment, printable};

/// Shows how everything is, a check a line.
pub(crate) fn write_health(out: &mut impl Write, report: &HealthReport) -> io::Result<()> {
    writeln!(out, "{}\n", report.status.as_str())?;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "COMPONENT",
        "NODE",
        "STATUS",
        "CHECKED (UTC)",
        "DETAILS",
    ]);
    for check in &report.checks {
        table.add_row([
            printable(&check.component),
            check.node.map_or_else(|| "-".to_owned(), |node| node.to_string()),
            check.status.as_str().to_owned(),
            moment(check.last_checked_ms),
            printable(&check.details),
        ]);
    }
    writeln!(out, "{table}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_api::model::{HealthCheck, HealthStatus};

    use super::*;

    #[test]
    fn every_check_is_a_line() {
        let check = |component: &str, status, node| HealthCheck {
            component: component.to_owned(),
            status,
            details: "it is up".to_owned(),
            last_checked_ms: 1_795_386_601_000,
            node,
        };
        let report = HealthReport::of(vec![
            check("consensus", HealthStatus::Healthy, None),
            check("node", HealthStatus::Unhealthy, Some(3)),
        ]);
        let mut out = Vec::new();
        write_health(&mut out, &report).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["unhealthy"]);
        assert_eq!(lines[4], ["node", "3", "unhealthy", "2026-11-22", "22:30:01", "it", "is", "up"]);
    }
}
