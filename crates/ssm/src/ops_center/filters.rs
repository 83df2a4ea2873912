//! The filters of DescribeOpsItems.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeOpsItems.html>

use super::item::{AUTOMATIONS, Item, RESOURCES, invalid, is_searchable};
use cloudlet_api_ssm::{OpsItemDataValue, OpsItemFilter};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::Cx;

/// A filter that was checked.
pub struct Filter {
    key: Field,
    operator: Operator,
    values: Vec<String>,
    /// Those of a filter for times.
    times: Vec<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Contains,
    GreaterThan,
    LessThan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Status,
    CreatedBy,
    Source,
    Priority,
    Title,
    Id,
    Created,
    Modified,
    ActualStart,
    ActualEnd,
    PlannedStart,
    PlannedEnd,
    Data,
    DataKey,
    DataValue,
    Resource,
    Automation,
    Category,
    Severity,
    Type,
    RequesterArn,
    RequesterName,
    ApproverArn,
    ApproverName,
    Template,
    ResourceGroup,
    Account,
    /// Of OpsItems that are not made here: insights, requests for access.
    Nothing,
}

use Field::*;
use Operator::*;

/// Keys with the operators that they take. AWS: unverified where the reference lists none; those take Equal.
const KEYS: [(&str, Field, &[Operator]); 27] = [
    ("Status", Status, &[Equal]),
    ("CreatedBy", CreatedBy, &[Equal, Contains]),
    ("Source", Source, &[Equal, Contains]),
    ("Priority", Priority, &[Equal]),
    ("Title", Title, &[Equal, Contains]),
    ("OpsItemId", Id, &[Equal]),
    ("CreatedTime", Created, &[GreaterThan, LessThan]),
    ("LastModifiedTime", Modified, &[GreaterThan, LessThan]),
    ("ActualStartTime", ActualStart, &[GreaterThan, LessThan]),
    ("ActualEndTime", ActualEnd, &[GreaterThan, LessThan]),
    ("PlannedStartTime", PlannedStart, &[GreaterThan, LessThan]),
    ("PlannedEndTime", PlannedEnd, &[GreaterThan, LessThan]),
    ("OperationalData", Data, &[Equal]),
    ("OperationalDataKey", DataKey, &[Equal]),
    ("OperationalDataValue", DataValue, &[Equal, Contains]),
    ("ResourceId", Resource, &[Contains]),
    ("AutomationId", Automation, &[Equal]),
    ("Category", Category, &[Equal]),
    ("Severity", Severity, &[Equal]),
    ("OpsItemType", Type, &[Equal]),
    ("ChangeRequestByRequesterArn", RequesterArn, &[Equal]),
    ("ChangeRequestByRequesterName", RequesterName, &[Equal]),
    ("ChangeRequestByApproverArn", ApproverArn, &[Equal]),
    ("ChangeRequestByApproverName", ApproverName, &[Equal]),
    ("ChangeRequestByTemplate", Template, &[Equal]),
    ("ChangeRequestByTargetsResourceGroup", ResourceGroup, &[Equal]),
    ("AccountId", Account, &[Equal]),
];

/// The longest value of a filter by data: a JSON object with key and value.
const LONGEST: usize = 30_000;

impl Filter {
    pub fn parse(filters: &[OpsItemFilter]) -> Result<Vec<Filter>, Fault> {
        filters.iter().map(Filter::of).collect()
    }

    fn of(filter: &OpsItemFilter) -> Result<Filter, Fault> {
        let (key, allowed) =
            KEYS.iter().find(|(name, ..)| *name == filter.key).map_or((Nothing, [Equal].as_slice()), |(_, key, allowed)| (*key, *allowed));
        let operator = match filter.operator.as_str() {
            "Contains" => Contains,
            "GreaterThan" => GreaterThan,
            "LessThan" => LessThan,
            _ => Equal,
        };
        // AWS: unverified messages.
        if !allowed.contains(&operator) {
            return Err(invalid(format!("The operator {} is not valid for the filter {}.", filter.operator, filter.key)));
        }
        if filter.values.is_empty() || filter.values.iter().any(|value| value.len() > LONGEST) {
            return Err(invalid(format!("The values of the filter {} are not valid.", filter.key)));
        }
        let is_time = allowed.contains(&GreaterThan);
        let time = |value: &String| {
            Timestamp::parse_any(value).ok_or_else(|| invalid(format!("The value {value} of the filter {} is no time.", filter.key)))
        };
        let times = if is_time { filter.values.iter().map(time).collect::<Result<_, _>>()? } else { vec![] };
        Ok(Filter { key, operator, values: filter.values.clone(), times })
    }

