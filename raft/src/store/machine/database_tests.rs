#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;

use openraft::CommittedLeaderId;

use super::*;

fn log_id(index: u64) -> Option<LogId> {
    Some(LogId::new(CommittedLeaderId::new(1, 1), index))
}

fn content(seed: usize, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed as u64);
    std::iter::repeat_with(|| random.u8(..)).take(size).collect()
}

fn rows_of(database: &Database) -> Vec<Row> {
    read(&database.db, &database.path).unwrap().rows
}

/// Rows of every size come and go; sled must never need a file of its own for any of them.
#[test]
fn rows_of_every_size_are_kept_without_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g-1");
    let mut database = Database::create(&path, std::iter::empty(), &Position::default()).unwrap();
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(1);
    let sizes = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, MAX_ROW_BYTES - 1];
    for round in 0..400 {
        let mut changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for _ in 0..random.usize(1..30) {
            let key = vec![b'k'; random.usize(..1000) / 500 * 2000 + 1];
            let key = [key.as_slice(), &random.u16(..100).to_be_bytes()].concat();
            let size = random.choice(sizes).unwrap();
            changes.insert(key, random.bool().then(|| content(round, size)));
        }
        for (key, value) in &changes {
            match value {
                Some(value) => drop(model.insert(key.clone(), value.clone())),
                None => drop(model.remove(key)),
            }
        }
        database.write(changes.into_iter().collect(), log_id(round as u64), None).unwrap();
        let digest = model.iter().fold(Digest::default(), |mut digest, (key, value)| {
            digest.add(key, value);
            digest
        });
        assert_eq!(database.digest, digest, "round {round}");
    }
    database.sync().unwrap();
    assert!(rows_of(&database).into_iter().eq(model), "other rows than were written");
    assert_eq!(fs::read_dir(path.join("blobs")).unwrap().count(), 0);
}

#[test]
fn a_row_that_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut database =
        Database::create(&dir.path().join("g-1"), std::iter::empty(), &Position::default()).unwrap();
    let large = vec![(b"key".to_vec(), Some(vec![0; MAX_ROW_BYTES]))];
    assert!(matches!(database.write(large, log_id(1), None), Err(Error::Io { .. })));
}

#[test]
fn a_row_that_is_missing_or_altered_behind_the_digest_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g-1");
    let tamper = |tampering: &dyn Fn(&sled::Db)| {
        let rows = (0..50_usize).map(|n| (vec![n as u8], content(n, 100 * n)));
        let database = Database::create(&path, rows, &Position::default()).unwrap();
        tampering(&database.db);
        drop(database);
        match Database::open(&path) {
            Err(Error::Damaged { path: named, .. }) => assert_eq!(named, path),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it was opened"),
        }
    };
    tamper(&|db| drop(db.remove(piece_key(&[40], 0)).unwrap()));
    tamper(&|db| drop(db.remove(piece_key(&[40], 1)).unwrap()));
    tamper(&|db| drop(db.insert(piece_key(&[7], 0), b"other").unwrap()));
    tamper(&|db| drop(db.insert(piece_key(&[200], 0), b"more").unwrap()));
    tamper(&|db| drop(db.remove(APPLIED).unwrap()));
    tamper(&|db| drop(db.remove(MEMBERSHIP).unwrap()));
    tamper(&|db| drop(db.insert("stranger", b"").unwrap()));
}

#[test]
fn a_copy_holds_the_same_in_less_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g-1");
    let mut database = Database::create(&path, std::iter::empty(), &Position::default()).unwrap();
    for round in 0..300 {
        let changes = (0..20).map(|n: u8| (vec![n], Some(content(round + usize::from(n), 8000)))).collect();
        database.write(changes, log_id(round as u64), None).unwrap();
    }
    database.sync().unwrap();
    let copy = database.copy_to(&dir.path().join("g-2")).unwrap();
    assert_eq!(rows_of(&copy), rows_of(&database));
    assert!(copy.disk_bytes() < database.disk_bytes() / 2, "{} {}", copy.disk_bytes(), database.disk_bytes());
}
