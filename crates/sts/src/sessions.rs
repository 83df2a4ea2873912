//! What all temporary credentials have in common: session policies, tags, token sizes.

use crate::Sts;
use cloudlet_api_sts::{Credentials, PolicyDescriptorType, Tag, faults::*};
use cloudlet_aws::{Account, ArnParts, Fault, FaultKind, Identity as Who};
use cloudlet_engine::{
    Cx, Keys,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_identity::{LONGEST_TOKEN, Session, SessionCredentials, StoredPolicy, Tags, managed_policy, policy_size};
use cloudlet_policy::{Kind, Policy};
use std::sync::Arc;

pub(crate) const VALIDATION: FaultKind = FaultKind::sender("ValidationError", 400);
pub(crate) const BAD_PARAMETER: FaultKind = FaultKind::sender("InvalidParameterValue", 400);
pub(crate) const DENIED: FaultKind = FaultKind::sender("AccessDenied", 403);

/// Characters of an inline session policy.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>
const LONGEST_POLICY: usize = 2_048;
const MOST_POLICY_ARNS: usize = 10;
/// The size of policies and tags together. AWS packs them into a binary format that it does not document; here characters count.
const LARGEST_PACKED_SIZE: usize = 4_096;

/// The session policies of a request.
pub(crate) struct SessionPolicies {
    pub policies: Arc<[Policy]>,
    /// `PackedPolicySize`: per cent, if there are policies or tags.
    pub packed_size: Option<i32>,
}

impl Sts {
    /// An inline policy, and managed policies of the account or of AWS by ARN.
    pub(crate) fn session_policies(
        &self,
        account: Account,
        inline: Option<&str>,
        arns: Option<&[PolicyDescriptorType]>,
        tags: &Tags,
    ) -> Result<SessionPolicies, Fault> {
        let mut policies = Vec::new();
        let mut size = 0;
        if let Some(text) = inline {
            if text.chars().count() > LONGEST_POLICY {
                return Err(packed_too_large(text.chars().count() * 100 / LONGEST_POLICY));
            }
            let policy = StoredPolicy::parse(text, Kind::Identity).map_err(|error| MALFORMED_POLICY_DOCUMENT.says(error.message))?;
            size += policy_size(&policy.text);
            policies.push(policy.named("session policy"));
        }
        let arns: Vec<&str> = arns.into_iter().flatten().filter_map(|one| one.arn.as_deref()).collect();
        if arns.len() > MOST_POLICY_ARNS {
            return Err(VALIDATION.says(format!("Cannot exceed {MOST_POLICY_ARNS} managed session policies.")));
        }
        for arn in arns {
            size += arn.len();
            let is_usable = ArnParts::parse(arn).is_some_and(|parts| parts.account == "aws" || parts.account == account.as_str());
            let policy = self.identity.read(|state| managed_policy(state, arn)).filter(|_| is_usable);
            policies.push(policy.ok_or_else(|| VALIDATION.says(format!("Policy {arn} does not exist or is not attachable.")))?);
        }
        size += tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let percent = (size * 100).div_ceil(LARGEST_PACKED_SIZE);
        if percent > 100 {
            return Err(packed_too_large(percent));
        }
        Ok(SessionPolicies { policies: policies.into(), packed_size: (size > 0).then(|| i32::try_from(percent).unwrap_or(100)) })
    }

    /// Stores a session, and returns its credentials.
    pub(crate) fn start_session(&self, new_credentials: SessionCredentials, session: Session) -> Credentials {
        let credentials = Credentials {
            access_key_id: new_credentials.access_key.to_string(),
            secret_access_key: new_credentials.secret.reveal().to_owned(),
            session_token: new_credentials.token.reveal().to_owned(),
            expiration: session.expires,
        };
        self.identity.add_session(new_credentials.access_key, session);
        credentials
    }
}

fn packed_too_large(percent: usize) -> Fault {
    PACKED_POLICY_TOO_LARGE.says(format!("Packed policy consumes {percent}% of allotted space, please use smaller policy."))
}

/// `MinimumSessionTokenSize`
pub(crate) fn minimum_token_size(size: Option<i32>) -> usize {
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default()
}

/// `SessionTokenSize` and `SessionTokenUtilization`, if the request has `MinimumSessionTokenSize`.
pub(crate) fn token_size_output(asked: Option<i32>, credentials: &Credentials) -> (Option<i32>, Option<i32>) {
    let length = credentials.session_token.len();
    let number = |n: usize| i32::try_from(n).ok();
    match asked {
        Some(_) => (number(length), number(length * 100 / LONGEST_TOKEN)),
        None => (None, None),
    }
}

const TAG_RULES: TagRules = TagRules { most: 50, keys: KeyCase::Insensitive, characters: TagCharacters::Any };

/// Checks the session tags of a request. The texts are recorded from AWS (LocalStack, tests/aws/services/sts).
pub(crate) fn session_tags(tags: Option<&[Tag]>, transitive: Option<&[String]>) -> Result<(Tags, Vec<Arc<str>>), Fault> {
    let tags = tags.unwrap_or_default();
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let checked = TAG_RULES.check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|invalid| match invalid {
        InvalidTag::Duplicate { .. } => BAD_PARAMETER.says("Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        InvalidTag::Reserved { .. } => BAD_PARAMETER.says("Tag keys starting with 'aws:' are reserved for internal use by AWS."),
        // The model has the same limits.
        InvalidTag::TooMany => BAD_PARAMETER.says("There are too many tags."),
        InvalidTag::Key { .. } => BAD_PARAMETER.says("The tag key is invalid."),
        InvalidTag::Value { .. } => BAD_PARAMETER.says("The tag value is invalid."),
    })?;
    let transitive = transitive.unwrap_or_default();
    if transitive.iter().any(|key| !tags.iter().any(|tag| same(&tag.key, key))) {
        return Err(BAD_PARAMETER.says("The specified transitive tag key must be included in the requested tags."));
    }
    let tags = tags.iter().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into())).collect();
    Ok((tags, transitive.iter().map(|key| key.as_str().into()).collect()))
}

/// The condition keys of session tags.
pub(crate) fn tag_keys(keys: &mut Keys, tags: &Tags, transitive: &[Arc<str>]) {
    keys.set_request_tags(tags.iter().map(|(key, value)| (key, value)));
    if !transitive.is_empty() {
        keys.set_many("sts:TransitiveTagKeys", transitive);
    }
}

/// GetSessionToken and GetFederationToken need long-term credentials.
pub(crate) fn require_long_term_credentials(cx: &Cx, operation: &str) -> Result<(), Fault> {
    let temporary = matches!(cx.caller.identity, Who::AssumedRole { .. } | Who::FederatedUser { .. })
        || cx.caller.access_key.as_deref().is_some_and(|key| key.starts_with("ASIA"));
    if temporary { Err(DENIED.says(format!("Cannot call {operation} with session credentials"))) } else { Ok(()) }
}
