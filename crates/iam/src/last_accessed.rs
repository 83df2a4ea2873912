//! Service last accessed reports: when users and roles last used the services that their policies allow. AWS generates them in the
//! background from data that are hours old; here they are complete at once, from the calls since the server started.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>

use crate::{
    Iam,
    faults::no_such,
    jobs::add_job,
    operation::{RequiredPermission, operation},
    paging::page,
    policies::parse_arn,
    service_access::{PolicyOwner, all_policies, allows_service, name_of, namespaces, no_such_arn, policy_owner},
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_identity::{
    CalledAction, State, managed_policy,
    state::{self, Entity, EntityAccess, EntityKey, EntityKind, Job, JobKind, ServiceAccess, rows_of_account},
};
use cloudlet_policy::Policy;
use std::collections::BTreeMap;

const ACTION_LEVEL: &str = "ACTION_LEVEL";

impl Iam {
    fn user_entity(&self, account: Account, user: &state::User) -> Entity {
        let arn = self.arn(account, "user", &user.path, &user.name);
        Entity { arn, name: user.name.clone(), kind: EntityKind::User, id: user.id.clone(), path: user.path.clone() }
    }

    fn role_entity(&self, account: Account, role: &state::Role) -> Entity {
        let arn = self.arn(account, "role", &role.path, &role.name);
        Entity { arn, name: role.name.clone(), kind: EntityKind::Role, id: role.id.clone(), path: role.path.clone() }
    }

    fn members(&self, state: &State, account: Account, group: &str) -> Vec<Entity> {
        let members = rows_of_account(&state.users, account).filter(|user| user.groups.iter().any(|name| name == group));
        members.map(|user| self.user_entity(account, user)).collect()
    }

    /// Users and roles to which a managed policy is attached, directly or by a group.
    fn attached_to(&self, state: &State, account: Account, policy: &str) -> Vec<Entity> {
        let has_policy = |policies: &state::IdentityPolicies| policies.attached.iter().any(|arn| arn.as_str() == policy);
        let groups: Vec<&str> =
            rows_of_account(&state.groups, account).filter(|group| has_policy(&group.policies)).map(|group| group.name.as_str()).collect();
        let users = rows_of_account(&state.users, account)
            .filter(|user| has_policy(&user.policies) || user.groups.iter().any(|name| groups.contains(&name.as_str())));
        let roles = rows_of_account(&state.roles, account).filter(|role| has_policy(&role.policies));
        users.map(|user| self.user_entity(account, user)).chain(roles.map(|role| self.role_entity(account, role))).collect()
    }

    /// The policies of an ARN, and the users and roles that have them.
    fn policies_and_entities(&self, state: &State, account: Account, arn: &str) -> Result<(Vec<Policy>, Vec<Entity>), Fault> {
        if let Some(owner) = policy_owner(state, account, arn) {
            let entities = match &owner {
                PolicyOwner::User(user) => vec![self.user_entity(account, user)],
                PolicyOwner::Role(role) => vec![self.role_entity(account, role)],
                PolicyOwner::Group(group) => self.members(state, account, &group.name),
            };
            return Ok((all_policies(state, account, &owner), entities));
        }
        let is_visible = arn.contains("::aws:policy/") || state.policy_by_arn(arn).is_some_and(|(owner, _)| owner == account);
        let policy = managed_policy(state, arn).filter(|_| is_visible).ok_or_else(|| no_such_arn(arn))?;
        Ok((vec![policy], self.attached_to(state, account, arn)))
    }
}

/// The latest calls by service and by action, each of an entity in a list.
#[derive(Default)]
pub(crate) struct LatestCalls(BTreeMap<String, ServiceCalls>);

#[derive(Default)]
struct ServiceCalls {
    entities: BTreeMap<usize, EntityAccess>,
    actions: BTreeMap<String, EntityAccess>,
}

impl LatestCalls {
    pub fn add(&mut self, entity: usize, accesses: Vec<CalledAction>) {
        for CalledAction { action, at, region } in accesses {
            let Some((service, name)) = action.split_once(':') else { continue };
            let ServiceCalls { entities, actions } = self.0.entry(service.to_owned()).or_default();
            let new = EntityAccess { entity, at, region };
            let later = |known: &mut EntityAccess| {
                if known.at < new.at {
                    *known = new.clone();
                }
            };
            entities.entry(entity).and_modify(later).or_insert_with(|| new.clone());
            actions.entry(name.to_owned()).and_modify(later).or_insert_with(|| new.clone());
        }
    }

    /// The calls of one service. Without `with_actions` the actions are omitted.
    pub fn take(&mut self, namespace: &str, with_actions: bool) -> ServiceAccess {
        let ServiceCalls { entities, actions } = self.0.remove(namespace).unwrap_or_default();
        let actions = if with_actions { actions.into_iter().collect() } else { Vec::new() };
        ServiceAccess { namespace: namespace.to_owned(), entities: entities.into_values().collect(), actions }
    }
}

/// The latest call of a service.
pub(crate) fn latest(service: &ServiceAccess) -> Option<&EntityAccess> {
    service.entities.iter().max_by_key(|access| access.at)
}

pub(crate) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

operation!(
    GenerateServiceLastAccessedDetails,
    |iam, cx, input| RequiredPermission::on(Arn::parse(&input.arn).unwrap_or_else(Arn::any)),
    |iam, cx, input| {
        let account = cx.scope.account;
        parse_arn(&input.arn)?;
        let actions = input.granularity.as_deref() == Some(ACTION_LEVEL);
        let (policies, entities) = iam.identity.read(|state| iam.policies_and_entities(state, account, &input.arn))?;
        let mut calls = LatestCalls::default();
        for (index, entity) in entities.iter().enumerate() {
            calls.add(index, iam.identity.actions_called_by(&entity.id));
        }
        let granted = namespaces().filter(|namespace| policies.iter().any(|policy| allows_service(&policy.document, namespace)));
        let services = granted.map(|namespace| calls.take(namespace, actions)).collect();
        let id = cx.ids().uuid();
        iam.identity.write(|state| {
            add_job(state, account, &id, cx.now, JobKind::ServiceLastAccessed { actions, entities, services });
            Ok(GenerateServiceLastAccessedDetailsResponse { job_id: Some(id) })
        })
    }
);

/// A report: when it was generated, whether it has actions, the entities, the services.
type Report<'s> = (Timestamp, bool, &'s [Entity], &'s [ServiceAccess]);

fn report<'s>(state: &'s State, account: Account, id: &str) -> Result<Report<'s>, Fault> {
    match state.jobs.get(&EntityKey::new(account, id)) {
        Some(Job { created, kind: JobKind::ServiceLastAccessed { actions, entities, services } }) => Ok((*created, *actions, entities, services)),
        // AWS: unverified text
        _ => Err(no_such(format!("Job {id} was not found."))),
    }
}

