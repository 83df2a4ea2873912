//! One SMTP session as a machine: bytes go in, steps come out. It waits for nothing and knows no socket.
//! <https://www.rfc-editor.org/rfc/rfc5321>

mod auth;
mod data;
mod paths;
#[cfg(test)]
mod tests;

use paths::{is_address, path};

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Clients of AWS send, after TLS and AUTH.
    Submission,
    /// Other servers bring mail.
    Inbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    None,
    Tls,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Reply(String),
    /// After the reply, TLS begins.
    StartTls(String),
    /// To be answered with `authenticated`.
    Authenticate {
        user: String,
        password: String,
    },
    /// To be answered with `recipient`.
    Recipient {
        from: String,
        to: String,
    },
    /// To be answered with `message_done`.
    Message(Box<Message>),
    /// After the reply, the connection ends.
    Close(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub helo: String,
    pub from: String,
    pub recipients: Vec<String>,
    /// Without the dots that the protocol adds.
    pub bytes: Vec<u8>,
}

/// Bounds of a session.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub message: usize,
    pub recipients: usize,
    /// Wrong commands in a row.
    pub mistakes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { message: 40 << 20, recipients: 1_000, mistakes: 50 }
    }
}

/// Lines of commands are this long at most, those of AUTH included.
const LINE: usize = 12 * 1024;

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Commands,
    /// PLAIN was asked for without a response.
    Plain,
    User,
    Password {
        user: String,
    },
    Data,
    /// The answer to a step is awaited.
    Waiting,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fits,
    TooLong,
    NoMemory,
}

pub struct Session {
    purpose: Purpose,
    encryption: Encryption,
    bounds: Bounds,
    host: String,
    input: Vec<u8>,
    /// Bytes of `input` that are done.
    done: usize,
    phase: Phase,
    helo: Option<String>,
    authenticated: bool,
    from: Option<String>,
    recipients: Vec<String>,
    body: Vec<u8>,
    verdict: Verdict,
    /// The last line was too long, and the rest of it is still coming.
    skips_line: bool,
    /// The last line of the message has not ended yet.
    partial: bool,
    mistakes: usize,
    asked: Option<String>,
}

