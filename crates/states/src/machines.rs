//! State machines.

use crate::{
    PRINCIPAL, States,
    arns::{self, Qualifier, on_machine},
    configurations, faults, limits, names,
    state::{NamedKey, Revision, State, StateMachine, Type, Version},
    tags,
};
use cloudlet_api_states::*;
use cloudlet_asl::definition::Definition;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
    roles,
};
use cloudlet_shape::Map;
use std::sync::Arc;

pub fn machine_type(text: Option<&str>) -> Type {
    if text == Some("EXPRESS") { Type::Express } else { Type::Standard }
}

pub fn references(definition: &Definition) -> Option<Map<Vec<String>>> {
    // AWS: absent when no state has any (recorded).
    Some(definition.variable_references().into_iter().collect::<Map<_>>()).filter(|all| !all.is_empty())
}

/// AWS: the role must trust Step Functions when it is handed over.
pub async fn check_role(cx: &Cx, role: &str, machine: &Arn) -> Result<(), Fault> {
    let arn = Arn::parse(role).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/")).ok_or_else(|| faults::wrong_arn(role))?;
    let assumed = roles::assume_role(cx, &arn, "StepFunctionsValidation", PRINCIPAL, machine).await;
    assumed.map(drop).map_err(|_| {
        let text = "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.";
        faults::ACCESS_DENIED.says(text)
    })
}

fn check_publish(publish: Option<bool>, description: Option<&String>) -> Result<bool, Fault> {
    match (publish.unwrap_or(false), description) {
        (false, Some(_)) => Err(faults::VALIDATION.says("Version description can only be set when publish is true")),
        (publish, _) => Ok(publish),
    }
}

/// Makes a version of what the machine is now, unless the last version is the same.
pub fn publish(state: &mut State, cx: &Cx, key: &NamedKey, description: Option<String>) -> Result<(u64, cloudlet_aws::Timestamp), Fault> {
    let machine = state.machines.get(key).cloned().ok_or_else(|| faults::no_machine(key.machine_arn().as_str()))?;
    if let Some(version) = state.versions.get(&(key.clone(), machine.last_version))
        && version.revision == machine.revision
    {
        return Ok((machine.last_version, version.created));
    }
    if state.versions.range((key.clone(), 0)..=(key.clone(), u64::MAX)).count() >= limits::VERSIONS_PER_MACHINE {
        return Err(faults::SERVICE_QUOTA_EXCEEDED.says("The state machine has the maximum number of versions"));
    }
    let number = machine.last_version + 1;
    state.versions.insert((key.clone(), number), Arc::new(Version { revision: machine.revision.clone(), created: cx.now, description }));
    state.machines.insert(key.clone(), Arc::new(StateMachine { last_version: number, ..StateMachine::clone(&machine) }));
    Ok((number, cx.now))
}

/// Machine and revision that an ARN names: of the machine, or of a version, or of the version that an alias routes to.
pub struct Resolved {
    pub key: NamedKey,
    pub machine: Arc<StateMachine>,
    pub id: Arc<str>,
    pub revision: Arc<Revision>,
    pub version: Option<u64>,
    pub alias: Option<String>,
}

impl State {
    /// `random` picks one of an alias's versions.
    pub fn resolve(&self, text: &str, random: u64) -> Result<Resolved, Fault> {
        let arn = arns::machine(text)?;
        let absent = || faults::no_machine(text);
        let machine = self.machines.get(&arn.key).cloned().ok_or_else(absent)?;
        let (version, alias) = match arn.qualifier {
            Qualifier::None => (None, None),
            Qualifier::Version(version) => (Some(version), None),
            Qualifier::Label(_) => return Err(faults::labeled()),
            Qualifier::Alias(name) => {
                let alias = self.aliases.get(&(arn.key.clone(), name.clone())).ok_or_else(absent)?;
                let mut left = i32::try_from(random % 100).unwrap_or(0);
                let picked = alias.routes.iter().find(|(_, weight)| {
                    left -= weight;
                    left < 0
                });
                (picked.or(alias.routes.last()).map(|(version, _)| *version), Some(name))
            }
        };
        let id = match version {
            None => machine.revision.clone(),
            Some(version) => self.versions.get(&(arn.key.clone(), version)).ok_or_else(absent)?.revision.clone(),
        };
        let revision = self.revisions.get(&id).cloned().ok_or_else(absent)?;
        Ok(Resolved { key: arn.key, machine, id, revision, version, alias })
    }
}

