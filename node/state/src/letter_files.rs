use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etl_engine::DeadLetter;
use etl_model::{PartitionId, RunId, StepName, WorkflowName};

use crate::{DeadLetterFiles, StateError};

/// The dead letters of one unit of a route, as they lie on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterFile {
    /// Its workflow.
    pub workflow: WorkflowName,
    /// Its run.
    pub run: RunId,
    /// The source whose records they are.
    pub source: StepName,
    /// The partition.
    pub partition: PartitionId,
    /// The destination whose units carry them, with its shard.
    pub destination: String,
    /// The number of the unit.
    pub unit: u64,
    /// Where they lie, one JSON document a line.
    pub path: PathBuf,
}

impl DeadLetterFiles {
    /// All letters, or those of a workflow: by workflow, run, route and unit, runs in the order in which they began. Letters
    /// of units that were never committed are among them until their run goes on.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn files(&self, workflow: Option<&WorkflowName>) -> Result<Vec<LetterFile>, StateError> {
        let root = self.root();
        let below = workflow.map_or_else(|| root.to_path_buf(), |workflow| root.join(workflow.as_str()));
        let mut paths = Vec::new();
        collect(&below, &mut paths).map_err(|source| StateError::Io { path: below, source })?;
        let mut files: Vec<LetterFile> =
            paths.into_iter().filter_map(|path| LetterFile::at(root, path)).collect();
        files.sort_by(|a, b| {
            let key = |file: &LetterFile| {
                let LetterFile { workflow, run, source, partition, destination, unit, .. } = file;
                (workflow.clone(), *run, source.clone(), partition.0.clone(), destination.clone(), *unit)
            };
            key(a).cmp(&key(b))
        });
        Ok(files)
    }

    /// Removes the letters of a run; answers whether there were any.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn discard(&self, workflow: &WorkflowName, run: RunId) -> Result<bool, StateError> {
        let directory = self.run_directory(workflow, run);
        match fs::remove_dir_all(&directory) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(StateError::Io { path: directory, source }),
        }
    }
}

impl LetterFile {
    /// Reads a path below `root`; none where it is no file of letters.
    fn at(root: &Path, path: PathBuf) -> Option<Self> {
        let unit = path.file_stem()?.to_str()?.parse().ok()?;
        let relative = path.parent()?.strip_prefix(root).ok()?;
        let parts: Vec<&str> = relative.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        let (workflow, run, source, partition, destination) = match parts.as_slice() {
            [workflow, run, source, partition @ .., destination] => {
                (*workflow, *run, *source, partition, *destination)
            }
            _ => return None,
        };
        let partition: String = partition.iter().map(|part| part.strip_suffix('~').unwrap_or(part)).collect();
        Some(Self {
            workflow: WorkflowName::new(workflow).ok()?,
            run: RunId::parse(run).ok()?,
            source: StepName::new(source).ok()?,
            partition: PartitionId(unescaped(&partition)?),
            destination: destination.to_owned(),
            unit,
            path,
        })
    }

    /// The letters.
    ///
    /// # Errors
    /// The file cannot be read, or has a line that is no letter, which is named.
    pub fn read(&self) -> Result<Vec<DeadLetter>, StateError> {
        let failed = |source| StateError::Io { path: self.path.clone(), source };
        let text = fs::read_to_string(&self.path).map_err(failed)?;
        let letter = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| {
                failed(io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", number + 1)))
            })
        };
        text.lines().enumerate().map(letter).collect()
    }
}

/// The id that was made a path.
fn unescaped(text: &str) -> Option<String> {
    if text == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use etl_engine::DeadLetters;
    use etl_model::{RecordError, Route, Shard};

    use super::*;

    fn letter(ordinal: u64) -> DeadLetter {
        let step = StepName::new("s").unwrap();
        DeadLetter { step, types: BTreeMap::new(), error: RecordError::new(ordinal, "code", "message") }
    }

    #[test]
    fn letters_are_found_with_all_that_their_place_says() {
        let directory = tempfile::tempdir().unwrap();
        let files = DeadLetterFiles::new(directory.path());
        assert!(files.files(None).unwrap().is_empty());
        let (first, second) = (RunId::generate(), RunId::generate());
        let long = "é/x ".repeat(200);
        for (at, partition) in ["", "data/a 1.csv", ".", &long].iter().enumerate() {
            let route = Route {
                workflow: WorkflowName::new("w").unwrap(),
                source: StepName::new("s").unwrap(),
                partition: PartitionId((*partition).to_owned()),
                destination: StepName::new("d").unwrap(),
                shard: (at == 1).then(|| Shard::new(1, 2).unwrap()),
            };
            files.put(second, &route, 10, &[letter(3)]).unwrap();
            files.put(second, &route, 2, &[letter(1), letter(2)]).unwrap();
            let mut all = files.files(Some(&route.workflow)).unwrap();
            all.retain(|file| file.partition == route.partition);
            assert_eq!(all.iter().map(|file| file.unit).collect::<Vec<_>>(), [2, 10], "{partition}");
            assert_eq!(all[0].destination, route.end().to_string());
            assert_eq!(all[0].read().unwrap(), [letter(1), letter(2)]);
            files.put(first, &route, 1, &[letter(9)]).unwrap();
        }
        let runs: Vec<RunId> = files.files(None).unwrap().iter().map(|file| file.run).collect();
        assert!(runs.is_sorted() && runs.len() == 12);
        let workflow = WorkflowName::new("w").unwrap();
        assert!(files.discard(&workflow, second).unwrap() && !files.discard(&workflow, second).unwrap());
        assert_eq!(files.files(None).unwrap().len(), 4);
    }

    #[test]
    fn a_line_that_is_no_letter_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let files = DeadLetterFiles::new(directory.path());
        let run = RunId::generate();
        let place = directory.path().join(format!("dead_letters/w/{run}/s/p/d"));
        fs::create_dir_all(&place).unwrap();
        let good = serde_json::to_string(&letter(1)).unwrap();
        fs::write(place.join("0000000000000001.jsonl"), format!("{good}\n{{\"step\":")).unwrap();
        fs::write(place.join("0000000000000002.tmp"), "cut").unwrap();
        let found = files.files(None).unwrap();
        assert_eq!(found.len(), 1);
        let error = found[0].read().unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
