//! When services were last used with the permissions of a user, role, group or policy. AWS makes such a report in the background and
//! from data that are hours old; here it is made at once, from what was called since the server started.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>

use crate::{
    Iam,
    faults::gone,
    granting::{Holder, documents, grants, holder, name_of, namespaces, no_such},
    jobs::add_job,
    operation::{Want, operation},
    paging::page,
    policies::parse_arn,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_identity::{
    Access, State, managed,
    state::{self, Entity, EntityKind, Job, JobKind, Of, ServiceUses, Use, of_account},
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
        let members = of_account(&state.users, account).filter(|user| user.groups.iter().any(|name| name == group));
        members.map(|user| self.user_entity(account, user)).collect()
    }

    /// Users and roles that a managed policy is attached to, by a group of theirs too.
    fn attached_to(&self, state: &State, account: Account, policy: &str) -> Vec<Entity> {
        let holds = |holds: &state::Holdings| holds.attached.iter().any(|arn| arn.as_str() == policy);
        let groups: Vec<&str> = of_account(&state.groups, account).filter(|group| holds(&group.holds)).map(|group| group.name.as_str()).collect();
        let users =
            of_account(&state.users, account).filter(|user| holds(&user.holds) || user.groups.iter().any(|name| groups.contains(&name.as_str())));
        let roles = of_account(&state.roles, account).filter(|role| holds(&role.holds));
        users.map(|user| self.user_entity(account, user)).chain(roles.map(|role| self.role_entity(account, role))).collect()
    }

    /// The policies of what an ARN names, and who acts by them.
    fn subject(&self, state: &State, account: Account, arn: &str) -> Result<(Vec<Policy>, Vec<Entity>), Fault> {
        if let Some(holder) = holder(state, account, arn) {
            let entities = match &holder {
                Holder::User(user) => vec![self.user_entity(account, user)],
                Holder::Role(role) => vec![self.role_entity(account, role)],
                Holder::Group(group) => self.members(state, account, &group.name),
            };
            return Ok((documents(state, account, &holder), entities));
        }
        let own = arn.contains("::aws:policy/") || state.policy_by_arn(arn).is_some_and(|(owner, _)| owner == account);
        let policy = managed(state, arn).filter(|_| own).ok_or_else(|| no_such(arn))?;
        Ok((vec![policy], self.attached_to(state, account, arn)))
    }
}

/// Gathers accesses, each of somebody in a list, by service and by action: of each the latest.
#[derive(Default)]
pub(crate) struct Gathered(BTreeMap<String, OfService>);

#[derive(Default)]
struct OfService {
    uses: BTreeMap<usize, Use>,
    actions: BTreeMap<String, Use>,
}

impl Gathered {
    pub fn add(&mut self, by: usize, accesses: Vec<Access>) {
        for Access { action, at, region } in accesses {
            let Some((service, name)) = action.split_once(':') else { continue };
            let OfService { uses, actions } = self.0.entry(service.to_owned()).or_default();
            let new = Use { by, at, region };
            let later = |known: &mut Use| {
                if known.at < new.at {
                    *known = new.clone();
                }
            };
            uses.entry(by).and_modify(later).or_insert_with(|| new.clone());
            actions.entry(name.to_owned()).and_modify(later).or_insert_with(|| new.clone());
        }
    }

    /// Of one service; `with_actions` if they are wanted.
    pub fn take(&mut self, namespace: &str, with_actions: bool) -> ServiceUses {
        let OfService { uses, actions } = self.0.remove(namespace).unwrap_or_default();
        let actions = if with_actions { actions.into_iter().collect() } else { Vec::new() };
        ServiceUses { namespace: namespace.to_owned(), uses: uses.into_values().collect(), actions }
    }
}

/// The latest of several.
pub(crate) fn latest(service: &ServiceUses) -> Option<&Use> {
    service.uses.iter().max_by_key(|one| one.at)
}

pub(crate) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

