//! Crashes, zombies and races at the destination.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use arrow::array::{Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use etl_connector_file::FileDestination;
use etl_model::{Batch, Claim, Counters, Marker, PartitionId, Route, RunId, StepName, Unit, WorkflowName};
use etl_sdk::{ConnectorError, Destination, DestinationConnector, RouteWriter, RunContext};
use serde_json::{Value, json};

fn context(run: RunId) -> RunContext {
    RunContext { workflow: WorkflowName::new("orders").unwrap(), run }
}

fn route(partition: &str) -> Route {
    Route {
        workflow: WorkflowName::new("orders").unwrap(),
        source: StepName::new("source").unwrap(),
        partition: PartitionId(partition.to_owned()),
        destination: StepName::new("target").unwrap(),
        shard: None,
    }
}

fn destination(path: &Path, extra: Value) -> Arc<dyn Destination> {
    let slash = if path.extension().is_none() { "/" } else { "" };
    let mut config = json!({"path": format!("{}{slash}", path.display()), "format": "jsonl"});
    config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    FileDestination.configure(&config).unwrap()
}

fn batch(ids: std::ops::Range<i64>) -> Batch {
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
    let ordinals = UInt64Array::from_iter_values(ids.clone().map(|id| id as u64));
    let column = Arc::new(Int64Array::from_iter_values(ids));
    Batch::new(RecordBatch::try_new(schema, vec![column]).unwrap(), ordinals).unwrap()
}

fn claim(run: RunId, epoch: u64) -> Claim {
    Claim { run, epoch, start: None, replaces: Vec::new() }
}

fn unit(before: &Marker, rows: u64, done: bool) -> Unit {
    let counters = Counters { read: rows, delivered: rows, ..Counters::default() };
    Unit { marker: Marker { seq: before.seq + 1, done, counters, ..before.clone() } }
}

async fn deliver(
    target: &Arc<dyn Destination>,
    writer: &mut Box<dyn RouteWriter>,
    before: &Marker,
    ids: std::ops::Range<i64>,
    done: bool,
) -> Result<Marker, ConnectorError> {
    let unit = unit(before, (ids.end - ids.start) as u64, done);
    writer.write(target.encoder().encode(batch(ids))?).await?;
    writer.stage(&unit).await?;
    writer.commit(&unit).await?;
    Ok(unit.marker)
}

async fn run_all(
    target: &Arc<dyn Destination>,
    run: RunId,
    replaces: Vec<RunId>,
    epoch: u64,
    ids: std::ops::Range<i64>,
) {
    let mut writer = target.open(&context(run), &route("p"), 0).await.unwrap();
    let claim = Claim { replaces, ..claim(run, epoch) };
    let marker = writer.fence(&claim).await.unwrap();
    deliver(target, &mut writer, &marker, ids, true).await.unwrap();
    target.complete(&context(run), &[route("p")]).await.unwrap();
}

fn ids(text: &str) -> Vec<i64> {
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect()
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut parts: Vec<_> =
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-")).collect();
    parts.sort();
    parts
}

#[tokio::test]
async fn an_existing_target_is_refused_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let (first, second) = (RunId::generate(), RunId::generate());
    let target = destination(&path, json!({}));
    target.check(&context(first)).await.unwrap();
    run_all(&target, first, Vec::new(), 1, 0..5).await;
    target.check(&context(first)).await.unwrap();
    target.complete(&context(first), &[route("p")]).await.unwrap();
    let error = target.check(&context(second)).await.unwrap_err();
    assert_eq!(error.code(), "target_exists");
    assert_eq!(error.to_string(), format!("{} exists already", path.display()));
    assert_eq!(
        error.help().unwrap(),
        "set `mode: replace` to replace it when the new content is complete, or end `path` with `/` to add part files \
         to a directory"
    );
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn replace_keeps_the_old_content_until_the_new_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    fs::write(&path, "old\n").unwrap();
    let target = destination(&path, json!({"mode": "replace"}));
    let (first, second) = (RunId::generate(), RunId::generate());
    target.check(&context(first)).await.unwrap();
    let mut writer = target.open(&context(first), &route("p"), 0).await.unwrap();
    let marker = writer.fence(&claim(first, 1)).await.unwrap();
    let marker = deliver(&target, &mut writer, &marker, 0..3, false).await.unwrap();
    deliver(&target, &mut writer, &marker, 3..6, true).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
    target.complete(&context(first), &[route("p")]).await.unwrap();
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), [0, 1, 2, 3, 4, 5]);
    run_all(&target, second, vec![first], 2, 10..12).await;
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), [10, 11]);
    let late = target.complete(&context(first), &[route("p")]).await.unwrap_err();
    assert_eq!(late.code(), "fenced");
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), [10, 11]);
}

