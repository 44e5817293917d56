use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etl_model::WorkflowName;
use etl_sdk::Registry;
use etl_workflow::{Inputs, RoutePlan, Workflow};

use crate::Error;
use crate::arguments::WorkflowArguments;
use crate::secrets;

/// The directory where state is kept unless another is asked for.
const STATE_DIRECTORY: &str = ".actix-etl";

/// Reads and validates a workflow file, with the environment's variables and values of its parameters, which need not be
/// all; `delivery.guarantee` is enforced.
pub(crate) fn load(
    file: &Path,
    parameters: &[(String, String)],
    registry: &Registry,
) -> Result<(Workflow, Vec<RoutePlan>), Error> {
    let inputs = Inputs { parameters: given(parameters)?, ..Inputs::default() };
    let workflow = WorkflowFile::read(file)?.load(&inputs, registry)?;
    let routes = etl_workflow::enforce(&workflow, registry).map_err(Error::Invalid)?;
    Ok((workflow, routes))
}

/// Values of parameters as they stand on the command line.
pub(crate) fn given(parameters: &[(String, String)]) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for (name, value) in parameters {
        if values.insert(name.clone(), value.clone()).is_some() {
            let (message, help) = (format!("--param {name} is given twice"), "give it once".to_owned());
            return Err(Error::Unknown { message, help });
        }
    }
    Ok(values)
}

/// The text of a workflow file, which may be read in several ways.
pub(crate) struct WorkflowFile {
    name: String,
    bytes: Vec<u8>,
}

impl WorkflowFile {
    /// Reads the file.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(file).map_err(|source| Error::Read { path: file.to_path_buf(), source })?;
        Ok(Self { name: file.display().to_string(), bytes })
    }

    /// Validates it with the environment's variables and what a run gives to it.
    pub fn load(&self, inputs: &Inputs, registry: &Registry) -> Result<Workflow, Error> {
        let environment = |name: &str| std::env::var(name).ok();
        etl_workflow::load_with(&self.name, &self.bytes, &environment, inputs, registry)
            .map_err(Error::Invalid)
    }
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

/// The directory with the state of this machine, which has to be there, and the workflow that is meant: by its name, or by its
/// file, beside which the directory is then looked for.
pub(crate) fn local_workflow(
    workflow: Option<&str>,
    asked: Option<&Path>,
    registry: &Registry,
) -> Result<(PathBuf, Option<WorkflowName>), Error> {
    let file = workflow.map(Path::new).filter(|path| path.is_file());
    let name = match (workflow, file) {
        (Some(_), Some(file)) => Some(load(file, &[], registry)?.0.name),
        (Some(name), None) => Some(WorkflowName::new(name).map_err(|error| Error::Unknown {
            message: format!("there is no workflow file `{name}`, and {error}"),
            help: "name a workflow or its file".to_owned(),
        })?),
        (None, _) => None,
    };
    let directory = state_directory(file.unwrap_or(Path::new("")), asked);
    if !directory.is_dir() {
        return Err(Error::Unknown {
            message: format!("there is no state directory {}", directory.display()),
            help: "it is made by the first `run`; name another with --state-dir".to_owned(),
        });
    }
    Ok((directory, name))
}
