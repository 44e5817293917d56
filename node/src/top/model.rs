use std::collections::HashMap;
use std::time::Duration;

use etl_api::model::{NodeState, RunTarget};
use uuid::Uuid;

use super::key::Key;
use super::rows::{self, Quiet, Row};
use super::snapshot::Snapshot;
use crate::view::{plural, printable};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    /// Nodes and runs.
    Cluster,
    /// The partitions of a run.
    Run(Uuid),
}

/// By which column a table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    pub column: usize,
    pub is_reversed: bool,
}

/// What is shown, and what was chosen. Knows neither terminal nor network.
pub(crate) struct Model {
    now: Option<Snapshot>,
    before: Option<Snapshot>,
    /// Why the last look has failed.
    trouble: Option<String>,
    pub(super) screen: Screen,
    pub(super) chosen: usize,
    runs_by: Sorting,
    partitions_by: Sorting,
    quiet: Quiet,
    silence: HashMap<Uuid, Duration>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            now: None,
            before: None,
            trouble: None,
            screen: Screen::Cluster,
            chosen: 0,
            runs_by: Sorting { column: 3, is_reversed: true },
            partitions_by: Sorting { column: 4, is_reversed: true },
            quiet: Quiet::default(),
            silence: HashMap::new(),
        }
    }
}

impl Model {
    /// Takes in what was seen, or why nothing was.
    pub fn look(&mut self, seen: Result<Snapshot, String>) {
        match seen {
            Err(why) => self.trouble = Some(why),
            Ok(snapshot) => {
                self.silence = self.quiet.look(&snapshot);
                self.before = self.now.replace(snapshot);
                self.trouble = None;
                self.chosen = self.chosen.min(self.rows().len().saturating_sub(1));
            }
        }
    }

    /// Acts on a key; whether it goes on.
    pub fn press(&mut self, key: Key) -> bool {
        let rows = self.rows();
        match key {
            Key::Quit => return false,
            Key::Up => self.chosen = self.chosen.saturating_sub(1),
            Key::Down => self.chosen = (self.chosen + 1).min(rows.len().saturating_sub(1)),
            Key::Enter => {
                let run = rows.get(self.chosen).and_then(|row| Uuid::parse_str(&row.key).ok());
                if let (Screen::Cluster, Some(run)) = (self.screen, run) {
                    (self.screen, self.chosen) = (Screen::Run(run), 0);
                }
            }
            Key::Back => {
                if let Screen::Run(run) = self.screen {
                    self.screen = Screen::Cluster;
                    let place = self.rows().iter().position(|row| row.key == run.to_string());
                    self.chosen = place.unwrap_or(0);
                }
            }
            Key::Sort => {
                let columns = self.columns().len();
                let sorting = self.sorting_mut();
                sorting.column = (sorting.column + 1) % columns;
            }
            Key::Reverse => {
                let sorting = self.sorting_mut();
                sorting.is_reversed = !sorting.is_reversed;
            }
        }
        true
    }

    /// The run whose partitions are wanted.
    pub fn wanted(&self) -> Option<RunTarget> {
        match self.screen {
            Screen::Cluster => None,
            Screen::Run(run) => Some(RunTarget::Run(run)),
        }
    }

    fn sorting_mut(&mut self) -> &mut Sorting {
        match self.screen {
            Screen::Cluster => &mut self.runs_by,
            Screen::Run(_) => &mut self.partitions_by,
        }
    }

    pub(super) fn sorting(&self) -> Sorting {
        match self.screen {
            Screen::Cluster => self.runs_by,
            Screen::Run(_) => self.partitions_by,
        }
    }

    /// Of the table that can be chosen from.
    pub(super) fn columns(&self) -> [&'static str; 7] {
        match self.screen {
            Screen::Cluster => rows::RUNS,
            Screen::Run(_) => rows::PARTITIONS,
        }
    }

    /// The rows of that table, sorted.
    pub(super) fn rows(&self) -> Vec<Row> {
        let Some(now) = &self.now else { return Vec::new() };
        let mut rows = match self.screen {
            Screen::Cluster => rows::runs(now, self.before.as_ref(), &self.silence),
            Screen::Run(run) if now.partitions.as_ref().is_some_and(|listed| listed.run == run) => {
                rows::partitions(now, self.before.as_ref())
            }
            Screen::Run(_) => Vec::new(),
        };
        let Sorting { column, is_reversed } = self.sorting();
        rows.sort_by(|one, other| match (one.cells.get(column), other.cells.get(column)) {
            (Some(one), Some(other)) if is_reversed => other.order.cmp(&one.order),
            (Some(one), Some(other)) => one.order.cmp(&other.order),
            _ => std::cmp::Ordering::Equal,
        });
        rows
    }

    pub(super) fn nodes(&self) -> Vec<Row> {
        self.now.as_ref().map(|now| rows::nodes(&now.status)).unwrap_or_default()
    }

    /// The first line.
    pub(super) fn headline(&self) -> String {
        let Some(now) = &self.now else {
            return "looking for the cluster".to_owned();
        };
        let status = &now.status;
        let leader = match status.leader {
            Some(leader) => format!("node {leader} leads term {}", status.term),
            None => "no leader".to_owned(),
        };
        let up = status.nodes.iter().filter(|node| node.state == NodeState::Up).count();
        let all = status.nodes.iter().filter(|node| node.state != NodeState::Removed).count();
        let problems = plural(status.problems.len() as u64, "problem");
        format!("{leader}, {up} of {all} nodes are up, {problems}")
    }

    /// The second line: which run is looked at.
    pub(super) fn place(&self) -> String {
        match (self.screen, &self.now) {
            (Screen::Run(run), Some(now)) => {
                let of = now.runs.iter().find(|view| view.summary.run == run);
                let workflow = of.map_or("?", |view| view.summary.workflow.as_str());
                format!("run {run} of {}", printable(workflow))
            }
            _ => String::new(),
        }
    }

    /// What is wrong: with the last look, else with the cluster, else with the chosen row.
    pub(super) fn trouble(&self) -> Option<String> {
        if let Some(trouble) = &self.trouble {
            return Some(printable(trouble));
        }
        let now = self.now.as_ref()?;
        let rows = self.rows();
        let chosen = rows.get(self.chosen)?;
        let told = match self.screen {
            Screen::Cluster => {
                let run = now.runs.iter().find(|run| run.summary.run.to_string() == chosen.key)?;
                run.summary.message.clone()
            }
            Screen::Run(_) => {
                let listed = now.partitions.as_ref()?;
                let partition =
                    listed.partitions.iter().find(|known| known.index.to_string() == chosen.key)?;
                partition.waits_for.clone()
            }
        };
        let told = told.or_else(|| now.status.problems.first().map(|problem| problem.message.clone()))?;
        Some(printable(told.lines().next().unwrap_or_default()))
    }
}