operation!(GenerateServiceLastAccessedDetails, |iam, cx, input| Want::on(Arn::parse(&input.arn).unwrap_or_else(Arn::any)), |iam, cx, input| {
    let account = cx.scope.account;
    parse_arn(&input.arn)?;
    let actions = input.granularity.as_deref() == Some(ACTION_LEVEL);
    let (policies, entities) = iam.identity.read(|state| iam.subject(state, account, &input.arn))?;
    let mut gathered = Gathered::default();
    for (by, entity) in entities.iter().enumerate() {
        gathered.add(by, iam.identity.accesses_of(&entity.id));
    }
    let granted = namespaces().filter(|namespace| policies.iter().any(|policy| grants(&policy.document, namespace)));
    let services = granted.map(|namespace| gathered.take(namespace, actions)).collect();
    let id = cx.ids().uuid();
    iam.identity.write(|state| {
        add_job(state, account, &id, cx.now, JobKind::LastAccessed { actions, entities, services });
        Ok(GenerateServiceLastAccessedDetailsResponse { job_id: Some(id) })
    })
});

/// A report that was made: when, whether with actions, about whom, and what.
type Report<'s> = (Timestamp, bool, &'s [Entity], &'s [ServiceUses]);

fn report<'s>(state: &'s State, account: Account, id: &str) -> Result<Report<'s>, Fault> {
    match state.jobs.get(&Of::new(account, id)) {
        Some(Job { created, kind: JobKind::LastAccessed { actions, entities, services } }) => Ok((*created, *actions, entities, services)),
        // AWS: unverified text
        _ => Err(gone(format!("Job {id} was not found."))),
    }
}

fn arn_of(entities: &[Entity], by: usize) -> Option<String> {
    entities.get(by).map(|entity| entity.arn.to_string())
}

fn shown(service: &ServiceUses, entities: &[Entity]) -> ServiceLastAccessed {
    let last = latest(service);
    let actions = service.actions.iter().map(|(name, used)| TrackedActionLastAccessed {
        action_name: Some(name.clone()),
        last_accessed_entity: arn_of(entities, used.by),
        last_accessed_time: Some(used.at),
        last_accessed_region: Some(used.region.to_string()),
    });
    ServiceLastAccessed {
        service_name: name_of(&service.namespace),
        last_authenticated: last.map(|used| used.at),
        service_namespace: service.namespace.clone(),
        last_authenticated_entity: last.and_then(|used| arn_of(entities, used.by)),
        last_authenticated_region: last.map(|used| used.region.to_string()),
        total_authenticated_entities: Some(number(service.uses.len())),
        tracked_actions_last_accessed: Some(actions.collect::<Vec<_>>()).filter(|list| !list.is_empty()),
    }
}

operation!(GetServiceLastAccessedDetails, |iam, cx, input| Want::anything(), |iam, cx, input| iam.identity.read(|state| {
    let (created, actions, entities, services) = report(state, cx.scope.account, &input.job_id)?;
    let page = page(services.iter(), input.marker.as_deref(), input.max_items)?.map(|service| shown(service, entities));
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

operation!(GetServiceLastAccessedDetailsWithEntities, |iam, cx, input| Want::anything(), |iam, cx, input| iam.identity.read(|state| {
    let (created, _, entities, services) = report(state, cx.scope.account, &input.job_id)?;
    // Whoever could have used the service is listed: the latest first, then those who never did.
    let mut details: Vec<EntityDetails> = Vec::new();
    if let Some(service) = services.iter().find(|service| service.namespace == input.service_namespace) {
        let used = |at: usize| service.uses.iter().find(|used| used.by == at).map(|used| used.at);
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
    let page = page(details.into_iter(), input.marker.as_deref(), input.max_items)?;
    Ok(GetServiceLastAccessedDetailsWithEntitiesResponse {
        job_status: "COMPLETED".into(),
        job_creation_date: created,
        job_completion_date: created,
        entity_details_list: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}));
