use std::path::{Path, PathBuf};

use etl_sdk::Registry;
use etl_workflow::{RoutePlan, Workflow};

use crate::Error;
use crate::arguments::WorkflowArguments;
use crate::secrets;

/// The directory where state is kept unless another is asked for.
const STATE_DIRECTORY: &str = ".actix-etl";

/// Reads and validates a workflow file, with the environment's variables; `delivery.guarantee` is enforced.
pub(crate) fn load(file: &Path, registry: &Registry) -> Result<(Workflow, Vec<RoutePlan>), Error> {
    let bytes = std::fs::read(file).map_err(|source| Error::Read { path: file.to_path_buf(), source })?;
    let environment = |name: &str| std::env::var(name).ok();
    let workflow = etl_workflow::load(&file.display().to_string(), &bytes, &environment, registry)
        .map_err(Error::Invalid)?;
    let routes = etl_workflow::enforce(&workflow, registry).map_err(Error::Invalid)?;
    Ok((workflow, routes))
}

/// The same with its secrets put in.
pub(crate) fn resolve(workflow: &Workflow, arguments: &WorkflowArguments) -> Result<Workflow, Error> {
    let lookup = |name: &str| secrets::lookup(arguments.secrets_dir.as_deref(), name);
    workflow.resolve_secrets(&lookup).map_err(Error::Invalid)
}

/// Where the state of a workflow file is kept.
pub(crate) fn state_directory(file: &Path, asked: Option<&Path>) -> PathBuf {
    match asked {
        Some(directory) => directory.to_path_buf(),
        None => file.parent().unwrap_or(Path::new("")).join(STATE_DIRECTORY),
    }
}
