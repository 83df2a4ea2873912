//! Functions: made, changed, shown, deleted.

use crate::{
    Lambda,
    code::{PRINCIPAL, Source},
    configuration::{self, Settings, Shown, modified, unbuilt},
    faults, images, limits,
    names::{self, LATEST, Named},
    networks,
    state::{Function, FunctionKey, Recursion, State, Version, rows_of},
    tag_rules,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, Permissions, StoredShape, handler,
    paging::{InvalidToken, Paging},
    roles,
};
use cloudlet_shape::Operation;
use std::sync::Arc;

/// AWS: the role must trust Lambda when it is handed over.
pub async fn check_role(cx: &Cx, role: &str, function: &Arn) -> Result<(), Fault> {
    let denied = || faults::invalid("The role defined for the function cannot be assumed by Lambda.");
    let role = Arn::parse(role).filter(|arn| arn.service() == "iam").ok_or_else(denied)?;
    if role.account() != function.account() {
        return Err(cloudlet_aws::FaultKind::sender("AccessDeniedException", 403).says("Cross-account pass role is not allowed."));
    }
    roles::assume_role(cx, &role, "LambdaValidation", PRINCIPAL, function).await.map(drop).map_err(|_| denied())
}

fn pass_role(role: Option<&str>, function: &Arn) -> Option<Permission> {
    role.and_then(Arn::parse).map(|role| roles::pass_role(role, PRINCIPAL, Some(function)))
}

fn with_layers(mut permission: Permission, layers: Option<&Vec<String>>) -> Permission {
    if let Some(layers) = layers {
        permission.keys.set_many("lambda:Layer", layers.iter().cloned());
    }
    permission
}

/// Of an operation on a function: the permission is on the function, whichever version the request names, with its tags.
pub fn on_function<O: Operation>(lambda: &Lambda, cx: &Cx, name: &str) -> Result<Permission, Fault> {
    let key = names::function(cx, name, None)?.key;
    Ok(of_function::<O>(lambda, &key))
}

pub fn of_function<O: Operation>(lambda: &Lambda, key: &FunctionKey) -> Permission {
    let tags = lambda.store.read(|state| state.functions.get(key).map(|function| function.tags.clone())).unwrap_or_default();
    let policy = lambda.policy_of(key, "");
    Permission::of::<O>(key.arn()).with_resource_tags(tags).with_policy(policy)
}

/// The version that a request means.
pub struct Resolved {
    pub number: u64,
    pub version: Arc<Version>,
    /// If the request names one.
    pub alias: Option<String>,
}

impl State {
    /// `random` picks one of an alias's versions.
    pub fn resolve(&self, named: &Named, random: u64) -> Option<Resolved> {
        let qualifier = named.qualifier.as_deref().unwrap_or(LATEST);
        let (number, alias) = match names::version(qualifier) {
            Some(number) => (number, None),
            None => {
                let alias = self.aliases.get(&(named.key.clone(), qualifier.to_owned()))?;
                let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
                let number = alias.second.filter(|(_, weight)| share < *weight).map_or(alias.version, |(second, _)| second);
                (number, Some(qualifier.to_owned()))
            }
        };
        let version = self.versions.get(&(named.key.clone(), number))?.clone();
        Some(Resolved { number, version, alias })
    }

    /// Makes a version of `$LATEST` as it is, or gives the one that was made of it. `code` is the copy for a new one.
    pub fn publish(
        &mut self,
        cx: &Cx,
        key: &FunctionKey,
        description: Option<String>,
        code: cloudlet_store::Blob,
    ) -> Result<(u64, Arc<Version>), Fault> {
        let absent = || faults::no_function(key.arn());
        let function = self.functions.get(key).cloned().ok_or_else(absent)?;
        let latest = self.versions.get(&(key.clone(), 0)).cloned().ok_or_else(absent)?;
        let number = function.last_version + 1;
        let mut configuration = latest.configuration.shape();
        configuration.revision_id = Some(cx.ids().uuid());
        configuration.last_modified = Some(modified(cx.now));
        if let Some(snap_start) = &mut configuration.snap_start
            && snap_start.apply_on.as_deref() == Some("PublishedVersions")
        {
            snap_start.optimization_status = Some("On".into());
        }
        if description.is_some() {
            configuration.description = description;
        }
        let version = Arc::new(Version { configuration: StoredShape::new(configuration), code, published: None, ..Version::clone(&latest) });
        self.versions.insert((key.clone(), number), version.clone());
        let latest = Version { published: Some(number), ..latest.revised(cx.ids().uuid()) };
        self.versions.insert((key.clone(), 0), Arc::new(latest));
        self.functions.insert(key.clone(), Arc::new(Function { last_version: number, ..Function::clone(&function) }));
        Ok((number, version))
    }

