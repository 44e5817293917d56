//! The contract that every connector keeps, run over every format and compression.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use etl_connector_file::{FileDestination, FileSource};
use etl_sdk::conformance::{self, Site};
use etl_sdk::{DestinationConnector, Fetched, ReadOptions, SourceConnector};
use serde_json::{Value, json};

/// All rows of the files that a path or pattern names, read by the source itself.
async fn rows_of(path: String) -> Vec<Value> {
    let config = json!({"path": path, "schema": {}});
    let source = FileSource.configure(&config).unwrap();
    let mut rows = Vec::new();
    let found = match source.discover(&[]).await {
        Ok(found) => found,
        Err(error) if error.code() == "no_files" => return rows,
        Err(error) => panic!("{error}"),
    };
    let options = ReadOptions { chunk_bytes: 1 << 20, max_record_bytes: 1 << 20 };
    for partition in found.partitions {
        let mut reader = source.read(&partition, None, &options).await.unwrap();
        while let Fetched::Chunk(chunk) = reader.next().await.unwrap() {
            let decoded = chunk.decode().unwrap();
            assert!(decoded.errors.is_empty(), "{:?}", decoded.errors);
            for batch in decoded.batches {
                rows.extend(
                    (0..batch.len()).map(|row| etl_formats::json::row_to_value(batch.records(), row)),
                );
            }
        }
    }
    rows
}

fn read_blocking(path: String) -> Vec<Value> {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(rows_of(path))
    };
    std::thread::spawn(work).join().unwrap()
}

fn site(name: &'static str, extra: Value) -> Site {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let target = folder.path().join(name).display().to_string() + if name.ends_with('/') { "/" } else { "" };
    let target = target.replace("//", "/");
    let mut config = json!({"path": target});
    config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let pattern = if target.ends_with('/') { format!("{target}part-*") } else { target };
    Site::new(
        move || FileDestination.configure(&config).unwrap(),
        move || {
            let _kept = &folder;
            read_blocking(pattern.clone())
        },
    )
}

#[tokio::test]
async fn single_files_keep_the_contract_of_a_destination() {
    for name in [
        "out.csv",
        "out.tsv",
        "out.json",
        "out.jsonl",
        "out.parquet",
        "out.csv.gz",
        "out.csv.zst",
        "out.json.gz",
        "out.json.zst",
        "out.jsonl.gz",
        "out.jsonl.zst",
    ] {
        for mode in ["append", "replace"] {
            let kept = conformance::destination(|| site(name, json!({"mode": mode}))).await;
            kept.unwrap_or_else(|violation| panic!("{name}, {mode}: {violation}"));
        }
    }
}

#[tokio::test]
async fn directories_keep_the_contract_of_a_destination() {
    for (format, compression) in
        [("csv", "none"), ("json", "gzip"), ("json", "none"), ("jsonl", "zstd"), ("parquet", "none")]
    {
        for mode in ["append", "replace"] {
            let extra = json!({"format": format, "compression": compression, "mode": mode});
            let kept = conformance::destination(|| site("out/", extra.clone())).await;
            kept.unwrap_or_else(|violation| panic!("{extra}: {violation}"));
        }
    }
}

fn sample(format: &str) -> Vec<u8> {
    let mut text = String::new();
    for i in 0..60 {
        let value =
            format!("{{\"id\": {i}, \"name\": \"line\\n{i}, \\\"quoted\\\"\", \"score\": {}.5}}", i * 3);
        match format {
            "csv" if i == 0 => text += "id,name,score\r\n0,\"a\nb\",1.5\r\n\r\n",
            "csv" if i == 30 => text += "30,too few\r\n",
            "csv" => text += &format!("{i},\"line\n{i}, \"\"quoted\"\"\",{}.5\r\n", i * 3),
            "json" => text += &format!("{} {value}", if i == 0 { "[" } else { ",\n" }),
            _ if i == 30 => text += "{\"id\": 1, \"id\": 2}\n\n",
            _ => text += &format!("{value}\n"),
        }
    }
    if format == "json" {
        text += "\n]\n";
    }
    text.into_bytes()
}

fn compressed(name: &str, text: Vec<u8>) -> Vec<u8> {
    use std::io::Write;
    let mut writer = etl_formats::Compression::from_path(Path::new(name)).writer(Vec::new()).unwrap();
    writer.write_all(&text).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn every_format_keeps_the_contract_of_a_source() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["csv", "json", "jsonl"] {
        for behind in ["", ".gz", ".zst"] {
            let name = format!("sample.{format}{behind}");
            let path = folder.path().join(&name);
            fs::write(&path, compressed(&name, sample(format))).unwrap();
            let report = conformance::source(|| FileSource.configure(&json!({"path": path})).unwrap()).await;
            let report = report.unwrap_or_else(|violation| panic!("{name}: {violation}"));
            assert_eq!((report.partitions, report.records), (1, 60), "{name}");
            assert!(report.replays > 20, "{name}: {report:?}");
        }
    }
    let pattern = folder.path().join("*.csv*");
    let report =
        conformance::source(|| FileSource.configure(&json!({"path": pattern})).unwrap()).await.unwrap();
    assert_eq!((report.partitions, report.records), (3, 180));
}

#[test]
fn descriptors_are_complete() {
    conformance::descriptor(&FileSource.descriptor()).unwrap();
    conformance::descriptor(&FileDestination.descriptor()).unwrap();
}
