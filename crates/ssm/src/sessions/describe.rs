//! DescribeSessions: the active ones, or those of the last thirty days.

use super::{
    Sessions,
    state::{EndedAs, Session as Row, SessionKey, SessionState},
};
use crate::{Ssm, faults, limits, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};
use std::sync::Arc;

const LONGEST_PAGE: usize = 200;

impl Sessions {
    /// A row without a task is of a session that a restart has ended.
    fn status(&self, key: &SessionKey, row: &Row) -> &'static str {
        match row.ended {
            Some((_, EndedAs::Failed)) => "Failed",
            Some((_, EndedAs::Terminated)) => "Terminated",
            None => self.live.get(&key.1).map_or("Terminated", |live| live.status()),
        }
    }

    fn shown(&self, key: &SessionKey, row: &Row) -> Session {
        let output = SessionManagerOutputUrl {
            s3_output_url: row.s3_output.as_deref().map(str::to_owned),
            cloud_watch_output_url: row.logs_output.as_deref().map(str::to_owned),
        };
        Session {
            session_id: Some(key.1.to_string()),
            target: Some(row.target.to_string()),
            status: Some(self.status(key, row).to_owned()),
            start_date: Some(row.started),
            end_date: row.ended.map(|(at, _)| at),
            document_name: Some(row.document.to_string()),
            owner: Some(row.owner.to_string()),
            reason: row.reason.as_deref().map(str::to_owned),
            details: row.details.as_deref().map(str::to_owned),
            output_url: Some(output),
            max_session_duration: row.longest.map(|minutes| minutes.to_string()),
            access_type: Some("Standard".to_owned()),
        }
    }
}

enum Filter {
    After(Timestamp),
    Before(Timestamp),
    Target(String),
    Owner(String),
    Status(String),
    Id(String),
    AccessType(String),
}

impl Filter {
    fn parse(filter: &SessionFilter) -> Result<Filter, Fault> {
        let value = filter.value.clone();
        let time = || {
            // AWS: unverified message.
            Timestamp::parse_any(&value).ok_or_else(|| faults::INVALID_FILTER_KEY.says(format!("The value of {} is not a date.", filter.key)))
        };
        Ok(match filter.key.as_str() {
            "InvokedAfter" => Filter::After(time()?),
            "InvokedBefore" => Filter::Before(time()?),
            "Target" => Filter::Target(value),
            "Owner" => Filter::Owner(value),
            "Status" => Filter::Status(value),
            "SessionId" => Filter::Id(value),
            "AccessType" => Filter::AccessType(value),
            other => return Err(faults::INVALID_FILTER_KEY.says(format!("The filter key {other} isn't valid."))),
        })
    }

    fn takes(&self, id: &str, row: &Row, status: &str) -> bool {
        match self {
            Filter::After(time) => row.started > *time,
            Filter::Before(time) => row.started < *time,
            Filter::Target(target) => *row.target == **target,
            Filter::Owner(owner) => *row.owner == **owner,
            Filter::Status(wanted) => status == wanted,
            Filter::Id(wanted) => id == wanted,
            Filter::AccessType(wanted) => wanted == "Standard",
        }
    }
}

impl Handle<DescribeSessions> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeSessionsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeSessions>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeSessionsRequest) -> Result<DescribeSessionsResponse, Fault> {
        self.sessions.settle(cx.now);
        let filters = input.filters.iter().flatten().map(Filter::parse).collect::<Result<Vec<_>, _>>()?;
        let list = Paging::of::<DescribeSessions>(cx, &input);
        let after: Option<Arc<str>> = list.after().map_err(|_| faults::invalid_next_token())?;
        let length = list.length(LONGEST_PAGE, LONGEST_PAGE);
        let (mut sessions, mut next_token) = (vec![], None);
        let sessions_of = &self.sessions;
        sessions_of.store.read(|state| {
            let (mut looked, mut last) = (0, None);
            for (key, row) in state.after(&cx.scope, after) {
                if sessions.len() == length || looked == limits::ROWS_PER_PAGE {
                    next_token = last.map(|last: Arc<str>| list.token(&last));
                    break;
                }
                looked += 1;
                last = Some(key.1.clone());
                let status = sessions_of.status(key, row);
                let is_active = !matches!(status, "Terminated" | "Failed");
                let is_wanted = is_active == (input.state == "Active") && !SessionState::is_forgotten(row, cx.now);
                if is_wanted && filters.iter().all(|filter| filter.takes(&key.1, row, status)) {
                    sessions.push(sessions_of.shown(key, row));
                }
            }
        });
        Ok(DescribeSessionsResponse { sessions: Some(sessions), next_token })
    }
}
