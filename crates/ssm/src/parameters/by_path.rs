//! GetParametersByPath. It is authorized for the path: who may read a path may read all below it.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html>

use super::{
    encryption::{self, Decryption},
    filters::{self, Filter, Of},
    lists::{self, Span},
    lookup::Found,
    names::{self, ParameterKey, directory_of, is_below_or_at},
    parameter::{Parameter, Version},
    public,
};
use crate::{Ssm, state::State};
use cloudlet_api_ssm::{GetParametersByPath, GetParametersByPathRequest, GetParametersByPathResult};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    paging::{Page, Paging},
};
use std::{ops::Bound, sync::Arc};

const LONGEST_PAGE: usize = 10;

/// AWS: with the slashes of the request.
fn arn_of(cx: &Cx, path: &str) -> Arn {
    names::arn(&cx.scope, path.trim().strip_prefix('/').unwrap_or_default())
}

/// One that is to be shown, with the label by which it was found.
struct Row {
    key: ParameterKey,
    found: Found,
    label: Option<String>,
}

/// The version that the filters take: with a filter on labels, the one that has the label.
fn picked(state: &State, filters: &[Filter], key: &ParameterKey, parameter: &Arc<Parameter>) -> Option<Row> {
    if !filters.iter().all(|filter| filter.takes(key, parameter)) {
        return None;
    }
    let (version, label): (Arc<Version>, _) = match filters::labels(filters) {
        None => (parameter.current.clone(), None),
        Some(labels) => labels.iter().find_map(|label| Some((state.labelled(key, parameter, label)?.clone(), Some(label.clone()))))?,
    };
    Some(Row { key: key.clone(), found: Found { name: parameter.name.clone(), version }, label })
}

impl Handle<GetParametersByPath> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetParametersByPathRequest) -> Result<Permissions, Fault> {
        directory_of(&input.path)?;
        let mut permission = Permission::of::<GetParametersByPath>(arn_of(cx, &input.path));
        permission.keys.set("ssm:Recursive", input.recursive == Some(true));
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: GetParametersByPathRequest) -> Result<GetParametersByPathResult, Fault> {
        let directory = directory_of(&input.path)?;
        let filters = filters::parse(input.parameter_filters.as_deref().unwrap_or_default(), Of::GetParametersByPath)?;
        let list = Paging::of::<GetParametersByPath>(cx, &input);
        let length = list.length(LONGEST_PAGE, LONGEST_PAGE);
        let of_public = is_below_or_at(&directory, "aws");
        let span = if input.recursive == Some(true) { Span::Tree(directory) } else { Span::Directory(directory) };
        let page = if of_public {
            public::page(cx, &list, length, &span, |key, parameter| {
                // AWS labels none of them.
                let takes = filters::labels(&filters).is_none() && filters.iter().all(|filter| filter.takes(key, &parameter));
                takes.then(|| Row {
                    key: ParameterKey { scope: cx.scope.clone(), ..key.clone() },
                    found: Found { name: parameter.name.clone(), version: parameter.current.clone() },
                    label: None,
                })
            })?
        } else {
            self.own_page(cx, &list, length, &span, &filters)?
        };
        let mut parameters = Vec::with_capacity(page.items.len());
        for Row { key, found, label } in page.items {
            let arn = key.arn();
            let value = encryption::shown(cx, &arn, &found.version, Decryption::of(input.with_decryption)).await?;
            let selector = label.map(super::names::Selector::Label);
            parameters.push(found.version.answer(&found.name, &arn, selector.as_ref(), value));
        }
        Ok(GetParametersByPathResult { parameters: Some(parameters), next_token: page.next_token })
    }
}

impl Ssm {
    fn own_page(&self, cx: &Cx, list: &Paging, length: usize, span: &Span, filters: &[Filter]) -> Result<Page<Row>, Fault> {
        let after = lists::after(list, &cx.scope)?;
        Ok(self.store.read(|state| {
            let rows = lists::rows(&cx.scope, span, after.as_ref(), |from| state.parameters.range((from, Bound::Unbounded)));
            let rows = rows.filter(|(_, parameter)| !parameter.is_expired(cx.now));
            lists::page(list, length, rows, |key, parameter| picked(state, filters, key, parameter))
        }))
    }
}
