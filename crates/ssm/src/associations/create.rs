//! CreateAssociation and CreateAssociationBatch.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html>

use super::{
    describe,
    rows::{Association, RowKey},
    scheduled,
};
use crate::{
    PRINCIPAL, Ssm,
    commands::{self, check_targets},
    documents::VersionSelector,
    faults, limits,
    parameters::permissions::{on_each, set_request_tags},
    tags,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, roles::pass_role};
use cloudlet_shape::Operation;
use cloudlet_ssm_document::{DocumentType, Platform};
use std::sync::Arc;

/// What a request needs: its document, and its instance if it names one.
pub fn permissions<O: Operation>(ssm: &Ssm, cx: &Cx, document: &str, instance: Option<&str>) -> Result<Permissions, Fault> {
    let mut permissions: Permissions = ssm.documents.permission::<O>(cx, document)?.into();
    if let Some(id) = instance {
        let arn = if id.starts_with("mi-") {
            Arn::new("ssm", &cx.scope, &format!("managed-instance/{id}"))
        } else {
            Arn::new("ec2", &cx.scope, &format!("instance/{id}"))
        };
        permissions.push(Permission::of::<O>(arn));
    }
    Ok(permissions)
}

/// The role under which an association is dispatched is handed over.
pub fn passes_role(permissions: &mut Permissions, role: Option<&str>) {
    permissions.extend(role.and_then(Arn::parse).map(|role| pass_role(role, PRINCIPAL, None)));
}

impl Ssm {
    /// Whether a request can be an association.
    pub(super) async fn check_association(&self, cx: &Cx, wanted: &CreateAssociationRequest) -> Result<(), Fault> {
        if wanted.target_locations.is_some() {
            return Err(faults::not_implemented("associations in other accounts and regions"));
        }
        if wanted.alarm_configuration.is_some() {
            return Err(faults::not_implemented("alarms that stop associations"));
        }
        let found = self.documents.resolve(cx, &wanted.name, VersionSelector::version(wanted.document_version.as_deref())).map_err(|fault| {
            // AWS: with these words here (hashicorp/terraform-provider-aws#10004).
            if fault.is(&faults::INVALID_DOCUMENT) { faults::INVALID_DOCUMENT.says("Invalid document provided") } else { fault }
        })?;
        let kind = found.kind();
        if !kind.runs_on_nodes() && kind != DocumentType::Automation {
            return Err(faults::INVALID_DOCUMENT.says("Invalid document provided"));
        }
        let given = wanted.parameters.clone().unwrap_or_default();
        if kind.runs_on_nodes() {
            let given = given.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
            found.parameters().values(&given).map_err(|invalid| commands::invalid_parameters(&wanted.name, &invalid))?;
            if !found.version.platforms.contains(&Platform::Linux) {
                return Err(faults::UNSUPPORTED_PLATFORM_TYPE.says("The document doesn't support the platform type of the given managed node IDs."));
            }
        }
        let targets = wanted.targets.as_deref().unwrap_or_default();
        match (&wanted.instance_id, targets) {
            (None, []) if kind.runs_on_nodes() => {
                return Err(faults::INVALID_TARGET.says("The target isn't valid or doesn't exist. It might not be configured for Systems Manager or you might not have permission to perform the operation."));
            }
            (Some(id), []) => {
                self.nodes.find(cx, id).await?.ok_or_else(|| faults::INVALID_INSTANCE_ID.says(""))?;
            }
            (None, targets) if kind.runs_on_nodes() => check_targets(targets)?,
            // Those of runbooks are of all kinds.
            (None, _) => {}
            // AWS: unverified message.
            (Some(_), _) => return Err(faults::INVALID_TARGET.says("InstanceId and Targets can't be used together.")),
        }
        // AWS: they are documents of the type ChangeCalendar; unverified that others are refused, and how.
        for name in wanted.calendar_names.iter().flatten() {
            let found = self.documents.resolve(cx, name, VersionSelector::default());
            if !found.is_ok_and(|found| found.kind() == DocumentType::ChangeCalendar) {
                return Err(faults::INVALID_DOCUMENT.says(format!("{name} is not a change calendar.")));
            }
        }
        scheduled::schedule(wanted, cx.now)?;
        if wanted.apply_only_at_cron_interval == Some(true) && wanted.schedule_expression.is_none() {
            return Err(scheduled::invalid_schedule());
        }
        Ok(())
    }

