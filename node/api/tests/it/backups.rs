use std::io::ErrorKind;
use std::path::Path;

use etl_api::model::Consistency;
use etl_api::{Error, Kind, save_backup};

use crate::site::{Node, refused, stop_all, three, workflow};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_any_node_holds_what_was_acknowledged_before() {
    let nodes = three().await;
    let directory = tempfile::tempdir().unwrap();
    for (rows, node) in (1..).zip(&nodes) {
        nodes[0].client().apply_workflow(&workflow("orders", rows), None).await.unwrap();
        let path = directory.path().join(format!("{rows}.etl"));
        let mut told = Vec::new();
        let saved =
            save_backup(&node.client(), &path, |received, total| told.push((received, total))).await.unwrap();
        assert_eq!(saved.bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(saved.server, node.admin.to_string());
        assert_eq!(told.last(), Some(&(saved.bytes, saved.bytes)));
        let (_, state) = etl_raft::store::read_snapshot(&path).unwrap();
        assert_eq!(state.workflows().current_version("orders"), rows);
    }
    assert_eq!(names(directory.path()), ["1.etl", "2.etl", "3.etl"]);
    stop_all(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_many_pieces_arrives_whole() {
    let node = Node::found().await;
    let client = node.client();
    // Documents that do not compress, as text.
    for n in 0..24_u64 {
        let noise: String = (0..16_000_u64).map(|i| format!("{:x}", (i ^ n) * 0x9E37_79B9)).collect();
        let document = format!("# {}\n{}", &noise[..120_000], workflow(&format!("w-{n}"), n));
        client.apply_workflow(&document, None).await.unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("backup.etl");
    std::fs::write(&path, "an older backup").unwrap();
    let mut pieces = 0;
    let saved = save_backup(&client, &path, |_, _| pieces += 1).await.unwrap();
    assert!(pieces >= 3 && saved.bytes > 2 << 20, "{pieces} pieces, {} bytes", saved.bytes);
    let (_, state) = etl_raft::store::read_snapshot(&path).unwrap();
    assert_eq!(state.workflows().iter().count(), 24);
    assert_eq!(names(directory.path()), ["backup.etl"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_leaves_nothing_behind() {
    let node = Node::found().await;
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").join("backup.etl");
    let error = save_backup(&node.client(), &missing, |_, _| {}).await.unwrap_err();
    assert!(
        matches!(&error, Error::File { source, .. } if source.kind() == ErrorKind::NotFound),
        "{error:?}"
    );
    // A directory cannot be replaced by a file.
    let taken = directory.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    let error = save_backup(&node.client(), &taken, |_, _| {}).await.unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    assert_eq!(names(directory.path()), ["taken"]);
    let path = directory.path().join("backup.etl");
    let held = std::fs::File::create(directory.path().join("backup.etl.tmp")).unwrap();
    held.lock().unwrap();
    let error = save_backup(&node.client(), &path, |_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("another backup"), "{error}");
    drop(held);
    save_backup(&node.client(), &path, |_, _| {}).await.unwrap();
    assert_eq!(names(directory.path()), ["backup.etl", "taken"]);
    let client = node.client();
    node.stop().await;
    let before = std::fs::read(&path).unwrap();
    let error = save_backup(&client, &path, |_, _| {}).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before, "the old one is kept");
    assert_eq!(names(directory.path()), ["backup.etl", "taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_backups_at_once_and_no_more() {
    let node = Node::found().await;
    let client = node.client().with_timeout(std::time::Duration::from_secs(2));
    for n in 0..24_u64 {
        let noise: String = (0..16_000_u64).map(|i| format!("{:x}", (i ^ n) * 0x9E37_79B9)).collect();
        let document = format!("# {}\n{}", &noise[..180_000], workflow(&format!("w-{n}"), n));
        node.client().apply_workflow(&document, None).await.unwrap();
    }
    // Unread streams are held up by flow control once their windows are full.
    let mut one = client.backup().await.unwrap();
    let two = client.backup().await.unwrap();
    match client.backup().await {
        Err(Error::Unavailable { attempts }) => {
            assert!(attempts[0].failure.contains("backups are under way"))
        }
        Err(other) => panic!("{other:?}"),
        // Both fitted into the windows and are over for the node.
        Ok(_) => {}
    }
    while one.next().await.unwrap().is_some() {}
    drop(two);
    node.until("it still answers", |status| status.leader == Some(1)).await;
    assert!(node.client().cluster_status(Consistency::Linearizable).await.is_ok());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_there_is_no_backup() {
    let [first, second, third] = three().await;
    stop_all([second, third]).await;
    let client = first.client().with_timeout(std::time::Duration::from_secs(2));
    match client.backup().await {
        Err(Error::Unavailable { .. }) => {}
        Err(other) => assert_eq!(refused::<()>(Err(other)).kind, Kind::Unavailable),
        Ok(_) => panic!("a backup that may be old"),
    }
    first.stop().await;
}