    /// Whether a text is one of the values, or has one of them in it. AWS: titles are found by their beginning.
    fn is(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return false };
        match self.operator {
            Contains => {
                let text = text.to_lowercase();
                self.values.iter().any(|value| text.contains(&value.to_lowercase()))
            }
            _ if self.key == Title => self.values.iter().any(|value| text.starts_with(value.as_str())),
            _ => self.values.iter().any(|value| value == text),
        }
    }

    fn any<'t>(&self, texts: impl IntoIterator<Item = &'t String>) -> bool {
        texts.into_iter().any(|text| self.is(Some(text)))
    }

    fn is_at(&self, time: Option<Timestamp>) -> bool {
        let Some(time) = time else { return false };
        self.times.iter().any(|wanted| if self.operator == GreaterThan { time > *wanted } else { time < *wanted })
    }

    pub fn takes(&self, cx: &Cx, item: &Item) -> bool {
        let shape = &item.shape;
        let change = item.change.as_ref();
        let data = || shape.operational_data.iter().flatten();
        let searchable = || data().filter(|(_, value)| is_searchable(value));
        let listed = |key: &str| shape.operational_data.as_ref().and_then(|data| data.get(key)).and_then(|value| value.value.as_deref());
        match self.key {
            Status => self.is(shape.status.as_deref()),
            CreatedBy => self.is(shape.created_by.as_deref()),
            Source => self.is(shape.source.as_deref()),
            Priority => self.is(shape.priority.map(|priority| priority.to_string()).as_deref()),
            Title => self.is(shape.title.as_deref()),
            Id => self.is(shape.ops_item_id.as_deref()),
            Created => self.is_at(shape.created_time),
            Modified => self.is_at(shape.last_modified_time),
            ActualStart => self.is_at(shape.actual_start_time),
            ActualEnd => self.is_at(shape.actual_end_time),
            PlannedStart => self.is_at(shape.planned_start_time),
            PlannedEnd => self.is_at(shape.planned_end_time),
            Data => self.values.iter().any(|value| searchable().any(|(key, data)| is_pair(value, key, data))),
            DataKey => searchable().any(|(key, _)| self.is(Some(key))),
            DataValue => searchable().any(|(_, data)| self.is(data.value.as_deref())),
            Resource => self.is(listed(RESOURCES)),
            Automation => has_automation(listed(AUTOMATIONS), &self.values),
            Category => self.is(shape.category.as_deref()),
            Severity => self.is(shape.severity.as_deref()),
            Type => self.is(shape.ops_item_type.as_deref()),
            RequesterArn => self.is(change.map(|change| change.requester_arn.as_str())),
            RequesterName => self.is(change.map(|change| change.requester_name.as_str())),
            ApproverArn => change.is_some_and(|change| self.any(&change.approver_arns)),
            ApproverName => change.is_some_and(|change| self.any(&change.approver_names)),
            Template => self.is(change.map(|change| change.template.as_str())),
            ResourceGroup => change.is_some_and(|change| self.any(&change.resource_groups)),
            Account => self.is(Some(cx.scope.account.as_str())),
            Nothing => false,
        }
    }
}

/// `{"key":"…","value":"…"}`
fn is_pair(text: &str, key: &str, data: &OpsItemDataValue) -> bool {
    let Ok(pair) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    pair.get("key").and_then(|wanted| wanted.as_str()) == Some(key) && pair.get("value").and_then(|value| value.as_str()) == data.value.as_deref()
}

fn has_automation(text: Option<&str>, wanted: &[String]) -> bool {
    let listed = text.and_then(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).ok()).unwrap_or_default();
    listed.iter().filter_map(|entry| entry.get("automationId")?.as_str()).any(|id| wanted.iter().any(|wanted| wanted == id))
}
