//! AddPermission and RemovePermission: a queue's policy, statement by statement.

use crate::{Sqs, faults, limits, policy, settings::Stage};
use cloudlet_api_sqs::{AddPermission, AddPermissionRequest, RemovePermission, RemovePermissionRequest};
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::{Empty, Map};

/// What can be given to others: the actions of a queue that are not its owner's alone.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-limitations-of-custom-policies.html>
const GIVABLE: &[&str] = &[
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
    if GIVABLE.contains(&action) {
        return Ok(());
    }
    let known = cloudlet_api_sqs::SERVICE.operations.iter().any(|operation| operation.name == action);
    Err(faults::invalid(
        format_args!("SQS:{action}"),
        "ActionName",
        // AWS: the second sentence is unverified.
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
    let letters = label.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'));
    if letters && label.len() <= limits::QUEUE_NAME {
        return Ok(());
    }
    // AWS: unverified sentence.
    Err(faults::invalid(label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."))
}

impl Sqs {
    /// Rewrites a queue's policy, as SetQueueAttributes would.
    fn rewrite(&self, cx: &Cx, url: &str, rewrite: impl FnOnce(Option<&policy::QueuePolicy>, &Arn) -> Result<String, Fault>) -> Result<Empty, Fault> {
        let now: Timestamp = cx.now;
        self.queue(cx, url)?.change(|queue| {
            let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
            let text = rewrite(profile.settings.policy.as_ref(), &profile.arn)?;
            let settings = profile.settings.with(&Map::from([("Policy".to_owned(), text)]), Stage::Change, &profile.arn)?;
            queue.set(settings, now)?;
            Ok(Empty {})
        })
    }
}

impl Handle<AddPermission> for Sqs {
    fn permissions(&self, cx: &Cx, input: &AddPermissionRequest) -> Result<Permissions, Fault> {
        self.asks_owner::<AddPermission>(cx, &input.queue_url)
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
            // AWS: seen so at https://github.com/amazon-archives/aws-sdk-core-ruby/issues/138.
            Account::parse(id).ok_or_else(|| faults::invalid(format_args!("[{id}]"), "PrincipalId", "Unable to verify."))
        };
        let accounts: Vec<Account> = input.aws_account_ids.iter().map(account).collect::<Result<_, _>>()?;
        let permission = policy::AddedPermission { label: &input.label, accounts: &accounts, actions: &input.actions };
        self.rewrite(cx, &input.queue_url, |current, queue| policy::add(current, &permission, queue))
    }
}

impl Handle<RemovePermission> for Sqs {
    fn permissions(&self, cx: &Cx, input: &RemovePermissionRequest) -> Result<Permissions, Fault> {
        self.asks_owner::<RemovePermission>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: RemovePermissionRequest) -> Result<Empty, Fault> {
        if input.label.is_empty() {
            return Err(faults::missing("Label"));
        }
        self.rewrite(cx, &input.queue_url, |current, _| policy::remove(current, &input.label))
    }
}
