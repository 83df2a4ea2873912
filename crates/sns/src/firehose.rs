//! Deliveries to Firehose: a record for each message, put by a session of the subscription's role.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-firehose-as-subscriber.html>

use crate::{Sns, access::PRINCIPAL, deliveries::Outcome, state::Delivery};
use cloudlet_api_firehose::{PutRecord, PutRecordInput, Record};
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, roles};

const SESSION: &str = "sns";

impl Sns {
    pub async fn put_record(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let stream =
            Arn::parse(&delivery.endpoint).and_then(|stream| Some((stream.scope()?, stream.resource().strip_prefix("deliverystream/")?.to_owned())));
        let Some((scope, name)) = stream else { return Outcome::ClientError("the endpoint is no delivery stream".to_owned()) };
        let role = self.store.read(|state| state.subscriptions.get(&delivery.subscription)?.attributes.role.as_deref().and_then(Arn::parse));
        let Some(role) = role else { return Outcome::ClientError("the subscription has no role".to_owned()) };
        let caller = match roles::assume_role(cx, &role, SESSION, PRINCIPAL, &delivery.topic).await {
            Ok(caller) => caller,
            Err(fault) => return Outcome::of::<()>(Err(fault)),
        };
        let record = Record { data: delivery.body.clone().into_bytes().into() };
        Outcome::of(cx.call::<PutRecord>(caller, scope, PutRecordInput { delivery_stream_name: name, record }).await)
    }
}
