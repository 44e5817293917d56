use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Row as TableRow, Table, TableState};

use super::key::HELP;
use super::model::{Model, Screen};
use super::rows::{NODES, Row};

/// Nodes that are shown at most, so that runs have room.
const MOST_NODES: u16 = 7;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws everything anew.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let nodes = model.nodes();
    let node_lines = match model.screen {
        Screen::Cluster => u16::try_from(nodes.len()).unwrap_or(u16::MAX).min(MOST_NODES).saturating_add(2),
        Screen::Run(_) => 0,
    };
    let [head, above, below, trouble, help] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(node_lines),
        Constraint::Min(3),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let headlines = vec![Line::styled(model.headline(), BOLD), Line::raw(model.place())];
    frame.render_widget(Paragraph::new(headlines), head);
    if node_lines > 0 {
        let header = NODES.iter().map(|name| (*name).to_owned()).collect();
        draw_table(frame, above, header, &nodes, NODE_WIDTHS, None);
    }
    let sorting = model.sorting();
    let marked = |(column, name): (usize, &&str)| match (column == sorting.column, sorting.is_reversed) {
        (true, true) => format!("{name} v"),
        (true, false) => format!("{name} ^"),
        (false, _) => (*name).to_owned(),
    };
    let header = model.columns().iter().enumerate().map(marked).collect();
    let rows = model.rows();
    let widths = match model.screen {
        Screen::Cluster => RUN_WIDTHS,
        Screen::Run(_) => PARTITION_WIDTHS,
    };
    draw_table(frame, below, header, &rows, widths, Some(model.chosen));
    frame.render_widget(Paragraph::new(model.trouble().unwrap_or_default()), trouble);
    frame.render_widget(Paragraph::new(HELP), help);
}

/// Widths with which everything fits into 80 columns.
const NODE_WIDTHS: [Constraint; 7] = [
    Constraint::Length(6),
    Constraint::Length(8),
    Constraint::Length(9),
    Constraint::Length(11),
    Constraint::Length(9),
    Constraint::Length(8),
    Constraint::Length(10),
];
const RUN_WIDTHS: [Constraint; 7] = [
    Constraint::Min(17),
    Constraint::Length(9),
    Constraint::Length(13),
    Constraint::Length(9),
    Constraint::Length(11),
    Constraint::Length(7),
    Constraint::Length(8),
];
const PARTITION_WIDTHS: [Constraint; 7] = [
    Constraint::Min(23),
    Constraint::Length(9),
    Constraint::Length(6),
    Constraint::Length(13),
    Constraint::Length(9),
    Constraint::Length(9),
    Constraint::Length(5),
];

