//! A response to an authentication request: who the provider says somebody is.

use crate::{
    Metadata, PrivateKey, Refused,
    seal::{open, sealed},
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
    /// The format of the subject's name, where it is said.
    pub subject_format: Option<String>,
    /// Where the bearer was to bring it.
    pub recipient: String,
    /// Until when the bearer may.
    pub confirmed_until: Timestamp,
    pub begins: Option<Timestamp>,
    pub ends: Option<Timestamp>,
    /// Of each restriction one must fit.
    pub audiences: Vec<Vec<String>>,
    pub session_ends: Option<Timestamp>,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub friendly: Option<String>,
    pub values: Vec<String>,
}

impl Assertion {
    /// The values of an attribute.
    pub fn attribute(&self, name: &str) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter(move |attribute| attribute.name == name).flat_map(|attribute| &attribute.values).map(String::as_str)
    }
}

/// Whether assertions may or must be encrypted, and the keys that open them.
#[derive(Clone, Copy)]
pub enum Encryption<'k> {
    Allowed(&'k [PrivateKey]),
    Required(&'k [PrivateKey]),
}

fn is_assertion(node: &Node<'_, '_>) -> bool {
    node.has_tag_name((ASSERTION, "Assertion"))
}

/// Reads a response, base 64 as browsers carry it, that this provider signed: the response, or the assertion in it.
pub fn read(encoded: &str, provider: &Metadata, encryption: Encryption<'_>) -> Result<Assertion, Refused> {
    let letters: String = encoded.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(letters).map_err(|_| Refused::NotAResponse)?;
    let source = std::str::from_utf8(&bytes).map_err(|_| Refused::NotAResponse)?.trim_start_matches('\u{feff}');
    let document = parse(source).ok_or(Refused::NotAResponse)?;
    let response = document.root_element();
    if !response.has_tag_name((PROTOCOL, "Response")) {
        return Err(Refused::NotAResponse);
    }
    let status = only(response, PROTOCOL, "Status").and_then(|status| only(status, PROTOCOL, "StatusCode"));
    if status.and_then(|code| code.attribute("Value")) != Some("urn:oasis:names:tc:SAML:2.0:status:Success") {
        return Err(Refused::Failed);
    }
    let (Encryption::Allowed(keys) | Encryption::Required(keys)) = encryption;
    let Some(envelope) = sealed(response) else {
        return match encryption {
            Encryption::Required(_) => Err(Refused::Open),
            Encryption::Allowed(_) => {
                let whole = signed_text(response, &provider.keys).map_err(|_| Refused::Signature)?;
                signed(response, provider, whole)
            }
        };
    };
    if document.descendants().any(|node| is_assertion(&node)) {
        return Err(Refused::NotAResponse);
    }
    let whole = signed_text(response, &provider.keys).map_err(|_| Refused::Signature)?;
    let plain = open(envelope, keys).ok_or(Refused::Sealed)?;
    // What was signed in its sealed form is opened once more, from the signed text.
    let whole = match whole {
        None => None,
        Some(text) => {
            let document = parse(&text).ok_or(Refused::Signature)?;
            Some(sealed(document.root_element()).and_then(|envelope| open(envelope, keys)).ok_or(Refused::Sealed)?)
        }
    };
    let range = envelope.range();
    let (before, after) = (source.get(..range.start).unwrap_or_default(), source.get(range.end..).unwrap_or_default());
    let opened = format!("{before}{plain}{after}");
    signed(parse(&opened).ok_or(Refused::NotAResponse)?.root_element(), provider, whole)
}

/// The assertion of a response, from the text that its own signature covers, or else from what that of the response covers.
fn signed(response: Node<'_, '_>, provider: &Metadata, whole: Option<String>) -> Result<Assertion, Refused> {
    // One assertion in the whole document, and in its place: whoever wraps one into another brings two.
    let assertion = only(response, ASSERTION, "Assertion").filter(|_| response.document().descendants().filter(is_assertion).count() == 1);
    let assertion = assertion.ok_or(Refused::NotAResponse)?;
    if issuer(assertion).as_deref() != Some(provider.entity.as_str()) {
        return Err(Refused::Issuer);
    }
    let alone = signed_text(assertion, &provider.keys).map_err(|_| Refused::Signature)?;
    let covered = alone.or(whole).ok_or(Refused::Signature)?;
    // From here on there is only what was signed.
    let signed = parse(&covered).ok_or(Refused::Signature)?;
    let root = signed.root_element();
    let assertion = if is_assertion(&root) { Some(root) } else { only(root, ASSERTION, "Assertion") };
    assertion.filter(|assertion| issuer(*assertion).as_deref() == Some(provider.entity.as_str())).and_then(told).ok_or(Refused::Incomplete)
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
fn told(assertion: Node<'_, '_>) -> Option<Assertion> {
    let subject = only(assertion, ASSERTION, "Subject")?;
    let name = only(subject, ASSERTION, "NameID")?;
    let confirmation = only(only(subject, ASSERTION, "SubjectConfirmation")?, ASSERTION, "SubjectConfirmationData")?;
    let conditions = children(assertion, ASSERTION, "Conditions").next();
    // A bound that cannot be read is not taken for none.
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
        begins: conditions.map_or(Some(None), |conditions| bound(conditions, "NotBefore"))?,
        ends: conditions.map_or(Some(None), |conditions| bound(conditions, "NotOnOrAfter"))?,
        audiences: restrictions.map(|restriction| children(restriction, ASSERTION, "Audience").map(text).collect()).collect(),
        session_ends: statement.map_or(Some(None), |statement| bound(statement, "SessionNotOnOrAfter"))?,
        attributes: attributes.filter_map(attribute).collect(),
    })
}

fn attribute(node: Node<'_, '_>) -> Option<Attribute> {
    Some(Attribute {
        name: node.attribute("Name")?.to_owned(),
        friendly: node.attribute("FriendlyName").map(str::to_owned),
        values: children(node, ASSERTION, "AttributeValue").map(text).collect(),
    })
}
