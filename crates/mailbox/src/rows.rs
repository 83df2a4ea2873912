//! The tables of the mailbox: pieces by number, who signs them, and who gets them.

use crate::{
    filter::MailFilter,
    piece::{Mail, Number},
    signing::{Signer, SignerId},
};
use cloudlet_store::{Table, tables};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Rows {
    pub mail: Table<Number, Arc<Mail>>,
    /// The signers of the mail that is there.
    pub signers: Table<SignerId, Arc<Signer>>,
    /// How many mails each of them signs.
    pub signed: Table<SignerId, usize>,
    /// The mails of each recipient.
    received: Table<(String, Number), ()>,
    /// One row: the bytes of all mail and all signers.
    total_size: Table<(), usize>,
}

tables!(Rows { mail, signers } indexes(Rows::reindex) { signed, received, total_size });

impl Rows {
    fn reindex(&mut self) {
        let mails: usize = self.mail.values().map(|mail| mail.size()).sum();
        self.set_total_size(mails + self.signers.values().map(|signer| signer.size()).sum::<usize>());
        for (number, mail) in &self.mail {
            for id in &mail.signatures.signers {
                *self.signed.get_or_insert_with(id.clone(), || 0) += 1;
            }
            for to in &mail.to {
                self.received.insert((to.clone(), *number), ());
            }
        }
    }

    pub fn total_size(&self) -> usize {
        self.total_size.get(&()).copied().unwrap_or_default()
    }

    fn set_total_size(&mut self, size: usize) {
        if size > 0 {
            self.total_size.insert((), size);
        } else {
            self.total_size.remove(&());
        }
    }

    pub fn add(&mut self, mail: Mail, signers: &[Arc<Signer>]) -> Number {
        let number = self.mail.last().map_or(0, |(number, _)| *number) + 1;
        let mut size = self.total_size() + mail.size();
        for signer in signers {
            if !self.signers.contains(&signer.id) {
                size += signer.size();
                self.signers.insert(signer.id.clone(), signer.clone());
            }
            *self.signed.get_or_insert_with(signer.id.clone(), || 0) += 1;
        }
        for to in &mail.to {
            self.received.insert((to.clone(), number), ());
        }
        self.mail.insert(number, Arc::new(mail));
        self.set_total_size(size);
        number
    }

    /// Removes a mail, and the signers that no other mail has.
    pub fn take(&mut self, number: Number) -> Option<Arc<Mail>> {
        let mail = self.mail.remove(&number)?;
        for to in &mail.to {
            self.received.remove(&(to.clone(), number));
        }
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

    /// The mails that a filter selects, the newest first. Those of a recipient are found without a look at the others.
    pub fn selected(&self, filter: &MailFilter, limit: usize) -> Vec<(Number, Arc<Mail>)> {
        let (end, selector) = (filter.before.unwrap_or(Number::MAX), filter.selector());
        let numbered = |(number, mail): (&Number, &Arc<Mail>)| (*number, mail.clone());
        match &filter.to {
            Some(to) => {
                let numbers = self.received.range((to.clone(), 0)..(to.clone(), end)).rev();
                let found = numbers.filter_map(|((_, number), ())| self.mail.get_key_value(number));
                found.filter(|(_, mail)| selector.fits(mail)).take(limit).map(numbered).collect()
            }
            None => self.mail.range(..end).rev().filter(|(_, mail)| selector.fits(mail)).take(limit).map(numbered).collect(),
        }
    }

    pub fn clear(&mut self) {
        self.mail.clear();
        self.signers.clear();
        self.signed.clear();
        self.received.clear();
        self.total_size.clear();
    }
}
