//! XML signatures as SAML uses them: enveloped in the element that they sign.
//! <https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf>, 5.4

use crate::{
    canonical::{Comments, Form, write},
    xml::{EXCLUSIVE, SIGNATURE, children, only, text},
};
use aws_lc_rs::{digest, signature as rsa};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use roxmltree::Node;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
const MOST_PREFIXES: usize = 32;

/// The element has a signature that is not valid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidSignature;

/// The text that the element's own signature covers. `None`: the element is not signed.
pub(crate) fn signed_text(element: Node<'_, '_>, keys: &[Vec<u8>]) -> Result<Option<String>, InvalidSignature> {
    let Some(signature) = children(element, SIGNATURE, "Signature").next() else { return Ok(None) };
    only(element, SIGNATURE, "Signature").and_then(|_| verified(element, signature, keys)).map(Some).ok_or(InvalidSignature)
}

fn verified(element: Node<'_, '_>, signature: Node<'_, '_>, keys: &[Vec<u8>]) -> Option<String> {
    let info = only(signature, SIGNATURE, "SignedInfo")?;
    let reference = only(info, SIGNATURE, "Reference")?;
    let id = element.attribute("ID").filter(|id| !id.is_empty())?;
    if reference.attribute("URI")?.strip_prefix('#') != Some(id) || !is_unique(element, id) {
        return None;
    }
    let covered = write(element, &Form { without: Some(signature.id()), ..transforms(reference)? })?;
    let algorithm = match only(reference, SIGNATURE, "DigestMethod")?.attribute("Algorithm")? {
        "http://www.w3.org/2000/09/xmldsig#sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "http://www.w3.org/2001/04/xmlenc#sha256" => &digest::SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
        _ => return None,
    };
    if decoded(only(reference, SIGNATURE, "DigestValue")?)? != digest::digest(algorithm, covered.as_bytes()).as_ref() {
        return None;
    }

    let method = match only(info, SIGNATURE, "SignatureMethod")?.attribute("Algorithm")? {
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => &rsa::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => &rsa::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => &rsa::RSA_PKCS1_2048_8192_SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => &rsa::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => return None,
    };
    let signed = write(info, &form_of(only(info, SIGNATURE, "CanonicalizationMethod")?)?)?;
    let value = decoded(only(signature, SIGNATURE, "SignatureValue")?)?;
    let is_valid = |key: &Vec<u8>| rsa::UnparsedPublicKey::new(method, key).verify(signed.as_bytes(), &value).is_ok();
    keys.iter().any(is_valid).then_some(covered)
}

/// The enveloped-signature transform, then exclusive canonicalization: SAML allows no others.
fn transforms(reference: Node<'_, '_>) -> Option<Form> {
    let all: Vec<_> = children(only(reference, SIGNATURE, "Transforms")?, SIGNATURE, "Transform").collect();
    match all.as_slice() {
        [first, second] if first.attribute("Algorithm") == Some(ENVELOPED) => form_of(*second),
        _ => None,
    }
}

fn form_of(method: Node<'_, '_>) -> Option<Form> {
    let comments = match method.attribute("Algorithm")? {
        EXCLUSIVE => Comments::Omit,
        WITH_COMMENTS => Comments::Keep,
        _ => return None,
    };
    let prefixes = children(method, EXCLUSIVE, "InclusiveNamespaces").next().and_then(|list| list.attribute("PrefixList")).unwrap_or_default();
    let inclusive: Vec<String> =
        prefixes.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).map(str::to_owned).collect();
    (inclusive.len() <= MOST_PREFIXES).then_some(Form { comments, inclusive, without: None })
}

/// Whether no other element has the id.
fn is_unique(element: Node<'_, '_>, id: &str) -> bool {
    let named = |node: &Node<'_, '_>| node.attributes().any(|attribute| attribute.name().eq_ignore_ascii_case("id") && attribute.value() == id);
    element.document().descendants().filter(named).count() == 1
}

fn decoded(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let base64: String = text(node).split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}
