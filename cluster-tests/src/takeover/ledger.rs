use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use super::outcome::Outcome;
use crate::group::Error;

/// A file to which every run is added as soon as it has ended, a JSON document on a line: what has taken hours is not lost with
/// the rest, and runs of several times are one table.
pub struct Ledger(Option<File>);

impl Ledger {
    /// Adds to a file, or to none.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let open = |path| File::options().create(true).append(true).open(path).map_err(Error::file(path));
        Ok(Self(path.map(open).transpose()?))
    }

    /// Adds a run; it is on the disk when this returns.
    pub fn add(&mut self, outcome: &Outcome) -> Result<(), Error> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        // In one write, so that two that add to one file do not mix.
        file.write_all(format!("{}\n", serde_json::json!(outcome)).as_bytes())?;
        Ok(file.sync_data()?)
    }
}

/// The runs that a file has.
///
/// # Errors
/// It cannot be read, or a line of it is no run; the last one may have been cut off.
pub fn read(path: &Path) -> Result<Vec<Outcome>, Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    let mut outcomes = Vec::new();
    let mut lines = BufReader::new(file).lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.map_err(Error::file(path))?;
        match serde_json::from_str(&line) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) if lines.peek().is_some() => {
                let place = format!("{}:{}", path.display(), number + 1);
                return Err(Error::Unexpected(format!("{place}: {error}")));
            }
            Err(_) => eprintln!("{}: the last run was cut off and is left out", path.display()),
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::cell::Cell;
    use super::super::fault::Fault;
    use super::*;

    #[test]
    fn runs_are_added_and_read_and_only_the_last_may_be_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.jsonl");
        let mut outcome = Outcome::new(Fault::Drain, Cell::Append, 7);
        for seed in 1..=3 {
            outcome.seed = seed;
            outcome.struck.moves_ms.push(1.5);
            Ledger::open(Some(&path)).unwrap().add(&outcome).unwrap();
        }
        let found = read(&path).unwrap();
        let told = |outcome: &Outcome| (outcome.seed, outcome.records, outcome.struck.moves_ms.len());
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), [(1, 7, 1), (2, 7, 2), (3, 7, 3)]);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        std::fs::write(&path, [&whole[9..], b"\n"].concat()).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("runs.jsonl:1"));
        Ledger::open(None).unwrap().add(&outcome).unwrap();
    }
}
