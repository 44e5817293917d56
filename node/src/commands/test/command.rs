use std::io::{Write, stdout};
use std::path::Path;

use etl_sdk::Registry;
use etl_workflow::{Diagnostics, Workflow, did_you_mean};
use serde_json::{Value, json};

use super::case::Case;
use super::chaos::{Report, crash};
use super::comparison::{Mismatch, step_name};
use super::faults::{CONFIG, Faults, UNKNOWN_STEP};
use super::files::{Pair, find};
use super::read::cases;
use super::tree::{parse, text};
use super::trial::Tested;
use crate::arguments::{Output, TestArguments};
use crate::secrets::redacted;
use crate::view::{plural, print_json, printable, write_diff};
use crate::{Error, Exit};

/// The tests of one file.
struct Suite {
    files: Pair,
    workflow: Vec<u8>,
    cases: Vec<Case>,
}

/// How a test has ended.
struct Verdict {
    file: String,
    name: String,
    mismatches: Vec<Mismatch>,
    /// What crashes have done, if they were asked for and it has passed without any.
    chaos: Option<Report>,
}

/// `test`.
pub(in crate::commands) fn test(
    arguments: &TestArguments,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let mut suites = Vec::new();
    let mut faults = Diagnostics::default();
    for files in find(&arguments.paths)? {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
        };
        let (tests, workflow) = (read(&files.tests)?, read(&files.workflow)?);
        let tested = Tested { file: &files.workflow, bytes: &workflow, registry };
        match understood(&files.tests, tests, &tested) {
            Ok(cases) => suites.push(Suite { files, workflow, cases }),
            Err(found) => faults.0.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let wanted = |case: &Case| arguments.name.as_ref().is_none_or(|part| case.name.contains(part));
    let mut verdicts = Vec::new();
    let system = actix_rt::System::new();
    for Suite { files, workflow, cases } in suites {
        let tested = Tested { file: &files.workflow, bytes: &workflow, registry };
        for case in cases.into_iter().filter(wanted) {
            etl_expr::fix_now(case.now);
            let told = |error: Error| vec![Mismatch::new(error.to_string())];
            let mut mismatches = system.block_on(tested.carry_out(&case)).unwrap_or_else(told);
            let mut chaos = None;
            if arguments.chaos && mismatches.is_empty() {
                match crash(&tested, &case, arguments.chaos_limit) {
                    Ok((report, harm)) => (chaos, mismatches) = (Some(report), harm),
                    Err(error) => mismatches = told(error),
                }
            }
            let file = files.tests.display().to_string();
            let verdict = Verdict { file, name: case.name, mismatches, chaos };
            if output == Output::Text {
                write_verdict(&mut stdout().lock(), &verdict)?;
            }
            verdicts.push(verdict);
        }
    }
    etl_expr::fix_now(None);
    tell(&verdicts, output)
}

/// The tests of a file, whose steps are those of the workflow.
fn understood(file: &Path, bytes: Vec<u8>, tested: &Tested<'_>) -> Result<Vec<Case>, Diagnostics> {
    let name = file.display().to_string();
    let invalid = |faults: Faults| faults.finish().err().unwrap_or_default();
    let text = text(&name, bytes).map_err(invalid)?;
    let mut faults = Faults::new(&name, &text);
    let cases = parse(&text, &mut faults).map(|root| cases(&root, &mut faults)).unwrap_or_default();
    for case in &cases {
        let mut given = case.given.clone();
        // It is not asked yet.
        given
            .variables
            .extend(case.http.iter().map(|(name, _)| (name.clone(), "http://127.0.0.1:1".to_owned())));
        // What is wrong with the workflow is told when the test is run.
        if let Ok(workflow) = tested.load(&given) {
            check_steps(case, &workflow, &mut faults);
        }
    }
    faults.finish().map(|()| cases)
}

fn check_steps(case: &Case, workflow: &Workflow, faults: &mut Faults) {
    let names: Vec<&str> = workflow.steps().map(|step| step.name.as_str()).collect();
    let inputs = case.inputs.iter().map(|input| (&input.step, input.place));
    let expected = case.expect.iter().map(|expected| (&expected.step, expected.place));
    let letters = case.letters.iter().chain(&case.fails).map(|failed| (&failed.step, failed.place));
    for (step, place) in inputs.clone().chain(expected).chain(letters) {
        if !names.contains(&step_name(step).as_str()) {
            let message = format!("the workflow has no step `{step}`");
            faults.add(place, UNKNOWN_STEP, message, did_you_mean(step, &names));
        }
    }
    for (step, place) in inputs {
        if workflow.destinations.iter().any(|destination| destination.name.as_str() == step) {
            let message = format!("`{step}` is a destination, which takes no records here");
            let help = "give them to a source or transformation".to_owned();
            faults.add(place, CONFIG, message, help);
        }
    }
}

fn write_verdict(out: &mut impl Write, verdict: &Verdict) -> std::io::Result<()> {
    let Verdict { file, name, mismatches, chaos } = verdict;
    let outcome = if mismatches.is_empty() { "ok" } else { "FAILED" };
    writeln!(out, "{file}: {} ... {outcome}", printable(name))?;
    if let Some(report) = chaos {
        report.write(out)?;
    }
    for Mismatch { message, diff, fields } in mismatches {
        for line in message.lines() {
            writeln!(out, "  {}", redacted(&printable(line).to_string()))?;
        }
        write_diff(out, diff)?;
        for field in fields {
            writeln!(out, "  {}", printable(field))?;
        }
    }
    Ok(())
}

fn tell(verdicts: &[Verdict], output: Output) -> Result<Exit, Error> {
    let failed = verdicts.iter().filter(|verdict| !verdict.mismatches.is_empty()).count();
    match output {
        Output::Text if verdicts.is_empty() => writeln!(stdout().lock(), "no test has such a name")?,
        Output::Text => {
            writeln!(stdout().lock(), "{}, {failed} failed", plural(verdicts.len() as u64, "test"))?;
        }
        Output::Json => {
            let tests: Vec<Value> = verdicts.iter().map(document).collect();
            print_json(&json!({ "tests": tests, "failed": failed }))?;
        }
    }
    Ok(if failed > 0 || verdicts.is_empty() { Exit::Findings } else { Exit::Success })
}

fn document(verdict: &Verdict) -> Value {
    let mismatch = |mismatch: &Mismatch| json!({ "message": mismatch.message, "diff": mismatch.diff.to_string(), "fields": mismatch.fields });
    let mut document = json!({ "file": verdict.file, "name": verdict.name, "passed": verdict.mismatches.is_empty(),
            "mismatches": verdict.mismatches.iter().map(mismatch).collect::<Vec<_>>() });
    if let Some(report) = &verdict.chaos {
        document["chaos"] = report.document();
    }
    document
}
