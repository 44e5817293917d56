use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// One proof at a time: each starts processes of its own that use all cores.
static TURN: Mutex<()> = Mutex::new(());

/// The longest takes six minutes on busy cores. One that hangs is to be seen as such, with what it has said.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Runs the short form of a proof with these arguments, which ask for JSON; it must hold. What it has told.
pub fn proof(arguments: &[&str]) -> Value {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = tempfile::tempdir().unwrap();
    let [out, err] = ["stdout", "stderr"].map(|name| scratch.path().join(name));
    let process = Command::new(env!("CARGO_BIN_EXE_cluster-tests"))
        .args(arguments)
        .args(["--short", "--scratch"])
        .arg(scratch.path())
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        // What it has started ends with it, also when it has to be killed.
        .process_group(0)
        .spawn()
        .unwrap();
    let ended = ended(process);
    let told = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let (stdout, stderr) = (told(&out), told(&err));
    match ended {
        Some(status) => assert!(status.success(), "{status}\n{stdout}\n{stderr}"),
        None => panic!("{arguments:?} does not end\n{stdout}\n{stderr}"),
    }
    serde_json::from_str(&stdout).unwrap()
}

/// How it has ended; `None` when it had to be killed.
fn ended(mut process: Child) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return Some(status);
        }
        if began.elapsed() > PATIENCE {
            kill_process_group(Pid::from_child(&process), Signal::KILL).unwrap();
            process.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
