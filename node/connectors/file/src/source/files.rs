use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::MatchOptions;

use super::settings::Settings;
use crate::error::FileError;

/// `*` stays inside a directory and does not match hidden files, among them the staging folders of destinations.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The regular files that a source reads, sorted by path. At least one, unless it waits for files.
pub fn to_read(settings: &Settings) -> Result<Vec<String>, FileError> {
    let Some(rest) = settings.watch else {
        let files = matching(&settings.path)?;
        return if files.is_empty() { Err(no_files(&settings.path)) } else { Ok(files) };
    };
    let mut files = matching(&settings.path)?;
    let mut failed = None;
    files.retain(|file| match rests(Path::new(file), rest) {
        Ok(rests) => rests,
        Err(error) => {
            failed.get_or_insert(error);
            false
        }
    });
    failed.map_or(Ok(files), Err)
}

/// Whether a file has not been written to for a while, by the clock of this machine. One that is gone again does not.
fn rests(file: &Path, rest: Duration) -> Result<bool, FileError> {
    match fs::metadata(file).and_then(|metadata| metadata.modified()) {
        Ok(modified) => Ok(modified.elapsed().is_ok_and(|age| age >= rest)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io("look at", file)(error)),
    }
}

fn no_files(path: &str) -> FileError {
    FileError::user(
        "no_files",
        format!("no file matches `{path}`"),
        "check the pattern; a relative path starts in the directory the command runs in",
    )
}

/// The regular files that the path names or the pattern matches, sorted by path.
fn matching(path: &str) -> Result<Vec<String>, FileError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => return Ok(vec![path.to_owned()]),
        Ok(metadata) => return Err(not_a_file(Path::new(path), metadata.is_dir())),
        Err(error) if !path.contains(['*', '?', '[']) => {
            return Err(FileError::io("read", Path::new(path))(error));
        }
        Err(_) => {}
    }
    let entries = glob::glob_with(path, MATCHING).map_err(|error| {
        FileError::user("file_path", format!("`{path}` is not a pattern: {}", error.msg), "check the pattern")
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let found = entry.map_err(|error| {
            let directory = error.path().to_owned();
            FileError::Io { action: "list", path: directory, error: error.into() }
        })?;
        let metadata = match fs::metadata(&found) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(FileError::io("look at", &found))?,
        };
        if metadata.is_file() {
            files.push(utf8(found)?);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn utf8(path: PathBuf) -> Result<String, FileError> {
    path.into_os_string().into_string().map_err(|name| {
        FileError::user(
            "file_name",
            format!("the name of {} is not UTF-8", Path::new(&name).display()),
            "rename the file",
        )
    })
}

/// A path that is something else than a file.
pub fn not_a_file(path: &Path, is_directory: bool) -> FileError {
    let shown = path.display();
    if is_directory {
        let help =
            format!("name the files in it, for example `{}/*.csv`", shown.to_string().trim_end_matches('/'));
        FileError::user("is_a_directory", format!("{shown} is a directory"), help)
    } else {
        let message = format!("{shown} is neither a file nor a directory");
        FileError::user("not_a_file", message, "only a regular file can be read again after an interruption")
    }
}