fn draw_table(
    frame: &mut Frame<'_>,
    area: Rect,
    header: Vec<String>,
    rows: &[Row],
    widths: [Constraint; 7],
    chosen: Option<usize>,
) {
    let is_number: Vec<bool> = match rows.first() {
        Some(row) => {
            row.cells.iter().map(|cell| matches!(cell.order, super::rows::Order::Number(_))).collect()
        }
        None => Vec::new(),
    };
    let aligned = |column: usize, text: String| match is_number.get(column) {
        Some(true) => Text::from(Line::from(text).right_aligned()),
        _ => Text::from(text),
    };
    let header: Vec<Text<'_>> =
        header.into_iter().enumerate().map(|(column, text)| aligned(column, text)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.cells.iter().enumerate().map(|(column, cell)| aligned(column, cell.text.clone()));
        TableRow::new(cells.collect::<Vec<_>>())
    });
    let table = Table::new(lines, widths)
        .header(TableRow::new(header).style(BOLD))
        .column_spacing(1)
        .row_highlight_style(REVERSED);
    let mut state = TableState::default().with_selected(chosen.filter(|_| !rows.is_empty()));
    frame.render_stateful_widget(table, area, &mut state);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use etl_api::model::{
        AssignmentState, AssignmentView, ClusterStatus, Consistency, NodeState, NodeStatus, PartitionCounts,
        PartitionProgress, PartitionView, Problem, Role, RouteTotals, RunPartitions, RunPhase, RunSummary,
        RunView,
    };
    use etl_model::Counters;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use uuid::Uuid;

    use super::super::key::Key;
    use super::super::snapshot::Snapshot;
    use super::*;

    fn node(id: u64, role: Role) -> NodeStatus {
        NodeStatus {
            id,
            raft_address: String::new(),
            admin_address: String::new(),
            role: Some(role),
            state: NodeState::Up,
            software_version: String::new(),
            feature_level: 1,
            zone: String::new(),
            lag: Some(id),
            silent_ms: Some(120),
            applied_index: None,
            disk_free_bytes: Some(500),
            disk_total_bytes: Some(1000),
            log_bytes: None,
            state_bytes: None,
            partitions: id * 2,
            store: Uuid::nil(),
        }
    }

    fn run(number: u128, workflow: &str, phase: RunPhase, read: u64) -> RunView {
        let counters =
            Counters { read, delivered: read / 2, dead_lettered: 3, failed: 1, ..Counters::default() };
        let mut view = crate::view::sample_run(phase);
        view.summary = RunSummary {
            run: Uuid::from_u128(number),
            workflow: workflow.to_owned(),
            message: (phase == RunPhase::Failed).then(|| "the disk is full\nof node 2".to_owned()),
            partitions: PartitionCounts { total: 9, open: 5, assigned: 3, complete: false },
            ..view.summary
        };
        view.routes = vec![RouteTotals { source: "in".to_owned(), destination: "out".to_owned(), counters }];
        view
    }

    fn partition(index: u64, read: u64) -> PartitionView {
        let progress = PartitionProgress {
            destination: "out".to_owned(),
            unit: 1,
            position: read,
            counters: Counters { read, ..Counters::default() },
            done: false,
            at_ms: 1_000_000,
        };
        PartitionView {
            source: "in".to_owned(),
            partition: format!("part-{index}"),
            index,
            done: false,
            assignment: Some(AssignmentView {
                owner: 2,
                epoch: 1,
                state: AssignmentState::Assigned,
                claimed: true,
                since_ms: 0,
            }),
            progress: Some(progress),
            bytes: None,
            records: Some(5000),
            waits_for: None,
        }
    }

    fn snapshot(after: Duration, read: u64) -> Snapshot {
        let status = ClusterStatus {
            cluster: Uuid::nil(),
            leader: Some(2),
            term: 5,
            committed_index: 1,
            last_index: 1,
            applied_index: 1,
            feature_level: 1,
            joint: false,
            quorum_silent_ms: None,
            answered_by: 2,
            consistency: Consistency::Linearizable,
            nodes: vec![node(1, Role::Voter), node(2, Role::Leader)],
            problems: vec![Problem {
                code: "two_voters".to_owned(),
                message: "two nodes vote".to_owned(),
                remedy: String::new(),
                node: None,
            }],
        };
        let runs = vec![
            run(1, "orders", RunPhase::Running, read),
            run(2, "invoices", RunPhase::Failed, 7),
            run(3, "a-workflow-with-a-very-long-name", RunPhase::Running, read * 3),
        ];
        Snapshot {
            at: START.with(|start| *start) + after,
            now_ms: 1_090_000,
            status,
            runs,
            partitions: Some(RunPartitions {
                run: Uuid::from_u128(3),
                workflow: "orders".to_owned(),
                partitions: vec![partition(0, read), partition(1, 2 * read)],
            }),
        }
    }

    thread_local! {
        static START: Instant = Instant::now();
    }

    fn shown(model: &Model) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, model)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y: u16| (0..80).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..24).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn looked() -> Model {
        let mut model = Model::default();
        model.look(Ok(snapshot(Duration::ZERO, 1000)));
        model.look(Ok(snapshot(Duration::from_secs(2), 3000)));
        model
    }

    fn words(line: &str) -> Vec<&str> {
        line.split_whitespace().collect()
    }

    #[test]
    fn nodes_and_runs_fit_on_a_small_terminal() {
        let lines = shown(&looked());
        assert_eq!(lines[0], "node 2 leads term 5, 2 of 2 nodes are up, 1 problem");
        assert_eq!(
            words(&lines[2]),
            ["NODE", "ROLE", "STATE", "PARTITIONS", "BEHIND", "HEARD", "DISK", "FREE"]
        );
        assert_eq!(words(&lines[4]), ["2", "leader", "up", "4", "2", "120ms", "50", "%"]);
        assert_eq!(words(&lines[6])[..6], ["WORKFLOW", "STATE", "DONE", "READ/S", "v", "WRITTEN/S"]);
        let longest = words(&lines[7]);
        assert!(longest[0].starts_with("a-workflow-with"), "{lines:#?}");
        assert_eq!(longest[1..], ["running", "4/9+", "3,000", "1,500", "0s", "4"]);
        assert_eq!(words(&lines[8]), ["orders", "running", "4/9+", "1,000", "500", "0s", "4"]);
        assert_eq!(words(&lines[9]), ["invoices", "failed", "4/9+", "-", "-", "-", "4"]);
        assert_eq!(lines[22], "two nodes vote");
        assert_eq!(lines[23], HELP);
        assert!(HELP.len() <= 80 && lines.iter().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn keys_sort_and_go_into_a_run_and_back() {
        let mut model = looked();
        for _ in 0..4 {
            assert!(model.press(Key::Sort));
        }
        model.press(Key::Reverse);
        assert_eq!(words(&shown(&model)[7])[0], "a-workflow-with-a", "by name, {:#?}", shown(&model));
        model.press(Key::Down);
        assert!(shown(&model)[22].starts_with("the disk is full"), "of the chosen run: {:#?}", shown(&model));
        model.press(Key::Up);
        model.press(Key::Up);
        model.press(Key::Enter);
        assert_eq!(model.wanted().unwrap().to_string(), Uuid::from_u128(3).to_string());
        let lines = shown(&model);
        let place = format!("run {} of a-workflow-with-a-very-long-name", Uuid::from_u128(3));
        assert_eq!(lines[1], place);
        assert_eq!(words(&lines[3]), ["in", "part-1", "running", "2", "6,000", "2,000", "0", "90s"]);
        assert_eq!(words(&lines[4]), ["in", "part-0", "running", "2", "3,000", "1,000", "2,000", "90s"]);
        model.press(Key::Back);
        assert_eq!(model.wanted(), None);
        assert!(!model.press(Key::Quit));
    }

    #[test]
    fn a_cluster_that_does_not_answer_is_told_beside_what_was_seen_last() {
        let mut model = Model::default();
        assert_eq!(shown(&model)[0], "looking for the cluster");
        model.press(Key::Enter);
        model.press(Key::Down);
        model.look(Err("no server could be reached\x1b[2J".to_owned()));
        assert!(shown(&model)[22].starts_with("no server could be reached\\u{1b}"), "{:#?}", shown(&model));
        let mut model = looked();
        model.look(Err("gone".to_owned()));
        let lines = shown(&model);
        assert!(lines[0].starts_with("node 2 leads") && lines[22] == "gone", "{lines:#?}");
        model.look(Ok(snapshot(Duration::from_secs(9), 3000)));
        assert_eq!(words(&shown(&model)[7])[3..6], ["0", "0", "7s"], "nothing has come for so long");
    }
}
