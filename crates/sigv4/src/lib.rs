//! AWS request signatures, as a server sees them: what a request claims, and whether the claim is true.
//! No I/O, no clock, no randomness: the moment is a parameter, the body is fed in. Sessions and keys are identity's.
//!
//! The road of one request:
//!
//! ```no_run
//! # use cloudlet_aws::{Fault, Head, Timestamp};
//! # use cloudlet_sigv4::{Keys, Payload, Target, claim, chunks, payload};
//! # fn road(head: Head<'_>, keys: &Keys, now: Timestamp, body: &[u8]) -> Result<(), Fault> {
//! # fn secret_of(_: &str) -> &'static str { "" }
//! let target = Target::service("sqs");                     // or Target::s3(), .in_region(…), .virtual_bucket(…)
//! let Some(claim) = claim::find(&head, &target)? else {    // malformed claims are AWS's faults
//!     return Ok(());                                       // nobody signed: anonymous
//! };
//! let claim = claim.admit(&head, now, &target)?;           // scope, clock, expiry, headers that must be signed
//! let secret = secret_of(&claim.access_key);               // and `claim.session_token`, which identity verifies
//! let declared = Payload::of(&head, Some(&claim), target.flavor)?;
//! let hash = declared.canonical(|| payload::sha256(body)); // only `Payload::Body` looks at the body
//! let verified = claim.verify(&head, &hash, secret, keys)?;
//! match declared {
//!     Payload::Chunked(chunked) => drop(chunks::Decoder::new(chunked, &verified, &head)?), // feed, finish
//!     Payload::Declared(hash) => payload::Check::new(hash).finish()?,                      // update with each piece, finish
//!     Payload::Body | Payload::Unsigned => {}
//! }
//! # Ok(()) }
//! ```
//!
//! - [`claim`]: header, query and form claims of SigV4, SigV4A and SigV2, with S3's faults or everybody else's.
//! - [`canonical`]: canonical request and string to sign.
//! - [`verify`]: [`Claim::admit`] (needs no secret) and [`Admitted::verify`].
//! - [`keys`]: derived keys and a small bounded cache of them.
//! - [`payload`]: what `x-amz-content-sha256` says. [`chunks`]: the decoder of aws-chunked bodies.
//! - [`post`]: browser forms: their claim, and the policy with its conditions.
//! - [`sign`]: the other side, for presigned URLs the server hands out, and for tests.
//! - [`faults`]: the faults by name. `name` is the JSON protocols' spelling, `code` that of XML and query.

pub mod canonical;
pub mod chunks;
pub mod claim;
pub mod faults;
pub mod keys;
pub mod payload;
pub mod post;
pub mod sign;
pub mod v2;
pub mod v4a;
pub mod verify;

mod escape;
mod hex;

pub use claim::{Algorithm, Claim, Flavor, Place, Scope, Target};
pub use hex::Hex;
pub use keys::{Keys, SigningKey};
pub use payload::{Chunked, Payload};
pub use verify::{Admitted, Verified};
