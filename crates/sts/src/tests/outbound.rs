use super::fixture::*;
use crate::ProviderKeys;
use cloudlet_api_sts::*;
use cloudlet_aws::Caller;
use cloudlet_engine::PublicFiles;
use cloudlet_identity::{Of, outbound::issuer, state::OidcProvider};
use cloudlet_store::Journal;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
use serde_json::{Value, json};

fn enabled() -> TestCloud {
    let cloud = TestCloud::new();
    cloud.put(|state| {
        let settings = cloudlet_identity::state::Settings { outbound_federation: true, ..Default::default() };
        state.settings.insert(account(), settings);
    });
    cloud
}

fn asking(signs: &str) -> GetWebIdentityTokenRequest {
    GetWebIdentityTokenRequest { audience: vec!["https://api.example.com".into()], signing_algorithm: signs.into(), ..Default::default() }
}

async fn told(cloud: &TestCloud, caller: &Caller, input: GetWebIdentityTokenRequest) -> Result<GetWebIdentityTokenResponse, String> {
    cloud.call_as::<GetWebIdentityToken>(caller, input).await.map_err(|fault| fault.code().to_owned())
}

/// What a token says, without a look at its signature.
fn said(answer: &GetWebIdentityTokenResponse) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(answer.web_identity_token.as_deref().unwrap()).unwrap().claims
}

#[tokio::test]
async fn an_account_must_have_turned_it_on() {
    let cloud = TestCloud::new();
    let answer = told(&cloud, &cloud.root(), asking("RS256")).await;
    assert_eq!(answer.err().unwrap(), "OutboundWebIdentityFederationDisabledException");
}

#[tokio::test]
async fn a_token_tells_who_somebody_is() {
    let cloud = enabled();
    let user = cloud.user("bob", Some(ALLOW_ALL));
    cloud.put(|state| state.users.get_mut(&Of::new(account(), "bob")).unwrap().tags.push(("team".into(), "red".into())));
    let tags = vec![Tag { key: "job".into(), value: "7".into() }];
    let answer = told(&cloud, &user, GetWebIdentityTokenRequest { tags: Some(tags), ..asking("ES384") }).await.unwrap();
    assert_eq!(answer.expiration, Some(cloud.now().plus_secs(300)));
    let claims = said(&answer);
    assert_eq!(claims["iss"], issuer(account()));
    assert_eq!(claims["aud"], "https://api.example.com");
    assert_eq!(claims["sub"], "arn:aws:iam::123456789012:user/bob");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    let more = &claims["https://sts.amazonaws.com/"];
    assert_eq!(more["aws_account"], "123456789012");
    assert_eq!(more["source_region"], "eu-west-1");
    assert_eq!(more["principal_tags"], json!({"team": "red"}));
    assert_eq!(more["request_tags"], json!({"job": "7"}));
}

#[tokio::test]
async fn a_session_speaks_for_its_role_and_not_longer_than_it_lives() {
    let cloud = enabled();
    let arn = cloud.role("r", &trust("arn:aws:iam::123456789012:root", "\"sts:*\"", "{}"), Some(ALLOW_ALL));
    let user = cloud.user("bob", Some(ALLOW_ALL));
    let input = AssumeRoleRequest { role_arn: arn.clone(), role_session_name: "s1".into(), duration_seconds: Some(900), ..Default::default() };
    let session = cloud.bearer(&cloud.call_as::<AssumeRole>(&user, input).await.unwrap().credentials.unwrap()).unwrap();
    let claims = said(&told(&cloud, &session, asking("RS256")).await.unwrap());
    assert_eq!(claims["sub"], arn);
    assert_eq!(claims["https://sts.amazonaws.com/"]["original_session_exp"], "2027-01-15T08:15:00Z");
    let long = GetWebIdentityTokenRequest { duration_seconds: Some(901), ..asking("RS256") };
    assert_eq!(told(&cloud, &session, long).await.err().unwrap(), "SessionDurationEscalationException");
}

#[tokio::test]
async fn policies_can_say_for_whom_and_how_long() {
    let cloud = enabled();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"arn:aws:sts::123456789012:self",
        "Condition":{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"https://api.example.com"},
        "NumericLessThanEquals":{"sts:DurationSeconds":300},"StringEquals":{"sts:SigningAlgorithm":"ES384"}}}}"#;
    let user = cloud.user("bob", Some(policy));
    assert!(told(&cloud, &user, asking("ES384")).await.is_ok());
    let others = [
        asking("RS256"),
        GetWebIdentityTokenRequest { duration_seconds: Some(301), ..asking("ES384") },
        GetWebIdentityTokenRequest { audience: vec!["https://api.example.com".into(), "x".into()], ..asking("ES384") },
        GetWebIdentityTokenRequest { tags: Some(vec![Tag { key: "a".into(), value: "b".into() }]), ..asking("ES384") },
    ];
    for input in others {
        assert_eq!(told(&cloud, &user, input).await.err().unwrap(), "AccessDenied");
    }
    assert_eq!(told(&cloud, &user, asking("HS256")).await.err().unwrap(), "ValidationError");
}

#[tokio::test]
async fn a_house_takes_its_own_tokens_if_somebody_makes_it_a_provider() {
    let cloud = enabled();
    let url = issuer(account()).trim_start_matches("https://").to_owned();
    let clients = vec!["https://api.example.com".into()];
    let row = OidcProvider { url: url.clone(), clients, thumbprints: vec![], created: cloud.now(), tags: vec![] };
    cloud.put(|state| state.oidc_providers.insert(Of::new(account(), &url), row));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::123456789012:oidc-provider/{url}"}},"Action":"sts:AssumeRoleWithWebIdentity"}}}}"#
    );
    let role = cloud.role("friend", &trust, None);
    for signs in ["RS256", "ES384"] {
        let token = told(&cloud, &cloud.root(), asking(signs)).await.unwrap().web_identity_token.unwrap();
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
fn the_keys_lie_where_verifiers_look() {
    let journal = Journal::off();
    let signer = crate::signer::Signer::new(&journal);
    let token = signer.token(crate::signer::Signs::Es384, &json!({"aud": "a", "exp": 4_000_000_000u32})).unwrap();
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
