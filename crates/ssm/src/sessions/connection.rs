//! GetConnectionStatus.

use super::targets;
use crate::Ssm;
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};

impl Handle<GetConnectionStatus> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetConnectionStatusRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<GetConnectionStatus>(targets::arn(cx, &input.target)).into())
    }

    async fn handle(&self, cx: &Cx, input: GetConnectionStatusRequest) -> Result<GetConnectionStatusResponse, Fault> {
        let status = if self.is_connected(cx, &input.target).await? { "connected" } else { "notconnected" };
        Ok(GetConnectionStatusResponse { target: Some(input.target), status: Some(status.to_owned()) })
    }
}
