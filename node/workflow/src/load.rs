use etl_sdk::Registry;

use crate::diagnostics::Diagnostics;
use crate::guarantee::enforce;
use crate::interpolate::interpolate;
use crate::parameters::Inputs;
use crate::read;
use crate::sink::Sink;
use crate::source::SourceText;
use crate::workflow::Workflow;
use crate::yaml;

/// Reads and validates a workflow file that is not to run yet.
///
/// `file_name` appears in messages, `environment` looks up variables, `registry` holds the types there are. Nothing is
/// opened or connected to. Parameters have their defaults; an example stands in for one that has none.
///
/// # Errors
/// Everything that is wrong with the file, in the order of the places, warnings included. An error of the YAML itself
/// hides what comes behind it.
pub fn load(
    file_name: &str,
    bytes: &[u8],
    environment: &dyn Fn(&str) -> Option<String>,
    registry: &Registry,
) -> Result<Workflow, Diagnostics> {
    load_with(file_name, bytes, environment, &Inputs::default(), registry)
}

/// The same with what a run gives to it.
///
/// # Errors
/// As [`load`], and values that no parameter takes.
pub fn load_with(
    file_name: &str,
    bytes: &[u8],
    environment: &dyn Fn(&str) -> Option<String>,
    inputs: &Inputs,
    registry: &Registry,
) -> Result<Workflow, Diagnostics> {
    let mut sink = Sink::default();
    let Some(source) = SourceText::new(bytes, &mut sink) else {
        return Err(sink.finish(file_name, None));
    };
    let workflow = yaml::parse(&source, &mut sink).and_then(|mut tree| {
        let declared = interpolate(&mut tree, environment, inputs, &source, &mut sink);
        read::workflow(file_name, &tree, declared, registry, &source, &mut sink)
    });
    let failed = sink.failed();
    let messages = sink.finish(file_name, Some(&source));
    let mut workflow = workflow.filter(|_| !failed).ok_or_else(|| messages.clone())?;
    enforce(&workflow, registry)?;
    workflow.warnings = messages;
    Ok(workflow)
}
