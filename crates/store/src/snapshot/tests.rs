use super::*;
use crate::{Change, Json};
use proptest::prelude::*;

fn record(key: &str) -> Record {
    let key = Json::of(&key).unwrap();
    Record { store: "sqs".into(), instance: None, event: None, rows: vec![Change { table: "messages".into(), row: Some(key.clone()), key }] }
}

fn sample() -> Vec<u8> {
    let (mut encoder, mut bytes) = SnapshotEncoder::begin(&SnapshotHeader::new(Some("000000000000".into()))).map(|(e, b)| (e, b.to_vec())).unwrap();
    bytes.extend(encoder.record(&record("a")).unwrap());
    bytes.extend(encoder.body(BlobId::new(7), 11));
    bytes.extend(encoder.body_bytes(Bytes::from_static(b"hello ")));
    bytes.extend(encoder.body_bytes(Bytes::from_static(b"world")));
    bytes.extend(encoder.body(BlobId::new(8), 0));
    bytes.extend(encoder.end());
    bytes
}

/// All parts, the bytes of a body joined.
fn parts(bytes: &[u8], piece: usize) -> Result<Vec<SnapshotPart>, SnapshotError> {
    let mut decoder = SnapshotDecoder::default();
    let mut parts: Vec<SnapshotPart> = vec![];
    for piece in bytes.chunks(piece.max(1)) {
        decoder.push(piece);
        while let Some(part) = decoder.next_part()? {
            match (parts.last_mut(), part) {
                (Some(SnapshotPart::BodyBytes(before)), SnapshotPart::BodyBytes(more)) => *before = [&before[..], &more[..]].concat().into(),
                (_, part) => parts.push(part),
            }
        }
    }
    decoder.finish()?;
    Ok(parts)
}

#[test]
fn a_snapshot_is_read_as_it_was_written_in_pieces_of_any_size() {
    let expected = [
        SnapshotPart::Header(SnapshotHeader::new(Some("000000000000".into()))),
        SnapshotPart::Record(record("a")),
        SnapshotPart::Body(BlobId::new(7)),
        SnapshotPart::BodyBytes(Bytes::from_static(b"hello world")),
        SnapshotPart::BodyEnd,
        SnapshotPart::Body(BlobId::new(8)),
        SnapshotPart::BodyEnd,
        SnapshotPart::End,
    ];
    for piece in [1, 2, 7, 64, 10_000] {
        assert_eq!(parts(&sample(), piece).unwrap(), expected);
    }
}

/// A change of this text is a change of the format, which gets a new number.
#[test]
fn a_snapshot_has_the_form_of_format_2() {
    let sample = sample();
    let (parts, end) = sample.split_at(sample.len() - 8);
    let expected = b"{\"cloudletSnapshot\":2,\"account\":\"000000000000\"}\n\
        R\0\0\0\0\0\0\0A{\"store\":\"sqs\",\"rows\":[{\"table\":\"messages\",\"key\":\"a\",\"row\":\"a\"}]}\
        B\0\0\0\0\0\0\0\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07hello world\
        B\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\
        E\0\0\0\0\0\0\0\x08";
    assert_eq!(parts.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(end, cloudlet_digest::digest(Algorithm::Crc64Nvme, &parts[..parts.len() - PART_HEAD]).bytes());
}

#[test]
fn what_is_no_whole_snapshot_is_refused_with_a_sentence() {
    let sample = sample();
    for length in 0..sample.len() {
        let error = parts(&sample[..length], 100).unwrap_err();
        assert!(matches!(error, SnapshotError::CutOff | SnapshotError::NotASnapshot), "{error}");
    }
    for index in 0..sample.len() {
        let mut flipped = sample.clone();
        flipped[index] ^= 4;
        assert!(!parts(&flipped, 100).unwrap_err().to_string().is_empty());
    }
    let later = String::from_utf8_lossy(&sample).replacen(":2", ":3", 1);
    assert!(parts(later.as_bytes(), 100).unwrap_err().to_string().contains("format 3"));
    assert!(parts(&[&sample[..], b"x"].concat(), 100).is_err());
    assert_eq!(parts(b"PK\x03\x04\n", 100).unwrap_err().to_string(), "it is no snapshot of Cloudlet");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1..50usize) {
        let header = b"{\"cloudletSnapshot\":2}\n";
        prop_assert!(parts(&[&header[..], &bytes].concat(), piece).is_err());
    }
}
