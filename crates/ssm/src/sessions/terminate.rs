//! TerminateSession. One that is over, or was never there, is terminated too.

use super::{
    Sessions,
    state::{EndedAs, SessionKey},
};
use crate::Ssm;
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

impl Sessions {
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

    pub fn note_output(&self, key: &SessionKey, s3: Option<String>, logs: Option<String>) {
        self.store.update(|state| {
            if let Some(session) = state.sessions.get(key) {
                let mut session = (**session).clone();
                session.s3_output = s3.map(Into::into).or(session.s3_output);
                session.logs_output = logs.map(Into::into).or(session.logs_output);
                state.sessions.insert(key.clone(), Arc::new(session));
            }
        });
    }
}

impl Handle<TerminateSession> for Ssm {
    fn permissions(&self, cx: &Cx, input: &TerminateSessionRequest) -> Result<Permissions, Fault> {
        Ok(self.session_permission::<TerminateSession>(cx, &input.session_id).into())
    }

    async fn handle(&self, cx: &Cx, input: TerminateSessionRequest) -> Result<TerminateSessionResponse, Fault> {
        let id = input.session_id;
        if let Some(live) = self.sessions.live.get(&id).filter(|live| live.key.0 == cx.scope) {
            // It counts no more at once; its task ends what runs.
            self.sessions.live.remove(&id);
            self.sessions.note_end(&live.key, cx.now, EndedAs::Terminated, None);
            live.end.send_replace(true);
        }
        Ok(TerminateSessionResponse { session_id: Some(id) })
    }
}
