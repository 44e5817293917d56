use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use etl_engine::{DeadLetter, DeadLetters, PortError};
use etl_model::{Route, RunId};

use crate::StateError;

/// Dead letters as JSON lines, one file per unit, named by the unit's number.
#[derive(Debug, Clone)]
pub struct DeadLetterFiles {
    root: PathBuf,
}

/// Bytes of one path component; file systems end at 255.
const COMPONENT: usize = 200;

/// A partition's id as a relative path: everything but letters, digits, `.`, `-` and `_` becomes `%XX`, and a long id
/// continues in further directories, so that two ids never share a path.
fn escaped(id: &str) -> PathBuf {
    let mut out = String::with_capacity(id.len() + 1);
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte as char),
            b'.' if !out.is_empty() => out.push('.'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    let mut path = PathBuf::new();
    let mut rest = out.as_str();
    while rest.len() > COMPONENT {
        let (head, tail) = rest.split_at(COMPONENT);
        // A marker that no escaped id can contain keeps `a/b` and a split `a`, `b` apart.
        path.push(format!("{head}~"));
        rest = tail;
    }
    path.push(if rest.is_empty() { "%" } else { rest });
    path
}

/// The lines of all files below a directory, which need not be there.
fn count_lines(directory: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut lines = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            lines += count_lines(&entry.path())?;
        } else if entry.path().extension().is_some_and(|extension| extension == "jsonl") {
            let mut file = BufReader::new(File::open(entry.path())?);
            loop {
                let read = file.fill_buf()?;
                if read.is_empty() {
                    break;
                }
                lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
                let length = read.len();
                file.consume(length);
            }
        }
    }
    Ok(lines)
}

impl DeadLetterFiles {
    /// Keeps dead letters below `state_directory/dead_letters`.
    pub fn new(state_directory: &Path) -> Self {
        Self { root: state_directory.join("dead_letters") }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a run's letters.
    pub fn run_directory(&self, workflow: &etl_model::WorkflowName, run: RunId) -> PathBuf {
        self.root.join(workflow.as_str()).join(run.to_string())
    }

    /// How many letters of a run lie here, those of units that were never committed included.
    pub fn count(&self, workflow: &etl_model::WorkflowName, run: RunId) -> io::Result<u64> {
        count_lines(&self.run_directory(workflow, run))
    }

    fn directory(&self, run: RunId, route: &Route) -> PathBuf {
        self.run_directory(&route.workflow, run)
            .join(route.source.as_str())
            .join(escaped(&route.partition.0))
            .join(route.end().to_string())
    }

    fn write(&self, directory: &Path, path: &Path, letters: &[DeadLetter]) -> io::Result<()> {
        if letters.is_empty() {
            return match fs::remove_file(path) {
                Ok(()) => File::open(directory)?.sync_all(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            };
        }
        fs::create_dir_all(directory)?;
        let temporary = path.with_extension("tmp");
        let mut file = BufWriter::new(File::create(&temporary)?);
        for letter in letters {
            serde_json::to_writer(&mut file, letter)?;
            file.write_all(b"\n")?;
        }
        file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
        fs::rename(&temporary, path)?;
        // The new directories on the way are synced as well: a letter must not vanish while its marker stays.
        let synced = directory.ancestors().take_while(|ancestor| ancestor.starts_with(&self.root));
        synced.map(File::open).try_for_each(|directory| directory?.sync_all())
    }

    fn remove_after(directory: &Path, seq: u64) -> io::Result<()> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if number.is_none_or(|number: u64| number > seq) {
                fs::remove_file(&path)?;
            }
        }
        File::open(directory)?.sync_all()
    }
}

impl DeadLetters for DeadLetterFiles {
    fn put(&self, run: RunId, route: &Route, seq: u64, letters: &[DeadLetter]) -> Result<(), PortError> {
        let directory = self.directory(run, route);
        let path = directory.join(format!("{seq:016}.jsonl"));
        let written = self.write(&directory, &path, letters);
        Ok(written.map_err(|source| StateError::Io { path, source })?)
    }

