//! Code signing configurations. Signatures themselves are not verified: there is no AWS Signer here, and so no archive that one has signed.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html>

use crate::{
    Lambda,
    configuration::modified,
    faults,
    functions::on_function,
    names,
    state::{Function, FunctionKey, SigningConfig},
    tag_rules,
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::{Empty, Map, Operation};
use std::sync::Arc;

const PAGE: usize = 50;
const DEFAULT_POLICY: &str = "Warn";

fn arn_of(key: &FunctionKey) -> Arn {
    Arn::new("lambda", &key.scope(), &format!("code-signing-config:{}", key.name))
}

/// The key of a configuration by its ARN, in the account and region of the ARN.
pub fn key_of(cx: &Cx, arn: &str) -> FunctionKey {
    let parsed = Arn::parse(arn);
    let scope = parsed.as_ref().and_then(Arn::scope).unwrap_or_else(|| cx.scope.clone());
    FunctionKey::new(&scope, arn.rsplit_once(':').map_or(arn, |(_, id)| id))
}

fn absent(arn: &str) -> Fault {
    faults::CODE_SIGNING_CONFIG_NOT_FOUND
        .says(format!("The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}."))
        .with("Type", "User")
}

fn shown(key: &FunctionKey, config: &SigningConfig) -> CodeSigningConfig {
    CodeSigningConfig {
        code_signing_config_id: key.name.to_string(),
        code_signing_config_arn: arn_of(key).to_string(),
        description: Some(config.description.clone()),
        allowed_publishers: AllowedPublishers { signing_profile_version_arns: config.publishers.clone() },
        code_signing_policies: CodeSigningPolicies { untrusted_artifact_on_deployment: Some(config.untrusted.clone()) },
        last_modified: modified(config.modified),
    }
}

impl Lambda {
    pub fn signing_config(&self, cx: &Cx, arn: &str) -> Result<(FunctionKey, Arc<SigningConfig>), Fault> {
        let key = key_of(cx, arn);
        let config = self.store.read(|state| state.signing_configs.get(&key).cloned());
        config.map(|config| (key, config)).ok_or_else(|| absent(arn))
    }

    pub fn change_signing_config(
        &self,
        cx: &Cx,
        arn: &str,
        change: impl FnOnce(&mut SigningConfig) -> Result<(), Fault>,
    ) -> Result<SigningConfig, Fault> {
        let key = key_of(cx, arn);
        self.store.write(|state| {
            let mut config = SigningConfig::clone(state.signing_configs.get(&key).ok_or_else(|| absent(arn))?);
            change(&mut config)?;
            state.signing_configs.insert(key, Arc::new(config.clone()));
            Ok(config)
        })
    }
}

pub fn on_config<O: Operation>(lambda: &Lambda, cx: &Cx, arn: &str) -> Permission {
    let key = key_of(cx, arn);
    let tags = lambda.store.read(|state| state.signing_configs.get(&key).map(|config| config.tags.clone())).unwrap_or_default();
    Permission::of::<O>(arn_of(&key)).with_resource_tags(tags)
}

handler!(
    Lambda,
    CreateCodeSigningConfig,
    |lambda, cx, input| {
        let permission = Permission::of::<CreateCodeSigningConfig>(Arn::any()).owned_by(cx.scope.account);
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        Ok(permission.with_request_tags(input.tags.clone().unwrap_or_default()).and([tagged.then_some("lambda:TagResource")]))
    },
    |lambda, cx, input| {
        let key = FunctionKey::new(&cx.scope, &format!("csc-0{}", cx.ids().hex(16)));
        let config = SigningConfig {
            description: input.description.take().unwrap_or_default(),
            publishers: input.allowed_publishers.signing_profile_version_arns,
            untrusted: input
                .code_signing_policies
                .take()
                .and_then(|policies| policies.untrusted_artifact_on_deployment)
                .unwrap_or_else(|| DEFAULT_POLICY.to_owned()),
            modified: cx.now,
            tags: tag_rules::checked(input.tags.take().unwrap_or_default())?,
        };
        lambda.store.update(|state| state.signing_configs.insert(key.clone(), Arc::new(config.clone())));
        Ok(CreateCodeSigningConfigResponse { code_signing_config: shown(&key, &config) })
    }
);

handler!(
    Lambda,
    GetCodeSigningConfig,
    |lambda, cx, input| Ok(on_config::<GetCodeSigningConfig>(lambda, cx, &input.code_signing_config_arn).into()),
    |lambda, cx, input| {
        let (key, config) = lambda.signing_config(cx, &input.code_signing_config_arn)?;
        Ok(GetCodeSigningConfigResponse { code_signing_config: shown(&key, &config) })
    }
);

handler!(
    Lambda,
    UpdateCodeSigningConfig,
    |lambda, cx, input| Ok(on_config::<UpdateCodeSigningConfig>(lambda, cx, &input.code_signing_config_arn).into()),
    |lambda, cx, input| {
        let config = lambda.change_signing_config(cx, &input.code_signing_config_arn, |config| {
            if let Some(description) = input.description.take() {
                config.description = description;
            }
            if let Some(publishers) = input.allowed_publishers.take() {
                config.publishers = publishers.signing_profile_version_arns;
            }
            if let Some(untrusted) = input.code_signing_policies.take().and_then(|policies| policies.untrusted_artifact_on_deployment) {
                config.untrusted = untrusted;
            }
            config.modified = cx.now;
            Ok(())
        })?;
        Ok(UpdateCodeSigningConfigResponse { code_signing_config: shown(&key_of(cx, &input.code_signing_config_arn), &config) })
    }
);

handler!(
    Lambda,
    DeleteCodeSigningConfig,
    |lambda, cx, input| Ok(on_config::<DeleteCodeSigningConfig>(lambda, cx, &input.code_signing_config_arn).into()),
    |lambda, cx, input| {
        let key = key_of(cx, &input.code_signing_config_arn);
        lambda.store.write(|state| {
            if !state.signing_configs.contains(&key) {
                return Err(absent(&input.code_signing_config_arn));
            }
            let arn = arn_of(&key);
            if state.functions.iter().any(|(_, function)| function.signing.as_deref() == Some(arn.as_str())) {
                // AWS: unverified wording.
                let text = "Cannot delete the code signing configuration because it is being used by a function.";
                return Err(faults::conflict(text));
            }
            state.signing_configs.remove(&key);
            Ok(DeleteCodeSigningConfigResponse {})
        })
    }
);

handler!(
    Lambda,
    ListCodeSigningConfigs,
    |lambda, cx, input| Ok(Permission::of::<ListCodeSigningConfigs>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        let paging = Paging::of::<ListCodeSigningConfigs>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.signing_configs.iter().filter(|(key, _)| key.is_in(&cx.scope));
            let rows = rows.map(|(key, config)| (key.name.to_string(), shown(key, config)));
            paging.page_of(paging.length(PAGE, PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListCodeSigningConfigsResponse { next_marker: page.next_token, code_signing_configs: Some(page.items) })
    }
);

handler!(
    Lambda,
    ListFunctionsByCodeSigningConfig,
    |lambda, cx, input| Ok(on_config::<ListFunctionsByCodeSigningConfig>(lambda, cx, &input.code_signing_config_arn).into()),
    |lambda, cx, input| {
        let (key, _) = lambda.signing_config(cx, &input.code_signing_config_arn)?;
        let (arn, scope) = (arn_of(&key), key.scope());
        let paging = Paging::of::<ListFunctionsByCodeSigningConfig>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.functions_of(&scope).filter(|(_, function)| function.signing.as_deref() == Some(arn.as_str()));
            let rows = rows.map(|(key, _)| (key.name.to_string(), key.arn().to_string()));
            paging.page_of(paging.length(PAGE, PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListFunctionsByCodeSigningConfigResponse { next_marker: page.next_token, function_arns: Some(page.items) })
    }
);

impl Function {
    fn signed_by(&mut self, arn: Option<String>) {
        self.signing = arn;
    }
}

handler!(
    Lambda,
    PutFunctionCodeSigningConfig,
    |lambda, cx, input| {
        let permission = on_function::<PutFunctionCodeSigningConfig>(lambda, cx, &input.function_name)?;
        Ok(permission.with_key("lambda:CodeSigningConfigArn", input.code_signing_config_arn.clone()).into())
    },
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        lambda.latest(&key)?;
        lambda.signing_config(cx, &input.code_signing_config_arn)?;
        let arn = input.code_signing_config_arn;
        lambda.change_function(&key, |function| {
            function.signed_by(Some(arn.clone()));
            Ok(())
        })?;
        Ok(PutFunctionCodeSigningConfigResponse { code_signing_config_arn: arn, function_name: key.name.to_string() })
    }
);

handler!(
    Lambda,
    GetFunctionCodeSigningConfig,
    |lambda, cx, input| Ok(on_function::<GetFunctionCodeSigningConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        let function = lambda.store.read(|state| state.functions.get(&key).cloned()).ok_or_else(|| faults::no_function(key.arn()))?;
        // AWS: recorded: without a configuration both are empty.
        let name = if function.signing.is_some() { key.name.to_string() } else { String::new() };
        Ok(GetFunctionCodeSigningConfigResponse { code_signing_config_arn: function.signing.clone().unwrap_or_default(), function_name: name })
    }
);

handler!(
    Lambda,
    DeleteFunctionCodeSigningConfig,
    |lambda, cx, input| Ok(on_function::<DeleteFunctionCodeSigningConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        lambda.latest(&key)?;
        lambda.change_function(&key, |function| {
            function.signed_by(None);
            Ok(())
        })?;
        Ok(Empty {})
    }
);

/// The tags of a configuration.
pub fn tags(lambda: &Lambda, cx: &Cx, arn: &str) -> Result<Map<String>, Fault> {
    lambda.signing_config(cx, arn).map(|(_, config)| config.tags.clone())
}