    /// The bytes of all code of an account and region.
    pub fn code_bytes(&self, scope: &cloudlet_aws::Scope) -> i64 {
        let functions = self.versions.iter().filter(|((key, _), _)| key.is_in(scope)).map(|(_, version)| version.code.length());
        let layers = self.layers.iter().filter(|((key, _), _)| key.is_in(scope)).map(|(_, layer)| layer.code.length());
        i64::try_from(functions.chain(layers).sum::<u64>()).unwrap_or(i64::MAX)
    }

    pub fn check_space(&self, scope: &cloudlet_aws::Scope, more: i64) -> Result<(), Fault> {
        if self.code_bytes(scope).saturating_add(more) > limits::CODE_BYTES_PER_ACCOUNT {
            return Err(faults::CODE_STORAGE_EXCEEDED.says("Code storage limit exceeded."));
        }
        Ok(())
    }

    fn check_unpacked(&self, unpacked: u64, layers: Option<&Vec<Layer>>) -> Result<(), Fault> {
        let arns = layers.into_iter().flatten().filter_map(|layer| names::layer_version(layer.arn.as_deref()?));
        let total = unpacked + arns.filter_map(|key| self.layers.get(&key)).map(|layer| layer.unpacked).sum::<u64>();
        if total > limits::UNPACKED_BYTES {
            let text = "Function code combined with layers exceeds the maximum allowed size of";
            return Err(faults::invalid(format!("{text} {} bytes. The actual size is {total} bytes.", limits::UNPACKED_BYTES)));
        }
        Ok(())
    }
}

/// AWS: as long as it is made or changed. Here that takes no time: only the answer to the request says so.
fn pending(mut configuration: FunctionConfiguration, cx: &Cx) -> FunctionConfiguration {
    configuration.state = Some("Pending".into());
    configuration.state_reason = Some("The function is being created.".into());
    configuration.state_reason_code = Some("Creating".into());
    configuration.last_update_status = None;
    configuration.revision_id = Some(cx.ids().uuid());
    configuration
}

fn in_progress(mut configuration: FunctionConfiguration, cx: &Cx) -> FunctionConfiguration {
    configuration.last_update_status = Some("InProgress".into());
    configuration.last_update_status_reason = Some("The function is being created.".into());
    configuration.last_update_status_reason_code = Some("Creating".into());
    configuration.revision_id = Some(cx.ids().uuid());
    configuration
}

fn check_revision(version: &Version, given: Option<&String>) -> Result<(), Fault> {
    match given {
        Some(given) if given != version.revision() => Err(faults::wrong_revision("GetFunction/GetAlias")),
        _ => Ok(()),
    }
}

