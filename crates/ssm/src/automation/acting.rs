//! In whose name an automation acts: its role's, or that of who started it.

use super::state::{Execution, execution_arn};
use crate::{PRINCIPAL, Ssm};
use cloudlet_api_sts::Credentials;
use cloudlet_aws::{Arn, Caller, Fault, Scope};
use cloudlet_engine::{
    Cx,
    roles::{self, RoleSession},
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// Seconds of a session.
const SESSION: i32 = 3_600;

/// The sessions of automations that run.
#[derive(Default)]
pub struct Sessions(Mutex<BTreeMap<Arc<str>, (RoleSession, Credentials)>>);

impl Sessions {
    pub fn forget(&self, id: &str) {
        self.0.lock().remove(id);
    }
}

/// A caller, and the keys of its session for code that calls the server itself.
#[derive(Clone)]
pub struct Acting {
    pub caller: Caller,
    pub keys: Option<Credentials>,
}

/// A session of a role for an automation.
pub async fn assume(cx: &Cx, scope: &Scope, id: &str, role: &Arn) -> Result<(RoleSession, Credentials), Fault> {
    roles::assume_role_with_keys(cx, role, &format!("Automation-{id}"), PRINCIPAL, &execution_arn(scope, id), SESSION).await
}

impl Ssm {
    pub async fn acting(&self, cx: &Cx, id: &Arc<str>, execution: &Execution) -> Result<Acting, Fault> {
        let Some(role) = &execution.role else { return Ok(Acting { caller: execution.caller.clone(), keys: None }) };
        let now = cx.clock().now();
        let sessions = &self.automations.sessions.0;
        let known = sessions.lock().get(id).filter(|(session, _)| session.usable_until > now).cloned();
        let (session, keys) = match known {
            Some(known) => known,
            None => {
                let fresh = assume(cx, &execution.scope, id, role).await?;
                sessions.lock().insert(id.clone(), fresh.clone());
                fresh
            }
        };
        Ok(Acting { caller: session.caller, keys: Some(keys) })
    }

    /// The session that was made when the automation was started is used by its first step.
    pub fn keep_session(&self, id: &Arc<str>, session: (RoleSession, Credentials)) {
        self.automations.sessions.0.lock().insert(id.clone(), session);
    }
}
