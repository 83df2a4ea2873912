//! Versions of state machines, and aliases that route to them.

use crate::{
    States,
    arns::{self, Qualifier, on_machine},
    faults, limits,
    machines::{page_length, publish},
    names,
    state::{Alias, NamedKey, State},
};
use cloudlet_api_states::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use std::{cmp::Reverse, sync::Arc};

handler!(
    States,
    PublishStateMachineVersion,
    |states, cx, input| Ok(on_machine::<PublishStateMachineVersion>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        let key = arns::plain_machine(&input.state_machine_arn)?;
        states.store.write(|state| {
            let machine = state.machines.get(&key).cloned().ok_or_else(|| faults::no_machine(&input.state_machine_arn))?;
            if machine.deleting {
                return Err(faults::deleting(&input.state_machine_arn));
            }
            if let Some(wanted) = &input.revision_id {
                let current = if machine.initial { "INITIAL" } else { &machine.revision };
                if wanted != current {
                    let text = "Failed to publish the State Machine version for revision";
                    return Err(faults::CONFLICT.says(format!("{text} {wanted}. The current State Machine revision is {current}.")));
                }
            }
            let (version, creation_date) = publish(state, cx, &key, input.description)?;
            Ok(PublishStateMachineVersionOutput { creation_date, state_machine_version_arn: key.version_arn(version).to_string() })
        })
    }
);

handler!(
    States,
    ListStateMachineVersions,
    |states, cx, input| Ok(on_machine::<ListStateMachineVersions>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        let key = arns::plain_machine(&input.state_machine_arn)?;
        let list = Paging::of::<ListStateMachineVersions>(cx, &input);
        let page = states.store.read(|state| {
            if !state.machines.contains(&key) {
                return Err(faults::no_machine(&input.state_machine_arn));
            }
            // AWS: the newest first.
            let rows = state.versions.range((key.clone(), 0)..=(key.clone(), u64::MAX)).rev();
            let rows = rows.map(|((key, number), version)| {
                let item =
                    StateMachineVersionListItem { state_machine_version_arn: key.version_arn(*number).to_string(), creation_date: version.created };
                (Reverse(*number), item)
            });
            list.page_of(page_length(input.max_results), rows).map_err(|InvalidToken| faults::invalid_page())
        })?;
        Ok(ListStateMachineVersionsOutput { state_machine_versions: page.items, next_token: page.next_token })
    }
);

fn aliases_of(state: &State, key: &NamedKey) -> Vec<(String, Arc<Alias>)> {
    let rows = state.aliases.range((key.clone(), String::new())..).take_while(|((of, _), _)| of == key);
    rows.map(|((_, name), alias)| (name.clone(), alias.clone())).collect()
}

handler!(
    States,
    DeleteStateMachineVersion,
    |states, cx, input| Ok(on_machine::<DeleteStateMachineVersion>(&input.state_machine_version_arn)?.into()),
    |states, cx, input| {
        let arn = arns::machine(&input.state_machine_version_arn)?;
        let Qualifier::Version(version) = arn.qualifier else {
            return Err(faults::validation("INVALID_ARN", format!("Invalid Arn: '{}'", input.state_machine_version_arn)));
        };
        states.store.write(|state| {
            let names: Vec<String> = aliases_of(state, &arn.key)
                .into_iter()
                .filter(|(_, alias)| alias.routes.iter().any(|(routed, _)| *routed == version))
                .map(|(name, _)| name)
                .collect();
            if !names.is_empty() {
                let text = "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version:";
                return Err(faults::CONFLICT.says(format!("{text} [{}]", names.join(", "))));
            }
            if let Some(removed) = state.versions.remove(&(arn.key.clone(), version)) {
                state.drop_revision(&removed.revision);
            }
            Ok(DeleteStateMachineVersionOutput {})
        })
    }
);

