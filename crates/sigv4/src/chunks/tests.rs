use super::*;
use crate::{SigningKey, v4a, verify::Verifier};
use proptest::prelude::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20130524T000000Z";
const SCOPE: &str = "20130524/us-east-1/s3/aws4_request";
const CRC32C: &str = "x-amz-checksum-crc32c";

fn chain(mode: Chunked, seed: &str) -> Option<Chain> {
    let verifier = match mode.algorithm()? {
        crate::Algorithm::EcdsaP256Sha256 => Verifier::Ecdsa(v4a::VerifyingKey::derive("AKIA", SECRET).unwrap()),
        _ => Verifier::Hmac(SigningKey::derive(SECRET, "20130524", "us-east-1", "s3")),
    };
    Some(Chain { verifier, access_key: "AKIA".to_owned(), date: DATE.to_owned(), scope: SCOPE.to_owned(), previous: seed.to_owned() })
}

fn decoder(mode: Chunked, seed: &str, length: usize, trailer: Option<&str>) -> Decoder {
    let mut headers = vec![("x-amz-decoded-content-length", length.to_string())];
    headers.extend(trailer.map(|names| ("x-amz-trailer", names.to_owned())));
    let head = Head { method: "PUT", path: "/", query: "", headers: &headers };
    Decoder::with(mode, chain(mode, seed), &head).unwrap()
}

/// Feeds a body in pieces of these lengths, over and over.
fn decode(mut decoder: Decoder, body: &[u8], pieces: &[usize]) -> Result<(Vec<u8>, Trailers), Fault> {
    let mut rest = Bytes::copy_from_slice(body);
    let mut out = Vec::new();
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        decoder.feed(rest.split_to((*piece).clamp(1, rest.len())), &mut out)?;
    }
    Ok((out.concat(), decoder.finish()?))
}

fn sign(mode: Chunked, text: &str) -> String {
    match mode {
        Chunked::EcdsaP256Sha256 | Chunked::EcdsaP256Sha256Trailer => v4a::sign("AKIA", SECRET, text.as_bytes()),
        _ => SigningKey::derive(SECRET, "20130524", "us-east-1", "s3").sign(text.as_bytes()).to_string(),
    }
}

fn sha256(bytes: &[u8]) -> Hex {
    crate::payload::sha256(bytes)
}