handler!(
    States,
    CreateStateMachine,
    |states, cx, input| {
        let machine = NamedKey::new(&cx.scope, &input.name).machine_arn();
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = Permission::of::<CreateStateMachine>(machine.clone()).with_request_tags(tags::pairs(input.tags.as_deref()));
        let mut permissions =
            permission.and([tagged.then_some("states:TagResource"), input.publish.unwrap_or(false).then_some("states:PublishStateMachineVersion")]);
        permissions.extend(Arn::parse(&input.role_arn).map(|role| roles::pass_role(role, PRINCIPAL, Some(&machine))));
        Ok(permissions)
    },
    |states, cx, input| {
        names::check(&input.name)?;
        let publishes = check_publish(input.publish, input.version_description.as_ref())?;
        let key = NamedKey::new(&cx.scope, &input.name);
        let arn = key.machine_arn();
        let of = machine_type(input.r#type.as_deref());
        states.read_definition(cx, &input.definition, of)?;
        configurations::check_logging(input.logging_configuration.as_ref())?;
        configurations::check_encryption(input.encryption_configuration.as_ref())?;
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        check_role(cx, &input.role_arn, &arn).await?;
        states.check_log_destination(cx, input.logging_configuration.as_ref(), &input.role_arn, &arn).await?;
        let revision = Revision {
            machine: key.clone(),
            r#type: of,
            definition: input.definition.as_str().into(),
            role_arn: input.role_arn.clone(),
            updated: cx.now,
            logging: configurations::stored(input.logging_configuration.as_ref()),
            tracing: input.tracing_configuration.as_ref().and_then(|tracing| tracing.enabled).unwrap_or(false),
            encryption: configurations::stored(input.encryption_configuration.as_ref()),
            label: None,
        };
        let id: Arc<str> = cx.ids().uuid().into();
        states.store.write(|state| {
            if let Some(existing) = state.machines.get(&key).cloned() {
                if existing.deleting {
                    return Err(faults::deleting(arn.as_str()));
                }
                let same = state.revisions.get(&existing.revision).is_some_and(|other| {
                    // AWS: another role is ignored.
                    let other = Revision { role_arn: revision.role_arn.clone(), updated: revision.updated, ..Revision::clone(other) };
                    other == revision
                });
                let versions: Vec<_> = state
                    .versions
                    .range((key.clone(), 0)..=(key.clone(), u64::MAX))
                    .map(|((_, number), version)| (*number, version.clone()))
                    .collect();
                let published =
                    versions.iter().find(|(_, version)| version.revision == existing.revision && version.description == input.version_description);
                if !same || publishes != published.is_some() {
                    return Err(faults::machine_exists(arn.as_str()));
                }
                return Ok(CreateStateMachineOutput {
                    state_machine_arn: arn.to_string(),
                    creation_date: existing.created,
                    state_machine_version_arn: published.map(|(number, _)| key.version_arn(*number).to_string()),
                });
            }
            if state.machines.len() >= limits::MACHINES {
                return Err(faults::STATE_MACHINE_LIMIT_EXCEEDED.says("State Machine Limit Exceeded"));
            }
            let machine = StateMachine { r#type: of, created: cx.now, revision: id.clone(), initial: true, deleting: false, tags, last_version: 0 };
            state.machines.insert(key.clone(), Arc::new(machine));
            state.revisions.insert(id, Arc::new(revision));
            let version = if publishes { Some(publish(state, cx, &key, input.version_description)?.0) } else { None };
            Ok(CreateStateMachineOutput {
                state_machine_arn: arn.to_string(),
                creation_date: cx.now,
                state_machine_version_arn: version.map(|version| key.version_arn(version).to_string()),
            })
        })
    }
);

handler!(
    States,
    UpdateStateMachine,
    |states, cx, input| {
        let permission = on_machine::<UpdateStateMachine>(&input.state_machine_arn)?;
        let machine = permission.resource.clone();
        let mut permissions = permission.and([input.publish.unwrap_or(false).then_some("states:PublishStateMachineVersion")]);
        permissions.extend(input.role_arn.as_deref().and_then(Arn::parse).map(|role| roles::pass_role(role, PRINCIPAL, Some(&machine))));
        Ok(permissions)
    },
    |states, cx, input| {
        let key = arns::plain_machine(&input.state_machine_arn)?;
        let arn = key.machine_arn();
        let publishes = check_publish(input.publish, input.version_description.as_ref())?;
        let nothing = input.definition.is_none()
            && input.role_arn.is_none()
            && input.logging_configuration.is_none()
            && input.tracing_configuration.is_none()
            && input.encryption_configuration.is_none();
        if nothing {
            let text = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";
            return Err(faults::MISSING_REQUIRED_PARAMETER.says(text));
        }
        let machine = states.store.read(|state| state.machines.get(&key).cloned()).ok_or_else(|| faults::no_machine(arn.as_str()))?;
        if let Some(definition) = &input.definition {
            states.read_definition(cx, definition, machine.r#type)?;
        }
        configurations::check_logging(input.logging_configuration.as_ref())?;
        configurations::check_encryption(input.encryption_configuration.as_ref())?;
        if let Some(role) = &input.role_arn {
            check_role(cx, role, &arn).await?;
        }
        if let Some(logging) = &input.logging_configuration {
            let role = states.store.read(|state| state.revisions.get(&machine.revision).map(|revision| revision.role_arn.clone()));
            let role = input.role_arn.clone().or(role).unwrap_or_default();
            states.check_log_destination(cx, Some(logging), &role, &arn).await?;
        }
        let id: Arc<str> = cx.ids().uuid().into();
        states.store.write(|state| {
            let machine = state.machines.get(&key).cloned().ok_or_else(|| faults::no_machine(arn.as_str()))?;
            if machine.deleting {
                return Err(faults::deleting(arn.as_str()));
            }
            let before = state.revisions.get(&machine.revision).cloned().ok_or_else(|| faults::no_machine(arn.as_str()))?;
            let mut after = Revision::clone(&before);
            if let Some(definition) = &input.definition {
                after.definition = definition.as_str().into();
            }
            if let Some(role) = &input.role_arn {
                after.role_arn.clone_from(role);
            }
            if let Some(logging) = &input.logging_configuration {
                after.logging = configurations::stored(Some(logging));
            }
            if let Some(tracing) = &input.tracing_configuration {
                after.tracing = tracing.enabled.unwrap_or(false);
            }
            if let Some(encryption) = &input.encryption_configuration {
                after.encryption = configurations::stored(Some(encryption));
            }
            // AWS: a machine that is as it was has no new revision (recorded).
            let revision_id = if after == *before {
                Some(machine.revision.to_string()).filter(|_| !machine.initial)
            } else {
                after.updated = cx.now;
                state.revisions.insert(id.clone(), Arc::new(after));
                let old = machine.revision.clone();
                state.machines.insert(key.clone(), Arc::new(StateMachine { revision: id.clone(), initial: false, ..StateMachine::clone(&machine) }));
                state.drop_revision(&old);
                Some(id.to_string())
            };
            let version = if publishes { Some(publish(state, cx, &key, input.version_description)?.0) } else { None };
            Ok(UpdateStateMachineOutput {
                update_date: cx.now,
                revision_id,
                state_machine_version_arn: version.map(|version| key.version_arn(version).to_string()),
            })
        })
    }
);

handler!(
    States,
    DescribeStateMachine,
    |states, cx, input| Ok(on_machine::<DescribeStateMachine>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        let found = states.store.read(|state| state.resolve(&input.state_machine_arn, 0))?;
        if found.alias.is_some() {
            return Err(faults::no_machine(&input.state_machine_arn));
        }
        let version = found.version.and_then(|version| states.store.read(|state| state.versions.get(&(found.key.clone(), version)).cloned()));
        let definition = states.definition(&found.id, &found.revision)?;
        let first = found.machine.initial && found.machine.revision == found.id;
        Ok(DescribeStateMachineOutput {
            state_machine_arn: input.state_machine_arn,
            name: found.key.name.to_string(),
            status: Some(if found.machine.deleting { "DELETING" } else { "ACTIVE" }.to_owned()),
            definition: found.revision.definition.to_string(),
            role_arn: found.revision.role_arn.clone(),
            r#type: found.machine.r#type.name().to_owned(),
            creation_date: version.as_ref().map_or(found.machine.created, |version| version.created),
            logging_configuration: Some(configurations::logging(found.revision.logging.as_ref())),
            tracing_configuration: Some(TracingConfiguration { enabled: Some(found.revision.tracing) }),
            label: None,
            revision_id: (!first).then(|| found.id.to_string()),
            description: version.and_then(|version| version.description.clone()),
            encryption_configuration: configurations::shown(found.revision.encryption.as_ref()),
            variable_references: references(&definition),
        })
    }
);

handler!(
    States,
    ListStateMachines,
    |states, cx, input| Ok(Permission::of::<ListStateMachines>(Arn::any()).owned_by(cx.scope.account).into()),
    |states, cx, input| {
        let list = Paging::of::<ListStateMachines>(cx, &input);
        let page = states.store.read(|state| {
            let first = NamedKey::new(&cx.scope, "");
            list.page(page_length(input.max_results), |after: Option<String>| {
                let from = after.map_or(first.clone(), |after| NamedKey::new(&cx.scope, &(after + "\0")));
                let here = first.clone();
                let rows = state.machines.range(from..).take_while(move |(key, _)| key.account == here.account && key.region == here.region);
                rows.map(|(key, machine)| {
                    let item = StateMachineListItem {
                        state_machine_arn: key.machine_arn().to_string(),
                        name: key.name.to_string(),
                        r#type: machine.r#type.name().to_owned(),
                        creation_date: machine.created,
                    };
                    (key.name.to_string(), item)
                })
            })
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListStateMachinesOutput { state_machines: page.items, next_token: page.next_token })
    }
);

/// AWS: 0 is the usual number.
pub fn page_length(most: Option<i32>) -> usize {
    let given = most.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0);
    given.unwrap_or(limits::USUAL_PAGE).min(limits::LONGEST_PAGE)
}

impl States {
    /// Removes a machine that no execution runs of.
    pub fn remove_machine(state: &mut State, key: &NamedKey) {
        let Some(machine) = state.machines.remove(key) else { return };
        let versions: Vec<_> =
            state.versions.range((key.clone(), 0)..=(key.clone(), u64::MAX)).map(|(key, version)| (key.clone(), version.revision.clone())).collect();
        let aliases: Vec<_> =
            state.aliases.range((key.clone(), String::new())..).take_while(|((of, _), _)| of == key).map(|(key, _)| key.clone()).collect();
        aliases.iter().for_each(|key| drop(state.aliases.remove(key)));
        versions.iter().for_each(|(key, _)| drop(state.versions.remove(key)));
        versions.iter().for_each(|(_, revision)| state.drop_revision(revision));
        state.drop_revision(&machine.revision);
    }
}

handler!(
    States,
    DeleteStateMachine,
    |states, cx, input| Ok(on_machine::<DeleteStateMachine>(&input.state_machine_arn)?.into()),
    |states, cx, input| {
        let arn = arns::machine(&input.state_machine_arn)?;
        if matches!(arn.qualifier, Qualifier::Label(_)) {
            return Err(faults::labeled());
        }
        if arn.qualifier != Qualifier::None {
            return Ok(DeleteStateMachineOutput {});
        }
        let running = states.store.update(|state| {
            let running = state.running(&arn.key);
            match state.machines.get(&arn.key).cloned() {
                Some(machine) if !running.is_empty() => {
                    state.machines.insert(arn.key.clone(), Arc::new(StateMachine { deleting: true, ..StateMachine::clone(&machine) }));
                }
                Some(_) => States::remove_machine(state, &arn.key),
                None => {}
            }
            running
        });
        if !running.is_empty() {
            states.schedule_removal(cx, &arn.key)?;
        }
        Ok(DeleteStateMachineOutput {})
    }
);

handler!(
    States,
    ValidateStateMachineDefinition,
    |states, cx, input| {
        let any = Arn::build(cx.scope.partition(), "states", cx.scope.region.as_str(), cx.scope.account.as_str(), "stateMachine:*");
        Ok(Permission::of::<ValidateStateMachineDefinition>(any).into())
    },
    |states, cx, input| {
        let (_, diagnostics) = states.check_definition(cx, &input.definition, machine_type(input.r#type.as_deref()))?;
        let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity.name() == "ERROR");
        let wanted = |severity: &str| severity == "ERROR" || input.severity.as_deref() == Some("WARNING");
        let most = input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(100);
        let shown: Vec<_> = diagnostics.into_iter().filter(|diagnostic| wanted(diagnostic.severity.name())).collect();
        let truncated = shown.len() > most;
        let diagnostics = shown.into_iter().take(most).map(|diagnostic| ValidateStateMachineDefinitionDiagnostic {
            severity: diagnostic.severity.name().to_owned(),
            code: diagnostic.code.name().to_owned(),
            message: diagnostic.message,
            location: diagnostic.location,
        });
        Ok(ValidateStateMachineDefinitionOutput {
            result: if failed { "FAIL" } else { "OK" }.to_owned(),
            diagnostics: diagnostics.collect(),
            truncated: Some(truncated),
        })
    }
);
