use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// One proof at a time: each starts processes of its own that use all cores.
static TURN: Mutex<()> = Mutex::new(());

/// Runs the short form of a proof with these arguments, which ask for JSON; it must hold. What it has told.
pub fn proof(arguments: &[&str]) -> Value {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cluster-tests"))
        .args(arguments)
        .args(["--short", "--scratch"])
        .arg(scratch.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    serde_json::from_str(&stdout).unwrap()
}
