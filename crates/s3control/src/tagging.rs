//! Tags of access points, buckets, what Access Grants has, and groups of Storage Lens.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html>

use crate::{
    S3Control, api, check_account,
    state::{Grant, GrantsInstance, GrantsLocation, Key, LensGroup, State, Tags},
};
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Arn, Caller, Fault, FaultKind};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};
use cloudlet_store::Table;
use std::sync::Arc;

const INVALID_TAG: FaultKind = FaultKind::sender("InvalidTag", 400);

pub fn check(tags: &[(String, String)]) -> Result<(), Fault> {
    let rules = TagRules { most: 50, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };
    rules.check(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).map_err(|mistake| match mistake {
        // AWS: the message is unverified.
        InvalidTag::TooMany => FaultKind::sender("TooManyTagsException", 400).says("A resource can have at most 50 tags."),
        InvalidTag::Reserved { .. } => INVALID_TAG.says(
            "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" from your tag keys and try again.",
        ),
        InvalidTag::Duplicate { .. } => {
            INVALID_TAG.says("There are duplicate tag keys in your request. Remove the duplicate tag keys and try again.")
        }
        InvalidTag::Key { .. } | InvalidTag::Value { .. } => INVALID_TAG.says(
            "This request contains a tag key or value that isn't valid. Valid characters include the following: [a-zA-Z+-=._:/]. Tag keys can \
             contain up to 128 characters. Tag values can contain up to 256 characters.",
        ),
    })
}

/// What is tagged.
enum Resource {
    Bucket(String),
    AccessPoint(String),
    /// A row of this crate.
    Row(Kind, Key),
}

#[derive(Clone, Copy)]
enum Kind {
    Instance,
    Location,
    Grant,
    LensGroup,
}

fn no_such_resource() -> Fault {
    FaultKind::sender("NoSuchResource", 404).says("The specified resource doesn't exist.")
}

/// A row that has tags.
trait Tagged: Clone {
    fn table(state: &mut State) -> &mut Table<Key, Arc<Self>>;
    fn tags(&mut self) -> &mut Tags;
}

macro_rules! tagged {
    ($($row:ident in $table:ident),+) => {
        $(impl Tagged for $row {
            fn table(state: &mut State) -> &mut Table<Key, Arc<Self>> {
                &mut state.$table
            }
            fn tags(&mut self) -> &mut Tags {
                &mut self.tags
            }
        })+
    };
}
tagged!(GrantsInstance in grants_instances, GrantsLocation in locations, Grant in grants, LensGroup in lens_groups);

fn set_row<R: Tagged>(state: &mut State, key: &Key, tags: Tags) -> Result<(), Fault> {
    let table = R::table(state);
    let mut row = R::clone(table.get(key).ok_or_else(no_such_resource)?);
    *row.tags() = tags;
    table.insert(key.clone(), Arc::new(row));
    Ok(())
}

fn resource(cx: &Cx, account: &str, arn: &str) -> Result<(Arn, Resource), Fault> {
    check_account(cx, account)?;
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "s3").ok_or_else(no_such_resource)?;
    let row = |kind: Kind, id: &str| Resource::Row(kind, Key::new(&cx.scope, id));
    let is_own = arn.account() == cx.scope.account.as_str();
    let parts: Vec<&str> = arn.resource().split('/').collect();
    let resource = match parts[..] {
        [bucket] if arn.account().is_empty() => Resource::Bucket(bucket.to_owned()),
        ["accesspoint", name] if is_own => Resource::AccessPoint(name.to_owned()),
        ["access-grants", id] if is_own => row(Kind::Instance, id),
        ["access-grants", _, "location", id] if is_own => row(Kind::Location, id),
        ["access-grants", _, "grant", id] if is_own => row(Kind::Grant, id),
        ["storage-lens-group", name] if is_own => row(Kind::LensGroup, name),
        _ => return Err(no_such_resource()),
    };
    Ok((arn, resource))
}

