//! Automations started: by a request, by a step of another automation, by other areas of Systems Manager.

use super::{
    acting,
    parameters::{merged, role, typed},
    rate,
    runbooks::{Runnable, definition_arn},
    state::{Execution, Location},
};
use crate::{Ssm, faults, limits, parameters::permissions::set_request_tags, tags};
use cloudlet_api_ssm::{Runbook as ChangeRunbook, StartAutomationExecution, StartAutomationExecutionRequest, StartAutomationExecutionResult};
use cloudlet_aws::{Arn, Caller, Fault, Timestamp};
use cloudlet_engine::{Cx, Origin, Permission, StoredShape, handler, roles::pass_role};
use cloudlet_shape::Map;
use std::sync::Arc;

/// What belongs to an automation beside its request.
#[derive(Clone, Default)]
pub struct Links {
    pub parent: Option<Arc<str>>,
    /// The parent is a step that waits for the end.
    pub waited_for: bool,
    pub target: Option<String>,
    /// `ChangeRequest`, `AccessRequest`.
    pub subtype: Option<String>,
    pub ops_item_id: Option<String>,
    pub association_id: Option<String>,
    pub change_request_name: Option<String>,
    pub scheduled: Option<Timestamp>,
    pub runbooks: Option<Vec<ChangeRunbook>>,
}

/// An automation that an area of Systems Manager starts.
pub struct NewAutomation {
    pub request: StartAutomationExecutionRequest,
    /// In whose name it acts where its document names no role.
    pub caller: Caller,
    pub links: Links,
}

/// A request as it was looked at.
struct Prepared {
    runnable: Runnable,
    values: Map<Vec<String>>,
    role: Option<Arn>,
}

impl Ssm {
    fn prepared(&self, cx: &Cx, request: &StartAutomationExecutionRequest) -> Result<Prepared, Fault> {
        let runnable = self.runnable(cx, &request.document_name, request.document_version.as_deref())?;
        // Without targets nothing gives the parameter its value.
        let has_targets = request.targets.as_ref().is_some_and(|targets| !targets.is_empty());
        let mut from_targets: Vec<&str> = request.target_parameter_name.iter().filter(|_| has_targets).map(String::as_str).collect();
        from_targets.extend(request.target_maps.iter().flatten().flat_map(|map| map.keys()).map(String::as_str));
        let values = merged(&runnable.runbook, request.parameters.as_ref(), &from_targets)?;
        let role = role(cx, &runnable.runbook, &values)?;
        Ok(Prepared { runnable, values, role })
    }

    /// The role that an automation would work under, if its request is right.
    pub fn automation_role(&self, cx: &Cx, request: &StartAutomationExecutionRequest) -> Option<Arn> {
        self.prepared(cx, request).ok()?.role
    }

    /// Starts an automation in the account and region of the call. Its id. Nobody but its caller hands over the role that it names.
    pub async fn start_automation(&self, cx: &Cx, new: NewAutomation) -> Result<Arc<str>, Fault> {
        let prepared = self.prepared(cx, &new.request)?;
        may_pass(cx, &new.caller, prepared.role.as_ref())?;
        self.start_prepared(cx, new, &prepared).await
    }

    async fn start_prepared(&self, cx: &Cx, new: NewAutomation, prepared: &Prepared) -> Result<Arc<str>, Fault> {
        let NewAutomation { request, caller, links } = new;
        let Prepared { runnable, values, role } = prepared;
        let tags = request.tags.as_deref().map(tags::checked).transpose()?.unwrap_or_default();
        if let Some(token) = &request.client_token {
            let known = self.automations.store.read(|state| {
                let id = state.by_token.get(&(cx.scope.clone(), token.clone()))?;
                Some((id.clone(), state.executions.get(id)?.request.clone()))
            });
            if let Some((id, before)) = known {
                let same = before == StoredShape::new(request.clone());
                // AWS: unverified message.
                return if same {
                    Ok(id)
                } else {
                    Err(faults::IDEMPOTENT_PARAMETER_MISMATCH.says("The client token was used with other parameters."))
                };
            }
        }
        let id: Arc<str> = cx.ids().uuid().into();
        let mut acts_as = caller.clone();
        if let Some(role) = role {
            // AWS: recorded.
            let session = acting::assume(cx, &cx.scope, &id, role).await.map_err(|fault| {
                tracing::debug!(%fault, %role, "a role of an automation cannot be assumed");
                faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says("The defined assume role is unable to be assumed.")
            })?;
            acts_as = session.0.caller.clone();
            self.keep_session(&id, session);
        }
        let values = self.with_stored(cx, &acts_as, values.clone()).await?;
        typed(&runnable.runbook, &values)?;
        let rate = rate::of(self, cx, &acts_as, &request, &runnable.runbook, &values).await?;
        let started = cx.clock().now();
        let is_rate = rate.is_some();
        let execution = Execution {
            scope: cx.scope.clone(),
            document: runnable.name.clone(),
            version: runnable.version.clone(),
            definition: runnable.digest.clone(),
            parameters: values,
            status: if is_rate { "InProgress" } else { "Pending" }.to_owned(),
            started,
            ended: None,
            caller,
            role: role.clone(),
            parent: links.parent,
            waited_for: links.waited_for,
            target: links.target,
            failure: None,
            outputs: Map::default(),
            variables: Map::default(),
            current_step: None,
            current_action: None,
            tags,
            subtype: links.subtype,
            ops_item_id: links.ops_item_id,
            association_id: links.association_id,
            change_request_name: links.change_request_name,
            scheduled: links.scheduled,
            runbooks: links.runbooks.map(|runbooks| runbooks.into_iter().map(StoredShape::new).collect()),
            rate,
            request: StoredShape::new(request),
        };
        self.automations.store.write(|state| {
            let queued = state.pending(&cx.scope).take(limits::QUEUED_AUTOMATIONS + 1).count();
            if execution.parent.is_none() && queued > limits::QUEUED_AUTOMATIONS {
                return Err(faults::AUTOMATION_EXECUTION_LIMIT_EXCEEDED
                    .says("The number of simultaneously running Automation executions exceeded the allowable limit."));
            }
            state.definitions.insert(runnable.digest.clone(), Arc::new(runnable.definition.clone()));
            state.put(&id, execution);
            Ok(())
        })?;
        if is_rate {
            self.emit_status(cx, &id);
            self.schedule_targets(cx, &cx.scope, &id)?;
        } else {
            self.begin(cx, &id).await?;
        }
        Ok(id)
    }

