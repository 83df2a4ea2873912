use super::*;
use crate::Json;
use bytes::Bytes;
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

/// Every kind of blobs, with ids that count up.
struct Bench {
    blobs: Blobs,
    folder: Option<TempDir>,
    last: std::cell::Cell<u128>,
}

fn benches() -> [Bench; 3] {
    let in_folder = |key: Option<BodyKey>| {
        let folder = TempDir::new().unwrap();
        let blobs = Blobs::folder(folder.path(), key, Journal::off()).unwrap();
        Bench { blobs, folder: Some(folder), last: std::cell::Cell::new(0) }
    };
    [Bench { blobs: Blobs::memory(), folder: None, last: std::cell::Cell::new(0) }, in_folder(None), in_folder(Some(BodyKey::new([7; 32])))]
}

impl Bench {
    fn id(&self) -> BlobId {
        self.last.set(self.last.get() + 1);
        BlobId::new(self.last.get() << 120 | self.last.get())
    }

    async fn put(&self, bytes: &[u8]) -> Blob {
        self.blobs.put(self.id(), Bytes::copy_from_slice(bytes)).await.unwrap().commit()
    }

    async fn get(&self, blob: &Blob) -> io::Result<Bytes> {
        self.blobs.read_all(blob)?.whole().await
    }

    fn files(&self) -> Vec<String> {
        fn walk(path: &Path, files: &mut Vec<String>) {
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path.display().to_string()) }
            }
        }
        let mut files = vec![];
        self.folder.iter().for_each(|folder| walk(folder.path(), &mut files));
        files
    }

    /// How many files are left, once the work in the background is done, and the work that it started in turn.
    async fn has_files(&self, count: usize) {
        for _ in 0..5 {
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
        assert!(self.folder.is_none() || self.files().len() == count, "{:?}", self.files());
    }
}

/// With a single thread for blocking work, which therefore is done in order.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap().block_on(test);
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

#[test]
fn what_was_written_is_read_again() {
    run(async {
        for bench in benches() {
            for length in [0, 1, INLINE - 1, INLINE, INLINE + 1, 64 * 1024, 3_000_001] {
                let bytes = noise(length);
                let mut writer = bench.blobs.writer(bench.id());
                for piece in bytes.chunks(100_000) {
                    writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
                }
                assert_eq!(writer.length(), length as u64);
                let blob = writer.finish().await.unwrap().commit();
                assert_eq!(blob.length(), length as u64);
                assert_eq!(blob.ids().len(), usize::from(length > INLINE), "small bodies are in the row");
                assert_eq!(bench.get(&blob).await.unwrap(), bytes);
            }
        }
    });
}

#[test]
fn a_blob_survives_a_row() {
    run(async {
        for bench in benches() {
            let joined = Blob::join([bench.put(b"small").await, bench.put(&noise(20_000)).await]);
            for blob in [Blob::empty(), bench.put(b"small").await, bench.put(&noise(20_000)).await, joined] {
                assert_eq!(Json::of(&blob).unwrap().read::<Blob>().unwrap(), blob);
            }
            let small = Json::of(&bench.put(b"small").await).unwrap();
            assert_eq!(small.text(), r#"{"length":5,"content":{"inline":"c21hbGw="}}"#);
        }
    });
}

#[test]
fn an_abandoned_body_leaves_nothing() {
    run(async {
        for bench in benches() {
            let mut writer = bench.blobs.writer(bench.id());
            for _ in 0..20 {
                writer.write(noise(100_000).into()).await.unwrap();
            }
            drop(writer);
            let unkept = bench.blobs.put(bench.id(), noise(100_000).into()).await.unwrap();
            let blob = unkept.blob().clone();
            drop(unkept);
            bench.has_files(0).await;
            assert!(bench.folder.is_some() || bench.get(&blob).await.is_err());
        }
    });
}

#[test]
fn a_caller_that_goes_away_while_a_body_is_finished_leaves_nothing() {
    run(async {
        for bench in benches() {
            let mut writer = bench.blobs.writer(bench.id());
            writer.write(noise(2_000_000).into()).await.unwrap();
            let mut finish = Box::pin(writer.finish());
            // Polled once: the work has started, and nobody waits for it.
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(finish.as_mut().poll(cx).is_ready())).await;
            assert!(bench.folder.is_none() || !polled);
            drop(finish);
            bench.has_files(0).await;
        }
    });
}

#[test]
fn a_reader_that_has_begun_outlives_the_body() {
    run(async {
        for bench in benches() {
            let bytes = noise(1_000_000);
            let blob = bench.put(&bytes).await;
            let untouched = bench.blobs.read_all(&blob).unwrap();
            let mut begun = bench.blobs.read(&blob, 10..999_990).unwrap();
            let first = begun.next().await.unwrap().unwrap();
            bench.blobs.delete(&blob);
            assert_eq!([first, begun.whole().await.unwrap()].concat(), bytes[10..999_990]);
            assert_eq!(untouched.whole().await.unwrap(), bytes);
            bench.has_files(0).await;
            let gone = bench.get(&blob).await.unwrap_err();
            assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        }
    });
}

