use super::fixture::*;
use crate::ProviderKeys;
use cloudlet_api_sts::*;
use cloudlet_aws::Caller;
use cloudlet_engine::PublicFiles;
use cloudlet_identity::{EntityKey, outbound::issuer, state::OidcProvider};
use cloudlet_store::Journal;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
use serde_json::{Value, json};

fn enabled() -> TestCloud {
    let cloud = TestCloud::new();
    cloud.put(|state| {
        let settings = cloudlet_identity::state::AccountSettings { outbound_web_identity_federation: true, ..Default::default() };
        state.account_settings.insert(account(), settings);
    });
    cloud
}

fn request(algorithm: &str) -> GetWebIdentityTokenRequest {
    GetWebIdentityTokenRequest { audience: vec!["https://api.example.com".into()], signing_algorithm: algorithm.into(), ..Default::default() }
}

async fn call(cloud: &TestCloud, caller: &Caller, input: GetWebIdentityTokenRequest) -> Result<GetWebIdentityTokenResponse, String> {
    cloud.call_as::<GetWebIdentityToken>(caller, input).await.map_err(|fault| fault.code().to_owned())
}

/// The claims of a token, without verification.
fn claims_of(answer: &GetWebIdentityTokenResponse) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(answer.web_identity_token.as_deref().unwrap()).unwrap().claims
}

#[tokio::test]
async fn the_feature_must_be_enabled_for_the_account() {
    let cloud = TestCloud::new();
    let answer = call(&cloud, &cloud.root(), request("RS256")).await;
    assert_eq!(answer.err().unwrap(), "OutboundWebIdentityFederationDisabledException");
}

#[tokio::test]
async fn a_token_has_the_claims_of_the_caller() {
    let cloud = enabled();
    let user = cloud.user("bob", Some(ALLOW_ALL));
    cloud.put(|state| state.users.get_mut(&EntityKey::new(account(), "bob")).unwrap().tags.push(("team".into(), "red".into())));
    let tags = vec![Tag { key: "job".into(), value: "7".into() }];
    let answer = call(&cloud, &user, GetWebIdentityTokenRequest { tags: Some(tags), ..request("ES384") }).await.unwrap();
    assert_eq!(answer.expiration, Some(cloud.now().plus_secs(300)));
    let claims = claims_of(&answer);
    assert_eq!(claims["iss"], issuer(account()));
    assert_eq!(claims["aud"], "https://api.example.com");
    assert_eq!(claims["sub"], "arn:aws:iam::123456789012:user/bob");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    let aws_claims = &claims["https://sts.amazonaws.com/"];
    assert_eq!(aws_claims["aws_account"], "123456789012");
    assert_eq!(aws_claims["source_region"], "eu-west-1");
    assert_eq!(aws_claims["principal_tags"], json!({"team": "red"}));
    assert_eq!(aws_claims["request_tags"], json!({"job": "7"}));
}

#[tokio::test]
async fn the_token_of_a_session_names_the_role_and_expires_with_the_session() {
    let cloud = enabled();
    let arn = cloud.role("r", &trust("arn:aws:iam::123456789012:root", "\"sts:*\"", "{}"), Some(ALLOW_ALL));
    let user = cloud.user("bob", Some(ALLOW_ALL));
    let input = AssumeRoleRequest { role_arn: arn.clone(), role_session_name: "s1".into(), duration_seconds: Some(900), ..Default::default() };
    let session = cloud.caller_of(&cloud.call_as::<AssumeRole>(&user, input).await.unwrap().credentials.unwrap()).unwrap();
    let claims = claims_of(&call(&cloud, &session, request("RS256")).await.unwrap());
    assert_eq!(claims["sub"], arn);
    assert_eq!(claims["https://sts.amazonaws.com/"]["original_session_exp"], "2027-01-15T08:15:00Z");
    let long = GetWebIdentityTokenRequest { duration_seconds: Some(901), ..request("RS256") };
    assert_eq!(call(&cloud, &session, long).await.err().unwrap(), "SessionDurationEscalationException");
}

