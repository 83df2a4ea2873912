//! The permissions that calls need. SNS writes its actions with capital letters; a topic has a policy.

use crate::{Sns, arns, faults};
use cloudlet_aws::{Account, Arn, Fault, Identity};
use cloudlet_engine::{Cx, Permission, Permissions};

/// The principal of the calls that SNS makes.
pub const PRINCIPAL: &str = "sns.amazonaws.com";

/// Services that may publish under a topic's default policy, since their calls have the topic owner's account as `aws:SourceOwner`.
/// AWS: unverified, but for CloudWatch. Others (S3, EventBridge) need a policy that names them. SNS itself publishes the events of an
/// application, for which the documentation demands no policy.
const WITH_SOURCE_OWNER: [&str; 3] = ["cloudwatch.amazonaws.com", "ses.amazonaws.com", PRINCIPAL];

/// The permission for an action on a topic, given by its ARN.
pub fn topic(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing_strings(cx)?;
    let arn = arns::topic(cx, "TopicArn", arn)?;
    faults::check_missing(cx)?;
    Ok(on_topic(sns, cx, action, arn).into())
}

pub fn on_topic(sns: &Sns, cx: &Cx, action: &'static str, arn: Arn) -> Permission {
    let topic = sns.store.read(|state| state.topics.get(&arn).cloned());
    let mut permission = Permission::action(action, arn);
    if let Some(topic) = topic {
        // The default policy gives the owner's own account nothing beyond the policies of its identities.
        let is_needless =
            topic.policy.is_default() && cx.caller.account == Some(topic.owner) && !matches!(cx.caller.identity, Identity::Service { .. });
        permission.resource_policy = (!is_needless).then(|| topic.policy.policy.named(&topic.arn));
        permission.keys.set_resource_tags(topic.tags.iter().map(|(key, value)| (key, value.clone())));
    }
    match (&cx.caller.identity, cx.caller.account) {
        (Identity::Service { principal, .. }, Some(account)) if WITH_SOURCE_OWNER.contains(&&**principal) => {
            permission.with_key("aws:SourceOwner", account.as_str())
        }
        _ => permission,
    }
}

/// The permission for an action that has no resource of its own.
pub fn anything(cx: &Cx, action: &'static str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    Ok(Permission::action(action, Arn::any()).owned_by(cx.scope.account).into())
}

/// The permission for an action on a platform application.
pub fn application(cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing_strings(cx)?;
    let arn = arns::application(cx, arn)?;
    faults::check_missing(cx)?;
    Ok(platform(cx, action, arn))
}

/// The permission for an action on an endpoint of a platform application.
pub fn endpoint(cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing_strings(cx)?;
    let arn = arns::endpoint(cx, arn)?;
    faults::check_missing(cx)?;
    Ok(platform(cx, action, arn))
}

fn platform(cx: &Cx, action: &'static str, arn: Arn) -> Permissions {
    let owner = Account::parse(arn.account()).unwrap_or(cx.scope.account);
    Permission::action(action, arn).owned_by(owner).into()
}