impl S3Control {
    /// The tags of a bucket are S3's.
    async fn tags_of(&self, cx: &Cx, resource: &Resource) -> Result<Tags, Fault> {
        match resource {
            Resource::AccessPoint(name) => Ok(self.access_point(cx, name)?.tags.clone()),
            Resource::Row(kind, key) => {
                let found = self.store.read(|state| match kind {
                    Kind::Instance => state.grants_instances.get(key).map(|row| row.tags.clone()),
                    Kind::Location => state.locations.get(key).map(|row| row.tags.clone()),
                    Kind::Grant => state.grants.get(key).map(|row| row.tags.clone()),
                    Kind::LensGroup => state.lens_groups.get(key).map(|row| row.tags.clone()),
                });
                found.ok_or_else(no_such_resource)
            }
            Resource::Bucket(bucket) => {
                let request = s3::GetBucketTaggingRequest { bucket: bucket.clone(), expected_bucket_owner: Some(cx.scope.account.to_string()) };
                match cx.call::<s3::GetBucketTagging>(owner(cx), cx.scope.clone(), request).await {
                    Ok(found) => Ok(found.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
                    Err(fault) if fault.code() == "NoSuchTagSet" => Ok(vec![]),
                    Err(fault) if fault.code() == "NoSuchBucket" => Err(no_such_resource()),
                    Err(fault) => Err(fault),
                }
            }
        }
    }

    async fn set_tags(&self, cx: &Cx, resource: &Resource, mut tags: Tags) -> Result<(), Fault> {
        tags.sort();
        check(&tags)?;
        match resource {
            Resource::AccessPoint(name) => self.change_access_point(cx, name, |row| row.tags = tags),
            Resource::Row(kind, key) => self.store.write(|state| match kind {
                Kind::Instance => set_row::<GrantsInstance>(state, key, tags),
                Kind::Location => set_row::<GrantsLocation>(state, key, tags),
                Kind::Grant => set_row::<Grant>(state, key, tags),
                Kind::LensGroup => set_row::<LensGroup>(state, key, tags),
            }),
            Resource::Bucket(bucket) if tags.is_empty() => {
                let request = s3::DeleteBucketTaggingRequest { bucket: bucket.clone(), ..Default::default() };
                cx.call::<s3::DeleteBucketTagging>(owner(cx), cx.scope.clone(), request).await.map(drop)
            }
            Resource::Bucket(bucket) => {
                let tag_set = tags.into_iter().map(|(key, value)| s3::Tag { key, value }).collect();
                let request = s3::PutBucketTaggingRequest { bucket: bucket.clone(), tagging: s3::Tagging { tag_set }, ..Default::default() };
                cx.call::<s3::PutBucketTagging>(owner(cx), cx.scope.clone(), request).await.map(drop)
            }
        }
    }
}

/// The caller is authorized here; what S3 does then it does for the owner of the bucket.
fn owner(cx: &Cx) -> Caller {
    Caller::root(cx.scope.account, cx.scope.partition(), None)
}

impl Handle<api::TagResource> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::TagResourceRequest) -> Result<Permissions, Fault> {
        let (arn, _) = resource(cx, &input.account_id, &input.resource_arn)?;
        let tags = input.tags.iter().map(|tag| (&tag.key, tag.value.clone()));
        Ok(Permission::of::<api::TagResource>(arn).owned_by(cx.scope.account).with_request_tags(tags).into())
    }

    async fn handle(&self, cx: &Cx, input: api::TagResourceRequest) -> Result<api::TagResourceResult, Fault> {
        let (_, resource) = resource(cx, &input.account_id, &input.resource_arn)?;
        let new: Tags = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        check(&new)?;
        let mut tags = self.tags_of(cx, &resource).await?;
        tags.retain(|(key, _)| !new.iter().any(|(other, _)| other == key));
        tags.extend(new);
        self.set_tags(cx, &resource, tags).await?;
        Ok(api::TagResourceResult {})
    }
}

impl Handle<api::UntagResource> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::UntagResourceRequest) -> Result<Permissions, Fault> {
        let (arn, _) = resource(cx, &input.account_id, &input.resource_arn)?;
        Ok(Permission::of::<api::UntagResource>(arn).owned_by(cx.scope.account).with_tag_keys(&input.tag_keys).into())
    }

    async fn handle(&self, cx: &Cx, input: api::UntagResourceRequest) -> Result<api::UntagResourceResult, Fault> {
        let (_, resource) = resource(cx, &input.account_id, &input.resource_arn)?;
        let mut tags = self.tags_of(cx, &resource).await?;
        tags.retain(|(key, _)| !input.tag_keys.contains(key));
        self.set_tags(cx, &resource, tags).await?;
        Ok(api::UntagResourceResult {})
    }
}

impl Handle<api::ListTagsForResource> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListTagsForResourceRequest) -> Result<Permissions, Fault> {
        let (arn, _) = resource(cx, &input.account_id, &input.resource_arn)?;
        Ok(Permission::of::<api::ListTagsForResource>(arn).owned_by(cx.scope.account).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListTagsForResourceRequest) -> Result<api::ListTagsForResourceResult, Fault> {
        let (_, resource) = resource(cx, &input.account_id, &input.resource_arn)?;
        let tags = self.tags_of(cx, &resource).await?;
        Ok(api::ListTagsForResourceResult { tags: Some(tags.into_iter().map(|(key, value)| api::Tag { key, value }).collect()) })
    }
}
