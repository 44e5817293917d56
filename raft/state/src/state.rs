use uuid::Uuid;

use crate::command::{Command, Holder};
use crate::digest::Digest;
use crate::encoding_error::EncodingError;
use crate::envelope::Envelope;
use crate::feature_level::FEATURE_LEVEL;
use crate::keys::PartitionKey;
use crate::moment::Moment;
use crate::parts::{
    Assignments, Audit, Checkpoints, Epochs, Meta, Nodes, Partitions, Run, RunOutcome, RunPhase, Runs,
    Schedules, Secrets, Seen, Sessions, Users, Workflows,
};
use crate::rejection::Rejection;
use crate::response::Response;
use crate::table::{Assembler, Rows};

/// Everything that the cluster has agreed on. `default()` is the state before the first entry.
///
/// It is a function of the entries applied to it, in their order: nothing else goes in. A clone shares the values and
/// is cheap enough for a snapshot.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) meta: Meta,
    pub(crate) nodes: Nodes,
    pub(crate) workflows: Workflows,
    pub(crate) schedules: Schedules,
    pub(crate) runs: Runs,
    pub(crate) epochs: Epochs,
    pub(crate) assignments: Assignments,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) secrets: Secrets,
    pub(crate) users: Users,
    pub(crate) audit: Audit,
    pub(crate) sessions: Sessions,
    pub(crate) partitions: Partitions,
}

impl State {
    /// Applies the command of the entry at `index` and gives its answer. Total and deterministic; a refused command
    /// changes nothing but the time, the index and its session.
    pub fn apply(&mut self, index: u64, envelope: &Envelope) -> Response {
        if let Some(last) = self.meta.last_index()
            && index <= last
        {
            return Response::Rejected(Rejection::AlreadyApplied { index, last });
        }
        let at = self.meta.advance(index, envelope.time_ms);
        let clock_ms = self.meta.session_clock_ms();
        self.sessions.drop_idle(clock_ms);
        let Some(session) = &envelope.session else {
            return self.execute(&envelope.command, at);
        };
        match self.sessions.begin(session, clock_ms, at) {
            Seen::Answered(answer) => answer,
            Seen::Expired => {
                let (client, seq) = (session.client, session.seq);
                Response::Rejected(Rejection::SessionExpired { client, seq })
            }
            Seen::New => {
                let answer = self.execute(&envelope.command, at);
                self.sessions.finish(session, answer.clone());
                answer
            }
        }
    }

