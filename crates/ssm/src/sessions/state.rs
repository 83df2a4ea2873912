//! The rows of sessions.

use cloudlet_aws::{Arn, Scope, Timestamp};
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::{ops::Bound, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedAs {
    Terminated,
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub target: Arc<str>,
    pub document: Arc<str>,
    /// The ARN of who started it, and its `aws:userid`.
    pub owner: Arc<str>,
    pub owner_id: Arc<str>,
    pub reason: Option<Arc<str>>,
    pub started: Timestamp,
    pub ended: Option<(Timestamp, EndedAs)>,
    pub details: Option<Arc<str>>,
    pub s3_output: Option<Arc<str>>,
    pub logs_output: Option<Arc<str>>,
    /// Minutes.
    pub longest: Option<u32>,
}

/// A session of an account in a region.
pub type SessionKey = (Scope, Arc<str>);

pub fn arn(key: &SessionKey) -> Arn {
    Arn::new("ssm", &key.0, &format!("session/{}", key.1))
}

#[derive(Default)]
pub struct SessionState {
    pub sessions: Table<SessionKey, Arc<Session>>,
}

tables!(SessionState { sessions });

/// How long sessions are remembered.
const HISTORY: i64 = 30 * 86_400_000;
/// How many rows are looked at for those that are forgotten.
const LOOKED_AT: usize = 200;

impl SessionState {
    pub fn after<'s>(&'s self, scope: &'s Scope, after: Option<Arc<str>>) -> impl Iterator<Item = (&'s SessionKey, &'s Arc<Session>)> {
        let from = match after {
            Some(after) => Bound::Excluded((scope.clone(), after)),
            None => Bound::Included((scope.clone(), Arc::from(""))),
        };
        self.sessions.range((from, Bound::Unbounded)).take_while(move |((of, _), _)| of == scope)
    }

    pub fn is_forgotten(session: &Session, now: Timestamp) -> bool {
        session.ended.is_some_and(|(at, _)| now.millis() - at.millis() > HISTORY)
    }

    /// Removes some that are older than the history.
    pub fn forget(&mut self, scope: &Scope, now: Timestamp) {
        let old: Vec<SessionKey> = self
            .after(scope, None)
            .take(LOOKED_AT)
            .filter(|(_, session)| SessionState::is_forgotten(session, now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            self.sessions.remove(&key);
        }
    }
}