handler!(
    Lambda,
    CreateFunction,
    |lambda, cx, input| {
        let arn = names::function(cx, &input.function_name, None)?.key.arn();
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = with_layers(Permission::of::<CreateFunction>(arn.clone()), input.layers.as_ref());
        let permission = permission.with_request_tags(input.tags.clone().unwrap_or_default());
        let mut permissions = permission.and([tagged.then_some("lambda:TagResource")]);
        permissions.extend(pass_role(Some(&input.role), &arn));
        Ok(permissions)
    },
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        if key.name.chars().count() > limits::LONGEST_NAME {
            let most = format_args!("Member must have length less than or equal to {}", limits::LONGEST_NAME);
            return Err(faults::validation(&input.function_name, "functionName", most).recoded(&faults::INVALID_PARAMETER_VALUE));
        }
        if key.account != cx.scope.account {
            return Err(faults::invalid("The function must be in the account of the caller"));
        }
        let is_image = input.package_type.as_deref() == Some("Image");
        images::check(is_image, &input)?;
        if !is_image && (input.runtime.is_none() || input.handler.is_none()) {
            return Err(faults::invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages."));
        }
        let tags = tag_rules::checked(input.tags.take().unwrap_or_default())?;
        let mut settings = Settings {
            runtime: input.runtime.take(),
            role: Some(input.role.clone()),
            handler: input.handler.take(),
            description: input.description.take(),
            timeout: input.timeout,
            memory: input.memory_size,
            dead_letters: input.dead_letter_config.take(),
            environment: input.environment.take(),
            tracing: input.tracing_config.take(),
            layers: input.layers.take(),
            architectures: input.architectures.take(),
            storage: input.ephemeral_storage.take(),
            snap_start: input.snap_start.take(),
            logging: input.logging_config.take(),
            vpc: None,
            image: input.image_config.take(),
            unbuilt: unbuilt(&[
                ("KMSKeyArn", input.kms_key_arn.as_ref().is_some_and(|key| !key.is_empty())),
                ("SourceKMSKeyArn", input.code.source_kms_key_arn.is_some()),
                ("FileSystemConfigs", input.file_system_configs.as_ref().is_some_and(|list| !list.is_empty())),
                ("TenancyConfig", input.tenancy_config.is_some()),
                ("CapacityProviderConfig", input.capacity_provider_config.is_some()),
                ("DurableConfig", input.durable_config.is_some()),
                ("RuntimeConfig", input.runtime_config.is_some()),
                ("AcceleratorConfig", input.accelerator_config.is_some()),
                ("PublishTo", input.publish_to.is_some()),
            ]),
        };
        settings.check(lambda)?;
        let exists = || faults::conflict(format!("Function already exist: {}", key.name));
        if lambda.store.read(|state| state.functions.contains(&key)) {
            return Err(exists());
        }
        let code = &input.code;
        let source = Source {
            zip: code.zip_file.as_ref(),
            bucket: code.s3_bucket.as_deref(),
            key: code.s3_key.as_deref(),
            version: code.s3_object_version.as_deref(),
        };
        let package = match &code.image_uri {
            Some(uri) => Lambda::image(uri),
            None => lambda.package(cx, source, "CreateFunction").await?,
        };
        let layers = lambda.layers_for(cx, settings.layers.as_deref().unwrap_or_default()).await?;
        // AWS: a function that is made without subnets has no configuration of them.
        let in_vpc = |config: &VpcConfig| {
            let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
            has(&config.subnet_ids) || has(&config.security_group_ids)
        };
        if let Some(config) = input.vpc_config.as_ref().filter(|config| in_vpc(config)) {
            settings.vpc = Some(networks::resolve(cx, config).await?);
        }
        let signing = input.code_signing_config_arn.take();
        if let Some(arn) = &signing {
            lambda.signing_config(cx, arn)?;
        }
        check_role(cx, &input.role, &key.arn()).await?;
        let mut configuration = configuration::fresh(&key.name);
        if is_image {
            configuration.package_type = Some("Image".into());
        }
        configuration.code_size = Some(package.size());
        configuration.code_sha256 = Some(package.sha256.clone());
        configuration.last_modified = Some(modified(cx.now));
        configuration.revision_id = Some(cx.ids().uuid());
        let mut environment = None;
        settings.apply(&mut configuration, &mut environment, Some(layers));
        let body = lambda.put_code(cx, package.bytes.clone()).await?;
        let copy = if input.publish == Some(true) { Some(lambda.put_code(cx, package.bytes.clone()).await?) } else { None };
        let (number, version) = lambda.store.write(|state| {
            if state.functions.contains(&key) {
                return Err(exists());
            }
            state.check_space(&key.scope(), package.size())?;
            state.check_unpacked(package.unpacked, configuration.layers.as_ref())?;
            let function = Function {
                id: cx.ids().uuid(),
                last_version: 0,
                tags,
                reserved: None,
                recursion: Recursion::Terminate,
                signing,
                ..Function::default()
            };
            state.functions.insert(key.clone(), Arc::new(function));
            let version = Arc::new(Version {
                configuration: StoredShape::new(configuration),
                environment,
                code: body.blob().clone(),
                unpacked: package.unpacked,
                mounted: package.mounted.clone(),
                image: package.image.clone(),
                published: None,
            });
            state.versions.insert((key.clone(), 0), version.clone());
            match &copy {
                Some(copy) => state.publish(cx, &key, None, copy.blob().clone()),
                None => Ok((0, version)),
            }
        })?;
        body.commit();
        copy.into_iter().for_each(|copy| drop(copy.commit()));
        // AWS: recorded: the ARN of a function that is published when it is made has no version.
        Ok(pending(version.shown(&key, number, &key.arn(), Shown::Alone), cx))
    }
);

