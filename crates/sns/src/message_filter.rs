//! Which subscriptions take a message.

use crate::{
    filter::FilterScope,
    state::{Content, Message, Subscription},
};
use serde_json::Value;

/// Matches one message against the filter policies of subscriptions. Its body is parsed, and its attributes collected, at most once.
pub struct MessageFilter<'a> {
    message: &'a Message,
    attributes: Option<Value>,
    body: Option<Option<Value>>,
}

impl<'a> MessageFilter<'a> {
    pub fn new(message: &'a Message) -> MessageFilter<'a> {
        MessageFilter { message, attributes: None, body: None }
    }

    pub fn accepts(&mut self, subscription: &Subscription) -> bool {
        let Some(policy) = &subscription.attributes.filter_policy else { return true };
        match (policy.scope(), &self.message.content) {
            (FilterScope::MessageAttributes, _) => policy.matches(self.attributes.get_or_insert_with(|| self.message.attributes_for_filters())),
            (FilterScope::MessageBody, Content::Plain(text)) => {
                let body = self.body.get_or_insert_with(|| serde_json::from_str(text).ok());
                body.as_ref().is_some_and(|body| policy.matches(body))
            }
            (FilterScope::MessageBody, content) => {
                serde_json::from_str(content.text(subscription.protocol.name())).is_ok_and(|body| policy.matches(&body))
            }
        }
    }
}
