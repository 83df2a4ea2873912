//! Digests of bodies that are held whole (the XML of S3's configurations): what the head claims is compared before anybody acts on them.
//! Bodies that flow are their engine's to check, which digests them anyhow.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use bytes::Bytes;
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_digest::{Algorithm, Sum, digest};
use cloudlet_engine::Dialect;
use cloudlet_shape::OperationSchema;
use cloudlet_sigv4::payload::Check;

const BAD_DIGEST: FaultKind = FaultKind::sender("BadDigest", 400);
const INVALID_DIGEST: FaultKind = FaultKind::sender("InvalidDigest", 400);
const INVALID_REQUEST: FaultKind = FaultKind::sender("InvalidRequest", 400);

/// What a head names of the body: checked before the body is decoded, and compared with it when it is known to be a document of the operation.
#[derive(Default)]
pub struct Digests<'a> {
    md5: Option<(&'a str, Sum)>,
    checksum: Option<Sum>,
}

impl<'a> Digests<'a> {
    /// An operation of the `httpChecksum` trait may demand one, unless the service does without.
    pub fn of(operation: &OperationSchema, dialect: &Dialect, head: &Head<'a>) -> Result<Digests<'a>, Fault> {
        // Operations whose answers alone have checksums do not look at those of the request: GetObject.
        let Some(trait_of) = operation.checksum.as_ref().filter(|checksum| checksum.required || !checksum.algorithm_member.is_empty()) else {
            return Ok(Digests::default());
        };
        let md5 = head.header("content-md5").map(|claimed| match Sum::from_base64(Algorithm::Md5, claimed) {
            Ok(sum) => Ok((claimed, sum)),
            Err(_) => Err(INVALID_DIGEST.says("The Content-MD5 you specified was invalid.").with("Content-MD5", claimed)),
        });
        let mut checksum = Ok(None);
        head.headers.each(&mut |name, value| {
            if let Some(algorithm) = Algorithm::of_header(name)
                && matches!(checksum, Ok(None))
            {
                checksum = Sum::from_base64(algorithm, value)
                    .map(Some)
                    .map_err(|_| INVALID_REQUEST.says(format!("Value for {} header is invalid.", algorithm.header())));
            }
        });
        let digests = Digests { md5: md5.transpose()?, checksum: checksum? };
        // A trailer was compared when the last chunk came; the head has announced it.
        let named = digests.md5.is_some() || digests.checksum.is_some() || head.header("x-amz-trailer").is_some();
        if trait_of.required && !named && !dialect.checksum_optional.contains(&operation.name) {
            return Err(INVALID_REQUEST.says("Missing required header for this request: Content-MD5 OR x-amz-checksum-*"));
        }
        Ok(digests)
    }

    pub fn compare(&self, body: &[u8]) -> Result<(), Fault> {
        if let Some((claimed, expected)) = &self.md5 {
            let computed = digest(Algorithm::Md5, body);
            if computed != *expected {
                return Err(BAD_DIGEST
                    .says("The Content-MD5 you specified did not match what we received.")
                    .with("ExpectedDigest", *claimed)
                    .with("CalculatedDigest", computed.base64()));
            }
        }
        match &self.checksum {
            Some(expected) if digest(expected.algorithm(), body) != *expected => {
                Err(BAD_DIGEST.says(format!("The {} you specified did not match the calculated checksum.", expected.algorithm())))
            }
            _ => Ok(()),
        }
    }
}

/// A body that is read, and all that its head declares of it.
pub struct Declared<'a> {
    digests: Digests<'a>,
    /// Of `x-amz-content-sha256`.
    hash: Option<Check>,
    body: Bytes,
}

impl<'a> Declared<'a> {
    pub fn of(digests: Digests<'a>, hash: Option<Check>, body: &Bytes) -> Option<Declared<'a>> {
        let nothing = digests.md5.is_none() && digests.checksum.is_none() && hash.is_none();
        (!nothing).then(|| Declared { digests, hash, body: body.clone() })
    }

    pub fn compare(self) -> Result<(), Fault> {
        self.digests.compare(&self.body)?;
        match self.hash {
            Some(mut hash) => {
                hash.update(&self.body);
                hash.finish()
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_api_s3::{DeleteObjects, GetObject};
    use cloudlet_shape::Operation;

    fn checked(fields: &[(&str, &str)], body: &str) -> Result<(), (String, String)> {
        let fields: Vec<(&str, &str)> = fields.to_vec();
        let head = Head { method: "POST", path: "/bucket", query: "delete", headers: &fields };
        Digests::of(DeleteObjects::SCHEMA, &Dialect::S3, &head)
            .and_then(|digests| digests.compare(body.as_bytes()))
            .map_err(|fault| (fault.code().to_owned(), fault.message().to_owned()))
    }

    #[test]
    fn a_body_that_is_what_its_head_says_passes() {
        assert_eq!(checked(&[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "hello"), Ok(()));
        assert_eq!(checked(&[("x-amz-checksum-crc32", "NhCmhg==")], "hello"), Ok(()));
        assert_eq!(checked(&[("x-amz-trailer", "x-amz-checksum-crc32")], "hello"), Ok(()));
    }

    #[test]
    fn another_body_is_refused() {
        let code = |fields: &[(&str, &str)]| checked(fields, "hallo").unwrap_err();
        assert_eq!(code(&[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")]).0, "BadDigest");
        let expected = ("BadDigest".to_owned(), "The CRC32 you specified did not match the calculated checksum.".to_owned());
        assert_eq!(code(&[("x-amz-checksum-crc32", "NhCmhg==")]), expected);
    }

    #[test]
    fn a_digest_that_is_none_is_told_apart_from_a_wrong_one() {
        assert_eq!(checked(&[("content-md5", "bm8=")], "hello").unwrap_err().0, "InvalidDigest");
        assert_eq!(checked(&[("x-amz-checksum-sha256", "bm8=")], "hello").unwrap_err().1, "Value for x-amz-checksum-sha256 header is invalid.");
    }

    #[test]
    fn an_operation_that_demands_a_digest_gets_one() {
        assert_eq!(checked(&[], "hello").unwrap_err().1, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    }

    #[test]
    fn reads_do_not_look_at_a_digest() {
        for fields in [vec![], vec![("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], vec![("content-md5", "no digest")]] {
            let head = Head { method: "GET", path: "/bucket/key", query: "", headers: &fields };
            assert_eq!(Digests::of(GetObject::SCHEMA, &Dialect::S3, &head).and_then(|digests| digests.compare(b"")), Ok(()));
        }
    }
}
