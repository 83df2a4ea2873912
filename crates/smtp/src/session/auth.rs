//! AUTH PLAIN and AUTH LOGIN.
//! <https://www.rfc-editor.org/rfc/rfc4954>

use super::{Phase, Purpose, Session, Step};
use base64::{Engine, engine::general_purpose::STANDARD};

impl Session {
    pub(super) fn auth(&mut self, rest: &str) -> Step {
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

    pub(super) fn plain(&mut self, text: &str) -> Step {
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

    pub(super) fn user(&mut self, text: &str) -> Step {
        match Session::decoded(text).filter(|_| text != "*") {
            Some(user) => {
                self.phase = Phase::Password { user };
                Step::Reply("334 UGFzc3dvcmQ6".to_owned())
            }
            None => self.mistake("501 Invalid base64 response"),
        }
    }

    pub(super) fn password(&mut self, user: String, text: &str) -> Step {
        match Session::decoded(text).filter(|_| text != "*") {
            Some(password) => {
                self.phase = Phase::Waiting;
                Step::Authenticate { user, password }
            }
            None => self.mistake("501 Invalid base64 response"),
        }
    }
}
