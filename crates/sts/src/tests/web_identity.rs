use super::fixture::*;
use crate::ProviderKeys;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_api_sts::*;
use cloudlet_aws::Caller;
use cloudlet_identity::{EntityKey, state::OidcProvider};

/// A provider with its key, and a cloud in which it exists.
struct Provider {
    key: EcdsaKeyPair,
    cloud: TestCloud,
}

const ISSUER: &str = "token.actions.githubusercontent.com";

fn provider() -> Provider {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let point = key.public_key().as_ref();
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwks = serde_json::json!({"keys": [
        {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": number(&point[1..33]), "y": number(&point[33..])}
    ]});
    let keys = jwks.to_string();
    let cloud = TestCloud::with_keys(ProviderKeys::found_by(move |issuer| (issuer == ISSUER).then(|| keys.clone())));
    let row =
        OidcProvider { url: ISSUER.into(), client_ids: vec!["sts.amazonaws.com".into()], thumbprints: vec![], created: cloud.now(), tags: vec![] };
    cloud.put(|state| state.oidc_providers.insert(EntityKey::new(account(), ISSUER), row));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}},
        "Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{{"StringEquals":{{"{ISSUER}:aud":"sts.amazonaws.com"}},
        "StringLike":{{"{ISSUER}:sub":"repo:octo/*"}}}}}}}}"#
    );
    cloud.role("ci", &trust, None);
    Provider { key, cloud }
}

impl Provider {
    fn token(&self, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut claims = serde_json::json!({
            "iss": format!("https://{ISSUER}"),
            "aud": "sts.amazonaws.com",
            "sub": "repo:octo/app:ref:refs/heads/main",
            "exp": self.cloud.now().secs() + 600,
        });
        change(&mut claims);
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}));
        let signed = format!("{head}.{}", part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    async fn assume(&self, token: &str) -> Result<AssumeRoleWithWebIdentityResponse, (String, String)> {
        let input = AssumeRoleWithWebIdentityRequest {
            role_arn: "arn:aws:iam::123456789012:role/ci".into(),
            role_session_name: "build".into(),
            web_identity_token: token.into(),
            ..Default::default()
        };
        let answer = self.cloud.call_as::<AssumeRoleWithWebIdentity>(Caller::anonymous(), input).await;
        answer.map_err(|fault| (fault.code().to_owned(), fault.message().to_owned()))
    }
}

#[tokio::test]
async fn a_token_of_a_known_provider_assumes_a_role_that_trusts_it() {
    let provider = provider();
    let answer = provider.assume(&provider.token(|_| {})).await.unwrap();
    assert_eq!(answer.assumed_role_user.unwrap().arn, "arn:aws:sts::123456789012:assumed-role/ci/build");
    assert_eq!(answer.subject_from_web_identity_token.as_deref(), Some("repo:octo/app:ref:refs/heads/main"));
    assert_eq!(answer.provider.as_deref(), Some("arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"));
    assert!(provider.cloud.caller_of(&answer.credentials.unwrap()).is_ok());
    let log = provider.cloud.calls();
    assert_eq!(log[0].auth_records[0].action, "sts:AssumeRoleWithWebIdentity");
}

#[tokio::test]
async fn invalid_tokens_have_the_messages_of_aws() {
    let provider = provider();
    let code = async |token: String| provider.assume(&token).await.err().unwrap();
    let denied = code(provider.token(|claims| claims["sub"] = "repo:evil/app".into())).await;
    assert_eq!(denied, ("AccessDenied".into(), "Not authorized to perform sts:AssumeRoleWithWebIdentity".into()));
    assert_eq!(code(provider.token(|claims| claims["aud"] = "others".into())).await.1, "Incorrect token audience");
    assert_eq!(code(provider.token(|claims| claims["exp"] = 1.into())).await.0, "ExpiredTokenException");
    let unknown = code(provider.token(|claims| claims["iss"] = "https://example.com".into())).await;
    assert_eq!(unknown, ("InvalidIdentityToken".into(), "No OpenIDConnect provider found in your account for https://example.com".into()));
    let mut forged = provider.token(|_| {});
    forged.truncate(forged.len() - 6);
    forged.push_str("AAAAAA");
    assert_eq!(code(forged).await.0, "InvalidIdentityToken");
    assert_eq!(code("no token".into()).await.0, "InvalidIdentityToken");
}

#[tokio::test]
async fn a_provider_may_tag_the_session() {
    let provider = provider();
    let token = provider.token(|claims| {
        claims["https://aws.amazon.com/tags"] = serde_json::json!({"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]});
    });
    let credentials = provider.assume(&token).await.unwrap().credentials.unwrap();
    let session = provider.cloud.identity.session(&credentials.access_key_id).unwrap();
    assert_eq!(session.tags, [("team".into(), "red".into())]);
    assert!(session.claims.iter().any(|(name, _)| &**name == "token.actions.githubusercontent.com:sub"));
}
