//! Checksums of objects and parts: what a request expects, what is verified, what is stored and answered.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::faults::{BAD_DIGEST, INVALID_REQUEST};
use cloudlet_api_s3 as api;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_shape::Body;
use serde::{Deserialize, Serialize};

/// The algorithm of objects for which the client names none.
pub const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChecksumType {
    /// Of all bytes of the object.
    #[serde(rename = "FULL_OBJECT")]
    FullObject,
    /// Of the checksums of its parts.
    #[serde(rename = "COMPOSITE")]
    Composite,
}

impl ChecksumType {
    pub const fn name(self) -> &'static str {
        match self {
            ChecksumType::FullObject => "FULL_OBJECT",
            ChecksumType::Composite => "COMPOSITE",
        }
    }

    pub fn named(name: &str) -> Option<ChecksumType> {
        [ChecksumType::FullObject, ChecksumType::Composite].into_iter().find(|checksum_type| checksum_type.name() == name)
    }

    /// The type of a multipart upload that names only an algorithm.
    pub const fn default_of(algorithm: Algorithm) -> ChecksumType {
        match algorithm {
            Algorithm::Crc64Nvme => ChecksumType::FullObject,
            _ => ChecksumType::Composite,
        }
    }
}

/// The checksum of a stored object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    pub value: Sum,
    pub checksum_type: ChecksumType,
    /// The number of parts that a composite was computed from; 0 for all others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Checksum {
    pub fn full(value: Sum) -> Checksum {
        Checksum { value, checksum_type: ChecksumType::FullObject, parts: 0 }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.value.algorithm()
    }

    /// A composite ends in the number of its parts: `tfmz…=-2`.
    pub fn text(&self) -> String {
        match self.parts {
            0 => self.value.base64(),
            parts => format!("{}-{parts}", self.value.base64()),
        }
    }
}

/// A shape with one member for the checksum of each algorithm.
pub trait HasChecksums {
    fn checksum_member(&mut self, algorithm: Algorithm) -> &mut Option<String>;

    /// Takes the members that have a value.
    fn take_checksums(&mut self) -> Vec<(Algorithm, String)> {
        Algorithm::ALL.into_iter().filter_map(|algorithm| Some((algorithm, self.checksum_member(algorithm).take()?))).collect()
    }

    fn set_checksum_value(&mut self, algorithm: Algorithm, text: String) {
        *self.checksum_member(algorithm) = Some(text);
    }
}

macro_rules! has_checksums {
    ($($shape:ident)*) => {$(
        impl HasChecksums for api::$shape {
            fn checksum_member(&mut self, algorithm: Algorithm) -> &mut Option<String> {
                match algorithm {
                    Algorithm::Crc32 => &mut self.checksum_crc32,
                    Algorithm::Crc32c => &mut self.checksum_crc32c,
                    Algorithm::Crc64Nvme => &mut self.checksum_crc64nvme,
                    Algorithm::Sha1 => &mut self.checksum_sha1,
                    Algorithm::Sha256 => &mut self.checksum_sha256,
                    Algorithm::Sha512 => &mut self.checksum_sha512,
                    Algorithm::Md5 => &mut self.checksum_md5,
                    Algorithm::XxHash64 => &mut self.checksum_xxhash64,
                    Algorithm::XxHash3 => &mut self.checksum_xxhash3,
                    Algorithm::XxHash128 => &mut self.checksum_xxhash128,
                }
            }
        }
    )*};
}

has_checksums! {
    PutObjectRequest PutObjectOutput GetObjectOutput HeadObjectOutput CopyObjectResult Checksum ObjectPart
    PutObjectAnnotationRequest PutObjectAnnotationOutput GetObjectAnnotationOutput
    UploadPartRequest UploadPartOutput CopyPartResult Part CompletedPart CompleteMultipartUploadRequest CompleteMultipartUploadOutput
}

/// A shape that also has a ChecksumType.
pub trait HasChecksumType: HasChecksums {
    fn checksum_type_member(&mut self) -> &mut Option<String>;

    fn set_checksum(&mut self, checksum: &Checksum) {
        self.set_checksum_value(checksum.algorithm(), checksum.text());
        *self.checksum_type_member() = Some(checksum.checksum_type.name().to_owned());
    }
}