#[test]
fn deleting_a_joined_body_deletes_its_parts() {
    run(async {
        for bench in benches() {
            let parts = [bench.put(&noise(20_000)).await, bench.put(b"small").await, bench.put(&noise(30_000)).await];
            let joined = Blob::join(parts.clone());
            assert_eq!(joined.ids().len(), 2);
            bench.has_files(2).await;
            bench.blobs.delete(&joined);
            bench.has_files(0).await;
            assert!(bench.get(&parts[0]).await.is_err());
        }
    });
}

#[test]
fn a_copy_lives_by_itself() {
    run(async {
        for bench in benches() {
            let original = Blob::join([bench.put(&noise(50_000)).await, bench.put(b"small").await, bench.put(&noise(30_000)).await]);
            let copy = bench.blobs.copy(&original, || bench.id()).await.unwrap().commit();
            let bytes = bench.get(&original).await.unwrap();
            bench.blobs.delete(&original);
            bench.has_files(2).await;
            assert_eq!(bench.get(&copy).await.unwrap(), bytes);
            let dropped = bench.blobs.copy(&copy, || bench.id()).await.unwrap();
            drop(dropped);
            bench.has_files(2).await;
            bench.blobs.copy(&original, || bench.id()).await.unwrap_err();
            bench.has_files(2).await;
            assert_eq!(bench.get(&copy).await.unwrap(), bytes);
        }
    });
}

#[test]
fn a_sweep_removes_what_no_row_names() {
    run(async {
        for bench in benches() {
            let named = bench.put(&noise(20_000)).await;
            let orphan = bench.put(&noise(20_000)).await;
            let lost = BlobId::new(7);
            let known: KnownBodies = named.ids().into_iter().chain([lost]).map(|id| (id, 20_000)).collect();
            let swept = bench.blobs.sweep(&known).unwrap();
            assert_eq!(swept, Swept { removed: 1, missing: vec![lost] });
            assert!(bench.get(&named).await.is_ok() && bench.get(&orphan).await.is_err());
        }
    });
}

