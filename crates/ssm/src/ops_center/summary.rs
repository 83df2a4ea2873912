//! GetOpsSummary over OpsItems: counts of them by their attributes, or their attributes. Other kinds of operational data would come
//! from services that are not here.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetOpsSummary.html>

use super::item::Item;
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use cloudlet_shape::Map;
use std::collections::BTreeMap;

const TYPE: &str = "AWS:OpsItem";
const LONGEST_PAGE: usize = 50;
const MOST_LEVELS: usize = 5;
const ATTRIBUTES: [&str; 16] = [
    "OpsItemId",
    "OpsItemType",
    "Title",
    "Description",
    "Source",
    "Status",
    "Priority",
    "Category",
    "Severity",
    "CreatedBy",
    "CreatedTime",
    "LastModifiedBy",
    "LastModifiedTime",
    "Version",
    "SourceAccountId",
    "SourceRegion",
];

fn attribute(cx: &Cx, item: &Item, name: &str) -> Option<String> {
    let shape = &item.shape;
    match name {
        "OpsItemId" => shape.ops_item_id.clone(),
        "OpsItemType" => shape.ops_item_type.clone(),
        "Title" => shape.title.clone(),
        "Description" => shape.description.clone(),
        "Source" => shape.source.clone(),
        "Status" => shape.status.clone(),
        "Priority" => shape.priority.map(|priority| priority.to_string()),
        "Category" => shape.category.clone(),
        "Severity" => shape.severity.clone(),
        "CreatedBy" => shape.created_by.clone(),
        "CreatedTime" => shape.created_time.map(|time| time.text(TimestampFormat::DateTime)),
        "LastModifiedBy" => shape.last_modified_by.clone(),
        "LastModifiedTime" => shape.last_modified_time.map(|time| time.text(TimestampFormat::DateTime)),
        "Version" => shape.version.clone(),
        "SourceAccountId" => Some(cx.scope.account.to_string()),
        "SourceRegion" => Some(cx.scope.region.to_string()),
        _ => None,
    }
}

/// `AWS:OpsItem.Status`
fn check_filter(filter: &OpsFilter) -> Result<&str, Fault> {
    let name = filter.key.strip_prefix(TYPE).and_then(|key| key.strip_prefix('.')).filter(|name| ATTRIBUTES.contains(name));
    name.ok_or_else(|| faults::INVALID_FILTER.says(format!("The filter {} is not valid.", filter.key)))
}

