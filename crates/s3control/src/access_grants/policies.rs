//! The policy of an instance, which shares it with other accounts.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-cross-accounts.html>

use super::instance_arn;
use crate::{S3Control, api, state::InstancePolicy};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredPolicy};
use cloudlet_policy::Kind;
use cloudlet_shape::Empty;

impl Handle<api::PutAccessGrantsInstanceResourcePolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutAccessGrantsInstanceResourcePolicyRequest) -> Result<Permissions, Fault> {
        Ok(S3Control::on_own_instance::<api::PutAccessGrantsInstanceResourcePolicy>(cx, &input.account_id)?.into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::PutAccessGrantsInstanceResourcePolicyRequest,
    ) -> Result<api::PutAccessGrantsInstanceResourcePolicyResult, Fault> {
        let invalid = || FaultKind::sender("InvalidResourcePolicy", 400).says("The specified Resource Policy is invalid");
        let policy = StoredPolicy::parse(&input.policy, Kind::Resource).map_err(|_| invalid())?;
        let own = instance_arn(&cx.scope);
        let is_own = |resource: &str| {
            resource == "*" || resource == own.as_str() || resource.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let all_own = policy.document.statements().iter().filter_map(|statement| statement.resources()).flat_map(|(_, named)| named).all(is_own);
        if !all_own {
            return Err(invalid());
        }
        let row = InstancePolicy { policy, organization: input.organization.clone(), created: cx.now };
        self.change_instance(&cx.scope, |instance| instance.policy = Some(row))?;
        Ok(api::PutAccessGrantsInstanceResourcePolicyResult {
            policy: Some(input.policy),
            organization: input.organization,
            created_at: Some(cx.now),
        })
    }
}

impl Handle<api::GetAccessGrantsInstanceResourcePolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetAccessGrantsInstanceResourcePolicyRequest) -> Result<Permissions, Fault> {
        Ok(S3Control::on_own_instance::<api::GetAccessGrantsInstanceResourcePolicy>(cx, &input.account_id)?.into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        _: api::GetAccessGrantsInstanceResourcePolicyRequest,
    ) -> Result<api::GetAccessGrantsInstanceResourcePolicyResult, Fault> {
        let instance = self.grants_instance(&cx.scope)?;
        let row = instance.policy.as_ref().ok_or_else(|| {
            FaultKind::sender("AccessGrantsInstanceResourcePolicyNotExists", 404).says("Access Grants Instance Resource Policy does not exist")
        })?;
        Ok(api::GetAccessGrantsInstanceResourcePolicyResult {
            policy: Some(row.policy.text.to_string()),
            organization: row.organization.clone(),
            created_at: Some(row.created),
        })
    }
}

impl Handle<api::DeleteAccessGrantsInstanceResourcePolicy> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteAccessGrantsInstanceResourcePolicyRequest) -> Result<Permissions, Fault> {
        Ok(S3Control::on_own_instance::<api::DeleteAccessGrantsInstanceResourcePolicy>(cx, &input.account_id)?.into())
    }

    async fn handle(&self, cx: &Cx, _: api::DeleteAccessGrantsInstanceResourcePolicyRequest) -> Result<Empty, Fault> {
        self.change_instance(&cx.scope, |instance| instance.policy = None)?;
        Ok(Empty {})
    }
}
