//! The keys that sign web identity tokens, and the public documents by which others verify them. All accounts share the keys.
//! Deliberately no rotation.

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
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SigningAlgorithm {
    Rs256,
    Es384,
}

impl SigningAlgorithm {
    pub fn named(name: &str) -> Option<SigningAlgorithm> {
        [SigningAlgorithm::Rs256, SigningAlgorithm::Es384].into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            SigningAlgorithm::Rs256 => "RS256",
            SigningAlgorithm::Es384 => "ES384",
        }
    }

    fn key_id(self) -> &'static str {
        match self {
            SigningAlgorithm::Rs256 => "RSA_0",
            SigningAlgorithm::Es384 => "EC384_0",
        }
    }
}

#[derive(Default)]
struct State {
    /// One row, once keys were needed: tokens that were signed before a restart can be verified after it.
    signing_keys: Table<(), EncodedKeys>,
}

tables!(State { signing_keys });

/// PKCS #8, in base64.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct EncodedKeys {
    rsa: Secret,
    ec: Secret,
}

struct SigningKeys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl SigningKeys {
    fn decode(encoded: &EncodedKeys) -> Option<SigningKeys> {
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(encoded.rsa.reveal()).ok()?).ok()?;
        let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &STANDARD.decode(encoded.ec.reveal()).ok()?).ok()?;
        Some(SigningKeys { rsa, ec })
    }

    fn sign(&self, algorithm: SigningAlgorithm, text: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match algorithm {
            SigningAlgorithm::Rs256 => {
                let mut out = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text, &mut out).ok()?;
                Some(out)
            }
            SigningAlgorithm::Es384 => self.ec.sign(&random, text).ok().map(|signature| signature.as_ref().to_vec()),
        }
    }

    fn key_set(&self) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let rsa = self.rsa.public_key();
        // The uncompressed form: a marker byte, then both coordinates.
        let point = self.ec.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": SigningAlgorithm::Rs256.key_id(),
             "n": number(rsa.modulus().big_endian_without_leading_zero()), "e": number(rsa.exponent().big_endian_without_leading_zero())},
            {"kty": "EC", "use": "sig", "alg": "ES384", "kid": SigningAlgorithm::Es384.key_id(), "crv": "P-384", "x": number(x), "y": number(y)},
        ]})
    }
}

/// Signs tokens. The keys are generated when they are first needed.
pub(crate) struct Signer {
    store: Arc<Store<State>>,
    /// The keys of the row, ready for use. After a reset they are the row again: key sets that clients have fetched stay valid.
    ready: Mutex<Option<(EncodedKeys, Arc<SigningKeys>)>>,
}

impl Signer {
    pub fn new(journal: &Journal) -> Signer {
        Signer { store: Arc::new(Store::new("sts/keys", journal, State::default())), ready: Mutex::default() }
    }

    pub fn stores(&self) -> Arc<dyn cloudlet_store::Persistent> {
        self.store.clone()
    }

    fn generate() -> Option<EncodedKeys> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
        let ec = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()?;
        let secret = |bytes: &[u8]| Secret::new(STANDARD.encode(bytes));
        Some(EncodedKeys { rsa: secret(rsa.as_der().ok()?.as_ref()), ec: secret(ec.to_pkcs8v1().ok()?.as_ref()) })
    }

    fn keys(&self) -> Option<Arc<SigningKeys>> {
        let mut ready = self.ready.lock();
        let row = self.store.read(|state| state.signing_keys.get(&()).cloned());
        if let (Some((encoded, keys)), Some(row)) = (&*ready, &row)
            && encoded == row
        {
            return Some(keys.clone());
        }
        let encoded = match row {
            Some(row) => row,
            None => {
                let encoded = ready.as_ref().map_or_else(Signer::generate, |(encoded, _)| Some(encoded.clone()))?;
                self.store.update(|state| state.signing_keys.insert((), encoded.clone()));
                encoded
            }
        };
        let keys = Arc::new(SigningKeys::decode(&encoded)?);
        *ready = Some((encoded, keys.clone()));
        Some(keys)
    }

    /// A JSON web token.
    pub fn token(&self, algorithm: SigningAlgorithm, claims: &Value) -> Option<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": algorithm.name(), "kid": algorithm.key_id(), "typ": "JWT"})), part(claims));
        let signature = self.keys()?.sign(algorithm, text.as_bytes())?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The JSON web key set of the public keys.
    pub fn key_set(&self) -> Option<String> {
        Some(self.keys()?.key_set().to_string())
    }
}

impl PublicFiles for Signer {
    fn paths(&self) -> Vec<String> {
        vec!["/.well-known/jwks.json".to_owned(), "/_sts/{issuer}/.well-known/{document}".to_owned()]
    }

    /// The documents below an issuer's URL, served below `/_sts/<host of the issuer>`. The key set, which all issuers share, is at
    /// `/.well-known/jwks.json` too, for clients that resolve the issuer's host to this server.
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
