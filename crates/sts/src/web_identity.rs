//! AssumeRoleWithWebIdentity: a session of a role for a token of an OpenID Connect provider.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use crate::{
    Sts,
    federated::{Claims, FederatedIdentity, SessionParameters, not_authorized},
    roles::{Role, duration_within},
    sessions::{minimum_token_size, token_size_output},
};
use cloudlet_api_sts::{
    AssumeRoleWithWebIdentity, AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse,
    faults::{EXPIRED_TOKEN, INVALID_IDENTITY_TOKEN},
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::{EntityKey, SessionKind, Tags, outbound::is_issuer};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Providers that need not be created.
const BUILT_IN_PROVIDERS: [&str; 4] = ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"];

/// The algorithms that AWS accepts. None is symmetric: a public key must not be used as a shared secret.
const ALGORITHMS: [Algorithm; 5] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::ES256, Algorithm::ES384];

/// A verified token.
struct Token {
    /// Without `https://`.
    issuer: String,
    /// As trust policies name it: the provider's ARN, or the domain of a built-in provider.
    provider: String,
    claims: Map<String, Value>,
}

fn not_a_token() -> Fault {
    INVALID_IDENTITY_TOKEN.says("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name)?.as_str()
}

/// The values of a claim.
fn texts(value: &Value) -> Vec<Arc<str>> {
    match value {
        Value::String(text) => vec![text.as_str().into()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Number(number) => vec![number.to_string().into()],
        Value::Bool(truth) => vec![truth.to_string().into()],
        _ => Vec::new(),
    }
}

impl Sts {
    fn verified(&self, cx: &Cx, role: &Role, token: &str) -> Result<Token, Fault> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| not_a_token())?;
        let mut unchecked = Validation::new(header.alg);
        unchecked.required_spec_claims.clear();
        (unchecked.validate_exp, unchecked.validate_aud, unchecked.validate_nbf) = (false, false, false);
        unchecked.algorithms = ALGORITHMS.to_vec();
        let unverified = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(token).map_err(|_| not_a_token())?.claims;
        let issuer = text(&unverified, "iss").ok_or_else(not_a_token)?;
        let issuer = issuer.strip_prefix("https://").unwrap_or(issuer).trim_end_matches('/').to_owned();

        let row = self.identity.read(|state| state.oidc_providers.get(&EntityKey::new(role.account, &issuer)).cloned());
        let built_in = BUILT_IN_PROVIDERS.contains(&issuer.as_str());
        let provider = match &row {
            Some(_) => {
                let resource = format!("oidc-provider/{issuer}");
                Arn::build(self.identity.partition(), "iam", "", role.account.as_str(), &resource).to_string()
            }
            None if built_in => issuer.clone(),
            None => {
                return Err(INVALID_IDENTITY_TOKEN.says(format!("No OpenIDConnect provider found in your account for https://{issuer}")));
            }
        };

        let no_key = || {
            INVALID_IDENTITY_TOKEN.says(
                "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
            )
        };
        let found = self.provider_keys.of(&issuer).or_else(|| is_issuer(&issuer).then(|| self.signer.key_set()).flatten());
        let keys: JwkSet = found.and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(no_key)?;
        let key = match &header.kid {
            Some(kid) => keys.find(kid),
            None => keys.keys.first(),
        };
        let key = DecodingKey::from_jwk(key.ok_or_else(no_key)?).map_err(|_| no_key())?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(not_a_token());
        }
        let mut validation = unchecked;
        validation.algorithms = vec![header.alg];
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|_| INVALID_IDENTITY_TOKEN.says("The ID Token provided has an invalid signature."))?
            .claims;

        let number = |name: &str| claims.get(name).and_then(Value::as_f64);
        let now = cx.now.secs();
        let ends = number("exp").ok_or_else(|| INVALID_IDENTITY_TOKEN.says("Missing a required claim: exp"))? as i64;
        if now >= ends {
            return Err(EXPIRED_TOKEN.says(format!("Token expired: current date/time {now} must be before the expiration date/time {ends}")));
        }
        if number("nbf").is_some_and(|begins| (begins as i64) > now.saturating_add(300)) {
            return Err(INVALID_IDENTITY_TOKEN.says("The ID Token provided is not valid yet."));
        }
        if let Some(row) = &row {
            let audiences = claims.get("azp").or_else(|| claims.get("aud")).map(texts).unwrap_or_default();
            if !audiences.iter().any(|audience| row.client_ids.iter().any(|client| **client == **audience)) {
                return Err(INVALID_IDENTITY_TOKEN.says("Incorrect token audience"));
            }
        }
        Ok(Token { issuer, provider, claims })
    }
}

