use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, set_parent_process_death_signal};

/// The environment variable that names the file to which a process writes, at its end, how many chunks it fetched.
pub const CHUNKS_FILE: &str = "ORACLE_CHUNKS_FILE";

/// The environment variable that lets a node say that it is other software: `VERSION:LEVEL`.
pub const SOFTWARE: &str = "ACTIX_ETL_PRETENDED_SOFTWARE";

/// Runs `actix-etl` with the crash points of the environment variable FAILPOINTS.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Without effect only on systems that do not know it; then a killed harness leaves its processes behind.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let scenario = fail::FailScenario::setup();
    let chunks = Arc::new(AtomicU64::new(0));
    let counted = std::env::var_os(CHUNKS_FILE)
        .filter(|_| !fail::list().iter().any(|(name, _)| name == "chunk_read"))
        .filter(|_| {
            let chunks = Arc::clone(&chunks);
            fail::cfg_callback("chunk_read", move || {
                chunks.fetch_add(1, Ordering::Relaxed);
            })
            .is_ok()
        });
    let exit = actix_etl::run_command_line(std::iter::once(OsString::from("actix-etl")).chain(arguments));
    if let Some(path) = counted
        && let Err(error) = std::fs::write(path, chunks.load(Ordering::Relaxed).to_string())
    {
        eprintln!("{CHUNKS_FILE}: {error}");
    }
    scenario.teardown();
    exit
}
