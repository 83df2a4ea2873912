//! StartChangeRequestExecution.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartChangeRequestExecution.html>

use super::{
    advance::{Turn, run_of},
    settings,
    state::{Change, LevelRun, Status, arn},
    template::Template,
};
use crate::{
    PRINCIPAL, Ssm,
    documents::{Owner, Resolved, VersionSelector, rows::ReviewStatus},
    faults,
    parameters::permissions::set_request_tags,
    tags,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, roles::pass_role};
use cloudlet_shape::Map;
use cloudlet_ssm_document::{DocumentType, Given};
use serde_json::Value;

/// AWS: unverified messages.
fn invalid(message: impl Into<String>) -> Fault {
    faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says(message)
}

fn not_found(fault: &Fault, name: &str) -> Fault {
    if fault.is(&faults::INVALID_DOCUMENT_VERSION) {
        faults::AUTOMATION_DEFINITION_VERSION_NOT_FOUND.says(format!("The version of the document {name} could not be found."))
    } else {
        faults::AUTOMATION_DEFINITION_NOT_FOUND.says(format!("The document {name} could not be found."))
    }
}

/// Whether a version that a template names is the one that is asked for.
fn is_version(found: &Resolved, named: &str) -> bool {
    match named {
        "$DEFAULT" => found.is_default(),
        "$LATEST" => found.version.number == found.document.latest,
        number => number.parse() == Ok(found.version.number),
    }
}

impl Ssm {
    fn change_template(&self, cx: &Cx, input: &StartChangeRequestExecutionRequest) -> Result<Resolved, Fault> {
        let name = &input.document_name;
        let found =
            self.documents.resolve(cx, name, VersionSelector::version(input.document_version.as_deref())).map_err(|fault| not_found(&fault, name))?;
        if found.kind() != DocumentType::ChangeTemplate {
            return Err(invalid(format!("The document {name} is not of the type Automation.ChangeTemplate.")));
        }
        let required = self.store.read(|state| settings::requires_template_approval(state, &cx.scope));
        // Those of AWS are approved.
        if required && found.owner != Owner::Amazon && found.version.review != Some(ReviewStatus::Approved) {
            return Err(faults::AUTOMATION_DEFINITION_NOT_APPROVED
                .says("Indicates that the Change Manager change template used in the change request was rejected or is still in a pending state."));
        }
        Ok(found)
    }

    fn runbook(&self, cx: &Cx, template: &Template, runbook: &Runbook) -> Result<(), Fault> {
        let name = &runbook.document_name;
        let found = self
            .documents
            .resolve(cx, name, VersionSelector::version(runbook.document_version.as_deref()))
            .map_err(|fault| not_found(&fault, name))?;
        if found.kind() != DocumentType::Automation {
            return Err(invalid(format!("The document {name} is not of the type Automation.")));
        }
        let named = |name: &str| template.allows(name, |version| is_version(&found, version));
        if !named(name) && !named(found.name()) {
            return Err(invalid(format!("The runbook {name} is not one that the change template allows.")));
        }
        Ok(())
    }
}

/// The parameters of a template with values, as texts.
fn values(found: &Resolved, given: &Map<Vec<String>>) -> Result<Vec<(String, Value)>, Fault> {
    let parameters = found.parameters();
    if let Some(unknown) = given.keys().find(|name| !parameters.0.iter().any(|(known, _)| known == *name)) {
        return Err(invalid(format!("The change template has no parameter {unknown}.")));
    }
    let given: Given = given.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
    let values = parameters.values(&given).map_err(|wrong| invalid(wrong.to_string()))?;
    Ok(values.into_iter().collect())
}

