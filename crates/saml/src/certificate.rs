//! The public key in an X.509 certificate. Nothing else of the certificate matters: whoever uploads metadata vouches for it.
//! AWS: "IAM does not evaluate or take action on the expiration of X.509 certificates in metadata documents."
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html>

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;

/// One element of DER: all of it, its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = der.get(..der.len() - rest.len())?;
    (found == tag).then_some((whole, content, rest))
}

/// SubjectPublicKeyInfo, as DER.
pub(crate) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_, whole, _) = element(certificate, SEQUENCE)?;
    let (_, mut body, _) = element(whole, SEQUENCE)?;
    if let Some((.., rest)) = element(body, VERSION) {
        body = rest;
    }
    let (.., body) = element(body, INTEGER)?;
    // The algorithm, the issuer, the time it is valid for, the subject.
    let body = [SEQUENCE; 4].into_iter().try_fold(body, |body, tag| element(body, tag).map(|(.., rest)| rest))?;
    element(body, SEQUENCE).map(|(key, ..)| key)
}
