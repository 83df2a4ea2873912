//! Answers after they were sent: for a service that writes a log of its requests (S3's server access log).

use crate::Cx;
use std::time::Duration;

/// Is told once, when the answer to a request was sent to its end, or broke off.
pub trait AnswerObserver: Send + Sync {
    /// `cx` says who made the request; an anonymous caller where it was refused before that was known.
    fn sent(self: Box<Self>, cx: &Cx, answer: &SentAnswer);
}

/// The note of a call that no policy allowed, but a grant (an access control list).
pub const GRANTED: &str = "granted";

/// An answer that was sent.
#[derive(Clone, Debug)]
pub struct SentAnswer {
    /// Unknown for requests that were refused before.
    pub operation: Option<&'static str>,
    pub status: u16,
    pub error_code: Option<String>,
    /// The names in small letters.
    pub headers: Vec<(String, String)>,
    /// What the handler noted (`Reply::note`).
    pub notes: Vec<(&'static str, String)>,
    /// Of the body.
    pub bytes_sent: u64,
    /// From the head of the request to the end of the answer.
    pub total: Duration,
    /// From the head of the request to the head of the answer.
    pub turn_around: Duration,
}

impl SentAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub fn notes(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.notes.iter().filter(move |(noted, _)| *noted == name).map(|(_, value)| value.as_str())
    }
}