impl Handle<StartChangeRequestExecution> for Ssm {
    fn permissions(&self, cx: &Cx, input: &StartChangeRequestExecutionRequest) -> Result<Permissions, Fault> {
        const ACTION: &str = "ssm:StartChangeRequestExecution";
        let auto = if input.auto_approve == Some(true) { "true" } else { "false" };
        let tags = input.tags.as_deref().unwrap_or_default();
        let version = input.document_version.clone().unwrap_or_else(|| "$DEFAULT".to_owned());
        // AWS: on the template, in both of its forms.
        let of_document = self.documents.permission_of(cx, &input.document_name, ACTION)?;
        let definition = of_document.resource.as_str().replacen(":document/", ":automation-definition/", 1);
        let definition = Arn::parse(&format!("{definition}:{version}")).unwrap_or_else(|| of_document.resource.clone());
        let mut permissions = Permissions::new();
        for resource in [of_document.resource.clone(), definition] {
            let permission =
                Permission { resource, ..of_document.clone() }.with_key("ssm:AutoApprove", auto).with_key("ssm:DocumentVersion", version.clone());
            permissions.push(permission);
        }
        let roles = input.runbooks.iter().filter_map(|runbook| self.automation_role(cx, &run_of(runbook.clone())));
        permissions.extend(roles.map(|role| pass_role(role, PRINCIPAL, None)));
        if !tags.is_empty() {
            let mut tagged = Permission::action("ssm:AddTagsToResource", arn(&cx.scope, "*"));
            set_request_tags(&mut tagged, tags);
            permissions.push(tagged);
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: StartChangeRequestExecutionRequest) -> Result<StartChangeRequestExecutionResult, Fault> {
        let known = input.client_token.as_ref().and_then(|token| {
            self.changes.read(|state| {
                let id = state.by_token.get(&(cx.scope.clone(), token.to_ascii_lowercase()))?.clone();
                let change = state.change(&cx.scope, &id)?.clone();
                Some((id, change))
            })
        });
        let request = StoredShape::new(input.clone());
        if let Some((id, change)) = known {
            if change.request != request {
                return Err(faults::IDEMPOTENT_PARAMETER_MISMATCH.says("The client token was used before with other parameters."));
            }
            return Ok(StartChangeRequestExecutionResult { automation_execution_id: Some(id) });
        }
        let found = self.change_template(cx, &input)?;
        let given = input.parameters.clone().unwrap_or_default();
        let values = values(&found, &given)?;
        let lookup = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let auto_approved = input.auto_approve == Some(true);
        let template = match Template::with(&found.value(), &lookup) {
            Ok(template) => template,
            // Nobody is asked: that nobody is named does not matter.
            Err(_) if auto_approved => {
                let mut value = found.value();
                if let Some(fields) = value.as_object_mut() {
                    fields.remove("mainSteps");
                }
                Template::with(&value, &lookup).map_err(invalid)?
            }
            Err(why) => return Err(invalid(why)),
        };
        if auto_approved && !template.auto_approvable {
            return Err(invalid("AutoApprove was set, but the change template is not autoApprovable."));
        }
        if !auto_approved && template.levels.is_empty() {
            return Err(invalid("The change template names no approvers: set AutoApprove."));
        }
        let [runbook] = input.runbooks.as_slice() else {
            return Err(invalid("A change request has exactly one runbook."));
        };
        self.runbook(cx, &template, runbook)?;
        if input.scheduled_time.is_some_and(|at| at <= cx.now) {
            return Err(invalid("ScheduledTime must be in the future."));
        }
        if input.scheduled_end_time.is_some_and(|end| end <= input.scheduled_time.unwrap_or(cx.now)) {
            return Err(invalid("ScheduledEndTime must be after the start of the change."));
        }
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let id = cx.ids().uuid();
        let level = |level| LevelRun { id: cx.ids().uuid(), level, decisions: vec![], began: None, ended: None, status: "Pending".to_owned() };
        let change = Change {
            name: input.change_request_name.clone().unwrap_or_else(|| found.name().to_owned()),
            template: found.shown_name(cx.scope.account),
            template_version: found.version.number.to_string(),
            parameters: values.iter().map(|(name, value)| (name.clone(), texts(value))).collect(),
            runbook: StoredShape::new(runbook.clone()),
            details: input.change_details.clone().or(template.information.clone()).unwrap_or_default(),
            tags,
            requester: cx.caller.clone(),
            scheduled: input.scheduled_time,
            scheduled_end: input.scheduled_end_time,
            emergency: template.emergency,
            auto_approved,
            levels: if auto_approved { vec![] } else { template.levels.into_iter().map(level).collect() },
            status: Status::PendingApproval,
            overrides_calendar: false,
            ops_item: format!("oi-{}", cx.ids().hex(12)),
            child: None,
            started: cx.now,
            ended: None,
            run_started: None,
            run_ended: None,
            failure: None,
            looks: 0,
            request,
        };
        self.changes.update(|state| state.put(&cx.scope, &id, change.clone()));
        self.mirror(cx, &id, &change);
        self.mirror_automation(cx, &id, &change);
        self.advance_change(cx, &id, Turn::Request).await?;
        Ok(StartChangeRequestExecutionResult { automation_execution_id: Some(id) })
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(cloudlet_ssm_document::text_of).collect(),
        other => vec![cloudlet_ssm_document::text_of(other)],
    }
}
