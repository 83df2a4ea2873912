//! The bytes of a message.

use super::{Message, Phase, Session, Step, Verdict};

impl Session {
    /// Takes what has arrived of a message. Only a dot between two whole line ends is its end: lone carriage returns or line feeds end nothing.
    pub(super) fn data(&mut self) -> Option<Step> {
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
