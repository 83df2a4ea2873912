//! Organizations access reports: which services the service control policies leave open, and which accounts used them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html>

use crate::{
    faults::{bad_input, gone},
    granting::{grants, name_of, namespaces, shuts},
    jobs::add_job,
    last_accessed::{Gathered, latest, number},
    operation::{Want, operation},
    paging::page,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault, FaultKind};
use cloudlet_identity::{
    State,
    organization::{Organization, PolicyKind},
    state::{Job, JobKind, Of, ServiceUses},
};
use cloudlet_policy::Document;

/// What a report is about: the policies that count, level by level, and the accounts below.
struct Scope {
    levels: Vec<Vec<Document>>,
    accounts: Vec<(Account, String)>,
}

/// `o-…/r-…/ou-…/123456789012`
fn path_of(organization: &Organization, target: &str) -> Option<String> {
    Some(format!("{}/{}", organization.id, organization.lineage(target)?.join("/")))
}

fn documents(organization: &Organization, target: &str) -> Vec<Document> {
    let ids = organization.attached.get(target).into_iter().flatten();
    let policies = ids.filter_map(|id| organization.policies.get(id)).filter(|policy| policy.kind == PolicyKind::ServiceControl);
    policies.map(|policy| policy.content.document.clone()).collect()
}

impl Scope {
    fn of(state: &State, caller: Account, path: &str, policy: Option<&str>) -> Result<Scope, Fault> {
        // AWS: unverified, the texts of these refusals.
        let none = || gone(format!("The organizations entity {path} was not found."));
        let organization = state.organization.get(&()).ok_or_else(none)?;
        if organization.management != caller {
            return Err(FaultKind::sender("AccessDenied", 403).says("Only the management account of an organization can generate access reports."));
        }
        if !organization.enabled.contains(&PolicyKind::ServiceControl) {
            return Err(bad_input("Service control policies are not enabled for the organization root."));
        }
        let target = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let lineage = organization.lineage(target).filter(|_| path_of(organization, target).as_deref() == Some(path.trim_end_matches('/')));
        let lineage = lineage.ok_or_else(none)?;
        let levels = match policy {
            Some(id) => {
                let policy = organization.policies.get(id).filter(|policy| policy.kind == PolicyKind::ServiceControl);
                vec![vec![policy.ok_or_else(|| gone(format!("The policy {id} was not found.")))?.content.document.clone()]]
            }
            // No such policy binds the management account.
            None if target == organization.management.as_str() => Vec::new(),
            None => lineage.iter().map(|level| documents(organization, level)).collect(),
        };
        let below = |account: &Account| organization.lineage(account.as_str()).is_some_and(|line| line.iter().any(|level| level == target));
        let accounts = organization.accounts.keys().copied().filter(below);
        let accounts = accounts.map(|account| (account, path_of(organization, account.as_str()).unwrap_or_default())).collect();
        Ok(Scope { levels, accounts })
    }

    /// Whether every level leaves something of the service.
    fn opens(&self, namespace: &str) -> bool {
        self.levels
            .iter()
            .all(|level| level.iter().any(|document| grants(document, namespace)) && !level.iter().any(|document| shuts(document, namespace)))
    }
}

operation!(
    GenerateOrganizationsAccessReport,
    |iam, cx, input| {
        let want = Want::on(iam.arn(cx.scope.account, "access-report", "/", &input.entity_path));
        match &input.organizations_policy_id {
            Some(id) => want.with("iam:OrganizationsPolicyId", id),
            None => want,
        }
    },
    |iam, cx, input| {
        let caller = cx.scope.account;
        let scope = iam.identity.read(|state| Scope::of(state, caller, &input.entity_path, input.organizations_policy_id.as_deref()))?;
        let mut gathered = Gathered::default();
        for (by, (account, _)) in scope.accounts.iter().enumerate() {
            gathered.add(by, iam.identity.accesses_in(*account));
        }
        let services = namespaces().filter(|namespace| scope.opens(namespace)).map(|namespace| gathered.take(namespace, false)).collect();
        let accounts = scope.accounts.into_iter().map(|(_, path)| path).collect();
        let id = cx.ids().uuid();
        iam.identity.write(|state| {
            add_job(state, caller, &id, cx.now, JobKind::OrganizationsAccess { accounts, services });
            Ok(GenerateOrganizationsAccessReportResponse { job_id: Some(id) })
        })
    }
);

fn sorted<'s>(services: &'s [ServiceUses], key: Option<&str>) -> Vec<&'s ServiceUses> {
    let mut services: Vec<&ServiceUses> = services.iter().collect();
    let at = |service: &&'s ServiceUses| latest(service).map(|used| used.at);
    match key {
        Some("SERVICE_NAMESPACE_DESCENDING") => services.reverse(),
        Some("LAST_AUTHENTICATED_TIME_ASCENDING") => services.sort_by_key(at),
        Some("LAST_AUTHENTICATED_TIME_DESCENDING") => services.sort_by_key(|service| std::cmp::Reverse(at(service))),
        _ => {}
    }
    services
}

operation!(GetOrganizationsAccessReport, |iam, cx, input| Want::anything(), |iam, cx, input| iam.identity.read(|state| {
    let job = state.jobs.get(&Of::new(cx.scope.account, &input.job_id));
    let Some(Job { created, kind: JobKind::OrganizationsAccess { accounts, services } }) = job else {
        // AWS: unverified text
        return Err(gone(format!("Job {} was not found.", input.job_id)));
    };
    let details = sorted(services, input.sort_key.as_deref()).into_iter().map(|service| {
        let last = latest(service);
        AccessDetail {
            service_name: name_of(&service.namespace),
            service_namespace: service.namespace.clone(),
            region: last.map(|used| used.region.to_string()),
            entity_path: last.and_then(|used| accounts.get(used.by).cloned()),
            last_authenticated_time: last.map(|used| used.at),
            total_authenticated_entities: Some(number(service.uses.len())),
        }
    });
    let page = page(details, input.marker.as_deref(), input.max_items)?;
    Ok(GetOrganizationsAccessReportResponse {
        job_status: "COMPLETED".into(),
        job_creation_date: *created,
        job_completion_date: Some(*created),
        number_of_services_accessible: Some(number(services.len())),
        number_of_services_not_accessed: Some(number(services.iter().filter(|service| service.uses.is_empty()).count())),
        access_details: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
        error_details: None,
    })
}));
