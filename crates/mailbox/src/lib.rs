//! One mailbox for everything that AWS would send to people: mail, text messages, push notifications. Services add to it; people and
//! tests read it. Deliberately no delivery: nothing leaves the machine.

mod signing;

pub use signing::{Signatures, Signer, SignerId};

use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_store::{Blob, BlobId, Blobs, Journal, PendingBlob, Persistent, Store, Table, as_secret, tables};
use serde::{Deserialize, Serialize};
use signing::SigningKeys;
use std::{io, sync::Arc};

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
const TEXT_IN_ROW: usize = 16 << 10;

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

    fn size(&self) -> usize {
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
    fn shorten(&mut self) {
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

/// The number of a piece of mail: they are counted as they come in.
pub type Number = u64;

#[derive(Default)]
struct Rows {
    mail: Table<Number, Arc<Mail>>,
    /// The signers of the mail that is there.
    signers: Table<SignerId, Arc<Signer>>,
    /// How many mails each of them signs.
    signed: Table<SignerId, usize>,
    /// One row: the bytes of all mail and all signers.
    total_size: Table<(), usize>,
}

tables!(Rows { mail, signers } indexes(Rows::reindex) { signed, total_size });

impl Rows {
    fn reindex(&mut self) {
        let mails: usize = self.mail.values().map(|mail| mail.size()).sum();
        self.set_total_size(mails + self.signers.values().map(|signer| signer.size()).sum::<usize>());
        for mail in self.mail.values() {
            for id in &mail.signatures.signers {
                *self.signed.get_or_insert_with(id.clone(), || 0) += 1;
            }
        }
    }

    fn total_size(&self) -> usize {
        self.total_size.get(&()).copied().unwrap_or_default()
    }

    fn set_total_size(&mut self, size: usize) {
        if size > 0 {
            self.total_size.insert((), size);
        } else {
            self.total_size.remove(&());
        }
    }

    fn add(&mut self, mail: Mail, signers: &[Arc<Signer>]) -> Number {
        let number = self.mail.last().map_or(0, |(number, _)| *number) + 1;
        let mut size = self.total_size() + mail.size();
        for signer in signers {
            if !self.signers.contains(&signer.id) {
                size += signer.size();
                self.signers.insert(signer.id.clone(), signer.clone());
            }
            *self.signed.get_or_insert_with(signer.id.clone(), || 0) += 1;
        }
        self.mail.insert(number, Arc::new(mail));
        self.set_total_size(size);
        number
    }

    /// Removes a mail, and the signers that no other mail has.
    fn take(&mut self, number: Number) -> Option<Arc<Mail>> {
        let mail = self.mail.remove(&number)?;
        let mut size = self.total_size() - mail.size();
        for id in &mail.signatures.signers {
            let left = self.signed.get(id).map_or(0, |count| count - 1);
            if left > 0 {
                self.signed.insert(id.clone(), left);
                continue;
            }
            self.signed.remove(id);
            size -= self.signers.remove(id).map_or(0, |signer| signer.size());
        }
        self.set_total_size(size);
        Some(mail)
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
    blobs: Blobs,
    limits: MailboxLimits,
    keys: SigningKeys,
    arrivals: tokio::sync::watch::Sender<u64>,
}

impl Mailbox {
    pub fn new(journal: &Journal, blobs: Blobs, limits: MailboxLimits) -> Mailbox {
        let rows = Arc::new(Store::new("mailbox", journal, Rows::default()));
        Mailbox { rows, blobs, limits, keys: SigningKeys::default(), arrivals: tokio::sync::watch::Sender::new(0) }
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
        self.insert(mail, &[])
    }

    /// Stores the source of a mail that is put later. A short one waits for nothing.
    pub async fn store(&self, id: BlobId, raw: Bytes) -> io::Result<PendingBlob> {
        self.blobs.put(id, raw).await
    }

    /// Puts a mail with its source, which `signers` sign as of the mail's time once somebody reads it.
    pub fn put_with(&self, mut mail: Mail, raw: PendingBlob, signers: &[Arc<Signer>]) -> Number {
        mail.raw = Some(raw.blob().clone());
        mail.signatures = Signatures::by(signers);
        mail.shorten();
        let number = self.insert(mail, signers);
        raw.commit();
        number
    }

    /// The source of a mail, signed. `None`: it has none, or it is gone.
    pub async fn raw(&self, mail: &Mail) -> Option<Bytes> {
        let reader = self.blobs.read_all(mail.raw.as_ref()?).ok()?;
        let message = reader.whole().await.ok()?;
        if mail.signatures.is_empty() {
            return Some(message);
        }
        if mail.signatures.fields.get().is_none() {
            let signer = |rows: &Rows| mail.signatures.signers.iter().map(|id| rows.signers.get(id).cloned()).collect::<Option<Vec<_>>>();
            let fields = self.keys.fields(&self.rows.read(signer)?, &message, mail.at);
            // Whoever made them at the same time made the same.
            let _ = mail.signatures.fields.set(fields);
            // Many mails may be read in a row.
            tokio::task::yield_now().await;
        }
        Some([mail.signatures.fields.get()?.as_bytes(), &message].concat().into())
    }

    /// A message with its signatures, as of a time.
    pub fn signed(&self, message: &[u8], signers: &[Arc<Signer>], at: Timestamp) -> Bytes {
        [self.keys.fields(signers, message, at).as_bytes(), message].concat().into()
    }

    fn insert(&self, mail: Mail, signers: &[Arc<Signer>]) -> Number {
        let (number, gone) = self.rows.update(|rows| {
            let number = rows.add(mail, signers);
            let mut gone = vec![];
            while rows.mail.len() > 1 && (rows.mail.len() > self.limits.pieces || rows.total_size() > self.limits.bytes) {
                let Some(oldest) = rows.mail.first().map(|(number, _)| *number) else { break };
                gone.extend(rows.take(oldest).and_then(|mail| mail.raw.clone()));
            }
            (number, gone)
        });
        gone.iter().for_each(|raw| self.blobs.delete(raw));
        self.arrivals.send_modify(|count| *count = count.wrapping_add(1));
        number
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
        let Some(mail) = self.rows.update(|rows| rows.take(number)) else { return false };
        mail.raw.iter().for_each(|raw| self.blobs.delete(raw));
        true
    }

    /// Throws everything away.
    pub fn clear(&self) {
        let gone: Vec<Blob> = self.rows.update(|rows| {
            let gone = rows.mail.values().filter_map(|mail| mail.raw.clone()).collect();
            rows.mail.clear();
            rows.signers.clear();
            rows.signed.clear();
            rows.total_size.clear();
            gone
        });
        gone.iter().for_each(|raw| self.blobs.delete(raw));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, body: &str) -> Mail {
        Mail { from: "no-reply@sns.amazonaws.com".into(), to: vec![to.into()], body: body.into(), ..Mail::new(Timestamp(0), Channel::Email, "sns") }
    }

    #[test]
    fn mail_is_found_by_who_it_is_for_the_newest_first() {
        let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits::default());
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
        let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits { pieces: 2, bytes: 1_000 });
        for body in ["1", "2", "3"] {
            mailbox.put(mail("a", body));
        }
        assert_eq!(mailbox.list(&MailFilter::default(), 10).len(), 2);
        let long = mailbox.put(mail("a", &"x".repeat(999)));
        assert_eq!(mailbox.list(&MailFilter::default(), 10).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [long]);
        mailbox.clear();
        assert!(mailbox.list(&MailFilter::default(), 10).is_empty());
    }

    #[tokio::test]
    async fn a_long_source_is_a_body_of_its_own_and_goes_with_its_mail() {
        let blobs = Blobs::memory();
        let mailbox = Mailbox::new(&Journal::off(), blobs, MailboxLimits::default());
        let raw = Bytes::from("x".repeat(100_000));
        let pending = mailbox.store(BlobId::new(1), raw.clone()).await.unwrap();
        let number = mailbox.put_with(mail("a", &"é".repeat(20_000)), pending, &[]);
        let found = mailbox.get(number).unwrap();
        assert!(found.shortened && found.body.len() <= TEXT_IN_ROW, "{}", found.body.len());
        assert_eq!(mailbox.raw(&found).await.unwrap(), raw);
        assert!(mailbox.remove(number));
        assert!(mailbox.raw(&found).await.is_none());
    }
    #[tokio::test]
    async fn a_source_is_signed_when_it_is_read_and_the_key_goes_with_the_last_mail() {
        let mailbox = Mailbox::new(&Journal::off(), Blobs::memory(), MailboxLimits::default());
        let (key, der) = cloudlet_mail::dkim::SigningKey::generate(cloudlet_mail::dkim::KeyLength::Bits2048).unwrap();
        let signer = Arc::new(Signer::new("example.com", "s", &base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der)));
        let message = b"From: a@example.com\r\n\r\nhello\r\n";
        let mut numbers = vec![];
        for id in 1..=2 {
            let pending = mailbox.store(BlobId::new(id), Bytes::from_static(message)).await.unwrap();
            numbers.push(mailbox.put_with(mail("a", "hello"), pending, std::slice::from_ref(&signer)));
        }
        let by_hand = cloudlet_mail::dkim::Signer { domain: "example.com", selector: "s", key: &key }.sign(message, 0).unwrap();
        let signed = [by_hand.as_bytes(), message].concat();
        assert!(mailbox.remove(numbers[0]));
        let left = mailbox.get(numbers[1]).unwrap();
        for _ in 0..2 {
            assert_eq!(mailbox.raw(&left).await.unwrap(), signed);
        }
        assert_eq!(mailbox.signed(message, std::slice::from_ref(&signer), Timestamp(0)), signed);
        assert!(mailbox.rows.read(|rows| rows.total_size()) > signer.size());
        assert!(mailbox.remove(numbers[1]));
        assert!(mailbox.rows.read(|rows| rows.signers.is_empty() && rows.signed.is_empty() && rows.total_size() == 0));
    }
}
