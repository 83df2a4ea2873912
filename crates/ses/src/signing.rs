//! DKIM: the keys of identities, the signatures of mails, and the records that AWS would publish for them.
//! <https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim.html>

use crate::{
    Ses,
    identities::candidates,
    refusal::Refusal,
    state::{Dkim, Identity},
    status::Status,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mail::{
    Data, Resolver,
    dkim::{NoKey, Signer, SigningKey},
};
use cloudlet_store::Secret;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// Keys that were read, by their text.
#[derive(Default)]
pub struct SigningKeys(Mutex<HashMap<String, Arc<SigningKey>>>);

/// More keys are read again when they are needed.
const KEPT: usize = 1_000;

fn read(text: &str) -> Result<SigningKey, NoKey> {
    let text: String = text.split_ascii_whitespace().collect();
    SigningKey::read(&STANDARD.decode(text).map_err(|_| NoKey)?)
}

impl SigningKeys {
    fn of(&self, text: &str) -> Option<Arc<SigningKey>> {
        let mut kept = self.0.lock();
        if let Some(key) = kept.get(text) {
            return Some(key.clone());
        }
        let key = Arc::new(read(text).ok()?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(text.to_owned(), key.clone());
        Some(key)
    }

    /// What the record of a key says: `p=…`.
    pub fn public(dkim: &Dkim) -> Option<String> {
        read(dkim.key.as_ref()?.reveal()).ok()?.record().ok()
    }
}

/// Checks a key of one's own, as base64 of its DER.
/// <https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-bring-your-own.html>
pub fn own_key(text: &str) -> Result<Secret<String>, Refusal> {
    match read(text) {
        Ok(key) if (1_024..=2_048).contains(&key.bits()) => Ok(Secret::new(text.split_ascii_whitespace().collect::<String>())),
        // AWS: unverified message.
        _ => Err(Refusal::invalid("The private key is not valid: it has to be an RSA key of 1024 to 2048 bits, in base64, without headers.")),
    }
}

/// The key that AWS signs with for itself: every mail has its signature, too.
struct Aws;

impl Aws {
    const SELECTOR: &str = "ug7nbtf4gccmlpwj322ax3p6ow6yfsug";
    const DOMAIN: &str = "amazonses.com";

    fn key() -> Option<&'static SigningKey> {
        static KEY: LazyLock<Option<SigningKey>> = LazyLock::new(|| read(include_str!("signing/amazonses.key")).ok());
        KEY.as_ref()
    }
}

/// The selector of Easy DKIM that signs: the first of the three.
fn selector(dkim: &Dkim) -> Option<&str> {
    dkim.selector.as_deref().or_else(|| dkim.tokens.first().map(String::as_str))
}

impl Ses {
    /// The key of an identity, which Easy DKIM makes now if it is the first time that it is needed.
    fn key_of(&self, scope: &Scope, name: &str, identity: &Identity) -> Option<Arc<SigningKey>> {
        if let Some(text) = &identity.dkim.key {
            return self.signing_keys.of(text.reveal());
        }
        if identity.dkim.tokens.is_empty() {
            return None;
        }
        let (_, der) = SigningKey::generate().ok()?;
        let text = self.store.update(|state| {
            let made = state.change_identity(scope, name, |identity| {
                // Somebody else may have been faster.
                identity.dkim.key.get_or_insert_with(|| Secret::new(STANDARD.encode(&der))).reveal().to_owned()
            });
            made.ok()
        })?;
        self.signing_keys.of(&text)
    }

    /// The domain that signs for an address: the most special one that has set DKIM up.
    fn signer_of(&self, cx: &Cx, scope: &Scope, address: &str) -> Option<(String, Arc<Identity>)> {
        let names = candidates(address).into_iter();
        let found = names.filter_map(|name| Some((name.clone(), self.store.read(|state| state.identity(scope, &name).cloned())?)));
        let mut found = found.filter(|(name, _)| !name.contains('@'));
        found.find(|(name, identity)| identity.dkim.enabled && self.dkim_status(name, identity, cx.now) == Status::Success)
    }

    /// The message with its signatures.
    pub async fn signed(&self, cx: &Cx, scope: &Scope, address: &str, message: Vec<u8>) -> Vec<u8> {
        let mut out = String::new();
        let now = cx.now.secs();
        if let Some((name, identity)) = self.signer_of(cx, scope, address)
            && let Some(selector) = selector(&identity.dkim)
            && let Some(key) = self.key_of(scope, &name, &identity)
            && let Ok(field) = (Signer { domain: &name, selector, key: &key }).sign(&message, now)
        {
            out.push_str(&field);
        }
        if let Some(key) = Aws::key()
            && let Ok(field) = (Signer { domain: Aws::DOMAIN, selector: Aws::SELECTOR, key }).sign(&message, now)
        {
            out.push_str(&field);
        }
        let mut signed = out.into_bytes();
        signed.extend_from_slice(&message);
        signed
    }

    /// The record of a token of Easy DKIM.
    fn token_record(&self, token: &str) -> Option<String> {
        let found = self.store.read(|state| {
            let mut all = state.identities.iter();
            all.find(|(_, identity)| identity.dkim.tokens.iter().any(|known| known == token)).map(|(key, identity)| (key.clone(), identity.clone()))
        });
        let ((scope, name), identity) = found?;
        self.key_of(&scope, &name, &identity)?.record().ok()
    }
}

/// What AWS publishes under its own names.
impl Resolver for Ses {
    fn records(&self, name: &str) -> Vec<Data> {
        let Some(host) = name.strip_suffix("amazonses.com").map(|host| host.trim_end_matches('.')) else {
            let is_inbound = name.starts_with("inbound-smtp.") && name.ends_with(".amazonaws.com");
            return if is_inbound { vec![Data::A(std::net::Ipv4Addr::LOCALHOST)] } else { vec![] };
        };
        if host.is_empty() || !host.contains('.') && host.contains('-') && host.ends_with(|c: char| c.is_ascii_digit()) {
            // Mail of AWS comes from this machine.
            return vec![Data::Txt("v=spf1 ip4:127.0.0.0/8 ip6:::1 -all".to_owned())];
        }
        if host.starts_with("feedback-smtp.") {
            return vec![Data::A(std::net::Ipv4Addr::LOCALHOST)];
        }
        if host.strip_suffix("._domainkey") == Some(Aws::SELECTOR) {
            return Aws::key().and_then(|key| key.record().ok()).map(Data::Txt).into_iter().collect();
        }
        let token = host.split_once(".dkim").filter(|(_, rest)| rest.is_empty() || rest.starts_with('.')).map(|(token, _)| token);
        token.and_then(|token| self.token_record(token)).map(Data::Txt).into_iter().collect()
    }
}