    /// A child of an automation on many targets. What its start is refused for is its parent's to show.
    pub async fn start_child(
        &self,
        cx: &Cx,
        id: &Arc<str>,
        parent: &Execution,
        shown: &str,
        parameters: &Map<Vec<String>>,
        location: Option<&Location>,
    ) -> Result<Arc<str>, Fault> {
        let mut values = parent.parameters.clone();
        values.extend(parameters.clone());
        let request = StartAutomationExecutionRequest {
            document_name: parent.request.document_name.clone(),
            document_version: Some(parent.version.clone()),
            parameters: Some(values),
            ..StartAutomationExecutionRequest::default()
        };
        let links = Links {
            parent: Some(id.clone()),
            target: Some(shown.to_owned()),
            subtype: parent.subtype.clone(),
            ops_item_id: parent.ops_item_id.clone(),
            change_request_name: parent.change_request_name.clone(),
            ..Links::default()
        };
        let caller = match location {
            None => parent.caller.clone(),
            Some(location) => {
                let acting = self.acting(cx, id, parent).await?;
                let role =
                    Arn::build(location.scope.partition(), "iam", "", location.scope.account.as_str(), &format!("role/{}", location.role_name));
                cloudlet_engine::roles::assume_role_as(cx, acting.caller, &role, &format!("Automation-{id}")).await?.caller
            }
        };
        let prepared = self.prepared(cx, &request)?;
        // The role may be one of the values that targets give, and then nobody has been asked yet.
        if location.is_some() || prepared.role != parent.role {
            may_pass(cx, &caller, prepared.role.as_ref())?;
        }
        self.start_prepared(cx, NewAutomation { request, caller, links }, &prepared).await
    }
}

/// Whether somebody may hand a role to an automation.
fn may_pass(cx: &Cx, caller: &Caller, role: Option<&Arn>) -> Result<(), Fault> {
    let Some(role) = role else { return Ok(()) };
    let asked = Cx::new(cx.runtime().clone(), cx.scope.clone(), caller.clone(), cx.request_id.clone(), Origin::default());
    asked.check::<StartAutomationExecution>(&pass_role(role.clone(), crate::PRINCIPAL, None))
}

handler!(
    Ssm,
    StartAutomationExecution,
    |ssm, cx, input| {
        // Whether there is such a document is said to those alone who may start it.
        let prepared = cx.subject(|| ssm.prepared(cx, input).map(Arc::new)).ok();
        let name = prepared.as_ref().map_or(input.document_name.as_str(), |prepared| prepared.runnable.resolved.name());
        let arn = definition_arn(cx, name, input.document_version.as_deref());
        let mut permission = Permission::of::<StartAutomationExecution>(arn);
        let tags = input.tags.as_deref().unwrap_or_default();
        set_request_tags(&mut permission, tags);
        let mut permissions = permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]);
        permissions.extend(prepared.and_then(|prepared| prepared.role.clone()).map(|role| pass_role(role, crate::PRINCIPAL, None)));
        Ok(permissions)
    },
    |ssm, cx, input| {
        let prepared = cx.subject(|| ssm.prepared(cx, &input).map(Arc::new))?;
        let new = NewAutomation { request: input, caller: cx.caller.clone(), links: Links::default() };
        let id = ssm.start_prepared(cx, new, &prepared).await?;
        Ok(StartAutomationExecutionResult { automation_execution_id: Some(id.to_string()) })
    }
);
