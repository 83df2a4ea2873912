//! DescribeAssociation and ListAssociationVersions, and how an association is described in other answers.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeAssociation.html>

use super::{
    rows::{Association, RowKey},
    standing::AssociationOutcome,
    start::no_such_association,
};
use crate::{Ssm, commands::Progress, faults};
use cloudlet_api_ssm::{self as api, *};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::{cmp::Reverse, sync::Arc};

const PAGE: usize = 50;

/// The last execution with how it stands, and when the last one succeeded.
pub struct Last {
    pub executed: Option<Timestamp>,
    pub succeeded: Option<Timestamp>,
    pub standing: Option<AssociationOutcome>,
}

pub fn last(ssm: &Ssm, place: &RowKey) -> Last {
    let executions = ssm.associations.store.read(|state| state.executions_of(place).cloned().collect::<Vec<_>>());
    let mut last = Last { executed: None, succeeded: None, standing: None };
    for execution in executions.iter().rev() {
        let standing = ssm.standing(&place.0, execution);
        if standing.progress == Progress::Success && last.succeeded.is_none() {
            last.succeeded = Some(execution.created);
        }
        if last.standing.is_none() {
            last.executed = Some(execution.created);
            last.standing = Some(standing);
        }
        if last.succeeded.is_some() {
            break;
        }
    }
    last
}

/// Before it has run.
fn pending() -> AssociationOverview {
    AssociationOverview { status: Some("Pending".to_owned()), detailed_status: Some("Creating".to_owned()), ..AssociationOverview::default() }
}

pub fn overview(last: &Last) -> AssociationOverview {
    last.standing.as_ref().map_or_else(pending, AssociationOutcome::overview)
}

/// The targets of a version. An instance that is named alone is one.
pub fn targets(wanted: &CreateAssociationRequest) -> Option<Vec<Target>> {
    let single = || wanted.instance_id.as_ref().map(|id| vec![Target { key: Some("InstanceIds".to_owned()), values: Some(vec![id.clone()]) }]);
    wanted.targets.clone().or_else(single)
}

pub fn description(ssm: &Ssm, place: &RowKey, association: &Association) -> AssociationDescription {
    let wanted = association.wanted.shape();
    let last = last(ssm, place);
    AssociationDescription {
        association_version: Some(association.version.to_string()),
        date: Some(association.created),
        last_update_association_date: Some(association.updated),
        status: association.status.as_ref().map(cloudlet_engine::StoredShape::shape),
        overview: Some(overview(&last)),
        document_version: Some(wanted.document_version.clone().unwrap_or_else(|| "$DEFAULT".to_owned())),
        association_id: Some(place.1.to_string()),
        targets: targets(&wanted),
        last_execution_date: last.executed,
        last_successful_execution_date: last.succeeded,
        apply_only_at_cron_interval: Some(wanted.apply_only_at_cron_interval.unwrap_or(false)),
        name: Some(wanted.name),
        instance_id: wanted.instance_id,
        automation_target_parameter_name: wanted.automation_target_parameter_name,
        parameters: wanted.parameters,
        schedule_expression: wanted.schedule_expression,
        output_location: wanted.output_location,
        association_name: wanted.association_name,
        max_errors: wanted.max_errors,
        max_concurrency: wanted.max_concurrency,
        compliance_severity: wanted.compliance_severity,
        sync_compliance: wanted.sync_compliance,
        calendar_names: wanted.calendar_names,
        schedule_offset: wanted.schedule_offset,
        duration: wanted.duration,
        target_maps: wanted.target_maps,
        association_dispatch_assume_role: wanted.association_dispatch_assume_role,
        ..AssociationDescription::default()
    }
}

impl Ssm {
    /// The association that a request names: by id, or by document and instance.
    pub(super) fn find_association(
        &self,
        cx: &Cx,
        id: Option<&str>,
        name: Option<&str>,
        instance: Option<&str>,
    ) -> Result<(RowKey, Arc<Association>), Fault> {
        let found = self.associations.store.read(|state| match (id, name, instance) {
            (Some(id), _, _) => state.associations.get_key_value(&(cx.scope.clone(), Arc::from(id))).map(|(place, row)| (place.clone(), row.clone())),
            (None, Some(name), Some(instance)) => {
                let is_it = |row: &Association| row.wanted.name == name && row.wanted.instance_id.as_deref() == Some(instance);
                state.of_scope(&cx.scope).find(|(_, row)| is_it(row)).map(|(place, row)| (place.clone(), row.clone()))
            }
            _ => None,
        });
        found.ok_or_else(no_such_association)
    }
}

