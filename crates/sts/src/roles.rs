//! AssumeRole: what a role's trust policy, the caller's policies and the caller's own session allow.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use crate::{
    Sts,
    sessions::{BAD_PARAMETER, DENIED, VALIDATION, at_least, session_tags, tag_keys, told_size, with_key},
};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity as Who, Timestamp};
use cloudlet_engine::{Cx, Handle, Keys, Permission, Permissions};
use cloudlet_identity::{Fresh, Origin, Session, StoredPolicy, Tags};
use cloudlet_policy::{Document, Kind, Policy};
use std::sync::{Arc, LazyLock};

/// A role as STS needs to know it.
pub(crate) struct Role {
    pub account: Account,
    pub arn: Arn,
    pub name: String,
    pub id: Arc<str>,
    pub max_session: i32,
    pub trust: StoredPolicy,
    pub tags: Tags,
}

/// Roles chained to roles live an hour at most.
const CHAINED_SECONDS: i32 = 3_600;
const USUAL_SECONDS: i32 = 3_600;

impl Sts {
    pub(crate) fn role(&self, arn: &str) -> Result<(Arn, Option<Role>), Fault> {
        let parsed = Arn::parse(arn).ok_or_else(|| VALIDATION.says(format!("{arn} is invalid")))?;
        let role = self.identity.read(|state| {
            let (account, role) = state.role_by_arn(arn)?;
            Some(Role {
                account,
                arn: parsed.clone(),
                name: role.name.clone(),
                id: role.id.clone(),
                max_session: role.max_session,
                trust: role.trust.clone(),
                tags: role.tags.clone(),
            })
        });
        Ok((parsed, role))
    }

    /// The policy that speaks for a role. One that does not exist trusts nobody, and so is told from no other.
    fn trust(arn: &Arn, role: Option<&Role>) -> Policy {
        match role {
            Some(role) => role.trust.named(arn.as_str()),
            None => Policy { name: arn.as_str().into(), document: trusts_nobody() },
        }
    }

    /// The tags that a session hands on, and its source identity.
    fn inherited(&self, cx: &Cx) -> (Tags, Option<Arc<str>>) {
        match self.identity.session_of(&cx.caller) {
            Some(session) => {
                let goes_on = |key: &Arc<str>| session.transitive.iter().any(|known| known.eq_ignore_ascii_case(key));
                (session.tags.iter().filter(|(key, _)| goes_on(key)).cloned().collect(), session.source_identity.clone())
            }
            None => (Tags::new(), None),
        }
    }

    /// Whether the code that came with the call is that of the caller's device. `None`: no code came.
    pub(crate) fn mfa(&self, cx: &Cx, serial: Option<&str>, code: Option<&str>) -> Result<Option<Timestamp>, Fault> {
        let (serial, code) = match (serial, code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            _ => return Err(VALIDATION.says("Both SerialNumber and TokenCode must be specified, or neither.")),
        };
        let failed = || DENIED.says("MultiFactorAuthentication failed with invalid MFA one time pass code. ");
        let user = match &cx.caller.identity {
            Who::User { name } => Some(name.to_string()),
            Who::Root => None,
            _ => return Err(failed()),
        };
        self.identity.write(|state| {
            let device = state.mfa_devices.get_mut(serial).filter(|device| Some(device.account) == cx.caller.account);
            let device = device.filter(|device| device.owner.as_ref().is_some_and(|owner| owner.user == user)).ok_or_else(failed)?;
            if device.accept(cx.now, code) { Ok(Some(cx.now)) } else { Err(failed()) }
        })
    }
}

fn trusts_nobody() -> Document {
    const TEXT: &str =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.aws.internal"},"Action":"sts:AssumeRole"}]}"#;
    static NOBODY: LazyLock<Option<Document>> = LazyLock::new(|| Document::parse(TEXT, Kind::Trust).ok());
    #[expect(clippy::expect_used, reason = "a constant that a test parses")]
    NOBODY.clone().expect("the text above is a policy")
}

/// The ARN and id of a session.
pub(crate) fn session_caller(partition: &str, role: &Role, session: &str) -> Caller {
    let arn = Arn::build(partition, "sts", "", role.account.as_str(), &format!("assumed-role/{}/{session}", role.name));
    Caller {
        account: Some(role.account),
        identity: Who::AssumedRole { role: role.arn.clone(), session: session.into() },
        arn: arn.as_str().into(),
        unique_id: format!("{}:{session}", role.id).into(),
        access_key: None,
    }
}

pub(crate) fn role_tag_keys(keys: &mut Keys, role: &Role) {
    keys.set_resource_tags(role.tags.iter().map(|(key, value)| (key, value)));
    for (key, value) in &role.tags {
        keys.set(format!("iam:ResourceTag/{key}"), value);
    }
}

