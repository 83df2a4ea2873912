//! Signatures of mail, which are made when its source is first read: a signature costs more than all else that is done to a mail, and nobody reads most
//! of what is sent. The mailbox keeps who signs, with the key of the time; a signature of RSA is the same whenever it is made.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::Timestamp;
use cloudlet_mail::dkim::{self, SigningKey};
use cloudlet_store::Secret;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// A signer's name in the tables: the hash of all that it is.
pub type SignerId = String;

/// Who signs: a domain with a selector and a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signer {
    pub id: SignerId,
    domain: String,
    selector: String,
    /// DER in base64.
    key: Secret<String>,
}

/// What a signature counts for in the size of a mail, made or not.
const SIGNATURE: usize = 700;

impl Signer {
    pub fn new(domain: &str, selector: &str, key: &str) -> Signer {
        let hash = digest(&SHA256, [domain, selector, key].join("\0").as_bytes());
        let id = hash.as_ref().get(..16).map(hex::encode).unwrap_or_default();
        Signer { id, domain: domain.to_owned(), selector: selector.to_owned(), key: Secret::new(key) }
    }

    /// How much the mailbox holds for it.
    pub(crate) fn size(&self) -> usize {
        self.id.len() + self.domain.len() + self.selector.len() + self.key.reveal().len()
    }
}

/// The signers of a mail, in the order of their fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signatures {
    pub(crate) signers: Vec<SignerId>,
    /// The fields, once they are made.
    #[serde(skip)]
    pub(crate) fields: OnceLock<String>,
}

impl Signatures {
    pub(crate) fn by(signers: &[Arc<Signer>]) -> Signatures {
        Signatures { signers: signers.iter().map(|signer| signer.id.clone()).collect(), fields: OnceLock::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    pub(crate) fn size(&self) -> usize {
        self.signers.len() * SIGNATURE
    }
}

/// Keys that were read, by their signers.
#[derive(Default)]
pub(crate) struct SigningKeys(Mutex<HashMap<SignerId, Option<Arc<SigningKey>>>>);

/// More keys are read again when they are needed.
const KEPT: usize = 1_000;

impl SigningKeys {
    /// The key of a signer. `None`: it is none.
    fn of(&self, signer: &Signer) -> Option<Arc<SigningKey>> {
        if let Some(key) = self.0.lock().get(&signer.id) {
            return key.clone();
        }
        let read = || SigningKey::read(&STANDARD.decode(signer.key.reveal()).ok()?).ok();
        let key = read().map(Arc::new);
        let mut kept = self.0.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(signer.id.clone(), key.clone());
        key
    }

    /// The fields that the signers put before a message.
    pub fn fields(&self, signers: &[Arc<Signer>], message: &[u8], at: Timestamp) -> String {
        let field = |signer: &Arc<Signer>| {
            let key = self.of(signer)?;
            dkim::Signer { domain: &signer.domain, selector: &signer.selector, key: &key }.sign(message, at.secs()).ok()
        };
        signers.iter().filter_map(field).collect()
    }
}
