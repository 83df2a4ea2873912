//! Responses that another implementation signed (signxml, over libxml2), and what becomes of them when somebody changes them.

use crate::{Assertion, Encryption, Metadata, PrivateKey, Refused, canonical};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::Timestamp;

const METADATA: &str = include_str!("tests/metadata.xml");
const ASSERTION: &str = include_str!("tests/assertion_sha256.xml");
const RESPONSE: &str = include_str!("tests/response_sha512.xml");
const OLD: &str = include_str!("tests/assertion_sha1.xml");
const PREFIXES: &str = include_str!("tests/prefixes.xml");
const BOTH: &str = include_str!("tests/both.xml");

fn provider() -> Metadata {
    Metadata::parse(METADATA).unwrap()
}

const SEALED_SIGNED: &str = include_str!("tests/encrypted_gcm.xml");
const SIGNED_SEALED: &str = include_str!("tests/encrypted_cbc.xml");
const PRIVATE: &str = include_str!("tests/private_key.pem");
const OTHER: &str = include_str!("tests/other_key.pem");

fn read(encoded: &str, provider: &Metadata) -> Result<Assertion, Refused> {
    crate::read(encoded, provider, Encryption::Allowed(&[]))
}

fn reading(response: &str) -> Result<Assertion, Refused> {
    read(&STANDARD.encode(response), &provider())
}

/// The piece between two marks, the marks included.
fn piece<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begins = text.find(from).unwrap();
    let ends = text[begins..].find(to).unwrap();
    &text[begins..begins + ends + to.len()]
}

fn assertion() -> &'static str {
    piece(ASSERTION, "<saml2:Assertion", "</saml2:Assertion>")
}

fn unsigned() -> String {
    ASSERTION.replace(piece(ASSERTION, "<ds:Signature", "</ds:Signature>"), "")
}

#[test]
fn what_a_provider_signed_is_read() {
    for (what, text) in [("assertion", ASSERTION), ("response", RESPONSE), ("old", OLD), ("prefixes", PREFIXES), ("both", BOTH)] {
        let assertion = reading(text).unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
        assert_eq!(assertion.issuer, "https://idp.example.com/metadata");
        assert_eq!(assertion.subject, "alice");
        assert_eq!(assertion.issued, Timestamp::parse_any("2099-01-15T08:00:00.500Z").unwrap());
        assert_eq!(assertion.recipient, "https://signin.aws.amazon.com/saml");
        assert_eq!(assertion.audiences, [["https://signin.aws.amazon.com/saml"]]);
        assert_eq!(assertion.ends, Timestamp::parse_any("2099-01-15T08:05:00Z"));
        let names: Vec<&str> = assertion.attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName").collect();
        assert_eq!(names, ["alice@example.com"], "a comment does not end a name");
        assert_eq!(assertion.attributes[0].friendly.as_deref(), Some("Name & \"more\""));
    }
}

#[test]
fn whatever_is_changed_breaks_the_signature() {
    for (what, text) in [("assertion", ASSERTION), ("response", RESPONSE), ("both", BOTH)] {
        assert_eq!(reading(&text.replace(">alice<", ">mallory<")).unwrap_err(), Refused::Signature, "{what}");
        assert_eq!(reading(&text.replace("role/r,", "role/admin,")).unwrap_err(), Refused::Signature, "{what}");
    }
    assert_eq!(reading(&unsigned()).unwrap_err(), Refused::Signature);
    let value = piece(ASSERTION, "<ds:SignatureValue>", "</ds:SignatureValue>");
    assert_eq!(reading(&ASSERTION.replace(value, "<ds:SignatureValue>AAAA</ds:SignatureValue>")).unwrap_err(), Refused::Signature);
    let shared = ASSERTION.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#hmac-sha1");
    assert_eq!(reading(&shared).unwrap_err(), Refused::Signature, "a public key is no shared secret");
}

