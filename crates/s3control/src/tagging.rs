//! Tags of access points and buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html>

use crate::{S3Control, api, check_account};
use cloudlet_api_s3 as s3;
use cloudlet_aws::{Arn, Caller, Fault, FaultKind};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    tags::{InvalidTag, KeyCase, TagCharacters, TagRules},
};

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
}

fn resource(cx: &Cx, account: &str, arn: &str) -> Result<(Arn, Resource), Fault> {
    check_account(cx, account)?;
    let not_found = || FaultKind::sender("NoSuchResource", 404).says("The specified resource doesn't exist.");
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "s3").ok_or_else(not_found)?;
    let resource = match arn.resource().split_once('/') {
        None if arn.account().is_empty() => Resource::Bucket(arn.resource().to_owned()),
        Some(("accesspoint", name)) if arn.account() == cx.scope.account.as_str() => Resource::AccessPoint(name.to_owned()),
        _ => return Err(not_found()),
    };
    Ok((arn, resource))
}

type Tags = Vec<(String, String)>;

impl S3Control {
    /// The tags of a bucket are S3's.
    async fn tags_of(&self, cx: &Cx, resource: &Resource) -> Result<Tags, Fault> {
        match resource {
            Resource::AccessPoint(name) => Ok(self.access_point(cx, name)?.tags.clone()),
            Resource::Bucket(bucket) => {
                let request = s3::GetBucketTaggingRequest { bucket: bucket.clone(), expected_bucket_owner: Some(cx.scope.account.to_string()) };
                match cx.call::<s3::GetBucketTagging>(owner(cx), cx.scope.clone(), request).await {
                    Ok(found) => Ok(found.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
                    Err(fault) if fault.code() == "NoSuchTagSet" => Ok(vec![]),
                    Err(fault) if fault.code() == "NoSuchBucket" => {
                        Err(FaultKind::sender("NoSuchResource", 404).says("The specified resource doesn't exist."))
                    }
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
