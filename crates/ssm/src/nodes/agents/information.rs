//! What an agent says of its machine, every few minutes (`UpdateInstanceInformation`), and its associations.

use super::{channels::may_speak_for, operations::*};
use crate::{Ssm, nodes::rows::AgentInformation};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// Characters of a text of it that are kept. AWS: 255 of a computer's name.
const LONGEST: usize = 255;

fn shortened(text: Option<String>) -> Option<Arc<str>> {
    text.map(|text| text.chars().take(LONGEST).collect::<String>().into())
}

impl Handle<UpdateInstanceInformation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateInstanceInformationRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<UpdateInstanceInformation>(crate::nodes::managed_arn(&cx.scope, &input.instance_id)).into())
    }

    async fn handle(&self, cx: &Cx, input: UpdateInstanceInformationRequest) -> Result<Empty, Fault> {
        let row = self.nodes.registered_here(&cx.scope, &input.instance_id);
        let row = row.ok_or_else(|| crate::nodes::no_such_node(cx.scope.account, &input.instance_id))?;
        may_speak_for(cx, &input.instance_id, &row)?;
        let information = AgentInformation {
            at: cx.now,
            version: shortened(input.agent_version),
            computer_name: shortened(input.computer_name),
            address: shortened(input.ip_address),
            platform_name: shortened(input.platform_name),
            platform_type: shortened(input.platform_type),
            platform_version: shortened(input.platform_version),
        };
        self.nodes.change(&cx.scope, &input.instance_id, |row| row.agent = Some(information));
        Ok(Empty {})
    }
}

impl Handle<ListInstanceAssociations> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListInstanceAssociationsRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<ListInstanceAssociations>(crate::nodes::managed_arn(&cx.scope, &input.instance_id)).into())
    }

    /// None: the server runs associations itself, as commands.
    async fn handle(&self, _: &Cx, _: ListInstanceAssociationsRequest) -> Result<ListInstanceAssociationsResult, Fault> {
        Ok(ListInstanceAssociationsResult { associations: Some(vec![]), next_token: None })
    }
}

impl Handle<UpdateInstanceAssociationStatus> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateInstanceAssociationStatusRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<UpdateInstanceAssociationStatus>(crate::nodes::managed_arn(&cx.scope, &input.instance_id)).into())
    }

    async fn handle(&self, _: &Cx, input: UpdateInstanceAssociationStatusRequest) -> Result<Empty, Fault> {
        // An agent is told of none.
        Err(crate::faults::ASSOCIATION_DOES_NOT_EXIST.says(format!("The association {} does not exist.", input.association_id)))
    }
}