impl Handle<DescribeAssociation> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DescribeAssociationRequest) -> Result<Permissions, Fault> {
        let (place, _) = self.find_association(cx, input.association_id.as_deref(), input.name.as_deref(), input.instance_id.as_deref())?;
        Ok(self.association_permission::<DescribeAssociation>(cx, &place.1).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeAssociationRequest) -> Result<DescribeAssociationResult, Fault> {
        let (place, association) = self.find_association(cx, input.association_id.as_deref(), input.name.as_deref(), input.instance_id.as_deref())?;
        let association = match input.association_version.as_deref() {
            None | Some("$LATEST") => association,
            Some(number) => {
                let number = number.parse().unwrap_or(0);
                let version = self.associations.store.read(|state| state.versions.get(&(place.clone(), number)).cloned());
                let version = version.ok_or_else(|| {
                    faults::INVALID_ASSOCIATION_VERSION.says(
                        "The version you specified isn't valid. Use ListAssociationVersions to view all versions of an association according to the \
                         association ID. Or, use the $LATEST parameter to view the latest version of the association.",
                    )
                })?;
                Arc::new(Association { version: number, wanted: version.wanted.clone(), updated: version.created, ..(*association).clone() })
            }
        };
        Ok(DescribeAssociationResult { association_description: Some(description(self, &place, &association)) })
    }
}

impl Handle<ListAssociationVersions> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListAssociationVersionsRequest) -> Result<Permissions, Fault> {
        Ok(self.association_permission::<ListAssociationVersions>(cx, &input.association_id).into())
    }

    async fn handle(&self, cx: &Cx, input: ListAssociationVersionsRequest) -> Result<ListAssociationVersionsResult, Fault> {
        let (place, _) = self.find_association(cx, Some(&input.association_id), None, None)?;
        let list = Paging::of::<ListAssociationVersions>(cx, &input);
        let page = self.associations.store.read(|state| {
            let mut versions: Vec<_> = state.versions_of(&place).collect();
            versions.reverse();
            let rows = versions.into_iter().map(|(number, version)| {
                let wanted = version.wanted.shape();
                let info = AssociationVersionInfo {
                    association_id: Some(place.1.to_string()),
                    association_version: Some(number.to_string()),
                    created_date: Some(version.created),
                    targets: targets(&wanted),
                    name: Some(wanted.name),
                    document_version: Some(wanted.document_version.unwrap_or_else(|| "$DEFAULT".to_owned())),
                    parameters: wanted.parameters,
                    schedule_expression: wanted.schedule_expression,
                    output_location: wanted.output_location,
                    association_name: wanted.association_name,
                    max_errors: wanted.max_errors,
                    max_concurrency: wanted.max_concurrency,
                    compliance_severity: wanted.compliance_severity,
                    sync_compliance: wanted.sync_compliance,
                    apply_only_at_cron_interval: Some(wanted.apply_only_at_cron_interval.unwrap_or(false)),
                    calendar_names: wanted.calendar_names,
                    schedule_offset: wanted.schedule_offset,
                    duration: wanted.duration,
                    target_maps: wanted.target_maps,
                    association_dispatch_assume_role: wanted.association_dispatch_assume_role,
                    ..AssociationVersionInfo::default()
                };
                (Reverse(number), info)
            });
            list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListAssociationVersionsResult { association_versions: Some(page.items), next_token: page.next_token })
    }
}

/// An association in a list.
pub fn listed(ssm: &Ssm, place: &RowKey, association: &Association) -> api::Association {
    let wanted = association.wanted.shape();
    let last = last(ssm, place);
    api::Association {
        association_id: Some(place.1.to_string()),
        association_version: Some(association.version.to_string()),
        document_version: Some(wanted.document_version.clone().unwrap_or_else(|| "$DEFAULT".to_owned())),
        targets: targets(&wanted),
        last_execution_date: last.executed,
        overview: Some(overview(&last)),
        name: Some(wanted.name),
        instance_id: wanted.instance_id,
        schedule_expression: wanted.schedule_expression,
        association_name: wanted.association_name,
        schedule_offset: wanted.schedule_offset,
        duration: wanted.duration,
        target_maps: wanted.target_maps,
    }
}
