use std::io::Read;
use std::process::Stdio;

use crate::site::Site;

/// What the process has allocated now, in KiB; `None` once it has ended and only its last output is left to read. Not its
/// whole resident set: the pages of the program itself are several times as many in a test build as in a released one.
fn allocated(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    Some(line.split_whitespace().nth(1).unwrap().parse().unwrap())
}

/// 96 rows of 1 MB and a reader that is the slower of the two.
#[test]
#[cfg(target_os = "linux")]
fn wide_rows_and_a_slow_destination_stay_inside_the_budget() {
    let site = Site::new();
    site.write(
        "wide.yaml",
        "workflow:\n  name: wide\n  source: { type: generate, config: { rows: 96, row_bytes: 1MB } }\n  \
         transformations: []\n  destination: { type: stdout }\n",
    );
    let mut command = site.command(&["run", "wide.yaml", "--memory", "64MiB", "--progress", "none"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let (mut rows, mut highest) = (0, 0);
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        let n = pipe.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        rows += buffer[..n].iter().filter(|byte| **byte == b'\n').count();
        if rows < 96 {
            highest = highest.max(allocated(child.id()).unwrap_or(0));
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(rows, 96);
    assert!(highest > 1000, "the peak was seen: {highest} KiB");
    assert!(highest <= 64 << 10, "{highest} KiB are more than 64 MiB");
}
