//! What happens to OpsItems: the events that EventBridge and ListOpsItemEvents have, and the notices to topics.

use super::{
    item::{Item, arn},
    state::State,
};
use crate::{PRINCIPAL, Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_sns::{Publish, PublishInput};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permissions, ServiceEvent, paging::Paging};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    Created,
    Updated,
}

impl Happened {
    fn detail_type(self) -> &'static str {
        match self {
            Happened::Created => "OpsItem Create",
            Happened::Updated => "OpsItem Update",
        }
    }

    /// AWS: unverified are the members.
    fn detail(self, id: &str, item: &Item) -> Value {
        let shape = &item.shape;
        let (time, by) = match self {
            Happened::Created => (("created-time", shape.created_time), ("created-by", &shape.created_by)),
            Happened::Updated => (("modified-time", shape.last_modified_time), ("modified-by", &shape.last_modified_by)),
        };
        let mut detail = json!({
            "ops-item-id": id,
            "ops-item-type": shape.ops_item_type,
            "title": shape.title,
            "description": shape.description,
            "source": shape.source,
            "status": shape.status,
        });
        if let Some(detail) = detail.as_object_mut() {
            detail.insert(time.0.to_owned(), json!(time.1.map(|time| time.text(TimestampFormat::DateTime))));
            detail.insert(by.0.to_owned(), json!(by.1));
            let optional = [("priority", json!(shape.priority)), ("category", json!(shape.category)), ("severity", json!(shape.severity))];
            detail.extend(optional.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)));
        }
        detail
    }

    /// For ListOpsItemEvents.
    pub fn record(self, cx: &Cx, state: &mut State, id: &str, item: &Item) {
        let summary = OpsItemEventSummary {
            ops_item_id: Some(id.to_owned()),
            event_id: Some(cx.ids().uuid()),
            source: Some("aws.ssm".to_owned()),
            detail_type: Some(self.detail_type().to_owned()),
            detail: Some(self.detail(id, item).to_string()),
            created_by: Some(OpsItemIdentity { arn: Some(cx.caller.arn.to_string()) }),
            created_time: Some(cx.now),
        };
        state.record(&cx.scope, id, summary);
    }

    /// For EventBridge, and for the topics of the OpsItem.
    pub fn tell(self, cx: &Cx, id: &str, item: &Item) {
        let source = arn(&cx.scope, id);
        cx.emit(|| ServiceEvent {
            source: "aws.ssm",
            detail_type: self.detail_type(),
            resources: vec![source.clone()],
            detail: self.detail(id, item),
            scope: cx.scope.clone(),
            time: cx.now,
        });
        let subject = format!("{} {id}", self.detail_type());
        for topic in item.topics().iter().filter_map(|topic| topic.arn.as_deref()) {
            // AWS: unverified text.
            publish(cx, topic, source.clone(), &subject, self.detail(id, item).to_string());
        }
    }
}

/// Has a topic told, as soon as what is being written is: at least once, also after a restart.
pub fn publish(cx: &Cx, topic: &str, source: Arn, subject: &str, message: String) {
    let Some(scope) = Arn::parse(topic).and_then(|arn| arn.scope()) else { return };
    // Subjects have 100 characters at most, and no line breaks.
    let subject: String = subject.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let input = PublishInput { topic_arn: Some(topic.to_owned()), subject: Some(subject), message, ..PublishInput::default() };
    // The scheduler is full: AWS does not promise that a notice arrives.
    let _ = cx.schedule::<Publish>(cx.now, PRINCIPAL, source, scope, input);
}

const LONGEST_PAGE: usize = 50;

impl Handle<ListOpsItemEvents> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ListOpsItemEventsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<ListOpsItemEvents>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: ListOpsItemEventsRequest) -> Result<ListOpsItemEventsResponse, Fault> {
        let list = Paging::of::<ListOpsItemEvents>(cx, &input);
        let wanted: Option<Vec<String>> =
            input.filters.filter(|filters| !filters.is_empty()).map(|filters| filters.into_iter().flat_map(|filter| filter.values).collect());
        let page = self.ops.read(|state| {
            if let Some(missing) = wanted.iter().flatten().find(|id| state.item(&cx.scope, id).is_none()) {
                return Err(super::item::no_such_item(missing));
            }
            let from = (cx.scope.clone(), String::new(), 0);
            let rows = state.events.range(from..).take_while(|((scope, _, _), _)| *scope == cx.scope);
            let rows = rows.filter(|((_, id, _), _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(id)));
            let rows = rows.map(|((_, id, number), event)| ((id.clone(), *number), event.shape()));
            list.page_of(list.length(LONGEST_PAGE, LONGEST_PAGE), rows).map_err(|_| faults::invalid_next_token())
        })?;
        Ok(ListOpsItemEventsResponse { summaries: Some(page.items), next_token: page.next_token })
    }
}
