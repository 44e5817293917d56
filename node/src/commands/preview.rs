use std::io::stdout;

use etl_engine::Pipeline;
use etl_model::StepName;
use etl_sdk::Registry;
use etl_workflow::Workflow;

use crate::arguments::{Output, PreviewArguments};
use crate::preview::{document, trial, write_preview};
use crate::view::print_json;
use crate::workflow_file::{load, resolve};
use crate::{Error, Exit, pipeline};

/// `preview`.
pub(super) fn preview(
    arguments: &PreviewArguments,
    registry: &Registry,
    output: Output,
) -> Result<Exit, Error> {
    let (workflow, _) = load(&arguments.workflow.file, &arguments.workflow.parameters, registry)?;
    let resolved = resolve(&workflow, &arguments.workflow)?;
    let pipeline = pipeline::build(&resolved, registry)?;
    let only = arguments.step.as_deref().map(|name| known(&pipeline, name)).transpose()?;
    let records = usize::try_from(arguments.records).unwrap_or(usize::MAX);
    let veil = pipeline::veil(&resolved, registry, arguments.role.as_deref())?;
    let mut steps = actix_rt::System::new().block_on(trial(&pipeline, records))?;
    for step in &mut steps {
        step.veil(&veil)?;
    }
    let kinds = |name: &StepName| kind(&workflow, name);
    match output {
        Output::Json => print_json(&document(&steps, &kinds, only.as_ref()))?,
        Output::Text => write_preview(&mut stdout().lock(), &steps, &kinds, only.as_ref())?,
    }
    let has_failed = steps.iter().any(|step| !step.errors.is_empty());
    Ok(if has_failed { Exit::Findings } else { Exit::Success })
}

fn kind(workflow: &Workflow, name: &StepName) -> String {
    workflow.step(name).map(|step| step.kind.clone()).unwrap_or_default()
}

fn known(pipeline: &Pipeline, name: &str) -> Result<StepName, Error> {
    let sources = pipeline.sources.iter().filter(|step| !step.conceals).map(|step| &step.name);
    let names: Vec<&StepName> = sources.chain(pipeline.processors.iter().map(|step| &step.name)).collect();
    let found = names.iter().find(|known| known.as_str() == name);
    found.map(|name| (*name).clone()).ok_or_else(|| Error::Unknown {
        message: format!("there is no source or transformation `{name}`"),
        help: format!("there are {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
    })
}
