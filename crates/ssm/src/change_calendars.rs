//! Change calendars: whether changes may be made, and the event when that changes. A calendar is a document whose content is an iCalendar.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-change-calendar.html>

pub use own::TellCalendarState;

use crate::{
    PRINCIPAL, Ssm,
    documents::{VersionSelector, rows::DocumentKey},
    faults,
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, Timestamp, TimestampFormat};
use cloudlet_calendar::ical::Calendar;
use cloudlet_engine::{Builder, Cx, Handle, Permission, Permissions, ServiceEvent};
use cloudlet_shape::{Empty, Shape};
use cloudlet_ssm_document::{DocumentType, Refused};
use serde_json::{Value, json};

#[derive(Shape, Clone, Default)]
pub struct CalendarInput {
    /// Of the document.
    pub name: String,
}

mod own {
    use super::CalendarInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        TellCalendarState(CalendarInput) -> Empty {}
    }
}

pub fn register(builder: Builder<Ssm>) -> Builder<Ssm> {
    builder.handles::<TellCalendarState>().handles::<GetCalendarState>()
}

/// Whether the content of a document is a calendar.
pub fn check(content: &str, _: &Value) -> Result<(), Refused> {
    // AWS: unverified message.
    Calendar::parse(content).map(drop).map_err(|why| Refused::Content(format!("The content of the change calendar is not valid: {why}.")))
}

fn unsupported(why: impl std::fmt::Display) -> Fault {
    faults::UNSUPPORTED_CALENDAR.says(format!("The calendar entry contained in the specified SSM document isn't supported: {why}."))
}

/// AWS: in seconds.
fn text(at: Timestamp) -> String {
    at.whole_secs().text(TimestampFormat::DateTime)
}

impl Ssm {
    /// A calendar by the name or ARN of its document.
    pub fn calendar(&self, cx: &Cx, name: &str) -> Result<Calendar, Fault> {
        let found = self.documents.resolve(cx, name, VersionSelector::default())?;
        if found.kind() != DocumentType::ChangeCalendar {
            return Err(faults::INVALID_DOCUMENT_TYPE.says(format!("The document {name} is not of the type ChangeCalendar.")));
        }
        Calendar::parse(&found.version.content).map_err(unsupported)
    }

    /// Schedules the event of the calendar's next change, in place of what was scheduled before: for a document that was made or changed. For one
    /// that was deleted, none is.
    pub fn watch_calendar(&self, cx: &Cx, key: &DocumentKey) {
        let name = format!("TellCalendarState/{}", key.arn());
        let next = self.calendar(cx, &key.name).ok().and_then(|calendar| calendar.next_change(cx.clock().now()));
        match next {
            Some(at) => {
                let input = CalendarInput { name: key.name.to_string() };
                // The scheduler is full: the state is right even so.
                let _ = cx.schedule_keyed::<TellCalendarState>(name, at, PRINCIPAL, key.arn(), key.scope.clone(), input);
            }
            None => {
                cx.cancel::<TellCalendarState>(name);
            }
        }
    }
}

impl Handle<GetCalendarState> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetCalendarStateRequest) -> Result<Permissions, Fault> {
        if input.calendar_names.is_empty() {
            return Ok(Permission::of::<GetCalendarState>(Arn::new("ssm", &cx.scope, "document/*")).into());
        }
        input.calendar_names.iter().map(|name| self.documents.permission::<GetCalendarState>(cx, name)).collect()
    }

    async fn handle(&self, cx: &Cx, input: GetCalendarStateRequest) -> Result<GetCalendarStateResponse, Fault> {
        let at = match &input.at_time {
            // AWS: unverified message.
            Some(text) => Timestamp::parse_any(text).ok_or_else(|| faults::validation(format!("AtTime {text} is not an ISO 8601 date and time.")))?,
            None => cx.now,
        };
        let calendars = input.calendar_names.iter().map(|name| self.calendar(cx, name)).collect::<Result<Vec<_>, _>>()?;
        Ok(GetCalendarStateResponse {
            state: Some(Calendar::state_of(&calendars, at).as_str().to_owned()),
            at_time: Some(input.at_time.unwrap_or_else(|| text(at))),
            next_transition_time: Calendar::next_change_of(&calendars, at).map(text),
        })
    }
}

impl Handle<TellCalendarState> for Ssm {
    fn permissions(&self, _: &Cx, _: &CalendarInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: CalendarInput) -> Result<Empty, Fault> {
        let key = DocumentKey::new(cx.scope.clone(), &input.name);
        let Ok(calendar) = self.calendar(cx, &input.name) else { return Ok(Empty {}) };
        let next = calendar.next_change(cx.now);
        let resource: Arn = key.arn();
        cx.emit(|| {
            let mut detail = json!({ "state": calendar.state(cx.now).as_str(), "atTime": text(cx.now) });
            if let (Some(detail), Some(next)) = (detail.as_object_mut(), next) {
                detail.insert("nextTransitionTime".to_owned(), json!(text(next)));
            }
            ServiceEvent {
                source: "aws.ssm",
                detail_type: "Calendar State Change",
                resources: vec![resource],
                detail,
                scope: cx.scope.clone(),
                time: cx.now,
            }
        });
        self.watch_calendar(cx, &key);
        Ok(Empty {})
    }
}
