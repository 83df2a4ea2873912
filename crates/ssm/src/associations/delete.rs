//! DeleteAssociation.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteAssociation.html>

use super::scheduled;
use crate::Ssm;
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

impl Handle<DeleteAssociation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteAssociationRequest) -> Result<Permissions, Fault> {
        let (place, _) = self.find_association(cx, input.association_id.as_deref(), input.name.as_deref(), input.instance_id.as_deref())?;
        Ok(self.association_permission::<DeleteAssociation>(cx, &place.1).into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteAssociationRequest) -> Result<DeleteAssociationResult, Fault> {
        let (place, _) = self.find_association(cx, input.association_id.as_deref(), input.name.as_deref(), input.instance_id.as_deref())?;
        self.associations.store.update(|state| {
            state.remove(&place);
            scheduled::cancel(cx, &place);
        });
        Ok(DeleteAssociationResult {})
    }
}

impl Ssm {
    /// Whether a document is associated with nodes: then it cannot be deleted.
    pub fn is_associated(&self, cx: &Cx, document: &str) -> bool {
        self.associations.store.read(|state| state.of_scope(&cx.scope).any(|(_, row)| row.wanted.name == document))
    }
}
