//! S3 Storage Lens: its configurations. They are kept and answered; nothing is counted, so that no metrics are exported.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage_lens.html>

mod groups;
mod rules;

use crate::{
    S3Control, account_permission, api, check_account,
    state::{Key, LensConfiguration, Tags},
};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};
use cloudlet_shape::{Empty, Operation};
use std::sync::Arc;

/// The dashboard that every account has. It can be switched off, and not deleted.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage_lens_basics_metrics_recommendations.html>
const DEFAULT: &str = "default-account-dashboard";
/// AWS: unverified that it is there and in no other region.
const HOME: &str = "us-east-1";

/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
const MOST_CONFIGURATIONS: usize = 50;
const MOST_LISTED: usize = 1_000;

fn no_configuration() -> Fault {
    FaultKind::sender("NoSuchConfiguration", 404).says("The specified configuration does not exist.")
}

fn invalid_token() -> Fault {
    // AWS: unverified.
    FaultKind::sender("InvalidRequest", 400).says("The continuation token provided is incorrect")
}

fn arn(cx: &Cx, id: &str) -> Arn {
    Arn::new("s3", &cx.scope, &format!("storage-lens/{id}"))
}

fn on_configuration<O: Operation>(cx: &Cx, account: &str, id: &str) -> Result<Permission, Fault> {
    check_account(cx, account)?;
    Ok(Permission::of::<O>(arn(cx, id)).owned_by(cx.scope.account))
}

fn tags_of(tags: Vec<api::StorageLensTag>) -> Result<Tags, Fault> {
    let tags: Tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    crate::tagging::check(&tags)?;
    Ok(tags)
}

/// The default dashboard as it is until somebody changes it.
fn default_dashboard(cx: &Cx) -> Option<Arc<LensConfiguration>> {
    let configuration = api::StorageLensConfiguration { id: DEFAULT.to_owned(), is_enabled: true, ..Default::default() };
    (cx.scope.region.as_str() == HOME).then(|| Arc::new(LensConfiguration { configuration: StoredShape::new(configuration), tags: vec![] }))
}

impl S3Control {
    fn lens_configuration(&self, cx: &Cx, id: &str) -> Result<Arc<LensConfiguration>, Fault> {
        let stored = self.store.read(|state| state.lens_configurations.get(&Key::new(&cx.scope, id)).cloned());
        stored.or_else(|| default_dashboard(cx).filter(|_| id == DEFAULT)).ok_or_else(no_configuration)
    }

    fn set_lens_tags(&self, cx: &Cx, id: &str, tags: Tags) -> Result<(), Fault> {
        let row = LensConfiguration { tags, ..LensConfiguration::clone(&*self.lens_configuration(cx, id)?) };
        self.store.write(|state| {
            state.lens_configurations.insert(Key::new(&cx.scope, id), Arc::new(row));
            Ok(())
        })
    }
}