handler!(Lambda, GetFunction, |lambda, cx, input| Ok(on_function::<GetFunction>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
    let (resolved, function) = lambda.resolved(cx, &named)?;
    let configuration = resolved.version.shown(&named.key, resolved.number, &named.arn(), Shown::Alone);
    let code = match (&resolved.version.image, &resolved.version.mounted) {
        (Some(image), _) => images::location(image, resolved.version.sha256()),
        (None, Some(folder)) => FunctionCodeLocation { location: Some(format!("file://{folder}")), ..FunctionCodeLocation::default() },
        (None, None) => {
            let location = lambda.link(cx, &resolved.version.code).await?;
            FunctionCodeLocation { repository_type: Some("S3".into()), location: Some(location), ..FunctionCodeLocation::default() }
        }
    };
    let is_whole = named.qualifier.is_none();
    Ok(GetFunctionResponse {
        configuration: Some(configuration),
        code: Some(code),
        tags: Some(function.tags.clone()).filter(|tags| is_whole && !tags.is_empty()),
        tags_error: None,
        concurrency: function.reserved.map(|reserved| Concurrency { reserved_concurrent_executions: Some(reserved) }),
    })
});

handler!(
    Lambda,
    GetFunctionConfiguration,
    |lambda, cx, input| Ok(on_function::<GetFunctionConfiguration>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        let (resolved, _) = lambda.resolved(cx, &named)?;
        Ok(resolved.version.shown(&named.key, resolved.number, &named.arn(), Shown::Alone))
    }
);

handler!(
    Lambda,
    UpdateFunctionCode,
    |lambda, cx, input| Ok(on_function::<UpdateFunctionCode>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        let latest = lambda.latest(&key)?;
        check_revision(&latest, input.revision_id.as_ref())?;
        images::check_update(&latest, &input)?;
        if input.source_kms_key_arn.is_some() || input.publish_to.is_some() {
            return Err(faults::not_built("SourceKMSKeyArn and PublishTo of functions"));
        }
        let source = Source {
            zip: input.zip_file.as_ref(),
            bucket: input.s3_bucket.as_deref(),
            key: input.s3_key.as_deref(),
            version: input.s3_object_version.as_deref(),
        };
        let package = match &input.image_uri {
            Some(uri) => Lambda::image(uri),
            None => lambda.package(cx, source, "UpdateFunctionCode").await?,
        };
        let mut configuration = latest.configuration.shape();
        if configuration.code_sha256.as_ref() != Some(&package.sha256) {
            configuration.last_modified = Some(modified(cx.now));
        }
        configuration.code_size = Some(package.size());
        configuration.code_sha256 = Some(package.sha256.clone());
        configuration.revision_id = Some(cx.ids().uuid());
        configuration.architectures = input.architectures.clone().or(configuration.architectures);
        lambda.store.read(|state| state.check_unpacked(package.unpacked, configuration.layers.as_ref()))?;
        if input.dry_run == Some(true) {
            let version = Version { configuration: StoredShape::new(configuration), ..Version::clone(&latest) };
            return Ok(version.shown(&key, 0, &key.arn(), Shown::Alone));
        }
        let body = lambda.put_code(cx, package.bytes.clone()).await?;
        let copy = if input.publish == Some(true) { Some(lambda.put_code(cx, package.bytes.clone()).await?) } else { None };
        let (number, version, old) = lambda.store.write(|state| {
            let latest = state.versions.get(&(key.clone(), 0)).cloned().ok_or_else(|| faults::no_function(key.arn()))?;
            check_revision(&latest, input.revision_id.as_ref())?;
            state.check_space(&key.scope(), package.size())?;
            let is_same = latest.sha256() == package.sha256 && latest.configuration.architectures == configuration.architectures;
            let changed = Arc::new(Version {
                configuration: StoredShape::new(configuration),
                code: body.blob().clone(),
                unpacked: package.unpacked,
                mounted: package.mounted.clone(),
                image: package.image.clone(),
                published: latest.published.filter(|_| is_same),
                ..Version::clone(&latest)
            });
            state.versions.insert((key.clone(), 0), changed.clone());
            let (number, version) = match (&copy, changed.published.and_then(|number| Some((number, state.versions.get(&(key.clone(), number))?)))) {
                (Some(_), Some((number, version))) => (number, version.clone()),
                (Some(copy), None) => state.publish(cx, &key, None, copy.blob().clone())?,
                (None, _) => (0, changed),
            };
            Ok::<_, Fault>((number, version, latest.code.clone()))
        })?;
        body.commit();
        if let Some(copy) = copy.filter(|copy| version.code == *copy.blob()) {
            copy.commit();
        }
        lambda.blobs.delete(&old);
        let arn = if number == 0 { key.arn() } else { key.qualified_arn(&number.to_string()) };
        Ok(in_progress(version.shown(&key, number, &arn, Shown::Alone), cx))
    }
);

