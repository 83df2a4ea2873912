//! SAML 2.0 for a service provider: the metadata of an identity provider, and the responses that it signs. An assertion is read from the
//! text that the signature covers, so unsigned content is never read. Deliberately not here: the clock and the conditions of an assertion,
//! which STS checks, and those parts of XML signatures that SAML does not use. XML signatures are implemented here because the libraries
//! for them depend on C code (libxml2, xmlsec) or on further libraries for dates, keys and certificates.

mod canonical;
mod certificate;
pub mod der;
mod encryption;
mod error;
mod metadata;
mod response;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

pub use encryption::PrivateKey;
pub use error::ResponseError;
pub use metadata::Metadata;
pub use response::{Assertion, Attribute, Encryption, read};

/// The exclusive canonical form of a document's root. For tests.
pub fn canonical(text: &str) -> Option<String> {
    let document = xml::parse(text)?;
    canonical::write(document.root_element(), &canonical::Form::default())
}
