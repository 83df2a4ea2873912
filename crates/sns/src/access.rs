//! What calls ask: SNS writes its actions with capital letters, and a topic brings its policy.

use crate::{Sns, arns, faults};
use cloudlet_aws::{Account, Arn, Fault, Identity};
use cloudlet_engine::{Cx, Permission, Permissions};

/// Services that AWS lets publish under a topic's first policy, as they come with the topic owner's `aws:SourceOwner`.
/// AWS: unverified, but for CloudWatch; others (S3, EventBridge) need a policy that names them. SNS itself brings the events of
/// an application, whose documentation asks for no policy.
const OF_THE_OWNER: [&str; 3] = ["cloudwatch.amazonaws.com", "ses.amazonaws.com", crate::deliveries::PRINCIPAL];

/// The permission for an action on a topic, given by its ARN.
pub fn topic(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    let arn = arns::topic(cx, "TopicArn", arn)?;
    Ok(on_topic(sns, cx, action, arn).into())
}

pub fn on_topic(sns: &Sns, cx: &Cx, action: &'static str, arn: Arn) -> Permission {
    let topic = sns.store.read(|state| state.topics.get(&arn).cloned());
    let mut permission = Permission::action(action, arn);
    if let Some(topic) = topic {
        // The first policy says nothing to the owner's own account that its identities' policies do not.
        let at_home = topic.policy.is_default() && cx.caller.account == Some(topic.owner) && !matches!(cx.caller.identity, Identity::Service { .. });
        permission.resource_policy = (!at_home).then(|| topic.policy.policy());
        permission.keys.set_resource_tags(topic.tags.iter().map(|(key, value)| (key, value.clone())));
    }
    match (&cx.caller.identity, cx.caller.account) {
        (Identity::Service { principal, .. }, Some(account)) if OF_THE_OWNER.contains(&&**principal) => {
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

/// The permission for an action on a platform application or an endpoint.
pub fn platform(cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    let arn = Arn::parse(arn).unwrap_or_else(Arn::any);
    let owner = Account::parse(arn.account()).unwrap_or(cx.scope.account);
    Ok(Permission::action(action, arn).owned_by(owner).into())
}
