//! What all temporary credentials have in common: how long they live, which policies limit them, which tags they carry.

use crate::Sts;
use cloudlet_api_sts::{Credentials, PolicyDescriptorType, Tag, faults::*};
use cloudlet_aws::{Account, Caller, Fault, FaultKind, Identity as Who};
use cloudlet_engine::{Cx, Keys};
use cloudlet_identity::{Fresh, LONGEST_TOKEN, Session, StoredPolicy, Tags, managed};
use cloudlet_policy::{Kind, Policy};
use std::sync::Arc;

pub(crate) const VALIDATION: FaultKind = FaultKind::sender("ValidationError", 400);
pub(crate) const BAD_PARAMETER: FaultKind = FaultKind::sender("InvalidParameterValue", 400);
pub(crate) const DENIED: FaultKind = FaultKind::sender("AccessDenied", 403);

/// Characters of an inline session policy.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>
const LONGEST_POLICY: usize = 2_048;
const MOST_POLICY_ARNS: usize = 10;
/// What policies and tags together may fill. AWS packs them into a binary form whose size it does not explain; here their
/// characters are counted, against what AWS lets through of each.
const PACKED: usize = 4_096;

/// The limits of a session, as asked for.
pub(crate) struct Limits {
    pub policies: Arc<[Policy]>,
    /// Per cent, when there is anything to pack.
    pub packed: Option<i32>,
}

impl Sts {
    /// Session policies: one inline, and managed ones of the account by ARN.
    pub(crate) fn limits(&self, account: Account, inline: Option<&str>, arns: Option<&[PolicyDescriptorType]>, tags: &Tags) -> Result<Limits, Fault> {
        let mut policies = Vec::new();
        let mut size = 0;
        if let Some(text) = inline {
            if text.chars().count() > LONGEST_POLICY {
                return Err(packed_too_large(text.chars().count() * 100 / LONGEST_POLICY));
            }
            let written = StoredPolicy::parse(text, Kind::Identity).map_err(|error| MALFORMED_POLICY_DOCUMENT.says(error.message))?;
            size += written.size();
            policies.push(written.named("session policy"));
        }
        let arns: Vec<&str> = arns.into_iter().flatten().filter_map(|one| one.arn.as_deref()).collect();
        if arns.len() > MOST_POLICY_ARNS {
            return Err(VALIDATION.says(format!("Cannot exceed {MOST_POLICY_ARNS} managed session policies.")));
        }
        for arn in arns {
            size += arn.len();
            let of_account = arn.contains("::aws:policy/") || arn.split(':').nth(4) == Some(account.as_str());
            let policy = self.identity.read(|state| managed(state, arn)).filter(|_| of_account);
            policies.push(policy.ok_or_else(|| VALIDATION.says(format!("Policy {arn} does not exist or is not attachable.")))?);
        }
        size += tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let percent = (size * 100).div_ceil(PACKED);
        if percent > 100 {
            return Err(packed_too_large(percent));
        }
        Ok(Limits { policies: policies.into(), packed: (size > 0).then(|| i32::try_from(percent).unwrap_or(100)) })
    }

    /// Hands out a session, and tells its credentials.
    pub(crate) fn open(&self, fresh: Fresh, session: Session) -> Credentials {
        let credentials = Credentials {
            access_key_id: fresh.access_key.to_string(),
            secret_access_key: fresh.secret.reveal().to_owned(),
            session_token: fresh.token.reveal().to_owned(),
            expiration: session.expires,
        };
        self.identity.begin(fresh.access_key, session);
        credentials
    }
}

fn packed_too_large(percent: usize) -> Fault {
    PACKED_POLICY_TOO_LARGE.says(format!("Packed policy consumes {percent}% of allotted space, please use smaller policy."))
}

/// How large a token the client wants, and what is said of it.
pub(crate) fn at_least(size: Option<i32>) -> usize {
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default()
}

/// Size and utilization of a token, told to who asked for a size.
pub(crate) fn told_size(asked: Option<i32>, credentials: &Credentials) -> (Option<i32>, Option<i32>) {
    let length = credentials.session_token.len();
    let number = |n: usize| i32::try_from(n).ok();
    match asked {
        Some(_) => (number(length), number(length * 100 / LONGEST_TOKEN)),
        None => (None, None),
    }
}

/// Session tags as they come with the request. Recorded from AWS: tests/aws/services/sts of LocalStack.
pub(crate) fn session_tags(tags: Option<&[Tag]>, transitive: Option<&[String]>) -> Result<(Tags, Vec<Arc<str>>), Fault> {
    let tags = tags.unwrap_or_default();
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    for (at, tag) in tags.iter().enumerate() {
        if tags.iter().take(at).any(|other| same(&other.key, &tag.key)) {
            return Err(BAD_PARAMETER.says("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if tag.key.get(..4).is_some_and(|head| same(head, "aws:")) {
            return Err(BAD_PARAMETER.says("Tag keys starting with 'aws:' are reserved for internal use by AWS."));
        }
    }
    let transitive = transitive.unwrap_or_default();
    if transitive.iter().any(|key| !tags.iter().any(|tag| same(&tag.key, key))) {
        return Err(BAD_PARAMETER.says("The specified transitive tag key must be included in the requested tags."));
    }
    let tags = tags.iter().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into())).collect();
    Ok((tags, transitive.iter().map(|key| key.as_str().into()).collect()))
}

/// The condition keys of tags in a request.
pub(crate) fn tag_keys(keys: &mut Keys, tags: &Tags, transitive: &[Arc<str>]) {
    keys.set_request_tags(tags.iter().map(|(key, value)| (key, value)));
    if !transitive.is_empty() {
        keys.set_many("sts:TransitiveTagKeys", transitive);
    }
}

/// Long-term credentials are needed to ask for tokens: a session cannot prolong itself.
pub(crate) fn long_term(cx: &Cx, operation: &str) -> Result<(), Fault> {
    let temporary = matches!(cx.caller.identity, Who::AssumedRole { .. } | Who::FederatedUser { .. })
        || cx.caller.access_key.as_deref().is_some_and(|key| key.starts_with("ASIA"));
    if temporary { Err(DENIED.says(format!("Cannot call {operation} with session credentials"))) } else { Ok(()) }
}

/// The caller with its fresh key.
pub(crate) fn with_key(caller: Caller, fresh: &Fresh) -> Caller {
    Caller { access_key: Some(fresh.access_key.clone()), ..caller }
}
