use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{ServiceError, program};

/// The bit that lets everyone pass through a directory.
const OTHERS_PASS: u32 = 0o001;

/// Under whose name a server runs: under its package's user when this process is root, which many servers refuse,
/// and otherwise under the own one.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The account of a server whose package makes the user `name`.
    pub fn of(name: &str, help: &str) -> Result<Self, ServiceError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        let id = |flag: &str| -> Result<u32, ServiceError> {
            let missing =
                || ServiceError::Missing { program: format!("the user `{name}`"), help: help.to_owned() };
            let text = program::output(Command::new("id").args([flag, name]), "").map_err(|_| missing())?;
            text.trim().parse().map_err(|_| missing())
        };
        Ok(Self { ids: Some((id("-u")?, id("-g")?)) })
    }

    /// A command under this account, which gets `death` when the thread that started it ends.
    ///
    /// `setpriv` becomes the program by exec, so the process id is the program's.
    pub fn command(self, program: impl AsRef<OsStr>, death: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", death]);
        if let Some((user, group)) = self.ids {
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Gives a file or directory to the account.
    pub fn give(self, path: &Path) -> Result<(), ServiceError> {
        match self.ids {
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(ServiceError::at(path)),
            None => Ok(()),
        }
    }

    /// A new directory of the account, closed for others, in `parent` or where the system keeps temporary files.
    pub fn directory(self, parent: Option<&Path>, prefix: &str) -> Result<TempDir, ServiceError> {
        let parent = match parent {
            Some(parent) => std::path::absolute(parent).map_err(ServiceError::at(parent))?,
            None => self.temporary()?,
        };
        if let Some(closed) = self.closed_above(&parent)? {
            return Err(ServiceError::Refused(format!(
                "{} is closed for the user of the server: `chmod o+x` it, or name another directory",
                closed.display()
            )));
        }
        let directory =
            tempfile::Builder::new().prefix(prefix).tempdir_in(&parent).map_err(ServiceError::at(&parent))?;
        self.give(directory.path())?;
        Ok(directory)
    }

    /// A temporary directory that the account can reach; root's own may be in its closed home.
    fn temporary(self) -> Result<PathBuf, ServiceError> {
        let usual = std::env::temp_dir();
        for candidate in [usual.clone(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")] {
            if candidate.is_dir() && self.closed_above(&candidate)?.is_none() {
                return Ok(candidate);
            }
        }
        Ok(usual)
    }

    /// The first of the directory and those above it that the account cannot pass.
    fn closed_above(self, directory: &Path) -> Result<Option<PathBuf>, ServiceError> {
        if self.ids.is_none() {
            return Ok(None);
        }
        for ancestor in directory.ancestors() {
            let mode = ancestor.metadata().map_err(ServiceError::at(ancestor))?.permissions().mode();
            if mode & OTHERS_PASS == 0 {
                return Ok(Some(ancestor.to_path_buf()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn another_user() -> Account {
        Account { ids: Some((65_534, 65_534)) }
    }

    #[test]
    fn a_directory_behind_a_closed_one_is_refused() {
        let closed = tempfile::tempdir().unwrap();
        let inner = closed.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let error = another_user().directory(Some(&inner), "x").unwrap_err().to_string();
        assert!(error.contains(&closed.path().display().to_string()) && error.contains("o+x"), "{error}");
    }

    #[test]
    fn the_own_account_passes_everywhere() {
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let made = Account { ids: None }.directory(Some(closed.path()), "x").unwrap();
        assert!(made.path().starts_with(closed.path()));
    }

    #[test]
    fn a_command_keeps_its_arguments_and_its_status() {
        let mut command = Account { ids: None }.command("sh", "KILL");
        let text = program::output(command.args(["-c", "echo \"$1\"", "sh", "--x y"]), "").unwrap();
        assert_eq!(text, "--x y\n");
        assert!(program::output(&mut Account { ids: None }.command("false", "KILL"), "").is_err());
    }

    #[test]
    fn as_root_a_user_that_does_not_exist_is_missing() {
        let account = Account::of("no-such-user-here", "install it");
        match rustix::process::geteuid().is_root() {
            true => assert!(account.unwrap_err().to_string().contains("no-such-user-here")),
            false => assert!(account.unwrap().ids.is_none()),
        }
    }
}
