//! The response of an identity provider to an authentication request, and the assertion in it.

use crate::{
    Metadata, PrivateKey, ResponseError,
    encryption::{decrypt, encrypted_assertion},
    signature::signed_text,
    xml::{ASSERTION, PROTOCOL, children, only, parse, text},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::Timestamp;
use roxmltree::Node;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    pub issuer: String,
    pub issued: Timestamp,
    pub subject: String,
    /// The format of the subject's name.
    pub subject_format: Option<String>,
    /// The URL to which the assertion must be sent.
    pub recipient: String,
    /// `NotOnOrAfter` of the subject confirmation.
    pub confirmed_until: Timestamp,
    pub not_before: Option<Timestamp>,
    pub not_on_or_after: Option<Timestamp>,
    /// Each restriction lists audiences, of which one must match.
    pub audiences: Vec<Vec<String>>,
    pub session_not_on_or_after: Option<Timestamp>,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub friendly_name: Option<String>,
    pub values: Vec<String>,
}

impl Assertion {
    /// The values of an attribute.
    pub fn attribute(&self, name: &str) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter(move |attribute| attribute.name == name).flat_map(|attribute| &attribute.values).map(String::as_str)
    }
}

/// Whether assertions may or must be encrypted, and the keys that decrypt them.
#[derive(Clone, Copy)]
pub enum Encryption<'k> {
    Allowed(&'k [PrivateKey]),
    Required(&'k [PrivateKey]),
}

fn is_assertion(node: &Node<'_, '_>) -> bool {
    node.has_tag_name((ASSERTION, "Assertion"))
}

/// Reads a response in base64. The provider must have signed the response or the assertion.
pub fn read(encoded: &str, provider: &Metadata, encryption: Encryption<'_>) -> Result<Assertion, ResponseError> {
    let base64: String = encoded.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(base64).map_err(|_| ResponseError::NotAResponse)?;
    let source = std::str::from_utf8(&bytes).map_err(|_| ResponseError::NotAResponse)?.trim_start_matches('\u{feff}');
    let document = parse(source).ok_or(ResponseError::NotAResponse)?;
    let response = document.root_element();
    if !response.has_tag_name((PROTOCOL, "Response")) {
        return Err(ResponseError::NotAResponse);
    }
    let status = only(response, PROTOCOL, "Status").and_then(|status| only(status, PROTOCOL, "StatusCode"));
    if status.and_then(|code| code.attribute("Value")) != Some("urn:oasis:names:tc:SAML:2.0:status:Success") {
        return Err(ResponseError::AuthenticationFailed);
    }
    let (Encryption::Allowed(keys) | Encryption::Required(keys)) = encryption;
    let Some(encrypted) = encrypted_assertion(response) else {
        return match encryption {
            Encryption::Required(_) => Err(ResponseError::NotEncrypted),
            Encryption::Allowed(_) => {
                let whole = signed_text(response, &provider.keys).map_err(|_| ResponseError::Signature)?;
                signed(response, provider, whole)
            }
        };
    };
    if document.descendants().any(|node| is_assertion(&node)) {
        return Err(ResponseError::NotAResponse);
    }
    let whole = signed_text(response, &provider.keys).map_err(|_| ResponseError::Signature)?;
    let plain = decrypt(encrypted, keys).ok_or(ResponseError::NotDecrypted)?;
    // If the signature covers the encrypted form, the assertion is decrypted again from the signed text.
    let whole = match whole {
        None => None,
        Some(text) => {
            let document = parse(&text).ok_or(ResponseError::Signature)?;
            Some(encrypted_assertion(document.root_element()).and_then(|encrypted| decrypt(encrypted, keys)).ok_or(ResponseError::NotDecrypted)?)
        }
    };
    let range = encrypted.range();
    let (before, after) = (source.get(..range.start).unwrap_or_default(), source.get(range.end..).unwrap_or_default());
    let decrypted = format!("{before}{plain}{after}");
    signed(parse(&decrypted).ok_or(ResponseError::NotAResponse)?.root_element(), provider, whole)
}

/// The assertion of a response, from the text that its own signature covers, or else from what that of the response covers.
fn signed(response: Node<'_, '_>, provider: &Metadata, whole: Option<String>) -> Result<Assertion, ResponseError> {
    // Exactly one assertion in the whole document, against signature wrapping.
    let assertion = only(response, ASSERTION, "Assertion").filter(|_| response.document().descendants().filter(is_assertion).count() == 1);
    let assertion = assertion.ok_or(ResponseError::NotAResponse)?;
    if issuer(assertion).as_deref() != Some(provider.entity.as_str()) {
        return Err(ResponseError::Issuer);
    }
    let own_text = signed_text(assertion, &provider.keys).map_err(|_| ResponseError::Signature)?;
    let covered = own_text.or(whole).ok_or(ResponseError::Signature)?;
    // From here on only the signed text is read.
    let signed = parse(&covered).ok_or(ResponseError::Signature)?;
    let root = signed.root_element();
    let assertion = if is_assertion(&root) { Some(root) } else { only(root, ASSERTION, "Assertion") };
    assertion
        .filter(|assertion| issuer(*assertion).as_deref() == Some(provider.entity.as_str()))
        .and_then(read_assertion)
        .ok_or(ResponseError::Incomplete)
}

fn issuer(assertion: Node<'_, '_>) -> Option<String> {
    only(assertion, ASSERTION, "Issuer").map(text)
}

fn time(node: Node<'_, '_>, attribute: &str) -> Option<Timestamp> {
    node.attribute(attribute).and_then(Timestamp::parse_any)
}

/// AWS: "There must be exactly one SubjectConfirmation element with a SubjectConfirmationData element that includes both the
/// NotOnOrAfter attribute and a Recipient attribute."
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>
fn read_assertion(assertion: Node<'_, '_>) -> Option<Assertion> {
    let subject = only(assertion, ASSERTION, "Subject")?;
    let name = only(subject, ASSERTION, "NameID")?;
    let confirmation = only(only(subject, ASSERTION, "SubjectConfirmation")?, ASSERTION, "SubjectConfirmationData")?;
    let conditions = children(assertion, ASSERTION, "Conditions").next();
    // An invalid time is an error, not a missing one.
    let bound = |node: Node<'_, '_>, name: &str| match node.attribute(name) {
        Some(_) => time(node, name).map(Some),
        None => Some(None),
    };
    let restrictions = conditions.into_iter().flat_map(|conditions| children(conditions, ASSERTION, "AudienceRestriction"));
    let statement = children(assertion, ASSERTION, "AuthnStatement").next();
    let attributes = children(assertion, ASSERTION, "AttributeStatement").flat_map(|list| children(list, ASSERTION, "Attribute"));
    Some(Assertion {
        issuer: issuer(assertion)?,
        issued: time(assertion, "IssueInstant")?,
        subject: text(name),
        subject_format: name.attribute("Format").map(str::to_owned),
        recipient: confirmation.attribute("Recipient")?.to_owned(),
        confirmed_until: time(confirmation, "NotOnOrAfter")?,
        not_before: conditions.map_or(Some(None), |conditions| bound(conditions, "NotBefore"))?,
        not_on_or_after: conditions.map_or(Some(None), |conditions| bound(conditions, "NotOnOrAfter"))?,
        audiences: restrictions.map(|restriction| children(restriction, ASSERTION, "Audience").map(text).collect()).collect(),
        session_not_on_or_after: statement.map_or(Some(None), |statement| bound(statement, "SessionNotOnOrAfter"))?,
        attributes: attributes.filter_map(attribute).collect(),
    })
}

fn attribute(node: Node<'_, '_>) -> Option<Attribute> {
    Some(Attribute {
        name: node.attribute("Name")?.to_owned(),
        friendly_name: node.attribute("FriendlyName").map(str::to_owned),
        values: children(node, ASSERTION, "AttributeValue").map(text).collect(),
    })
}
