use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use etl_model::{Marker, PartitionId, Position, Route, RunId, StepName, SyncMode, WorkflowName};
use serde::Serialize;

use crate::error::StateError;
use crate::lock::DirectoryLock;
use crate::records::{ActiveRun, End, WorkflowRecord, now};
use crate::run_handle::RunHandle;
use crate::store::{Changes, DATABASE, Store};

/// A state directory in exclusive use by this process.
pub struct LocalState {
    store: Store,
    directory: PathBuf,
    _lock: DirectoryLock,
}

/// How a run is begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BeginOptions {
    /// Abandon an interrupted run instead of continuing it.
    pub restart: bool,
    /// Continue an interrupted run although the workflow's meaning has changed.
    pub accept_changes: bool,
    /// What a new run reads.
    pub sync: SyncMode,
    /// The values of the workflow's parameters; one that goes on has its own.
    pub parameters: BTreeMap<String, String>,
}

/// A run that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// The run.
    pub run: RunId,
    /// The values of the workflow's parameters that it was started with.
    pub parameters: BTreeMap<String, String>,
}

/// A run that may now be carried out.
pub struct Begun {
    /// The run.
    pub run: RunId,
    /// Whether it was interrupted before and goes on.
    pub continued: bool,
    /// Seconds since 1970.
    pub started: u64,
    /// Runs that have ended or were abandoned: their markers may be replaced.
    pub replaces: Vec<RunId>,
    /// Where its partitions begin when not at their beginning.
    pub starts: HashMap<(StepName, PartitionId), Position>,
    /// Its epochs and checkpoints.
    pub handle: RunHandle,
}

/// A run as `checkpoint show` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// Seconds since 1970.
    pub started: u64,
    /// The last checkpoint of every route.
    pub routes: Vec<(Route, Marker)>,
}

/// A workflow as `checkpoint show` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowSummary {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The run that is not complete.
    pub interrupted: Option<RunSummary>,
    /// Completed runs.
    pub completed: usize,
    /// Abandoned runs.
    pub abandoned: usize,
    /// Where the next incremental run begins.
    pub positions: Vec<(StepName, PartitionId, Position)>,
}

fn workflow_key(workflow: &WorkflowName) -> String {
    format!("workflow/{workflow}")
}

impl LocalState {
    /// Whether a directory has state of this kind.
    pub fn is_at(directory: &Path) -> bool {
        directory.join(DATABASE).is_dir()
    }

    /// Opens a state directory, creating it if needed. Fails when another process uses it.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| StateError::Io { path: directory.to_path_buf(), source })?;
        let lock = DirectoryLock::take(directory)?;
        Ok(Self { store: Store::open(directory)?, directory: directory.to_path_buf(), _lock: lock })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The run of a workflow that is not complete.
    pub fn interrupted(&self, workflow: &WorkflowName) -> Result<Option<Interrupted>, StateError> {
        let record: WorkflowRecord = self.store.get(&workflow_key(workflow))?.unwrap_or_default();
        Ok(record.active.map(|active| Interrupted { run: active.run, parameters: active.parameters }))
    }

    /// The sources of the interrupted run of a workflow with partitions that are not done.
    pub fn open_sources(&self, workflow: &WorkflowName) -> Result<BTreeSet<StepName>, StateError> {
        let Some(Interrupted { run, .. }) = self.interrupted(workflow)? else { return Ok(BTreeSet::new()) };
        let handle = RunHandle::new(self.store.clone(), workflow.clone(), run);
        let mut is_done: BTreeMap<(StepName, String), bool> = BTreeMap::new();
        for (route, marker) in handle.checkpoints()? {
            *is_done.entry((route.source, route.partition.0)).or_insert(true) &= marker.done;
        }
        let open = handle.numbered()?.into_iter().filter(|(source, partition)| {
            !is_done.get(&(source.clone(), partition.0.clone())).copied().unwrap_or(false)
        });
        Ok(open.map(|(source, _)| source).collect())
    }

    /// The last run of a workflow that has ended or was abandoned.
    pub fn last_run(&self, workflow: &WorkflowName) -> Result<Option<RunId>, StateError> {
        let record: WorkflowRecord = self.store.get(&workflow_key(workflow))?.unwrap_or_default();
        Ok(record.past.last().map(|past| past.run))
    }

