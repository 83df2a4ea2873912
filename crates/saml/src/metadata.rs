//! The metadata of an identity provider: its entity id, and its signing keys.

use crate::{
    certificate::public_key,
    xml::{METADATA, SIGNATURE, children, parse, text},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::Timestamp;

/// Certificates that are read. A provider has one, or two during a rotation.
const MOST_KEYS: usize = 20;

#[derive(Clone, Debug)]
pub struct Metadata {
    /// `entityID`: the issuer of the assertions.
    pub entity: String,
    pub valid_until: Option<Timestamp>,
    /// Public keys, as SubjectPublicKeyInfo.
    pub(crate) keys: Vec<Vec<u8>>,
}

impl Metadata {
    /// `None`: not the metadata of an identity provider, or without a certificate.
    pub fn parse(document: &str) -> Option<Metadata> {
        let document = parse(document)?;
        let root = document.root_element();
        let entity = root.attribute("entityID").filter(|entity| root.has_tag_name((METADATA, "EntityDescriptor")) && !entity.is_empty())?;
        let mut keys = Vec::new();
        let mut certificates = 0;
        for role in children(root, METADATA, "IDPSSODescriptor") {
            for key in children(role, METADATA, "KeyDescriptor").filter(|key| key.attribute("use").is_none_or(|purpose| purpose == "signing")) {
                let of_key = key.descendants().filter(|node| node.has_tag_name((SIGNATURE, "X509Certificate")));
                for certificate in of_key.take(MOST_KEYS) {
                    certificates += 1;
                    let base64: String = text(certificate).split_ascii_whitespace().collect();
                    let der = STANDARD.decode(base64).unwrap_or_default();
                    keys.extend(public_key(&der).map(<[u8]>::to_vec));
                }
            }
        }
        keys.truncate(MOST_KEYS);
        let valid_until = root.attribute("validUntil").and_then(Timestamp::parse_any);
        (certificates > 0).then(|| Metadata { entity: entity.to_owned(), valid_until, keys })
    }
}
