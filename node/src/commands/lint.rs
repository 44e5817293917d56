use std::io::{Write, stdout};
use std::path::PathBuf;

use etl_sdk::Registry;
use etl_workflow::Diagnostics;

use crate::arguments::Output;
use crate::view::print_json;
use crate::workflow_file::load;
use crate::{Error, Exit};

pub(super) fn lint(
    files: &[PathBuf],
    parameters: &[(String, String)],
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let mut all = Diagnostics::default();
    let mut faulty = 0;
    for file in files {
        match load(file, parameters, registry) {
            Ok((workflow, _)) => all.0.extend(workflow.warnings),
            Err(Error::Invalid(found)) => {
                faulty += 1;
                all.0.extend(found);
            }
            Err(error) => return Err(error),
        }
    }
    if output == Output::Json {
        print_json(&all)?;
    } else {
        let mut out = stdout().lock();
        if !all.is_empty() {
            writeln!(out, "{all}")?;
        }
        match faulty {
            0 => writeln!(out, "{} valid", count(files.len(), "workflow"))?,
            n => writeln!(out, "{n} of {} not valid", count(files.len(), "workflow"))?,
        }
    }
    Ok(if faulty > 0 { Exit::Findings } else { Exit::Success })
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
