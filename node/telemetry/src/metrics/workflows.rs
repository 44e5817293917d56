use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::instruments::{Instruments, Labels};
use super::run_meters::RunMeters;

/// How long the series of a workflow stay after its last run here: several scrapes, so that what it did last is seen.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// Workflows that have series of their own; the rest shares those of [`OTHERS`].
const MOST: usize = 1000;
/// What all further workflows are counted as. No workflow has such a name.
const OTHERS: &str = "(others)";

/// The workflows that have series, and the runs that count for them.
#[derive(Default)]
pub(crate) struct Workflows {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Default)]
struct Known {
    runs: Vec<Weak<RunMeters>>,
    series: BTreeSet<(&'static str, Labels)>,
    /// Since when nothing of it runs here, as was seen.
    idle: Option<Instant>,
}

impl Workflows {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of the label for a workflow, which is known from now on.
    pub fn label(&self, workflow: &str, instruments: &Instruments) -> String {
        let mut known = self.known();
        if !known.contains_key(workflow) && known.len() >= MOST {
            let gone = known.iter_mut().find(|(_, of)| of.idle.is_some() && !of.is_running());
            let gone = gone.map(|(name, _)| name.clone());
            match gone.and_then(|name| known.remove(&name)) {
                Some(gone) => gone.remove_from(instruments),
                None => {
                    known.entry(OTHERS.to_owned()).or_default();
                    return OTHERS.to_owned();
                }
            }
        }
        known.entry(workflow.to_owned()).or_default();
        workflow.to_owned()
    }

    /// A run counts for a workflow, in these series.
    pub fn add(&self, label: &str, run: &Arc<RunMeters>, series: BTreeSet<(&'static str, Labels)>) {
        let mut known = self.known();
        let of = known.entry(label.to_owned()).or_default();
        of.runs.retain(|run| run.strong_count() > 0);
        of.runs.push(Arc::downgrade(run));
        of.series.extend(series);
        of.idle = None;
    }

    /// The runs that are alive, by workflow; forgets workflows that have been idle for long.
    pub fn look(&self, now: Instant, instruments: &Instruments) -> Vec<(String, Vec<Arc<RunMeters>>)> {
        let mut known = self.known();
        let mut alive = Vec::new();
        known.retain(|name, of| {
            of.runs.retain(|run| run.strong_count() > 0);
            let runs: Vec<_> = of.runs.iter().filter_map(Weak::upgrade).collect();
            if !runs.is_empty() {
                of.idle = None;
                alive.push((name.clone(), runs));
                return true;
            }
            let since = *of.idle.get_or_insert(now);
            let stays = now.saturating_duration_since(since) < KEPT;
            if !stays {
                of.remove_from(instruments);
            }
            stays
        });
        alive
    }
}

impl Known {
    fn is_running(&self) -> bool {
        self.runs.iter().any(|run| run.strong_count() > 0)
    }

    fn remove_from(&self, instruments: &Instruments) {
        for (metric, labels) in &self.series {
            instruments.remove(metric, labels);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::metrics::{Sample, StepFacts, StepRole};

    use super::*;

    fn text(instruments: &Instruments) -> String {
        instruments.text(Sample::default()).unwrap()
    }

    fn meters(workflows: &Workflows, instruments: &Arc<Instruments>, name: &str) -> Arc<RunMeters> {
        let steps =
            [StepFacts { name: "in".to_owned(), connector: "file".to_owned(), role: StepRole::Source }];
        RunMeters::begin(workflows, instruments, name, &steps)
    }

    #[test]
    fn the_series_of_a_workflow_go_a_while_after_its_last_run() {
        let (workflows, instruments) = (Workflows::default(), Arc::new(Instruments::new()));
        let run = meters(&workflows, &instruments, "orders");
        let now = Instant::now();
        assert_eq!(workflows.look(now + KEPT * 2, &instruments).len(), 1, "it runs");
        drop(run);
        assert!(workflows.look(now + KEPT * 2, &instruments).is_empty());
        assert!(text(&instruments).contains("workflow=\"orders\""), "it has ended just now");
        let again = meters(&workflows, &instruments, "orders");
        assert_eq!(workflows.look(now + KEPT * 4, &instruments).len(), 1);
        drop(again);
        workflows.look(now + KEPT * 4, &instruments);
        workflows.look(now + KEPT * 5, &instruments);
        assert!(!text(&instruments).contains("orders"), "{}", text(&instruments));
    }

    #[test]
    fn there_is_a_bound_to_workflows_with_series_of_their_own() {
        let (workflows, instruments) = (Workflows::default(), Arc::new(Instruments::new()));
        let runs: Vec<_> =
            (0..MOST + 5).map(|n| meters(&workflows, &instruments, &format!("w{n}"))).collect();
        let named = |name: &str| text(&instruments).contains(&format!("workflow=\"{name}\""));
        assert!(named("w0") && named("(others)") && !named(&format!("w{MOST}")));
        drop(runs);
        workflows.look(Instant::now(), &instruments);
        let _next = meters(&workflows, &instruments, "next");
        assert!(named("next"), "one that is idle makes room");
    }
}
