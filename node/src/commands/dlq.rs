mod derived;
mod group;
mod record;
mod replay;
mod source;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::Path;

use comfy_table::{Table, presets};
use etl_engine::DeadLetter;
use etl_model::{RunId, StepName, WorkflowName};
use etl_sdk::Registry;
use etl_state::{DeadLetterFiles, LetterFile, LocalState};
use serde_json::json;

use self::group::{Replayed, replay_name};
use crate::arguments::{DlqCommand, DlqPlace, DlqSelection, Output};
use crate::view::{confirmed, count, plural, print_json, print_json_line, printable};
use crate::workflow_file::local_workflow;
use crate::{Error, Exit};

/// Characters of a record that `show` shows.
const SHOWN: usize = 500;

/// `dlq`.
pub(super) fn dlq(command: &DlqCommand, registry: &Registry, output: Output) -> Result<Exit, Error> {
    match command {
        DlqCommand::List { place, workflow } => list(place, workflow.as_deref(), registry, output),
        DlqCommand::Count(selection) => {
            let mut found = 0;
            each(selection, registry, |_, _| {
                found += 1;
                Ok(true)
            })?;
            match output {
                Output::Json => print_json(&json!({ "letters": found }))?,
                Output::Text => writeln!(stdout().lock(), "{found}")?,
            }
            Ok(Exit::Success)
        }
        DlqCommand::Show { selection, limit } => show(selection, *limit, registry, output),
        DlqCommand::Export { selection, records } => {
            each(selection, registry, |file, letter| {
                match records {
                    true => print_json_line(&letter.error.record)?,
                    false => print_json_line(&document(file, letter))?,
                }
                Ok(true)
            })?;
            Ok(Exit::Success)
        }
        DlqCommand::Replay(arguments) => replay::replay(arguments, registry, output),
        DlqCommand::Discard { place, workflow, run, yes } => {
            discard(place, workflow, run.as_deref(), *yes, registry, output)
        }
    }
}

fn document(file: &LetterFile, letter: &DeadLetter) -> serde_json::Value {
    let LetterFile { workflow, run, source, partition, destination, unit, .. } = file;
    json!({ "workflow": workflow, "run": run, "source": source, "partition": partition,
            "destination": destination, "unit": unit, "letter": letter })
}

/// Calls `see` for the letters that are meant, until it wants no more.
fn each(
    selection: &DlqSelection,
    registry: &Registry,
    mut see: impl FnMut(&LetterFile, &DeadLetter) -> Result<bool, Error>,
) -> Result<(), Error> {
    let DlqSelection { place, workflow, run, kind } = selection;
    let (directory, name) = local_workflow(Some(workflow), place.state_dir.as_deref(), registry)?;
    let run = run.as_deref().map(run_id).transpose()?;
    for file in files(&directory, name.as_ref())? {
        if run.is_some_and(|run| run != file.run) {
            continue;
        }
        for letter in file.read()? {
            if kind.has(&letter) && !see(&file, &letter)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn files(directory: &Path, workflow: Option<&WorkflowName>) -> Result<Vec<LetterFile>, Error> {
    Ok(DeadLetterFiles::new(directory).files(workflow)?)
}

fn run_id(text: &str) -> Result<RunId, Error> {
    RunId::parse(text).map_err(|_| Error::Unknown {
        message: format!("`{text}` is not the id of a run"),
        help: "`actix-etl dlq list` shows the ids".to_owned(),
    })
}

/// How many letters of a sum have been replayed; none where a run has the state, or there is none of this machine.
struct ReplayedLetters(Option<LocalState>, BTreeMap<WorkflowName, Replayed>);

impl ReplayedLetters {
    fn new(directory: &Path) -> Self {
        let state = LocalState::is_at(directory).then(|| LocalState::open(directory).ok());
        Self(state.flatten(), BTreeMap::new())
    }

    fn count(&mut self, workflow: &WorkflowName, step: &StepName, run: RunId, code: &str) -> Option<u64> {
        let state = self.0.as_ref()?;
        // Letters of a replay are taken up by the next one of the same workflow.
        let name = match workflow.as_str().ends_with("-replay") {
            true => workflow.clone(),
            false => replay_name(workflow).ok()?,
        };
        if !self.1.contains_key(&name) {
            self.1.insert(name.clone(), Replayed::of(state, &name).ok()?);
        }
        self.1.get(&name).map(|replayed| replayed.count(step, run, code))
    }
}

/// What has come together: letters, and the last message.
type Sums = BTreeMap<(WorkflowName, RunId, StepName, String), (u64, String)>;

fn list(
    place: &DlqPlace,
    workflow: Option<&str>,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let (directory, name) = local_workflow(workflow, place.state_dir.as_deref(), registry)?;
    let mut sums = Sums::new();
    let mut found = files(&directory, name.as_ref())?;
    if let Some(replay) = name.as_ref().and_then(|name| replay_name(name).ok()) {
        found.extend(files(&directory, Some(&replay))?);
    }
    let mut replayed = ReplayedLetters::new(&directory);
    for file in found {
        for letter in file.read()? {
            let key = (file.workflow.clone(), file.run, letter.step, letter.error.code);
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, letter.error.message);
        }
    }
    if output == Output::Json {
        let rows = sums.iter().map(|((workflow, run, step, code), (letters, message))| {
            let replayed = replayed.count(workflow, step, *run, code);
            json!({ "workflow": workflow, "run": run, "step": step, "code": code, "letters": letters,
                    "replayed": replayed, "message": message })
        });
        print_json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Success);
    }
    let mut out = stdout().lock();
    if sums.is_empty() {
        writeln!(out, "no dead letters in {}", directory.display())?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "WORKFLOW",
        "RUN",
        "STEP",
        "CODE",
        "LETTERS",
        "REPLAYED",
        "LAST MESSAGE",
    ]);
    for ((workflow, run, step, code), (letters, message)) in &sums {
        let message = printable(message).to_string();
        let replayed = replayed.count(workflow, step, *run, code);
        table.add_row([
            workflow.to_string(),
            run.to_string(),
            step.to_string(),
            code.clone(),
            count(*letters),
            replayed.map_or_else(|| "?".to_owned(), count),
            message,
        ]);
    }
    writeln!(out, "{table}")?;
    Ok(Exit::Success)
}