#[test]
fn an_encrypted_body_shows_nothing_and_a_changed_one_is_refused() {
    run(async {
        let [_, _, bench] = benches();
        let blob = bench.put(&[b'a'; 200_000]).await;
        let known: KnownBodies = blob.ids().into_iter().map(|id| (id, 200_000)).collect();
        let file = bench.files().remove(0);
        let written = fs::read(&file).unwrap();
        assert!(!written.windows(8).any(|window| window == [b'a'; 8]));
        assert_eq!(bench.blobs.check(&known).unwrap(), Checked::default());
        for index in [0, 20, 100, 150_000, written.len() - 1] {
            let mut changed = written.clone();
            changed[index] ^= 1;
            fs::write(&file, changed).unwrap();
            assert_eq!(bench.get(&blob).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(bench.blobs.check(&known).unwrap().damaged, blob.ids());
        }
        for cut in [0, 31, 32, 70_000, written.len() - 1] {
            fs::write(&file, &written[..cut]).unwrap();
            assert!(bench.get(&blob).await.is_err());
            assert_eq!(bench.blobs.check(&known).unwrap().damaged, blob.ids());
        }
    });
}

/// A change of these bytes is a change of the format.
#[test]
fn an_encrypted_body_has_the_form_of_format_1() {
    run(async {
        let [_, _, bench] = benches();
        bench.put(&[b'a'; 70_000]).await;
        let written = fs::read(bench.files().remove(0)).unwrap();
        assert_eq!(written.len(), 32 + 70_000 + 2 * 16);
        assert_eq!(&written[..16], b"cloudlet-body-1\n");
        assert_eq!(written[16..32], (1u128 << 120 | 1).to_be_bytes());
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!((hex(&written[32..40]), hex(&written[70_000..70_008])), ("22c729e8a6f82e93".into(), "c84f868bcafc4ed0".into()));
    });
}

#[test]
fn a_copy_of_a_body_that_was_deleted_meanwhile_is_no_failed_disk() {
    run(async {
        let folder = TempDir::new().unwrap();
        let journal = Journal::to(crate::InMemory::new());
        let blobs = Blobs::folder(folder.path(), None, journal.clone()).unwrap();
        let blob = blobs.put(BlobId::new(1), noise(50_000).into()).await.unwrap().commit();
        blobs.delete(&blob);
        assert_eq!(blobs.copy(&blob, || BlobId::new(2)).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        tokio::select! {
            biased;
            why = journal.failed() => panic!("{why}"),
            () = std::future::ready(()) => {}
        }
    });
}

#[test]
fn bodies_outlive_a_restart_and_half_written_ones_do_not() {
    run(async {
        let folder = TempDir::new().unwrap();
        let bytes = noise(50_000);
        let blob = Blobs::folder(folder.path(), None, Journal::off()).unwrap().put(BlobId::new(1), bytes.clone().into()).await.unwrap().commit();
        fs::write(folder.path().join("tmp").join(BlobId::new(2).to_string()), "half").unwrap();
        let blobs = Blobs::folder(folder.path(), None, Journal::off()).unwrap();
        assert_eq!(blobs.read_all(&blob).unwrap().whole().await.unwrap(), bytes);
        assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    });
}

#[test]
fn a_file_that_was_cut_short_is_an_error_and_not_a_short_body() {
    run(async {
        let [_, bench, _] = benches();
        let blob = bench.put(&noise(200_000)).await;
        let file = bench.files().remove(0);
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(150_000).unwrap();
        let mut reader = bench.blobs.read_all(&blob).unwrap();
        assert_eq!(reader.next().await.unwrap().unwrap().len(), 64 * 1024);
        assert_eq!(reader.next().await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(reader.next().await.is_none());
    });
}

#[test]
fn large_pieces_are_kept_in_memory_as_they_came_and_tiny_ones_are_gathered() {
    run(async {
        let [bench, ..] = benches();
        let large = Bytes::from(noise(100_000));
        let blob = bench.blobs.put(bench.id(), large.clone()).await.unwrap().commit();
        let read = bench.blobs.read(&blob, 500..60_000).unwrap().next().await.unwrap().unwrap();
        assert_eq!(read.as_ptr(), large[500..].as_ptr(), "no byte was copied");

        let mut writer = bench.blobs.writer(bench.id());
        for byte in noise(200_000) {
            writer.write(Bytes::copy_from_slice(&[byte])).await.unwrap();
        }
        let blob = writer.finish().await.unwrap().commit();
        let mut reader = bench.blobs.read_all(&blob).unwrap();
        let mut pieces = 0;
        while reader.next().await.is_some() {
            pieces += 1;
        }
        assert_eq!(pieces, 4);
    });
}

#[test]
fn ranges_beyond_the_end_are_cut() {
    run(async {
        for bench in benches() {
            let bytes = noise(40_000);
            let blob = bench.put(&bytes).await;
            let tail = bench.blobs.read(&blob, 39_990..u64::MAX).unwrap();
            assert_eq!(tail.left(), 10);
            assert_eq!(tail.whole().await.unwrap(), bytes[39_990..]);
            assert_eq!(bench.blobs.read(&blob, 50_000..60_000).unwrap().whole().await.unwrap(), "");
            #[expect(clippy::reversed_empty_ranges, reason = "a caller may ask for one")]
            let backward = bench.blobs.read(&blob, 20..10).unwrap();
            assert_eq!(backward.whole().await.unwrap(), "");
        }
    });
}

/// Handlers hold them across awaits, on any thread.
#[test]
fn readers_and_writers_go_from_thread_to_thread() {
    fn moves<T: Send + 'static>() {}
    moves::<BlobReader>();
    moves::<BlobWriter>();
    moves::<PendingBlob>();
}

#[test]
fn an_id_is_32_digits() {
    let id = BlobId::new(0xAB);
    assert_eq!(id.to_string(), "000000000000000000000000000000ab");
    assert_eq!(BlobId::parse(&id.to_string()), Some(id));
    for bad in ["", "ab", "000000000000000000000000000000AB", "+00000000000000000000000000000ab", "../../../../../../../../etc/passwd"] {
        assert_eq!(BlobId::parse(bad), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_range_across_parts_is_the_same_slice(
        lengths in prop::collection::vec(prop_oneof![0..40usize, INLINE - 2..INLINE + 3, 60_000..300_000usize], 0..6),
        start in 0.0..1.1f64,
        end in 0.0..1.1f64,
    ) {
        run(async {
            for bench in benches() {
                let whole = noise(lengths.iter().sum());
                let mut parts = vec![];
                let mut at = 0;
                for length in &lengths {
                    parts.push(bench.put(&whole[at..at + length]).await);
                    at += length;
                }
                // Joined twice, so that a joined body is a part of another.
                let half = parts.split_off(parts.len() / 2);
                let blob = Blob::join([Blob::join(parts), Blob::join(half)]);
                let place = |share: f64| (whole.len() as f64 * share) as usize;
                let range = place(start)..place(end);
                let read = bench.blobs.read(&blob, range.start as u64..range.end as u64).unwrap();
                let expected = whole.get(range.start..range.end.min(whole.len())).unwrap_or_default();
                assert_eq!(read.left(), expected.len() as u64);
                assert_eq!(read.whole().await.unwrap(), expected);
            }
        });
    }
}