handler!(
    Lambda,
    UpdateFunctionConfiguration,
    |lambda, cx, input| {
        let permission = with_layers(on_function::<UpdateFunctionConfiguration>(lambda, cx, &input.function_name)?, input.layers.as_ref());
        let function = permission.resource.clone();
        let mut permissions = Permissions::from(permission);
        permissions.extend(pass_role(input.role.as_deref(), &function));
        Ok(permissions)
    },
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        let latest = lambda.latest(&key)?;
        check_revision(&latest, input.revision_id.as_ref())?;
        let mut settings = Settings {
            runtime: input.runtime.take(),
            role: input.role.clone(),
            handler: input.handler.take(),
            description: input.description.take(),
            timeout: input.timeout,
            memory: input.memory_size,
            dead_letters: input.dead_letter_config.take(),
            environment: input.environment.take(),
            tracing: input.tracing_config.take(),
            layers: input.layers.take(),
            architectures: None,
            storage: input.ephemeral_storage.take(),
            snap_start: input.snap_start.take(),
            logging: input.logging_config.take(),
            vpc: None,
            image: input.image_config.take(),
            unbuilt: unbuilt(&[
                ("KMSKeyArn", input.kms_key_arn.as_ref().is_some_and(|key| !key.is_empty())),
                ("FileSystemConfigs", input.file_system_configs.as_ref().is_some_and(|list| !list.is_empty())),
                ("CapacityProviderConfig", input.capacity_provider_config.is_some()),
                ("DurableConfig", input.durable_config.is_some()),
                ("RuntimeConfig", input.runtime_config.is_some()),
                ("AcceleratorConfig", input.accelerator_config.is_some()),
            ]),
        };
        settings.check(lambda)?;
        if let Some(config) = &input.vpc_config {
            settings.vpc = Some(networks::resolve(cx, config).await?);
        }
        if let Some(role) = &input.role {
            check_role(cx, role, &key.arn()).await?;
        }
        let layers = match &settings.layers {
            Some(layers) => Some(lambda.layers_for(cx, layers).await?),
            None => None,
        };
        let version = lambda.store.write(|state| {
            let latest = state.versions.get(&(key.clone(), 0)).cloned().ok_or_else(|| faults::no_function(key.arn()))?;
            check_revision(&latest, input.revision_id.as_ref())?;
            let (mut configuration, mut environment) = (latest.configuration.shape(), latest.environment.clone());
            settings.apply(&mut configuration, &mut environment, layers);
            state.check_unpacked(latest.unpacked, configuration.layers.as_ref())?;
            let is_same = StoredShape::new(configuration.clone()) == latest.configuration && environment == latest.environment;
            configuration.last_modified = Some(modified(cx.now));
            configuration.revision_id = Some(cx.ids().uuid());
            let published = latest.published.filter(|_| is_same);
            let version = Version { configuration: StoredShape::new(configuration), environment, published, ..Version::clone(&latest) };
            let version = Arc::new(version);
            state.versions.insert((key.clone(), 0), version.clone());
            Ok::<_, Fault>(version)
        })?;
        Ok(in_progress(version.shown(&key, 0, &key.arn(), Shown::Alone), cx))
    }
);

