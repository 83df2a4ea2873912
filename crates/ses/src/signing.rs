//! DKIM: the keys of identities, the signatures of mails, and the records that AWS would publish for them.
//! <https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim.html>

use crate::{
    Ses,
    identities::{candidates, name_of},
    refusal::Refusal,
    state::{Dkim, Identity},
    status::Status,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mail::{
    Data, Resolver,
    dkim::{KeyLength, NoKey, SigningKey},
};
use cloudlet_mailbox::Signer;
use cloudlet_store::Secret;
use std::sync::{Arc, LazyLock};

fn read(text: &str) -> Result<SigningKey, NoKey> {
    let text: String = text.split_ascii_whitespace().collect();
    SigningKey::read(&STANDARD.decode(text).map_err(|_| NoKey)?)
}

/// What the record of a key of one's own says: `p=…`. It is asked for with every mail, and a key is slow to read.
pub fn published(dkim: &Dkim) -> Option<String> {
    dkim.record.clone().or_else(|| read(dkim.key.as_ref()?.reveal()).ok()?.record().ok())
}

/// Checks a key of one's own, as base64 of its DER.
/// <https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-bring-your-own.html>
pub fn set_own_key(dkim: &mut Dkim, selector: String, text: &str) -> Result<(), Refusal> {
    // AWS: unverified message.
    let invalid = || Refusal::invalid("The private key is not valid: it has to be an RSA key of 1024 to 2048 bits, in base64, without headers.");
    let key = read(text).ok().filter(|key| (1_024..=2_048).contains(&key.bits())).ok_or_else(invalid)?;
    *dkim = Dkim {
        enabled: true,
        selector: Some(selector),
        key: Some(Secret::new(text.split_ascii_whitespace().collect::<String>())),
        record: key.record().ok(),
        ..Dkim::default()
    };
    Ok(())
}

/// The key that AWS signs with for itself: every mail has its signature, too.
struct Aws;

impl Aws {
    const SELECTOR: &str = "ug7nbtf4gccmlpwj322ax3p6ow6yfsug";
    const DOMAIN: &str = "amazonses.com";
    const KEY: &str = include_str!("signing/amazonses.key");

    fn signer() -> Arc<Signer> {
        static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| {
            let key: String = Aws::KEY.split_ascii_whitespace().collect();
            Arc::new(Signer::new(Aws::DOMAIN, Aws::SELECTOR, &key))
        });
        SIGNER.clone()
    }
}

/// The selector of Easy DKIM that signs: the first of the three.
fn selector(dkim: &Dkim) -> Option<&str> {
    dkim.selector.as_deref().or_else(|| dkim.tokens.first().map(String::as_str))
}

impl Ses {
    /// The key of an identity, which Easy DKIM makes now if it is the first time that it is needed.
    fn key_of(&self, scope: &Scope, name: &str, identity: &Identity) -> Option<String> {
        if let Some(text) = &identity.dkim.key {
            return Some(text.reveal().to_owned());
        }
        if identity.dkim.tokens.is_empty() {
            return None;
        }
        let length = if identity.dkim.key_length() == "RSA_1024_BIT" { KeyLength::Bits1024 } else { KeyLength::Bits2048 };
        let (_, der) = SigningKey::generate(length).ok()?;
        self.store.update(|state| {
            let made = state.change_identity(scope, name, |identity| {
                // Somebody else may have been faster.
                identity.dkim.key.get_or_insert_with(|| Secret::new(STANDARD.encode(&der))).reveal().to_owned()
            });
            made.ok()
        })
    }

    /// Whose DKIM an identity shows: an address has that of its domain.
    /// AWS: measured (<https://github.com/floci-io/floci>, `SesService.java`).
    pub fn signing_identity(&self, scope: &Scope, name: &str, identity: &Arc<Identity>) -> (String, Arc<Identity>) {
        let domain = name.rsplit_once('@').and_then(|(_, domain)| Some((name_of(domain), self.identity(scope, domain)?)));
        domain.unwrap_or_else(|| (name.to_owned(), identity.clone()))
    }

    /// The domain that signs for an address: the most special one that has set DKIM up.
    fn signer_of(&self, cx: &Cx, scope: &Scope, address: &str) -> Option<(String, Arc<Identity>)> {
        let names = candidates(address).into_iter();
        let found = names.filter_map(|name| Some((name.clone(), self.store.read(|state| state.identity(scope, &name).cloned())?)));
        let mut found = found.filter(|(name, _)| !name.contains('@'));
        found.find(|(name, identity)| identity.dkim.enabled && self.dkim_status(name, identity, cx.now) == Status::Success)
    }

    /// Who signs a mail of an address: its domain, if that has set DKIM up, and AWS.
    pub fn signers(&self, cx: &Cx, scope: &Scope, address: &str) -> Vec<Arc<Signer>> {
        let of_domain = || {
            let (name, identity) = self.signer_of(cx, scope, address)?;
            let key = self.key_of(scope, &name, &identity)?;
            Some(Arc::new(Signer::new(&name, selector(&identity.dkim)?, &key)))
        };
        of_domain().into_iter().chain([Aws::signer()]).collect()
    }

    /// The record of a token of Easy DKIM.
    fn token_record(&self, token: &str) -> Option<String> {
        let found = self.store.read(|state| {
            let mut all = state.identities.iter();
            all.find(|(_, identity)| identity.dkim.tokens.iter().any(|known| known == token)).map(|(key, identity)| (key.clone(), identity.clone()))
        });
        let ((scope, name), identity) = found?;
        read(&self.key_of(&scope, &name, &identity)?).ok()?.record().ok()
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
            return read(Aws::KEY).ok().and_then(|key| key.record().ok()).map(Data::Txt).into_iter().collect();
        }
        let token = host.split_once(".dkim").filter(|(_, rest)| rest.is_empty() || rest.starts_with('.')).map(|(token, _)| token);
        token.and_then(|token| self.token_record(token)).map(Data::Txt).into_iter().collect()
    }
}
