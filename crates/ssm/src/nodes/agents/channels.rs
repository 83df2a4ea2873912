//! `ssmmessages`: agents ask for the tokens of their channels (`POST /v1/control-channel/NODE`, `POST /v1/data-channel/SESSION`), and open them.
//! Requests are JSON, answers XML.

use super::{connections::Ticket, operations::*};
use crate::{Ssm, nodes::rows::Registered};
use cloudlet_aws::{Account, Arn, Fault, FaultKind, Head, Identity, Region, Scope};
use cloudlet_engine::{
    Cx, EndpointAnswer, EndpointCallers, EndpointField, EndpointRefusal, EndpointRequest, Handle, HttpEndpoint, HttpEndpoints, Permission,
    Permissions,
};
use cloudlet_session_channel::control::{CreateChannel, SCHEMA};
use cloudlet_shape::{Body, Empty, Operation};
use std::sync::Arc;

pub const CONTROL: &str = "/v1/control-channel/";
const DATA: &str = "/v1/data-channel/";
const SIGNING_NAME: &str = "ssmmessages";
/// Bytes of a request for a token.
const REQUEST: usize = 16 << 10;

const ACCESS_DENIED: FaultKind = FaultKind::sender("AccessDeniedException", 403);
const VALIDATION: FaultKind = FaultKind::sender("ValidationException", 400);
const NOT_FOUND: FaultKind = FaultKind::sender("ResourceNotFoundException", 404);

/// Whether the caller is the agent of a node: a session of its role that has its id as name. AWS: unverified message.
pub fn may_speak_for(cx: &Cx, id: &str, row: &Registered) -> Result<(), Fault> {
    let is_it = match &cx.caller.identity {
        Identity::AssumedRole { role, session } => {
            let is_role = role.resource().rsplit('/').next() == row.role.rsplit('/').next();
            **session == *id && is_role && cx.caller.account == Some(cx.scope.account)
        }
        _ => false,
    };
    if is_it { Ok(()) } else { Err(ACCESS_DENIED.says(format!("{} is not the agent of {id}.", cx.caller.arn))) }
}

impl HttpEndpoints for Ssm {
    fn endpoint(&self, host: &str, path: &str) -> Option<HttpEndpoint> {
        // A path below a bucket's host name is that of an object.
        if !path.starts_with("/v1/") || host.split(['.', ':']).any(|label| label == "s3" || label.starts_with("s3-")) {
            return None;
        }
        let nowhere = || Scope::new(Account::default(), Region::new("us-east-1"));
        let (operation, id, scope) = if let Some(id) = path.strip_prefix(CONTROL) {
            (CreateControlChannel::SCHEMA, id, self.nodes.registered(id).map(|(scope, _)| scope))
        } else {
            let id = path.strip_prefix(DATA)?;
            (CreateDataChannel::SCHEMA, id, self.sessions.live.get(id).map(|live| live.key.0.clone()))
        };
        Some(HttpEndpoint {
            operation,
            scope: scope.unwrap_or_else(nowhere),
            id: id.to_owned(),
            path: path.to_owned(),
            callers: EndpointCallers::Signed,
            signing_name: Some(SIGNING_NAME),
            largest: REQUEST,
        })
    }

    fn preflight(&self, _: &HttpEndpoint, _: &Head<'_>) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// AWS: the agent looks for the name of the exception as an element.
    fn refusal(&self, fault: &Fault) -> EndpointRefusal {
        let message = fault.message().replace('&', "&amp;").replace('<', "&lt;");
        let body = format!("<{0}><Message>{message}</Message></{0}>", fault.name());
        EndpointRefusal { status: fault.status(), headers: vec![("content-type", "application/xml".to_owned())], body }
    }
}

fn on_all<O: Operation>(cx: &Cx) -> Permissions {
    Permission::of::<O>(Arn::new(SIGNING_NAME, &cx.scope, "*")).into()
}

/// What the body of a request for a token must be.
fn check(input: &EndpointRequest) -> Result<(), Fault> {
    let read = serde_json::from_slice::<CreateChannel>(&input.body).ok().filter(|read| !read.request_id.is_empty() && input.method == "POST");
    // AWS: unverified message.
    read.map(drop).ok_or_else(|| VALIDATION.says("MessageSchemaVersion and RequestId are required."))
}

fn answer(name: &str, token: &str) -> EndpointAnswer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name}><MessageSchemaVersion>{SCHEMA}</MessageSchemaVersion><TokenValue>{token}</TokenValue></{name}>"
    );
    let headers = vec![EndpointField { name: "content-type".to_owned(), value: "application/xml".to_owned() }];
    EndpointAnswer { status: 201, headers, body: Body::whole(text) }
}

impl Handle<CreateControlChannel> for Ssm {
    fn permissions(&self, cx: &Cx, _: &EndpointRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<CreateControlChannel>(cx))
    }

    async fn handle(&self, cx: &Cx, input: EndpointRequest) -> Result<EndpointAnswer, Fault> {
        check(&input)?;
        let node: Arc<str> = input.endpoint.as_str().into();
        let row = self.nodes.registered_here(&cx.scope, &node);
        let row = row.ok_or_else(|| NOT_FOUND.says(format!("There is no managed node {node}.")))?;
        may_speak_for(cx, &node, &row)?;
        let ticket = Ticket { node: node.clone(), scope: cx.scope.clone(), caller: cx.caller.clone(), runtime: cx.runtime().clone() };
        Ok(answer("CreateControlChannelOutput", &self.nodes.agents.tickets.issue(node, ticket, cx.ids(), cx.now)))
    }
}

impl Handle<OpenControlChannel> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ChannelInput) -> Result<Permissions, Fault> {
        Ok(on_all::<OpenControlChannel>(cx))
    }

    async fn handle(&self, _: &Cx, _: ChannelInput) -> Result<Empty, Fault> {
        Ok(Empty {})
    }
}

impl Handle<CreateDataChannel> for Ssm {
    fn permissions(&self, cx: &Cx, _: &EndpointRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<CreateDataChannel>(cx))
    }

    async fn handle(&self, cx: &Cx, input: EndpointRequest) -> Result<EndpointAnswer, Fault> {
        check(&input)?;
        let gone = || NOT_FOUND.says("Session is already terminated");
        let live = self.sessions.live.get(&input.endpoint).filter(|live| live.key.0 == cx.scope).ok_or_else(gone)?;
        let node = live.agent().ok_or_else(gone)?.of.node.clone();
        let row = self.nodes.registered_here(&cx.scope, &node).ok_or_else(gone)?;
        may_speak_for(cx, &node, &row)?;
        Ok(answer("CreateDataChannelOutput", &live.new_agent_token(cx.caller.clone(), cx.ids(), cx.now)))
    }
}

impl Handle<OpenDataChannel> for Ssm {
    fn permissions(&self, cx: &Cx, _: &ChannelInput) -> Result<Permissions, Fault> {
        Ok(on_all::<OpenDataChannel>(cx))
    }

    async fn handle(&self, _: &Cx, _: ChannelInput) -> Result<Empty, Fault> {
        Ok(Empty {})
    }
}
