//! Sessions from their start to their end, by the clock of the test, and what a restart leaves of them.

use super::machine::Machine;
use crate::{NodeOptions, Options, nodes::LOCAL, service};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Account, Region, Scope};
use cloudlet_engine::{Boxed, Socket, SocketClose, SocketHooks, SocketMessage, SocketReader, SocketWriter};
use cloudlet_session_channel::{Channel, ChannelClosed, PayloadKind, Role};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Cloud = cloudlet_testing::TestCloud<Arc<dyn SocketHooks>>;

fn cloud() -> Cloud {
    let machine = Arc::new(Machine::default());
    let builder = cloudlet_testing::TestCloud::builder().engine(move |parts| {
        let local = Some(Scope::new(Account::default(), Region::new("us-east-1")));
        let service = service(&parts.journal, machine.clone(), Options { nodes: NodeOptions { local, ..NodeOptions::default() } });
        (service.socket_hooks.iter().find(|hooks| hooks.prefixes() == ["/v1/data-channel/"]).cloned().unwrap(), service)
    });
    builder.journaled().build()
}

struct Reader(UnboundedReceiver<SocketMessage>);

impl SocketReader for Reader {
    fn receive(&mut self) -> Boxed<'_, Option<SocketMessage>> {
        Box::pin(self.0.recv())
    }
}

struct Writer(UnboundedSender<SocketMessage>);

impl SocketWriter for Writer {
    fn send(&mut self, message: SocketMessage) -> Boxed<'_, bool> {
        Box::pin(async move { self.0.send(message).is_ok() })
    }
    fn flush(&mut self) -> Boxed<'_, bool> {
        Box::pin(async { true })
    }
    fn ping(&mut self) -> Boxed<'_, bool> {
        Box::pin(async { true })
    }
    fn close(&mut self, _: SocketClose) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

/// One client of a session.
struct Client {
    to: UnboundedSender<SocketMessage>,
    from: UnboundedReceiver<SocketMessage>,
    channel: Channel,
    id: String,
}

impl Client {
    fn attach(cloud: &Cloud, id: &str, token: &str, channel: Channel) -> Client {
        let ((to, reads), (writes, from)) = (unbounded_channel(), unbounded_channel());
        let socket = Socket { reader: Box::new(Reader(reads)), writer: Box::new(Writer(writes)) };
        let path = format!("/v1/data-channel/{id}");
        assert!(cloud.engine.admits(&path));
        tokio::spawn(cloud.engine.clone().serve(path, socket));
        let opening = serde_json::json!({"MessageSchemaVersion": "1.0", "TokenValue": token, "ClientVersion": "1.2.764.0"});
        to.send(SocketMessage::Text(opening.to_string())).unwrap();
        Client { to, from, channel, id: id.to_owned() }
    }

