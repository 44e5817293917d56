use std::collections::{BTreeMap, BTreeSet};

use etl_proto::admin as wire;
use etl_raft_state::command::{ResumeRun, StartRun};
use etl_raft_state::parts::{Run, RunPhase};
use etl_raft_state::{Rejection, Response, State};
use uuid::Uuid;

use super::Shared;
use super::lint::Nature;
use super::run_target::{acted_on, request_id, session, unknown_workflow};
use super::ties::Tied;
use super::workflows::unexpected;
use crate::model::{Finding, RunOptions, Severity, StartedRun};
use crate::refusal::{Kind, Refusal};

/// How often a state that others change at the same time is read again.
const ATTEMPTS: usize = 5;

/// What is known of a workflow that is to run.
struct Standing {
    /// The version in force.
    version: u64,
    /// Its document.
    document: String,
    active: Option<Active>,
}

/// The unfinished run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Active {
    run: Uuid,
    is_halted: bool,
    version: u64,
    /// Of that version.
    document: String,
    tied: Tied,
    /// The values it was started with.
    parameters: BTreeMap<String, String>,
    /// Those of which it has something left to read.
    sources: BTreeSet<String>,
    /// Whether it has read some partition to its end.
    is_partly_done: bool,
}

/// What has been there before this attempt of a request.
enum Found {
    /// The request has started this run before.
    Started(StartedRun),
    /// The request has acted on this run, which has that version.
    Continued(Uuid, u64),
    Standing(Standing),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A new run begins, perhaps in the place of another.
    Start { replaces: Option<Uuid> },
    /// The halted run goes on as it is.
    Continue(Active),
    /// The run goes on, halted or not, if the new version of its workflow lets it.
    Compare(Active),
}

