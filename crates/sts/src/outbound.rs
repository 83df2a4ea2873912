//! GetWebIdentityToken: a token by which other services verify an AWS principal.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html>

use crate::{
    Sts,
    sessions::{VALIDATION, session_tags, tag_keys},
    signer::SigningAlgorithm,
};
use cloudlet_api_sts::{
    GetWebIdentityToken, GetWebIdentityTokenRequest, GetWebIdentityTokenResponse,
    faults::{JWT_PAYLOAD_SIZE_EXCEEDED, OUTBOUND_WEB_IDENTITY_FEDERATION_DISABLED, SESSION_DURATION_ESCALATION},
};
use cloudlet_aws::{Account, Arn, Fault, FaultKind, Identity as Who, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Keys, Permission, Permissions};
use cloudlet_identity::{Session, Tags, outbound::issuer};
use serde_json::{Map, Value, json};

const DEFAULT_SECONDS: i32 = 300;
/// AWS does not document its limit. This one fits all but the longest tags.
const LARGEST_PAYLOAD: usize = 16_384;
const MOST_TAGS: usize = 50;

fn signing_algorithm(name: &str) -> Result<SigningAlgorithm, Fault> {
    // AWS: unverified
    SigningAlgorithm::named(name).ok_or_else(|| VALIDATION.says("Invalid SigningAlgorithm: it must be RS256 or ES384."))
}

fn texts(tags: &Tags) -> Value {
    Value::Object(tags.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect::<Map<String, Value>>())
}

impl Sts {
    /// The `sub` claim. For a session of a role it is the role.
    fn subject(cx: &Cx) -> String {
        match &cx.caller.identity {
            Who::AssumedRole { role, .. } => role.to_string(),
            _ => cx.caller.arn.to_string(),
        }
    }

    fn claims(
        &self,
        cx: &Cx,
        account: Account,
        session: Option<&Session>,
        input: &GetWebIdentityTokenRequest,
        tags: &Tags,
        expires: Timestamp,
    ) -> Value {
        let effective_policies = self.identity.effective_policies(&cx.caller, session);
        let mut principal: Tags = session.map(|session| session.tags.clone()).unwrap_or_default();
        // A session tag overrides a tag of the principal with the same key.
        let inherited = effective_policies.tags.iter().filter(|(key, _)| !principal.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)));
        let inherited: Tags = inherited.cloned().collect();
        principal.extend(inherited);
        let subject = Sts::subject(cx);
        let mut aws_claims = json!({"aws_account": account.as_str(), "source_region": cx.scope.region.as_str(), "principal_id": subject});
        let mut put = |name: &str, value: Value| {
            if let Some(claims) = aws_claims.as_object_mut() {
                claims.insert(name.to_owned(), value);
            }
        };
        if let Some(membership) = &effective_policies.membership {
            put("org_id", json!(membership.organization));
            put("ou_path", json!([membership.path]));
        }
        if let Some(session) = session {
            put("original_session_exp", json!(session.expires.text(TimestampFormat::DateTime)));
            if let Some(source) = &session.source_identity {
                put("source_identity", json!(&**source));
            }
            if let Some(provider) = &session.federated_provider {
                put("federated_provider", json!(&**provider));
            }
        }
        if !principal.is_empty() {
            put("principal_tags", texts(&principal));
        }
        if !tags.is_empty() {
            put("request_tags", texts(tags));
        }
        let audience = match input.audience.as_slice() {
            [one] => json!(one),
            many => json!(many),
        };
        json!({
            "iss": issuer(account), "aud": audience, "sub": subject, "iat": cx.now.secs(), "exp": expires.secs(), "jti": cx.ids().uuid(),
            "https://sts.amazonaws.com/": aws_claims,
        })
    }
}

impl Handle<GetWebIdentityToken> for Sts {
    fn permissions(&self, cx: &Cx, input: &GetWebIdentityTokenRequest) -> Result<Permissions, Fault> {
        let algorithm = signing_algorithm(&input.signing_algorithm)?;
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        let mut keys = Keys::new();
        keys.set_many("sts:IdentityTokenAudience", input.audience.iter().cloned());
        keys.set("sts:DurationSeconds", i64::from(input.duration_seconds.unwrap_or(DEFAULT_SECONDS)));
        keys.set("sts:SigningAlgorithm", algorithm.name());
        tag_keys(&mut keys, &tags, &[]);
        let resource = Arn::build(self.identity.partition(), "sts", "", cx.scope.account.as_str(), "self");
        let permission = Permission { keys, ..Permission::action("sts:GetWebIdentityToken", resource) };
        Ok(permission.and([(!tags.is_empty()).then_some("sts:TagGetWebIdentityToken")]))
    }

    async fn handle(&self, cx: &Cx, input: GetWebIdentityTokenRequest) -> Result<GetWebIdentityTokenResponse, Fault> {
        let account = cx.scope.account;
        let enabled =
            self.identity.read(|state| state.account_settings.get(&account).is_some_and(|settings| settings.outbound_web_identity_federation));
        if !enabled {
            return Err(OUTBOUND_WEB_IDENTITY_FEDERATION_DISABLED.says(
                "The outbound web identity federation feature is not enabled for this account. To use this feature, you must first enable it through the Amazon Web Services Management Console or API.",
            ));
        }
        let algorithm = signing_algorithm(&input.signing_algorithm)?;
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        if tags.len() > MOST_TAGS {
            return Err(VALIDATION.says(format!("The number of tags exceeds {MOST_TAGS}.")));
        }
        let expires = cx.now.whole_secs().plus_secs(i64::from(input.duration_seconds.unwrap_or(DEFAULT_SECONDS)));
        let session = self.identity.session_of(&cx.caller);
        if session.as_ref().is_some_and(|session| expires > session.expires) {
            return Err(SESSION_DURATION_ESCALATION.says(
                "The requested token duration would extend the session beyond its original expiration time. You cannot use this operation to extend the lifetime of a session beyond what was granted when the session was originally created.",
            ));
        }
        let claims = self.claims(cx, account, session.as_deref(), &input, &tags, expires);
        if claims.to_string().len() > LARGEST_PAYLOAD {
            return Err(JWT_PAYLOAD_SIZE_EXCEEDED.says(
                "The requested token payload size exceeds the maximum allowed size. Reduce the number of request tags included in the GetWebIdentityToken API call to reduce the token payload size.",
            ));
        }
        let token = self
            .signer
            .token(algorithm, &claims)
            .ok_or_else(|| FaultKind::receiver("InternalFailure", 500).says("The signing keys could not be generated."))?;
        Ok(GetWebIdentityTokenResponse { web_identity_token: Some(token), expiration: Some(expires) })
    }
}