/// A body as a client frames it, SigV4A's signatures padded to a fixed length.
fn encode(mode: Chunked, seed: &str, chunks: &[&[u8]], trailers: &[(&str, &str)]) -> Vec<u8> {
    let mut previous = seed.to_owned();
    let mut body = Vec::new();
    let mut link = |kind: &str, rest: &str| {
        previous = sign(mode, &format!("{}-{kind}\n{DATE}\n{SCOPE}\n{previous}\n{rest}", algorithm(mode)));
        if mode.algorithm() == Some(crate::Algorithm::EcdsaP256Sha256) { format!("{previous:*<144}") } else { previous.clone() }
    };
    for chunk in chunks.iter().copied().chain([&[][..]]) {
        let extension = match mode.algorithm() {
            Some(_) => format!(";chunk-signature={}", link("PAYLOAD", &format!("{EMPTY_SHA256}\n{}", sha256(chunk)))),
            None => String::new(),
        };
        body.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        if !chunk.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    if mode.has_trailer() {
        let mut canonical = String::new();
        for (name, value) in trailers {
            canonical.push_str(&format!("{name}:{value}\n"));
            body.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        if mode.algorithm().is_some() {
            body.extend_from_slice(format!("x-amz-trailer-signature:{}\r\n", link("TRAILER", &sha256(canonical.as_bytes()))).as_bytes());
        }
    }
    body.extend_from_slice(b"\r\n");
    body
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#example-signature-calculations-streaming>
#[test]
fn the_published_example_of_chunks_is_decoded() {
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let mut body = Vec::new();
    for (length, signature) in [
        (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        body.extend_from_slice(format!("{length:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', length));
        body.extend_from_slice(b"\r\n");
    }
    let (decoded, trailers) = decode(decoder(Chunked::HmacSha256, seed, 66_560, None), &body, &[1000]).unwrap();
    assert_eq!(decoded, vec![b'a'; 66_560]);
    assert_eq!(trailers, []);
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html#example-signature-calculations-trailing-header>
#[test]
fn the_published_example_of_a_signed_trailer_is_decoded() {
    let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    for end_of_trailer in ["\r\n", "\n", "\n\r\n"] {
        let mut body = Vec::new();
        for (length, signature) in [
            (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
            (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
            (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
        ] {
            body.extend_from_slice(format!("{length:x};chunk-signature={signature}\r\n").as_bytes());
            body.extend(std::iter::repeat_n(b'a', length));
            if length > 0 {
                body.extend_from_slice(b"\r\n");
            }
        }
        body.extend_from_slice(format!("x-amz-checksum-crc32c:sOO8/Q=={end_of_trailer}").as_bytes());
        body.extend_from_slice(b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
        let decoder = decoder(Chunked::HmacSha256Trailer, seed, 66_560, Some("X-Amz-Checksum-Crc32c"));
        let (decoded, trailers) = decode(decoder, &body, &[usize::MAX]).unwrap();
        assert_eq!(decoded.len(), 66_560);
        assert_eq!(trailers, [(CRC32C.to_owned(), "sOO8/Q==".to_owned())]);
    }
}

#[test]
fn signed_chunks_can_be_read_without_a_key() {
    for mode in [Chunked::HmacSha256, Chunked::HmacSha256Trailer, Chunked::EcdsaP256Sha256Trailer, Chunked::UnsignedTrailer] {
        let trailers: &[_] = if mode.has_trailer() { &[(CRC32C, "AAAAAA==")] } else { &[] };
        let body = encode(mode, "seed", &[b"hello"], trailers);
        let headers = vec![
            ("x-amz-content-sha256", mode.name()),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", if mode.has_trailer() { CRC32C } else { "" }),
        ];
        let decoder = Decoder::unsigned(&Head { method: "PUT", path: "/", query: "", headers: &headers }).unwrap();
        let (decoded, found) = decode(decoder, &body, &[7]).unwrap();
        assert_eq!((decoded.as_slice(), found.len()), (&b"hello"[..], trailers.len()));
    }
}

#[test]
fn payload_is_not_copied() {
    let body = Bytes::from(encode(Chunked::UnsignedTrailer, "", &[&[7; 9000], &[8; 10]], &[]));
    let mut decoder = decoder(Chunked::UnsignedTrailer, "", 9010, None);
    let mut out = Vec::new();
    decoder.feed(body.clone(), &mut out).unwrap();
    let range = body.as_ptr_range();
    assert!(out.iter().all(|piece| range.contains(&piece.as_ptr())));
    assert_eq!(decoder.finish().unwrap(), []);
}

fn refuse(mode: Chunked, length: usize, trailer: Option<&str>, body: &[u8]) -> Fault {
    decode(decoder(mode, "seed", length, trailer), body, &[usize::MAX]).unwrap_err()
}

#[test]
fn only_the_last_chunk_may_be_small() {
    let body = encode(Chunked::UnsignedTrailer, "", &[&[1; 8192], &[2; 8191], &[3; 1]], &[]);
    let fault = refuse(Chunked::UnsignedTrailer, 16_384, None, &body);
    assert!(fault.is(&faults::INVALID_CHUNK_SIZE));
    assert_eq!(fault.message(), "Only the last chunk is allowed to have a size less than 8192 bytes");
    assert_eq!(fault.members(), [("Chunk", "3".to_owned()), ("BadChunkSize", "8191".to_owned())]);
}

#[test]
fn a_body_of_another_length_than_declared_is_refused() {
    let body = encode(Chunked::UnsignedTrailer, "", &[b"hello"], &[]);
    for declared in [0, 4, 6, 1 << 40] {
        let fault = refuse(Chunked::UnsignedTrailer, declared, None, &body);
        assert!(fault.is(&faults::INCOMPLETE_BODY), "{fault}");
        assert_eq!(fault.message(), "You did not provide the number of bytes specified by the Content-Length HTTP header");
    }
}

#[test]
fn a_request_must_say_how_long_its_payload_is() {
    for headers in [vec![], vec![("x-amz-decoded-content-length", "-1")], vec![("x-amz-decoded-content-length", "five")]] {
        let head = Head { method: "PUT", path: "/", query: "", headers: &headers };
        let Err(fault) = Decoder::unsigned(&head) else { panic!("no length was needed") };
        assert_eq!((fault.code(), fault.status()), ("MissingContentLength", 411));
    }
}

#[test]
fn a_body_that_ends_too_early_is_refused_wherever_it_ends() {
    for mode in [Chunked::HmacSha256, Chunked::HmacSha256Trailer, Chunked::UnsignedTrailer] {
        let trailers: &[_] = if mode.has_trailer() { &[(CRC32C, "AAAAAA==")] } else { &[] };
        let body = encode(mode, "seed", &[b"hello"], trailers);
        let names = mode.has_trailer().then_some(CRC32C);
        decode(decoder(mode, "seed", 5, names), &body, &[3]).unwrap();
        for end in 0..body.len() - 2 {
            let fault = refuse(mode, 5, names, &body[..end]);
            assert!(fault.is(&faults::INCOMPLETE_BODY) || fault.is(&faults::MALFORMED_TRAILER), "{end}: {fault}");
        }
    }
}

#[test]
fn frames_that_are_none_are_refused() {
    for body in [
        "hello",
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "5\r\nhello\r\n0\r\n\r\nmore",
    ] {
        let fault = refuse(Chunked::UnsignedTrailer, 5, None, body.as_bytes());
        assert!(fault.is(&faults::INCOMPLETE_BODY), "{body}: {fault}");
    }
    // A header that never ends takes no memory.
    assert!(refuse(Chunked::UnsignedTrailer, 5, None, &[b'0'; 4096]).is(&faults::INCOMPLETE_BODY));
    assert!(refuse(Chunked::UnsignedTrailer, 0, None, format!("0\r\n{}", "a:b\r\n".repeat(10_000)).as_bytes()).is(&faults::MALFORMED_TRAILER));
    assert!(refuse(Chunked::HmacSha256, 5, None, b"5\r\nhello\r\n").is(&faults::INCOMPLETE_BODY));
}

#[test]
fn a_trailer_is_what_the_head_announced() {
    let body = |trailers: &[(&str, &str)]| encode(Chunked::UnsignedTrailer, "", &[b"hello"], trailers);
    let one = body(&[(CRC32C, "AAAAAA==")]);
    for (announced, body) in [
        (None, one.clone()),
        (Some("x-amz-checksum-sha1"), one.clone()),
        (Some(CRC32C), body(&[])),
        (Some(CRC32C), body(&[(CRC32C, "a"), (CRC32C, "b")])),
        (Some(CRC32C), b"5\r\nhello\r\n0\r\nno colon\r\n\r\n".to_vec()),
    ] {
        let fault = refuse(Chunked::UnsignedTrailer, 5, announced, &body);
        assert_eq!(fault.code(), "MalformedTrailerError");
        assert_eq!(fault.message(), "The request contained trailing data that was not well-formed or did not conform to our published schema.");
    }
    decode(decoder(Chunked::UnsignedTrailer, "", 5, Some(CRC32C)), &one, &[1]).unwrap();
}

#[test]
fn a_wrong_chunk_signature_shows_what_should_have_been_signed() {
    let mut body = encode(Chunked::HmacSha256, "seed", &[b"hello"], &[]);
    let at = body.windows(5).position(|window| window == b"hello").unwrap();
    body[at] = b'j';
    let fault = refuse(Chunked::HmacSha256, 5, None, &body);
    assert!(fault.is(&faults::SIGNATURE_DOES_NOT_MATCH));
    let names: Vec<&str> = fault.members().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"]);
    let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{DATE}\n{SCOPE}\nseed\n{EMPTY_SHA256}\n{}", sha256(b"jello"));
    assert_eq!(fault.members()[1].1, text);
}

fn modes() -> impl Strategy<Value = Chunked> {
    prop::sample::select(vec![
        Chunked::HmacSha256,
        Chunked::HmacSha256Trailer,
        Chunked::EcdsaP256Sha256,
        Chunked::EcdsaP256Sha256Trailer,
        Chunked::UnsignedTrailer,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_body_decodes_the_same_however_it_is_split(
        mode in modes(),
        big in prop::collection::vec(8192_usize..9000, 0..3),
        last in 0_usize..300,
        fill in any::<u8>(),
        pieces in prop::collection::vec(1_usize..700, 1..20),
    ) {
        let chunks: Vec<Vec<u8>> = big.into_iter().chain([last]).filter(|length| *length > 0).map(|length| vec![fill; length]).collect();
        let slices: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let trailers: &[_] = if mode.has_trailer() { &[("x-amz-checksum-crc32c", "AAAAAA=="), ("x-amz-other", "b c")] } else { &[] };
        let body = encode(mode, "5eed", &slices, trailers);
        let payload = chunks.concat();
        let names = mode.has_trailer().then_some("x-amz-checksum-crc32c,x-amz-other");
        let (decoded, found) = decode(decoder(mode, "5eed", payload.len(), names), &body, &pieces).unwrap();
        prop_assert_eq!(decoded, payload);
        prop_assert_eq!(found.len(), trailers.len());
    }

    #[test]
    fn a_changed_byte_is_noticed_or_means_the_same(
        mode in prop::sample::select(vec![Chunked::HmacSha256, Chunked::HmacSha256Trailer, Chunked::EcdsaP256Sha256Trailer]),
        at in any::<prop::sample::Index>(),
        change in 1_u8..=255,
    ) {
        let trailers: &[_] = if mode.has_trailer() { &[("x-amz-checksum-crc32c", "AAAAAA==")] } else { &[] };
        let mut body = encode(mode, "5eed", &[b"some payload"], trailers);
        let at = at.index(body.len());
        body[at] ^= change;
        let names = mode.has_trailer().then_some("x-amz-checksum-crc32c");
        if let Ok((decoded, found)) = decode(decoder(mode, "5eed", 12, names), &body, &[usize::MAX]) {
            prop_assert_eq!(decoded, b"some payload");
            prop_assert!(found.iter().all(|(name, value)| name == "x-amz-checksum-crc32c" && value == "AAAAAA=="));
        }
    }

    #[test]
    fn noise_is_refused_without_a_panic(mode in modes(), body in prop::collection::vec(any::<u8>(), 0..400), pieces in prop::collection::vec(1_usize..50, 1..5)) {
        let _ = decode(decoder(mode, "5eed", 100, Some("x-amz-checksum-crc32c")), &body, &pieces);
    }
}
