//! Reading goes on at any chunk's end, and refuses files that are not what they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etl_connector_file::FileSource;
use etl_model::{Position, RecordError};
use etl_sdk::{ConnectorError, Fetched, ReadOptions, Source, SourceConnector};
use serde_json::{Value, json};
use tempfile::TempDir;

const OPTIONS: ReadOptions = ReadOptions { chunk_bytes: 40, max_record_bytes: 1 << 20 };

struct Read {
    rows: Vec<Value>,
    errors: Vec<RecordError>,
    ends: Vec<Position>,
    source_bytes: u64,
}

fn source(path: &Path) -> Arc<dyn Source> {
    FileSource.configure(&json!({"path": path})).unwrap()
}

async fn read(path: &Path, from: Option<&Position>) -> Result<Read, ConnectorError> {
    let source = source(path);
    let found = source.discover(&[]).await?;
    let mut reader = source.read(&found.partitions[0], from, &OPTIONS).await?;
    let mut read = Read { rows: Vec::new(), errors: Vec::new(), ends: Vec::new(), source_bytes: 0 };
    loop {
        match reader.next().await? {
            Fetched::Chunk(chunk) => {
                read.source_bytes += chunk.source_bytes();
                read.ends.push(chunk.end());
                let decoded = chunk.decode()?;
                for batch in decoded.batches {
                    let rows = 0..batch.len();
                    read.rows.extend(rows.map(|row| etl_formats::json::row_to_value(batch.records(), row)));
                }
                read.errors.extend(decoded.errors);
            }
            Fetched::End(end) => {
                read.ends.push(end);
                return Ok(read);
            }
            Fetched::Idle(_) => panic!("a file is never idle"),
        }
    }
}

fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|i| format!("{{\"id\":{i},\"name\":\"n{i}\"}}\n")).collect()
}

fn fault(result: Result<Read, ConnectorError>) -> (String, String) {
    let error = result.err().expect("an error");
    (error.code().to_owned(), error.to_string())
}

#[tokio::test]
async fn progress_counts_every_byte_once() {
    for (name, content) in [("a.jsonl", lines(0, 50)), ("a.csv", "id,x\n1,2\n3,4\n\n".to_owned())] {
        let (_folder, path) = file(name, content.as_bytes());
        let all = read(&path, None).await.unwrap();
        assert_eq!(all.source_bytes, content.len() as u64, "{name}");
        let end = all.ends.last().unwrap();
        assert_eq!(end.next, content.len() as u64);
        let none = read(&path, Some(end)).await.unwrap();
        assert_eq!((none.rows.len(), none.source_bytes, &none.ends), (0, 0, &vec![end.clone()]));
    }
}

#[tokio::test]
async fn records_appended_during_an_interruption_are_read() {
    let (_folder, path) = file("a.jsonl", lines(0, 20).as_bytes());
    let first = read(&path, None).await.unwrap();
    fs::write(&path, lines(0, 25)).unwrap();
    for (position, expected) in [(first.ends.last().unwrap(), 5), (&first.ends[0], 24)] {
        let rest = read(&path, Some(position)).await.unwrap();
        assert!(rest.rows.len() >= expected && rest.rows.last().unwrap()["id"] == 24, "{}", rest.rows.len());
    }
}

#[tokio::test]
async fn changed_files_are_refused() {
    let text = lines(0, 20);
    let (_folder, path) = file("a.jsonl", text.as_bytes());
    let ends = read(&path, None).await.unwrap().ends;
    let position = &ends[ends.len() / 2];

    fs::write(&path, text.replacen("n0", "m0", 1)).unwrap();
    let (code, message) = fault(read(&path, Some(position)).await);
    assert_eq!(code, "source_changed");
    let expected = format!(
        "{}: the part before it has changed, so the run cannot go on at byte {}",
        path.display(),
        position.next
    );
    assert_eq!(message, expected);

    fs::write(&path, lines(0, 19)).unwrap();
    let (code, message) = fault(read(&path, Some(position)).await);
    assert_eq!(code, "source_changed");
    assert!(
        message.contains(&format!("it has shrunk from {} to {} bytes", text.len(), lines(0, 19).len())),
        "{message}"
    );

    fs::write(&path, text.replacen("n19", "m19", 1)).unwrap();
    let rest = read(&path, Some(position)).await.unwrap();
    assert_eq!(rest.rows.last().unwrap()["name"], "m19");
}

