//! Simple Queue Service.
//!
//! A queue is a store on a shelf, so that queues never wait for each other. In it a message is a row that is written once
//! (`state`), found through ordered indexes (`lanes`), taken out by the rules of its queue (`receiving`), and named to clients
//! by a handle that needs no table (`receipts`). Everything that depends on time is computed from the time of the call.
//! Dead letters and move tasks go from store to store (`dead_letters`, `move_tasks`).

mod addresses;
mod attributes;
mod batches;
mod contents;
mod dead_letters;
mod developer_endpoint;
mod encryption;
mod fairness;
mod faults;
mod lanes;
mod limits;
mod memories;
mod move_tasks;
mod names;
mod permissions;
mod policy;
mod polling;
mod queues;
mod receipts;
mod receiving;
mod redrive;
mod sending;
mod settings;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod visibility;

pub use addresses::Urls;

use addresses::resolve;
use cloudlet_api_sqs::*;
use cloudlet_aws::{Account, Arn, Fault, FaultKind};
use cloudlet_engine::{Cx, Denial, Dialect, Permission, Permissions, ScopeRegion, Service};
use cloudlet_shape::Operation;
use cloudlet_store::{Journal, MappedStore, Store, StoreMap};
use state::{Ledger, Queue};
use std::{borrow::Borrow, sync::Arc};

pub struct Sqs {
    /// By ARN, so that the queues of one account and region stand together, in the order of their names.
    queues: Arc<StoreMap<Arn, Queue>>,
    ledger: Arc<Store<Ledger>>,
    urls: Urls,
}

pub fn service(journal: &Journal, urls: Urls) -> Service {
    Sqs::new(journal, urls).service()
}

/// How SQS spells what all services share. Its inputs it checks itself, in its own sentences.
// AWS: codes and statuses are those of its query protocol, which `x-amzn-query-error` still carries; the action in a denial is in
// small letters (seen in https://github.com/aws/serverless-application-model/issues/3633).
const DIALECT: Dialect = Dialect {
    access_denied: FaultKind::sender("AccessDeniedException", 403).coded("AccessDenied"),
    denial: Denial::Small,
    unseen: Some(faults::UNSEEN),
    validation: cloudlet_engine::Validation::Own,
    quotes: cloudlet_engine::Quotes::Values,
    missing_token: FaultKind::sender("MissingAuthenticationTokenException", 403).coded("MissingAuthenticationToken"),
    unknown_key: FaultKind::sender("UnrecognizedClientException", 403).coded("InvalidClientTokenId"),
    bad_signature: FaultKind::sender("InvalidSignatureException", 403).coded("SignatureDoesNotMatch"),
    incomplete_signature: FaultKind::sender("IncompleteSignatureException", 400).coded("IncompleteSignature"),
    expired_token: FaultKind::sender("ExpiredTokenException", 403).coded("ExpiredToken"),
    server: "",
    scope_region: ScopeRegion::Named,
};

impl Sqs {
    pub fn new(journal: &Journal, urls: Urls) -> Arc<Sqs> {
        let ledger = Store::new("sqs/ledger", journal, Ledger::default());
        Arc::new(Sqs { queues: Arc::new(StoreMap::new("sqs/queues", journal)), ledger: Arc::new(ledger), urls })
    }

    /// The table of contents: what this service handles.
    pub fn service(self: &Arc<Sqs>) -> Service {
        Service::of(&SERVICE, self.clone())
            .dialect(DIALECT)
            .admits_anonymous()
            .store(self.queues.clone())
            .store(self.ledger.clone())
            .developer_endpoint("/_aws/sqs/messages", self.clone())
            .handles::<AddPermission>()
            .handles::<CancelMessageMoveTask>()
            .handles::<ChangeMessageVisibility>()
            .handles::<ChangeMessageVisibilityBatch>()
            .handles::<CreateQueue>()
            .handles::<DeleteMessage>()
            .handles::<DeleteMessageBatch>()
            .handles::<DeleteQueue>()
            .handles::<GetQueueAttributes>()
            .handles::<GetQueueUrl>()
            .handles::<ListDeadLetterSourceQueues>()
            .handles::<ListMessageMoveTasks>()
            .handles::<ListQueueTags>()
            .handles::<ListQueues>()
            .handles::<PurgeQueue>()
            .handles::<ReceiveMessage>()
            .waits::<ReceiveMessage>()
            .handles::<RemovePermission>()
            .handles::<SendMessage>()
            .handles::<SendMessageBatch>()
            .handles::<SetQueueAttributes>()
            .handles::<StartMessageMoveTask>()
            .handles::<TagQueue>()
            .handles::<UntagQueue>()
            .build()
    }

    /// The queue that a call means by its URL.
    fn queue(&self, cx: &Cx, url: &str) -> Result<Open, Fault> {
        cx.subject(|| self.open(resolve(cx, url)?.as_str()).map(|open| open.0)).map(Open)
    }

    fn open<Q: Ord + ?Sized>(&self, arn: &Q) -> Result<Open, Fault>
    where
        Arn: Borrow<Q>,
    {
        self.queues.get(arn).map(Open).ok_or_else(faults::no_such_queue)
    }

    /// What an operation on a queue asks: whether its caller may, by the caller's policies or the queue's.
    fn asks_on_queue<O: Operation>(&self, cx: &Cx, url: &str) -> Result<Permissions, Fault> {
        self.queue(cx, url)?.look(|queue| {
            let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
            let policy = profile.settings.policy.as_ref().map(policy::QueuePolicy::policy);
            Ok(profile.permission::<O>().with_policy(policy).into())
        })?
    }

    /// The same for what no queue policy can give to another account.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html>
    fn asks_owner<O: Operation>(&self, cx: &Cx, url: &str) -> Result<Permissions, Fault> {
        let mut permissions = self.asks_on_queue::<O>(cx, url)?;
        for permission in &mut permissions {
            if cx.caller.account != Account::parse(permission.resource.account()) {
                permission.resource_policy = None;
            }
        }
        Ok(permissions)
    }
}

impl state::Profile {
    /// An ask for an operation on the queue, with its tags.
    fn permission<O: Operation>(&self) -> Permission {
        let mut permission = Permission::of::<O>(self.arn.clone());
        permission.keys.set_resource_tags(self.tags.iter().map(|(key, value)| (key, value.clone())));
        permission
    }
}

/// A queue that was there a moment ago. Every look says so if it is gone.
struct Open(Arc<MappedStore<Queue>>);

impl Open {
    fn look<R>(&self, look: impl FnOnce(&Queue) -> R) -> Result<R, Fault> {
        self.0.read(look).ok_or_else(faults::no_such_queue)
    }

    /// One write. On a fault everything is as it was.
    fn change<R>(&self, change: impl FnOnce(&mut Queue) -> Result<R, Fault>) -> Result<R, Fault> {
        self.0.write(change).ok_or_else(faults::no_such_queue)?
    }
}
