use crate::*;
use proptest::prelude::*;

/// The checksums of "", "123456789" and "abc" of the specifications: RFC 1321, FIPS 180-4 (and its
/// examples), the check values of the CRC catalogue (reveng.sourceforge.io) for ISO-HDLC, iSCSI and NVME.
#[test]
fn checksums_equal_the_published_ones() {
    let vectors: [(Algorithm, &str, &str); 14] = [
        (Algorithm::Md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        (Algorithm::Md5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Algorithm::Sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (Algorithm::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (Algorithm::Sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            Algorithm::Sha512,
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Algorithm::Crc32, "123456789", "cbf43926"),
        (Algorithm::Crc32, "", "00000000"),
        (Algorithm::Crc32c, "123456789", "e3069283"),
        (Algorithm::Crc64Nvme, "123456789", "ae8b14860a799888"),
        (Algorithm::Crc64Nvme, "", "0000000000000000"),
        (Algorithm::XxHash64, "", "ef46db3751d8e999"),
        (Algorithm::XxHash128, "", "99aa06d3014798d86001c324468d497f"),
    ];
    for (algorithm, text, hex) in vectors {
        assert_eq!(digest(algorithm, text.as_bytes()).hex(), hex, "{algorithm} of {text:?}");
    }
}

/// Expected bytes of aws-checksums, tests/xxhash_test.c: AWS's own clients send these.
#[test]
fn xxhash_is_encoded_as_by_the_clients_of_aws() {
    let alphabet = "abcdefghijklmnopqrstuvwxyz";
    for (algorithm, text, hex) in [
        (Algorithm::XxHash64, "Hello world", "c500b0c912b376d8"),
        (Algorithm::XxHash64, alphabet, "cfe1f278fa89835c"),
        (Algorithm::XxHash3, "Hello world", "b6acb9d84a38ff74"),
        (Algorithm::XxHash3, alphabet, "810f9ca067fbb90c"),
        (Algorithm::XxHash128, "Hello world", "7351f89812f97382b91d05b31e04dd7f"),
        (Algorithm::XxHash128, alphabet, "db7ca44e84843d67ebe162220154e1e6"),
    ] {
        assert_eq!(digest(algorithm, text.as_bytes()).hex(), hex, "{algorithm} of {text:?}");
    }
}

#[test]
fn md5_of_a_message_body_is_hexadecimal() {
    assert_eq!(md5_hex(b"This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
}

#[test]
fn every_algorithm_is_found_by_its_name_and_by_its_header() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
        assert_eq!(Algorithm::of_header(&algorithm.header().to_uppercase()), Some(algorithm));
        assert_eq!(algorithm.header(), format!("x-amz-checksum-{}", algorithm.name().to_lowercase()));
        assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
    }
    assert_eq!(Algorithm::named("crc32"), None);
    assert_eq!(Algorithm::of_header("x-amz-checksum-type"), None);
}

#[test]
fn a_checksum_must_be_base64_of_the_right_length() {
    assert_eq!(Sum::from_base64(Algorithm::Crc32, "y/Q5Jg=="), Ok(digest(Algorithm::Crc32, b"123456789")));
    assert_eq!(Sum::from_base64(Algorithm::Crc32, "y/Q5Jg"), Err(BadSum::NotBase64));
    assert_eq!(Sum::from_base64(Algorithm::Crc32, "bad!"), Err(BadSum::NotBase64));
    assert_eq!(Sum::from_base64(Algorithm::Crc32, ""), Err(BadSum::WrongLength));
    assert_eq!(Sum::from_base64(Algorithm::Crc64Nvme, "y/Q5Jg=="), Err(BadSum::WrongLength));
    assert_eq!(Sum::from_base64(Algorithm::Sha512, &"A".repeat(1 << 20)), Err(BadSum::WrongLength));
}

#[test]
fn parts_of_different_algorithms_neither_combine_nor_compose() {
    let (crc32, crc32c) = (digest(Algorithm::Crc32, b"a"), digest(Algorithm::Crc32c, b"b"));
    assert_eq!(crc32.combine(&crc32c, 1), None);
    assert_eq!(Sum::composite(Algorithm::Crc32, [&crc32, &crc32c]), None);
    let sha = digest(Algorithm::Sha256, b"a");
    assert_eq!(sha.combine(&sha, 1), None);
}

/// As another implementation does it, which is slow.
#[test]
fn long_parts_combine_too() {
    use crc_fast::{CrcAlgorithm, checksum_combine};
    let known = [
        (Algorithm::Crc32, CrcAlgorithm::Crc32IsoHdlc),
        (Algorithm::Crc32c, CrcAlgorithm::Crc32Iscsi),
        (Algorithm::Crc64Nvme, CrcAlgorithm::Crc64Nvme),
    ];
    let number = |sum: &Sum| sum.bytes().iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    for (algorithm, other) in known {
        let (first, second) = (digest(algorithm, b"first"), digest(algorithm, b"second"));
        for length in [1, 5 << 20, (16 << 20) + 7, 5 << 30, 50_000_000_000_000] {
            let combined = first.combine(&second, length).unwrap();
            assert_eq!(number(&combined), checksum_combine(other, number(&first), number(&second), length), "{algorithm} {length}");
        }
        assert_eq!(first.combine(&digest(algorithm, b""), 0), Some(first));
    }
}

/// The ETag of a multipart upload is the MD5 of the parts' MD5s.
#[test]
fn a_composite_checksum_is_the_checksum_of_the_checksums() {
    let parts = [digest(Algorithm::Md5, b"one"), digest(Algorithm::Md5, b"two")];
    let mut bytes = parts[0].bytes().to_vec();
    bytes.extend_from_slice(parts[1].bytes());
    assert_eq!(Sum::composite(Algorithm::Md5, &parts), Some(digest(Algorithm::Md5, &bytes)));
}

#[test]
fn digests_have_each_algorithm_once_and_in_the_given_order() {
    let mut digests = Digests::new([Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha256]);
    digests.update(b"abc");
    assert_eq!(digests.finish(), [digest(Algorithm::Sha256, b"abc"), digest(Algorithm::Md5, b"abc")]);
}

/// Bytes, and where to cut them.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..6)
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut(pieces in pieces()) {
        let whole = pieces.concat();
        let mut digests = Digests::new(Algorithm::ALL);
        for piece in &pieces {
            digests.update(piece);
        }
        let expected: Vec<Sum> = Algorithm::ALL.into_iter().map(|algorithm| digest(algorithm, &whole)).collect();
        prop_assert_eq!(digests.finish(), expected);
    }

    #[test]
    fn the_checksum_of_the_whole_follows_from_those_of_its_parts(pieces in pieces()) {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.combines()) {
            let combined = pieces.iter().try_fold(digest(algorithm, b""), |sum, piece| sum.combine(&digest(algorithm, piece), piece.len() as u64));
            prop_assert_eq!(combined, Some(digest(algorithm, &pieces.concat())));
        }
    }

    #[test]
    fn a_checksum_survives_base64_and_a_row(bytes: Vec<u8>) {
        for algorithm in Algorithm::ALL {
            let sum = digest(algorithm, &bytes);
            prop_assert_eq!(sum.bytes().len(), algorithm.len());
            prop_assert_eq!(Sum::from_base64(algorithm, &sum.base64()), Ok(sum));
            let row = serde_json::to_string(&sum).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sum>(&row).unwrap(), sum);
        }
    }
}
