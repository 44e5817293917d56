use std::fs;
use std::time::Duration;

use tokio::time::Instant;

/// What some processes used in a while, each.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Usage {
    /// Share of one core.
    pub cores: Vec<f64>,
    /// Resident memory at the end, in MiB; pages of the program's file, which all its processes share, are part of it.
    pub resident_mib: Vec<f64>,
    /// Of it, what is the process's own.
    pub own_mib: Vec<f64>,
}

/// CPU time of a process so far, from `/proc/PID/stat` (proc(5), fields 14 and 15); hundredths of seconds.
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The command's name stands in brackets before the other fields and may contain anything.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let numbers = rest.split_whitespace().skip(11).take(2);
    numbers.filter_map(|number| number.parse::<u64>().ok()).sum()
}

/// A field of `/proc/PID/status` in MiB.
fn memory_mib(process: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

/// Watches processes for a while.
pub async fn over(time: Duration, processes: &[u32]) -> Usage {
    let before: Vec<_> = processes.iter().map(|&process| ticks(process)).collect();
    let began = Instant::now();
    tokio::time::sleep(time).await;
    let seconds = began.elapsed().as_secs_f64();
    let cores = processes
        .iter()
        .zip(before)
        .map(|(&process, before)| ticks(process).saturating_sub(before) as f64 / 100.0 / seconds);
    Usage {
        cores: cores.collect(),
        resident_mib: processes.iter().map(|&process| memory_mib(process, "VmRSS")).collect(),
        own_mib: processes.iter().map(|&process| memory_mib(process, "RssAnon")).collect(),
    }
}
