//! The public key of an X.509 certificate. Nothing else of the certificate is checked: the user who uploads the metadata trusts it.
//! AWS: "IAM does not evaluate or take action on the expiration of X.509 certificates in metadata documents."
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html>

use crate::der::Element;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;

/// SubjectPublicKeyInfo, as DER.
pub(crate) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let whole = Element::tagged(certificate, SEQUENCE)?.content;
    let mut body = Element::tagged(whole, SEQUENCE)?.content;
    if let Some(version) = Element::tagged(body, VERSION) {
        body = version.rest;
    }
    let body = Element::tagged(body, INTEGER)?.rest;
    // Algorithm, issuer, validity, subject.
    let body = [SEQUENCE; 4].into_iter().try_fold(body, |body, tag| Element::tagged(body, tag).map(|element| element.rest))?;
    Element::tagged(body, SEQUENCE).map(|key| key.whole)
}
