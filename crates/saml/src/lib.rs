//! SAML 2.0 as a service provider needs it: the metadata of an identity provider, and the responses that it signs.
//! A response is read from the very text that the signature covers, so what was not signed cannot be read.
//! Deliberately not here: what time it is and what an assertion must say to be of use (that is STS), and all of XML signatures that
//! SAML does not use: one enveloped signature over one element, exclusive canonical form, RSA.
//!
//! Own code over a parser, since the libraries of XML signatures that could be had bring C (libxml2, xmlsec) or a second library
//! of dates, keys and certificates each.

mod canonical;
mod certificate;
pub mod der;
mod metadata;
mod response;
mod seal;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

pub use metadata::Metadata;
pub use response::{Assertion, Attribute, Encryption, read};
pub use seal::PrivateKey;

/// Why a response is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not the base 64 of a response with exactly one assertion.
    NotAResponse,
    /// Its assertion is encrypted, and no key opens it.
    Sealed,
    /// Its assertion is not encrypted, and must be.
    Open,
    /// The provider says that it did not authenticate anybody.
    Failed,
    /// It is from another provider.
    Issuer,
    /// No signature of the provider covers the assertion.
    Signature,
    /// The assertion lacks what every assertion has.
    Incomplete,
}

/// The exclusive canonical form of a document's root: what its signature would cover. For tests.
pub fn canonical(text: &str) -> Option<String> {
    let document = xml::parse(text)?;
    canonical::write(document.root_element(), &canonical::Form::default())
}