fn show(selection: &DlqSelection, limit: u64, registry: &Registry, output: Output) -> Result<Exit, Error> {
    let (mut shown, mut documents) = (0, Vec::new());
    each(selection, registry, |file, letter| {
        if shown == limit {
            return Ok(false);
        }
        shown += 1;
        match output {
            Output::Json => documents.push(document(file, letter)),
            Output::Text => write_letter(&mut stdout().lock(), file, letter)?,
        }
        Ok(true)
    })?;
    if output == Output::Json {
        print_json(&documents)?;
    }
    Ok(Exit::Success)
}

fn write_letter(out: &mut impl Write, file: &LetterFile, letter: &DeadLetter) -> std::io::Result<()> {
    let error = &letter.error;
    let place = error.location.as_ref().map_or_else(String::new, |location| {
        let parts = [location.line, location.column].into_iter().flatten().map(|part| format!(":{part}"));
        format!(" ({}{})", printable(&location.origin), parts.collect::<String>())
    });
    writeln!(out, "{}[{}] record {}{place}", file.source, printable(&file.partition.0), error.ordinal)?;
    let field =
        error.field.as_ref().map_or_else(String::new, |field| format!(" field `{}`:", printable(field)));
    writeln!(out, "  {} at {}:{field} {}", error.code, letter.step, printable(&error.message))?;
    if let Some(help) = &error.help {
        writeln!(out, "  help: {}", printable(help))?;
    }
    let record = match &error.record {
        serde_json::Value::String(raw) => raw.clone(),
        record => record.to_string(),
    };
    let end = record.char_indices().nth(SHOWN).map_or(record.len(), |(end, _)| end);
    let dots = if end < record.len() { "..." } else { "" };
    writeln!(out, "  {}{dots}", printable(record.get(..end).unwrap_or_default()))
}

fn discard(
    place: &DlqPlace,
    workflow: &str,
    run: Option<&str>,
    yes: bool,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let (directory, name) = local_workflow(Some(workflow), place.state_dir.as_deref(), registry)?;
    let run = run.map(run_id).transpose()?;
    if !LocalState::is_at(&directory) {
        return Err(Error::Unknown {
            message: format!("{} is not the state directory of `run`", directory.display()),
            help: "letters of a node's data directory can be listed, shown and exported".to_owned(),
        });
    }
    // No run goes on meanwhile, whose letters would be counted and gone.
    let _state = LocalState::open(&directory)?;
    let mut found = files(&directory, name.as_ref())?;
    found.retain(|file| run.is_none_or(|run| run == file.run));
    let mut letters = 0;
    for file in &found {
        letters += file.read()?.len() as u64;
    }
    let what = plural(letters, "dead letter");
    if letters > 0 && !yes && !confirmed(&format!("Remove {what} of {workflow}?"))? {
        return Ok(Exit::Findings);
    }
    let store = DeadLetterFiles::new(&directory);
    found.dedup_by(|a, b| (&a.workflow, a.run) == (&b.workflow, b.run));
    for file in &found {
        store.discard(&file.workflow, file.run)?;
    }
    match output {
        Output::Json => print_json(&json!({ "discarded": letters }))?,
        Output::Text => writeln!(stdout().lock(), "{what} removed")?,
    }
    Ok(Exit::Success)
}
