//! One SMTP session as a machine: bytes go in, steps come out. It waits for nothing and knows no socket.
//! <https://www.rfc-editor.org/rfc/rfc5321>

use base64::{Engine, engine::general_purpose::STANDARD};

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

    fn auth(&mut self, rest: &str) -> Step {
        if self.purpose == Purpose::Inbound {
            return self.mistake("500 Error: command not implemented");
        }
        if self.helo.is_none() {
            return self.mistake("503 Error: send HELO/EHLO first");
        }
        if self.authenticated {
            return self.mistake("503 Already authenticated");
        }
        let (mechanism, initial) = rest.split_once(' ').map_or((rest, None), |(mechanism, initial)| (mechanism, Some(initial.trim())));
        match (mechanism.to_ascii_uppercase().as_str(), initial) {
            ("PLAIN", Some(initial)) => self.plain(initial),
            ("PLAIN", None) => {
                self.phase = Phase::Plain;
                // AWS: recorded.
                Step::Reply("334 Ok".to_owned())
            }
            ("LOGIN", Some(initial)) => self.user(initial),
            ("LOGIN", None) => {
                self.phase = Phase::User;
                Step::Reply("334 VXNlcm5hbWU6".to_owned())
            }
            _ => self.mistake("504 Unrecognized authentication type"),
        }
    }

    fn decoded(text: &str) -> Option<String> {
        String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
    }

    fn plain(&mut self, text: &str) -> Step {
        if text == "*" {
            return self.mistake("501 Authentication cancelled");
        }
        let decoded = Session::decoded(text);
        let parts: Vec<&str> = decoded.as_deref().map(|text| text.split('\0').collect()).unwrap_or_default();
        match parts.as_slice() {
            [_, user, password] => {
                self.phase = Phase::Waiting;
                Step::Authenticate { user: (*user).to_owned(), password: (*password).to_owned() }
            }
            _ => self.mistake("501 Invalid base64 response"),
        }
    }

    fn user(&mut self, text: &str) -> Step {
        match Session::decoded(text).filter(|_| text != "*") {
            Some(user) => {
                self.phase = Phase::Password { user };
                Step::Reply("334 UGFzc3dvcmQ6".to_owned())
            }
            None => self.mistake("501 Invalid base64 response"),
        }
    }

    fn password(&mut self, user: String, text: &str) -> Step {
        match Session::decoded(text).filter(|_| text != "*") {
            Some(password) => {
                self.phase = Phase::Waiting;
                Step::Authenticate { user, password }
            }
            None => self.mistake("501 Invalid base64 response"),
        }
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

    /// Takes what has arrived of a message. Only a dot between two whole line ends is its end: lone carriage returns or line feeds end nothing.
    fn data(&mut self) -> Option<Step> {
        let mut at = self.done;
        let mut ended = false;
        while let Some(rest) = self.input.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
                // A part of a line: all but what may be the beginning of its end.
                let starts_line = !self.partial;
                let keep = usize::from(rest.ends_with(b"\r"));
                let is_short = rest.len() <= 4 && starts_line;
                let taken = if is_short { 0 } else { rest.len() - keep };
                let text = rest.get(..taken).unwrap_or_default().to_vec();
                self.take(&text, starts_line);
                at += taken;
                break;
            };
            let line = rest.get(..end + 2).unwrap_or_default().to_vec();
            at += line.len();
            let starts_line = !self.partial;
            if starts_line && line == b".\r\n" {
                ended = true;
                break;
            }
            self.take(&line, starts_line);
        }
        self.done = at;
        if !ended {
            return None;
        }
        let verdict = std::mem::replace(&mut self.verdict, Verdict::Fits);
        self.partial = false;
        if verdict != Verdict::Fits {
            self.message_done();
            let too_long = "552 Message is too long.";
            return Some(Step::Reply(if verdict == Verdict::TooLong { too_long } else { "451 Temporary service failure" }.to_owned()));
        }
        self.phase = Phase::Waiting;
        Some(Step::Message(Box::new(Message {
            helo: self.helo.clone().unwrap_or_default(),
            from: self.from.clone().unwrap_or_default(),
            recipients: self.recipients.clone(),
            bytes: std::mem::take(&mut self.body),
        })))
    }

    fn take(&mut self, text: &[u8], starts_line: bool) {
        if text.is_empty() {
            return;
        }
        self.partial = !text.ends_with(b"\r\n");
        let text = if starts_line { text.strip_prefix(b".").unwrap_or(text) } else { text };
        if self.verdict != Verdict::Fits {
            return;
        }
        if self.body.len() + text.len() > self.bounds.message {
            self.verdict = Verdict::TooLong;
            self.body = vec![];
            return;
        }
        self.body.extend_from_slice(text);
    }
}