#[test]
fn a_comment_inside_a_signed_name_changes_nothing() {
    let split = ASSERTION.replace(">alice<!-- a comment -->@", ">al<!-- x -->ice@");
    assert_eq!(reading(&split).unwrap().attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName").next(), Some("alice@example.com"));
}

#[test]
fn a_signed_assertion_cannot_be_wrapped_into_another() {
    let unsigned = unsigned();
    let evil = piece(&unsigned, "<saml2:Assertion", "</saml2:Assertion>").replace("alice", "mallory");
    let beside = ASSERTION.replace(assertion(), &format!("{}{}", evil.replace("_a1", "_a2"), assertion()));
    assert_eq!(reading(&beside).unwrap_err(), Refused::NotAResponse);
    let same_id = ASSERTION.replace(assertion(), &format!("{evil}<saml2p:Extensions>{}</saml2p:Extensions>", assertion()));
    assert_eq!(reading(&same_id).unwrap_err(), Refused::NotAResponse);
    // The signature of one element, put into another one.
    let signature = piece(ASSERTION, "<ds:Signature", "</ds:Signature>");
    let moved = evil.replace("_a1", "_a2").replace("<saml2:Subject>", &format!("{signature}<saml2:Subject>"));
    assert_eq!(reading(&ASSERTION.replace(assertion(), &moved)).unwrap_err(), Refused::Signature);
    // An element that bears the name of the signed one.
    let twin = ASSERTION.replace("<saml2p:Status>", "<saml2p:Extensions><x ID=\"_a1\"/></saml2p:Extensions><saml2p:Status>");
    assert_eq!(reading(&twin).unwrap_err(), Refused::Signature);
}

#[test]
fn another_providers_key_is_of_no_use() {
    let body = piece(METADATA, "<ds:X509Certificate>", "</ds:X509Certificate>");
    let none = METADATA.replace(body, "<ds:X509Certificate>AAAA</ds:X509Certificate>");
    let none = Metadata::parse(&none).unwrap();
    assert_eq!(read(&STANDARD.encode(ASSERTION), &none).unwrap_err(), Refused::Signature);
    let other = Metadata::parse(&METADATA.replace("https://idp.example.com/metadata", "https://other.example.com")).unwrap();
    assert_eq!(read(&STANDARD.encode(ASSERTION), &other).unwrap_err(), Refused::Issuer);
    let encrypting = Metadata::parse(&METADATA.replace("use=\"signing\"", "use=\"encryption\""));
    assert!(encrypting.is_none(), "a key for encryption verifies nothing");
}

#[test]
fn what_is_no_response_is_told_apart() {
    assert_eq!(read("not base 64!", &provider()).unwrap_err(), Refused::NotAResponse);
    assert_eq!(reading("<a/>").unwrap_err(), Refused::NotAResponse);
    assert_eq!(reading(assertion()).unwrap_err(), Refused::NotAResponse);
    assert_eq!(reading(&ASSERTION.replace("status:Success", "status:Responder")).unwrap_err(), Refused::Failed);
    let encrypted = ASSERTION.replace(assertion(), "<saml2:EncryptedAssertion/>");
    assert_eq!(reading(&encrypted).unwrap_err(), Refused::Sealed);
    for text in ["", "<EntityDescriptor entityID='x'/>", "<a", &METADATA.replace("IDPSSODescriptor", "SPSSODescriptor")] {
        assert!(Metadata::parse(text).is_none());
    }
}

#[test]
fn the_canonical_form_is_its_own() {
    for text in [ASSERTION, RESPONSE, METADATA] {
        let once = canonical(text).unwrap();
        assert_eq!(canonical(&once).unwrap(), once);
    }
}

#[test]
fn sealed_assertions_are_opened_by_the_right_key() {
    let (keys, other) = ([PrivateKey::from_pem(PRIVATE).unwrap()], [PrivateKey::from_pem(OTHER).unwrap()]);
    let opening = |text: &str, encryption| crate::read(&STANDARD.encode(text), &provider(), encryption);
    for (what, text) in [("signed, then sealed", SEALED_SIGNED), ("sealed, then signed", SIGNED_SEALED)] {
        let assertion = opening(text, Encryption::Allowed(&keys)).unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
        assert_eq!(assertion.subject, "alice");
        assert!(opening(text, Encryption::Required(&keys)).is_ok());
        assert_eq!(reading(text).unwrap_err(), Refused::Sealed, "without a key");
        assert_eq!(opening(text, Encryption::Allowed(&other)).unwrap_err(), Refused::Sealed);
    }
    assert_eq!(opening(ASSERTION, Encryption::Required(&keys)).unwrap_err(), Refused::Open);
    // Sealed and not signed: anybody can encrypt.
    let (head, _) = SIGNED_SEALED.split_once("<ds:Signature").unwrap();
    let tail = SIGNED_SEALED.split_once("</ds:Signature>").unwrap().1;
    assert_eq!(opening(&format!("{head}{tail}"), Encryption::Allowed(&keys)).unwrap_err(), Refused::Signature);
    assert!(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_none());
}
