//! Layers: code that functions share.

use crate::{
    Lambda,
    code::Source,
    configuration, faults,
    names::{self, layer_version},
    policies::{self, Grant},
    runtimes,
    state::{FunctionKey, LayerVersion, State},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::{Empty, Operation};
use std::{collections::BTreeMap, sync::Arc};

const PAGE: usize = 50;

fn number(version: i64) -> Result<u64, Fault> {
    u64::try_from(version).ok().filter(|number| *number > 0).ok_or_else(|| faults::invalid("Layer Version Cannot be less than 1"))
}

fn absent(key: &FunctionKey, number: u64) -> Fault {
    faults::not_found(format!("Layer version {} does not exist.", key.layer_version_arn(number)))
}

/// The permission for an operation on a version of a layer, with the version's policy.
fn on_version<O: Operation>(lambda: &Lambda, key: &FunctionKey, number: u64) -> Permission {
    let arn = key.layer_version_arn(number);
    let policy = lambda.store.read(|state| state.layers.get(&(key.clone(), number)).and_then(|layer| layer.policy.clone()));
    Permission::of::<O>(arn.clone()).with_policy(policy.map(|policy| policy.policy.named(&arn)))
}

fn positive(version: i64) -> u64 {
    u64::try_from(version).unwrap_or(0)
}

impl LayerVersion {
    fn listed(&self, key: &FunctionKey, number: u64) -> LayerVersionsListItem {
        LayerVersionsListItem {
            layer_version_arn: Some(key.layer_version_arn(number).to_string()),
            version: i64::try_from(number).ok(),
            description: Some(self.description.clone()),
            created_date: Some(configuration::modified(self.created)),
            compatible_architectures: self.architectures.clone(),
            compatible_runtimes: self.runtimes.clone(),
            license_info: self.license.clone(),
        }
    }

    fn fits(&self, runtime: Option<&String>, architecture: Option<&String>) -> bool {
        let has =
            |list: &Option<Vec<String>>, wanted: Option<&String>| wanted.is_none_or(|wanted| list.as_ref().is_some_and(|list| list.contains(wanted)));
        has(&self.runtimes, runtime) && has(&self.architectures, architecture)
    }
}

impl State {
    /// Whether a function has a version of a layer.
    fn uses_layer(&self, (key, number): &(FunctionKey, u64)) -> bool {
        let arn = key.layer_version_arn(*number);
        let has = |layer: &Layer| layer.arn.as_deref() == Some(arn.as_str());
        self.versions.values().any(|version| version.configuration.layers.iter().flatten().any(has))
    }

    /// Removes deleted layers that no function has any more. Their bodies.
    pub fn remove_unused_layers(&mut self) -> Vec<cloudlet_store::Blob> {
        let deleted: Vec<_> = self.deleted_layers.iter().map(|(of, _)| of.clone()).collect();
        let unused: Vec<_> = deleted.into_iter().filter(|of| !self.uses_layer(of)).collect();
        unused.into_iter().filter_map(|of| self.deleted_layers.remove(&of)).map(|layer| layer.code.clone()).collect()
    }
}

impl Lambda {
    /// The layers that a request gives to a function. The caller must be allowed to use them.
    pub async fn layers_for(&self, cx: &Cx, arns: &[String]) -> Result<Vec<Layer>, Fault> {
        let layers = self.store.read(|state| configuration::layers(state, arns))?;
        for (key, number) in arns.iter().filter_map(|arn| layer_version(arn)) {
            if key.region != cx.scope.region {
                let text = format!("Layers are not in the same region as the function. Layers are expected to be in region {}.", cx.scope.region);
                return Err(faults::invalid(text));
            }
            cx.check::<CreateFunction>(&on_version::<GetLayerVersion>(self, &key, number))?;
        }
        Ok(layers)
    }

    async fn shown_version(&self, cx: &Cx, key: &FunctionKey, number: u64) -> Result<GetLayerVersionResponse, Fault> {
        let layer = self.store.read(|state| state.layers.get(&(key.clone(), number)).cloned());
        // AWS: recorded: for an absent version it does not say which.
        let layer = layer.ok_or_else(faults::no_resource)?;
        let listed = layer.listed(key, number);
        Ok(GetLayerVersionResponse {
            content: Some(LayerVersionContentOutput {
                location: Some(self.link(cx, &layer.code).await?),
                code_sha256: Some(layer.sha256.clone()),
                code_size: i64::try_from(layer.code.length()).ok(),
                ..LayerVersionContentOutput::default()
            }),
            layer_arn: Some(key.layer_arn().to_string()),
            layer_version_arn: listed.layer_version_arn,
            description: listed.description,
            created_date: listed.created_date,
            version: listed.version,
            compatible_architectures: listed.compatible_architectures,
            compatible_runtimes: listed.compatible_runtimes,
            license_info: listed.license_info,
        })
    }
}

handler!(
    Lambda,
    PublishLayerVersion,
    |lambda, cx, input| Ok(Permission::of::<PublishLayerVersion>(names::layer(cx, &input.layer_name).layer_arn()).into()),
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        runtimes::check_compatible(input.compatible_runtimes.as_ref())?;
        let content = &input.content;
        let source = Source {
            zip: content.zip_file.as_ref(),
            bucket: content.s3_bucket.as_deref(),
            key: content.s3_key.as_deref(),
            version: content.s3_object_version.as_deref(),
            storage_mode: content.s3_object_storage_mode.as_deref(),
        };
        let package = lambda.package(cx, source, "PublishLayerVersion").await?;
        if package.mounted.is_some() {
            return Err(faults::not_built("layers that are folders of the machine"));
        }
        let body = lambda.put_code(cx, package.bytes.clone()).await?;
        let layer = LayerVersion {
            description: input.description.take().unwrap_or_default(),
            created: cx.now,
            sha256: package.sha256.clone(),
            code: body.blob().clone(),
            unpacked: package.unpacked,
            architectures: input.compatible_architectures.take(),
            runtimes: input.compatible_runtimes.take(),
            license: input.license_info.take(),
            policy: None,
        };
        let number = lambda.store.write(|state| {
            state.check_space(&key.scope(), package.size())?;
            let number = state.layer_numbers.get(&key).copied().unwrap_or(0) + 1;
            state.layer_numbers.insert(key.clone(), number);
            state.layers.insert((key.clone(), number), Arc::new(layer));
            Ok::<_, Fault>(number)
        })?;
        body.commit();
        let shown = lambda.shown_version(cx, &key, number).await?;
        Ok(PublishLayerVersionResponse {
            content: shown.content,
            layer_arn: shown.layer_arn,
            layer_version_arn: shown.layer_version_arn,
            description: shown.description,
            created_date: shown.created_date,
            version: shown.version,
            compatible_architectures: shown.compatible_architectures,
            compatible_runtimes: shown.compatible_runtimes,
            license_info: shown.license_info,
        })
    }
);

