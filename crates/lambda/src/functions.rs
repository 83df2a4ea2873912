//! Functions as requests mean them: found, shown and listed.

use crate::{
    Lambda, code_keys,
    configuration::{Shown, modified},
    faults, images, limits,
    names::{self, LATEST, Named},
    state::{Function, FunctionKey, State, Version},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, StoredShape, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::Operation;
use std::sync::Arc;

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

    pub fn check_unpacked(&self, unpacked: u64, layers: Option<&Vec<Layer>>) -> Result<(), Fault> {
        let arns = layers.into_iter().flatten().filter_map(|layer| names::layer_version(layer.arn.as_deref()?));
        let total = unpacked
            + arns.filter_map(|key| self.layers.get(&key).or_else(|| self.deleted_layers.get(&key))).map(|layer| layer.unpacked).sum::<u64>();
        if total > limits::UNPACKED_BYTES {
            let text = "Function code combined with layers exceeds the maximum allowed size of";
            return Err(faults::invalid(format!("{text} {} bytes. The actual size is {total} bytes.", limits::UNPACKED_BYTES)));
        }
        Ok(())
    }
}

handler!(Lambda, GetFunction, |lambda, cx, input| Ok(on_function::<GetFunction>(lambda, cx, &input.function_name)?.into()), |lambda, cx, input| {
    let named = names::function(cx, &input.function_name, input.qualifier.as_deref())?;
    let (resolved, function) = lambda.resolved(cx, &named)?;
    let configuration = lambda.shown(cx, &resolved.version, (&named.key, resolved.number), &named.arn(), Shown::Alone).await;
    let code = match (&resolved.version.image, &resolved.version.mounted) {
        (Some(image), _) => images::location(image, resolved.version.sha256()),
        (None, Some(folder)) => FunctionCodeLocation { location: Some(format!("file://{folder}")), ..FunctionCodeLocation::default() },
        (None, None) => {
            let error = code_keys::refusal(cx, &resolved.version, &named.key.arn()).await;
            let location = if error.is_some() { None } else { Some(lambda.link(cx, &resolved.version.code).await?) };
            let source_kms_key_arn = resolved.version.code_key.as_ref().map(|key| key.arn.clone());
            let repository_type = Some("S3".into());
            FunctionCodeLocation { repository_type, location, source_kms_key_arn, error, ..FunctionCodeLocation::default() }
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
        Ok(lambda.shown(cx, &resolved.version, (&named.key, resolved.number), &named.arn(), Shown::Alone).await)
    }
);

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
        let mut functions = Vec::new();
        for (key, number, version, arn) in page.items {
            functions.push(lambda.shown(cx, &version, (&key, number), &arn, Shown::Listed).await);
        }
        Ok(ListFunctionsResponse { next_marker: page.next_token, functions: Some(functions) })
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
