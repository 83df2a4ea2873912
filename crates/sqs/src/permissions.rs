//! AddPermission and RemovePermission.

use crate::{Sqs, faults, limits, policy, settings::Stage};
use cloudlet_api_sqs::{AddPermission, AddPermissionRequest, RemovePermission, RemovePermissionRequest};
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_engine::{Allowed, Cx, Handle, Permissions, StoredPolicy};
use cloudlet_shape::{Empty, Map};

/// The actions that can be granted to other accounts.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-limitations-of-custom-policies.html>
const GRANTABLE: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

fn check_action(action: &str) -> Result<(), Fault> {
    if GRANTABLE.contains(&action) {
        return Ok(());
    }
    let known = cloudlet_api_sqs::SERVICE.operations.iter().any(|operation| operation.name == action);
    Err(faults::invalid(
        format_args!("SQS:{action}"),
        "ActionName",
        // AWS: the second message is unverified.
        if known {
            "Only the queue owner is allowed to invoke this action."
        } else {
            "Please refer to the appropriate WSDL for a list of valid actions. "
        },
    ))
}

fn check_label(label: &str) -> Result<(), Fault> {
    if label.is_empty() {
        return Err(faults::missing("Label"));
    }
    let valid = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if valid && label.len() <= limits::QUEUE_NAME {
        return Ok(());
    }
    // AWS: unverified message.
    Err(faults::invalid(label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."))
}

impl Sqs {
    /// Replaces a queue's policy, as SetQueueAttributes does.
    fn change_policy(&self, cx: &Cx, url: &str, change: impl FnOnce(Option<&StoredPolicy>, &Arn) -> Result<String, Fault>) -> Result<Empty, Fault> {
        let now: Timestamp = cx.now;
        self.queue_by_url(cx, url)?.write(|queue| {
            let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
            let text = change(properties.settings.policy.as_ref(), &properties.arn)?;
            let settings = properties.settings.with(&Map::from([("Policy".to_owned(), text)]), Stage::Change)?;
            queue.set_settings(settings, now)?;
            Ok(Empty {})
        })
    }
}

impl Handle<AddPermission> for Sqs {
    fn permissions(&self, cx: &Cx, input: &AddPermissionRequest) -> Result<Permissions, Fault> {
        self.owner_permissions::<AddPermission>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: AddPermissionRequest) -> Result<Empty, Fault> {
        check_label(&input.label)?;
        if input.aws_account_ids.is_empty() {
            return Err(faults::missing("AWSAccountId"));
        }
        if input.actions.is_empty() {
            return Err(faults::missing("ActionName"));
        }
        let (count, most) = (input.actions.len(), limits::POLICY_ACTIONS);
        if count > most {
            return Err(faults::OVER_LIMIT.says(format!("{count} Actions were found, maximum allowed is {most}.")));
        }
        input.actions.iter().try_for_each(|action| check_action(action))?;
        let account = |id: &String| {
            // AWS: seen at https://github.com/amazon-archives/aws-sdk-core-ruby/issues/138.
            Account::parse(id).ok_or_else(|| faults::invalid(format_args!("[{id}]"), "PrincipalId", "Unable to verify."))
        };
        let accounts: Vec<Account> = input.aws_account_ids.iter().map(account).collect::<Result<_, _>>()?;
        let actions: Vec<String> = input.actions.iter().map(|action| format!("SQS:{action}")).collect();
        self.change_policy(cx, &input.queue_url, |current, queue| {
            let allowed = Allowed { label: &input.label, accounts: &accounts, actions: &actions, resource: queue.as_str() };
            policy::add(current, &allowed, queue.partition())
        })
    }
}

impl Handle<RemovePermission> for Sqs {
    fn permissions(&self, cx: &Cx, input: &RemovePermissionRequest) -> Result<Permissions, Fault> {
        self.owner_permissions::<RemovePermission>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: RemovePermissionRequest) -> Result<Empty, Fault> {
        if input.label.is_empty() {
            return Err(faults::missing("Label"));
        }
        self.change_policy(cx, &input.queue_url, |current, _| policy::remove(current, &input.label))
    }
}
