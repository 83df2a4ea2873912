//! Task definitions. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html>

use crate::{
    Ecs, faults, limits, names,
    state::{Definition, DefinitionKey},
};
use cloudlet_api_ecs::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};

fn check(input: &RegisterTaskDefinitionRequest) -> Result<(), Fault> {
    if !names::is_name(&input.family) {
        // AWS: unverified message.
        return Err(faults::client("Family contains invalid characters."));
    }
    let containers = &input.container_definitions;
    if containers.is_empty() {
        return Err(faults::client("Container list cannot be empty."));
    }
    if containers.len() > limits::CONTAINERS {
        // AWS: unverified message.
        return Err(faults::client(format!("Too many container definitions: at most {} are allowed.", limits::CONTAINERS)));
    }
    for (index, container) in containers.iter().enumerate() {
        let name = container.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(faults::client("Container.name should not be null or empty."));
        }
        if !names::is_name(name) {
            // AWS: unverified message.
            return Err(faults::client(format!("Invalid container name {name}.")));
        }
        if container.image.as_deref().unwrap_or_default().is_empty() {
            return Err(faults::client("Container.image should not be null or empty."));
        }
        if containers.iter().take(index).any(|other| other.name.as_deref() == Some(name)) {
            return Err(faults::client(format!("Container names must be unique. Duplicate container name: {name}.")));
        }
        if container.memory.is_none() && container.memory_reservation.is_none() && input.memory.is_none() {
            return Err(faults::client(format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            )));
        }
    }
    if !containers.iter().any(|container| container.essential != Some(false)) {
        return Err(faults::client("A task definition must have at least one essential container."));
    }
    Ok(())
}

fn shown(row: &Definition) -> TaskDefinition {
    TaskDefinition { status: Some(if row.active { "ACTIVE" } else { "INACTIVE" }.to_owned()), deregistered_at: row.deregistered, ..row.shape.shape() }
}

impl Handle<RegisterTaskDefinition> for Ecs {
    fn permissions(&self, cx: &Cx, input: &RegisterTaskDefinitionRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.iter().flatten().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
        let arn = cloudlet_aws::Arn::new("ecs", &cx.scope, &format!("task-definition/{}:*", input.family));
        let has_tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = Permission::of::<RegisterTaskDefinition>(arn).with_request_tags(tags);
        let mut permissions = names::with_tagging(permission, has_tags, "RegisterTaskDefinition");
        permissions.extend(names::passed(cx, [input.task_role_arn.as_deref(), input.execution_role_arn.as_deref()]));
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: RegisterTaskDefinitionRequest) -> Result<RegisterTaskDefinitionResponse, Fault> {
        check(&input)?;
        let tags: Vec<_> = input.tags.clone().unwrap_or_default().into_iter().map(StoredShape::new).collect();
        let row = self.store.write(|state| {
            let revision = state.definitions_of(&cx.scope, &input.family).last().map_or(0, |((_, _, revision), _)| *revision) + 1;
            let shape = TaskDefinition {
                task_definition_arn: Some(names::definition_arn(cx, &input.family, revision).to_string()),
                container_definitions: Some(input.container_definitions.clone()),
                family: Some(input.family.clone()),
                task_role_arn: input.task_role_arn.clone(),
                execution_role_arn: input.execution_role_arn.clone(),
                network_mode: input.network_mode.clone(),
                revision: Some(revision),
                volumes: Some(input.volumes.clone().unwrap_or_default()),
                placement_constraints: Some(input.placement_constraints.clone().unwrap_or_default()),
                compatibilities: Some(vec!["EC2".to_owned(), "FARGATE".to_owned()]),
                runtime_platform: input.runtime_platform.clone(),
                requires_compatibilities: input.requires_compatibilities.clone(),
                cpu: input.cpu.clone(),
                memory: input.memory.clone(),
                inference_accelerators: input.inference_accelerators.clone(),
                pid_mode: input.pid_mode.clone(),
                ipc_mode: input.ipc_mode.clone(),
                proxy_configuration: input.proxy_configuration.clone(),
                registered_at: Some(cx.now),
                registered_by: Some(cx.caller.arn.to_string()),
                ephemeral_storage: input.ephemeral_storage.clone(),
                enable_fault_injection: input.enable_fault_injection,
                trusted_execution_configuration: input.trusted_execution_configuration.clone(),
                ..TaskDefinition::default()
            };
            let row = Definition { shape: StoredShape::new(shape), tags, active: true, deregistered: None };
            state.definitions.insert((cx.scope.clone(), input.family.clone(), revision), row.clone());
            Ok::<_, Fault>(row)
        })?;
        let tags = row.tags.iter().map(StoredShape::shape).collect();
        Ok(RegisterTaskDefinitionResponse { task_definition: Some(shown(&row)), tags: Some(tags) })
    }
}

