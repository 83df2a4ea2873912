//! One mailbox for everything that AWS would send to people: mail, text messages, push notifications. Services add to it; people and
//! tests read it. Deliberately no delivery: nothing leaves the machine.

use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_store::{Journal, Persistent, Store, Table, as_secret, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// The message as it went over the wire, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "source")]
    pub raw: Option<Bytes>,
}

/// A message's source: base64 in the journal, and a secret in inspection.
mod source {
    use bytes::Bytes;
    use cloudlet_store::{as_base64, unless_inspected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Encoded(#[serde(with = "as_base64")] Bytes);

    pub fn serialize<S: Serializer>(raw: &Option<Bytes>, to: S) -> Result<S::Ok, S::Error> {
        let shown = unless_inspected(|| None, || Some("(redacted)"));
        match shown {
            Some(text) => to.serialize_str(text),
            None => raw.clone().map(Encoded).serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bytes>, D::Error> {
        Ok(Option::<Encoded>::deserialize(from)?.map(|encoded| encoded.0))
    }
}

impl Mail {
    fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let to = self.to.iter().map(String::len).sum::<usize>();
        self.body.len()
            + self.html.as_ref().map_or(0, String::len)
            + self.subject.as_ref().map_or(0, String::len)
            + self.raw.as_ref().map_or(0, Bytes::len)
            + fields
            + to
    }
}

/// The number of a piece of mail: they are counted as they come in.
pub type Number = u64;

#[derive(Default)]
struct Rows {
    mail: Table<Number, Arc<Mail>>,
    /// One row: the bytes of all mail.
    total_size: Table<(), usize>,
}

tables!(Rows { mail } indexes(Rows::reindex) { total_size });

impl Rows {
    fn reindex(&mut self) {
        let total_size = self.mail.values().map(|mail| mail.size()).sum();
        if total_size > 0 {
            self.total_size.insert((), total_size);
        }
    }

    fn total_size(&self) -> usize {
        self.total_size.get(&()).copied().unwrap_or_default()
    }
}

/// How much is held; what is oldest goes first.
#[derive(Clone, Copy, Debug)]
pub struct MailboxLimits {
    pub pieces: usize,
    pub bytes: usize,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        MailboxLimits { pieces: 10_000, bytes: 64 << 20 }
    }
}

/// Selects mail.
#[derive(Clone, Debug, Default)]
pub struct MailFilter {
    pub to: Option<String>,
    pub channel: Option<Channel>,
    pub service: Option<String>,
    /// In the subject, the body, the sender or a recipient; without case.
    pub search: Option<String>,
    /// Only what came in before this one.
    pub before: Option<Number>,
}

pub struct Mailbox {
    rows: Arc<Store<Rows>>,
    limits: MailboxLimits,
    arrivals: tokio::sync::watch::Sender<u64>,
}

impl Mailbox {
    pub fn new(journal: &Journal, limits: MailboxLimits) -> Mailbox {
        Mailbox { rows: Arc::new(Store::new("mailbox", journal, Rows::default())), limits, arrivals: tokio::sync::watch::Sender::new(0) }
    }

    /// For inspection, reset and snapshots.
    pub fn stores(&self) -> Arc<dyn Persistent> {
        self.rows.clone()
    }

    /// Changes when something comes in, for those who wait.
    pub fn arrivals(&self) -> tokio::sync::watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    pub fn put(&self, mail: Mail) -> Number {
        let number = self.insert(mail);
        self.arrivals.send_modify(|count| *count = count.wrapping_add(1));
        number
    }

    fn insert(&self, mail: Mail) -> Number {
        self.rows.update(|rows| {
            let number = rows.mail.last().map_or(0, |(number, _)| *number) + 1;
            let mut total_size = rows.total_size() + mail.size();
            rows.mail.insert(number, Arc::new(mail));
            while rows.mail.len() > 1 && (rows.mail.len() > self.limits.pieces || total_size > self.limits.bytes) {
                let Some(oldest) = rows.mail.first().map(|(number, _)| *number) else { break };
                total_size -= rows.mail.remove(&oldest).map_or(0, |mail| mail.size());
            }
            rows.total_size.insert((), total_size);
            number
        })
    }

    pub fn get(&self, number: Number) -> Option<Arc<Mail>> {
        self.rows.read(|rows| rows.mail.get(&number).cloned())
    }

    /// The newest first.
    pub fn list(&self, filter: &MailFilter, limit: usize) -> Vec<(Number, Arc<Mail>)> {
        let search = filter.search.as_ref().map(|search| search.to_lowercase());
        let has = |text: &str| search.as_ref().is_none_or(|search| text.to_lowercase().contains(search));
        let fits = |mail: &Mail| {
            (search.is_none()
                || mail.subject.as_deref().is_some_and(has)
                || has(&mail.body)
                || mail.html.as_deref().is_some_and(has)
                || has(&mail.from)
                || mail.to.iter().any(|to| has(to)))
                && filter.to.as_ref().is_none_or(|to| mail.to.contains(to))
                && filter.channel.is_none_or(|channel| channel == mail.channel)
                && filter.service.as_ref().is_none_or(|service| *service == mail.service)
        };
        let end = filter.before.unwrap_or(Number::MAX);
        self.rows.read(|rows| {
            let newest = rows.mail.range(..end).rev().filter(|(_, mail)| fits(mail));
            newest.take(limit).map(|(number, mail)| (*number, mail.clone())).collect()
        })
    }

    /// Removes one piece. False if there is none.
    pub fn remove(&self, number: Number) -> bool {
        self.rows.update(|rows| {
            let Some(mail) = rows.mail.remove(&number) else { return false };
            let total_size = rows.total_size() - mail.size();
            if total_size > 0 {
                rows.total_size.insert((), total_size);
            } else {
                rows.total_size.remove(&());
            }
            true
        })
    }

    /// Throws everything away.
    pub fn clear(&self) {
        self.rows.update(|rows| {
            rows.mail.clear();
            rows.total_size.clear();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, body: &str) -> Mail {
        Mail {
            at: Timestamp(0),
            channel: Channel::Email,
            service: "sns".into(),
            source: None,
            from: "no-reply@sns.amazonaws.com".into(),
            to: vec![to.into()],
            subject: None,
            body: body.into(),
            html: None,
            fields: vec![],
            raw: None,
        }
    }

    #[test]
    fn mail_is_found_by_who_it_is_for_the_newest_first() {
        let mailbox = Mailbox::new(&Journal::off(), MailboxLimits::default());
        mailbox.put(mail("ann@example.com", "1"));
        mailbox.put(mail("bob@example.com", "2"));
        mailbox.put(mail("ann@example.com", "3"));
        let filter = MailFilter { to: Some("ann@example.com".into()), ..MailFilter::default() };
        let bodies: Vec<_> = mailbox.list(&filter, 10).into_iter().map(|(_, mail)| mail.body.clone()).collect();
        assert_eq!(bodies, ["3", "1"]);
        assert!(mailbox.list(&MailFilter { channel: Some(Channel::Sms), ..MailFilter::default() }, 10).is_empty());
        assert_eq!(mailbox.list(&MailFilter { before: Some(3), ..MailFilter::default() }, 1)[0].1.body, "2");
    }

    #[test]
    fn a_full_mailbox_loses_its_oldest_mail() {
        let mailbox = Mailbox::new(&Journal::off(), MailboxLimits { pieces: 2, bytes: 1_000 });
        for body in ["1", "2", "3"] {
            mailbox.put(mail("a", body));
        }
        assert_eq!(mailbox.list(&MailFilter::default(), 10).len(), 2);
        let long = mailbox.put(mail("a", &"x".repeat(999)));
        assert_eq!(mailbox.list(&MailFilter::default(), 10).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [long]);
        mailbox.clear();
        assert!(mailbox.list(&MailFilter::default(), 10).is_empty());
    }
}