fn takes(cx: &Cx, filters: &[OpsFilter], item: &Item) -> Result<bool, Fault> {
    for filter in filters {
        let name = check_filter(filter)?;
        let value = attribute(cx, item, name);
        let is = |wanted: &String, compare: fn(&str, &str) -> bool| value.as_ref().is_some_and(|value| compare(value, wanted));
        let equal = |wanted: &String| {
            // AWS: its guide filters change requests by the plural.
            let wanted = if wanted == "/aws/changerequests" { "/aws/changerequest" } else { wanted };
            value.as_deref() == Some(wanted)
        };
        let right = match filter.r#type.as_deref() {
            None | Some("Equal") => filter.values.iter().any(equal),
            Some("NotEqual") => !filter.values.iter().any(equal),
            Some("BeginWith") => filter.values.iter().any(|wanted| is(wanted, |value, wanted| value.starts_with(wanted))),
            Some("LessThan") => filter.values.iter().any(|wanted| is(wanted, |value, wanted| value < wanted)),
            Some("GreaterThan") => filter.values.iter().any(|wanted| is(wanted, |value, wanted| value > wanted)),
            Some("Exists") => value.is_some(),
            Some(other) => return Err(faults::INVALID_FILTER.says(format!("The type {other} of a filter is not valid."))),
        };
        if !right {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The attributes by which is counted: an aggregator and those in it. AWS: unverified for several beside each other.
fn levels(aggregators: &[OpsAggregator]) -> Result<(Vec<String>, Vec<OpsFilter>), Fault> {
    let wrong = |why: String| faults::INVALID_AGGREGATOR.says(why);
    let (mut names, mut filters, mut rest) = (vec![], vec![], aggregators);
    while let [aggregator, others @ ..] = rest {
        if !others.is_empty() || names.len() == MOST_LEVELS {
            return Err(wrong("The aggregators are not valid.".into()));
        }
        if aggregator.aggregator_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("count")) {
            return Err(wrong("The aggregator type is not valid. Valid is: count.".into()));
        }
        if let Some(unknown) = aggregator.type_name.as_deref().filter(|name| *name != TYPE) {
            return Err(faults::INVALID_TYPE_NAME.says(format!("The type name {unknown} is not valid.")));
        }
        let name = aggregator.attribute_name.clone().unwrap_or_default();
        if !ATTRIBUTES.contains(&name.as_str()) {
            return Err(wrong(format!("The attribute {name} is not valid.")));
        }
        names.push(name);
        filters.extend(aggregator.filters.clone().unwrap_or_default());
        rest = aggregator.aggregators.as_deref().unwrap_or_default();
    }
    Ok((names, filters))
}

fn entity(id: Option<String>, content: Vec<Map<String>>, captured: String) -> OpsEntity {
    let item = OpsEntityItem { capture_time: Some(captured), content: Some(content) };
    OpsEntity { id, data: Some([(TYPE.to_owned(), item)].into_iter().collect()) }
}

impl Handle<GetOpsSummary> for Ssm {
    fn permissions(&self, cx: &Cx, _: &GetOpsSummaryRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<GetOpsSummary>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: GetOpsSummaryRequest) -> Result<GetOpsSummaryResult, Fault> {
        if let Some(name) = &input.sync_name {
            return Err(faults::RESOURCE_DATA_SYNC_NOT_FOUND.says("The specified sync name wasn't found.").with("SyncName", name.clone()));
        }
        if let Some(unknown) = input.result_attributes.iter().flatten().find(|attribute| attribute.type_name != TYPE) {
            return Err(faults::INVALID_TYPE_NAME.says(format!("The type name {} is not valid.", unknown.type_name)));
        }
        let list = Paging::of::<GetOpsSummary>(cx, &input);
        let mut filters = input.filters.unwrap_or_default();
        filters.iter().try_for_each(|filter| check_filter(filter).map(drop))?;
        let (names, more) = levels(input.aggregators.as_deref().unwrap_or_default())?;
        filters.extend(more);
        let captured = cx.now.whole_secs().text(TimestampFormat::DateTime);
        self.ops.read(|state| {
            let all = state.newest(&cx.scope, None);
            if names.is_empty() {
                let mut rows = vec![];
                for (_, item) in all {
                    if takes(cx, &filters, item)? {
                        let row: Map<String> = ATTRIBUTES.iter().filter_map(|name| Some(((*name).to_owned(), attribute(cx, item, name)?))).collect();
                        let id = item.shape.ops_item_id.clone().unwrap_or_default();
                        rows.push((id.clone(), entity(Some(id), vec![row], captured.clone())));
                    }
                }
                rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                let page = list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), rows.into_iter()).map_err(|_| faults::invalid_next_token())?;
                return Ok(GetOpsSummaryResult { entities: Some(page.items), next_token: page.next_token });
            }
            let mut counts: BTreeMap<Vec<Option<String>>, usize> = BTreeMap::new();
            for (_, item) in all {
                if takes(cx, &filters, item)? {
                    *counts.entry(names.iter().map(|name| attribute(cx, item, name)).collect()).or_default() += 1;
                }
            }
            let content = counts.into_iter().map(|(values, count)| {
                let values = names.iter().zip(values).filter_map(|(name, value)| Some((name.clone(), value?)));
                [("Count".to_owned(), count.to_string())].into_iter().chain(values).collect()
            });
            Ok(GetOpsSummaryResult { entities: Some(vec![entity(None, content.collect(), captured)]), next_token: None })
        })
    }
}