    /// Continues the interrupted run of a workflow, or begins a new one. Durable when it returns.
    pub fn begin(
        &self,
        workflow: &WorkflowName,
        meaning: &str,
        options: BeginOptions,
    ) -> Result<Begun, StateError> {
        let key = workflow_key(workflow);
        let mut record: WorkflowRecord = self.store.get(&key)?.unwrap_or_default();
        let mut changes = Changes::default();
        if options.restart {
            record.retire(End::Abandoned);
        }
        let continued = match &mut record.active {
            Some(active) if active.meaning != meaning && !options.accept_changes => {
                return Err(StateError::Changed { run: active.run });
            }
            Some(active) => {
                meaning.clone_into(&mut active.meaning);
                true
            }
            None => {
                record.active = Some(ActiveRun {
                    run: RunId::generate(),
                    meaning: meaning.to_owned(),
                    started: now(),
                    incremental: options.sync == SyncMode::Incremental,
                    parameters: options.parameters,
                });
                false
            }
        };
        changes.put(&key, &record);
        self.store.apply(changes)?;
        let (run, started, incremental) =
            record.active.as_ref().map_or((RunId::generate(), now(), false), |active| {
                (active.run, active.started, active.incremental)
            });
        let starts = match incremental {
            true => {
                self.positions(workflow)?.into_iter().map(|(s, p, position)| ((s, p), position)).collect()
            }
            false => HashMap::new(),
        };
        let replaces = record.past.iter().map(|past| past.run).collect();
        let handle = RunHandle::new(self.store.clone(), workflow.clone(), run);
        Ok(Begun { run, continued, started, replaces, starts, handle })
    }

    /// Marks the workflow's active run as completed and remembers where an incremental run goes on.
    pub fn complete(&self, workflow: &WorkflowName) -> Result<(), StateError> {
        let key = workflow_key(workflow);
        let mut record: WorkflowRecord = self.store.get(&key)?.unwrap_or_default();
        let Some(active) = record.active.clone() else { return Ok(()) };
        let handle = RunHandle::new(self.store.clone(), workflow.clone(), active.run);
        let mut changes = Changes::default();
        if !active.incremental {
            // It has read everything: positions of partitions that were cut differently mean nothing any more.
            for (source, partition, _) in self.positions(workflow)? {
                changes.remove(&format!("position/{workflow}/{source}/{partition}"));
            }
        }
        for (route, marker) in handle.checkpoints()? {
            if let Some(position) = &marker.position {
                changes.put(&format!("position/{workflow}/{}/{}", route.source, route.partition), position);
            }
            changes.remove(&handle.checkpoint_key(&route));
        }
        for partition in handle.numbered()? {
            changes.remove(&handle.partition_key(&partition));
        }
        record.retire(End::Completed);
        changes.put(&key, &record);
        self.store.apply(changes)
    }

    fn positions(
        &self,
        workflow: &WorkflowName,
    ) -> Result<Vec<(StepName, PartitionId, Position)>, StateError> {
        let listed = self.store.list::<Position>(&format!("position/{workflow}/"))?;
        Ok(listed
            .into_iter()
            .filter_map(|(key, position)| {
                let (source, partition) = key.split_once('/')?;
                Some((StepName::new(source).ok()?, PartitionId(partition.to_owned()), position))
            })
            .collect())
    }

    /// Everything that is known, by workflow.
    pub fn summaries(&self) -> Result<Vec<WorkflowSummary>, StateError> {
        let mut summaries = Vec::new();
        for (name, record) in self.store.list::<WorkflowRecord>("workflow/")? {
            let Ok(workflow) = WorkflowName::new(&name) else { continue };
            let interrupted = match &record.active {
                Some(active) => {
                    let handle = RunHandle::new(self.store.clone(), workflow.clone(), active.run);
                    Some(RunSummary {
                        run: active.run,
                        started: active.started,
                        routes: handle.checkpoints()?,
                    })
                }
                None => None,
            };
            let count = |end| record.past.iter().filter(|past| past.end == end).count();
            summaries.push(WorkflowSummary {
                interrupted,
                completed: count(End::Completed),
                abandoned: count(End::Abandoned),
                positions: self.positions(&workflow)?,
                workflow,
            });
        }
        Ok(summaries)
    }