impl Handle<api::PutStorageLensConfiguration> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutStorageLensConfigurationRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let tags = input.tags.iter().flatten().map(|tag| (&tag.key, tag.value.clone()));
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = Permission::of::<api::PutStorageLensConfiguration>(arn(cx, &input.config_id)).owned_by(cx.scope.account);
        Ok(permission.with_request_tags(tags).and([tagged.then_some("s3:PutStorageLensConfigurationTagging")]))
    }

    async fn handle(&self, cx: &Cx, input: api::PutStorageLensConfigurationRequest) -> Result<Empty, Fault> {
        let id = input.config_id;
        rules::check_configuration(&id, DEFAULT, &input.storage_lens_configuration)?;
        let tags = input.tags.map(tags_of).transpose()?;
        let configuration = StoredShape::new(input.storage_lens_configuration);
        self.store.write(|state| {
            let key = Key::new(&cx.scope, &id);
            let old = state.lens_configurations.get(&key);
            if old.is_none() && id != DEFAULT && Key::all_of(&state.lens_configurations, &cx.scope).count() >= MOST_CONFIGURATIONS {
                // AWS: unverified code and text.
                return Err(FaultKind::sender("TooManyConfigurations", 400)
                    .says("You are attempting to create a new configuration but have already reached the configuration limit."));
            }
            let tags = tags.or_else(|| old.map(|row| row.tags.clone())).unwrap_or_default();
            state.lens_configurations.insert(key, Arc::new(LensConfiguration { configuration, tags }));
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetStorageLensConfiguration> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetStorageLensConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(on_configuration::<api::GetStorageLensConfiguration>(cx, &input.account_id, &input.config_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetStorageLensConfigurationRequest) -> Result<api::GetStorageLensConfigurationResult, Fault> {
        let row = self.lens_configuration(cx, &input.config_id)?;
        let arn = Some(arn(cx, &input.config_id).to_string());
        let shown = api::StorageLensConfiguration { storage_lens_arn: arn, ..row.configuration.shape() };
        Ok(api::GetStorageLensConfigurationResult { storage_lens_configuration: Some(shown) })
    }
}

impl Handle<api::DeleteStorageLensConfiguration> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteStorageLensConfigurationRequest) -> Result<Permissions, Fault> {
        Ok(on_configuration::<api::DeleteStorageLensConfiguration>(cx, &input.account_id, &input.config_id)?.into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteStorageLensConfigurationRequest) -> Result<Empty, Fault> {
        if input.config_id == DEFAULT {
            // AWS: documented that it cannot be; the text is unverified.
            return Err(rules::INVALID.says("The default dashboard cannot be deleted."));
        }
        self.store.write(|state| match state.lens_configurations.remove(&Key::new(&cx.scope, &input.config_id)) {
            Some(_) => Ok(Empty {}),
            None => Err(no_configuration()),
        })
    }
}

impl Handle<api::ListStorageLensConfigurations> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListStorageLensConfigurationsRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:ListStorageLensConfigurations")
    }

    async fn handle(&self, cx: &Cx, input: api::ListStorageLensConfigurationsRequest) -> Result<api::ListStorageLensConfigurationsResult, Fault> {
        let paging = Paging::of::<api::ListStorageLensConfigurations>(cx, &input);
        let page = self.store.read(|state| {
            let mut rows: Vec<_> = Key::all_of(&state.lens_configurations, &cx.scope).map(|(key, row)| (key.id.clone(), row.clone())).collect();
            if rows.iter().all(|(id, _)| id != DEFAULT) {
                rows.extend(default_dashboard(cx).map(|row| (DEFAULT.to_owned(), row)));
                rows.sort_by(|one, other| one.0.cmp(&other.0));
            }
            paging.page_of(MOST_LISTED, rows.into_iter().map(|(id, row)| (id.clone(), (id, row))))
        });
        let page = page.map_err(|_| invalid_token())?.map(|(id, row)| api::ListStorageLensConfigurationEntry {
            storage_lens_arn: arn(cx, &id).to_string(),
            id,
            home_region: cx.scope.region.to_string(),
            is_enabled: Some(row.configuration.is_enabled),
        });
        Ok(api::ListStorageLensConfigurationsResult { next_token: page.next_token, storage_lens_configuration_list: Some(page.items) })
    }
}

impl Handle<api::PutStorageLensConfigurationTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutStorageLensConfigurationTaggingRequest) -> Result<Permissions, Fault> {
        let permission = on_configuration::<api::PutStorageLensConfigurationTagging>(cx, &input.account_id, &input.config_id)?;
        Ok(permission.with_request_tags(input.tags.iter().map(|tag| (&tag.key, tag.value.clone()))).into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::PutStorageLensConfigurationTaggingRequest,
    ) -> Result<api::PutStorageLensConfigurationTaggingResult, Fault> {
        self.set_lens_tags(cx, &input.config_id, tags_of(input.tags)?)?;
        Ok(api::PutStorageLensConfigurationTaggingResult {})
    }
}

impl Handle<api::GetStorageLensConfigurationTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetStorageLensConfigurationTaggingRequest) -> Result<Permissions, Fault> {
        Ok(on_configuration::<api::GetStorageLensConfigurationTagging>(cx, &input.account_id, &input.config_id)?.into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::GetStorageLensConfigurationTaggingRequest,
    ) -> Result<api::GetStorageLensConfigurationTaggingResult, Fault> {
        let row = self.lens_configuration(cx, &input.config_id)?;
        let tags = row.tags.iter().map(|(key, value)| api::StorageLensTag { key: key.clone(), value: value.clone() }).collect();
        Ok(api::GetStorageLensConfigurationTaggingResult { tags: Some(tags) })
    }
}

impl Handle<api::DeleteStorageLensConfigurationTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteStorageLensConfigurationTaggingRequest) -> Result<Permissions, Fault> {
        Ok(on_configuration::<api::DeleteStorageLensConfigurationTagging>(cx, &input.account_id, &input.config_id)?.into())
    }

    async fn handle(
        &self,
        cx: &Cx,
        input: api::DeleteStorageLensConfigurationTaggingRequest,
    ) -> Result<api::DeleteStorageLensConfigurationTaggingResult, Fault> {
        self.set_lens_tags(cx, &input.config_id, vec![])?;
        Ok(api::DeleteStorageLensConfigurationTaggingResult {})
    }
}
