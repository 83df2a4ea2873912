//! Deliveries to Firehose: a record for each message, put by a session of the subscription's role.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-firehose-as-subscriber.html>

use crate::{
    Sns,
    access::PRINCIPAL,
    deliveries::Outcome,
    state::{Delivery, SessionRow},
};
use cloudlet_api_firehose::{PutRecord, PutRecordInput, Record};
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{Cx, roles};

const SESSION: &str = "sns";
/// Sessions past their use that one new session removes.
const PURGED: usize = 4;

impl Sns {
    pub async fn put_record(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let stream =
            Arn::parse(&delivery.endpoint).and_then(|stream| Some((stream.scope()?, stream.resource().strip_prefix("deliverystream/")?.to_owned())));
        let Some((scope, name)) = stream else { return Outcome::ClientError("the endpoint is no delivery stream".to_owned()) };
        let role = self.store.read(|state| state.subscriptions.get(&delivery.subscription)?.attributes.role.as_deref().and_then(Arn::parse));
        let Some(role) = role else { return Outcome::ClientError("the subscription has no role".to_owned()) };
        let key = (role, delivery.topic.clone());
        let caller = match self.role_session(cx, &key).await {
            Ok(caller) => caller,
            Err(fault) => return Outcome::of::<()>(Err(fault)),
        };
        let record = Record { data: delivery.body.clone().into_bytes().into() };
        let answer = cx.call::<PutRecord>(caller, scope, PutRecordInput { delivery_stream_name: name, record }).await;
        if answer.is_err() {
            // The role may have been deleted and created again: its sessions do not come back with it.
            self.store.update(|state| state.role_sessions.remove(&key));
        }
        Outcome::of(answer)
    }

    /// The session of a role for a topic, a new one when there is none or it is about to end.
    pub async fn role_session(&self, cx: &Cx, key: &(Arn, Arn)) -> Result<Caller, Fault> {
        let now = cx.now.millis();
        if let Some(caller) = self.store.read(|state| state.role_sessions.get_live(key, now).map(|row| row.0.caller.clone())) {
            return Ok(caller);
        }
        let (role, topic) = key;
        let session = roles::assume_role(cx, role, SESSION, PRINCIPAL, topic).await?;
        let caller = session.caller.clone();
        self.store.update(|state| {
            state.role_sessions.purge(now, PURGED);
            state.role_sessions.insert(key.clone(), SessionRow(session));
        });
        Ok(caller)
    }
}