    /// The next payload. An error: the session is over, and says so.
    async fn next(&mut self) -> Result<(PayloadKind, String), ChannelClosed> {
        let mut waiting = std::collections::VecDeque::new();
        loop {
            let message = self.from.recv().await.expect("a message");
            let SocketMessage::Binary(bytes) = message else { panic!("a text") };
            let arrived = self.channel.receive(0, 1, [3; 16], &bytes, true).unwrap();
            if let Some(acknowledgement) = arrived.acknowledgement {
                let _ = self.to.send(SocketMessage::Binary(acknowledgement));
            }
            if let Some(closed) = arrived.closed {
                return Err(closed);
            }
            waiting.extend(arrived.data);
            if let Some((kind, bytes)) = waiting.pop_front() {
                return Ok((kind, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }

    /// Returns when the machine has taken it.
    async fn types(&mut self, text: &'static str) {
        let frame = self.channel.send(0, 1, [4; 16], PayloadKind::Output, text.into());
        self.to.send(SocketMessage::Binary(frame)).unwrap();
        while !self.channel.is_settled() {
            let Some(SocketMessage::Binary(bytes)) = self.from.recv().await else { panic!("no message") };
            self.channel.receive(0, 1, [3; 16], &bytes, true).unwrap();
        }
    }

    /// What it is told at the end.
    async fn end(&mut self) -> String {
        loop {
            if let Err(closed) = self.next().await {
                assert_eq!(closed.session_id, self.id);
                return closed.output;
            }
        }
    }
}

/// A command in a terminal. The nodes of the tests know `echo` and `sleep`, which has no end.
async fn start(cloud: &Cloud, command: &str) -> (String, String) {
    let started = cloud
        .ok::<StartSession>(StartSessionRequest {
            target: LOCAL.into(),
            document_name: Some("AWS-StartInteractiveCommand".into()),
            parameters: Some([("command".to_owned(), vec![command.to_owned()])].into_iter().collect()),
            reason: Some("to see".into()),
        })
        .await;
    (started.session_id.unwrap(), started.token_value.unwrap())
}

async fn open(cloud: &Cloud, command: &str) -> Client {
    let (id, token) = start(cloud, command).await;
    Client::attach(cloud, &id, &token, Channel::new(Role::Client))
}

async fn described(cloud: &Cloud, state: &str) -> Vec<Session> {
    cloud.ok::<DescribeSessions>(DescribeSessionsRequest { state: state.into(), ..Default::default() }).await.sessions.unwrap()
}

async fn status(cloud: &Cloud, state: &str) -> Vec<String> {
    described(cloud, state).await.into_iter().map(|session| session.status.unwrap()).collect()
}

#[tokio::test]
async fn a_command_runs_and_its_end_is_the_sessions() {
    let cloud = cloud();
    let mut client = open(&cloud, "echo here").await;
    assert_eq!(client.next().await.unwrap(), (PayloadKind::Output, "here\n".into()));
    assert_eq!(client.end().await, "");
    let [session] = described(&cloud, "History").await.try_into().unwrap();
    assert_eq!((session.status.as_deref(), session.reason.as_deref()), (Some("Terminated"), Some("to see")));
    assert_eq!((session.start_date, session.end_date), (Some(cloud.now()), Some(cloud.now())));
    assert!(!cloud.engine.admits(&format!("/v1/data-channel/{}", client.id)));
}

#[tokio::test]
async fn terminating_ends_what_runs() {
    let cloud = cloud();
    let mut client = open(&cloud, "echo here\nsleep").await;
    client.next().await.unwrap();
    assert_eq!(status(&cloud, "Active").await, ["Connected"]);
    cloud.ok::<TerminateSession>(TerminateSessionRequest { session_id: client.id.clone() }).await;
    assert_eq!(client.end().await, "");
    assert_eq!((status(&cloud, "Active").await.len(), status(&cloud, "History").await), (0, vec!["Terminated".to_owned()]));
    // Once more is no error.
    cloud.ok::<TerminateSession>(TerminateSessionRequest { session_id: client.id.clone() }).await;
}

#[tokio::test]
async fn a_client_that_is_gone_comes_back_with_a_new_token() {
    let cloud = cloud();
    let (id, token) = start(&cloud, "echo here\nsleep").await;
    assert_eq!(status(&cloud, "Active").await, ["Connecting"]);
    let mut client = Client::attach(&cloud, &id, &token, Channel::new(Role::Client));
    client.next().await.unwrap();
    let resumed = cloud.ok::<ResumeSession>(ResumeSessionRequest { session_id: id.clone() }).await;
    let Client { channel, .. } = client;
    let mut second = Client::attach(&cloud, &id, &resumed.token_value.unwrap(), channel);
    second.types("hello").await;
    cloud.ok::<TerminateSession>(TerminateSessionRequest { session_id: id.clone() }).await;
    assert_eq!(second.end().await, "");
    assert_eq!(cloud.ok::<ResumeSession>(ResumeSessionRequest { session_id: id }).await.token_value, None);
    let unknown = cloud.expect_fault::<ResumeSession>(ResumeSessionRequest { session_id: "root-0".into() }).await;
    assert_eq!(unknown.name(), "DoesNotExistException");
}

#[tokio::test]
async fn idle_and_long_sessions_end_by_the_clock() {
    let cloud = cloud();
    let mut client = open(&cloud, "echo here\nsleep").await;
    client.next().await.unwrap();
    cloud.pass(19 * 60).await;
    assert_eq!(status(&cloud, "Active").await, ["Connected"]);
    cloud.pass(61).await;
    assert_eq!(client.end().await, "Your session timed out due to inactivity.");
    let content = r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"idleSessionTimeout":"60","maxSessionDuration":"30"}}"#;
    let preferences = CreateDocumentRequest {
        name: "SSM-SessionManagerRunShell".into(),
        content: content.into(),
        document_type: Some("Session".into()),
        ..Default::default()
    };
    cloud.ok::<CreateDocument>(preferences).await;
    let mut client = open(&cloud, "echo here\nsleep").await;
    client.next().await.unwrap();
    let [session] = described(&cloud, "Active").await.try_into().unwrap();
    assert_eq!(session.max_session_duration.as_deref(), Some("30"));
    cloud.pass(30 * 60 + 1).await;
    assert_eq!(client.end().await, "Your session was terminated because it reached its maximum duration.");
}

#[tokio::test]
async fn a_restart_terminates_the_sessions_of_before() {
    let cloud = cloud();
    let mut client = open(&cloud, "echo here\nsleep").await;
    client.next().await.unwrap();
    let mut over = open(&cloud, "echo here").await;
    over.end().await;
    let again = cloud.restart();
    again.advance(60);
    assert_eq!(status(&again, "Active").await.len(), 0);
    let history = described(&again, "History").await;
    let [left] = history.iter().filter(|session| session.session_id.as_ref() == Some(&client.id)).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((left.status.as_deref(), left.end_date), (Some("Terminated"), Some(again.now())));
    assert_eq!(left.details.as_deref(), Some("The server was restarted."));
    let [ended] = history.iter().filter(|session| session.session_id.as_ref() == Some(&over.id)).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((ended.end_date, ended.details.as_deref()), (Some(cloud.now()), None));
    assert_eq!(again.ok::<ResumeSession>(ResumeSessionRequest { session_id: client.id.clone() }).await.token_value, None);
    let mut next = open(&again, "echo here").await;
    assert_eq!(next.next().await.unwrap().1, "here\n");
    // The history is that of thirty days.
    next.end().await;
    again.pass(30 * 86_400).await;
    assert_eq!(described(&again, "History").await.len(), 2);
    again.pass(61).await;
    assert_eq!(described(&again, "History").await.len(), 0);
    let last = again.restart();
    assert_eq!(format!("{:?}", last.state()), format!("{:?}", again.state()));
}
