//! ResumeSession: a new token for a session that goes on.

use super::{start::stream_url, state::arn};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Operation;
use std::sync::Arc;

impl Ssm {
    /// What a call on a session needs: AWS tags sessions with their owner and their target.
    pub fn session_permission<O: Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let key = (cx.scope.clone(), Arc::from(id));
        let permission = Permission::of::<O>(arn(&key));
        match self.sessions.store.read(|state| state.sessions.get(&key).cloned()) {
            Some(session) => permission
                .with_key("ssm:resourceTag/aws:ssmmessages:session-id", &*session.owner_id)
                .with_key("ssm:resourceTag/aws:ssmmessages:target-id", &*session.target)
                .with_key("aws:ResourceTag/aws:ssmmessages:session-id", &*session.owner_id)
                .with_key("aws:ResourceTag/aws:ssmmessages:target-id", &*session.target),
            None => permission,
        }
    }
}

impl Handle<ResumeSession> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ResumeSessionRequest) -> Result<Permissions, Fault> {
        Ok(self.session_permission::<ResumeSession>(cx, &input.session_id).into())
    }

    async fn handle(&self, cx: &Cx, input: ResumeSessionRequest) -> Result<ResumeSessionResponse, Fault> {
        self.sessions.settle(cx.now);
        let id = input.session_id;
        let live = self.sessions.live.get(&id).filter(|live| live.key.0 == cx.scope);
        if live.is_none() && self.sessions.store.read(|state| !state.sessions.contains(&(cx.scope.clone(), Arc::from(id.as_str())))) {
            // AWS: unverified message.
            return Err(faults::DOES_NOT_EXIST.says(format!("Session {id} does not exist.")));
        }
        // AWS: without a token the session is over.
        Ok(ResumeSessionResponse {
            token_value: live.map(|live| live.new_token(cx.ids(), cx.now)),
            stream_url: Some(stream_url(cx.endpoint(), &id)),
            session_id: Some(id),
        })
    }
}