/// `FROM:<a@b> SIZE=1`: the address, and the parameters.
fn path(text: &str, keyword: &str) -> Option<(String, String)> {
    let start = text.get(..keyword.len()).filter(|start| start.eq_ignore_ascii_case(keyword))?;
    let rest = text.get(start.len()..)?.trim_start();
    let (address, parameters) = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?,
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    // A route before the address is left out, as it has to be.
    let address = address.rsplit_once(':').filter(|_| address.starts_with('@')).map_or(address, |(_, address)| address);
    Some((address.to_owned(), parameters.to_owned()))
}

fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= 320
        && !local.is_empty()
        && !domain.is_empty()
        && address.chars().all(|c| !c.is_control() && !matches!(c, '<' | '>' | ','))
        && !domain.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(purpose: Purpose, encryption: Encryption) -> Session {
        Session::new(purpose, encryption, "email-smtp.amazonaws.com", "abcdefghijkl", Bounds { message: 100, recipients: 3, mistakes: 5 }).0
    }

    /// All steps of what is sent; questions are answered with yes.
    fn steps(session: &mut Session, text: &[u8]) -> Vec<String> {
        session.push(text);
        let mut shown = vec![];
        while let Some(step) = session.step() {
            shown.push(match step {
                Step::Reply(reply) | Step::StartTls(reply) => reply,
                Step::Close(reply) => format!("{reply} (closed)"),
                Step::Authenticate { user, password } => format!("{user}/{password} {}", session.authenticated(Ok(()))),
                Step::Recipient { to, .. } => format!("{to} {}", session.recipient(Ok(()))),
                Step::Message(message) => {
                    session.message_done();
                    format!("{} -> {:?}: {:?}", message.from, message.recipients, String::from_utf8_lossy(&message.bytes))
                }
            });
        }
        shown
    }

    const SIGNED_IN: &[u8] = b"EHLO me\r\nAUTH PLAIN AHUAcA==\r\n";

    #[test]
    fn nothing_is_sent_before_tls_and_auth() {
        let mut plain = session(Purpose::Submission, Encryption::None);
        let shown = steps(&mut plain, b"MAIL FROM:<a@b.c>\r\nEHLO me\r\nAUTH PLAIN AHUAcA==\r\nSTARTTLS\r\nMAIL FROM:<evil@b.c>\r\n");
        assert_eq!(shown[0], "530 Must issue a STARTTLS command first");
        assert_eq!(shown[1], "250-email-smtp.amazonaws.com\r\n250-8BITMIME\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 Ok");
        assert_eq!(shown[2..], ["530 Must issue a STARTTLS command first", "220 Ready to start TLS"]);
        plain.encrypted();
        // What was sent along with STARTTLS is gone.
        assert_eq!(steps(&mut plain, b"MAIL FROM:<a@b.c>\r\n"), ["530 Authentication required"]);
        let shown = steps(&mut plain, b"EHLO me\r\nAUTH LOGIN\r\ndQ==\r\ncA==\r\nMAIL FROM:<a@b.c> SIZE=5\r\n");
        assert_eq!(shown[1..], ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "u/p 235 Authentication successful.", "250 Ok"]);
    }

    #[test]
    fn a_message_ends_at_a_dot_between_whole_line_ends_only() {
        let mut tls = session(Purpose::Submission, Encryption::Tls);
        steps(&mut tls, SIGNED_IN);
        let text = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx\n.\nMAIL FROM:<evil@b.c>\r\n..dots\r\n.\r\nNOOP\r\n";
        let shown = steps(&mut tls, text);
        assert_eq!(shown[2], "354 End data with <CR><LF>.<CR><LF>");
        assert_eq!(shown[3], "a@b.c -> [\"d@e.f\"]: \"x\\n.\\nMAIL FROM:<evil@b.c>\\r\\n.dots\\r\\n\"");
        assert_eq!(shown[4..], ["250 Ok"]);
    }

    #[test]
    fn what_is_too_much_is_refused_and_the_session_goes_on() {
        let mut tls = session(Purpose::Submission, Encryption::Tls);
        steps(&mut tls, SIGNED_IN);
        let long = [b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n".as_slice(), &[b'x'; 500], b"\r\n.\r\nNOOP\r\n"].concat();
        assert_eq!(steps(&mut tls, &long)[3..], ["552 Message is too long.", "250 Ok"]);
        assert_eq!(steps(&mut tls, b"MAIL FROM:<a@b.c> SIZE=500\r\n"), ["552 Message is too long."]);
        let shown = steps(&mut tls, &[b"MAIL FROM:<a@b.c>\r\n".as_slice(), &b"RCPT TO:<d@e.f>\r\n".repeat(4)].concat());
        assert_eq!(shown[4], "452 Too many recipients");
        assert_eq!(steps(&mut tls, &[b'x'; LINE + 1]), ["500 Line too long."]);
        assert_eq!(steps(&mut tls, &[b'x'; LINE + 1]), Vec::<String>::new());
        assert_eq!(steps(&mut tls, b"\r\nNOOP\r\n"), ["250 Ok"]);
        assert_eq!(steps(&mut tls, &b"WHAT\r\n".repeat(9)).last().unwrap(), "421 Too many errors on this connection---closing (closed)");
    }

    #[test]
    fn wrong_addresses_are_refused_as_aws_does() {
        let mut tls = session(Purpose::Submission, Encryption::Tls);
        steps(&mut tls, SIGNED_IN);
        assert_eq!(steps(&mut tls, b"MAIL FROM: SES (<u@e. com>)\r\n"), ["501 Invalid MAIL FROM address provided"]);
        assert_eq!(steps(&mut tls, b"MAIL FROM:<>\r\n"), ["501 Invalid MAIL FROM address provided"]);
        assert_eq!(steps(&mut tls, b"MAIL FROM:<a@b.c>\r\nRCPT TO: User2\r\n")[1], "501 Invalid RCPT TO address provided");
        let mut inbound = session(Purpose::Inbound, Encryption::None);
        assert_eq!(steps(&mut inbound, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\n")[1..], ["250 Ok", "d@e.f 250 Ok"]);
    }

    proptest! {
        #[test]
        fn the_same_bytes_give_the_same_steps_however_they_arrive(text in "(EHLO x\r\n|MAIL FROM:<a@b.c>\r\n|RCPT TO:<d@e.f>\r\n|DATA\r\n|[.x\r\n]{1,6}|\r\n\\.\r\n){0,20}", size in 1usize..9) {
            let mut at_once = session(Purpose::Inbound, Encryption::None);
            let expected = steps(&mut at_once, text.as_bytes());
            let mut by_pieces = session(Purpose::Inbound, Encryption::None);
            let mut shown = vec![];
            for piece in text.as_bytes().chunks(size) {
                shown.extend(steps(&mut by_pieces, piece));
            }
            prop_assert_eq!(shown, expected);
        }
    }
}
