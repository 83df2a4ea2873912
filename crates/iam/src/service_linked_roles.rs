//! Service-linked roles.

use crate::{
    faults::{invalid_input, no_such, no_such_entity},
    jobs::add_job,
    linked_services::{DESCRIPTIONS, LINKED, SUFFIXED},
    operation::{RequiredPermission, operation},
    output::Detail,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_identity::{
    LastUsed, StoredPolicy,
    state::{self, EntityKey, IdentityPolicies, JobKind},
};
use cloudlet_policy::Kind;

const DOMAIN: &str = ".amazonaws.com";

fn path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

fn known(service: &str) -> Result<&'static (&'static str, &'static str, &'static str), Fault> {
    let short = service.strip_suffix(DOMAIN).unwrap_or(service);
    LINKED.iter().find(|(name, ..)| *name == short && service.ends_with(DOMAIN)).ok_or_else(|| {
        // AWS: unverified text
        invalid_input(format!("Service {service} is not known to have a service-linked role."))
    })
}

operation!(
    CreateServiceLinkedRole,
    |iam, cx, input| {
        let name = known(&input.aws_service_name).map_or("*".to_owned(), |(_, role, _)| format!("AWSServiceRoleFor{role}"));
        RequiredPermission::on(iam.arn(cx.scope.account, "role", &path(&input.aws_service_name), &name))
            .with_key("iam:AWSServiceName", &input.aws_service_name)
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let service = input.aws_service_name;
        let (short, role, policy) = known(&service)?;
        let name = match input.custom_suffix.as_deref().filter(|suffix| !suffix.is_empty()) {
            None => format!("AWSServiceRoleFor{role}"),
            Some(suffix) if SUFFIXED.contains(short) => format!("AWSServiceRoleFor{role}_{suffix}"),
            Some(_) => return Err(invalid_input(format!("Custom suffix is not allowed for {service}"))),
        };
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let trust = StoredPolicy::parse(&text, Kind::Trust).map_err(|error| Fault::internal(error.message))?;
        let attached = Arn::build(iam.identity.partition(), "iam", "", "aws", &format!("policy/aws-service-role/{policy}"));
        let default_description = DESCRIPTIONS.iter().find(|(name, _)| name == short).map(|(_, text)| (*text).to_owned());
        let role = state::Role {
            name: name.clone(),
            path: path(&service),
            id: format!("AROA{}", cx.ids().base32(17)).into(),
            created: cx.now.whole_secs(),
            trust_policy: trust,
            description: input.description.or(default_description),
            max_session_duration: 3600,
            tags: Vec::new(),
            permissions_boundary: None,
            policies: IdentityPolicies { attached: vec![attached], ..IdentityPolicies::default() },
            last_used: LastUsed::default(),
            linked_service: Some(service),
        };
        iam.identity.write(|state| {
            let key = EntityKey::new(account, &name);
            if state.roles.contains(&key) {
                return Err(invalid_input(format!("Service role name {name} has been taken in this account, please try a different suffix.")));
            }
            let shown = iam.shown_role(account, &role, Detail::Created);
            state.roles.insert(key, role);
            Ok(CreateServiceLinkedRoleResponse { role: Some(shown) })
        })
    }
);

operation!(DeleteServiceLinkedRole, |iam, cx, input| iam.on_role(cx, &input.role_name), |iam, cx, input| {
    let account = cx.scope.account;
    let uuid = cx.ids().uuid();
    iam.identity.write(|state| {
        let role = state.role(account, &input.role_name).ok_or_else(no_such_entity("role", &input.role_name))?;
        let service = role.linked_service.clone().ok_or_else(|| invalid_input(format!("Role {} is not a service linked role.", role.name)))?;
        let arn = iam.arn(account, "role", &role.path, &role.name);
        let id = role.id.clone();
        crate::documents::rename_principal(state, arn.as_str(), &id);
        state.roles.remove(&EntityKey::new(account, &input.role_name));
        // The task is complete at once: no resources of the service are checked.
        let task = format!("task/aws-service-role/{service}/{}/{uuid}", input.role_name);
        add_job(state, account, &task, cx.now, JobKind::ServiceLinkedRoleDeletion);
        Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: task })
    })
});

operation!(
    GetServiceLinkedRoleDeletionStatus,
    |iam, cx, input| {
        let mut parts = input.deletion_task_id.split('/').skip(2);
        let (service, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        RequiredPermission::on(iam.arn(cx.scope.account, "role", &path(service), name))
    },
    |iam, cx, input| iam.identity.read(|state| match state.jobs.get(&EntityKey::new(cx.scope.account, &input.deletion_task_id)) {
        Some(_) => Ok(GetServiceLinkedRoleDeletionStatusResponse { status: "SUCCEEDED".into(), reason: None }),
        None => Err(no_such(format!("Deletion task {} was not found.", input.deletion_task_id))),
    })
);
