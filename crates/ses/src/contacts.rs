//! Contact lists: to whom an account writes, what they want, and how they say that they do not.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html>

use crate::{
    Ses,
    envelope::{Body, Envelope},
    events::Happened,
    limits,
    refusal::Refusal,
    state::{Contact, ContactList, Link, State, Unsubscribes},
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use std::{collections::BTreeMap, sync::Arc};

/// What a text has where the link to unsubscribe is to stand.
pub const PLACEHOLDER: &str = "{{amazonSESUnsubscribeUrl}}";

pub fn key(scope: &Scope, address: &str) -> (Scope, String) {
    (scope.clone(), address.trim().to_ascii_lowercase())
}

pub fn no_list(name: &str) -> Refusal {
    // AWS: unverified message.
    Refusal::NotFound(format!("List with name: {name} doesn't exist."))
}

pub fn new_contact(cx: &Cx, address: &str) -> Contact {
    Contact { address: address.to_owned(), topics: BTreeMap::new(), unsubscribed: false, attributes: None, created: cx.now, updated: cx.now }
}

impl ContactList {
    /// Whether a contact wants mail about a topic, or of the list at all.
    pub fn is_wanted(&self, contact: &Contact, topic: Option<&str>) -> bool {
        if contact.unsubscribed {
            return false;
        }
        let Some(topic) = topic else { return true };
        let default = self.topics.iter().find(|known| known.name == topic).map_or("OPT_IN", |known| known.default_status.as_str());
        contact.topics.get(topic).map_or(default, String::as_str) == "OPT_IN"
    }
}

/// What becomes of a mail to a contact.
pub enum Listed {
    Subscribed { link: String },
    Unsubscribed,
}

impl Ses {
    pub fn contact_list(&self, scope: &Scope, name: &str) -> Result<Arc<ContactList>, Refusal> {
        self.store.read(|state| state.contact_lists.get(&(scope.clone(), name.to_owned())).cloned()).ok_or_else(|| no_list(name))
    }

    /// Whether the recipient of a mail wants it. Who is on no list yet is added.
    pub fn listed(&self, cx: &Cx, envelope: &Envelope, tell: Option<(String, String)>) -> Result<Option<Listed>, Refusal> {
        let Some((list_name, topic)) = &envelope.list else { return Ok(None) };
        let list = self.contact_list(&cx.scope, list_name)?;
        if let Some(topic) = topic
            && !list.topics.iter().any(|known| known.name == *topic)
        {
            // AWS: unverified message.
            return Err(Refusal::NotFound(format!("List {list_name} doesn't contain topic {topic}.")));
        }
        let mut recipients = envelope.recipients();
        let (Some(recipient), None) = (recipients.next(), recipients.next()) else {
            // AWS: unverified message.
            return Err(Refusal::invalid("A message with list management options has one recipient."));
        };
        let recipient = recipient.to_owned();
        let contact = self.store.write(|state| {
            let key = key(&cx.scope, &recipient);
            if !state.contacts.contains(&key) && State::count(&state.contacts, &cx.scope) >= limits::CONTACTS {
                return Err(Refusal::Limit("The contact list is full.".to_owned()));
            }
            Ok(state.contacts.get_or_insert_with(key, || Arc::new(new_contact(cx, &recipient))).clone())
        })?;
        if !list.is_wanted(&contact, topic.as_deref()) {
            return Ok(Some(Listed::Unsubscribed));
        }
        let link = Link {
            scope: cx.scope.clone(),
            identity: recipient,
            expires: cx.now.plus_secs(limits::UNSUBSCRIBE_SECONDS),
            redirects: None,
            unsubscribes: Some(Unsubscribes { list: list_name.clone(), topic: topic.clone(), tell }),
        };
        Ok(Some(Listed::Subscribed { link: self.new_link(cx, link) }))
    }

    /// Tells the configuration set of a mail that its recipient unsubscribes.
    pub fn tell_unsubscribed(&self, cx: &Cx, hash: &str) {
        let Some(link) = self.store.read(|state| state.links.get_live(hash, cx.now.millis()).cloned()) else { return };
        let Some(Unsubscribes { list, topic, tell: Some((set, mail)) }) = link.unsubscribes else { return };
        let topics = topic.iter().map(|topic| (topic.clone(), "OptOut".to_owned())).collect();
        let happened = Happened::Subscribed { list, source: "UnsubscribeHeader".into(), unsubscribed_all: topic.is_none(), topics };
        self.tell_later(cx, &link.scope, &set, &mail, &happened);
    }
}

/// Ends a subscription: that of a topic, or all. The answer is what the visitor is told.
pub fn unsubscribe(state: &mut State, cx: &Cx, link: &Link, unsubscribes: &Unsubscribes) -> String {
    if let Some(contact) = state.contacts.get_mut(&key(&link.scope, &link.identity)) {
        let contact = Arc::make_mut(contact);
        match &unsubscribes.topic {
            Some(topic) => drop(contact.topics.insert(topic.clone(), "OPT_OUT".to_owned())),
            None => contact.unsubscribed = true,
        }
        contact.updated = cx.now;
    }
    format!("You have unsubscribed {}.", link.identity)
}

/// The body with the link, and the header fields by which mail programs unsubscribe.
/// <https://www.rfc-editor.org/rfc/rfc8058>
pub fn with_link(body: &Body, link: &str) -> Body {
    let fields =
        [("List-Unsubscribe".to_owned(), format!("<{link}>")), ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned())];
    match body {
        Body::Built(content) => {
            let mut content = content.clone();
            for text in content.text.iter_mut().chain(&mut content.html) {
                *text = text.replace(PLACEHOLDER, link);
            }
            content.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("list-unsubscribe"));
            content.headers.extend(fields);
            Body::Built(content)
        }
        Body::Raw(raw) => {
            let mut raw = raw.clone();
            let mut rest: Vec<u8> = fields.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect();
            let mut left = raw.rest.as_slice();
            while let Some(at) = left.windows(PLACEHOLDER.len()).position(|window| window == PLACEHOLDER.as_bytes()) {
                let (before, after) = left.split_at(at);
                rest.extend_from_slice(before);
                rest.extend_from_slice(link.as_bytes());
                left = after.get(PLACEHOLDER.len()..).unwrap_or_default();
            }
            rest.extend_from_slice(left);
            raw.rest = rest;
            Body::Raw(raw)
        }
        Body::Unrendered(why) => Body::Unrendered(why.clone()),
    }
}
