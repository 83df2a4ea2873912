//! What becomes of a mail once it is accepted: for each recipient it arrives, bounces, is complained about, or is not sent at all.
//! <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html> has the addresses of the mailbox simulator.

use crate::{
    Ses, addresses,
    events::{About, Bounce, Happened},
    feedback,
    receiving::Receiver,
    state::{ConfigurationSet, State, Suppressed, Tenant},
    suppression::{self, List},
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use std::sync::Arc;

/// What becomes of a mail at one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives,
    /// It arrives, and somebody who is away answers.
    AnsweredAutomatically,
    /// It arrives, and the recipient calls it spam.
    ComplainedAbout,
    Bounces(Bounce),
    /// The account does not send there: `BOUNCE` or `COMPLAINT`.
    Suppressed(String),
}

/// AWS: what its simulator's bounce says.
fn no_such_user() -> Bounce {
    Bounce { kind: "Permanent", sub_kind: "General", status: "5.1.1", diagnostic: Some("smtp; 550 5.1.1 user unknown".into()) }
}

/// AWS: the text of its global list.
fn globally_suppressed() -> Bounce {
    let text = "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address. For more \
                information about how to remove an address from the suppression list, see the Amazon SES Developer Guide: \
                http://docs.aws.amazon.com/ses/latest/DeveloperGuide/remove-from-suppressionlist.html ";
    Bounce { kind: "Permanent", sub_kind: "Suppressed", status: "5.1.1", diagnostic: Some(text.into()) }
}

/// AWS: unverified text.
fn suppressed_by_account() -> Bounce {
    let text = "Amazon SES did not send the message to this address because it is on the suppression list for your account. For more information \
                about removing addresses from the suppression list, see the Amazon SES Developer Guide at \
                https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html";
    Bounce { kind: "Permanent", sub_kind: "OnAccountSuppressionList", status: "5.1.1", diagnostic: Some(text.into()) }
}

/// The recipient's server has no such mailbox.
pub fn refused_by_server() -> Bounce {
    let text = "smtp; 550 5.1.1 Requested action not taken: mailbox unavailable";
    Bounce { kind: "Permanent", sub_kind: "General", status: "5.1.1", diagnostic: Some(text.into()) }
}

/// An automatic answer comes back as a bounce that does not count.
/// AWS: unverified details.
fn automatic_answer() -> Bounce {
    Bounce { kind: "Transient", sub_kind: "General", status: "4.0.0", diagnostic: None }
}

/// What an address of the simulator does, whatever its label.
fn simulated(address: &str) -> Option<Fate> {
    let plain = addresses::without_label(address).unwrap_or_else(|| address.to_owned());
    let (local, _) = plain.rsplit_once('@').filter(|_| addresses::is_simulator(address))?;
    Some(match local.to_ascii_lowercase().as_str() {
        "success" => Fate::Arrives,
        "ooto" => Fate::AnsweredAutomatically,
        "complaint" => Fate::ComplainedAbout,
        "suppressionlist" => Fate::Bounces(globally_suppressed()),
        // AWS: unverified. Other addresses of the domain are not described.
        _ => Fate::Bounces(no_such_user()),
    })
}

/// The recipient has left the list, or the topic.
/// AWS: unverified text.
pub fn unsubscribed(envelope: &crate::envelope::Envelope) -> Vec<(String, Fate)> {
    let bounce = Bounce {
        kind: "Permanent",
        sub_kind: "UnsubscribedRecipient",
        status: "5.1.1",
        diagnostic: Some("Amazon SES did not send the message to this address because the recipient has unsubscribed.".into()),
    };
    envelope.recipients().map(|address| (address.to_owned(), Fate::Bounces(bounce.clone()))).collect()
}

impl State {
    pub fn fate(&self, scope: &Scope, set: Option<&ConfigurationSet>, tenant: Option<&Tenant>, address: &str) -> Fate {
        if let Some(fate) = simulated(address) {
            return fate;
        }
        match self.suppressed(scope, &suppression::list_for(set, tenant), address) {
            Some(found) if self.suppressed_reasons(scope, set, tenant).contains(&found.reason) => Fate::Suppressed(found.reason.clone()),
            _ => Fate::Arrives,
        }
    }
}

fn of<'f>(fates: &'f [(String, Fate)], wanted: impl Fn(&Fate) -> bool + 'f) -> Vec<String> {
    fates.iter().filter(|(_, fate)| wanted(fate)).map(|(address, _)| address.clone()).collect()
}

/// The recipients at whom a mail arrives.
pub fn arriving(fates: &[(String, Fate)]) -> Vec<String> {
    of(fates, |fate| *fate == Fate::Arrives)
}

/// The recipients for whom a mail leaves SES.
pub fn sent_to(fates: &[(String, Fate)]) -> Vec<String> {
    let is_left_out = |fate: &Fate| match fate {
        Fate::Suppressed(_) => true,
        Fate::Bounces(bounce) => matches!(bounce.sub_kind, "Suppressed" | "UnsubscribedRecipient"),
        _ => false,
    };
    of(fates, |fate| !is_left_out(fate))
}

