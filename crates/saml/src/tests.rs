//! Responses that another implementation (signxml with libxml2) signed, unchanged and tampered with.

use crate::{Assertion, Encryption, Metadata, PrivateKey, ResponseError, canonical};
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

const SIGNED_THEN_ENCRYPTED: &str = include_str!("tests/encrypted_gcm.xml");
const ENCRYPTED_THEN_SIGNED: &str = include_str!("tests/encrypted_cbc.xml");
const PRIVATE: &str = include_str!("tests/private_key.pem");
const OTHER: &str = include_str!("tests/other_key.pem");

fn read(encoded: &str, provider: &Metadata) -> Result<Assertion, ResponseError> {
    crate::read(encoded, provider, Encryption::Allowed(&[]))
}

fn reading(response: &str) -> Result<Assertion, ResponseError> {
    read(&STANDARD.encode(response), &provider())
}

/// The text from one mark to another, both included.
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
fn signed_assertions_are_read() {
    for (what, text) in [("assertion", ASSERTION), ("response", RESPONSE), ("old", OLD), ("prefixes", PREFIXES), ("both", BOTH)] {
        let assertion = reading(text).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(assertion.issuer, "https://idp.example.com/metadata");
        assert_eq!(assertion.subject, "alice");
        assert_eq!(assertion.issued, Timestamp::parse_any("2099-01-15T08:00:00.500Z").unwrap());
        assert_eq!(assertion.recipient, "https://signin.aws.amazon.com/saml");
        assert_eq!(assertion.audiences, [["https://signin.aws.amazon.com/saml"]]);
        assert_eq!(assertion.not_on_or_after, Timestamp::parse_any("2099-01-15T08:05:00Z"));
        let names: Vec<&str> = assertion.attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName").collect();
        assert_eq!(names, ["alice@example.com"], "a comment does not end a text");
        assert_eq!(assertion.attributes[0].friendly_name.as_deref(), Some("Name & \"more\""));
    }
}

#[test]
fn a_changed_response_is_refused() {
    for (what, text) in [("assertion", ASSERTION), ("response", RESPONSE), ("both", BOTH)] {
        assert_eq!(reading(&text.replace(">alice<", ">mallory<")).unwrap_err(), ResponseError::Signature, "{what}");
        assert_eq!(reading(&text.replace("role/r,", "role/admin,")).unwrap_err(), ResponseError::Signature, "{what}");
    }
    assert_eq!(reading(&unsigned()).unwrap_err(), ResponseError::Signature);
    let value = piece(ASSERTION, "<ds:SignatureValue>", "</ds:SignatureValue>");
    assert_eq!(reading(&ASSERTION.replace(value, "<ds:SignatureValue>AAAA</ds:SignatureValue>")).unwrap_err(), ResponseError::Signature);
    let shared = ASSERTION.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#hmac-sha1");
    assert_eq!(reading(&shared).unwrap_err(), ResponseError::Signature, "a public key must not be used as a shared secret");
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
    assert_eq!(reading(&beside).unwrap_err(), ResponseError::NotAResponse);
    let same_id = ASSERTION.replace(assertion(), &format!("{evil}<saml2p:Extensions>{}</saml2p:Extensions>", assertion()));
    assert_eq!(reading(&same_id).unwrap_err(), ResponseError::NotAResponse);
    // The signature of one element, moved into another.
    let signature = piece(ASSERTION, "<ds:Signature", "</ds:Signature>");
    let moved = evil.replace("_a1", "_a2").replace("<saml2:Subject>", &format!("{signature}<saml2:Subject>"));
    assert_eq!(reading(&ASSERTION.replace(assertion(), &moved)).unwrap_err(), ResponseError::Signature);
    // Another element with the id of the signed one.
    let duplicate = ASSERTION.replace("<saml2p:Status>", "<saml2p:Extensions><x ID=\"_a1\"/></saml2p:Extensions><saml2p:Status>");
    assert_eq!(reading(&duplicate).unwrap_err(), ResponseError::Signature);
}

#[test]
fn the_key_of_another_provider_is_refused() {
    let body = piece(METADATA, "<ds:X509Certificate>", "</ds:X509Certificate>");
    let none = METADATA.replace(body, "<ds:X509Certificate>AAAA</ds:X509Certificate>");
    let none = Metadata::parse(&none).unwrap();
    assert_eq!(read(&STANDARD.encode(ASSERTION), &none).unwrap_err(), ResponseError::Signature);
    let other = Metadata::parse(&METADATA.replace("https://idp.example.com/metadata", "https://other.example.com")).unwrap();
    assert_eq!(read(&STANDARD.encode(ASSERTION), &other).unwrap_err(), ResponseError::Issuer);
    let encrypting = Metadata::parse(&METADATA.replace("use=\"signing\"", "use=\"encryption\""));
    assert!(encrypting.is_none(), "a key for encryption verifies nothing");
}

#[test]
fn other_documents_are_refused() {
    assert_eq!(read("not base 64!", &provider()).unwrap_err(), ResponseError::NotAResponse);
    assert_eq!(reading("<a/>").unwrap_err(), ResponseError::NotAResponse);
    assert_eq!(reading(assertion()).unwrap_err(), ResponseError::NotAResponse);
    assert_eq!(reading(&ASSERTION.replace("status:Success", "status:Responder")).unwrap_err(), ResponseError::AuthenticationFailed);
    let encrypted = ASSERTION.replace(assertion(), "<saml2:EncryptedAssertion/>");
    assert_eq!(reading(&encrypted).unwrap_err(), ResponseError::NotDecrypted);
    for text in ["", "<EntityDescriptor entityID='x'/>", "<a", &METADATA.replace("IDPSSODescriptor", "SPSSODescriptor")] {
        assert!(Metadata::parse(text).is_none());
    }
}

#[test]
fn canonicalization_is_idempotent() {
    for text in [ASSERTION, RESPONSE, METADATA] {
        let once = canonical(text).unwrap();
        assert_eq!(canonical(&once).unwrap(), once);
    }
}

#[test]
fn encrypted_assertions_are_decrypted_by_the_right_key() {
    let (keys, other) = ([PrivateKey::from_pem(PRIVATE).unwrap()], [PrivateKey::from_pem(OTHER).unwrap()]);
    let decrypting = |text: &str, encryption| crate::read(&STANDARD.encode(text), &provider(), encryption);
    for (what, text) in [("signed, then encrypted", SIGNED_THEN_ENCRYPTED), ("encrypted, then signed", ENCRYPTED_THEN_SIGNED)] {
        let assertion = decrypting(text, Encryption::Allowed(&keys)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(assertion.subject, "alice");
        assert!(decrypting(text, Encryption::Required(&keys)).is_ok());
        assert_eq!(reading(text).unwrap_err(), ResponseError::NotDecrypted, "without a key");
        assert_eq!(decrypting(text, Encryption::Allowed(&other)).unwrap_err(), ResponseError::NotDecrypted);
    }
    assert_eq!(decrypting(ASSERTION, Encryption::Required(&keys)).unwrap_err(), ResponseError::NotEncrypted);
    // Encrypted and not signed: anybody can encrypt.
    let (head, _) = ENCRYPTED_THEN_SIGNED.split_once("<ds:Signature").unwrap();
    let tail = ENCRYPTED_THEN_SIGNED.split_once("</ds:Signature>").unwrap().1;
    assert_eq!(decrypting(&format!("{head}{tail}"), Encryption::Allowed(&keys)).unwrap_err(), ResponseError::Signature);
    assert!(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_none());
}
