//! AddPermission and RemovePermission: single statements of a topic's policy.

use crate::{Sns, access, arns, faults, policy, state::Topic};
use cloudlet_api_sns::{AddPermission, AddPermissionInput, RemovePermission, RemovePermissionInput};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl Sns {
    fn change_policy(&self, arn: &Arn, change: impl FnOnce(&Topic) -> Result<policy::TopicPolicy, Fault>) -> Result<(), Fault> {
        let changed = |topic: &mut Topic| change(topic).map(|policy| topic.policy = policy);
        self.store.write(|state| state.change_topic(arn.as_str(), changed).unwrap_or_else(|| Err(faults::no_topic())))
    }
}

impl Handle<AddPermission> for Sns {
    fn permissions(&self, cx: &Cx, input: &AddPermissionInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:AddPermission", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: AddPermissionInput) -> Result<Empty, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        self.change_policy(&arn, |topic| policy::add(&topic.policy, &input.label, &input.aws_account_id, &input.action_name, &arn))?;
        Ok(Empty {})
    }
}

impl Handle<RemovePermission> for Sns {
    fn permissions(&self, cx: &Cx, input: &RemovePermissionInput) -> Result<Permissions, Fault> {
        access::topic(self, cx, "SNS:RemovePermission", &input.topic_arn)
    }

    async fn handle(&self, cx: &Cx, input: RemovePermissionInput) -> Result<Empty, Fault> {
        let arn = arns::topic(cx, "TopicArn", &input.topic_arn)?;
        self.change_policy(&arn, |topic| policy::remove(&topic.policy, &input.label, &arn))?;
        Ok(Empty {})
    }
}
