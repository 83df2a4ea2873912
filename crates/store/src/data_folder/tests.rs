use super::*;
use crate::{Store, Table, tables};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

#[derive(Default)]
struct State {
    rows: Table<String, u32>,
}
tables!(State { rows });

fn open(folder: &Path) -> io::Result<DataFolder> {
    DataFolder::open(folder, &DataFolderOptions::default(), || [5; 32])
}

fn rows(folder: &DataFolder) -> usize {
    let rows = AtomicUsize::new(0);
    folder
        .load(|record| {
            rows.fetch_add(record.rows.len(), Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
    rows.into_inner()
}

#[tokio::test]
async fn what_was_durable_is_there_again() {
    let folder = TempDir::new().unwrap();
    let data = open(folder.path()).unwrap();
    let store = Store::new("s", data.journal(), State::default());
    let ((), last) = data.journal().recorded_now(|| store.update(|state| state.rows.insert("a".into(), 1)));
    data.journal().durable(last).await.unwrap();
    store.update(|state| state.rows.insert("b".into(), 2));
    drop((store, data));
    let again = open(folder.path()).unwrap();
    assert_eq!((rows(&again), again.starts()), (2, 2));
}

#[test]
fn a_second_server_is_told_so() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).unwrap();
    assert_eq!(open(folder.path()).err().unwrap().to_string(), "another server has it open");
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn the_key_file_is_private_and_its_loss_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    let key = folder.path().join("key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&key, "short").unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("holds no 64 hexadecimal digits"));
    fs::remove_file(&key).unwrap();
    assert!(open(folder.path()).err().unwrap().to_string().contains("the key file"), "no new key is made for an old folder");
    let elsewhere = TempDir::new().unwrap();
    let options = DataFolderOptions { key_file: Some(elsewhere.path().join("k")), ..Default::default() };
    fs::write(elsewhere.path().join("k"), text).unwrap();
    drop(DataFolder::open(folder.path(), &options, || [0; 32]).unwrap());
    assert!(!key.exists());
}

#[tokio::test]
async fn a_body_goes_only_after_its_row() {
    let folder = TempDir::new().unwrap();
    let data = open(folder.path()).unwrap();
    let store = Store::new("s", data.journal(), State::default());
    let blob = data.blobs().put(crate::BlobId::new(7), vec![1; 50_000].into()).await.unwrap().commit();
    let count = || {
        let shards = fs::read_dir(folder.path().join("bodies")).unwrap();
        shards.map(|shard| fs::read_dir(shard.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    assert_eq!(count(), 1);
    store.update(|state| state.rows.insert("a".into(), 1));
    data.blobs().delete(&blob);
    drop((store, data));
    assert_eq!(count(), 0);
}