impl Shared {
    pub(super) async fn run_workflow(
        &self,
        request: wire::RunWorkflowRequest,
    ) -> Result<StartedRun, Refusal> {
        let wire::RunWorkflowRequest {
            name,
            expected_version,
            restart,
            accept_changes,
            request_id: id,
            parameters,
        } = request;
        let id = request_id(&id)?;
        let parameters: BTreeMap<String, String> = parameters.into_iter().collect();
        let options = RunOptions { expected_version, restart, accept_changes, parameters };
        if restart && accept_changes {
            let message = "a run either starts over or continues with changes, not both";
            return Err(Refusal::new(Kind::Invalid, "invalid_request", message));
        }
        // A run's id sorts by when it was started.
        let new_run = id.unwrap_or_else(Uuid::now_v7);
        for _ in 0..ATTEMPTS {
            let workflow = name.clone();
            let found = self.consensus.read(move |state| Found::read(state, &workflow, id)).await??;
            let standing = match found {
                Found::Started(started) => return Ok(started),
                Found::Continued(run, version) => return self.resume(id, run, version, false).await,
                Found::Standing(standing) => standing,
            };
            let replaces = match decide(&name, &standing, &options)? {
                Step::Continue(active) => {
                    self.check_parameters(&name, &active, &options.parameters).await?;
                    return self.resume(id, active.run, standing.version, false).await;
                }
                Step::Compare(active) => {
                    self.check_parameters(&name, &active, &options.parameters).await?;
                    self.compare(&name, &standing, &active, options.accept_changes).await?;
                    return self.resume(id, active.run, standing.version, options.accept_changes).await;
                }
                Step::Start { replaces } => replaces,
            };
            let nature = self.linter.nature(standing.document, options.parameters.clone()).await?;
            let Nature { ties, parameters, .. } = nature.map_err(not_valid)?;
            let Tied { pinned, hosts } = ties.seen_from(self.leaders.me());
            let command = StartRun {
                run: new_run,
                workflow: name.clone(),
                expected_version: Some(standing.version),
                replaces,
                pinned,
                hosts,
                parameters,
            };
            match self.proposed(new_run, self.consensus.write(command)).await?.into_result() {
                Ok(Response::RunStarted { version }) => {
                    tracing::info!(run = %new_run, workflow = name, version, "the run begins, as was asked for here");
                    return Ok(StartedRun { run: new_run, version, continued: false });
                }
                Ok(other) => return Err(unexpected(&other)),
                // Another change came between; on what is there now it may be decided otherwise.
                Err(Rejection::RunConflict { .. } | Rejection::VersionConflict { .. }) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
        let message = format!("workflow `{name}` and its runs are being changed by others at the same time");
        Err(Refusal::new(Kind::Conflict, "conflict", message).help("try again"))
    }

    /// Lets a run go on with a version of its workflow, also while it runs when that one `takes_over`.
    async fn resume(
        &self,
        request: Option<Uuid>,
        run: Uuid,
        version: u64,
        takes_over: bool,
    ) -> Result<StartedRun, Refusal> {
        let written = self.write(session(request, run), ResumeRun { run, version, takes_over }.into());
        match self.proposed(run, written).await? {
            Response::Done => {
                tracing::info!(%run, version, "the run goes on, as was asked for here");
                Ok(StartedRun { run, version, continued: true })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Whether a run may go on with the version in force, which is another than its own.
    async fn compare(
        &self,
        name: &str,
        standing: &Standing,
        active: &Active,
        accept_changes: bool,
    ) -> Result<(), Refusal> {
        let nature = |document: &str| self.linter.nature(document.to_owned(), active.parameters.clone());
        let now = nature(&standing.document).await?.map_err(not_valid)?;
        let then = nature(&active.document).await?.ok();
        judge(name, standing.version, active, &now, then.as_ref(), accept_changes)
    }
}

impl Shared {
    /// Refuses other values than those that a halted run has.
    async fn check_parameters(
        &self,
        name: &str,
        active: &Active,
        given: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        if given.is_empty() {
            return Ok(());
        }
        let own = active.parameters.clone();
        let mut asked = own.clone();
        asked.extend(given.clone());
        let nature = |parameters| self.linter.nature(active.document.clone(), parameters);
        // In the one form of each value.
        let asked = nature(asked).await?.map_err(not_valid)?.parameters;
        let has = nature(own).await?.map_err(not_valid)?.parameters;
        judge_parameters(name, active.run, &has, &asked)
    }
}

/// A document that is not valid with the values that are given; mostly it is one of these.
fn not_valid(findings: Vec<Finding>) -> Refusal {
    /// What is wrong with parameters and their values.
    const CODES: [&str; 3] = ["E024", "E025", "E026"];
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let Some(first) =
        errors.clone().next().filter(|_| errors.clone().all(|found| CODES.contains(&found.code.as_str())))
    else {
        return Refusal::invalid_workflow(findings);
    };
    let refusal =
        Refusal::new(Kind::Invalid, "invalid_parameters", format!("{} {}", first.code, first.message));
    match &first.help {
        Some(help) => refusal.help(help.clone()),
        None => refusal,
    }
}

/// Whether a run that has these values may go on when it is asked for those.
fn judge_parameters(
    name: &str,
    run: Uuid,
    has: &BTreeMap<String, String>,
    asked: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let other = asked.iter().find(|(parameter, value)| has.get(*parameter) != Some(*value));
    let Some((parameter, value)) = other else { return Ok(()) };
    let known = has.get(parameter).map_or("no value", String::as_str);
    let message =
        format!("run {run} of `{name}` was started with {parameter}={known}, not with {parameter}={value}");
    Err(Refusal::new(Kind::Precondition, "parameters_changed", message).help(format!(
        "continue it without `--param` by `workflow run {name}`, or start over with other values by `workflow run {name} \
         --restart --param {parameter}={value}`"
    )))
}

impl Found {
    fn read(state: &State, name: &str, request: Option<Uuid>) -> Result<Self, Refusal> {
        let runs = state.runs();
        let own = request.and_then(|id| Some((id, runs.get(id).filter(|run| run.workflow == name)?)));
        if let Some((run, Run { version, .. })) = own {
            return Ok(Self::Started(StartedRun { run, version: *version, continued: false }));
        }
        if let Some(run) = acted_on(state, name, request)
            && let Some(known) = runs.get(run)
        {
            return Ok(Self::Continued(run, known.version));
        }
        let workflow = state.workflows().get(name).ok_or_else(|| unknown_workflow(name))?;
        let document = |hash| state.workflows().document(hash).unwrap_or_default().to_owned();
        let active = runs.active(name).and_then(|run| Some((run, runs.get(run)?)));
        let active = active.map(|(run, known)| Active {
            run,
            is_halted: matches!(known.phase, RunPhase::Halted(_)),
            version: known.version,
            document: document(&known.hash),
            tied: Tied { pinned: known.pinned, hosts: known.hosts.clone() },
            parameters: known.parameters.clone(),
            sources: state
                .partitions()
                .of_run(run)
                .filter(|(_, partition)| !partition.done)
                .map(|(key, _)| key.source.clone())
                .collect(),
            is_partly_done: state.partitions().of_run(run).any(|(_, partition)| partition.done),
        });
        let (version, document) = (workflow.version, document(&workflow.hash));
        Ok(Self::Standing(Standing { version, document, active }))
    }
}

fn decide(name: &str, standing: &Standing, options: &RunOptions) -> Result<Step, Refusal> {
    if let Some(expected) = options.expected_version
        && expected != standing.version
    {
        return Err(Refusal::version_conflict(name, expected, standing.version)
            .help("look at what is in force, then run it with its version"));
    }
    match &standing.active {
        None => Ok(Step::Start { replaces: None }),
        Some(active) if options.restart => Ok(Step::Start { replaces: Some(active.run) }),
        Some(active) if !active.is_halted && options.accept_changes && active.version != standing.version => {
            Ok(Step::Compare(active.clone()))
        }
        Some(active) if !active.is_halted && active.version != standing.version => {
            let (run, before, version) = (active.run, active.version, standing.version);
            let message = format!("workflow `{name}` is running already, with version {before}: run {run}");
            Err(Refusal::new(Kind::Precondition, "run_active", message).help(format!(
                "let version {version} take over from where it is with `workflow run {name} --accept-changes`, halt it with \
                 `workflow pause {name}`, or end it with `workflow stop {name}`"
            )))
        }
        Some(active) if !active.is_halted => {
            let message = format!("workflow `{name}` is running already: run {}", active.run);
            Err(Refusal::new(Kind::Precondition, "run_active", message).help(format!(
                "see how it is with `runs watch {name}`, halt it with `workflow pause {name}`, or end it with \
                 `workflow stop {name}`"
            )))
        }
        Some(active) if active.version == standing.version => Ok(Step::Continue(active.clone())),
        Some(active) => Ok(Step::Compare(active.clone())),
    }
}

/// Whether a run may go on with another version than its own, of which `then` is known unless this software
/// cannot read it any more.
fn judge(
    name: &str,
    version: u64,
    active: &Active,
    now: &Nature,
    then: Option<&Nature>,
    accept_changes: bool,
) -> Result<(), Refusal> {
    let Active { run, version: before, .. } = active;
    if !now.ties.fit(&active.tied) {
        let message = format!(
            "version {version} of workflow `{name}` is tied to one machine by its files or `placement`, and run {run} with \
             version {before} may be on several or has others"
        );
        return Err(Refusal::new(Kind::Precondition, "workflow_changed", message).help(format!(
            "continue with version {before} by `workflow resume {name}`, or start over by `workflow run {name} --restart`"
        )));
    }
    if let Some(source) = active.sources.difference(&now.sources).next() {
        let message = format!(
            "version {version} of workflow `{name}` has no source `{source}`, of which run {run} with version {before} has \
             partitions that are not done"
        );
        return Err(Refusal::new(Kind::Precondition, "workflow_changed", message).help(format!(
            "put the source back, continue with version {before} by `workflow resume {name}`, or start over without it by \
             `workflow run {name} --restart`"
        )));
    }
    let then_to = then.map(|then| &then.destinations);
    if active.is_partly_done
        && let Some(destination) = then_to.and_then(|then| now.destinations.difference(then).next())
    {
        let message = format!(
            "version {version} of workflow `{name}` has the new destination `{destination}`, which would not get what run {run} \
             with version {before} has read to its end"
        );
        return Err(Refusal::new(Kind::Precondition, "workflow_changed", message).help(format!(
            "apply it when the run is over, go on with version {before} by `workflow resume {name}`, or start over by \
             `workflow run {name} --restart`"
        )));
    }
    if accept_changes || then.is_some_and(|then| then.meaning == now.meaning) {
        return Ok(());
    }
    let message = format!(
        "workflow `{name}` means something else since run {run} was halted: that has version {before}, version {version} \
         is in force"
    );
    Err(Refusal::new(Kind::Precondition, "workflow_changed", message).help(format!(
        "continue with version {version} by `workflow run {name} --accept-changes`, with version {before} by \
         `workflow resume {name}`, or start over by `workflow run {name} --restart`"
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::service::ties::{Tie, Ties};

    fn active(is_halted: bool, version: u64) -> Active {
        Active {
            run: Uuid::from_u128(7),
            is_halted,
            version,
            document: String::new(),
            tied: Tied::default(),
            parameters: BTreeMap::new(),
            sources: BTreeSet::new(),
            is_partly_done: false,
        }
    }

    fn standing(active: Option<Active>) -> Standing {
        Standing { version: 3, document: String::new(), active }
    }

    fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        let refusal = result.unwrap_err();
        assert!(refusal.help.is_some(), "{refusal:?}");
        refusal.code
    }

    #[test]
    fn what_is_done_depends_on_the_unfinished_run() {
        let options = RunOptions::default();
        let restart = RunOptions { restart: true, ..options.clone() };
        let run = Uuid::from_u128(7);
        let decide = |active, options: &RunOptions| decide("orders", &standing(active), options);
        assert_eq!(decide(None, &options), Ok(Step::Start { replaces: None }));
        assert_eq!(decide(None, &restart), Ok(Step::Start { replaces: None }));
        let accept = RunOptions { accept_changes: true, ..options.clone() };
        assert_eq!(code(decide(Some(active(false, 3)), &options)), "run_active");
        assert_eq!(code(decide(Some(active(false, 2)), &options)), "run_active");
        assert_eq!(code(decide(Some(active(false, 3)), &accept)), "run_active");
        assert_eq!(decide(Some(active(false, 2)), &accept), Ok(Step::Compare(active(false, 2))));
        for is_halted in [false, true] {
            let replaced = decide(Some(active(is_halted, 2)), &restart);
            assert_eq!(replaced, Ok(Step::Start { replaces: Some(run) }));
        }
        assert_eq!(decide(Some(active(true, 3)), &options), Ok(Step::Continue(active(true, 3))));
        assert_eq!(decide(Some(active(true, 2)), &options), Ok(Step::Compare(active(true, 2))));
        for expected in [2, 4, 0] {
            let options = RunOptions { expected_version: Some(expected), ..restart.clone() };
            assert_eq!(code(decide(None, &options)), "version_conflict");
        }
        let options = RunOptions { expected_version: Some(3), ..options };
        assert_eq!(decide(None, &options), Ok(Step::Start { replaces: None }));
    }

    #[test]
    fn a_halted_run_goes_on_with_what_means_the_same_or_is_accepted() {
        let nature = |meaning: &str, partitions| {
            let ties = Ties { partitions, ..Ties::default() };
            let sources = ["in".to_owned()].into();
            let destinations = ["out".to_owned()].into();
            Nature { meaning: meaning.to_owned(), ties, parameters: BTreeMap::new(), sources, destinations }
        };
        let (a, b) = (nature("a", None), nature("b", None));
        let judge = |now, then, accept| judge("orders", 3, &active(true, 2), now, then, accept);
        assert_eq!(judge(&a, Some(&a), false), Ok(()));
        assert_eq!(judge(&b, Some(&a), true), Ok(()));
        assert_eq!(judge(&a, None, true), Ok(()));
        assert_eq!(code(judge(&b, Some(&a), false)), "workflow_changed");
        assert_eq!(code(judge(&a, None, false)), "workflow_changed");
        let local = nature("b", Some(Tie::Asked));
        assert_eq!(code(judge(&local, Some(&a), true)), "workflow_changed");
        let tied = Tied { pinned: Some(1), ..Tied::default() };
        let pinned = Active { tied, ..active(true, 2) };
        assert_eq!(super::judge("orders", 3, &pinned, &local, Some(&local), false), Ok(()));
        let refusal = super::judge("orders", 3, &active(true, 2), &b, Some(&a), false).unwrap_err();
        let help = refusal.help.unwrap();
        for way in ["--accept-changes", "--restart", "workflow resume orders"] {
            assert!(help.contains(way), "{help}");
        }
    }

    #[test]
    fn a_run_does_not_go_on_without_a_source_that_it_has_not_read_to_its_end() {
        let nature = |sources: &[&str]| Nature {
            meaning: "a".to_owned(),
            ties: Ties::default(),
            parameters: BTreeMap::new(),
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            destinations: BTreeSet::new(),
        };
        let reads = |sources: &[&str]| Active { sources: nature(sources).sources, ..active(true, 2) };
        for (open, now) in [(&["in"][..], &["in", "more"][..]), (&[], &["more"])] {
            assert_eq!(judge("orders", 3, &reads(open), &nature(now), None, true), Ok(()));
        }
        let refusal = judge("orders", 3, &reads(&["in", "old"]), &nature(&["in"]), None, true).unwrap_err();
        assert!(refusal.message.contains("no source `old`"), "{}", refusal.message);
        assert!(refusal.help.unwrap().contains("workflow run orders --restart"));
    }

    #[test]
    fn a_destination_comes_only_to_a_run_that_can_give_everything_to_it() {
        let nature = |destinations: &[&str]| Nature {
            meaning: "a".to_owned(),
            ties: Ties::default(),
            parameters: BTreeMap::new(),
            sources: BTreeSet::new(),
            destinations: destinations.iter().map(|destination| (*destination).to_owned()).collect(),
        };
        let (one, two) = (nature(&["out"]), nature(&["out", "more"]));
        let judge = |is_partly_done, now, then| {
            judge("orders", 3, &Active { is_partly_done, ..active(false, 2) }, now, Some(then), true)
        };
        assert_eq!(judge(false, &two, &one), Ok(()));
        assert_eq!(judge(true, &one, &two), Ok(()));
        let refusal = judge(true, &two, &one).unwrap_err();
        assert!(refusal.message.contains("new destination `more`"), "{}", refusal.message);
        assert!(refusal.help.unwrap().contains("workflow run orders --restart"));
    }

    #[test]
    fn a_run_keeps_the_values_it_was_started_with() {
        let values = |day: &str| BTreeMap::from([("day".to_owned(), day.to_owned())]);
        let run = Uuid::from_u128(7);
        let judge =
            |asked: &BTreeMap<String, String>| judge_parameters("orders", run, &values("2026-11-01"), asked);
        assert_eq!(judge(&values("2026-11-01")), Ok(()));
        let refusal = judge(&values("2026-11-02")).unwrap_err();
        assert!(refusal.message.contains("day=2026-11-01, not with day=2026-11-02"), "{}", refusal.message);
        assert!(refusal.help.unwrap().contains("--restart --param day=2026-11-02"));
    }
}