    /// Abandons the interrupted run of a workflow and forgets where an incremental run would go on. Ownership numbers
    /// are kept, so that destinations still tell this node's runs apart. Returns whether there was anything.
    pub fn reset(&self, workflow: &WorkflowName) -> Result<bool, StateError> {
        let key = workflow_key(workflow);
        let Some(mut record) = self.store.get::<WorkflowRecord>(&key)? else { return Ok(false) };
        let mut changes = Changes::default();
        let positions = self.positions(workflow)?;
        let anything = record.active.is_some() || !positions.is_empty();
        for (source, partition, _) in positions {
            changes.remove(&format!("position/{workflow}/{source}/{partition}"));
        }
        record.retire(End::Abandoned);
        changes.put(&key, &record);
        self.store.apply(changes)?;
        Ok(anything)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_engine::{PartitionNumbers, RunState};
    use etl_model::{Counters, Shard};

    use super::*;

    fn workflow() -> WorkflowName {
        WorkflowName::new("orders").unwrap()
    }

    fn route(partition: &str) -> Route {
        Route {
            workflow: workflow(),
            source: StepName::new("source").unwrap(),
            partition: PartitionId(partition.to_owned()),
            destination: StepName::new("destination").unwrap(),
            shard: None,
        }
    }

    fn marker(run: RunId, seq: u64, next: u64) -> Marker {
        let position = Some(Position { next, cursor: serde_json::Value::Null });
        Marker { run, epoch: 1, seq, position, counters: Counters::default(), done: false }
    }

    #[test]
    fn an_interrupted_run_goes_on_and_a_completed_one_starts_anew() {
        let directory = tempfile::tempdir().unwrap();
        let first = {
            let state = LocalState::open(directory.path()).unwrap();
            let begun = state.begin(&workflow(), "m1", BeginOptions::default()).unwrap();
            assert!(!begun.continued);
            let stored = begun.handle.store_checkpoints(&[(route("a/b c"), marker(begun.run, 3, 99))]);
            assert!(stored.iter().all(Result::is_ok));
            begun.run
        };
        let state = LocalState::open(directory.path()).unwrap();
        let again = state.begin(&workflow(), "m1", BeginOptions::default()).unwrap();
        assert!(again.continued);
        assert_eq!(again.run, first);
        assert_eq!(again.handle.checkpoint(&route("a/b c")).unwrap(), Some(marker(first, 3, 99)));
        state.complete(&workflow()).unwrap();
        let incremental = BeginOptions { sync: SyncMode::Incremental, ..BeginOptions::default() };
        let next = state.begin(&workflow(), "m1", incremental).unwrap();
        assert!(!next.continued && next.run != first);
        assert_eq!(next.replaces, [first]);
        assert_eq!(next.starts.values().map(|p| p.next).collect::<Vec<_>>(), [99]);
        assert_eq!(next.handle.checkpoint(&route("a/b c")).unwrap(), None);
    }

    #[test]
    fn shards_have_checkpoints_of_their_own_and_all_go_when_the_run_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let state = LocalState::open(directory.path()).unwrap();
        let begun = state.begin(&workflow(), "m", BeginOptions::default()).unwrap();
        let of = |number| Route { shard: Some(Shard::new(number, 2).unwrap()), ..route("a/b.c") };
        let stored: Vec<_> = [(of(0), 10), (of(1), 20), (route("a/b.c"), 30)]
            .map(|(route, next)| (route, marker(begun.run, 1, next)))
            .into();
        assert!(begun.handle.store_checkpoints(&stored).iter().all(Result::is_ok));
        assert_eq!(begun.handle.checkpoint(&of(1)).unwrap(), Some(marker(begun.run, 1, 20)));
        let mut found = begun.handle.checkpoints().unwrap();
        found.sort_by_key(|(route, _)| route.shard.is_none().then_some(2).or(route.shard.map(Shard::number)));
        assert_eq!(found, stored);
        state.complete(&workflow()).unwrap();
        assert_eq!(begun.handle.checkpoints().unwrap(), []);
        assert_eq!(state.last_run(&workflow()).unwrap(), Some(begun.run));
    }

