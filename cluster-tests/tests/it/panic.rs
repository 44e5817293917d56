use std::process::{Command, Stdio};

/// What must be found nowhere.
const CANARY: &str = "canary-7-of-the-mine";

/// A panic passes every layer, with a text that nobody chose. Whatever it holds, the log and the run's end do not show it.
#[test]
fn a_panic_that_holds_a_secret_does_not_show_it() {
    let site = tempfile::tempdir().unwrap();
    let workflow = "workflow:\n  name: numbers\n  retry: { max_attempts: 2, initial_backoff: 10ms, max_backoff: 20ms }\n  source: { \
                    name: numbers, type: generate, config: { rows: 5 } }\n  transformations: []\n  destination: { name: sink, type: \
                    sqlite, config: { path: \"${secret:key}.db\", table: t } }\n";
    std::fs::write(site.path().join("numbers.yaml"), workflow).unwrap();
    for point in ["chunk_read", "chunk_processed", "rows_written", "commit_started"] {
        for more in [["--progress", "json"], ["-o", "json"]] {
            let ended = Command::new(env!("CARGO_BIN_EXE_cluster-tests"))
                .args(["node-under-test", "run", "numbers.yaml", "--restart"])
                .args(more)
                .current_dir(site.path())
                .env("ACTIX_ETL_SECRET_KEY", CANARY)
                .env("ACTIX_ETL_LOG", "trace")
                .env("FAILPOINTS", format!("{point}=panic({CANARY})"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let [out, err] =
                [&ended.stdout, &ended.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
            assert!(
                !ended.status.success() && err.contains("panicked"),
                "{point}: {}\n{out}\n{err}",
                ended.status
            );
            assert!(!out.contains(CANARY) && !err.contains(CANARY), "{point}\n{out}\n{err}");
        }
    }
}