impl Token {
    /// The condition keys of the claims: `<issuer>:sub` and so on.
    fn condition_keys(&self) -> Claims {
        let mut keys = Vec::new();
        let mut add = |name: &str, values: Vec<Arc<str>>| keys.push((format!("{}:{name}", self.issuer).into(), values));
        for (name, value) in &self.claims {
            match name.as_str() {
                // AWS: `azp` is the audience where there is one, and then `aud` is `oaud`.
                "aud" if self.claims.contains_key("azp") => add("oaud", texts(value)),
                "azp" => add("aud", texts(value)),
                "iss" | "exp" | "iat" | "nbf" | "jti" => {}
                name if name.starts_with("https://aws.amazon.com/") => {}
                name => add(name, texts(value)),
            }
        }
        keys
    }

    /// The session tags in the token, and the keys of the transitive ones.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp>
    fn tags(&self) -> (Tags, Vec<Arc<str>>) {
        let claim = self.claims.get("https://aws.amazon.com/tags");
        let pairs = claim.and_then(|claim| claim.get("principal_tags")).and_then(Value::as_object);
        let tags = pairs.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str().into(), texts(value).into_iter().next()?)));
        let transitive = claim.and_then(|claim| claim.get("transitive_tag_keys")).map(texts).unwrap_or_default();
        (tags.collect(), transitive)
    }
}

impl Handle<AssumeRoleWithWebIdentity> for Sts {
    /// The call is not signed. It is authorized by the role's trust policy, after the token was verified.
    fn permissions(&self, _: &Cx, _: &AssumeRoleWithWebIdentityRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleWithWebIdentityRequest) -> Result<AssumeRoleWithWebIdentityResponse, Fault> {
        const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
        let (_, role) = self.role(&input.role_arn)?;
        let role = role.ok_or_else(|| not_authorized(ACTION))?;
        let token = self.verified(cx, &role, &input.web_identity_token)?;
        let (tags, transitive) = token.tags();
        let source: Option<Arc<str>> = text(&token.claims, "https://aws.amazon.com/source_identity").map(Into::into);
        let identity = FederatedIdentity {
            action: ACTION,
            provider: token.provider.clone(),
            session_name: input.role_session_name,
            claims: token.condition_keys(),
            tags,
            transitive_tag_keys: transitive,
            source_identity: source.clone(),
        };
        identity.authorize::<AssumeRoleWithWebIdentity>(cx, &role)?;

        let seconds = duration_within(input.duration_seconds, &role)?;
        let session_policies = self.session_policies(role.account, input.policy.as_deref(), input.policy_arns.as_deref(), &identity.tags)?;
        let packed = session_policies.packed_size;
        let claims = identity.claims.clone();
        let parameters = SessionParameters {
            kind: SessionKind::WebIdentity,
            seconds,
            session_policies,
            minimum_token_size: minimum_token_size(input.minimum_session_token_size),
            claims,
        };
        let (user, credentials) = self.start_federated_session(cx, &role, identity, parameters);
        let audience = token.claims.get("azp").or_else(|| token.claims.get("aud")).map(texts).unwrap_or_default();
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(AssumeRoleWithWebIdentityResponse {
            credentials: Some(credentials),
            subject_from_web_identity_token: text(&token.claims, "sub").map(str::to_owned),
            assumed_role_user: Some(user),
            packed_policy_size: packed,
            provider: Some(token.provider),
            audience: audience.first().map(|audience| audience.to_string()),
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}