/// The machine and the versions of a routing configuration.
fn routes(given: &[RoutingConfigurationListItem]) -> Result<(NamedKey, Vec<(u64, i32)>), Fault> {
    let refused = |text: String| faults::validation("INVALID_ROUTING_CONFIGURATION", text);
    let received = || {
        let arns: Vec<&str> = given.iter().map(|item| item.state_machine_version_arn.as_str()).collect();
        arns.join(", ")
    };
    let mut key: Option<NamedKey> = None;
    let mut routes: Vec<(u64, i32)> = Vec::new();
    for item in given {
        let arn = arns::machine(&item.state_machine_version_arn)?;
        let Qualifier::Version(version) = arn.qualifier else {
            return Err(refused(format!("Routing configuration must contain state machine version ARNs. Received: [{}]", received())));
        };
        if key.as_ref().is_some_and(|key| *key != arn.key) {
            return Err(refused("State machine version ARNs in a routing configuration must belong to the same state machine".to_owned()));
        }
        if routes.iter().any(|(routed, _)| *routed == version) {
            return Err(refused(format!("Routing configuration must contain distinct state machine version ARNs. Received: [{}]", received())));
        }
        key = Some(arn.key);
        routes.push((version, item.weight));
    }
    let total: i32 = routes.iter().map(|(_, weight)| *weight).sum();
    let fits = (1..=2).contains(&routes.len()) && total == 100;
    match key {
        Some(key) if fits => Ok((key, routes)),
        _ if total != 100 => {
            let weights: Vec<i32> = routes.iter().map(|(_, weight)| *weight).collect();
            Err(refused(format!("Sum of routing configuration weights must equal 100. Received: {weights:?}")))
        }
        _ => Err(refused("A routing configuration has one or two state machine versions".to_owned())),
    }
}

fn check_versions(state: &State, key: &NamedKey, routes: &[(u64, i32)]) -> Result<(), Fault> {
    let absent = routes.iter().find(|(version, _)| !state.versions.contains(&(key.clone(), *version)));
    match absent {
        Some((version, _)) => Err(faults::no_resource(key.version_arn(*version).as_str())),
        None => Ok(()),
    }
}

/// The permission names the machine of the first route.
fn alias_permission<O: cloudlet_shape::Operation>(cx: &Cx, given: &[RoutingConfigurationListItem], name: &str) -> Permission {
    let key = given.first().and_then(|item| arns::machine(&item.state_machine_version_arn).ok()).map(|arn| arn.key);
    let key = key.unwrap_or_else(|| NamedKey::new(&cx.scope, "*"));
    Permission::of::<O>(key.machine_arn()).with_key("states:StateMachineQualifier", name)
}

handler!(
    States,
    CreateStateMachineAlias,
    |states, cx, input| Ok(alias_permission::<CreateStateMachineAlias>(cx, &input.routing_configuration, &input.name).into()),
    |states, cx, input| {
        names::check_alias(&input.name)?;
        let (key, routes) = routes(&input.routing_configuration)?;
        states.store.write(|state| {
            let machine = state.machines.get(&key).ok_or_else(|| faults::no_resource(key.machine_arn().as_str()))?;
            if machine.deleting {
                return Err(faults::deleting(key.machine_arn().as_str()));
            }
            check_versions(state, &key, &routes)?;
            let arn = key.alias_arn(&input.name).to_string();
            let row = (key.clone(), input.name.clone());
            if let Some(existing) = state.aliases.get(&row) {
                if existing.routes == routes && existing.description == input.description {
                    return Ok(CreateStateMachineAliasOutput { state_machine_alias_arn: arn, creation_date: existing.created });
                }
                let text = "Failed to create alias because an alias with the same name and a different routing configuration already exists.";
                return Err(faults::CONFLICT.says(text));
            }
            if aliases_of(state, &key).len() >= limits::ALIASES_PER_MACHINE {
                return Err(faults::SERVICE_QUOTA_EXCEEDED.says("The state machine has the maximum number of aliases"));
            }
            state.aliases.insert(row, Arc::new(Alias { description: input.description, routes, created: cx.now, updated: cx.now }));
            Ok(CreateStateMachineAliasOutput { state_machine_alias_arn: arn, creation_date: cx.now })
        })
    }
);

/// The key of an alias by its ARN.
fn alias_row(text: &str) -> Result<(NamedKey, String), Fault> {
    let arn = arns::machine(text)?;
    match arn.qualifier {
        Qualifier::Alias(name) => Ok((arn.key, name)),
        Qualifier::Label(_) => Err(faults::labeled()),
        _ => Err(faults::invalid_arn(text)),
    }
}