    /// Makes an association, and has it run.
    async fn associate(&self, cx: &Cx, input: CreateAssociationRequest) -> Result<AssociationDescription, Fault> {
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        self.check_association(cx, &input).await?;
        let place: RowKey = (cx.scope.clone(), cx.ids().uuid().into());
        let association = Association {
            created: cx.now,
            updated: cx.now,
            version: 1,
            caller: cx.caller.clone(),
            wanted: StoredShape::new(CreateAssociationRequest { tags: None, ..input }),
            status: None,
            tags,
        };
        self.associations.store.write(|state| {
            let wanted = &association.wanted;
            let is_same = |other: &Arc<Association>| other.wanted.instance_id == wanted.instance_id && other.wanted.name == wanted.name;
            if wanted.instance_id.is_some() && state.of_scope(&cx.scope).any(|(_, other)| is_same(other)) {
                return Err(faults::ASSOCIATION_ALREADY_EXISTS.says("The specified association already exists."));
            }
            if state.of_scope(&cx.scope).count() >= limits::ASSOCIATIONS {
                return Err(faults::ASSOCIATION_LIMIT_EXCEEDED.says("You can have at most 2,000 active associations."));
            }
            state.put(place.clone(), association.clone());
            scheduled::begin(cx, &place, &association)
        })?;
        Ok(describe::description(self, &place, &association))
    }
}

impl Handle<CreateAssociation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateAssociationRequest) -> Result<Permissions, Fault> {
        let mut permissions = permissions::<CreateAssociation>(self, cx, &input.name, input.instance_id.as_deref())?;
        let tags = input.tags.as_deref().unwrap_or_default();
        for permission in &mut permissions {
            set_request_tags(permission, tags);
        }
        if !tags.is_empty() {
            let mut tagged = Permission::action("ssm:AddTagsToResource", Arn::new("ssm", &cx.scope, "association/*"));
            set_request_tags(&mut tagged, tags);
            permissions.push(tagged);
        }
        passes_role(&mut permissions, input.association_dispatch_assume_role.as_deref());
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: CreateAssociationRequest) -> Result<CreateAssociationResult, Fault> {
        Ok(CreateAssociationResult { association_description: Some(self.associate(cx, input).await?) })
    }
}

impl Handle<CreateAssociationBatch> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateAssociationBatchRequest) -> Result<Permissions, Fault> {
        let mut all = Permissions::new();
        for entry in &input.entries {
            all.extend(permissions::<CreateAssociationBatch>(self, cx, &entry.name, entry.instance_id.as_deref())?);
        }
        let mut permissions = on_each::<CreateAssociationBatch>(cx, all.into_iter().map(Ok))?;
        passes_role(&mut permissions, input.association_dispatch_assume_role.as_deref());
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: CreateAssociationBatchRequest) -> Result<CreateAssociationBatchResult, Fault> {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in input.entries {
            let given = entry.clone();
            let wanted = CreateAssociationRequest {
                name: entry.name,
                instance_id: entry.instance_id,
                parameters: entry.parameters,
                automation_target_parameter_name: entry.automation_target_parameter_name,
                document_version: entry.document_version,
                targets: entry.targets,
                schedule_expression: entry.schedule_expression,
                output_location: entry.output_location,
                association_name: entry.association_name,
                max_errors: entry.max_errors,
                max_concurrency: entry.max_concurrency,
                compliance_severity: entry.compliance_severity,
                sync_compliance: entry.sync_compliance,
                apply_only_at_cron_interval: entry.apply_only_at_cron_interval,
                calendar_names: entry.calendar_names,
                target_locations: entry.target_locations,
                schedule_offset: entry.schedule_offset,
                duration: entry.duration,
                target_maps: entry.target_maps,
                alarm_configuration: entry.alarm_configuration,
                association_dispatch_assume_role: input.association_dispatch_assume_role.clone(),
                tags: None,
            };
            match self.associate(cx, wanted).await {
                Ok(description) => successful.push(description),
                Err(fault) if fault.status() >= 500 => return Err(fault),
                Err(fault) => failed.push(FailedCreateAssociation {
                    entry: Some(given),
                    message: Some(fault.message().to_owned()),
                    fault: Some("Client".to_owned()),
                }),
            }
        }
        Ok(CreateAssociationBatchResult { successful: Some(successful), failed: Some(failed) })
    }
}