handler!(
    Lambda,
    DeleteFunction,
    |lambda, cx, input| Ok(on_function::<DeleteFunction>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
        let key = named.key;
        if named.qualifier.as_deref() == Some(LATEST) {
            return Err(faults::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        let bodies = lambda.store.write(|state| {
            if !state.functions.contains(&key) {
                return Err(faults::no_function(key.arn()));
            }
            let Some(qualifier) = &named.qualifier else { return Ok(state.remove_function(&key)) };
            match names::version(qualifier) {
                None => Err(faults::invalid("Deletion of aliases is not currently supported.")),
                Some(number) => {
                    let uses = |alias: &crate::state::Alias| alias.version == number || alias.second.is_some_and(|(second, _)| second == number);
                    let users: Vec<&str> = state.aliases_of(&key).filter(|(_, alias)| uses(alias)).map(|(name, _)| name).collect();
                    if !users.is_empty() {
                        let text = "Unable to delete version because the following aliases reference it:";
                        return Err(faults::conflict(format!("{text} [{}]", users.join(", "))));
                    }
                    let removed = state.versions.remove(&(key.clone(), number));
                    state.remove_qualifier(&key, qualifier);
                    Ok(removed.into_iter().map(|version| version.code.clone()).collect())
                }
            }
        })?;
        bodies.iter().for_each(|body| lambda.blobs.delete(body));
        lambda.forget(&key);
        Ok(DeleteFunctionResponse { status_code: Some(204) })
    }
);

impl State {
    /// Removes a function with all that belongs to it. The bodies that its rows named.
    fn remove_function(&mut self, key: &FunctionKey) -> Vec<cloudlet_store::Blob> {
        self.functions.remove(key);
        let numbers: Vec<u64> = self.versions_of(key).map(|(number, _)| number).collect();
        let bodies = numbers.iter().filter_map(|number| self.versions.remove(&(key.clone(), *number))).map(|version| version.code.clone()).collect();
        let mut qualifiers: Vec<String> = self.aliases_of(key).map(|(name, _)| name.to_owned()).collect();
        qualifiers.extend(rows_of(&self.policies, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.urls, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.invoke_configs, key).map(|(name, _)| name.to_owned()));
        qualifiers.extend(rows_of(&self.provisioned, key).map(|(name, _)| name.to_owned()));
        for qualifier in qualifiers {
            self.aliases.remove(&(key.clone(), qualifier.clone()));
            self.remove_qualifier(key, &qualifier);
        }
        bodies
    }

    /// Removes what belongs to a version or an alias.
    pub fn remove_qualifier(&mut self, key: &FunctionKey, qualifier: &str) {
        let of = (key.clone(), qualifier.to_owned());
        self.policies.remove(&of);
        self.urls.remove(&of);
        self.invoke_configs.remove(&of);
        self.provisioned.remove(&of);
    }
}

handler!(
    Lambda,
    ListFunctions,
    |lambda, cx, input| Ok(Permission::of::<ListFunctions>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        let paging = Paging::of::<ListFunctions>(cx, &input);
        let all = input.function_version.as_deref() == Some("ALL");
        let replicas = input.master_region.is_some();
        let page = lambda.store.read(|state| {
            let rows = state.functions_of(&cx.scope).flat_map(|(key, _)| state.versions_of(key).map(move |(number, version)| (key, number, version)));
            // There are no replicas of functions in other regions (Lambda@Edge).
            let rows = rows.filter(|(_, number, _)| !replicas && (all || *number == 0)).map(|(key, number, version)| {
                let arn = match (all, number) {
                    (false, _) => key.arn(),
                    (true, 0) => key.qualified_arn(LATEST),
                    (true, number) => key.qualified_arn(&number.to_string()),
                };
                ((key.name.to_string(), number), (key.clone(), number, version.clone(), arn))
            });
            paging.page_of(paging.length(limits::LIST_PAGE, limits::LIST_PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        let page = page.map(|(key, number, version, arn)| version.shown(&key, number, &arn, Shown::Listed));
        Ok(ListFunctionsResponse { next_marker: page.next_token, functions: Some(page.items) })
    }
);

impl Lambda {
    pub fn latest(&self, key: &FunctionKey) -> Result<Arc<Version>, Fault> {
        self.store.read(|state| state.versions.get(&(key.clone(), 0)).cloned()).ok_or_else(|| faults::no_function(key.arn()))
    }

    /// The version that a request means, and its function.
    pub fn resolved(&self, cx: &Cx, named: &Named) -> Result<(Resolved, Arc<Function>), Fault> {
        let random = cx.ids().number();
        let found = self.store.read(|state| Some((state.resolve(named, random)?, state.functions.get(&named.key)?.clone())));
        found.ok_or_else(|| faults::no_function(named.arn()))
    }

    /// The function itself, whose absence a fault names by `$LATEST`, as AWS does in some operations.
    pub fn function(&self, key: &FunctionKey) -> Result<Arc<Function>, Fault> {
        self.store.read(|state| state.functions.get(key).cloned()).ok_or_else(|| faults::no_function(key.qualified_arn(LATEST)))
    }

    pub fn change_function(&self, key: &FunctionKey, change: impl FnOnce(&mut Function) -> Result<(), Fault>) -> Result<(), Fault> {
        self.store.write(|state| {
            let mut function = Function::clone(state.functions.get(key).ok_or_else(|| faults::no_function(key.arn()))?);
            change(&mut function)?;
            state.functions.insert(key.clone(), Arc::new(function));
            Ok(())
        })
    }
}
