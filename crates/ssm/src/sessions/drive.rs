//! A session from its start to its end: the service's and the agent's side of the data channel.

use super::{
    Sessions,
    backend::{Backend, Ending, Input, Output},
    live::{Attached, LiveSession},
    plan::Kind,
    port, shell,
    state::EndedAs,
    transcript::{self, Transcript},
};
use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_engine::{SocketClose, SocketMessage, SocketWriter, Stopwatch, TerminalSize, uuid_text, within};
use cloudlet_session_channel::{Arrived, Channel, ChannelClosed, Cipher, MessageType, PayloadKind, Role, Size, control::control_frame, is_at_least};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How long a client may take with each step of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long a client may take to acknowledge the last output.
const LAST: Duration = Duration::from_secs(2);
/// Messages that are taken together.
const TOGETHER: usize = 32;
/// Signs of life that keep proxies from closing a silent connection.
const PING: Duration = Duration::from_secs(300);
/// Of clients that know smux.
const KNOWS_SMUX: &str = "1.1.70";

pub enum Stage {
    /// No client was there yet.
    Waiting,
    /// The handshake was asked for.
    Asked {
        challenge: String,
    },
    /// The client is to prove that it has the key.
    Challenged {
        secret: Bytes,
    },
    Running,
}

pub struct Driver {
    sessions: Sessions,
    pub live: Arc<LiveSession>,
    pub stopwatch: Stopwatch,
    channel: Channel,
    writer: Option<Box<dyn SocketWriter>>,
    messages: Option<mpsc::Receiver<Bytes>>,
    pub client_version: String,
    backend: Option<Backend>,
    pub stage: Stage,
    /// When the stage is too old.
    pub stage_began: Duration,
    pub cipher: Option<Cipher>,
    transcript: Transcript,
    active: Timestamp,
    pub ending: Option<Ending>,
}

pub async fn run(sessions: Sessions, live: Arc<LiveSession>, attached: mpsc::Receiver<Attached>) -> Ending {
    let mut driver = Driver {
        transcript: Transcript::of(&live),
        active: live.runtime.clock.now(),
        sessions,
        live: live.clone(),
        stopwatch: Stopwatch::start(),
        channel: Channel::new(Role::Agent),
        writer: None,
        messages: None,
        client_version: String::new(),
        backend: None,
        stage: Stage::Waiting,
        stage_began: Duration::ZERO,
        cipher: None,
        ending: None,
    };
    let ending = driver.drive(attached).await;
    driver.finish(ending.clone()).await;
    ending
}

