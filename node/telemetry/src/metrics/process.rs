use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Sample, Sampler};
use crate::catalog::{CPU, FILES, MEMORY, STARTED, VIRTUAL_MEMORY};

/// Ticks of `/proc/self/stat` per second; the kernel tells 100 to every program, whatever it ticks at itself (`USER_HZ`).
const TICKS: f64 = 100.0;
/// Bytes of `VmRSS` and `VmSize` in `/proc/self/status`, which are told in KiB.
const KIB: f64 = 1024.0;

/// Tells what this process uses, where the system has a `/proc` (proc(5)).
pub(crate) struct ProcessSampler {
    started: SystemTime,
}

impl ProcessSampler {
    /// Of a process that has begun just now.
    pub fn new() -> Self {
        Self { started: SystemTime::now() }
    }
}

impl Sampler for ProcessSampler {
    fn sample(&self, sample: &mut Sample) {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        sample.set(&STARTED, &[], started.as_secs_f64());
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            sample.set(&CPU, &[], seconds);
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (metric, field) in [(&MEMORY, "VmRSS:"), (&VIRTUAL_MEMORY, "VmSize:")] {
            if let Some(kib) = kib_of(&status, field) {
                sample.set(metric, &[], kib * KIB);
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // The directory that is read here is one of them.
            sample.set(&FILES, &[], files.count().saturating_sub(1) as f64);
        }
    }
}

/// Time in user and kernel mode: fields 14 and 15. The second one, the name, stands in brackets and may contain anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn kib_of(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_name_of_a_program_does_not_confuse() {
        let stat = "7 (a ) S b) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!((cpu_seconds(""), cpu_seconds("7 (x) S 1")), (None, None));
        assert_eq!(kib_of("VmSize:\t  12 kB\nVmRSS:\t   7 kB\n", "VmRSS:"), Some(7.0));
        assert_eq!(kib_of("VmSize: x", "VmSize:"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let mut sample = Sample::default();
        ProcessSampler::new().sample(&mut sample);
        let text = format!("{sample:?}");
        for metric in [CPU, MEMORY, VIRTUAL_MEMORY, FILES, STARTED] {
            assert!(text.contains(metric.name), "{text}");
        }
    }
}
