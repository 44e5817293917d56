use std::fs::{self, File};
use std::io::{self, Write};

use etl_raft::store::DataDir;

use crate::node::Error;

const FILE: &str = "entering";

/// What a node is about to do that has written its identity and not yet opened its log. Kept as a small file in the data
/// directory: without it, a directory with an identity and no log has lost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Marker {
    Founding,
    Joining,
}

impl Marker {
    /// The one in the directory; an unreadable one counts as none, so that nothing is founded or joined because of it.
    pub fn read(dir: &DataDir) -> Result<Option<Self>, Error> {
        let path = dir.path().join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(match text.trim() {
                "founding" => Some(Self::Founding),
                "joining" => Some(Self::Joining),
                _ => None,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(path)(error)),
        }
    }

    /// Writes it durably, in the place of another.
    pub fn write(self, dir: &DataDir) -> Result<(), Error> {
        let text = match self {
            Self::Founding => "founding\n",
            Self::Joining => "joining\n",
        };
        let path = dir.path().join(FILE);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(Error::io(&path))?;
        sync(dir)
    }

    /// Takes it away; done already is fine.
    pub fn remove(dir: &DataDir) -> Result<(), Error> {
        let path = dir.path().join(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(error)),
            _ => sync(dir),
        }
    }
}

fn sync(dir: &DataDir) -> Result<(), Error> {
    File::open(dir.path()).and_then(|directory| directory.sync_all()).map_err(Error::io(dir.path()))
}
