//! CreateOpsItem and GetOpsItem, and the rules that creating and updating share.

use super::{
    events::Happened,
    item::{AUTOMATIONS, CHANGE_REQUEST, DEDUP, ISSUE, Item, RESOURCES, arn, check_kind, invalid, no_such_item},
    state::State,
};
use crate::{Ssm, faults, limits, parameters::permissions::set_request_tags, tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Map;
use sha2::{Digest, Sha256};

/// What the keys of operational data and the names of sources cannot begin with or have in them.
const RESERVED: [&str; 8] = ["amazon", "aws", "amzn", "ssm", "/amazon", "/aws", "/amzn", "/ssm"];

/// Data with a meaning of its own. The deduplication string is given once.
pub fn check_data(data: &Map<OpsItemDataValue>, before: Option<&Map<OpsItemDataValue>>) -> Result<(), Fault> {
    for (key, value) in data {
        let lower = key.to_ascii_lowercase();
        let own = [DEDUP, RESOURCES, AUTOMATIONS].contains(&key.as_str());
        if !own && RESERVED.iter().any(|reserved| lower.starts_with(reserved)) {
            // AWS: unverified messages.
            return Err(invalid(format!("OperationalData key {key} is not valid. It can't begin with any of: {}.", RESERVED.join(", "))));
        }
        let text = value.value.as_deref().unwrap_or_default();
        if text.len() > limits::OPS_ITEM_DATA_BYTES {
            return Err(invalid(format!("The value of the OperationalData key {key} is larger than 20 KB.")));
        }
        match key.as_str() {
            DEDUP if before.is_some() => {
                let known = before.and_then(|before| before.get(DEDUP)).and_then(|value| value.value.as_deref());
                if known != Some(text) {
                    return Err(invalid(format!("{DEDUP} can't be changed after the OpsItem was created.")));
                }
            }
            DEDUP if dedup_string(text).is_none() => return Err(invalid(format!("The value of {DEDUP} is no JSON object with a dedupString."))),
            RESOURCES | AUTOMATIONS => check_list(key, text)?,
            _ => {}
        }
    }
    if data.len() > limits::OPS_ITEM_DATA {
        return Err(faults::OPS_ITEM_LIMIT_EXCEEDED
            .says(format!("An OpsItem has no more than {} keys of OperationalData.", limits::OPS_ITEM_DATA))
            .with("LimitType", "OperationalData"));
    }
    Ok(())
}

fn dedup_string(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(value.get("dedupString")?.as_str()?.to_owned())
}

/// `[{"arn": "…"}]`, `[{"automationId": "AWS-…", "automationType": "AWS::SSM::Automation"}]`.
fn check_list(key: &str, text: &str) -> Result<(), Fault> {
    let objects = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(text);
    let wanted = if key == RESOURCES { "arn" } else { "automationId" };
    match objects {
        Ok(objects) if objects.len() > limits::OPS_ITEM_RESOURCES => Err(faults::OPS_ITEM_LIMIT_EXCEEDED
            .says(format!("{key} has no more than {} entries.", limits::OPS_ITEM_RESOURCES))
            .with("LimitType", key)),
        Ok(objects) if objects.iter().all(|object| object.get(wanted).is_some_and(serde_json::Value::is_string)) => Ok(()),
        _ => Err(invalid(format!("The value of {key} is no list of JSON objects with {wanted}."))),
    }
}

pub fn check_topics(topics: &[OpsItemNotification]) -> Result<(), Fault> {
    let is_topic = |topic: &OpsItemNotification| topic.arn.as_deref().and_then(Arn::parse).is_some_and(|arn| arn.service() == "sns");
    if topics.iter().all(is_topic) { Ok(()) } else { Err(invalid("Notifications has an entry that is no ARN of an SNS topic.")) }
}

pub fn check_related(state: &State, scope: &Scope, own: Option<&str>, related: &[RelatedOpsItem]) -> Result<(), Fault> {
    if related.len() > limits::RELATED_OPS_ITEMS {
        return Err(faults::OPS_ITEM_LIMIT_EXCEEDED
            .says(format!("An OpsItem has no more than {} related OpsItems.", limits::RELATED_OPS_ITEMS))
            .with("LimitType", "RelatedOpsItems"));
    }
    for other in related {
        if own == Some(other.ops_item_id.as_str()) {
            return Err(invalid("An OpsItem can't be related to itself."));
        }
        state.item(scope, &other.ops_item_id).ok_or_else(|| no_such_item(&other.ops_item_id))?;
    }
    Ok(())
}

/// Times of planned and actual work belong to change requests.
/// AWS: unverified that they are refused for others; the reference says that they are supported for `/aws/changerequest` alone.
fn check_type(input: &CreateOpsItemRequest) -> Result<(), Fault> {
    match input.ops_item_type.as_deref() {
        None | Some(ISSUE) => Ok(()),
        Some(CHANGE_REQUEST) => Err(invalid("An OpsItem of the type /aws/changerequest is created by StartChangeRequestExecution alone.")),
        Some(other) => Err(invalid(format!("OpsItemType {other} is not valid. Valid is: {ISSUE}."))),
    }
}

impl Handle<CreateOpsItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &CreateOpsItemRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.as_deref().unwrap_or_default();
        let mut permission = Permission::of::<CreateOpsItem>(arn(&cx.scope, "*"));
        set_request_tags(&mut permission, tags);
        Ok(permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]))
    }

    async fn handle(&self, cx: &Cx, input: CreateOpsItemRequest) -> Result<CreateOpsItemResponse, Fault> {
        if input.account_id.as_deref().is_some_and(|account| account != cx.scope.account.as_str()) {
            return Err(faults::OPS_ITEM_ACCESS_DENIED.says("The account is not configured to work with OpsItems across accounts."));
        }
        check_type(&input)?;
        check_kind(input.category.as_deref(), input.severity.as_deref())?;
        let lower = input.source.to_ascii_lowercase();
        if ["aws", "amazon", "amzn"].iter().any(|reserved| lower.contains(reserved)) {
            return Err(invalid("Source can't contain any of: aws, amazon, amzn."));
        }
        let data = input.operational_data.unwrap_or_default();
        check_data(&data, None)?;
        let topics = input.notifications.unwrap_or_default();
        check_topics(&topics)?;
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let dedup = data.get(DEDUP).and_then(|value| dedup_string(value.value.as_deref()?));
        let dedup = dedup.map(|text| hex::encode(Sha256::digest(format!("{}\0{text}", input.source))));
        let related = input.related_ops_items.unwrap_or_default();
        let id = format!("oi-{}", cx.ids().hex(12));
        let caller = Some(cx.caller.arn.to_string());
        let shape = OpsItem {
            created_by: caller.clone(),
            ops_item_type: Some(ISSUE.to_owned()),
            created_time: Some(cx.now),
            description: Some(input.description),
            last_modified_by: caller,
            last_modified_time: Some(cx.now),
            notifications: Some(topics),
            priority: input.priority,
            status: Some("Open".to_owned()),
            ops_item_id: Some(id.clone()),
            version: Some("1".to_owned()),
            title: Some(input.title),
            source: Some(input.source),
            operational_data: Some(data),
            category: input.category,
            severity: input.severity,
            ops_item_arn: Some(arn(&cx.scope, &id).to_string()),
            related_ops_items: Some(related.clone()),
            actual_start_time: None,
            actual_end_time: None,
            planned_start_time: None,
            planned_end_time: None,
        };
        let item = Item::new(shape, tags, dedup, None);
        self.ops.write(|state| {
            check_related(state, &cx.scope, None, &related)?;
            let known = item.dedup.as_ref().and_then(|hash| state.duplicates.get(&(cx.scope.clone(), hash.clone())));
            if let Some(known) = known {
                // AWS: unverified message.
                return Err(faults::OPS_ITEM_ALREADY_EXISTS
                    .says(format!("An OpsItem with the same deduplication string already exists: {known}"))
                    .with("OpsItemId", known.clone()));
            }
            if state.items.len() >= limits::OPS_ITEMS {
                return Err(faults::OPS_ITEM_LIMIT_EXCEEDED
                    .says("The request caused OpsItems to exceed one or more quotas.")
                    .with("Limit", limits::OPS_ITEMS.to_string()));
            }
            Happened::Created.record(cx, state, &id, &item);
            state.put(&cx.scope, &id, item.clone());
            Ok(())
        })?;
        Happened::Created.tell(cx, &id, &item);
        Ok(CreateOpsItemResponse { ops_item_arn: Some(arn(&cx.scope, &id).to_string()), ops_item_id: Some(id) })
    }
}

impl Handle<GetOpsItem> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetOpsItemRequest) -> Result<Permissions, Fault> {
        Ok(self.ops_item_permission::<GetOpsItem>(cx, &input.ops_item_id).into())
    }

    async fn handle(&self, cx: &Cx, input: GetOpsItemRequest) -> Result<GetOpsItemResponse, Fault> {
        if input.ops_item_arn.as_deref().is_some_and(|given| given != arn(&cx.scope, &input.ops_item_id).as_str()) {
            return Err(no_such_item(&input.ops_item_id));
        }
        Ok(GetOpsItemResponse { ops_item: Some(self.ops_item(&cx.scope, &input.ops_item_id)?.shape.shape()) })
    }
}
