//! Functions are made and changed.

use crate::{
    Lambda,
    code::{PRINCIPAL, Source},
    code_keys,
    configuration::{self, Settings, Shown, modified, unbuilt},
    encryption::{self, StoredEnvironment},
    faults,
    functions::on_function,
    images, limits, names, networks, sending,
    state::{CodeKey, Function, Recursion, Version},
    tag_rules,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, Permissions, StoredShape, handler, roles};
use cloudlet_shape::Map;
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
    // That of another account is refused in another way.
    let own = role.and_then(Arn::parse).filter(|role| role.account() == function.account());
    own.map(|role| roles::pass_role(role, PRINCIPAL, Some(function)))
}

/// The settings that the requests of both operations have, under the same names.
macro_rules! settings_of {
    ($input:ident) => {{
        let has_files = $input.file_system_configs.as_ref().is_some_and(|list| !list.is_empty());
        Settings {
            runtime: $input.runtime.take(),
            handler: $input.handler.take(),
            description: $input.description.take(),
            timeout: $input.timeout,
            memory: $input.memory_size,
            dead_letters: $input.dead_letter_config.take(),
            environment: $input.environment.take(),
            key: $input.kms_key_arn.take(),
            tracing: $input.tracing_config.take(),
            layers: $input.layers.take(),
            storage: $input.ephemeral_storage.take(),
            snap_start: $input.snap_start.take(),
            logging: $input.logging_config.take(),
            image: $input.image_config.take(),
            unbuilt: unbuilt(&[
                ("FileSystemConfigs", has_files),
                ("CapacityProviderConfig", $input.capacity_provider_config.is_some()),
                ("DurableConfig", $input.durable_config.is_some()),
                ("RuntimeConfig", $input.runtime_config.is_some()),
                ("AcceleratorConfig", $input.accelerator_config.is_some()),
            ]),
            ..Settings::default()
        }
    }};
}

fn with_layers(mut permission: Permission, layers: Option<&Vec<String>>) -> Permission {
    if let Some(layers) = layers {
        permission.keys.set_many("lambda:Layer", layers.iter().cloned());
    }
    permission
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
        let key = names::function(cx, &input.function_name, None)?.changeable()?;
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
        let mut settings = Settings { role: Some(input.role.clone()), architectures: input.architectures.take(), ..settings_of!(input) };
        settings.unbuilt.extend(unbuilt(&[("TenancyConfig", input.tenancy_config.is_some()), ("PublishTo", input.publish_to.is_some())]));
        settings.check(lambda, None)?;
        settings.check_snap_start(settings.runtime.as_deref().unwrap_or_default())?;
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
            storage_mode: code.s3_object_storage_mode.as_deref(),
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
        sending::check_dead_letters(cx, &input.role, &key, settings.dead_letter_target()).await?;
        let given = settings.environment.take().and_then(|environment| environment.variables);
        let (environment, sealed) = encryption::stored(cx, settings.key.as_deref(), &input.role, &key.arn(), given).await?;
        let code_key = code_keys::made(cx, input.code.source_kms_key_arn.as_deref(), &key).await?;
        let mut configuration = configuration::fresh(&key.name);
        if is_image {
            configuration.package_type = Some("Image".into());
        }
        configuration.code_size = Some(package.size());
        configuration.code_sha256 = Some(package.sha256.clone());
        configuration.last_modified = Some(modified(cx.now));
        configuration.revision_id = Some(cx.ids().uuid());
        settings.apply(&mut configuration, Some(layers));
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
                sealed,
                code: body.blob().clone(),
                code_key,
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
        Ok(pending(lambda.shown(cx, &version, (&key, number), &key.arn(), Shown::Alone).await, cx))
    }
);

