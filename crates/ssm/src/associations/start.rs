//! Executions: an association's document is sent to its nodes as a command, or started as an automation. And StartAssociationsOnce.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAssociationsOnce.html>

use super::rows::{Association, Execution, RowKey, Work, arn};
use crate::{
    PRINCIPAL, Ssm,
    commands::Order,
    documents::VersionSelector,
    faults,
    parameters::permissions::{on_each, set_resource_tags},
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, roles};
use cloudlet_ssm_document::DocumentType;
use std::sync::Arc;

pub fn no_such_association() -> Fault {
    faults::ASSOCIATION_DOES_NOT_EXIST.says("The specified association doesn't exist.")
}

fn root(cx: &Cx) -> Caller {
    Caller::root(cx.scope.account, cx.scope.partition(), None)
}

impl Ssm {
    /// Whether all calendars of an association are open. Without calendars they are.
    pub(super) async fn calendars_are_open(&self, cx: &Cx, wanted: &CreateAssociationRequest) -> bool {
        let names = wanted.calendar_names.clone().unwrap_or_default();
        if names.is_empty() || !cx.is_built::<GetCalendarState>() {
            return true;
        }
        let input = GetCalendarStateRequest { calendar_names: names, ..GetCalendarStateRequest::default() };
        let state = Box::pin(cx.call::<GetCalendarState>(root(cx), cx.scope.clone(), input)).await;
        state.is_ok_and(|answer| answer.state.as_deref() == Some("OPEN"))
    }

    pub(super) async fn execute_association(&self, cx: &Cx, place: &RowKey, association: &Association) -> Result<(), Fault> {
        let wanted = &association.wanted;
        let document = self.documents.resolve(cx, &wanted.name, VersionSelector::version(wanted.document_version.as_deref()));
        let caller = dispatcher(cx, place, association).await;
        let work = match document.and_then(|found| Ok((found, caller?))) {
            Err(fault) => Err(fault),
            Ok((found, caller)) if found.kind() == DocumentType::Automation => self.automate(cx, &caller, wanted).await.map(Work::Automation),
            Ok(_) => {
                let order = Order { input: command(wanted), association: Some(place.1.clone()) };
                self.send(cx, order).await.map(|(id, _)| Work::Command(id))
            }
        };
        let work = work.unwrap_or_else(|fault| Work::Failed(format!("{}: {}", fault.name(), fault.message()).into()));
        let execution = Execution { id: cx.ids().uuid().into(), version: association.version, created: cx.now, work };
        self.associations.store.update(|state| {
            if state.associations.contains(place) {
                state.put_execution(place, execution);
            }
        });
        Ok(())
    }

    /// Whoever made the association starts it, or the role under which it is dispatched; and must be allowed to, and to pass the role under which
    /// the runbook works.
    async fn automate(&self, cx: &Cx, caller: &Caller, wanted: &CreateAssociationRequest) -> Result<Arc<str>, Fault> {
        if !cx.is_built::<StartAutomationExecution>() {
            return Err(faults::not_implemented("automations of associations"));
        }
        let input = StartAutomationExecutionRequest {
            document_name: wanted.name.clone(),
            document_version: wanted.document_version.clone(),
            parameters: wanted.parameters.clone(),
            target_parameter_name: wanted.automation_target_parameter_name.clone(),
            targets: wanted.targets.clone(),
            target_maps: wanted.target_maps.clone(),
            max_concurrency: wanted.max_concurrency.clone(),
            max_errors: wanted.max_errors.clone(),
            ..StartAutomationExecutionRequest::default()
        };
        let started = Box::pin(cx.call::<StartAutomationExecution>(caller.clone(), cx.scope.clone(), input)).await?;
        Ok(started.automation_execution_id.unwrap_or_default().into())
    }
}

/// In whose name an association is dispatched.
/// AWS: unverified that a role is needed for commands too, and the session's name.
async fn dispatcher(cx: &Cx, place: &RowKey, association: &Association) -> Result<Caller, Fault> {
    match association.wanted.association_dispatch_assume_role.as_deref().and_then(Arn::parse) {
        Some(role) => Ok(roles::assume_role(cx, &role, &format!("Association-{}", place.1), PRINCIPAL, &arn(place)).await?.caller),
        None => Ok(association.caller.clone()),
    }
}

/// The command that an execution is. An instance that was named alone is a target.
fn command(wanted: &CreateAssociationRequest) -> SendCommandRequest {
    let target = |id: &String| Target { key: Some("InstanceIds".to_owned()), values: Some(vec![id.clone()]) };
    let s3 = wanted.output_location.as_ref().and_then(|location| location.s3_location.clone()).unwrap_or_default();
    SendCommandRequest {
        document_name: wanted.name.clone(),
        document_version: wanted.document_version.clone(),
        parameters: wanted.parameters.clone(),
        targets: wanted.targets.clone().filter(|targets| !targets.is_empty()).or_else(|| wanted.instance_id.as_ref().map(|id| vec![target(id)])),
        max_concurrency: wanted.max_concurrency.clone(),
        // AWS: unverified. An association tries all of its nodes.
        max_errors: wanted.max_errors.clone().or_else(|| Some("100%".to_owned())),
        output_s3_bucket_name: s3.output_s3_bucket_name,
        output_s3_key_prefix: s3.output_s3_key_prefix,
        output_s3_region: s3.output_s3_region,
        ..SendCommandRequest::default()
    }
}

impl Ssm {
    /// The permission for what is done to an association.
    pub(super) fn association_permission<O: cloudlet_shape::Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let place: RowKey = (cx.scope.clone(), id.into());
        let mut permission = Permission::of::<O>(arn(&place));
        let tags = self.associations.store.read(|state| state.associations.get(&place).map(|row| row.tags.clone()));
        set_resource_tags(&mut permission, &tags.unwrap_or_default());
        permission
    }
}

impl Handle<StartAssociationsOnce> for Ssm {
    fn permissions(&self, cx: &Cx, input: &StartAssociationsOnceRequest) -> Result<Permissions, Fault> {
        on_each::<StartAssociationsOnce>(cx, input.association_ids.iter().map(|id| Ok(self.association_permission::<StartAssociationsOnce>(cx, id))))
    }

    async fn handle(&self, cx: &Cx, input: StartAssociationsOnceRequest) -> Result<StartAssociationsOnceResult, Fault> {
        let places: Vec<RowKey> = input.association_ids.iter().map(|id| (cx.scope.clone(), id.as_str().into())).collect();
        let found: Option<Vec<Arc<Association>>> =
            self.associations.store.read(|state| places.iter().map(|place| state.associations.get(place).cloned()).collect());
        let found = found.ok_or_else(no_such_association)?;
        for (place, association) in places.iter().zip(found) {
            self.execute_association(cx, place, &association).await?;
        }
        Ok(StartAssociationsOnceResult {})
    }
}