#[tokio::test]
async fn policies_can_limit_audience_duration_and_algorithm() {
    let cloud = enabled();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"arn:aws:sts::123456789012:self",
        "Condition":{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"https://api.example.com"},
        "NumericLessThanEquals":{"sts:DurationSeconds":300},"StringEquals":{"sts:SigningAlgorithm":"ES384"}}}}"#;
    let user = cloud.user("bob", Some(policy));
    assert!(call(&cloud, &user, request("ES384")).await.is_ok());
    let others = [
        request("RS256"),
        GetWebIdentityTokenRequest { duration_seconds: Some(301), ..request("ES384") },
        GetWebIdentityTokenRequest { audience: vec!["https://api.example.com".into(), "x".into()], ..request("ES384") },
        GetWebIdentityTokenRequest { tags: Some(vec![Tag { key: "a".into(), value: "b".into() }]), ..request("ES384") },
    ];
    for input in others {
        assert_eq!(call(&cloud, &user, input).await.err().unwrap(), "AccessDenied");
    }
    assert_eq!(call(&cloud, &user, request("HS256")).await.err().unwrap(), "ValidationError");
}

#[tokio::test]
async fn tokens_of_this_server_are_accepted_when_it_is_a_provider() {
    let cloud = enabled();
    let url = issuer(account()).trim_start_matches("https://").to_owned();
    let client_ids = vec!["https://api.example.com".into()];
    let row = OidcProvider { url: url.clone(), client_ids, thumbprints: vec![], created: cloud.now(), tags: vec![] };
    cloud.put(|state| state.oidc_providers.insert(EntityKey::new(account(), &url), row));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::123456789012:oidc-provider/{url}"}},"Action":"sts:AssumeRoleWithWebIdentity"}}}}"#
    );
    let role = cloud.role("friend", &trust, None);
    for algorithm in ["RS256", "ES384"] {
        let token = call(&cloud, &cloud.root(), request(algorithm)).await.unwrap().web_identity_token.unwrap();
        let input = AssumeRoleWithWebIdentityRequest {
            role_arn: role.clone(),
            role_session_name: "s1".into(),
            web_identity_token: token,
            ..Default::default()
        };
        let answer = cloud.call_as::<AssumeRoleWithWebIdentity>(Caller::anonymous(), input).await.unwrap();
        assert_eq!(answer.subject_from_web_identity_token.as_deref(), Some("arn:aws:iam::123456789012:root"));
    }
}

#[test]
fn the_public_keys_are_served_below_the_issuer() {
    let journal = Journal::off();
    let signer = crate::signer::Signer::new(&journal);
    let token = signer.token(crate::signer::SigningAlgorithm::Es384, &json!({"aud": "a", "exp": 4_000_000_000u32})).unwrap();
    let host = issuer(account()).trim_start_matches("https://").to_owned();
    let about = signer.public_file(&format!("/_sts/{host}/.well-known/openid-configuration")).unwrap();
    let about: Value = serde_json::from_slice(&about.body).unwrap();
    assert_eq!(about["jwks_uri"], format!("https://{host}/.well-known/jwks.json"));
    let keys = signer.public_file(&format!("/_sts/{host}/.well-known/jwks.json")).unwrap().body;
    assert_eq!(signer.public_file("/.well-known/jwks.json").unwrap().body, keys);
    let keys: JwkSet = serde_json::from_slice(&keys).unwrap();
    let key = DecodingKey::from_jwk(keys.find("EC384_0").unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES384);
    validation.set_audience(&["a"]);
    assert!(decode::<Value>(&token, &key, &validation).is_ok());
    assert!(signer.public_file("/_sts/example.com/.well-known/jwks.json").is_none() && signer.public_file("/bucket/key").is_none());
    assert!(ProviderKeys::none().of("x").is_none());
}
