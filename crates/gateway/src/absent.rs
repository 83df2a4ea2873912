//! The answer to a request for a service of AWS that is not here: as its clients read errors.

use cloudlet_shape::Body;
use cloudlet_wire::{Absent, Answer, ErrorForm};

const CODE: &str = "NotImplemented";

pub fn absent_service(absent: &Absent<'_>, request_id: &str) -> Answer {
    // The name is one of a list: it needs no escapes.
    let message = format!("Cloudlet does not have the service {} yet.", absent.name);
    let mut headers = vec![
        ("x-amzn-requestid".into(), request_id.to_owned()),
        ("x-amzn-errortype".into(), CODE.to_owned()),
        ("x-cloudlet-not-implemented".into(), absent.name.clone().into_owned()),
    ];
    let (kind, body) = match absent.reads {
        ErrorForm::Json => ("application/json", serde_json::json!({ "__type": CODE, "message": message }).to_string().into_bytes()),
        ErrorForm::Xml => {
            let error = format!("<Error><Type>Receiver</Type><Code>{CODE}</Code><Message>{message}</Message></Error>");
            ("text/xml", format!("<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>").into_bytes())
        }
        ErrorForm::Cbor => {
            headers.push(("smithy-protocol".into(), "rpc-v2-cbor".to_owned()));
            ("application/cbor", cbor(&[("__type", CODE), ("message", &message)]))
        }
    };
    headers.push(("content-type".into(), kind.to_owned()));
    Answer { status: 501, headers, body: Body::whole(body) }
}

/// A map of texts. <https://www.rfc-editor.org/rfc/rfc8949#section-3.1>
fn cbor(pairs: &[(&str, &str)]) -> Vec<u8> {
    const TEXT: u8 = 3 << 5;
    const MAP: u8 = 5 << 5;
    let mut bytes = Vec::new();
    let head = |bytes: &mut Vec<u8>, major: u8, length: usize| match u8::try_from(length) {
        Ok(length @ ..24) => bytes.push(major | length),
        Ok(length) => bytes.extend([major | 24, length]),
        Err(_) => {
            bytes.push(major | 27);
            bytes.extend((length as u64).to_be_bytes());
        }
    };
    head(&mut bytes, MAP, pairs.len());
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        head(&mut bytes, TEXT, text.len());
        bytes.extend(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_texts() {
        assert_eq!(cbor(&[("a", "bc")]), b"\xa1\x61a\x62bc");
        assert_eq!(&cbor(&[("a", &"x".repeat(30))])[..5], b"\xa1\x61a\x78\x1e");
    }
}