#[tokio::test]
async fn a_last_line_that_goes_on_is_refused() {
    let (_folder, path) = file("a.csv", b"id\n1\n2");
    let first = read(&path, None).await.unwrap();
    assert_eq!(first.rows.len(), 2);
    fs::write(&path, "id\n1\n23\n").unwrap();
    let (code, message) = fault(read(&path, first.ends.last()).await);
    assert_eq!(code, "source_changed");
    assert!(message.contains("its last line has been continued"), "{message}");
    fs::write(&path, "id\n1\n2\n3\n").unwrap();
    assert_eq!(read(&path, first.ends.last()).await.unwrap().rows, [json!({"id": 3})]);
}

#[tokio::test]
async fn lines_go_on_after_a_position() {
    let mut text = lines(0, 20);
    text += "{broken\n";
    let (_folder, path) = file("a.jsonl", text.as_bytes());
    let all = read(&path, None).await.unwrap();
    let place = all.errors[0].location.clone().unwrap();
    assert_eq!((place.line, place.column), (Some(21), Some(2)));
    for position in &all.ends[..5] {
        assert_eq!(read(&path, Some(position)).await.unwrap().errors, all.errors);
    }
}

#[tokio::test]
async fn a_cut_file_is_never_an_end() {
    let cases: [(&str, &str, &str); 4] = [
        ("a.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":", "truncated"),
        ("a.json", "[{\"id\":1},\n{\"id\":2}", "truncated"),
        ("a.csv", "id,t\n1,a\n2,\"open\n3,b\n", "truncated"),
        ("a.parquet", "PAR1 and then nothing that makes a footer", "invalid_file"),
    ];
    for (name, text, expected) in cases {
        let (_folder, path) = file(name, text.as_bytes());
        let (code, message) = fault(read(&path, None).await);
        assert_eq!(code, expected, "{name}: {message}");
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    let (_folder, path) = file("a.csv", b"id,t\n1,a\n2,\"open\n3,b\n");
    let (_, message) = fault(read(&path, None).await);
    assert!(
        message.ends_with(
            "line 3: the file ends inside a record that began here (a quoted field is still open)"
        )
    );
}

#[tokio::test]
async fn cut_compressed_files_are_errors() {
    use std::io::Write;
    let text: String =
        (0..500).map(|i| format!("{{\"id\":{},\"x\":{}}}\n", i * 7919 % 1000, i * i)).collect();
    for name in ["a.jsonl.gz", "a.jsonl.zst"] {
        let mut writer = etl_formats::Compression::from_path(Path::new(name)).writer(Vec::new()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        let whole = writer.finish().unwrap();
        let (_folder, path) = file(name, &whole);
        assert_eq!(read(&path, None).await.unwrap().rows.len(), 500);
        for tenth in 1..10 {
            fs::write(&path, &whole[..whole.len() * tenth / 10]).unwrap();
            let (code, message) = fault(read(&path, None).await);
            assert_eq!(code, "damaged_file", "{name} at {tenth}/10: {message}");
        }
    }
}

#[tokio::test]
async fn records_above_the_limit_are_refused_with_their_line() {
    let text = format!("{}{{\"id\":1,\"name\":\"{}\"}}\n", lines(0, 3), "x".repeat(300));
    let (_folder, path) = file("a.jsonl", text.as_bytes());
    let source = source(&path);
    let found = source.discover(&[]).await.unwrap();
    for (limit, fits) in [(400, true), (200, false)] {
        for chunk_bytes in [10, 1000] {
            let options = ReadOptions { chunk_bytes, max_record_bytes: limit };
            let mut reader = source.read(&found.partitions[0], None, &options).await.unwrap();
            let result = loop {
                match reader.next().await {
                    Ok(Fetched::Chunk(_)) => {}
                    Ok(_) => break Ok(()),
                    Err(error) => break Err((error.code(), error.to_string())),
                }
            };
            match result {
                Ok(()) => assert!(fits),
                Err((code, message)) => {
                    assert_eq!((code, fits), ("record_too_large", false));
                    assert!(message.contains("line 4: the record that begins here is larger than 200 bytes"));
                }
            }
        }
    }
}

#[tokio::test]
async fn empty_files_end_at_once() {
    for name in ["a.csv", "a.json", "a.jsonl"] {
        let (_folder, path) = file(name, b"");
        let all = read(&path, None).await.unwrap();
        assert_eq!((all.rows.len(), all.ends.len(), all.ends[0].next), (0, 1, 0), "{name}");
    }
    let (_folder, path) = file("a.csv", b"id,name\n");
    let all = read(&path, None).await.unwrap();
    assert_eq!((all.rows.len(), all.ends[0].next), (0, 8));
}

#[tokio::test]
async fn files_of_a_pattern_share_one_schema() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("o-1.csv"), "id,amount\n1,2\n").unwrap();
    fs::write(folder.path().join("o-2.csv"), "amount,id\n2.5,2\n").unwrap();
    fs::write(folder.path().join("o-3.csv"), "id,amount\n").unwrap();
    let source = source(&folder.path().join("o-*.csv"));
    let found = source.discover(&[]).await.unwrap();
    let schema = found.schema.unwrap();
    let shown: Vec<_> = schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(shown, ["id Int64", "amount Float64"]);
    let mut rows = Vec::new();
    for partition in &found.partitions {
        let mut reader = source.read(partition, None, &OPTIONS).await.unwrap();
        while let Fetched::Chunk(chunk) = reader.next().await.unwrap() {
            for batch in chunk.decode().unwrap().batches {
                assert_eq!(batch.schema(), schema);
                rows.push(etl_formats::json::row_to_value(batch.records(), 0));
            }
        }
    }
    assert_eq!(rows, [json!({"id": 1, "amount": 2.0}), json!({"id": 2, "amount": 2.5})]);

    fs::write(folder.path().join("o-4.csv"), "id,price\n1,2\n").unwrap();
    let (code, message) = match self::source(&folder.path().join("o-*.csv")).discover(&[]).await {
        Err(error) => (error.code(), error.to_string()),
        Ok(_) => panic!("columns differ"),
    };
    assert_eq!(code, "columns_differ");
    assert!(message.ends_with(
        "o-4.csv: its columns are not those of the first file: it lacks `amount` and has `price`"
    ));
}

#[tokio::test]
async fn paths_that_are_no_files_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("missing.csv", "not_found", "check the spelling"),
        ("*.csv", "no_files", "check the pattern"),
        ("", "is_a_directory", "/*.csv"),
    ];
    for (name, code, help) in cases {
        let path = folder.path().join(name).display().to_string();
        let config = json!({"path": path.trim_end_matches('/'), "format": "csv"});
        let source = FileSource.configure(&config).unwrap();
        for error in [source.check().await.err(), source.discover(&[]).await.err()] {
            let error = error.expect("an error");
            assert_eq!(error.code(), code);
            assert!(error.help().unwrap().contains(help), "{error}");
        }
    }
}