impl Session {
    /// The session, and what the server says first.
    pub fn new(purpose: Purpose, encryption: Encryption, host: &str, id: &str, bounds: Bounds) -> (Session, String) {
        let session = Session {
            purpose,
            encryption,
            bounds,
            host: host.to_owned(),
            input: vec![],
            done: 0,
            phase: Phase::Commands,
            helo: None,
            authenticated: false,
            from: None,
            recipients: vec![],
            body: vec![],
            verdict: Verdict::Fits,
            skips_line: false,
            partial: false,
            mistakes: 0,
            asked: None,
        };
        // AWS: the second word is that of the machine, the third of the session.
        (session, format!("220 {host} ESMTP SimpleEmailService-d-{} {}", id.get(..9).unwrap_or(id).to_ascii_uppercase(), id))
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.done);
        self.done = 0;
        self.input.extend_from_slice(bytes);
    }

    /// Whether a message is arriving.
    pub fn is_in_data(&self) -> bool {
        self.phase == Phase::Data
    }

    /// Bytes that the session holds.
    pub fn held(&self) -> usize {
        self.input.capacity() + self.body.capacity()
    }

    /// There is no memory for the message that is arriving: it is refused when it is there.
    pub fn give_up(&mut self) {
        self.verdict = Verdict::NoMemory;
        self.body = vec![];
    }

    /// TLS has begun: the client starts anew, and what it sent before counts for nothing.
    pub fn encrypted(&mut self) {
        self.encryption = Encryption::Tls;
        self.input.clear();
        self.done = 0;
        self.helo = None;
        self.phase = Phase::Commands;
        self.reset();
    }

    pub fn authenticated(&mut self, outcome: Result<(), String>) -> String {
        self.phase = Phase::Commands;
        match outcome {
            Ok(()) => {
                self.authenticated = true;
                "235 Authentication successful.".to_owned()
            }
            Err(reply) => {
                self.mistakes += 1;
                reply
            }
        }
    }

    pub fn recipient(&mut self, outcome: Result<(), String>) -> String {
        self.phase = Phase::Commands;
        let asked = self.asked.take();
        match outcome {
            Ok(()) => {
                self.recipients.extend(asked);
                "250 Ok".to_owned()
            }
            Err(reply) => reply,
        }
    }

    pub fn message_done(&mut self) {
        self.phase = Phase::Commands;
        self.reset();
    }

    fn reset(&mut self) {
        self.from = None;
        self.recipients.clear();
        self.body = vec![];
        self.verdict = Verdict::Fits;
        self.partial = false;
    }

    /// The next step, if what has arrived allows one.
    pub fn step(&mut self) -> Option<Step> {
        match self.phase {
            Phase::Waiting => None,
            Phase::Data => self.data(),
            _ => {
                let line = self.line()?;
                Some(match line {
                    Ok(line) => self.command(&line),
                    Err(()) => self.mistake("500 Line too long."),
                })
            }
        }
    }

    /// The next line without its end; an error for one that is too long.
    fn line(&mut self) -> Option<Result<String, ()>> {
        let rest = self.input.get(self.done..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            if rest.len() > LINE {
                // Nothing of it is kept.
                self.done = self.input.len();
                let was_told = std::mem::replace(&mut self.skips_line, true);
                return (!was_told).then_some(Err(()));
            }
            return None;
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_long = line.len() > LINE;
        let line = String::from_utf8_lossy(line).into_owned();
        self.done += end + 1;
        if std::mem::take(&mut self.skips_line) {
            return self.line();
        }
        Some(if is_long { Err(()) } else { Ok(line) })
    }

    fn mistake(&mut self, reply: &str) -> Step {
        self.mistakes += 1;
        if self.mistakes > self.bounds.mistakes {
            return Step::Close("421 Too many errors on this connection---closing".to_owned());
        }
        Step::Reply(reply.to_owned())
    }

    fn command(&mut self, line: &str) -> Step {
        match std::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::Plain => return self.plain(line),
            Phase::User => return self.user(line),
            Phase::Password { user } => return self.password(user, line),
            _ => {}
        }
        let (verb, rest) = line.split_once(' ').map_or((line.trim(), ""), |(verb, rest)| (verb.trim(), rest.trim()));
        let needs_tls = self.purpose == Purpose::Submission && self.encryption == Encryption::None;
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.is_empty() => self.mistake("501 Invalid domain name"),
            "EHLO" => {
                self.greet(rest);
                Step::Reply(self.capabilities())
            }
            "HELO" => {
                self.greet(rest);
                Step::Reply(format!("250 {}", self.host))
            }
            "QUIT" => Step::Close("221 Bye".to_owned()),
            "NOOP" => Step::Reply("250 Ok".to_owned()),
            "RSET" => {
                self.reset();
                Step::Reply("250 Ok".to_owned())
            }
            "VRFY" => Step::Reply("252 Cannot verify user".to_owned()),
            "STARTTLS" if self.encryption == Encryption::Tls => self.mistake("503 TLS is already active"),
            "STARTTLS" if !rest.is_empty() => self.mistake("501 Syntax error (no parameters allowed)"),
            "STARTTLS" => {
                self.phase = Phase::Waiting;
                Step::StartTls("220 Ready to start TLS".to_owned())
            }
            _ if needs_tls => self.mistake("530 Must issue a STARTTLS command first"),
            "AUTH" => self.auth(rest),
            "MAIL" | "RCPT" | "DATA" if self.purpose == Purpose::Submission && !self.authenticated => self.mistake("530 Authentication required"),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.begin_data(),
            _ => self.mistake("500 Error: command not implemented"),
        }
    }

    fn greet(&mut self, name: &str) {
        self.reset();
        self.helo = Some(name.chars().filter(|c| c.is_ascii_graphic()).take(255).collect());
    }

    fn capabilities(&self) -> String {
        let mut lines = vec![self.host.as_str(), "8BITMIME"];
        if self.encryption == Encryption::None {
            lines.push("STARTTLS");
        }
        if self.purpose == Purpose::Submission {
            lines.push("AUTH PLAIN LOGIN");
        }
        let mut text: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        text.push_str("250 Ok");
        text
    }

    fn mail(&mut self, rest: &str) -> Step {
        if self.helo.is_none() {
            return self.mistake("503 Error: send HELO/EHLO first");
        }
        if self.from.is_some() {
            return self.mistake("503 Error: nested MAIL command");
        }
        let Some((address, parameters)) = path(rest, "FROM:") else { return self.mistake("501 Invalid MAIL FROM address provided") };
        // A server may have nobody to answer to; a client of SES has somebody.
        if !(is_address(&address) || address.is_empty() && self.purpose == Purpose::Inbound) {
            return self.mistake("501 Invalid MAIL FROM address provided");
        }
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > self.bounds.message) => return self.mistake("552 Message is too long."),
                "SIZE" | "BODY" | "SMTPUTF8" | "AUTH" | "RET" | "ENVID" => {}
                _ => return self.mistake("555 MAIL FROM parameters not recognized or not implemented"),
            }
        }
        self.from = Some(address);
        Step::Reply("250 Ok".to_owned())
    }

    fn rcpt(&mut self, rest: &str) -> Step {
        let Some(from) = self.from.clone() else { return self.mistake("503 Error: need MAIL command") };
        let Some((address, _)) = path(rest, "TO:").filter(|(address, _)| is_address(address)) else {
            return self.mistake("501 Invalid RCPT TO address provided");
        };
        if self.recipients.len() >= self.bounds.recipients {
            return self.mistake("452 Too many recipients");
        }
        match self.purpose {
            Purpose::Submission => {
                self.recipients.push(address);
                Step::Reply("250 Ok".to_owned())
            }
            Purpose::Inbound => {
                self.phase = Phase::Waiting;
                self.asked = Some(address.clone());
                Step::Recipient { from, to: address }
            }
        }
    }

    fn begin_data(&mut self) -> Step {
        if self.from.is_none() {
            return self.mistake("503 Error: need MAIL command");
        }
        if self.recipients.is_empty() {
            return self.mistake("503 Error: need RCPT command");
        }
        self.mistakes = 0;
        self.phase = Phase::Data;
        Step::Reply("354 End data with <CR><LF>.<CR><LF>".to_owned())
    }
}
