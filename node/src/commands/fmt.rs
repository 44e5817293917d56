use std::fs;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::arguments::Output;
use crate::formatting::{Unformatted, formatted};
use crate::view::{plural, print_json};
use crate::{Error, Exit};

/// What became of the files.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Those that were not in their common form.
    changed: Vec<String>,
    faults: Vec<FileFault>,
}

/// A file that was left as it was.
#[derive(Debug, Serialize)]
struct FileFault {
    file: String,
    message: String,
}

/// `fmt`.
pub(super) fn fmt(files: &[PathBuf], check: bool, output: Output) -> Result<Exit, Error> {
    let mut outcome = Outcome::default();
    for file in files {
        let is_stream = file == Path::new("-");
        let failed = |source| Error::Read { path: file.clone(), source };
        let text = read(file, is_stream).map_err(failed)?;
        let name = file.display().to_string();
        match formatted(&text) {
            Err(fault) => outcome.faults.push(FileFault { file: name, message: message(&fault) }),
            Ok(made) if is_stream && !check => stdout().lock().write_all(made.as_bytes())?,
            Ok(made) if made == text => {}
            Ok(made) => {
                if !check {
                    replace(file, &made).map_err(failed)?;
                }
                outcome.changed.push(name);
            }
        }
    }
    show(&outcome, check, output)?;
    let is_clean = outcome.faults.is_empty() && (!check || outcome.changed.is_empty());
    Ok(if is_clean { Exit::Success } else { Exit::Findings })
}

fn show(outcome: &Outcome, check: bool, output: Output) -> Result<(), Error> {
    if output == Output::Json {
        print_json(outcome)?;
        return Ok(());
    }
    for FileFault { file, message } in &outcome.faults {
        writeln!(stderr(), "{file}: {message}")?;
    }
    let mut out = stdout().lock();
    for file in &outcome.changed {
        writeln!(out, "{file}")?;
    }
    if check && !outcome.changed.is_empty() {
        writeln!(out, "{} to be formatted", plural(outcome.changed.len() as u64, "file"))?;
    }
    Ok(())
}

fn read(file: &Path, is_stream: bool) -> std::io::Result<String> {
    let mut text = String::new();
    match is_stream {
        true => stdin().read_to_string(&mut text)?,
        false => fs::File::open(file)?.read_to_string(&mut text)?,
    };
    Ok(text)
}

fn message(fault: &Unformatted) -> String {
    match fault {
        Unformatted::Syntax(message) => format!("not YAML: {message}; `actix-etl lint` shows where"),
        Unformatted::Changed => {
            "cannot be formatted without a change of what it means, and is left as it was".to_owned()
        }
    }
}

/// Replaces a file as a whole, so that it is never cut in half.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let target = fs::canonicalize(file)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = target.with_file_name(format!(".{name}.fmt"));
    fs::write(&temporary, text)?;
    fs::set_permissions(&temporary, fs::metadata(&target)?.permissions())?;
    fs::rename(&temporary, &target)
}
