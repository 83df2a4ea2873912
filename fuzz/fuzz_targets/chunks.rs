//! aws-chunked bodies: the outcome does not depend on how the bytes are split.
#![no_main]

use bytes::Bytes;
use cloudlet_aws::Head;
use cloudlet_sigv4::chunks::Decoder;
use libfuzzer_sys::fuzz_target;

type Outcome = Result<(Vec<u8>, String), String>;

fn decode(head: &Head<'_>, pieces: impl Iterator<Item = Bytes>) -> Outcome {
    let mut decoder = Decoder::unsigned(head).map_err(|fault| fault.to_string())?;
    let (mut out, mut whole) = (Vec::new(), Vec::new());
    for piece in pieces {
        decoder.feed(piece, &mut out).map_err(|fault| fault.to_string())?;
        out.drain(..).for_each(|piece| whole.extend_from_slice(&piece));
    }
    let trailers = decoder.finish().map_err(|fault| fault.to_string())?;
    Ok((whole, format!("{trailers:?}")))
}

fuzz_target!(|bytes: &[u8]| {
    let [mode, length, cut, body @ ..] = bytes else { return };
    let mode = ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"]
        [usize::from(*mode) % 3];
    let headers = vec![
        ("x-amz-content-sha256", mode.to_owned()),
        ("x-amz-decoded-content-length", length.to_string()),
        ("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-sha256".to_owned()),
    ];
    let head = Head { method: "PUT", path: "/bucket/key", query: "", headers: &headers };
    let whole = decode(&head, [Bytes::copy_from_slice(body)].into_iter());
    let step = usize::from(*cut).max(1);
    assert_eq!(decode(&head, body.chunks(step).map(Bytes::copy_from_slice)), whole);
    if body.len() < 4096 {
        assert_eq!(decode(&head, body.chunks(1).map(Bytes::copy_from_slice)), whole);
    }
    if let Ok((decoded, _)) = whole {
        assert_eq!(decoded.len(), usize::from(*length));
    }
});
