//! Deliveries to Firehose: a record for each message, put by a session of the subscription's role.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-firehose-as-subscriber.html>

use crate::{Sns, access::PRINCIPAL, deliveries::Outcome, state::Delivery};
use cloudlet_api_firehose::{PutRecord, PutRecordInput, Record};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest};
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity, Timestamp};
use cloudlet_engine::Cx;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Sessions are for a quarter of an hour, the shortest there is, and used for most of it.
const SESSION_SECONDS: i32 = 900;
const USED_SECONDS: i64 = 600;
const SESSION: &str = "sns";
/// Sessions that are remembered; with more roles than that each delivery begins one.
const MOST: usize = 1_000;

/// The sessions that are open, by role.
#[derive(Default)]
pub struct Roles(Mutex<BTreeMap<Arn, (Caller, Timestamp)>>);

impl Roles {
    fn open(&self, role: &Arn, now: Timestamp) -> Option<Caller> {
        let roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        roles.get(role).filter(|(_, until)| now < *until).map(|(caller, _)| caller.clone())
    }

    fn keep(&self, role: &Arn, caller: &Caller, now: Timestamp) {
        let mut roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if roles.len() >= MOST {
            roles.retain(|_, (_, until)| now < *until);
        }
        if roles.len() < MOST {
            roles.insert(role.clone(), (caller.clone(), now.plus_secs(USED_SECONDS)));
        }
    }
}

impl Sns {
    pub async fn put_record(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let stream =
            Arn::parse(&delivery.endpoint).and_then(|stream| Some((stream.scope()?, stream.resource().strip_prefix("deliverystream/")?.to_owned())));
        let Some((scope, name)) = stream else { return Outcome::ClientError("the endpoint is no delivery stream".to_owned()) };
        let role = self.store.read(|state| state.subscriptions.get(&delivery.subscription)?.attributes.role.as_deref().and_then(Arn::parse));
        let Some(role) = role else { return Outcome::ClientError("the subscription has no role".to_owned()) };
        let caller = match self.in_role(cx, &role, delivery).await {
            Ok(caller) => caller,
            Err(fault) => return Outcome::of::<()>(Err(fault)),
        };
        let record = Record { data: delivery.body.clone().into_bytes().into() };
        Outcome::of(cx.call::<PutRecord>(caller, scope, PutRecordInput { delivery_stream_name: name, record }).await)
    }

    /// A session of the role, which has to trust SNS.
    async fn in_role(&self, cx: &Cx, role: &Arn, delivery: &Delivery) -> Result<Caller, Fault> {
        let now = cx.clock().now();
        if let Some(caller) = self.roles.open(role, now) {
            return Ok(caller);
        }
        let input = AssumeRoleRequest {
            role_arn: role.to_string(),
            role_session_name: SESSION.to_owned(),
            duration_seconds: Some(SESSION_SECONDS),
            ..AssumeRoleRequest::default()
        };
        let scope = delivery.topic.scope().unwrap_or_else(|| cx.scope.clone());
        let session = cx.call::<AssumeRole>(Caller::service(PRINCIPAL, Some(delivery.topic.clone())), scope, input).await?;
        let (Some(user), Some(credentials)) = (session.assumed_role_user, session.credentials) else {
            return Err(Fault::internal("a role session without a user"));
        };
        let caller = Caller {
            account: Account::parse(role.account()),
            identity: Identity::AssumedRole { role: role.clone(), session: SESSION.into() },
            arn: user.arn.into(),
            unique_id: user.assumed_role_id.into(),
            access_key: Some(credentials.access_key_id.into()),
        };
        self.roles.keep(role, &caller, now);
        Ok(caller)
    }
}
