use std::collections::BTreeMap;
use std::path::Path;

use etl_engine::DeadLetter;
use etl_model::{PartitionId, RunId, StepName, WorkflowName};
use etl_state::{DeadLetterFiles, LetterFile, LocalState, StateError};

use crate::arguments::LetterKind;

/// Letters of a run that a step has set aside with one code, in their order: a partition of a replay. Their run is complete, so
/// that they stay as they are.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub run: RunId,
    pub step: StepName,
    pub code: String,
    pub letters: u64,
    pub files: Vec<LetterFile>,
}

/// Which letters are replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Of this run alone.
    pub run: Option<RunId>,
    /// Of this run, and of the replays after it.
    pub since: Option<RunId>,
    pub kind: LetterKind,
}

impl Selection {
    fn has_run(&self, run: RunId, is_replay: bool) -> bool {
        let is_since = |first: RunId| if is_replay { first <= run } else { first == run };
        self.run.is_none_or(|only| only == run) && self.since.is_none_or(is_since)
    }
}

impl Group {
    /// The partition that it is.
    pub fn partition(&self) -> PartitionId {
        partition(self.run, &self.code)
    }

    /// Whether a letter is one of it.
    pub fn has(&self, letter: &DeadLetter) -> bool {
        letter.step == self.step && letter.error.code == self.code
    }
}

fn partition(run: RunId, code: &str) -> PartitionId {
    PartitionId(format!("{run}/{code}"))
}

/// The workflow that a replay is: it has runs, markers and letters of its own.
pub(super) fn replay_name(workflow: &WorkflowName) -> Result<WorkflowName, etl_model::InvalidName> {
    WorkflowName::new(&format!("{workflow}-replay"))
}

/// The source of the letters that a step gets again.
pub(super) fn source_name(step: &StepName) -> Result<StepName, etl_model::InvalidName> {
    StepName::new(&format!("letters-{step}"))
}

/// The letters of a workflow and of its replays, in this order of the names, that are meant, by step, run and code.
///
/// # Errors
/// They cannot be read.
pub(super) fn groups(
    directory: &Path,
    workflows: [&WorkflowName; 2],
    selection: &Selection,
) -> Result<Vec<Group>, StateError> {
    let store = DeadLetterFiles::new(directory);
    let mut groups: BTreeMap<(StepName, RunId, String), Group> = BTreeMap::new();
    for (is_replay, workflow) in [false, true].into_iter().zip(workflows) {
        for file in
            store.files(Some(workflow))?.into_iter().filter(|file| selection.has_run(file.run, is_replay))
        {
            for letter in file.read()?.into_iter().filter(|letter| selection.kind.has(letter)) {
                let (run, step, code) = (file.run, letter.step, letter.error.code);
                let empty =
                    || Group { run, step: step.clone(), code: code.clone(), letters: 0, files: Vec::new() };
                let group = groups.entry((step.clone(), run, code.clone())).or_insert_with(empty);
                group.letters += 1;
                if group.files.last() != Some(&file) {
                    group.files.push(file.clone());
                }
            }
        }
    }
    Ok(groups.into_values().collect())
}

/// How many letters have been replayed, from the first on.
pub(super) struct Replayed(BTreeMap<(StepName, PartitionId), u64>);

impl Replayed {
    /// What completed replays of a workflow have delivered or set aside again.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn of(state: &LocalState, replay: &WorkflowName) -> Result<Self, StateError> {
        let summaries = state.summaries()?;
        let found = summaries.into_iter().filter(|summary| summary.workflow == *replay);
        let positions = found.flat_map(|summary| summary.positions);
        Ok(Self(positions.map(|(source, partition, at)| ((source, partition), at.next)).collect()))
    }

    /// Of the letters of a run at a step with a code.
    pub fn count(&self, step: &StepName, run: RunId, code: &str) -> u64 {
        let place = source_name(step).ok().map(|source| (source, partition(run, code)));
        place.and_then(|place| self.0.get(&place).copied()).unwrap_or(0)
    }
}
