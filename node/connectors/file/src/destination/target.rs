use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Route;
use etl_sdk::{
    CommitKind, ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext,
    blocking,
};
use uuid::Uuid;

use super::completion;
use super::config::Mode;
use super::disk;
use super::layout::{Layout, Target};
use super::route::RouteStaging;
use super::settings::Settings;
use super::writer::FileWriter;
use crate::error::FileError;

/// A configured file or directory to write to.
pub struct FileTarget {
    settings: Arc<Settings>,
}

impl FileTarget {
    /// The destination with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

#[async_trait]
impl Destination for FileTarget {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::ConditionalCreate,
            max_writers: None,
            holds_rows: false,
            rejects_rows: false,
            unit_bytes: Some(self.settings.unit_bytes),
        }
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        let (settings, run) = (Arc::clone(&self.settings), run.clone());
        blocking(move || Ok(check(&settings, &run)?)).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::clone(&self.settings.encoder)
    }

    async fn open(
        &self,
        _run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        let staging = RouteStaging::new(Arc::clone(&self.settings), route.clone(), index);
        Ok(Box::new(FileWriter::new(staging)))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        let (settings, run, routes) = (Arc::clone(&self.settings), run.clone(), routes.to_vec());
        blocking(move || completion::complete(&settings, &run, &routes)).await
    }
}

fn check(settings: &Settings, run: &RunContext) -> Result<(), FileError> {
    let layout = &settings.layout;
    let found = metadata(layout.path())?;
    match layout.target() {
        Target::File(path) => {
            if found.as_ref().is_some_and(Metadata::is_dir) {
                return Err(FileError::user(
                    "is_a_directory",
                    format!("{} is a directory", path.display()),
                    "end `path` with `/` to write part files into it, or name a file",
                ));
            }
            if found.is_some()
                && settings.mode == Mode::Append
                && !completion::is_published(layout, &run.workflow, run.run)?
            {
                return Err(completion::target_exists(path));
            }
            require_directory(layout.visible())?;
        }
        Target::Directory(path) => {
            if found.as_ref().is_some_and(|found| !found.is_dir()) {
                return Err(FileError::user(
                    "not_a_directory",
                    format!("{} is not a directory", path.display()),
                    "remove the `/` at the end of `path` to write one file, or choose another path",
                ));
            }
            if found.is_none() {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                require_directory(parent.unwrap_or(Path::new(".")))?;
                disk::create_directories(path)?;
            }
        }
    }
    probe(layout)
}

fn metadata(path: &Path) -> Result<Option<Metadata>, FileError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("look at", path)(error)),
    }
}

fn require_directory(path: &Path) -> Result<(), FileError> {
    match metadata(path)? {
        Some(found) if found.is_dir() => Ok(()),
        Some(_) => Err(FileError::user(
            "not_a_directory",
            format!("{} is not a directory", path.display()),
            "check the path",
        )),
        None => Err(FileError::user(
            "directory_missing",
            format!("the directory {} does not exist", path.display()),
            format!("create it, for example with `mkdir -p {}`", path.display()),
        )),
    }
}

/// Creates a file beside the target, links it and removes both: what a commit will need.
fn probe(layout: &Layout) -> Result<(), FileError> {
    let name = format!(".etl-probe-{}", Uuid::new_v4().simple());
    let (first, second) = (layout.visible().join(&name), layout.visible().join(format!("{name}-link")));
    disk::create_new(&first)?;
    let linked = disk::link(&first, &second);
    disk::remove(&second)?;
    disk::remove(&first)?;
    linked.map(|_| ())
}