handler!(
    Lambda,
    GetLayerVersion,
    |lambda, cx, input| Ok(on_version::<GetLayerVersion>(lambda, &names::layer(cx, &input.layer_name), positive(input.version_number)).into()),
    |lambda, cx, input| {
        let number = number(input.version_number)?;
        lambda.shown_version(cx, &names::layer(cx, &input.layer_name), number).await
    }
);

handler!(
    Lambda,
    GetLayerVersionByArn,
    |lambda, cx, input| {
        let (key, number) = layer_version(&input.arn).ok_or_else(faults::no_resource)?;
        Ok(on_version::<GetLayerVersionByArn>(lambda, &key, number).into())
    },
    |lambda, cx, input| {
        let (key, number) = layer_version(&input.arn).ok_or_else(faults::no_resource)?;
        lambda.shown_version(cx, &key, number).await
    }
);

handler!(
    Lambda,
    DeleteLayerVersion,
    |lambda, cx, input| Ok(on_version::<DeleteLayerVersion>(lambda, &names::layer(cx, &input.layer_name), positive(input.version_number)).into()),
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        let number = number(input.version_number)?;
        // AWS: functions that have it keep it. Their code here is read from the layer, so a layer that a function has keeps its body.
        let removed = lambda.store.update(|state| {
            let of = (key, number);
            let removed = state.layers.remove(&of)?;
            if state.uses_layer(&of) {
                state.deleted_layers.insert(of, removed);
                return None;
            }
            Some(removed)
        });
        if let Some(layer) = removed {
            lambda.blobs.delete(&layer.code);
        }
        Ok(Empty {})
    }
);

