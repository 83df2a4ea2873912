//! `Describe…` of every kind of resource: by ids, by filters, in pages.

use crate::{
    faults,
    filters::Filters,
    state::{At, Resource, State},
};
use cloudlet_api_ec2::Filter;
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{
    Cx,
    paging::{Page, Paging},
};
use serde::{Serialize, de::DeserializeOwned};

pub fn invalid_token() -> Fault {
    faults::refuse("InvalidNextToken", "The token provided is invalid.")
}

/// What the requests of all `Describe…` have.
pub struct Asked {
    pub ids: Option<Vec<String>>,
    /// The name of the member with the ids: `subnet_ids`.
    pub member: &'static str,
    pub filters: Option<Vec<Filter>>,
    pub size: Option<i32>,
    pub smallest: i32,
    pub largest: i32,
}

/// No page together with ids. AWS names both parameters, the oldest by names that are in no model.
/// <https://github.com/getmoto/moto/issues/6282>
pub fn check_ids(size: Option<i32>, ids: Option<&Vec<String>>, member: &str) -> Result<(), Fault> {
    if size.is_none() || ids.is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let message = match member {
        "instance_ids" => "The parameter instancesSet cannot be used with the parameter maxResults".to_owned(),
        "image_ids" => "The parameter imageIdsSet cannot be used with the parameter maxResults".to_owned(),
        other => format!("The parameter {} cannot be used with the parameter MaxResults", as_parameter(other)),
    };
    Err(faults::refuse("InvalidParameterCombination", message))
}

/// `subnet_ids`: `SubnetIds`
fn as_parameter(member: &str) -> String {
    let capital = |word: &str| word.chars().next().into_iter().flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    member.split('_').map(capital).collect()
}

/// `MaxResults` is 5 to 1,000 for most.
pub fn check_page(size: Option<i32>, smallest: i32, largest: i32) -> Result<(), Fault> {
    let Some(size) = size else { return Ok(()) };
    if size < smallest {
        return Err(faults::invalid_value(format!(
            "Value ( {size} ) for parameter maxResults is invalid. Expecting a value greater than {smallest}."
        )));
    }
    if size > largest {
        return Err(faults::invalid_value(format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value less than {largest}.")));
    }
    Ok(())
}

/// How long a page is. AWS: without MaxResults there is one page, with everything.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>
fn length(list: &Paging) -> usize {
    list.length(usize::MAX, usize::MAX)
}

/// A page of rows that are sorted by their keys.
pub fn page<K: Serialize + DeserializeOwned + Ord, T>(list: &Paging, rows: impl Iterator<Item = (K, T)>) -> Result<Page<T>, Fault> {
    list.page_of(length(list), rows).map_err(|_| invalid_token())
}

/// The resources of a kind that a request asks for.
pub fn describe<R: Resource>(state: &State, cx: &Cx, list: &Paging, asked: Asked) -> Result<Page<R::Shown>, Fault> {
    check_ids(asked.size, asked.ids.as_ref(), asked.member)?;
    check_page(asked.size, asked.smallest, asked.largest)?;
    let filters = Filters::<R>::read(asked.filters, R::FILTERS)?;
    let mut ids = asked.ids.unwrap_or_default();
    let visible = |id: &str| state.get::<R>(&cx.scope, id).filter(|row| row.is_visible(cx.now));
    for id in &ids {
        R::KIND.check(id)?;
        visible(id).ok_or_else(|| R::KIND.is_missing(id))?;
    }
    fn at<'a>(state: &'a State, cx: &'a Cx, id: &'a str) -> At<'a> {
        At { state, scope: &cx.scope, id, now: cx.now }
    }
    let passes =
        |id: &str, row: &R| row.is_visible(cx.now) && (filters.is_empty() || filters.pass(row, &at(state, cx, id), state.tags_of(&cx.scope, id)));
    if ids.is_empty() {
        let after: Option<String> = list.after().map_err(|_| invalid_token())?;
        let rows = state.all_after::<R>(&cx.scope, after.as_deref());
        let rows = rows.filter(|(id, row)| passes(id, row)).map(|(id, row)| (id.to_owned(), row.shown(&at(state, cx, id))));
        return list.page(length(list), |_: Option<String>| rows).map_err(|_| invalid_token());
    }
    ids.sort_unstable();
    ids.dedup();
    let rows = ids.iter().filter_map(|id| visible(id).filter(|row| passes(id, row)).map(|row| (id.clone(), row.shown(&at(state, cx, id)))));
    page(list, rows)
}

/// One resource as it is now.
pub fn shown<R: Resource>(state: &State, cx: &Cx, id: &str) -> Option<R::Shown> {
    shown_in::<R>(state, cx, &cx.scope, id)
}

pub fn shown_in<R: Resource>(state: &State, cx: &Cx, scope: &Scope, id: &str) -> Option<R::Shown> {
    state.get::<R>(scope, id).map(|row| row.shown(&At { state, scope, id, now: cx.now }))
}

/// `describes!(DescribeSubnets, Subnet, subnet_ids, filters, DescribeSubnetsResult { subnets })`: an operation that describes one kind.
macro_rules! describes {
    ($operation:ident, $row:ty, $ids:ident, $filters:ident, $result:ident { $items:ident }) => {
        $crate::describing::describes!($operation, $row, $ids, $filters, $result { $items }, 5, 1_000);
    };
    ($operation:ident, $row:ty, $ids:ident, $filters:ident, $result:ident { $items:ident }, $smallest:expr, $largest:expr) => {
        cloudlet_engine::handler!(
            $crate::engine::Ec2,
            $operation,
            |ec2, cx, input| Ok($crate::permissions::describe::<$operation>(cx)),
            |ec2, cx, input| {
                ec2.begin(cx, input.dry_run)?;
                let list = cloudlet_engine::paging::Paging::of::<$operation>(cx, &input);
                let asked = $crate::describing::Asked {
                    ids: input.$ids,
                    member: stringify!($ids),
                    filters: input.$filters,
                    size: input.max_results,
                    smallest: $smallest,
                    largest: $largest,
                };
                let page = ec2.store.read(|state| $crate::describing::describe::<$row>(state, cx, &list, asked))?;
                Ok(cloudlet_api_ec2::$result { $items: Some(page.items), next_token: page.next_token })
            }
        );
    };
}
pub(crate) use describes;
