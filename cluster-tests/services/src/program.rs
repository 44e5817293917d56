use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::ServiceError;

/// Where a program is, by the environment variable PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Runs a program to its end with `input` on its standard input; returns its standard output.
///
/// Anything but success is an error that carries its standard error.
pub fn output(command: &mut Command, input: &str) -> Result<String, ServiceError> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(ServiceError::io(name.clone()))?;
    let stdin = child.stdin.take();
    let ended = std::thread::scope(|scope| {
        // Beside the reading of the output: either pipe may be full before the other is empty. A program that ends
        // without having read everything tells by its status what that means.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })
    .map_err(ServiceError::io(name.clone()))?;
    if !ended.status.success() {
        return Err(ServiceError::Failed {
            command: name,
            status: ended.status.to_string(),
            stderr: String::from_utf8_lossy(&ended.stderr).trim_end().to_owned(),
        });
    }
    String::from_utf8(ended.stdout).map_err(|error| {
        ServiceError::io(name)(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_pipe_holds_passes_in_both_directions() {
        let text = "0123456789abcdef".repeat(1 << 16);
        assert_eq!(output(&mut Command::new("cat"), &text).unwrap(), text);
    }

    #[test]
    fn a_program_that_reads_nothing_is_no_failure() {
        let text = "x".repeat(1 << 20);
        assert_eq!(output(Command::new("echo").arg("done"), &text).unwrap(), "done\n");
    }

    #[test]
    fn a_failure_carries_standard_error() {
        let error = output(Command::new("sh").args(["-c", "echo broken >&2; exit 3"]), "").unwrap_err();
        assert!(
            matches!(&error, ServiceError::Failed { stderr, status, .. } if stderr == "broken" && status.contains('3')),
            "{error}"
        );
        assert_eq!(format!("{error}"), format!("{error:?}"));
    }

    #[test]
    fn output_that_is_not_text_is_an_error() {
        assert!(output(Command::new("printf").arg("\\377"), "").is_err());
    }
}