#[test]
fn every_fault_of_a_config_is_reported() {
    let config = json!({"path": "a.parquet", "compression": "gzip", "schema": {"a": "int"}, "csv": {"delimiter": "xx"}});
    let errors: Vec<_> =
        FileSource.configure(&config).err().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "compression: Parquet files are compressed inside, not as a whole",
            "schema: the types of Parquet columns stand in the file",
            "csv: `csv` has no meaning for this format",
            "csv.delimiter: `xx` is not a delimiter",
        ]
    );
    let shown = |config: Value| FileSource.configure(&config).err().unwrap()[0].to_string();
    assert_eq!(shown(json!({"path": "a.txt"})), "format: the format of `a.txt` is not clear from its name");
    assert_eq!(shown(json!({"path": "data/"})), "path: `data/` is a directory");
}

#[tokio::test]
async fn a_source_that_waits_for_files_takes_those_that_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = folder.path().join("in-*.jsonl");
    let source = FileSource.configure(&json!({"path": pattern, "watch": "1h"})).unwrap();
    assert!(!source.capabilities().bounded);
    assert_eq!(source.rediscovery(), Some(std::time::Duration::from_secs(3600)));
    source.check().await.unwrap();
    assert!(source.discover(&[]).await.unwrap().partitions.is_empty());
    let at = |name: &str, minutes: u64| {
        let path = folder.path().join(name);
        fs::write(&path, "{\"id\":1}\n").unwrap();
        let written = std::time::SystemTime::now() - std::time::Duration::from_secs(minutes * 60);
        fs::File::options().append(true).open(&path).unwrap().set_modified(written).unwrap();
    };
    at("in-1.jsonl", 59);
    at("in-2.jsonl", 61);
    at("in-3.jsonl", 0);
    let found = source.discover(&[]).await.unwrap();
    let ids: Vec<&str> = found.partitions.iter().map(|partition| partition.id.0.as_str()).collect();
    assert_eq!(ids, [folder.path().join("in-2.jsonl").to_str().unwrap()]);
    for (config, field) in [
        (json!({"path": "in.jsonl", "watch": "1s"}), "watch"),
        (json!({"path": "*.jsonl", "watch": "0s"}), "watch"),
    ] {
        let errors = FileSource.configure(&config).err().unwrap();
        assert_eq!(errors[0].path, [field.into()], "{errors:?}");
    }
}
