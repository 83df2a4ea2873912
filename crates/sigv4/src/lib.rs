//! AWS request signatures, as a server verifies them.
//! No I/O, no clock, no randomness: the time is a parameter, the body is fed in. Sessions and secrets come from `identity`.
//!
//! The steps for one request:
//!
//! ```no_run
//! # use cloudlet_aws::{Fault, Head, Timestamp};
//! # use cloudlet_sigv4::{Keys, Payload, Target, chunks, payload, read_claim};
//! # fn steps(head: Head<'_>, keys: &Keys, now: Timestamp, body: &[u8]) -> Result<(), Fault> {
//! # fn secret_of(_: &str) -> &'static str { "" }
//! let target = Target::service("sqs");                     // or Target::s3(), .in_region(…), .virtual_bucket(…)
//! let Some(claim) = read_claim(&head, &target)? else {     // malformed claims are AWS's faults
//!     return Ok(());                                       // not signed: an anonymous caller
//! };
//! let claim = claim.admit(&head, now, &target)?;           // scope, clock, expiry, headers that must be signed
//! let secret = secret_of(&claim.access_key);               // and `claim.session_token`, which `identity` verifies
//! let declared = Payload::of(&head, Some(&claim), target.flavor)?;
//! let hash = declared.canonical(|| payload::sha256(body)); // only `Payload::Body` looks at the body
//! let verified = claim.verify(&head, &hash, secret, keys)?;
//! match declared {
//!     Payload::Chunked(chunked) => drop(chunks::Decoder::new(chunked, &verified, &head)?), // feed, finish
//!     Payload::Declared(hash) => payload::Check::new(hash).finish()?,                      // update with each piece, finish
//!     Payload::Body | Payload::Unsigned | Payload::Word(_) => {}
//! }
//! # Ok(()) }
//! ```
//!
//! - [`claim`]: what a request claims. [`read_claim`]: header, query and form claims of SigV4, SigV4A and SigV2, with S3's faults or
//!   those of all other services.
//! - [`canonical`]: canonical request and string to sign.
//! - [`verify`]: [`Claim::admit`] (needs no secret) and [`Admitted::verify`].
//! - [`keys`]: derived keys and a small bounded cache of them.
//! - [`payload`]: what `x-amz-content-sha256` declares. [`chunks`]: the decoder of aws-chunked bodies.
//! - [`post`]: browser forms: their claim, and the policy with its conditions.
//! - [`sign`]: signing as a client does.
//! - [`faults`]: the faults. `name` is the JSON protocols' spelling, `code` that of XML and query.

pub mod canonical;
pub mod chunks;
pub mod claim;
pub mod faults;
pub mod keys;
pub mod payload;
pub mod post;
pub mod sign;
pub mod smtp;
pub mod v2;
pub mod v4a;
pub mod verify;

mod dates;
mod escape;
mod hex;
mod parts;
mod read;

pub use claim::{Algorithm, Claim, Flavor, Location, Scope, Target};
pub use hex::Hex;
pub use keys::{Keys, SigningKey};
pub use payload::{Chunked, Payload};
pub use read::{read_claim, read_form_claim};
pub use verify::{Admitted, Verified};
