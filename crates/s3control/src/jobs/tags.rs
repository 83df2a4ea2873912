//! The tags of jobs.

use super::of_job;
use crate::{S3Control, api, check_account};
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, Handle, Permissions,
    tags::{KeyCase, TagCharacters, TagRules},
};

impl Handle<api::PutJobTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutJobTaggingRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = of_job::<api::PutJobTagging>(cx, &input.job_id);
        Ok(permission.with_request_tags(input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()))).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutJobTaggingRequest) -> Result<api::PutJobTaggingResult, Fault> {
        if input.tags.len() > 50 {
            return Err(api::faults::TOO_MANY_TAGS.says("The number of tags exceeds the limit of 50."));
        }
        let rules = TagRules { most: 50, keys: KeyCase::Sensitive, characters: TagCharacters::Usual };
        let checked = rules.check(input.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
        checked.map_err(|_| api::faults::INVALID_REQUEST.says("A tag is invalid."))?;
        self.update_job(cx, &input.job_id, |job| {
            job.tags = input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            Ok(api::PutJobTaggingResult {})
        })
    }
}

impl Handle<api::GetJobTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetJobTaggingRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(of_job::<api::GetJobTagging>(cx, &input.job_id).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetJobTaggingRequest) -> Result<api::GetJobTaggingResult, Fault> {
        let job = self.job(cx, &input.account_id, &input.job_id)?;
        let tags = job.tags.iter().map(|(key, value)| api::S3Tag { key: key.clone(), value: value.clone() }).collect();
        Ok(api::GetJobTaggingResult { tags: Some(tags) })
    }
}

impl Handle<api::DeleteJobTagging> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeleteJobTaggingRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(of_job::<api::DeleteJobTagging>(cx, &input.job_id).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteJobTaggingRequest) -> Result<api::DeleteJobTaggingResult, Fault> {
        self.update_job(cx, &input.job_id, |job| {
            job.tags.clear();
            Ok(api::DeleteJobTaggingResult {})
        })
    }
}
