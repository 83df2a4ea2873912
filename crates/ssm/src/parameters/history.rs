//! GetParameterHistory: all versions of a parameter, the oldest first.

use super::{
    encryption::{self, Decryption},
    names::Reference,
    parameter::Version,
    permissions::Sharing,
    public,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::{borrow::Cow, sync::Arc};

const LONGEST_PAGE: usize = 50;

impl Version {
    /// Its policies, as answers show them.
    pub fn shown_policies(&self) -> Vec<ParameterInlinePolicy> {
        let policies = self.policies.iter().map(|policy| ParameterInlinePolicy {
            policy_text: Some(policy.text.clone()),
            policy_type: Some(policy.rule.name().to_owned()),
            policy_status: Some(policy.status.as_str().to_owned()),
        });
        policies.collect()
    }

    fn entry(&self, name: &str, value: Cow<'_, str>) -> ParameterHistory {
        ParameterHistory {
            name: Some(name.to_owned()),
            r#type: Some(self.kind.as_str().to_owned()),
            key_id: self.key_id.as_deref().map(str::to_owned),
            last_modified_date: Some(self.modified),
            last_modified_user: Some(self.user.to_string()),
            description: self.description.as_deref().map(str::to_owned),
            value: Some(value.into_owned()),
            allowed_pattern: self.allowed_pattern.as_deref().map(str::to_owned),
            version: Some(self.number),
            labels: Some(self.labels.iter().cloned().collect()),
            tier: Some(self.tier.as_str().to_owned()),
            policies: Some(self.shown_policies()),
            data_type: Some(self.data_type.as_str().to_owned()),
        }
    }
}

impl Handle<GetParameterHistory> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetParameterHistoryRequest) -> Result<Permissions, Fault> {
        let reference = Reference::parse(&cx.scope, &input.name)?;
        Ok(self.permission::<GetParameterHistory>(cx, &reference, Sharing::Counts).into())
    }

    async fn handle(&self, cx: &Cx, input: GetParameterHistoryRequest) -> Result<GetParameterHistoryResult, Fault> {
        let reference = Reference::parse(&cx.scope, &input.name)?;
        let (name, versions): (Arc<str>, Vec<Arc<Version>>) = if reference.key.is_public() {
            let found = public::find(cx, &reference)?;
            (found.name, vec![found.version])
        } else {
            self.store.read(|state| {
                let parameter = state.parameter(&reference.key, cx.now).ok_or_else(faults::no_such_parameter)?;
                let versions = state.past_versions(&reference.key).chain([&parameter.current]).cloned().collect();
                Ok::<_, Fault>((parameter.name.clone(), versions))
            })?
        };
        let list = Paging::of::<GetParameterHistory>(cx, &input);
        let versions = versions.into_iter().map(|version| (version.number, version));
        let page = list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), versions).map_err(|_| faults::invalid_next_token())?;
        let mut entries = Vec::with_capacity(page.items.len());
        for version in page.items {
            let value = encryption::shown(cx, &reference.arn, &version, Decryption::of(input.with_decryption)).await?;
            entries.push(version.entry(&name, value));
        }
        Ok(GetParameterHistoryResult { parameters: Some(entries), next_token: page.next_token })
    }
}
