//! Organizations access reports: which services the service control policies allow, and which accounts used them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html>

use crate::{
    faults::{invalid_input, no_such},
    jobs::add_job,
    last_accessed::{LatestCalls, latest, number},
    operation::{RequiredPermission, operation},
    paging::page,
    service_access::{allows_service, denies_service, name_of, namespaces},
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault, FaultKind};
use cloudlet_identity::{
    State,
    organization::{Organization, PolicyKind},
    state::{EntityKey, Job, JobKind, ServiceAccess},
};
use cloudlet_policy::Document;

/// The policies of a report by level, and its accounts.
struct ReportScope {
    levels: Vec<Vec<Document>>,
    accounts: Vec<(Account, String)>,
}

/// `o-…/r-…/ou-…/123456789012`
fn path_of(organization: &Organization, target: &str) -> Option<String> {
    Some(format!("{}/{}", organization.id, organization.path_from_root(target)?.join("/")))
}

fn documents(organization: &Organization, target: &str) -> Vec<Document> {
    let ids = organization.attached.get(target).into_iter().flatten();
    let policies = ids.filter_map(|id| organization.policies.get(id)).filter(|policy| policy.kind == PolicyKind::ServiceControl);
    policies.map(|policy| policy.content.document.clone()).collect()
}

impl ReportScope {
    fn of(state: &State, caller: Account, path: &str, policy: Option<&str>) -> Result<ReportScope, Fault> {
        // AWS: unverified: the messages of these faults.
        let not_found = || no_such(format!("The organizations entity {path} was not found."));
        let organization = state.organization.get(&()).ok_or_else(not_found)?;
        if organization.management != caller {
            return Err(FaultKind::sender("AccessDenied", 403).says("Only the management account of an organization can generate access reports."));
        }
        if !organization.enabled_policy_types.contains(&PolicyKind::ServiceControl) {
            return Err(invalid_input("Service control policies are not enabled for the organization root."));
        }
        let target = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let lineage = organization.path_from_root(target).filter(|_| path_of(organization, target).as_deref() == Some(path.trim_end_matches('/')));
        let lineage = lineage.ok_or_else(not_found)?;
        let levels = match policy {
            Some(id) => {
                let policy = organization.policies.get(id).filter(|policy| policy.kind == PolicyKind::ServiceControl);
                vec![vec![policy.ok_or_else(|| no_such(format!("The policy {id} was not found.")))?.content.document.clone()]]
            }
            // SCPs do not limit the management account.
            None if target == organization.management.as_str() => Vec::new(),
            None => lineage.iter().map(|level| documents(organization, level)).collect(),
        };
        let below = |account: &Account| organization.path_from_root(account.as_str()).is_some_and(|line| line.iter().any(|level| level == target));
        let accounts = organization.accounts.keys().copied().filter(below);
        let accounts = accounts.map(|account| (account, path_of(organization, account.as_str()).unwrap_or_default())).collect();
        Ok(ReportScope { levels, accounts })
    }

    /// Whether every level allows some action of the service.
    fn allows(&self, namespace: &str) -> bool {
        self.levels.iter().all(|level| {
            level.iter().any(|document| allows_service(document, namespace)) && !level.iter().any(|document| denies_service(document, namespace))
        })
    }
}

operation!(
    GenerateOrganizationsAccessReport,
    |iam, cx, input| {
        let permission = RequiredPermission::on(iam.arn(cx.scope.account, "access-report", "/", &input.entity_path));
        match &input.organizations_policy_id {
            Some(id) => permission.with_key("iam:OrganizationsPolicyId", id),
            None => permission,
        }
    },
    |iam, cx, input| {
        let caller = cx.scope.account;
        let scope = iam.identity.read(|state| ReportScope::of(state, caller, &input.entity_path, input.organizations_policy_id.as_deref()))?;
        let mut calls = LatestCalls::default();
        for (index, (account, _)) in scope.accounts.iter().enumerate() {
            calls.add(index, iam.identity.actions_called_in(*account));
        }
        let services = namespaces().filter(|namespace| scope.allows(namespace)).map(|namespace| calls.take(namespace, false)).collect();
        let accounts = scope.accounts.into_iter().map(|(_, path)| path).collect();
        let id = cx.ids().uuid();
        iam.identity.write(|state| {
            add_job(state, caller, &id, cx.now, JobKind::OrganizationsAccess { accounts, services });
            Ok(GenerateOrganizationsAccessReportResponse { job_id: Some(id) })
        })
    }
);

fn sorted<'s>(services: &'s [ServiceAccess], key: Option<&str>) -> Vec<&'s ServiceAccess> {
    let mut services: Vec<&ServiceAccess> = services.iter().collect();
    let last_access = |service: &&'s ServiceAccess| latest(service).map(|used| used.at);
    match key {
        Some("SERVICE_NAMESPACE_DESCENDING") => services.reverse(),
        Some("LAST_AUTHENTICATED_TIME_ASCENDING") => services.sort_by_key(last_access),
        Some("LAST_AUTHENTICATED_TIME_DESCENDING") => services.sort_by_key(|service| std::cmp::Reverse(last_access(service))),
        _ => {}
    }
    services
}

operation!(GetOrganizationsAccessReport, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let job = state.jobs.get(&EntityKey::new(cx.scope.account, &input.job_id));
    let Some(Job { created, kind: JobKind::OrganizationsAccess { accounts, services } }) = job else {
        // AWS: unverified text
        return Err(no_such(format!("Job {} was not found.", input.job_id)));
    };
    let details = sorted(services, input.sort_key.as_deref()).into_iter().map(|service| {
        let last = latest(service);
        AccessDetail {
            service_name: name_of(&service.namespace),
            service_namespace: service.namespace.clone(),
            region: last.map(|used| used.region.to_string()),
            entity_path: last.and_then(|used| accounts.get(used.entity).cloned()),
            last_authenticated_time: last.map(|used| used.at),
            total_authenticated_entities: Some(number(service.entities.len())),
        }
    });
    let page = page::<GetOrganizationsAccessReport, _, _>(cx, &input, details.enumerate())?;
    Ok(GetOrganizationsAccessReportResponse {
        job_status: "COMPLETED".into(),
        job_creation_date: *created,
        job_completion_date: Some(*created),
        number_of_services_accessible: Some(number(services.len())),
        number_of_services_not_accessed: Some(number(services.iter().filter(|service| service.entities.is_empty()).count())),
        access_details: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
        error_details: None,
    })
}));
