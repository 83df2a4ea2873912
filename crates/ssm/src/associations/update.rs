//! UpdateAssociation and UpdateAssociationStatus.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateAssociation.html>

use super::{create, describe, rows::Association, scheduled};
use crate::{Ssm, faults, limits};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use std::sync::Arc;

impl Handle<UpdateAssociation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateAssociationRequest) -> Result<Permissions, Fault> {
        let (_, association) = self.find_association(cx, Some(&input.association_id), None, None)?;
        let document = input.name.as_deref().unwrap_or(&association.wanted.name);
        let mut permissions = create::permissions::<UpdateAssociation>(self, cx, document, None)?;
        permissions.push(self.association_permission::<UpdateAssociation>(cx, &input.association_id));
        // AWS: this one too.
        permissions.push(self.association_permission::<DescribeAssociation>(cx, &input.association_id));
        create::passes_role(&mut permissions, input.association_dispatch_assume_role.as_deref());
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: UpdateAssociationRequest) -> Result<UpdateAssociationResult, Fault> {
        let (place, before) = self.find_association(cx, Some(&input.association_id), None, None)?;
        let is_latest = |named: &str| named == "$LATEST" || named == before.version.to_string();
        if input.association_version.as_deref().is_some_and(|named| !is_latest(named)) {
            return Err(faults::INVALID_ASSOCIATION_VERSION.says("The association version isn't the latest one."));
        }
        let targets = input.targets.filter(|targets| !targets.is_empty());
        let wanted = CreateAssociationRequest {
            // AWS: what is left out is removed, but for the document and the targets.
            name: input.name.unwrap_or_else(|| before.wanted.name.clone()),
            instance_id: before.wanted.instance_id.clone().filter(|_| targets.is_none()),
            targets: targets.or_else(|| before.wanted.targets.clone()),
            parameters: input.parameters,
            document_version: input.document_version,
            schedule_expression: input.schedule_expression,
            output_location: input.output_location,
            association_name: input.association_name,
            automation_target_parameter_name: input.automation_target_parameter_name,
            max_errors: input.max_errors,
            max_concurrency: input.max_concurrency,
            compliance_severity: input.compliance_severity,
            sync_compliance: input.sync_compliance,
            apply_only_at_cron_interval: input.apply_only_at_cron_interval,
            calendar_names: input.calendar_names,
            target_locations: input.target_locations,
            schedule_offset: input.schedule_offset,
            duration: input.duration,
            target_maps: input.target_maps,
            alarm_configuration: input.alarm_configuration,
            association_dispatch_assume_role: input.association_dispatch_assume_role,
            tags: None,
        };
        self.check_association(cx, &wanted).await?;
        let association = self.associations.store.write(|state| {
            let before = state.associations.get(&place).cloned().ok_or_else(super::start::no_such_association)?;
            if state.versions_of(&place).count() >= limits::ASSOCIATION_VERSIONS {
                return Err(faults::ASSOCIATION_VERSION_LIMIT_EXCEEDED.says(
                    "You have reached the maximum number versions allowed for an association. Each association has a limit of 1,000 versions.",
                ));
            }
            let next = Association {
                updated: cx.now,
                version: before.version + 1,
                caller: cx.caller.clone(),
                wanted: StoredShape::new(wanted),
                ..(*before).clone()
            };
            state.put(place.clone(), next.clone());
            scheduled::begin(cx, &place, &next)?;
            Ok(next)
        })?;
        Ok(UpdateAssociationResult { association_description: Some(describe::description(self, &place, &association)) })
    }
}

impl Handle<UpdateAssociationStatus> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateAssociationStatusRequest) -> Result<Permissions, Fault> {
        create::permissions::<UpdateAssociationStatus>(self, cx, &input.name, Some(&input.instance_id))
    }

    async fn handle(&self, cx: &Cx, input: UpdateAssociationStatusRequest) -> Result<UpdateAssociationStatusResult, Fault> {
        let (place, before) = self.find_association(cx, None, Some(&input.name), Some(&input.instance_id))?;
        let association = Association { status: Some(StoredShape::new(input.association_status)), ..(*before).clone() };
        self.associations.store.update(|state| state.associations.insert(place.clone(), Arc::new(association.clone())));
        Ok(UpdateAssociationStatusResult { association_description: Some(describe::description(self, &place, &association)) })
    }
}
