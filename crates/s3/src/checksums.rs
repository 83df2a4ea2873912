//! Checksums of objects and parts: what a client claims, what is verified, what is stored and shown.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::faults::{BAD_DIGEST, INVALID_REQUEST};
use cloudlet_api_s3 as api;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_digest::{Algorithm, Sum};
use cloudlet_shape::Body;
use serde::{Deserialize, Serialize};

/// What S3 computes when the client names no algorithm.
pub const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Of all bytes of the object.
    #[serde(rename = "FULL_OBJECT")]
    FullObject,
    /// Of the checksums of its parts.
    #[serde(rename = "COMPOSITE")]
    Composite,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::FullObject => "FULL_OBJECT",
            Kind::Composite => "COMPOSITE",
        }
    }

    pub fn named(name: &str) -> Option<Kind> {
        [Kind::FullObject, Kind::Composite].into_iter().find(|kind| kind.name() == name)
    }

    /// What a multipart upload has when it names an algorithm only.
    pub const fn of_upload(algorithm: Algorithm) -> Kind {
        match algorithm {
            Algorithm::Crc64Nvme => Kind::FullObject,
            _ => Kind::Composite,
        }
    }
}

/// The checksum of a stored object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    pub sum: Sum,
    pub kind: Kind,
    /// How many parts a composite is made of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Checksum {
    pub fn full(sum: Sum) -> Checksum {
        Checksum { sum, kind: Kind::FullObject, parts: 0 }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.sum.algorithm()
    }

    /// A composite shows the number of its parts, `tfmz…=-2`; one part of it does not.
    pub fn text(&self) -> String {
        match self.parts {
            0 => self.sum.base64(),
            parts => format!("{}-{parts}", self.sum.base64()),
        }
    }
}

/// A shape with a member for the checksum of each algorithm.
pub trait HasChecksums {
    fn checksum(&mut self, algorithm: Algorithm) -> &mut Option<String>;

    /// Takes the values that are there.
    fn take_checksums(&mut self) -> Vec<(Algorithm, String)> {
        Algorithm::ALL.into_iter().filter_map(|algorithm| Some((algorithm, self.checksum(algorithm).take()?))).collect()
    }

    fn show(&mut self, algorithm: Algorithm, text: String) {
        *self.checksum(algorithm) = Some(text);
    }
}

macro_rules! has_checksums {
    ($($shape:ident)*) => {$(
        impl HasChecksums for api::$shape {
            fn checksum(&mut self, algorithm: Algorithm) -> &mut Option<String> {
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
    UploadPartRequest UploadPartOutput CopyPartResult Part CompletedPart CompleteMultipartUploadRequest CompleteMultipartUploadOutput
}

/// A shape that also says which kind of checksum it shows.
macro_rules! shows_kind {
    ($($shape:ident)*) => {$(
        impl ShowsChecksum for api::$shape {
            fn kind(&mut self) -> &mut Option<String> {
                &mut self.checksum_type
            }
        }
    )*};
}

pub trait ShowsChecksum: HasChecksums {
    fn kind(&mut self) -> &mut Option<String>;

    fn show_checksum(&mut self, checksum: &Checksum) {
        self.show(checksum.algorithm(), checksum.text());
        *self.kind() = Some(checksum.kind.name().to_owned());
    }
}

shows_kind! { PutObjectOutput GetObjectOutput HeadObjectOutput CopyObjectResult Checksum CompleteMultipartUploadOutput }

/// What the client says the checksum of its body is.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    Nothing,
    Header(Sum),
    /// It follows the body.
    Trailer(Algorithm),
}

impl Claim {
    /// Reads the claim of a PutObject or UploadPart.
    pub fn of(input: &mut impl HasChecksums, body: Option<&Body>) -> Result<Claim, Fault> {
        let mut headers = input.take_checksums();
        let announced: Vec<Algorithm> = body
            .and_then(Body::trailers)
            .map(|trailers| trailers.names().iter().filter_map(|name| Algorithm::of_header(name)).collect())
            .unwrap_or_default();
        if headers.len().saturating_add(announced.len()) > 1 {
            return Err(INVALID_REQUEST.says("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
        }
        match (headers.pop(), announced.first()) {
            (Some((algorithm, value)), _) => read(algorithm, &value).map(Claim::Header),
            (None, Some(algorithm)) => Ok(Claim::Trailer(*algorithm)),
            (None, None) => Ok(Claim::Nothing),
        }
    }

    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Claim::Nothing => None,
            Claim::Header(sum) => Some(sum.algorithm()),
            Claim::Trailer(algorithm) => Some(*algorithm),
        }
    }

    /// Compares, once the body has been read.
    pub fn verify(&self, computed: &Sum, body: Option<&Body>) -> Result<(), Fault> {
        let claimed = match self {
            Claim::Nothing => return Ok(()),
            Claim::Header(sum) => *sum,
            Claim::Trailer(algorithm) => match body.and_then(Body::trailers).and_then(|trailers| trailers.get(algorithm.header())) {
                Some(value) => read(*algorithm, value)?,
                None => {
                    return Err(FaultKind::sender("MalformedTrailerError", 400)
                        .says("The request contained trailing data that was not well-formed or did not conform to our published schema."));
                }
            },
        };
        if claimed == *computed {
            Ok(())
        } else {
            Err(BAD_DIGEST.says(format!("The {} you specified did not match the calculated checksum.", claimed.algorithm())))
        }
    }
}

fn read(algorithm: Algorithm, value: &str) -> Result<Sum, Fault> {
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
            Some(claimed) if claimed != *computed => Err(BAD_DIGEST
                .says("The Content-MD5 you specified did not match what we received.")
                .with("ExpectedDigest", claimed.hex())
                .with("CalculatedDigest", computed.base64())),
            _ => Ok(()),
        }
    }
}

/// A name from a `ChecksumAlgorithm` header.
pub fn algorithm(name: &str) -> Result<Algorithm, Fault> {
    Algorithm::named(&name.to_ascii_uppercase()).ok_or_else(|| {
        INVALID_REQUEST.says(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}