handler!(
    States,
    UpdateStateMachineAlias,
    |states, cx, input| Ok(on_machine::<UpdateStateMachineAlias>(&input.state_machine_alias_arn)?.into()),
    |states, cx, input| {
        let row = alias_row(&input.state_machine_alias_arn)?;
        if input.description.is_none() && input.routing_configuration.is_none() {
            let text = "Either the description or the RoutingConfiguration must be specified";
            return Err(faults::validation("MISSING_REQUIRED_PARAMETER", text));
        }
        let routed = input.routing_configuration.as_deref().map(routes).transpose()?;
        states.store.write(|state| {
            let mut alias =
                state.aliases.get(&row).map(|alias| Alias::clone(alias)).ok_or_else(|| faults::no_resource(&input.state_machine_alias_arn))?;
            if state.machines.get(&row.0).is_some_and(|machine| machine.deleting) {
                return Err(faults::deleting(row.0.machine_arn().as_str()));
            }
            if let Some((key, routes)) = routed {
                if key != row.0 {
                    let text = "State machine version ARNs in a routing configuration must belong to the state machine of the alias";
                    return Err(faults::validation("INVALID_ROUTING_CONFIGURATION", text));
                }
                check_versions(state, &key, &routes)?;
                alias.routes = routes;
            }
            alias.description = input.description.or(alias.description);
            alias.updated = cx.now;
            state.aliases.insert(row, Arc::new(alias));
            Ok(UpdateStateMachineAliasOutput { update_date: cx.now })
        })
    }
);

handler!(
    States,
    DeleteStateMachineAlias,
    |states, cx, input| Ok(on_machine::<DeleteStateMachineAlias>(&input.state_machine_alias_arn)?.into()),
    |states, cx, input| {
        let row = alias_row(&input.state_machine_alias_arn)?;
        let removed = states.store.update(|state| state.aliases.remove(&row));
        removed.map(|_| DeleteStateMachineAliasOutput {}).ok_or_else(|| faults::no_resource(&input.state_machine_alias_arn))
    }
);

handler!(
    States,
    DescribeStateMachineAlias,
    |states, cx, input| Ok(on_machine::<DescribeStateMachineAlias>(&input.state_machine_alias_arn)?.into()),
    |states, cx, input| {
        let row = alias_row(&input.state_machine_alias_arn)?;
        let alias = states.store.read(|state| state.aliases.get(&row).cloned()).ok_or_else(|| faults::no_resource(&input.state_machine_alias_arn))?;
        let routes = alias.routes.iter().map(|(version, weight)| RoutingConfigurationListItem {
            state_machine_version_arn: row.0.version_arn(*version).to_string(),
            weight: *weight,
        });
        Ok(DescribeStateMachineAliasOutput {
            state_machine_alias_arn: Some(input.state_machine_alias_arn),
            name: Some(row.1.clone()),
            description: alias.description.clone(),
            routing_configuration: Some(routes.collect()),
            creation_date: Some(alias.created),
            update_date: Some(alias.updated),
        })
    }
);

handler!(
    States,
    ListStateMachineAliases,
    |states, cx, input| Ok(on_machine::<ListStateMachineAliases>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        let arn = arns::machine(&input.state_machine_arn)?;
        let version = match arn.qualifier {
            Qualifier::None => None,
            Qualifier::Version(version) => Some(version),
            _ => return Err(faults::invalid_arn(&input.state_machine_arn)),
        };
        let list = Paging::of::<ListStateMachineAliases>(cx, &input);
        let page = states.store.read(|state| {
            if !state.machines.contains(&arn.key) {
                return Err(faults::no_machine(&input.state_machine_arn));
            }
            let aliases = aliases_of(state, &arn.key).into_iter();
            let wanted = aliases.filter(|(_, alias)| version.is_none_or(|version| alias.routes.iter().any(|(routed, _)| *routed == version)));
            let rows = wanted.map(|(name, alias)| {
                let item = StateMachineAliasListItem { state_machine_alias_arn: arn.key.alias_arn(&name).to_string(), creation_date: alias.created };
                (name, item)
            });
            list.page_of(page_length(input.max_results), rows).map_err(|InvalidToken| faults::invalid_page())
        })?;
        Ok(ListStateMachineAliasesOutput { state_machine_aliases: page.items, next_token: page.next_token })
    }
);
