use std::sync::Mutex;

use etl_raft::TypeConfig;
use etl_raft::store::{DataDir, LogStore, StateMachine, Storage};
use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;

/// Makes a store in a directory of its own for each test.
#[derive(Default)]
struct Builder {
    made: Mutex<u32>,
}

impl StoreBuilder<TypeConfig, LogStore, StateMachine, (TempDir, DataDir)> for &Builder {
    async fn build(&self) -> Result<((TempDir, DataDir), LogStore, StateMachine), StorageError<u64>> {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temporary.path().join("data")).unwrap();
        let storage = Storage::open(&dir).unwrap();
        *self.made.lock().unwrap() += 1;
        Ok(((temporary, dir), storage.log, storage.machine))
    }
}

#[test]
fn openrafts_own_suite_passes() {
    let builder = Builder::default();
    Suite::test_all(&builder).unwrap();
    assert!(*builder.made.lock().unwrap() > 30, "most of the suite was not run");
}