pub async fn next<T>(of: Option<&mut mpsc::Receiver<T>>) -> Option<T> {
    match of {
        Some(receiver) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

/// Returns when the session is to end.
pub async fn ended(end: &mut watch::Receiver<bool>) {
    if end.wait_for(|end| *end).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns after a time, if there is one.
pub async fn pause(time: Option<Duration>) {
    match time {
        Some(time) => drop(within(time, std::future::pending::<()>()).await),
        None => std::future::pending().await,
    }
}

/// The last message to a client.
pub fn closing(live: &LiveSession, id: [u8; 16], output: String) -> Bytes {
    let closed = closed(live, id, output);
    let date = u64::try_from(live.runtime.clock.now().millis()).unwrap_or(1);
    control_frame(MessageType::ChannelClosed, date, id, &closed).0
}

pub fn closed(live: &LiveSession, id: [u8; 16], output: String) -> ChannelClosed {
    ChannelClosed {
        message_type: MessageType::ChannelClosed.name().to_owned(),
        message_id: uuid_text(id),
        destination_id: live.plan.target.to_string(),
        session_id: live.key.1.to_string(),
        created_date: live.runtime.clock.now().with_millis(),
        schema_version: 1,
        output,
    }
}

impl Driver {
    fn now(&self) -> u64 {
        u64::try_from(self.stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn date(&self) -> u64 {
        u64::try_from(self.live.runtime.clock.now().millis()).unwrap_or(1).max(1)
    }

    /// When the session is too long, or nobody has used it for too long.
    fn deadline(&self, started: Timestamp) -> (Timestamp, &'static str) {
        self.live.plan.preferences.deadline(started, self.active)
    }

    async fn drive(&mut self, mut attached: mpsc::Receiver<Attached>) -> Ending {
        let live = self.live.clone();
        let started = live.runtime.clock.now();
        let mut end = live.end.subscribe();
        let mut ended_at = None;
        loop {
            if let Some(ending) = &self.ending {
                let since = *ended_at.get_or_insert_with(|| self.stopwatch.elapsed());
                if self.channel.is_settled() || self.writer.is_none() || self.stopwatch.elapsed() - since > LAST {
                    return ending.clone();
                }
            }
            let is_shaking = matches!(self.stage, Stage::Asked { .. } | Stage::Challenged { .. });
            if is_shaking && self.stopwatch.elapsed() - self.stage_began > HANDSHAKE {
                return Ending::failed("Handshake timed out. Please ensure that you have the latest version of the session manager plugin.");
            }
            let now = self.now();
            let resend = self.channel.due().filter(|_| self.writer.is_some()).map(|due| Duration::from_millis(due.saturating_sub(now)));
            let look = if is_shaking || self.ending.is_some() { Some(LAST) } else { self.writer.is_some().then_some(PING) };
            let wait = resend.into_iter().chain(look).min();
            let (deadline, reason) = self.deadline(started);
            let may_send = self.channel.may_send() && self.ending.is_none();
            let sendable = self.backend.as_mut().map(|backend| &mut backend.output).filter(|_| may_send);
            tokio::select! {
                biased;
                () = ended(&mut end) => return Ending::default(),
                Some(client) = attached.recv() => self.attach(client).await,
                message = next(self.messages.as_mut()) => match message {
                    Some(bytes) => self.take_some(bytes).await,
                    None => self.detach(),
                },
                output = next(sendable) => match output {
                    Some(output) => self.give_some(output).await,
                    None => self.ending = self.ending.take().or_else(|| Some(Ending::default())),
                },
                () = pause(wait) => self.wake(resend.is_none()).await,
                () = live.runtime.clock.sleep_until(deadline) => {
                    if self.deadline(started).0 <= live.runtime.clock.now() {
                        return Ending::told(reason);
                    }
                }
            }
            self.flush().await;
        }
    }

    async fn wake(&mut self, ping: bool) {
        match self.channel.resend(self.now()) {
            Ok(Some(frame)) => self.write(frame).await,
            Ok(None) if ping => {
                if let Some(writer) = &mut self.writer
                    && !writer.ping().await
                {
                    self.detach();
                }
            }
            Ok(None) => {}
            // The client is there and does not acknowledge.
            Err(_) => self.detach(),
        }
    }

    fn detach(&mut self) {
        self.writer = None;
        self.messages = None;
        self.live.connected.send_replace(Some(false));
    }

    async fn attach(&mut self, client: Attached) {
        if let Some(mut before) = self.writer.take() {
            before.close(SocketClose { code: 1000, reason: "Another client has resumed the session.".to_owned() }).await;
        }
        self.writer = Some(client.writer);
        self.messages = Some(client.messages);
        self.client_version = client.client_version;
        self.live.connected.send_replace(Some(true));
        self.active = self.live.runtime.clock.now();
        for frame in self.channel.resend_all(self.now()) {
            self.write(frame).await;
        }
        if matches!(self.stage, Stage::Waiting) {
            self.begin().await;
        }
    }

    pub fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        self.stage_began = self.stopwatch.elapsed();
    }

    pub async fn run_backend(&mut self) {
        self.set_stage(Stage::Running);
        let started = match &self.live.plan.kind {
            Kind::Port { to, several: true } if is_at_least(&self.client_version, KNOWS_SMUX) => port::start_several(&self.live, to.clone()),
            Kind::Port { to, several } => port::start_single(&self.live, to.clone(), *several).await,
            _ => shell::start(&self.live).await,
        };
        match started {
            Ok(backend) => self.backend = Some(backend),
            Err(why) => self.ending = Some(Ending::failed(why)),
        }
    }

    async fn write(&mut self, frame: Bytes) {
        if let Some(writer) = &mut self.writer
            && !writer.send(SocketMessage::Binary(frame)).await
        {
            self.detach();
        }
    }

    pub async fn flush(&mut self) {
        if let Some(writer) = &mut self.writer
            && !writer.flush().await
        {
            self.detach();
        }
    }

    async fn send(&mut self, kind: PayloadKind, payload: Bytes) {
        let is_encrypted = matches!(kind, PayloadKind::Output | PayloadKind::StandardError | PayloadKind::ExitCode);
        let payload = match &mut self.cipher {
            Some(cipher) if is_encrypted => cipher.encrypt(&payload),
            _ => payload,
        };
        let (now, date, id) = (self.now(), self.date(), self.live.runtime.ids.uuid_bytes());
        let frame = self.channel.send(now, date, id, kind, payload);
        self.write(frame).await;
    }

    pub async fn send_json(&mut self, kind: PayloadKind, value: &impl serde::Serialize) {
        let text = serde_json::to_vec(value).unwrap_or_default();
        self.send(kind, text.into()).await;
    }

    /// Messages that are there already are taken together.
    async fn take_some(&mut self, first: Bytes) {
        self.take(first).await;
        for _ in 1..TOGETHER {
            let Some(Ok(more)) = self.messages.as_mut().map(mpsc::Receiver::try_recv) else { return };
            self.take(more).await;
        }
    }

    async fn give_some(&mut self, first: Output) {
        self.give(first).await;
        for _ in 1..TOGETHER {
            if !self.channel.may_send() || self.ending.is_some() {
                return;
            }
            let Some(Ok(more)) = self.backend.as_mut().map(|backend| backend.output.try_recv()) else { return };
            self.give(more).await;
        }
    }

    async fn give(&mut self, output: Output) {
        match output {
            Output::Data(kind, bytes) => {
                if kind != PayloadKind::ExitCode {
                    self.transcript.add(&bytes);
                }
                self.active = self.live.runtime.clock.now();
                self.send(kind, bytes).await;
            }
            Output::Ended(ending) => self.ending = Some(ending),
        }
    }

    async fn take(&mut self, bytes: Bytes) {
        let ready = match &self.stage {
            Stage::Waiting => false,
            Stage::Asked { .. } | Stage::Challenged { .. } => true,
            Stage::Running => self.backend.as_ref().is_some_and(Backend::is_ready) && self.ending.is_none(),
        };
        let (now, date, id) = (self.now(), self.date(), self.live.runtime.ids.uuid_bytes());
        // What is no frame is passed over, as AWS does.
        let Ok(Arrived { acknowledgement, data, closed }) = self.channel.receive(now, date, id, &bytes, ready) else { return };
        if let Some(acknowledgement) = acknowledgement {
            self.write(acknowledgement).await;
        }
        for (kind, payload) in data {
            self.active = self.live.runtime.clock.now();
            self.take_data(kind, payload).await;
        }
        if closed.is_some() {
            self.ending = Some(Ending::default());
        }
    }

    async fn take_data(&mut self, kind: PayloadKind, payload: Bytes) {
        let payload = match (&self.cipher, kind) {
            (Some(cipher), PayloadKind::Output) => match cipher.decrypt(&payload) {
                Ok(payload) => payload,
                Err(_) => {
                    self.ending = Some(Ending::failed("Error decrypting stream data message"));
                    return;
                }
            },
            _ => payload,
        };
        match (&self.stage, kind) {
            (Stage::Asked { challenge }, PayloadKind::HandshakeResponse) => {
                let challenge = challenge.clone();
                self.take_response(&payload, &challenge).await;
            }
            (Stage::Challenged { secret }, PayloadKind::ChallengeResponse) => {
                let secret = secret.clone();
                self.take_proof(&payload, &secret).await;
            }
            (Stage::Running, kind) => {
                let input = match kind {
                    PayloadKind::Output => Some(Input::Data(payload)),
                    PayloadKind::Size => serde_json::from_slice::<Size>(&payload).ok().map(|size| {
                        let side = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
                        Input::Size(TerminalSize { columns: side(size.cols), rows: side(size.rows) })
                    }),
                    PayloadKind::Flag => payload.first_chunk().map(|number| Input::Flag(u32::from_be_bytes(*number))),
                    _ => None,
                };
                if let (Some(input), Some(backend)) = (input, &self.backend) {
                    // There was room for one; what came early and is in order now may need more.
                    let _ = backend.input.send(input).await;
                }
            }
            // Before the handshake is complete nothing else is taken.
            _ => {}
        }
    }

    async fn finish(mut self, ending: Ending) {
        let key = self.live.key.clone();
        self.sessions.live.remove(&key.1);
        let ended_as = if ending.failed { EndedAs::Failed } else { EndedAs::Terminated };
        self.sessions.note_end(&key, self.live.runtime.clock.now(), ended_as, Some(&ending.message));
        // What runs is killed.
        self.backend = None;
        let id = self.live.runtime.ids.uuid_bytes();
        self.write(closing(&self.live, id, ending.message)).await;
        self.flush().await;
        if let Some(mut writer) = self.writer.take() {
            writer.close(SocketClose { code: 1000, reason: String::new() }).await;
        }
        transcript::keep(&self.sessions, &self.live, std::mem::take(&mut self.transcript)).await;
    }
}
