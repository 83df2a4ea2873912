//! StartSession, and what every start has in common.

use super::{
    drive,
    live::{LiveSession, NodePlace},
    plan::{Plan, RUN_SHELL},
    relay,
    state::Session,
    targets::{self, not_connected},
};
use crate::{Ssm, faults, nodes::role_session, parameters::permissions::set_resource_tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Caller, Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use std::sync::Arc;

const KEY: &str = "ssm:SessionDocumentAccessCheck";

/// The beginning of a session's id: who started it.
pub fn prefix(caller: &Caller) -> String {
    let name = match &caller.identity {
        Identity::User { name } | Identity::FederatedUser { name } => name.to_string(),
        Identity::AssumedRole { session, .. } => session.to_string(),
        _ => "root".to_owned(),
    };
    // An id has 96 characters.
    name.chars().filter(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(*character)).take(64).collect()
}

/// Where the data channel of a session is, on the server that the client knows by this address.
pub fn stream_url(endpoint: &str, id: &str) -> String {
    let (scheme, host) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let scheme = if scheme == "https" { "wss" } else { "ws" };
    let host = host.trim_end_matches('/');
    // AWS's own name of Systems Manager leads to its own name of channels.
    let host = match host.strip_prefix("ssm.") {
        Some(rest) => format!("ssmmessages.{rest}"),
        None => host.to_owned(),
    };
    format!("{scheme}://{host}/v1/data-channel/{id}?role=publish_subscribe")
}

/// A session to be started, and who does it.
pub struct Starting {
    pub plan: Plan,
    pub place: NodePlace,
    pub role: Caller,
    pub id_prefix: String,
    pub document: Arc<str>,
    pub owner: Arc<str>,
    pub owner_id: Arc<str>,
    pub reason: Option<Arc<str>>,
    pub endpoint: String,
    pub most: usize,
}

pub struct Started {
    pub id: Arc<str>,
    pub token: String,
    pub stream_url: String,
}

impl Ssm {
    /// `None`: the target has as many sessions as it may have.
    pub fn begin_session(&self, cx: &Cx, starting: Starting) -> Option<Started> {
        self.sessions.settle(cx.now);
        let Starting { plan, place, role, id_prefix, document, owner, owner_id, reason, endpoint, most } = starting;
        let id: Arc<str> = format!("{id_prefix}-{}", cx.ids().base32(26).to_ascii_lowercase()).into();
        let key = (cx.scope.clone(), id.clone());
        let (row_document, owner_arn) = (document.clone(), owner.clone());
        let row = Session {
            target: plan.target.clone(),
            document,
            owner,
            owner_id,
            reason,
            started: cx.now,
            ended: None,
            details: None,
            s3_output: None,
            logs_output: None,
            longest: plan.preferences.longest,
        };
        let (live, ends) = LiveSession::new(key.clone(), cx.runtime().clone(), place, plan, role);
        if !self.sessions.live.add(live.clone(), most) {
            return None;
        }
        self.sessions.store.update(|state| {
            state.forget(&key.0, cx.now);
            state.sessions.insert(key, Arc::new(row));
        });
        let token = live.new_token(cx.ids(), cx.now);
        let opening = relay::opening(&live, &row_document, &owner_arn);
        let sessions = self.sessions.clone();
        match live.place {
            NodePlace::Here(_) => drop(tokio::spawn(drive::run(sessions, live, ends.clients))),
            NodePlace::Elsewhere(_) => drop(tokio::spawn(relay::run(sessions, live, ends, opening))),
        }
        Some(Started { stream_url: stream_url(&endpoint, &id), id, token })
    }

    /// AWS: without a document in the request, one must be allowed to use the default one only where a policy asks for that check.
    /// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html>
    fn authorize_start(&self, cx: &Cx, target: Permission, document: Option<&str>) -> Result<(), Fault> {
        let unchecked = target.clone().with_key(KEY, "false");
        if document.is_none() && cx.check::<StartSession>(&unchecked).is_ok() {
            return Ok(());
        }
        cx.check::<StartSession>(&target.with_key(KEY, "true"))?;
        let name = document.unwrap_or(RUN_SHELL);
        let on_document = match self.documents.find(cx, name) {
            Some(found) => Permission::action("ssm:StartSession", found.arn()),
            None if name.starts_with("arn:") => {
                Permission::action("ssm:StartSession", Arn::parse(name).unwrap_or_else(|| Arn::new("ssm", &cx.scope, name)))
            }
            None => Permission::action("ssm:StartSession", Arn::new("ssm", &cx.scope, &format!("document/{name}"))),
        };
        cx.check::<StartSession>(&on_document.with_key(KEY, "true"))
    }
}

impl Handle<StartSession> for Ssm {
    /// The target's tags count, and are not known yet: the handler decides.
    fn permissions(&self, _: &Cx, _: &StartSessionRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: StartSessionRequest) -> Result<StartSessionResponse, Fault> {
        let target = input.target.as_str();
        let mut permission = Permission::action("ssm:StartSession", targets::arn(cx, target));
        let place = match targets::container(target) {
            Some(_) => {
                self.authorize_start(cx, permission, input.document_name.as_deref())?;
                // The role of its task is not known here: nothing is written or decrypted.
                self.container_node(cx, target).map(|node| (NodePlace::Here(node), Caller::anonymous(), targets::OF_CONTAINER))
            }
            None => {
                let found = self.nodes.find(cx, target).await?;
                if let Some(node) = &found {
                    set_resource_tags(&mut permission, &node.tags);
                }
                self.authorize_start(cx, permission, input.document_name.as_deref())?;
                match found.filter(|node| node.is_online) {
                    Some(node) if node.is_elsewhere => {
                        let agent = self.nodes.agents.of(&node.id);
                        agent.map(|agent| (NodePlace::Elsewhere(agent), Caller::anonymous(), targets::OF_NODE))
                    }
                    // A role that cannot be assumed: it is told when it is needed.
                    Some(node) => {
                        let role = role_session(cx, &node).await.map_or_else(|_| Caller::anonymous(), |(caller, _)| caller);
                        Some((NodePlace::Here(self.nodes.machine(&node, cx.own_address())), role, targets::OF_NODE))
                    }
                    None => None,
                }
            }
        };
        let (place, role, most) = place.ok_or_else(|| not_connected(target))?;
        let plan = self.session_plan(cx, target, input.document_name.as_deref(), input.parameters).await?;
        let starting = Starting {
            plan,
            place,
            role,
            id_prefix: prefix(&cx.caller),
            document: input.document_name.as_deref().unwrap_or(RUN_SHELL).into(),
            owner: cx.caller.arn.clone(),
            owner_id: cx.caller.unique_id.clone(),
            reason: input.reason.as_deref().map(Into::into),
            endpoint: cx.endpoint().to_owned(),
            most,
        };
        // AWS: unverified message.
        let started = self
            .begin_session(cx, starting)
            .ok_or_else(|| faults::TARGET_NOT_CONNECTED.says(format!("{target} has reached the maximum number of sessions, which is {most}.")))?;
        Ok(StartSessionResponse { session_id: Some(started.id.to_string()), token_value: Some(started.token), stream_url: Some(started.stream_url) })
    }
}

#[test]
fn the_channel_is_where_the_client_came_from() {
    assert_eq!(stream_url("http://localhost:4566", "a-1"), "ws://localhost:4566/v1/data-channel/a-1?role=publish_subscribe");
    assert_eq!(
        stream_url("https://ssm.eu-west-1.amazonaws.com", "a-1"),
        "wss://ssmmessages.eu-west-1.amazonaws.com/v1/data-channel/a-1?role=publish_subscribe"
    );
}
