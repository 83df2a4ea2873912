//! Simple Queue Service.
//!
//! Each queue is a store of its own, so that queues never wait for each other. A message is a row that is written once (`state`),
//! found through ordered indexes (`lanes`), received by the rules of its queue (`receiving`), and named to clients by a receipt
//! handle that needs no table (`receipt_handles`). Everything that depends on time is computed from the time of the call.
//! Dead letters and move tasks move messages from store to store (`dead_letters`, `move_tasks`).

mod addresses;
mod attribute_selection;
mod attributes;
mod batches;
mod consumer_time;
mod contents;
mod dead_letters;
mod deduplication;
mod developer_endpoint;
mod encryption;
mod fairness;
mod faults;
mod ids;
mod lanes;
mod limits;
mod move_tasks;
mod moving;
mod permissions;
mod policy;
mod polling;
mod queues;
mod receipt_handles;
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
use cloudlet_engine::{Anonymous, Cx, Denial, Dialect, Permission, Permissions, Service};
use cloudlet_shape::Operation;
use cloudlet_store::{Journal, MappedStore, Store, StoreMap};
use state::{DeletedQueues, MoveTasks, Queue, QueueProperties};
use std::{borrow::Borrow, sync::Arc};

pub struct Sqs {
    /// In the order of ARNs: the queues of one account and region follow each other, in the order of their names.
    queues: Arc<StoreMap<Arn, Queue>>,
    move_tasks: Arc<Store<MoveTasks>>,
    deleted_queues: Arc<Store<DeletedQueues>>,
    urls: Urls,
}

pub fn service(journal: &Journal, urls: Urls) -> Service {
    Sqs::new(journal, urls).service()
}

/// How SQS spells what all services share. It validates its inputs itself, with messages of its own.
// AWS: codes and statuses are those of its query protocol, which `x-amzn-query-error` still carries; the action in a denial is in
// small letters (seen in https://github.com/aws/serverless-application-model/issues/3633).
const DIALECT: Dialect = Dialect {
    access_denied: FaultKind::sender("AccessDeniedException", 403).coded("AccessDenied"),
    denial: Denial::Small,
    unseen: Some(faults::UNSEEN),
    validation: cloudlet_engine::Validation::Own,
    missing_token: FaultKind::sender("MissingAuthenticationTokenException", 403).coded("MissingAuthenticationToken"),
    unknown_key: FaultKind::sender("UnrecognizedClientException", 403).coded("InvalidClientTokenId"),
    bad_signature: FaultKind::sender("InvalidSignatureException", 403).coded("SignatureDoesNotMatch"),
    incomplete_signature: FaultKind::sender("IncompleteSignatureException", 400).coded("IncompleteSignature"),
    expired_token: FaultKind::sender("ExpiredTokenException", 403).coded("ExpiredToken"),
    throttled: FaultKind::sender("ThrottlingException", 403).coded("RequestThrottled"),
    anonymous: Anonymous::AllowedByPolicy,
    ..Dialect::JSON
};

impl Sqs {
    pub fn new(journal: &Journal, urls: Urls) -> Arc<Sqs> {
        Arc::new(Sqs {
            queues: Arc::new(StoreMap::new("sqs/queues", journal)),
            move_tasks: Arc::new(Store::new("sqs/move_tasks", journal, MoveTasks::default())),
            deleted_queues: Arc::new(Store::new("sqs/deleted_queues", journal, DeletedQueues::default())),
            urls,
        })
    }

    /// The operations that this service handles.
    pub fn service(self: &Arc<Sqs>) -> Service {
        Service::of(&SERVICE, self.clone())
            .dialect(DIALECT)
            .store(self.queues.clone())
            .store(self.move_tasks.clone())
            .store(self.deleted_queues.clone())
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

    /// The queue of a `QueueUrl`.
    fn queue_by_url(&self, cx: &Cx, url: &str) -> Result<QueueRef, Fault> {
        cx.subject(|| self.queue_by_arn(resolve(cx, url)?.as_str()).map(|queue| queue.0)).map(QueueRef)
    }

    fn queue_by_arn<Q: Ord + ?Sized>(&self, arn: &Q) -> Result<QueueRef, Fault>
    where
        Arn: Borrow<Q>,
    {
        self.queues.get(arn).map(QueueRef).ok_or_else(faults::no_such_queue)
    }

    /// The permission for an operation on a queue, given by the caller's policies or the queue's.
    fn queue_permissions<O: Operation>(&self, cx: &Cx, url: &str) -> Result<Permissions, Fault> {
        self.queue_by_url(cx, url)?.read(|queue| {
            let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
            let policy = properties.settings.policy.as_ref().map(|policy| policy.named(&properties.arn));
            Ok(properties.permission::<O>().with_policy(policy).into())
        })?
    }

    /// The same for an operation that a queue policy cannot give to another account.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html>
    fn owner_permissions<O: Operation>(&self, cx: &Cx, url: &str) -> Result<Permissions, Fault> {
        let mut permissions = self.queue_permissions::<O>(cx, url)?;
        for permission in &mut permissions {
            if cx.caller.account != Account::parse(permission.resource.account()) {
                permission.resource_policy = None;
            }
        }
        Ok(permissions)
    }
}

impl QueueProperties {
    /// The permission for an operation on the queue, with the queue's tags.
    fn permission<O: Operation>(&self) -> Permission {
        Permission::of::<O>(self.arn.clone()).with_resource_tags(self.tags.iter().map(|(key, value)| (key, value.clone())))
    }
}

/// A queue that existed when it was looked up. Reading and writing fail once it is deleted.
struct QueueRef(Arc<MappedStore<Queue>>);

impl QueueRef {
    fn read<R>(&self, read: impl FnOnce(&Queue) -> R) -> Result<R, Fault> {
        self.0.read(read).ok_or_else(faults::no_such_queue)
    }

    /// One write. A fault undoes it.
    fn write<R>(&self, write: impl FnOnce(&mut Queue) -> Result<R, Fault>) -> Result<R, Fault> {
        self.0.write(write).ok_or_else(faults::no_such_queue)?
    }

    fn arn(&self) -> Result<Arn, Fault> {
        self.read(|queue| queue.properties().map(|properties| properties.arn.clone()))?.ok_or_else(faults::no_such_queue)
    }
}
