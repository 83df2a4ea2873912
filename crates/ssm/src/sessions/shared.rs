//! What all of Session Manager shares.

use super::{
    live::Live,
    state::{EndedAs, Session, SessionKey, SessionState},
};
use cloudlet_aws::Timestamp;
use cloudlet_engine::Workers;
use cloudlet_store::{Journal, Store};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What the history says of sessions that the end of the server has ended.
const RESTARTED: &str = "The server was restarted.";

#[derive(Clone)]
pub struct Sessions {
    pub store: Arc<Store<SessionState>>,
    pub live: Arc<Live>,
    pub workers: Arc<dyn Workers>,
    /// Whether the sessions that a restart has ended are noted.
    settled: Arc<AtomicBool>,
}

impl Sessions {
    pub fn new(journal: &Journal, workers: Arc<dyn Workers>) -> Sessions {
        Sessions {
            store: Arc::new(Store::new("ssm/sessions", journal, SessionState::default())),
            live: Arc::default(),
            workers,
            settled: Arc::default(),
        }
    }

    /// Notes the end of the sessions that ran when the server stopped: with the first call after its start.
    pub fn settle(&self, now: Timestamp) {
        if self.settled.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_left = |(key, row): &(&SessionKey, &Arc<Session>)| row.ended.is_none() && self.live.get(&key.1).is_none();
        let left: Vec<SessionKey> = self.store.read(|state| state.sessions.iter().filter(is_left).map(|(key, _)| key.clone()).collect());
        for key in left {
            self.note_end(&key, now, EndedAs::Terminated, Some(RESTARTED));
        }
    }

    /// Writes the end of a session, once.
    pub fn note_end(&self, key: &SessionKey, at: Timestamp, ended_as: EndedAs, details: Option<&str>) {
        self.store.update(|state| {
            if let Some(session) = state.sessions.get(key).filter(|session| session.ended.is_none()) {
                let mut session = (**session).clone();
                session.ended = Some((at, ended_as));
                session.details = details.filter(|text| !text.is_empty()).map(|text| text.chars().take(1_024).collect::<String>().into());
                state.sessions.insert(key.clone(), Arc::new(session));
            }
        });
    }
}
