//! A change as others see it: its OpsItem.

use super::{
    state::{Change, arn},
    template::Kind,
};
use crate::{
    Ssm,
    ops_center::{
        Happened,
        item::{AUTOMATIONS, CHANGE_REQUEST, Change as Filters, Item, RESOURCES, arn as ops_arn},
    },
};
use cloudlet_api_ssm::{OpsItem, OpsItemDataValue};
use cloudlet_aws::{Arn, Identity};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use serde_json::json;

/// AWS: unverified.
const SOURCE: &str = "Systems Manager Change Manager";

fn last(arn: &str) -> String {
    arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
}

fn filters(cx: &Cx, change: &Change) -> Filters {
    let requester_name = match &change.requester.identity {
        Identity::User { name } => name.to_string(),
        _ => last(&change.requester.arn),
    };
    let (mut approver_arns, mut approver_names) = (vec![], vec![]);
    for approver in change.levels.iter().flat_map(|run| &run.level.approvers) {
        let kind = match approver.kind {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Role => "role",
            Kind::Foreign => continue,
        };
        let is_arn = approver.name.starts_with("arn:");
        approver_names.push(if is_arn { last(&approver.name) } else { approver.name.clone() });
        let built = Arn::build(cx.scope.partition(), "iam", "", cx.scope.account.as_str(), &format!("{kind}/{}", approver.name));
        approver_arns.push(if is_arn { approver.name.clone() } else { built.to_string() });
    }
    let groups = change.runbook.targets.iter().flatten().filter(|target| target.key.as_deref() == Some("ResourceGroup"));
    Filters {
        requester_arn: change.requester.arn.to_string(),
        requester_name,
        approver_arns,
        approver_names,
        template: change.template.clone(),
        resource_groups: groups.flat_map(|target| target.values.clone().unwrap_or_default()).collect(),
    }
}

fn data(cx: &Cx, id: &str, change: &Change) -> Map<OpsItemDataValue> {
    let mut automations = vec![json!({ "automationId": change.runbook.document_name, "automationType": "AWS::SSM::Automation" })];
    automations.extend(change.child.iter().map(|child| json!({ "automationId": child, "automationType": "AWS::SSM::Automation" })));
    let resources = json!([{ "arn": arn(&cx.scope, id).as_str() }]);
    let value = |text: String| OpsItemDataValue { value: Some(text), r#type: Some("SearchableString".to_owned()) };
    [(AUTOMATIONS.to_owned(), value(json!(automations).to_string())), (RESOURCES.to_owned(), value(resources.to_string()))].into_iter().collect()
}

impl Ssm {
    /// Writes the OpsItem of a change as the change is now.
    pub fn mirror(&self, cx: &Cx, id: &str, change: &Change) {
        let fill = |shape: &mut OpsItem| {
            shape.status = Some(change.status.as_str().to_owned());
            shape.operational_data = Some(data(cx, id, change));
            shape.actual_start_time = change.run_started;
            shape.actual_end_time = change.run_ended;
            shape.planned_start_time = change.scheduled;
            shape.planned_end_time = change.scheduled_end;
        };
        let (happened, item) = self.ops.update(|state| {
            let (happened, mut item) = match state.item(&cx.scope, &change.ops_item).cloned() {
                Some(item) => (Happened::Updated, item.changed(cx, fill)),
                None => {
                    let requester = Some(change.requester.arn.to_string());
                    let mut shape = OpsItem {
                        created_by: requester.clone(),
                        ops_item_type: Some(CHANGE_REQUEST.to_owned()),
                        created_time: Some(change.started),
                        description: Some(change.details.chars().take(2_048).collect()),
                        last_modified_by: requester,
                        last_modified_time: Some(cx.now),
                        notifications: Some(vec![]),
                        ops_item_id: Some(change.ops_item.clone()),
                        version: Some("1".to_owned()),
                        title: Some(change.name.clone()),
                        source: Some(SOURCE.to_owned()),
                        ops_item_arn: Some(ops_arn(&cx.scope, &change.ops_item).to_string()),
                        related_ops_items: Some(vec![]),
                        ..OpsItem::default()
                    };
                    fill(&mut shape);
                    (Happened::Created, Item::new(shape, change.tags.clone(), None, None))
                }
            };
            item.change = Some(filters(cx, change));
            happened.record(cx, state, &change.ops_item, &item);
            state.put(&cx.scope, &change.ops_item, item.clone());
            (happened, item)
        });
        happened.tell(cx, &change.ops_item, &item);
    }
}
