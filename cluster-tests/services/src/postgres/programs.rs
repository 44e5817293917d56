use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{ServiceError, program};

/// The environment variable that names the directory with the programs of the server.
const DIRECTORY: &str = "ACTIX_ETL_TEST_POSTGRES_BIN";
/// Where Debian and its relatives put every major version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// How to get the programs.
pub const HELP: &str = "install the packages postgresql and postgresql-client (.ci/test does), or set \
                        ACTIX_ETL_TEST_POSTGRES_BIN to a directory with the programs initdb, postgres and psql";

/// The environment variable that names the directory with the programs of PostgreSQL 18.
const DIRECTORY_18: &str = "ACTIX_ETL_TEST_POSTGRES_18_BIN";
/// The environment variable that tells tests which major version their servers must have.
const EXPECTED: &str = "ACTIX_ETL_TEST_POSTGRES_EXPECTED";
/// How to get them.
const HELP_18: &str = "run .ci/test, which fetches PostgreSQL 18, or set ACTIX_ETL_TEST_POSTGRES_18_BIN to a directory with \
                       its programs initdb and postgres";

/// The programs of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Makes a cluster.
    pub initdb: PathBuf,
    /// The server.
    pub postgres: PathBuf,
    /// The client.
    pub psql: PathBuf,
    /// Copies a running server.
    pub pg_basebackup: Option<PathBuf>,
}

impl Programs {
    /// The named installation, else the newest one of the packages, else the one in PATH.
    pub fn find() -> Result<Self, ServiceError> {
        if let Some(named) = std::env::var_os(DIRECTORY).filter(|value| !value.is_empty()) {
            return Self::in_directory(Path::new(&named));
        }
        let beside = |file: PathBuf| file.parent().map(Path::to_path_buf);
        match newest(Path::new(VERSIONS)).or_else(|| program::in_path("initdb").and_then(beside)) {
            Some(directory) => Self::in_directory(&directory),
            None => Err(ServiceError::Missing { program: "PostgreSQL".to_owned(), help: HELP.to_owned() }),
        }
    }

    fn in_directory(directory: &Path) -> Result<Self, ServiceError> {
        let server = |name: &str| {
            let file = directory.join(name);
            if file.is_file() { Ok(file) } else { Err(missing(&file)) }
        };
        // Some distributions of the server come without the client.
        let psql = server("psql").or_else(|error| program::in_path("psql").ok_or(error))?;
        let pg_basebackup = server("pg_basebackup").ok();
        Ok(Self { initdb: server("initdb")?, postgres: server("postgres")?, psql, pg_basebackup })
    }
}

/// The directory with the programs of PostgreSQL 18: the named one, else where `.ci/test` puts them.
fn directory_18() -> Result<PathBuf, ServiceError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || match rustix::process::geteuid().is_root() {
        true => Some(PathBuf::from("/var/cache")),
        false => set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))),
    };
    let fetched = || cache().map(|cache| cache.join("actix-etl/postgresql-18/bin"));
    set(DIRECTORY_18).or_else(fetched).filter(|directory| directory.join("postgres").is_file()).ok_or_else(
        || ServiceError::Missing { program: "PostgreSQL 18".to_owned(), help: HELP_18.to_owned() },
    )
}

/// The major version that the servers of this process must have, where [`again_on_postgres_18`] has started it.
pub fn expected_postgres() -> Option<String> {
    std::env::var(EXPECTED).ok()
}

/// Runs the tests of this test program once more, all servers of which are PostgreSQL 18. Tests whose names contain one of
/// `except` are left out: the one that calls this, and those that need a program which comes without.
///
/// # Errors
/// [`ServiceError::Missing`] without PostgreSQL 18; [`ServiceError::Failed`] with what the tests have told.
pub fn again_on_postgres_18(except: &[&str]) -> Result<(), ServiceError> {
    let program = std::env::current_exe().map_err(ServiceError::io("this test program"))?;
    let mut again = Command::new(program);
    for name in except {
        again.args(["--skip", name]);
    }
    again.env(DIRECTORY, directory_18()?).env(EXPECTED, "18");
    let ended = again.output().map_err(ServiceError::io("this test program"))?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(ServiceError::Failed {
            command: "the tests on PostgreSQL 18".to_owned(),
            status: ended.status.to_string(),
            stderr: String::from_utf8_lossy(&ended.stdout).into_owned(),
        }),
    }
}

fn missing(file: &Path) -> ServiceError {
    ServiceError::Missing { program: file.display().to_string(), help: HELP.to_owned() }
}

/// The directory `VERSION/bin` with a server and the highest version.
fn newest(versions: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(versions).ok()?.flatten();
    let versions = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version: Vec<u32> = name.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        let directory = entry.path().join("bin");
        directory.join("postgres").is_file().then_some((version, directory))
    });
    versions.max().map(|(_, directory)| directory)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn install(directory: &Path, names: &[&str]) {
        fs::create_dir_all(directory).unwrap();
        for name in names {
            fs::write(directory.join(name), "").unwrap();
        }
    }

    #[test]
    fn the_newest_version_with_a_server_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9.6", "15", "9.10", "x"] {
            install(&root.path().join(version).join("bin"), &["postgres"]);
        }
        install(&root.path().join("16/bin"), &["psql"]);
        assert_eq!(newest(root.path()), Some(root.path().join("15/bin")));
        assert_eq!(newest(&root.path().join("nowhere")), None);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), &["initdb", "psql"]);
        let error = Programs::in_directory(root.path()).unwrap_err().to_string();
        assert!(
            error.contains("postgres is not installed") && error.contains("postgresql-client"),
            "{error}"
        );
        install(root.path(), &["postgres"]);
        assert_eq!(Programs::in_directory(root.path()).unwrap().psql, root.path().join("psql"));
    }
}