handler!(
    Lambda,
    ListLayerVersions,
    |lambda, cx, input| Ok(Permission::of::<ListLayerVersions>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        runtimes::check_listed(input.compatible_runtime.as_ref())?;
        let paging = Paging::of::<ListLayerVersions>(cx, &input);
        let page = lambda.store.read(|state| {
            // The newest first.
            let rows = state.layers.range((key.clone(), 0)..=(key.clone(), u64::MAX)).rev();
            let rows = rows.filter(|(_, layer)| layer.fits(input.compatible_runtime.as_ref(), input.compatible_architecture.as_ref()));
            let rows = rows.map(|((key, number), layer)| (u64::MAX - number, layer.listed(key, *number)));
            paging.page_of(paging.length(PAGE, PAGE), rows)
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListLayerVersionsResponse { next_marker: page.next_token, layer_versions: Some(page.items) })
    }
);

handler!(
    Lambda,
    ListLayers,
    |lambda, cx, input| Ok(Permission::of::<ListLayers>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        runtimes::check_listed(input.compatible_runtime.as_ref())?;
        let paging = Paging::of::<ListLayers>(cx, &input);
        let page = lambda.store.read(|state| {
            let rows = state.layers.iter().filter(|((key, _), _)| key.is_in(&cx.scope));
            let rows = rows.filter(|(_, layer)| layer.fits(input.compatible_runtime.as_ref(), input.compatible_architecture.as_ref()));
            // The last version of each.
            let latest: BTreeMap<String, LayersListItem> = rows
                .map(|((key, number), layer)| {
                    let item = LayersListItem {
                        layer_name: Some(key.name.to_string()),
                        layer_arn: Some(key.layer_arn().to_string()),
                        latest_matching_version: Some(layer.listed(key, *number)),
                    };
                    (key.name.to_string(), item)
                })
                .collect();
            paging.page_of(paging.length(PAGE, PAGE), latest.into_iter())
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListLayersResponse { next_marker: page.next_token, layers: Some(page.items) })
    }
);

handler!(
    Lambda,
    AddLayerVersionPermission,
    |lambda, cx, input| {
        Ok(on_version::<AddLayerVersionPermission>(lambda, &names::layer(cx, &input.layer_name), positive(input.version_number)).into())
    },
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        let number = number(input.version_number)?;
        let conditions = input.organization_id.take().map(|id| ("StringEquals", "aws:PrincipalOrgID", id)).into_iter().collect();
        let grant = Grant { principal: &input.principal, action: &input.action, conditions };
        let statement = policies::statement(&input.statement_id, &grant, &key.layer_version_arn(number))?;
        let revision = lambda.store.write(|state| {
            let layer = state.layers.get(&(key.clone(), number)).cloned().ok_or_else(|| absent(&key, number))?;
            let current = layer.policy.as_deref();
            policies::check_revision(current, input.revision_id.as_ref(), "GetLayerPolicy")?;
            let policy = policies::added(cx, current, &input.statement_id, &statement)?;
            let revision = policy.revision.clone();
            state.layers.insert((key.clone(), number), Arc::new(LayerVersion { policy: Some(Arc::new(policy)), ..LayerVersion::clone(&layer) }));
            Ok::<_, Fault>(revision)
        })?;
        Ok(AddLayerVersionPermissionResponse { statement: Some(statement.to_string()), revision_id: Some(revision) })
    }
);

handler!(
    Lambda,
    RemoveLayerVersionPermission,
    |lambda, cx, input| {
        Ok(on_version::<RemoveLayerVersionPermission>(lambda, &names::layer(cx, &input.layer_name), positive(input.version_number)).into())
    },
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        let number = number(input.version_number)?;
        lambda.store.write(|state| {
            let layer = state.layers.get(&(key.clone(), number)).cloned().ok_or_else(|| absent(&key, number))?;
            policies::check_revision(layer.policy.as_deref(), input.revision_id.as_ref(), "GetLayerPolicy")?;
            let current = layer.policy.as_deref().ok_or_else(|| faults::not_found("No policy is associated with the given resource."))?;
            let policy = policies::removed(cx, current, &input.statement_id)?.map(Arc::new);
            state.layers.insert((key.clone(), number), Arc::new(LayerVersion { policy, ..LayerVersion::clone(&layer) }));
            Ok(Empty {})
        })
    }
);

handler!(
    Lambda,
    GetLayerVersionPolicy,
    |lambda, cx, input| {
        Ok(on_version::<GetLayerVersionPolicy>(lambda, &names::layer(cx, &input.layer_name), positive(input.version_number)).into())
    },
    |lambda, cx, input| {
        let key = names::layer(cx, &input.layer_name);
        let number = number(input.version_number)?;
        let layer = lambda.store.read(|state| state.layers.get(&(key.clone(), number)).cloned()).ok_or_else(|| absent(&key, number))?;
        let policy = layer.policy.as_deref().ok_or_else(|| faults::not_found("No policy is associated with the given resource."))?;
        Ok(GetLayerVersionPolicyResponse { policy: Some(policy.policy.text.to_string()), revision_id: Some(policy.revision.clone()) })
    }
);
