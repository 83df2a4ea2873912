//! AssumeRole: the role's trust policy, the caller's policies and the caller's session decide.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use crate::{
    Sts,
    sessions::{BAD_PARAMETER, DENIED, VALIDATION, minimum_token_size, session_tags, tag_keys, token_size_output},
};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity as Who, Timestamp};
use cloudlet_engine::{Cx, Handle, Keys, Permission, Permissions};
use cloudlet_identity::{Session, SessionCredentials, SessionKind, StoredPolicy, Tags};
use cloudlet_policy::{Document, Kind, Policy};
use std::sync::{Arc, LazyLock};

/// What STS needs of a role.
pub(crate) struct Role {
    pub account: Account,
    pub arn: Arn,
    pub name: String,
    pub id: Arc<str>,
    pub max_session_duration: i32,
    pub trust_policy: StoredPolicy,
    pub tags: Tags,
}

/// Role chaining: at most an hour.
const CHAINED_SECONDS: i32 = 3_600;
const DEFAULT_SECONDS: i32 = 3_600;

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
                max_session_duration: role.max_session_duration,
                trust_policy: role.trust_policy.clone(),
                tags: role.tags.clone(),
            })
        });
        Ok((parsed, role))
    }

    /// The trust policy of a role. A role that does not exist trusts nobody, so its answer is the same as that of a role that denies.
    fn trust_policy(arn: &Arn, role: Option<&Role>) -> Policy {
        match role {
            Some(role) => role.trust_policy.named(arn.as_str()),
            None => Policy { name: arn.as_str().into(), document: trusts_nobody() },
        }
    }

    /// The transitive tags and the source identity of the calling session.
    fn inherited(&self, cx: &Cx) -> (Tags, Option<Arc<str>>) {
        match self.identity.session_of(&cx.caller) {
            Some(session) => {
                let is_transitive = |key: &Arc<str>| session.transitive_tag_keys.iter().any(|known| known.eq_ignore_ascii_case(key));
                (session.tags.iter().filter(|(key, _)| is_transitive(key)).cloned().collect(), session.source_identity.clone())
            }
            None => (Tags::new(), None),
        }
    }

    /// Checks the MFA code of a request. `None`: the request has none.
    pub(crate) fn check_mfa(&self, cx: &Cx, serial: Option<&str>, code: Option<&str>) -> Result<Option<Timestamp>, Fault> {
        let (serial, code) = match (serial, code) {
            (None, None) => return Ok(None),
            (Some(serial), Some(code)) => (serial, code),
            _ => return Err(DENIED.says("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")),
        };
        // AWS: as users report them, the two blanks included.
        let unknown_device = || {
            DENIED.says(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
            )
        };
        let wrong_code = || DENIED.says("MultiFactorAuthentication failed with invalid MFA one time pass code. ");
        let user = match &cx.caller.identity {
            Who::User { name } => Some(name.to_string()),
            Who::Root => None,
            _ => return Err(unknown_device()),
        };
        self.identity.write(|state| {
            let device = state.mfa_devices.get_mut(serial).filter(|device| Some(device.account) == cx.caller.account);
            let device = device.filter(|device| device.owner.as_ref().is_some_and(|owner| owner.user == user)).ok_or_else(unknown_device)?;
            if device.accept(cx.now, code) { Ok(Some(cx.now)) } else { Err(wrong_code()) }
        })
    }
}

/// A trust policy that allows no caller.
fn trusts_nobody() -> Document {
    const TEXT: &str =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.aws.internal"},"Action":"sts:AssumeRole"}]}"#;
    static NOBODY: LazyLock<Option<Document>> = LazyLock::new(|| Document::parse(TEXT, Kind::Trust).ok());
    #[expect(clippy::expect_used, reason = "a constant that a test parses")]
    NOBODY.clone().expect("the text above is a policy")
}

/// The caller of a session of a role.
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

/// The duration of a session, which the role may limit.
pub(crate) fn duration_within(requested: Option<i32>, role: &Role) -> Result<i32, Fault> {
    let seconds = requested.unwrap_or(DEFAULT_SECONDS);
    if seconds > role.max_session_duration {
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
        // The code is checked here because the trust policy may have a condition on it. A code works once, so `handle` does not check it again.
        if input.serial_number.is_some() || input.token_code.is_some() {
            self.check_mfa(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
            keys.set("aws:MultiFactorAuthPresent", true);
            keys.set("aws:MultiFactorAuthAge", 0);
        }
        let policy = Sts::trust_policy(&arn, role.as_ref());
        let permission = Permission { keys, ..Permission::action("sts:AssumeRole", arn).with_policy(Some(policy)) };
        let has_contexts = input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty());
        Ok(permission.and([
            (!all_tags.is_empty()).then_some("sts:TagSession"),
            source.is_some().then_some("sts:SetSourceIdentity"),
            has_contexts.then_some("sts:SetContext"),
        ]))
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        let (_, role) = self.role(&input.role_arn)?;
        let role = role.ok_or_else(|| DENIED.says("The role was deleted."))?;
        if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
            // Only IAM Identity Center issues them.
            return Err(VALIDATION.says("The context assertion could not be verified."));
        }
        let chained = matches!(cx.caller.identity, Who::AssumedRole { .. });
        if chained && input.duration_seconds.is_some_and(|seconds| seconds > CHAINED_SECONDS) {
            return Err(VALIDATION.says("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"));
        }
        let seconds = duration_within(input.duration_seconds, &role)?;
        let (mut tags, mut transitive) = session_tags(input.tags.as_deref(), input.transitive_tag_keys.as_deref())?;
        let session_policies = self.session_policies(role.account, input.policy.as_deref(), input.policy_arns.as_deref(), &tags)?;
        let (inherited, inherited_source) = self.inherited(cx);
        if let (Some(requested), Some(inherited)) = (&input.source_identity, &inherited_source)
            && *requested != **inherited
        {
            // AWS: "The value cannot be changed during the session"; the text is unverified.
            return Err(DENIED.says("The source identity of a session cannot be changed."));
        }
        transitive.extend(inherited.iter().map(|(key, _)| key.clone()));
        tags.extend(inherited);
        let source: Option<Arc<str>> = input.source_identity.as_deref().map(Into::into).or(inherited_source);

        let new_credentials = SessionCredentials::new(cx.ids(), role.account, minimum_token_size(input.minimum_session_token_size));
        let caller = session_caller(self.identity.partition(), &role, &input.role_session_name);
        let user = AssumedRoleUser { assumed_role_id: caller.unique_id.to_string(), arn: caller.arn.to_string() };
        let inherited_mfa = self.identity.session_of(&cx.caller).and_then(|session| session.mfa_at);
        let session = Session {
            policies: session_policies.policies,
            tags,
            transitive_tag_keys: transitive,
            source_identity: source.clone(),
            mfa_at: input.token_code.is_some().then_some(cx.now).or(inherited_mfa),
            ..Session::new(caller, &new_credentials, SessionKind::AssumeRole, cx.now, i64::from(seconds))
        };
        let credentials = self.start_session(new_credentials, session);
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(AssumeRoleResponse {
            credentials: Some(credentials),
            assumed_role_user: Some(user),
            packed_policy_size: session_policies.packed_size,
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_trust_policy_of_a_missing_role_parses() {
        assert_eq!(super::trusts_nobody().statements().len(), 1);
    }
}