/// How long a session of the role may be.
pub(crate) fn seconds_within(asked: Option<i32>, role: &Role) -> Result<i32, Fault> {
    let seconds = asked.unwrap_or(USUAL_SECONDS);
    if seconds > role.max_session {
        return Err(VALIDATION.says("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    Ok(seconds)
}

impl Handle<AssumeRole> for Sts {
    fn permissions(&self, cx: &Cx, input: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        let (arn, role) = self.role(&input.role_arn)?;
        let (tags, transitive) = session_tags(input.tags.as_deref(), input.transitive_tag_keys.as_deref())?;
        let (inherited, inherited_source) = self.inherited(cx);
        if tags.iter().any(|(key, _)| inherited.iter().any(|(known, _)| known.eq_ignore_ascii_case(key))) {
            return Err(BAD_PARAMETER.says(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
            ));
        }
        let mut keys = Keys::new();
        keys.set("sts:RoleSessionName", input.role_session_name.clone());
        if let Some(id) = &input.external_id {
            keys.set("sts:ExternalId", id.clone());
        }
        if let Some(seconds) = input.duration_seconds {
            keys.set("sts:DurationSeconds", i64::from(seconds));
        }
        let source = input.source_identity.as_deref().or(inherited_source.as_deref());
        if let Some(source) = source {
            keys.set("sts:SourceIdentity", source.to_owned());
        }
        if let Some(role) = &role {
            role_tag_keys(&mut keys, role);
        }
        let all_tags: Tags = tags.iter().chain(&inherited).cloned().collect();
        tag_keys(&mut keys, &all_tags, &transitive);
        // The code is checked here, because whether it is right is a condition of the trust policy; it works once, so the answer is kept.
        if input.serial_number.is_some() || input.token_code.is_some() {
            self.mfa(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
            keys.set("aws:MultiFactorAuthPresent", true);
            keys.set("aws:MultiFactorAuthAge", 0);
        }
        let policy = Sts::trust(&arn, role.as_ref());
        let permission = |action| Permission { keys: keys.clone(), ..Permission::action(action, arn.clone()).with_policy(Some(policy.clone())) };
        let mut permissions: Permissions = permission("sts:AssumeRole").into();
        if !all_tags.is_empty() {
            permissions.push(permission("sts:TagSession"));
        }
        if source.is_some() {
            permissions.push(permission("sts:SetSourceIdentity"));
        }
        if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
            permissions.push(permission("sts:SetContext"));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        let (_, role) = self.role(&input.role_arn)?;
        let role = role.ok_or_else(|| DENIED.says("The role is gone."))?;
        if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
            // Identity Center makes them, and there is none here whose word could be taken.
            return Err(VALIDATION.says("The context assertion could not be verified."));
        }
        let chained = matches!(cx.caller.identity, Who::AssumedRole { .. });
        if chained && input.duration_seconds.is_some_and(|seconds| seconds > CHAINED_SECONDS) {
            return Err(VALIDATION.says("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"));
        }
        let seconds = seconds_within(input.duration_seconds, &role)?;
        let (mut tags, mut transitive) = session_tags(input.tags.as_deref(), input.transitive_tag_keys.as_deref())?;
        let limits = self.limits(role.account, input.policy.as_deref(), input.policy_arns.as_deref(), &tags)?;
        let (inherited, inherited_source) = self.inherited(cx);
        if let (Some(asked), Some(known)) = (&input.source_identity, &inherited_source)
            && *asked != **known
        {
            // AWS: "The value cannot be changed during the session"; the text is unverified.
            return Err(DENIED.says("The source identity of a session cannot be changed."));
        }
        transitive.extend(inherited.iter().map(|(key, _)| key.clone()));
        tags.extend(inherited);
        let source: Option<Arc<str>> = input.source_identity.as_deref().map(Into::into).or(inherited_source);

        let fresh = Fresh::new(cx.ids(), role.account, at_least(input.minimum_session_token_size));
        let caller = session_caller(self.identity.partition(), &role, &input.role_session_name);
        let user = AssumedRoleUser { assumed_role_id: caller.unique_id.to_string(), arn: caller.arn.to_string() };
        let before = self.identity.session_of(&cx.caller).and_then(|session| session.mfa);
        let session = Session {
            caller: with_key(caller, &fresh),
            issuer: None,
            secret: fresh.secret.clone(),
            token: fresh.token.clone(),
            origin: Origin::AssumeRole,
            issued: cx.now.whole_secs(),
            expires: cx.now.whole_secs().plus_secs(i64::from(seconds)),
            policies: limits.policies,
            tags,
            transitive,
            source_identity: source.clone(),
            mfa: input.token_code.is_some().then_some(cx.now).or(before),
            provider: None,
            claims: Vec::new(),
            within: Arc::default(),
            delegate: None,
        };
        let credentials = self.open(fresh, session);
        let (session_token_size, session_token_utilization) = told_size(input.minimum_session_token_size, &credentials);
        Ok(AssumeRoleResponse {
            credentials: Some(credentials),
            assumed_role_user: Some(user),
            packed_policy_size: limits.packed,
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_is_a_trust_policy() {
        assert_eq!(super::trusts_nobody().statements().len(), 1);
    }
}
