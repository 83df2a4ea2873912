//! Data protection policies are stored and shown, and not enforced. AWS has closed the feature to new customers.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-policies.html>

use crate::{Sns, access, arns, faults, json, limits};
use cloudlet_api_sns::{
    GetDataProtectionPolicy, GetDataProtectionPolicyInput, GetDataProtectionPolicyResponse, PutDataProtectionPolicy, PutDataProtectionPolicyInput,
};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;
use serde_json::Value;

/// AWS: unverified messages, but for the last.
pub fn check(policy: &str) -> Result<(), Fault> {
    if policy.is_empty() {
        return Ok(());
    }
    let map = json::object(policy).map_err(|why| faults::invalid(format_args!("DataProtectionPolicy Reason: {why}")))?;
    let has_all = ["Name", "Version", "Statement"].iter().all(|name| map.contains_key(*name));
    if !has_all || policy.len() > limits::DATA_PROTECTION_BYTES {
        return Err(faults::invalid("DataProtectionPolicy"));
    }
    let direction = |statement: &Value| {
        statement.get("DataDirection").and_then(Value::as_str).is_some_and(|direction| ["Inbound", "Outbound"].contains(&direction))
    };
    if !map.get("Statement").and_then(Value::as_array).is_some_and(|statements| statements.iter().all(direction)) {
        // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
        return Err(faults::reason("DataProtectionPolicy", "Statement DataDirection must be either Inbound or Outbound"));
    }
    Ok(())
}

fn permissions(sns: &Sns, cx: &Cx, action: &'static str, arn: &str) -> Result<Permissions, Fault> {
    faults::check_missing(cx)?;
    Ok(access::on_topic(sns, cx, action, arns::topic(cx, "ResourceArn", arn)?).into())
}

impl Handle<PutDataProtectionPolicy> for Sns {
    fn permissions(&self, cx: &Cx, input: &PutDataProtectionPolicyInput) -> Result<Permissions, Fault> {
        permissions(self, cx, "SNS:PutDataProtectionPolicy", &input.resource_arn)
    }

    async fn handle(&self, cx: &Cx, input: PutDataProtectionPolicyInput) -> Result<Empty, Fault> {
        let arn = arns::topic(cx, "ResourceArn", &input.resource_arn)?;
        check(&input.data_protection_policy)?;
        let policy = Some(input.data_protection_policy).filter(|policy| !policy.is_empty());
        self.store.write(|state| {
            state
                .change_topic(arn.as_str(), |topic| topic.data_protection_policy = policy)
                .ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("Resource does not exist"))
        })?;
        Ok(Empty {})
    }
}

impl Handle<GetDataProtectionPolicy> for Sns {
    fn permissions(&self, cx: &Cx, input: &GetDataProtectionPolicyInput) -> Result<Permissions, Fault> {
        permissions(self, cx, "SNS:GetDataProtectionPolicy", &input.resource_arn)
    }

    async fn handle(&self, cx: &Cx, input: GetDataProtectionPolicyInput) -> Result<GetDataProtectionPolicyResponse, Fault> {
        let arn = arns::topic(cx, "ResourceArn", &input.resource_arn)?;
        let policy = self.store.read(|state| state.topics.get(&arn).map(|topic| topic.data_protection_policy.clone()));
        let policy = policy.ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("Resource does not exist"))?;
        Ok(GetDataProtectionPolicyResponse { data_protection_policy: Some(policy.unwrap_or_default()) })
    }
}
