//! Confirmation of subscriptions: the tokens, the requests that carry them, ConfirmSubscription, and the end of what is never confirmed.

use crate::{
    Sns,
    access::{self, PRINCIPAL},
    faults, limits, notifications,
    scheduled::{ExpireUnconfirmed, SubscriptionInput},
    state::{Confirmation, ConfirmationToken, Delivery, MessageType, Subscription, Topic},
};
use cloudlet_api_sns::{ConfirmSubscription, ConfirmSubscriptionInput, ConfirmSubscriptionResponse};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Empty;

/// Characters of a token.
const TOKEN: usize = 288;
/// AWS: unverified how short a token may be before it is "Invalid token".
const MIN_TOKEN: usize = 64;

/// A token has its region in it, so that links work which name no other.
fn new_token(cx: &Cx) -> String {
    let region: String = cx.scope.region.as_str().bytes().map(|byte| format!("{byte:02x}")).collect();
    let head = format!("{:02x}{region}", region.len() / 2);
    format!("{head}{}", cx.ids().hex(TOKEN.saturating_sub(head.len())))
}

/// Whether a text has the form of a token, of this server or of another.
fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The region in a token of this server.
fn region_of(token: &str) -> Option<String> {
    if token.len() != TOKEN {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let length = usize::from(byte(0)?);
    String::from_utf8((1..=length).map(|at| byte(at * 2)).collect::<Option<_>>()?).ok()
}

impl Sns {
    /// Asks a subscriber to confirm the subscription, or its end.
    pub async fn request_confirmation(&self, cx: &Cx, message_type: MessageType, subscription: &Subscription, topic: &Topic) {
        let (token, id) = (new_token(cx), cx.ids().uuid());
        let confirmed = Subscription { confirmation: Confirmation::Unauthenticated, ..subscription.clone() };
        self.store.update(|state| {
            let row = ConfirmationToken { expires: cx.now.plus_secs(limits::TOKEN), subscription: confirmed };
            state.insert_token(&token, row, cx.now);
        });
        let body = notifications::confirmation(self, cx, message_type, &id, topic, subscription, &token);
        self.start_delivery(cx, Delivery::of_confirmation(message_type, &id, subscription, body)).await;
    }

    /// AWS: a subscription that is not confirmed is deleted after 48 hours.
    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html>
    pub fn schedule_expiry(&self, cx: &Cx, subscription: &Subscription) -> Result<(), Fault> {
        let input = SubscriptionInput { subscription: subscription.arn.to_string() };
        let due = cx.now.plus_secs(limits::TOKEN);
        cx.schedule::<ExpireUnconfirmed>(due, PRINCIPAL, subscription.topic.clone(), cx.scope.clone(), input)
    }
}

impl Handle<ExpireUnconfirmed> for Sns {
    fn permissions(&self, _: &Cx, _: &SubscriptionInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: SubscriptionInput) -> Result<Empty, Fault> {
        self.store.update(|state| {
            let is_pending = state.subscriptions.get(input.subscription.as_str()).is_some_and(|subscription| !subscription.is_confirmed());
            if let Some(removed) = is_pending.then(|| state.remove_subscription(&input.subscription)).flatten() {
                state.change_topic(removed.topic.as_str(), |topic| topic.subscriptions_deleted += 1);
            }
        });
        Ok(Empty {})
    }
}

impl Handle<ConfirmSubscription> for Sns {
    /// None for an unsigned call: the links in mails have the token only.
    fn permissions(&self, cx: &Cx, input: &ConfirmSubscriptionInput) -> Result<Permissions, Fault> {
        faults::check_missing(cx)?;
        if cx.caller.is_anonymous() {
            return Ok(Permission::none());
        }
        let arn = Arn::parse(&input.topic_arn).ok_or_else(|| faults::invalid("Topic"))?;
        Ok(access::on_topic(self, cx, "SNS:ConfirmSubscription", arn).into())
    }

    async fn handle(&self, cx: &Cx, input: ConfirmSubscriptionInput) -> Result<ConfirmSubscriptionResponse, Fault> {
        let topic = Arn::parse(&input.topic_arn).filter(|arn| arn.service() == "sns").ok_or_else(|| faults::invalid("Topic"))?;
        if !is_token(&input.token) {
            return Err(faults::INVALID_PARAMETER.says("Invalid token"));
        }
        if region_of(&input.token).is_some_and(|region| topic.region() != region) {
            return Err(faults::invalid("Topic"));
        }
        let authenticate = input.authenticate_on_unsubscribe.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let is_signed = !cx.caller.is_anonymous();
        let arn = self.store.write(|state| {
            let token = state.confirmation(&input.token, cx.now).cloned();
            // AWS: unverified message for a token of another topic.
            let token = token.filter(|token| token.subscription.topic == topic).ok_or_else(|| faults::invalid("Token"))?;
            let arn = token.subscription.arn.clone();
            if !state.topics.contains(&token.subscription.topic) {
                return Err(faults::no_topic());
            }
            let existing = state.subscriptions.get(&arn).map(|existing| existing.as_ref().clone());
            // AWS: confirming twice is no error, and changes nothing.
            if existing.as_ref().is_some_and(Subscription::is_confirmed) {
                return Ok(arn);
            }
            let confirmation = if is_signed { Confirmation::Authenticated } else { Confirmation::Unauthenticated };
            let restored = existing.unwrap_or(token.subscription);
            state.insert_subscription(Subscription { confirmation, authenticate_on_unsubscribe: authenticate && is_signed, ..restored });
            Ok(arn)
        })?;
        self.begin_replay(cx, &arn);
        Ok(ConfirmSubscriptionResponse { subscription_arn: Some(arn.to_string()) })
    }
}
