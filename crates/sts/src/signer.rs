//! The keys that sign web identity tokens, and the papers by which others verify them. One pair of keys for all accounts.
//! Deliberately no rotation: a local server's tokens live for an hour at most.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use cloudlet_engine::{PublicFile, PublicFiles};
use cloudlet_identity::{Secret, outbound::is_issuer};
use cloudlet_store::{Journal, Store, Table, tables};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signs {
    Rs256,
    Es384,
}

impl Signs {
    pub fn named(name: &str) -> Option<Signs> {
        [Signs::Rs256, Signs::Es384].into_iter().find(|signs| signs.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Signs::Rs256 => "RS256",
            Signs::Es384 => "ES384",
        }
    }

    fn key_id(self) -> &'static str {
        match self {
            Signs::Rs256 => "RSA_0",
            Signs::Es384 => "EC384_0",
        }
    }
}

#[derive(Default)]
struct Safe {
    /// One row, once somebody needs a token: what is signed before a restart can be verified after it.
    keys: Table<(), Persistent>,
}

tables!(Safe { keys });

/// PKCS #8, in base 64.
#[derive(Clone, Serialize, Deserialize)]
struct Persistent {
    rsa: Secret,
    ec: Secret,
}

struct Pair {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Pair {
    fn of(kept: &Persistent) -> Option<Pair> {
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(kept.rsa.reveal()).ok()?).ok()?;
        let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &STANDARD.decode(kept.ec.reveal()).ok()?).ok()?;
        Some(Pair { rsa, ec })
    }

    fn sign(&self, signs: Signs, text: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match signs {
            Signs::Rs256 => {
                let mut out = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text, &mut out).ok()?;
                Some(out)
            }
            Signs::Es384 => self.ec.sign(&random, text).ok().map(|signature| signature.as_ref().to_vec()),
        }
    }

    fn key_set(&self) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let rsa = self.rsa.public_key();
        // Uncompressed: a byte that says so, then both numbers.
        let point = self.ec.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": Signs::Rs256.key_id(),
             "n": number(rsa.modulus().big_endian_without_leading_zero()), "e": number(rsa.exponent().big_endian_without_leading_zero())},
            {"kty": "EC", "use": "sig", "alg": "ES384", "kid": Signs::Es384.key_id(), "crv": "P-384", "x": number(x), "y": number(y)},
        ]})
    }
}

/// Signs, with keys that are made when they are first needed.
pub(crate) struct Signer {
    safe: Arc<Store<Safe>>,
    pair: OnceLock<Option<Pair>>,
}

impl Signer {
    pub fn new(journal: &Journal) -> Signer {
        Signer { safe: Arc::new(Store::new("sts/keys", journal, Safe::default())), pair: OnceLock::new() }
    }

    /// For snapshots. A reset makes no other keys: key sets that were fetched stay good.
    pub fn stores(&self) -> Arc<dyn cloudlet_store::Persistent> {
        self.safe.clone()
    }

    fn recalled(&self) -> Option<Pair> {
        Pair::of(&self.safe.read(|safe| safe.keys.get(&()).cloned())?)
    }

    fn made(&self) -> Option<Pair> {
        let pair = Pair { rsa: RsaKeyPair::generate(KeySize::Rsa2048).ok()?, ec: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()? };
        let secret = |bytes: &[u8]| Secret::new(STANDARD.encode(bytes));
        let kept = Persistent { rsa: secret(pair.rsa.as_der().ok()?.as_ref()), ec: secret(pair.ec.to_pkcs8v1().ok()?.as_ref()) };
        self.safe.update(|safe| safe.keys.insert((), kept));
        Some(pair)
    }

    fn pair(&self) -> Option<&Pair> {
        self.pair.get_or_init(|| self.recalled().or_else(|| self.made())).as_ref()
    }

    /// A JSON web token.
    pub fn token(&self, signs: Signs, claims: &Value) -> Option<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": signs.name(), "kid": signs.key_id(), "typ": "JWT"})), part(claims));
        let signature = self.pair()?.sign(signs, text.as_bytes())?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The keys by which tokens are verified. Whoever asks first has them made.
    pub fn key_set(&self) -> Option<String> {
        Some(self.pair()?.key_set().to_string())
    }
}

impl PublicFiles for Signer {
    fn paths(&self) -> Vec<String> {
        vec!["/.well-known/jwks.json".to_owned(), "/_sts/{issuer}/.well-known/{document}".to_owned()]
    }

    /// What lies below AWS's issuers: here below `/_sts/` and the host of the issuer. The keys, which are the same for all, lie at
    /// `/.well-known/jwks.json` too, for who lets the name of an issuer lead here.
    fn public_file(&self, path: &str) -> Option<PublicFile> {
        let json = |text: String| PublicFile { content_type: "application/json", body: Bytes::from(text) };
        if path == "/.well-known/jwks.json" {
            return self.key_set().map(json);
        }
        let (issuer, document) = path.strip_prefix("/_sts/")?.split_once("/.well-known/")?;
        if !is_issuer(issuer) {
            return None;
        }
        match document {
            "jwks.json" => self.key_set().map(json),
            "openid-configuration" => Some(json(configuration(issuer).to_string())),
            _ => None,
        }
    }
}

fn configuration(issuer: &str) -> Value {
    json!({
        "issuer": format!("https://{issuer}"),
        "jwks_uri": format!("https://{issuer}/.well-known/jwks.json"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        "claims_supported": ["aud", "exp", "iat", "iss", "jti", "sub"],
    })
}