    fn truncate(&self, run: RunId, route: &Route, seq: u64) -> Result<(), PortError> {
        let directory = self.directory(run, route);
        let removed = Self::remove_after(&directory, seq);
        Ok(removed.map_err(|source| StateError::Io { path: directory, source })?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use etl_model::{PartitionId, RecordError, Shard, StepName, WorkflowName};

    use super::*;

    fn route(partition: &str) -> Route {
        Route {
            workflow: WorkflowName::new("w").unwrap(),
            source: StepName::new("s").unwrap(),
            partition: PartitionId(partition.to_owned()),
            destination: StepName::new("d").unwrap(),
            shard: None,
        }
    }

    fn letter(ordinal: u64) -> DeadLetter {
        let step = StepName::new("s").unwrap();
        DeadLetter { step, types: BTreeMap::new(), error: RecordError::new(ordinal, "code", "message") }
    }

    fn ordinals(files: &DeadLetterFiles, run: RunId, route: &Route) -> Vec<u64> {
        let directory = files.directory(run, route);
        let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
            .iter()
            .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .map(|line| serde_json::from_str::<DeadLetter>(&line).unwrap().error.ordinal)
            .collect()
    }

    #[test]
    fn a_unit_written_again_replaces_its_letters() {
        let directory = tempfile::tempdir().unwrap();
        let files = DeadLetterFiles::new(directory.path());
        let (run, route) = (RunId::generate(), route("data/orders 1.csv"));
        files.put(run, &route, 1, &[letter(1), letter(2)]).unwrap();
        files.put(run, &route, 2, &[letter(3), letter(4)]).unwrap();
        files.put(run, &route, 2, &[letter(3)]).unwrap();
        assert_eq!(ordinals(&files, run, &route), [1, 2, 3]);
        files.put(run, &route, 3, &[letter(4)]).unwrap();
        files.truncate(run, &route, 2).unwrap();
        assert_eq!(ordinals(&files, run, &route), [1, 2, 3]);
        files.put(run, &route, 2, &[]).unwrap();
        files.put(run, &route, 9, &[]).unwrap();
        assert_eq!(ordinals(&files, run, &route), [1, 2]);
        files
            .put(run, &Route { partition: PartitionId("other".to_owned()), ..route.clone() }, 1, &[letter(7)])
            .unwrap();
        assert_eq!(files.count(&route.workflow, run).unwrap(), 3);
        assert_eq!(files.count(&route.workflow, RunId::generate()).unwrap(), 0);
    }

    #[test]
    fn shards_keep_their_letters_apart() {
        let directory = tempfile::tempdir().unwrap();
        let files = DeadLetterFiles::new(directory.path());
        let (run, whole) = (RunId::generate(), route("p"));
        let of = |number| Route { shard: Some(Shard::new(number, 2).unwrap()), ..whole.clone() };
        for (route, ordinal) in [(&whole, 1), (&of(0), 2), (&of(1), 3)] {
            files.put(run, route, 1, &[letter(ordinal)]).unwrap();
        }
        files.truncate(run, &of(0), 0).unwrap();
        assert_eq!(ordinals(&files, run, &whole), [1]);
        assert_eq!(ordinals(&files, run, &of(0)), [] as [u64; 0]);
        assert_eq!(ordinals(&files, run, &of(1)), [3]);
    }

    #[test]
    fn different_partitions_never_share_a_path() {
        let long = "x".repeat(1000);
        let ids =
            ["", "/", "a/b", "a%2Fb", ".", "..", "a", "A", &long, &format!("{long}y"), &"é".repeat(300)];
        let paths: std::collections::HashSet<_> = ids.iter().map(|id| escaped(id)).collect();
        assert_eq!(paths.len(), ids.len());
        for path in &paths {
            assert!(path.is_relative() && path.components().all(|part| part.as_os_str().len() <= 255));
            assert!(!path.to_string_lossy().contains(".."), "{path:?}");
        }
    }
}