    /// The rows that have changed since the last call, each with its new value or `None` when it was removed. Values are
    /// below 32 KiB; the first byte of a key is below 32. Replayed in order onto the rows of then they give
    /// [`Self::rows`].
    pub fn take_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut changes = Vec::new();
        for table in self.tables_mut() {
            table.take_changes(&mut changes);
        }
        changes
    }

    /// The whole state as rows, in the order of their keys.
    pub fn rows(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        self.tables().into_iter().flat_map(Rows::rows)
    }

    /// Reads what [`Self::rows`] gave, in the same order. Refuses rows that are damaged, missing, twice there, or of
    /// newer software.
    pub fn load(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<Self, EncodingError> {
        let mut state = Self::default();
        let mut tables = state.tables_mut();
        let mut assembler = Assembler::default();
        let mut last: Option<Vec<u8>> = None;
        for (key, value) in rows {
            if last.as_ref().is_some_and(|last| *last >= key) {
                let problem = "it does not come in the order of the keys".to_owned();
                return Err(EncodingError::Malformed { what: "a row", problem });
            }
            if let Some(whole) = assembler.push(&key, &value)? {
                let Some(table) = tables.iter_mut().find(|table| table.kind() == whole.kind) else {
                    let name = whole.kind.what().to_owned();
                    return Err(EncodingError::Unknown { what: "a row", name });
                };
                table.load(&whole.key, &whole.value, whole.rows)?;
            }
            last = Some(key);
        }
        assembler.finish()?;
        drop(tables);
        state.nodes.index();
        state.runs.index()?;
        state.workflows.index(state.runs.held_documents())?;
        state.sessions.index()?;
        state.assignments.index();
        state.partitions.index()?;
        let level = state.meta.feature_level();
        if level > FEATURE_LEVEL {
            return Err(EncodingError::FeatureLevel { level, known: FEATURE_LEVEL });
        }
        Ok(state)
    }

    /// A stable hash of all rows: nodes that have applied the same entries with the same software have the same.
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for (key, value) in self.rows() {
            digest.add(&key);
            digest.add(&value);
        }
        digest.finish()
    }

    /// Facts about the cluster as a whole.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Every node that was ever admitted.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Workflows, their versions and documents.
    pub fn workflows(&self) -> &Workflows {
        &self.workflows
    }

    /// When workflows start by themselves.
    pub fn schedules(&self) -> &Schedules {
        &self.schedules
    }

    /// Executions of workflows.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The ownership number of every partition.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// What the runs have to read.
    pub fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// Which node holds which partition.
    pub fn assignments(&self) -> &Assignments {
        &self.assignments
    }

    /// How far each route has come.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// Secrets in their envelopes.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Who may use the cluster.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// What was done by whom.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The answers that clients may still ask for again.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    fn execute(&mut self, command: &Command, at: Moment) -> Response {
        match command {
            Command::Batch(commands) => {
                Response::Batch(commands.iter().map(|command| self.execute_one(command, at)).collect())
            }
            command => self.execute_one(command, at),
        }
    }

    fn execute_one(&mut self, command: &Command, at: Moment) -> Response {
        let Some(rule) = command.rule() else {
            return Response::Rejected(Rejection::NestedBatch);
        };
        check_level(rule.feature_level(), self.meta.feature_level())
            .and_then(|()| rule.apply(self, at))
            .into()
    }

    /// Refuses all but the process that holds the coordinator of a run.
    pub(crate) fn check_coordinator(&self, run: Uuid, holder: Holder) -> Result<(), Rejection> {
        self.nodes.present(holder.node)?;
        self.assignments.held_by(&PartitionKey::coordinator(run), holder)?;
        Ok(())
    }

    /// Puts in a new run, whose document is kept until it ends.
    pub(crate) fn start_run(&mut self, id: Uuid, run: Run) {
        self.workflows.hold(run.hash);
        self.runs.set(id, run);
    }

    /// Ends an unfinished run: its assignments go, so that nothing commits for it any more; its checkpoints stay and
    /// partitions stay as long as another run may go on after it.
    pub(crate) fn end_run(&mut self, id: Uuid, outcome: RunOutcome, at: Moment) {
        let Some(run) = self.runs.get(id).cloned() else { return };
        let (workflow, hash) = (run.workflow.clone(), run.hash);
        let earlier: Vec<Uuid> = self.runs.finished(&workflow).map(|(id, _)| id).collect();
        let ended = Run { phase: RunPhase::Finished(outcome), finished_at_ms: Some(at.time_ms), ..run };
        self.runs.set(id, ended);
        self.assignments.remove_run(id);
        self.workflows.release(hash);
        self.runs.drop_oldest(&workflow);
        let keep = self.runs.keep_checkpoints(&workflow);
        for run in earlier.into_iter().chain([id]).filter(|run| !keep.contains(run)) {
            self.checkpoints.remove_run(run);
            self.partitions.remove_run(run);
        }
    }

    /// In the order of their rows.
    fn tables(&self) -> Vec<&dyn Rows> {
        let parts: [&[&dyn Rows]; 13] = [
            &self.meta.tables(),
            &self.nodes.tables(),
            &self.workflows.tables(),
            &self.schedules.tables(),
            &self.runs.tables(),
            &self.epochs.tables(),
            &self.assignments.tables(),
            &self.checkpoints.tables(),
            &self.secrets.tables(),
            &self.users.tables(),
            &self.audit.tables(),
            &self.sessions.tables(),
            &self.partitions.tables(),
        ];
        parts.concat()
    }

    /// In the order of their rows.
    fn tables_mut(&mut self) -> Vec<&mut dyn Rows> {
        let mut tables: Vec<&mut dyn Rows> = Vec::new();
        tables.extend(self.meta.tables_mut());
        tables.extend(self.nodes.tables_mut());
        tables.extend(self.workflows.tables_mut());
        tables.extend(self.schedules.tables_mut());
        tables.extend(self.runs.tables_mut());
        tables.extend(self.epochs.tables_mut());
        tables.extend(self.assignments.tables_mut());
        tables.extend(self.checkpoints.tables_mut());
        tables.extend(self.secrets.tables_mut());
        tables.extend(self.users.tables_mut());
        tables.extend(self.audit.tables_mut());
        tables.extend(self.sessions.tables_mut());
        tables.extend(self.partitions.tables_mut());
        tables
    }
}

/// Refuses a command that a node of the cluster may not know.
fn check_level(needs: u32, cluster: u32) -> Result<(), Rejection> {
    match cluster {
        _ if needs <= cluster => Ok(()),
        0 => Err(Rejection::NotFounded),
        _ => Err(Rejection::FeatureLevel { needs, cluster }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::table::RowKind;

    #[test]
    fn tables_stand_in_the_order_of_their_rows_and_none_is_missing() {
        let mut state = State::default();
        let kinds: Vec<RowKind> = state.tables().iter().map(|table| table.kind()).collect();
        assert_eq!(kinds, RowKind::ALL);
        let kinds: Vec<RowKind> = state.tables_mut().iter().map(|table| table.kind()).collect();
        assert_eq!(kinds, RowKind::ALL);
        assert!(kinds.iter().all(|kind| RowKind::from_byte(kind.byte()) == Some(*kind) && kind.byte() < 32));
    }

    #[test]
    fn a_command_waits_for_the_level_that_all_nodes_have() {
        assert_eq!(check_level(0, 0), Ok(()));
        assert_eq!(check_level(2, 2), Ok(()));
        assert_eq!(check_level(1, 0), Err(Rejection::NotFounded));
        assert_eq!(check_level(2, 1), Err(Rejection::FeatureLevel { needs: 2, cluster: 1 }));
    }

    #[test]
    fn state_of_newer_software_asks_for_an_upgrade() {
        let mut state = State::default();
        state.meta.set_feature_level(FEATURE_LEVEL + 1);
        let error = State::load(state.rows()).map(|_| ()).unwrap_err();
        assert_eq!(error, EncodingError::FeatureLevel { level: FEATURE_LEVEL + 1, known: FEATURE_LEVEL });
        assert!(error.needs_upgrade());
    }
}