macro_rules! has_checksum_type {
    ($($shape:ident)*) => {$(
        impl HasChecksumType for api::$shape {
            fn checksum_type_member(&mut self) -> &mut Option<String> {
                &mut self.checksum_type
            }
        }
    )*};
}

has_checksum_type! {
    PutObjectOutput GetObjectOutput HeadObjectOutput CopyObjectResult Checksum CompleteMultipartUploadOutput
    PutObjectAnnotationOutput GetObjectAnnotationOutput
}

/// The checksum that a request names for its own body.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectedChecksum {
    None,
    Header(Sum),
    /// The value follows the body.
    Trailer(Algorithm),
}

impl ExpectedChecksum {
    /// Reads it from a PutObject or UploadPart.
    pub fn of(input: &mut impl HasChecksums, body: Option<&Body>) -> Result<ExpectedChecksum, Fault> {
        let mut headers = input.take_checksums();
        let trailers: Vec<Algorithm> = body
            .and_then(Body::trailers)
            .map(|trailers| trailers.names().iter().filter_map(|name| Algorithm::of_header(name)).collect())
            .unwrap_or_default();
        if headers.len().saturating_add(trailers.len()) > 1 {
            return Err(INVALID_REQUEST.says("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
        }
        match (headers.pop(), trailers.first()) {
            (Some((algorithm, value)), _) => parse(algorithm, &value).map(ExpectedChecksum::Header),
            (None, Some(algorithm)) => Ok(ExpectedChecksum::Trailer(*algorithm)),
            (None, None) => Ok(ExpectedChecksum::None),
        }
    }

    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            ExpectedChecksum::None => None,
            ExpectedChecksum::Header(sum) => Some(sum.algorithm()),
            ExpectedChecksum::Trailer(algorithm) => Some(*algorithm),
        }
    }

    /// To be called when the whole body has been read.
    pub fn verify(&self, computed: &Sum, body: Option<&Body>) -> Result<(), Fault> {
        let expected = match self {
            ExpectedChecksum::None => return Ok(()),
            ExpectedChecksum::Header(sum) => *sum,
            ExpectedChecksum::Trailer(algorithm) => match body.and_then(Body::trailers).and_then(|trailers| trailers.get(algorithm.header())) {
                Some(value) => Sum::from_base64(*algorithm, value)
                    .map_err(|_| INVALID_REQUEST.says(format!("Value for {} trailing header is invalid.", algorithm.header())))?,
                None => {
                    return Err(FaultKind::sender("MalformedTrailerError", 400)
                        .says("The request contained trailing data that was not well-formed or did not conform to our published schema."));
                }
            },
        };
        if expected == *computed {
            Ok(())
        } else {
            Err(BAD_DIGEST.says(format!("The {} you specified did not match the calculated checksum.", expected.algorithm())))
        }
    }
}

fn parse(algorithm: Algorithm, value: &str) -> Result<Sum, Fault> {
    Sum::from_base64(algorithm, value).map_err(|_| INVALID_REQUEST.says(format!("Value for {} header is invalid.", algorithm.header())))
}

/// The Content-MD5 header: <https://www.rfc-editor.org/rfc/rfc1864>
#[derive(Clone, Copy, Debug)]
pub struct ContentMd5(Option<Sum>);

impl ContentMd5 {
    pub fn of(header: Option<&str>) -> Result<ContentMd5, Fault> {
        let Some(header) = header else { return Ok(ContentMd5(None)) };
        Sum::from_base64(Algorithm::Md5, header)
            .map(|sum| ContentMd5(Some(sum)))
            .map_err(|_| FaultKind::sender("InvalidDigest", 400).says("The Content-MD5 you specified was invalid.").with("Content-MD5", header))
    }

    pub fn verify(&self, computed: &Sum) -> Result<(), Fault> {
        match self.0 {
            // AWS: unverified: the encoding of the two digests in the error.
            Some(expected) if expected != *computed => Err(BAD_DIGEST
                .says("The Content-MD5 you specified did not match what we received.")
                .with("ExpectedDigest", expected.hex())
                .with("CalculatedDigest", computed.base64())),
            _ => Ok(()),
        }
    }
}

/// The algorithm of a `ChecksumAlgorithm` header.
pub fn algorithm(name: &str) -> Result<Algorithm, Fault> {
    Algorithm::named(&name.to_ascii_uppercase()).ok_or_else(|| {
        INVALID_REQUEST.says(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}