fn arn_of(entities: &[Entity], index: usize) -> Option<String> {
    entities.get(index).map(|entity| entity.arn.to_string())
}

fn shown(service: &ServiceAccess, entities: &[Entity]) -> ServiceLastAccessed {
    let last = latest(service);
    let actions = service.actions.iter().map(|(name, used)| TrackedActionLastAccessed {
        action_name: Some(name.clone()),
        last_accessed_entity: arn_of(entities, used.entity),
        last_accessed_time: Some(used.at),
        last_accessed_region: Some(used.region.to_string()),
    });
    ServiceLastAccessed {
        service_name: name_of(&service.namespace),
        last_authenticated: last.map(|used| used.at),
        service_namespace: service.namespace.clone(),
        last_authenticated_entity: last.and_then(|used| arn_of(entities, used.entity)),
        last_authenticated_region: last.map(|used| used.region.to_string()),
        total_authenticated_entities: Some(number(service.entities.len())),
        tracked_actions_last_accessed: Some(actions.collect::<Vec<_>>()).filter(|list| !list.is_empty()),
    }
}

operation!(GetServiceLastAccessedDetails, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let (created, actions, entities, services) = report(state, cx.scope.account, &input.job_id)?;
    let page = page::<GetServiceLastAccessedDetails, _, _>(cx, &input, services.iter().enumerate())?.map(|service| shown(service, entities));
    Ok(GetServiceLastAccessedDetailsResponse {
        job_status: "COMPLETED".into(),
        job_type: Some(if actions { ACTION_LEVEL } else { "SERVICE_LEVEL" }.into()),
        job_creation_date: created,
        services_last_accessed: page.items,
        job_completion_date: created,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}));

operation!(GetServiceLastAccessedDetailsWithEntities, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(
    |state| {
        let (created, _, entities, services) = report(state, cx.scope.account, &input.job_id)?;
        // All entities that could use the service: the latest call first, those without calls last.
        let mut details: Vec<EntityDetails> = Vec::new();
        if let Some(service) = services.iter().find(|service| service.namespace == input.service_namespace) {
            let used = |at: usize| service.entities.iter().find(|used| used.entity == at).map(|used| used.at);
            details.extend(entities.iter().enumerate().map(|(at, entity)| EntityDetails {
                entity_info: EntityInfo {
                    arn: entity.arn.to_string(),
                    name: entity.name.clone(),
                    r#type: if entity.kind == EntityKind::User { "USER" } else { "ROLE" }.into(),
                    id: entity.id.to_string(),
                    path: Some(entity.path.clone()),
                },
                last_authenticated: used(at),
            }));
            details.sort_by_key(|detail| std::cmp::Reverse(detail.last_authenticated));
        }
        let page = page::<GetServiceLastAccessedDetailsWithEntities, _, _>(cx, &input, details.into_iter().enumerate())?;
        Ok(GetServiceLastAccessedDetailsWithEntitiesResponse {
            job_status: "COMPLETED".into(),
            job_creation_date: created,
            job_completion_date: created,
            entity_details_list: page.items,
            is_truncated: page.is_truncated,
            marker: page.marker,
            error: None,
        })
    }
));