#[tokio::test]
async fn a_crash_before_publishing_a_part_is_mended_by_the_next_fence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let (run, target) = (RunId::generate(), destination(&folder.path().join("out"), json!({})));
    target.check(&context(run)).await.unwrap();
    let mut writer = target.open(&context(run), &route("p"), 0).await.unwrap();
    let marker = writer.fence(&claim(run, 1)).await.unwrap();
    // Another file stands where the part will be, so the commit is durable and its publication fails.
    let marker = deliver(&target, &mut writer, &marker, 0..3, false).await.unwrap();
    let second = parts(&path)[0].to_str().unwrap().replace("-00000001-", "-00000002-");
    fs::write(&second, "foreign").unwrap();
    let error = deliver(&target, &mut writer, &marker, 3..6, false).await.unwrap_err();
    assert_eq!(error.code(), "part_exists");
    fs::remove_file(&second).unwrap();
    let mut writer = target.open(&context(run), &route("p"), 7).await.unwrap();
    let marker = writer.fence(&claim(run, 2)).await.unwrap();
    assert_eq!((marker.seq, ids(&fs::read_to_string(&second).unwrap())), (2, vec![3, 4, 5]));
    // A part that somebody has fetched in the meantime does not come back.
    fs::remove_file(&second).unwrap();
    let mut writer = target.open(&context(run), &route("p"), 7).await.unwrap();
    let marker = Marker { epoch: 3, ..marker };
    assert_eq!(writer.fence(&claim(run, 3)).await.unwrap(), marker);
    deliver(&target, &mut writer, &marker, 6..7, true).await.unwrap();
    target.complete(&context(run), &[route("p")]).await.unwrap();
    assert_eq!(parts(&path).len(), 2);
}

#[tokio::test]
async fn replacing_a_directory_removes_only_its_own_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let target = destination(&path, json!({"mode": "replace"}));
    let (first, second) = (RunId::generate(), RunId::generate());
    target.check(&context(first)).await.unwrap();
    for name in ["notes.txt", "part-00000000-00000-00000001-0123456789abcdef.jsonl"] {
        fs::write(path.join(name), "mine").unwrap();
    }
    run_all(&target, first, Vec::new(), 1, 0..3).await;
    run_all(&target, second, vec![first], 2, 5..6).await;
    let texts: Vec<_> = parts(&path).iter().map(|part| fs::read_to_string(part).unwrap()).collect();
    assert!(texts.contains(&"mine".to_owned()) && texts.contains(&"{\"id\":5}\n".to_owned()), "{texts:?}");
    assert_eq!((texts.len(), path.join("notes.txt").exists()), (2, true));
}

#[tokio::test]
async fn bytes_that_a_paused_writer_adds_later_stay_invisible() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let (run, target) = (RunId::generate(), destination(&path, json!({})));
    let mut paused = target.open(&context(run), &route("p"), 0).await.unwrap();
    let marker = paused.fence(&claim(run, 1)).await.unwrap();
    let marker = deliver(&target, &mut paused, &marker, 0..3, false).await.unwrap();
    let mut owner = target.open(&context(run), &route("p"), 0).await.unwrap();
    let held = owner.fence(&claim(run, 2)).await.unwrap();
    // Nothing is left to write: the whole content lies in the paused writer's segment.
    let last = unit(&held, 3, true);
    owner.stage(&last).await.unwrap();
    owner.commit(&last).await.unwrap();
    target.complete(&context(run), &[route("p")]).await.unwrap();
    let late = deliver(&target, &mut paused, &marker, 3..9, false).await.unwrap_err();
    assert_eq!(late.code(), "fenced");
    assert_eq!(ids(&fs::read_to_string(&path).unwrap()), [0, 1, 2]);
}

#[test]
fn of_writers_that_race_for_a_unit_one_wins() {
    for round in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let run = RunId::generate();
        let barrier = Arc::new(Barrier::new(4));
        let racers: Vec<_> = (1..=4u64)
            .map(|epoch| {
                let (target, barrier) = (destination(&path, json!({})), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let mut writer = target.open(&context(run), &route("p"), 0).await.unwrap();
                        barrier.wait();
                        let marker = writer.fence(&claim(run, epoch)).await?;
                        deliver(&target, &mut writer, &marker, 0..5, true).await
                    })
                })
            })
            .collect();
        let results: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        let target = destination(&path, json!({}));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut writer = target.open(&context(run), &route("p"), 0).await.unwrap();
            let marker = writer.fence(&claim(run, 9)).await.unwrap();
            let winners = results.iter().filter(|result| result.is_ok()).count() as u64;
            // A later epoch may go on from a unit that an earlier one has just committed.
            assert_eq!(marker.seq, winners, "round {round}: {results:?}");
            assert!(winners >= 1 && results[3].is_ok());
            if !marker.done {
                deliver(&target, &mut writer, &marker, 0..0, true).await.unwrap();
            }
            target.complete(&context(run), &[route("p")]).await.unwrap();
            assert_eq!(ids(&fs::read_to_string(&path).unwrap()).len() as u64, winners * 5);
        });
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(error.code(), "fenced", "round {round}: {error}");
        }
    }
}

#[tokio::test]
async fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = context(RunId::generate());
    let code = async |path: &str| {
        let config = json!({"path": path, "format": "jsonl"});
        FileDestination.configure(&config).unwrap().check(&run).await.unwrap_err().code()
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(code(&at("missing/a.jsonl")).await, "directory_missing");
    assert_eq!(code(&at("missing/below/")).await, "directory_missing");
    assert_eq!(code(&format!("{}/file/", folder.path().display())).await, "not_a_directory");
    assert_eq!(code(&folder.path().display().to_string()).await, "is_a_directory");
    assert_eq!(code("/proc/a.jsonl").await, "not_found");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_fault_of_a_config_is_reported() {
    let config = json!({"path": "out/*.parquet", "compression": "gzip", "json": {}, "unit_size": "0B"});
    let errors: Vec<_> =
        FileDestination.configure(&config).err().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "path: `out/*.parquet` is a pattern; a destination writes one path",
            "compression: Parquet compresses its own pages",
            "json: `json` has no meaning for this format",
            "unit_size: a unit of no bytes can never be filled",
        ]
    );
}