impl Handle<DescribeTaskDefinition> for Ecs {
    fn permissions(&self, cx: &Cx, _: &DescribeTaskDefinitionRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<DescribeTaskDefinition>(cloudlet_aws::Arn::new("ecs", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeTaskDefinitionRequest) -> Result<DescribeTaskDefinitionResponse, Fault> {
        let (family, revision) = names::definition(&input.task_definition)?;
        let found = self.store.read(|state| state.definition(&cx.scope, family, revision));
        let (_, row) = found.ok_or_else(|| faults::client("Unable to describe task definition."))?;
        let has_tags = input.include.iter().flatten().any(|included| included == "TAGS");
        let tags = row.tags.iter().filter(|_| has_tags).map(StoredShape::shape).collect();
        Ok(DescribeTaskDefinitionResponse { task_definition: Some(shown(&row)), tags: Some(tags) })
    }
}

impl Handle<ListTaskDefinitions> for Ecs {
    fn permissions(&self, cx: &Cx, _: &ListTaskDefinitionsRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<ListTaskDefinitions>(cloudlet_aws::Arn::new("ecs", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListTaskDefinitionsRequest) -> Result<ListTaskDefinitionsResponse, Fault> {
        let list = Paging::of::<ListTaskDefinitions>(cx, &input);
        let active = input.status.as_deref().unwrap_or("ACTIVE") == "ACTIVE";
        let prefix = input.family_prefix.as_deref();
        let mut keys: Vec<DefinitionKey> = self.store.read(|state| {
            let rows =
                state.all_definitions(&cx.scope).filter(|((_, family, _), row)| row.active == active && prefix.is_none_or(|prefix| family == prefix));
            rows.map(|(key, _)| key.clone()).collect()
        });
        let descending = input.sort.as_deref() == Some("DESC");
        if descending {
            keys.reverse();
        }
        let after: Option<(String, i32)> = list.after().map_err(|_| faults::invalid_token())?;
        let is_after = |key: &(String, i32)| after.as_ref().is_none_or(|after| if descending { key < after } else { key > after });
        let rows = keys.into_iter().map(|(_, family, revision)| (family, revision)).filter(is_after);
        let rows = rows.map(|key| (key.clone(), names::definition_arn(cx, &key.0, key.1).to_string()));
        let page = list.page(list.length(limits::PAGE, limits::PAGE), |_: Option<(String, i32)>| rows).map_err(|_| faults::invalid_token())?;
        Ok(ListTaskDefinitionsResponse { task_definition_arns: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DeregisterTaskDefinition> for Ecs {
    fn permissions(&self, cx: &Cx, _: &DeregisterTaskDefinitionRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<DeregisterTaskDefinition>(cloudlet_aws::Arn::new("ecs", &cx.scope, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: DeregisterTaskDefinitionRequest) -> Result<DeregisterTaskDefinitionResponse, Fault> {
        let (family, Some(revision)) = names::definition(&input.task_definition)? else {
            return Err(faults::client("Invalid revision number. Number: null"));
        };
        let row = self.store.write(|state| {
            let (key, mut row) =
                state.definition(&cx.scope, family, Some(revision)).ok_or_else(|| faults::client("Unable to describe task definition."))?;
            if row.active {
                row.active = false;
                row.deregistered = Some(cx.now);
                state.definitions.insert(key, row.clone());
            }
            Ok::<_, Fault>(row)
        })?;
        Ok(DeregisterTaskDefinitionResponse { task_definition: Some(shown(&row)) })
    }
}
