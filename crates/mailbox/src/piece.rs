//! One piece of what AWS would send to people.

use crate::signing::Signatures;
use cloudlet_aws::Timestamp;
use cloudlet_store::{Blob, as_secret};
use serde::{Deserialize, Serialize};

/// The number of a piece of mail: they are counted as they come in.
pub type Number = u64;

/// How it would have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Email,
    Sms,
    Push,
    /// A chat channel that AWS posts to.
    Chat,
}

/// One piece of mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    pub at: Timestamp,
    pub channel: Channel,
    /// The service that sent it: `sns`.
    pub service: String,
    /// What it was sent for: a topic, an identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub from: String,
    /// Addresses, phone numbers, or devices.
    pub to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// For the recipient: it may hold a token or a one-time password. The mailbox shows it, the tables do not.
    #[serde(serialize_with = "as_secret")]
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "as_secret")]
    pub html: Option<String>,
    /// Further fields: a mail's headers, a text message's attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// The message as it went over the wire, where there is one. A long one is a file of its own.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "source")]
    pub raw: Option<Blob>,
    /// `body` and `html` are only the beginnings of long texts, which are whole in `raw`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
    /// Who signs the message, in `raw` without its signatures.
    #[serde(default, skip_serializing_if = "Signatures::is_empty")]
    pub signatures: Signatures,
}

/// Longer texts are in the row by their beginnings.
pub(crate) const TEXT_IN_ROW: usize = 16 << 10;

/// A message's source: a secret in inspection.
mod source {
    use cloudlet_store::{Blob, unless_inspected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(raw: &Option<Blob>, to: S) -> Result<S::Ok, S::Error> {
        let shown = unless_inspected(|| None, || Some("(redacted)"));
        match shown {
            Some(text) => to.serialize_str(text),
            None => raw.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Blob>, D::Error> {
        Option::<Blob>::deserialize(from)
    }
}

impl Mail {
    /// Without anything in it.
    pub fn new(at: Timestamp, channel: Channel, service: &str) -> Mail {
        Mail {
            at,
            channel,
            service: service.to_owned(),
            source: None,
            from: String::new(),
            to: vec![],
            subject: None,
            body: String::new(),
            html: None,
            fields: vec![],
            raw: None,
            shortened: false,
            signatures: Signatures::default(),
        }
    }

    pub(crate) fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let to = self.to.iter().map(String::len).sum::<usize>();
        self.body.len()
            + self.html.as_ref().map_or(0, String::len)
            + self.subject.as_ref().map_or(0, String::len)
            + self.raw.as_ref().map_or(0, |raw| usize::try_from(raw.length()).unwrap_or(usize::MAX))
            + self.signatures.size()
            + fields
            + to
    }

    /// Keeps the beginnings of long texts, if the source has all of them.
    pub(crate) fn shorten(&mut self) {
        if self.raw.is_none() {
            return;
        }
        for text in std::iter::once(&mut self.body).chain(&mut self.html) {
            if text.len() > TEXT_IN_ROW {
                text.truncate(text.floor_char_boundary(TEXT_IN_ROW));
                text.shrink_to_fit();
                self.shortened = true;
            }
        }
    }
}