impl Ses {
    pub fn fates(&self, about: &About<'_>, scope: &Scope) -> Vec<(String, Fate)> {
        let set = about.set.as_ref().map(|(_, set)| &**set);
        let mut addresses: Vec<&str> = about.envelope.recipients().collect();
        let mut seen = std::collections::BTreeSet::new();
        addresses.retain(|address| seen.insert(*address));
        let tenant = self.tenant_of(about, scope);
        let fate = |address: &str| match self.store.read(|state| state.fate(scope, set, tenant.as_deref(), address)) {
            // Its server is this one, and has no such mailbox.
            Fate::Arrives if self.is_brought_here(address) && matches!(self.receiver_of(address, true), Receiver::Nobody) => {
                Fate::Bounces(refused_by_server())
            }
            fate => fate,
        };
        addresses.into_iter().map(|address| (address.to_owned(), fate(address))).collect()
    }

    /// Tells what became of a mail, forwards what its sender is to know, and remembers whom not to send to any more.
    pub fn settle_fates(&self, cx: &Cx, about: &About<'_>, fates: &[(String, Fate)]) {
        let arrived = of(fates, |fate| matches!(fate, Fate::Arrives | Fate::AnsweredAutomatically | Fate::ComplainedAbout));
        if !arrived.is_empty() {
            // AWS: its simulator's answer is longer.
            self.tell(cx, about, &Happened::Delivered { recipients: arrived, response: "250 2.6.0 Message received" });
        }
        for (address, fate) in fates {
            match fate {
                Fate::Arrives => {}
                Fate::AnsweredAutomatically => {
                    self.mailbox.put(feedback::automatic_answer(cx, about, address));
                    self.tell(cx, about, &Happened::Bounced { recipients: vec![address.clone()], bounce: automatic_answer() });
                }
                Fate::ComplainedAbout => self.complained(cx, about, address, None),
                Fate::Bounces(bounce) => self.bounced(cx, about, address, bounce),
                Fate::Suppressed(reason) if reason == "COMPLAINT" => self.complained(cx, about, address, Some("OnAccountSuppressionList")),
                Fate::Suppressed(_) => self.bounced(cx, about, address, &suppressed_by_account()),
            }
        }
    }

    fn bounced(&self, cx: &Cx, about: &About<'_>, address: &str, bounce: &Bounce) {
        let feedback_id = self.tell(cx, about, &Happened::Bounced { recipients: vec![address.to_owned()], bounce: bounce.clone() });
        // The simulator's mails, and those that were not sent, are no bounces of the account.
        if !addresses::is_simulator(address) && bounce.kind == "Permanent" && bounce.sub_kind == "General" {
            self.store.update(|state| state.count_statistics(&cx.scope, cx.now, |point| point.bounces += 1));
            self.suppress(cx, about, address, "BOUNCE", &feedback_id);
        }
        if forwards(about, "Bounce", "BOUNCE") {
            self.mailbox.put(feedback::bounce(cx, about, address, bounce));
        }
    }

    fn complained(&self, cx: &Cx, about: &About<'_>, address: &str, sub_kind: Option<&'static str>) {
        self.tell(cx, about, &Happened::Complained { recipients: vec![address.to_owned()], sub_kind });
        if forwards(about, "Complaint", "COMPLAINT") {
            self.mailbox.put(feedback::complaint(cx, about, address));
        }
    }

    fn suppress(&self, cx: &Cx, about: &About<'_>, address: &str, reason: &str, feedback_id: &str) {
        let set = about.set.as_ref().map(|(_, set)| &**set);
        let tenant = self.tenant_of(about, &cx.scope);
        let list: List = suppression::list_for(set, tenant.as_deref());
        self.store.update(|state| {
            if state.suppressed_reasons(&cx.scope, set, tenant.as_deref()).iter().any(|known| known == reason) {
                let (message_id, feedback_id) = (Some(about.id.to_owned()), Some(feedback_id.to_owned()));
                // A full list takes no more.
                let _ = state.suppress(&cx.scope, &list, address, Suppressed { reason: reason.to_owned(), at: cx.now, message_id, feedback_id });
            }
        });
    }

    /// The tenant that a mail is sent for.
    fn tenant_of(&self, about: &About<'_>, scope: &Scope) -> Option<Arc<Tenant>> {
        let name = about.envelope.tenant.as_ref()?;
        self.store.read(|state| state.tenant(scope, name).cloned())
    }
}

/// Whether feedback of a kind is mailed to the sender, which it is unless that was turned off and somebody else is told.
/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutEmailIdentityFeedbackAttributes.html>
fn forwards(about: &About<'_>, kind: &str, event: &str) -> bool {
    let Some((_, identity)) = &about.identity else { return true };
    let has_topic = identity.feedback.get(kind).is_some_and(|feedback| feedback.topic.is_some());
    let has_destination = about.set.as_ref().is_some_and(|(_, set)| set.wants(event));
    identity.forwarding || !(has_topic || has_destination)
}
