//! TerminateSession. One that is over, or was never there, is terminated too.

use super::{
    Sessions,
    state::{EndedAs, SessionKey},
};
use crate::Ssm;
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

impl Sessions {
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
        self.sessions.settle(cx.now);
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
