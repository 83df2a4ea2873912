//! One mailbox for everything that AWS would send to people: mail, text messages, push notifications. Services add to it; people and
//! tests read it. Deliberately no delivery: nothing leaves the machine.

mod filter;
mod piece;
mod rows;
mod signing;
#[cfg(test)]
mod tests;

pub use filter::MailFilter;
pub use piece::{Channel, Mail, Number};
pub use signing::{Signatures, Signer, SignerId};

use bytes::Bytes;
use cloudlet_aws::Timestamp;
use cloudlet_store::{Blob, BlobId, Blobs, Journal, PendingBlob, Persistent, Store};
use rows::Rows;
use signing::SigningKeys;
use std::{io, sync::Arc};

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

    /// The source of a mail as its sender had it, without the signatures. `None`: it has none, or it is gone.
    pub async fn source(&self, mail: &Mail) -> Option<Bytes> {
        self.blobs.read_all(mail.raw.as_ref()?).ok()?.whole().await.ok()
    }

    /// The source of a mail, signed. `None`: it has none, or it is gone.
    pub async fn raw(&self, mail: &Mail) -> Option<Bytes> {
        let message = self.source(mail).await?;
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
        self.rows.read(|rows| rows.selected(filter, limit))
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
            rows.clear();
            gone
        });
        gone.iter().for_each(|raw| self.blobs.delete(raw));
    }
}