handler!(
    Lambda,
    UpdateFunctionCode,
    |lambda, cx, input| Ok(on_function::<UpdateFunctionCode>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.changeable()?;
        let latest = lambda.latest(&key)?;
        check_revision(&latest, input.revision_id.as_ref())?;
        images::check_update(&latest, &input)?;
        if input.publish_to.is_some() {
            return Err(faults::not_built("PublishTo of functions"));
        }
        let source = Source {
            zip: input.zip_file.as_ref(),
            bucket: input.s3_bucket.as_deref(),
            key: input.s3_key.as_deref(),
            version: input.s3_object_version.as_deref(),
            storage_mode: input.s3_object_storage_mode.as_deref(),
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
            return Ok(lambda.shown(cx, &version, (&key, 0), &key.arn(), Shown::Alone).await);
        }
        let code_key = code_keys::made(cx, input.source_kms_key_arn.as_deref(), &key).await?;
        let body = lambda.put_code(cx, package.bytes.clone()).await?;
        let copy = if input.publish == Some(true) { Some(lambda.put_code(cx, package.bytes.clone()).await?) } else { None };
        let (number, version, old) = lambda.store.write(|state| {
            let latest = state.versions.get(&(key.clone(), 0)).cloned().ok_or_else(|| faults::no_function(key.arn()))?;
            check_revision(&latest, input.revision_id.as_ref())?;
            state.check_space(&key.scope(), package.size())?;
            let key_arn = |key: &Option<CodeKey>| key.as_ref().map(|key| key.arn.clone());
            let is_same = latest.sha256() == package.sha256
                && latest.configuration.architectures == configuration.architectures
                && key_arn(&latest.code_key) == key_arn(&code_key);
            let changed = Arc::new(Version {
                configuration: StoredShape::new(configuration),
                code: body.blob().clone(),
                code_key,
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
        Ok(in_progress(lambda.shown(cx, &version, (&key, number), &arn, Shown::Alone).await, cx))
    }
);

/// The variables after a change of them, of their key, or of the role. `None`: they stay as they are.
async fn changed_environment(
    cx: &Cx,
    function: &Arn,
    latest: &Version,
    (key, role): (Option<&str>, Option<&str>),
    given: Option<Option<Map<String>>>,
) -> Result<Option<StoredEnvironment>, Fault> {
    let key_of_old = latest.text(|configuration| configuration.kms_key_arn.as_ref());
    let (new_key, new_role) = (key.unwrap_or(key_of_old), role.unwrap_or(latest.role()));
    if given.is_none() && new_key == key_of_old {
        if latest.sealed.is_some() && role.is_some() {
            encryption::grant(cx, new_key, new_role, function).await?;
        }
        return Ok(None);
    }
    let variables = match given {
        Some(variables) => variables,
        None => encryption::open(cx, latest, function).await?,
    };
    encryption::stored(cx, Some(new_key), new_role, function, variables).await.map(Some)
}

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
        let key = names::function(cx, &input.function_name, None)?.changeable()?;
        let latest = lambda.latest(&key)?;
        check_revision(&latest, input.revision_id.as_ref())?;
        images::check_settings(&latest, &input)?;
        let mut settings = Settings { role: input.role.clone(), ..settings_of!(input) };
        let logging = latest.configuration.logging_config.as_ref();
        settings.check(lambda, logging.and_then(|logging| logging.log_format.as_deref()))?;
        let runtime = latest.text(|configuration| configuration.runtime.as_ref()).to_owned();
        settings.check_snap_start(settings.runtime.as_deref().unwrap_or(&runtime))?;
        if let Some(config) = &input.vpc_config {
            settings.vpc = Some(networks::resolve(cx, config).await?);
        }
        if let Some(role) = &input.role {
            check_role(cx, role, &key.arn()).await?;
        }
        sending::check_dead_letters(cx, input.role.as_deref().unwrap_or(latest.role()), &key, settings.dead_letter_target()).await?;
        let layers = match &settings.layers {
            Some(layers) => Some(lambda.layers_for(cx, layers).await?),
            None => None,
        };
        let given = settings.environment.take().map(|environment| environment.variables);
        let changed = changed_environment(cx, &key.arn(), &latest, (settings.key.as_deref(), input.role.as_deref()), given).await?;
        let read = latest;
        let (version, unused) = lambda.store.write(|state| {
            let latest = state.versions.get(&(key.clone(), 0)).cloned().ok_or_else(|| faults::no_function(key.arn()))?;
            check_revision(&latest, input.revision_id.as_ref())?;
            if latest.revision() != read.revision() && (latest.sealed.is_some() || read.sealed.is_some()) {
                return Err(faults::in_progress(&key.arn()));
            }
            let (environment, sealed) = changed.unwrap_or_else(|| (latest.environment.clone(), latest.sealed.clone()));
            let mut configuration = latest.configuration.shape();
            settings.apply(&mut configuration, layers);
            state.check_unpacked(latest.unpacked, configuration.layers.as_ref())?;
            let is_same =
                StoredShape::new(configuration.clone()) == latest.configuration && environment == latest.environment && sealed == latest.sealed;
            configuration.last_modified = Some(modified(cx.now));
            configuration.revision_id = Some(cx.ids().uuid());
            let published = latest.published.filter(|_| is_same);
            let version = Version { configuration: StoredShape::new(configuration), environment, sealed, published, ..Version::clone(&latest) };
            let version = Arc::new(version);
            state.versions.insert((key.clone(), 0), version.clone());
            Ok::<_, Fault>((version, state.remove_unused_layers()))
        })?;
        unused.iter().for_each(|body| lambda.blobs.delete(body));
        Ok(in_progress(lambda.shown(cx, &version, (&key, 0), &key.arn(), Shown::Alone).await, cx))
    }
);
