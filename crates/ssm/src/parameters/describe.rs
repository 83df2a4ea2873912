//! DescribeParameters: what parameters are, without their values.

use super::{
    filters::{self, Filter, Of},
    lists,
    names::ParameterKey,
    parameter::Parameter,
    permissions::on_all,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::ops::Bound;

const LONGEST_PAGE: usize = 50;
const USUAL_PAGE: usize = 10;

fn metadata(key: &ParameterKey, parameter: &Parameter) -> ParameterMetadata {
    let version = &parameter.current;
    ParameterMetadata {
        name: Some(parameter.name.to_string()),
        arn: Some(key.arn().to_string()),
        r#type: Some(version.kind.as_str().to_owned()),
        key_id: version.key_id.as_deref().map(str::to_owned),
        last_modified_date: Some(version.modified),
        last_modified_user: Some(version.user.to_string()),
        description: version.description.as_deref().map(str::to_owned),
        allowed_pattern: version.allowed_pattern.as_deref().map(str::to_owned),
        version: Some(version.number),
        tier: Some(version.tier.as_str().to_owned()),
        policies: Some(version.shown_policies()),
        data_type: Some(version.data_type.as_str().to_owned()),
    }
}

fn filters_of(input: &DescribeParametersRequest) -> Result<Vec<Filter>, Fault> {
    match (input.filters.as_deref().unwrap_or_default(), input.parameter_filters.as_deref().unwrap_or_default()) {
        ([], filters) => filters::parse(filters, Of::DescribeParameters),
        (old, []) => filters::parse_old(old),
        _ => Err(faults::validation("You can use either Filters or ParameterFilters in a single request.")),
    }
}

impl Handle<DescribeParameters> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeParametersRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeParameters>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeParametersRequest) -> Result<DescribeParametersResult, Fault> {
        let filters = filters_of(&input)?;
        let list = Paging::of::<DescribeParameters>(cx, &input);
        let after = lists::after(&list, &cx.scope)?;
        // AWS: those that a resource policy shares are listed when Resource Access Manager has promoted the share, and it is not built.
        if input.shared == Some(true) {
            return Ok(DescribeParametersResult { parameters: Some(vec![]), next_token: None });
        }
        let takes =
            |key: &ParameterKey, parameter: &Parameter| !parameter.is_expired(cx.now) && filters.iter().all(|filter| filter.takes(key, parameter));
        if let Some(name) = filters::exact_name(&filters) {
            let key = ParameterKey::of(cx.scope.clone(), name);
            let found = self.store.read(|state| state.parameters.get(&key).filter(|parameter| takes(&key, parameter)).cloned());
            let parameters = found.iter().map(|parameter| metadata(&key, parameter)).collect();
            return Ok(DescribeParametersResult { parameters: Some(parameters), next_token: None });
        }
        let span = filters::span(&filters);
        let page = self.store.read(|state| {
            let rows = lists::rows(&cx.scope, &span, after.as_ref(), |from| state.parameters.range((from, Bound::Unbounded)));
            lists::page(&list, list.length(USUAL_PAGE, LONGEST_PAGE), rows, |key, parameter| takes(key, parameter).then(|| metadata(key, parameter)))
        });
        Ok(DescribeParametersResult { parameters: Some(page.items), next_token: page.next_token })
    }
}
