//! Policies of access points.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html>

use super::arn;
use crate::{S3Control, api};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_s3_access::{InvalidPolicy, ResourcePolicy, Target};
use cloudlet_shape::Empty;

fn no_policy(name: &str) -> Fault {
    FaultKind::sender("NoSuchAccessPointPolicy", 404).says("The specified accesspoint policy does not exist").with("AccessPointName", name)
}

impl Handle<api::PutAccessPointPolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutAccessPointPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::PutAccessPointPolicy>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutAccessPointPolicyRequest) -> Result<Empty, Fault> {
        let row = self.access_point(cx, &input.name)?;
        let arn = arn(cx, &input.name);
        let policy = ResourcePolicy::parse(&input.policy, Target::AccessPoint(arn.as_str()), &self.identity)
            .map_err(|InvalidPolicy(message)| FaultKind::sender("MalformedPolicy", 400).says(message))?;
        if policy.is_public() && row.block.with(self.settings.block_of(cx.scope.account)).block_public_policy {
            return Err(FaultKind::sender("AccessDenied", 403).says("Access Denied"));
        }
        self.change_access_point(cx, &input.name, |row| row.policy = Some(policy))?;
        Ok(Empty {})
    }
}

impl Handle<api::GetAccessPointPolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessPointPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::GetAccessPointPolicy>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetAccessPointPolicyRequest) -> Result<api::GetAccessPointPolicyResult, Fault> {
        let row = self.access_point(cx, &input.name)?;
        let policy = row.policy.as_ref().ok_or_else(|| no_policy(&input.name))?;
        Ok(api::GetAccessPointPolicyResult { policy: Some(policy.shown(&self.identity)) })
    }
}

impl Handle<api::DeleteAccessPointPolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessPointPolicyRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::DeleteAccessPointPolicy>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteAccessPointPolicyRequest) -> Result<Empty, Fault> {
        self.change_access_point(cx, &input.name, |row| row.policy = None)?;
        Ok(Empty {})
    }
}

impl Handle<api::GetAccessPointPolicyStatus> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessPointPolicyStatusRequest) -> Result<Permissions, Fault> {
        Ok(self.on_access_point::<api::GetAccessPointPolicyStatus>(cx, &input.account_id, &input.name)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetAccessPointPolicyStatusRequest) -> Result<api::GetAccessPointPolicyStatusResult, Fault> {
        let row = self.access_point(cx, &input.name)?;
        let policy = row.policy.as_ref().ok_or_else(|| no_policy(&input.name))?;
        Ok(api::GetAccessPointPolicyStatusResult { policy_status: Some(api::PolicyStatus { is_public: Some(policy.is_public()) }) })
    }
}