    #[test]
    fn a_changed_workflow_is_asked_about() {
        let directory = tempfile::tempdir().unwrap();
        let state = LocalState::open(directory.path()).unwrap();
        let run = state.begin(&workflow(), "m1", BeginOptions::default()).unwrap().run;
        let changed = state.begin(&workflow(), "m2", BeginOptions::default());
        assert!(matches!(changed, Err(StateError::Changed { run: found }) if found == run));
        let accept = BeginOptions { accept_changes: true, ..BeginOptions::default() };
        assert_eq!(state.begin(&workflow(), "m2", accept).unwrap().run, run);
        assert_eq!(state.begin(&workflow(), "m2", BeginOptions::default()).unwrap().run, run);
        let restart = BeginOptions { restart: true, ..BeginOptions::default() };
        let new = state.begin(&workflow(), "m3", restart).unwrap();
        assert!(new.run != run && new.replaces == [run]);
    }

    #[test]
    fn an_interrupted_run_keeps_its_parameters_and_old_records_have_none() {
        let directory = tempfile::tempdir().unwrap();
        let state = LocalState::open(directory.path()).unwrap();
        let day = |day: &str| BTreeMap::from([("day".to_owned(), day.to_owned())]);
        let options = |text| BeginOptions { parameters: day(text), ..BeginOptions::default() };
        let begun = state.begin(&workflow(), "m", options("2026-11-01")).unwrap();
        state.begin(&workflow(), "m", options("2026-11-02")).unwrap();
        let interrupted = state.interrupted(&workflow()).unwrap();
        assert_eq!(interrupted, Some(Interrupted { run: begun.run, parameters: day("2026-11-01") }));
        state.complete(&workflow()).unwrap();
        assert_eq!(state.interrupted(&workflow()).unwrap(), None);
        let old =
            r#"{"run":"01920000-0000-7000-8000-000000000007","meaning":"m","started":1,"incremental":false}"#;
        let old: ActiveRun = serde_json::from_str(old).unwrap();
        assert_eq!(old.parameters, BTreeMap::new());
        assert_eq!(serde_json::to_value(&old).unwrap().as_object().unwrap().len(), 4, "as it was written");
    }

    #[test]
    fn a_second_process_is_refused_with_the_pid_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let _state = LocalState::open(directory.path()).unwrap();
        let refused = LocalState::open(directory.path()).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "state directory {} is in use by process {}",
                directory.path().display(),
                std::process::id()
            )
        );
    }

    #[test]
    fn epochs_only_rise_also_over_reset_and_restart() {
        let directory = tempfile::tempdir().unwrap();
        let state = LocalState::open(directory.path()).unwrap();
        let (source, partition) = (StepName::new("source").unwrap(), PartitionId("p".to_owned()));
        let raise = |options| {
            let begun = state.begin(&workflow(), "m", options).unwrap();
            begun.handle.raise_epoch(&source, &partition).unwrap()
        };
        assert_eq!(raise(BeginOptions::default()), 1);
        assert_eq!(raise(BeginOptions { restart: true, ..BeginOptions::default() }), 2);
        assert!(state.reset(&workflow()).unwrap());
        assert_eq!(raise(BeginOptions::default()), 3);
    }

    #[test]
    fn partitions_keep_their_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let state = LocalState::open(directory.path()).unwrap();
        let begun = state.begin(&workflow(), "m", BeginOptions::default()).unwrap();
        let of = |ids: &[&str]| {
            let partitions: Vec<_> = ids
                .iter()
                .map(|id| (StepName::new("source").unwrap(), PartitionId((*id).to_owned())))
                .collect();
            begun.handle.number_partitions(&partitions).unwrap()
        };
        assert_eq!(of(&["b", "d"]), [0, 1]);
        assert_eq!(of(&["a", "b", "c", "d"]), [2, 0, 3, 1]);
    }
}
