//! CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue.

use crate::{
    Sqs,
    addresses::{self, check_name},
    faults, limits,
    settings::{Settings, Stage},
    state::{DeletedAt, Queue, QueueProperties},
};
use cloudlet_api_sqs::{
    CreateQueue, CreateQueueRequest, CreateQueueResult, DeleteQueue, DeleteQueueRequest, GetQueueUrl, GetQueueUrlRequest, GetQueueUrlResult,
    ListQueues, ListQueuesRequest, ListQueuesResult, PurgeQueue, PurgeQueueRequest,
};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    paging::{InvalidToken, Page, Paging},
};
use cloudlet_shape::{Empty, Map, Operation};
use std::{ops::Bound, sync::Arc};

impl Handle<CreateQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &CreateQueueRequest) -> Result<Permissions, Fault> {
        check_endpoint(cx, "CreateQueue")?;
        if input.queue_name.is_empty() {
            return Err(faults::missing("QueueName"));
        }
        let queue = addresses::arn(cx, cx.scope.account, &input.queue_name);
        let permission = Permission::of::<CreateQueue>(queue);
        Ok(match input.tags.as_ref().filter(|tags| !tags.is_empty()) {
            Some(tags) => permission.with_request_tags(tags.iter().map(|(key, value)| (key, value.clone()))).and([Some("sqs:TagQueue")]),
            None => permission.into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: CreateQueueRequest) -> Result<CreateQueueResult, Fault> {
        let attributes = input.attributes.unwrap_or_default();
        let kind = Settings::requested_kind(&attributes)?;
        check_name(&input.queue_name, kind)?;
        let tags = input.tags.unwrap_or_default();
        crate::tags::check(&tags)?;
        let arn = addresses::arn(cx, cx.scope.account, &input.queue_name);
        let settings = Settings::new(kind).with(&attributes, Stage::Creation)?;
        let url = Some(self.urls.of(cx, &arn));
        if let Some(existing) = self.queues.get(&arn) {
            let checked = existing.read(|queue| check_existing(queue, &settings, attributes.keys(), &tags));
            if let Some(checked) = checked {
                return checked.map(|()| CreateQueueResult { queue_url: url });
            }
        }
        self.check_redrive(&settings, &arn)?;
        self.deleted_queues.update(|queues| drop(queues.deleted.purge(cx.now.millis(), usize::MAX)));
        if self.deleted_queues.read(|queues| queues.deleted.get_live(&arn, cx.now.millis()).is_some()) {
            return Err(faults::QUEUE_DELETED_RECENTLY
                .says("You must wait 60 seconds after deleting a queue before you can create another with the same name."));
        }
        let mut queue = Queue::default();
        let settings = Arc::new(settings);
        let properties = QueueProperties {
            arn: arn.clone(),
            created: cx.now,
            modified: cx.now,
            settings: settings.clone(),
            tags: tags.clone(),
            last_purged: None,
            previous_scope: None,
        };
        queue.properties.insert((), properties);
        match self.queues.create(arn, queue) {
            Ok(_) => {}
            // Created by another call meanwhile.
            Err(existing) => {
                existing.read(|queue| check_existing(queue, &settings, attributes.keys(), &tags)).ok_or_else(faults::no_such_queue)??
            }
        }
        Ok(CreateQueueResult { queue_url: url })
    }
}

/// The creation of a queue that exists succeeds if the given attributes and tags are those of the queue.
fn check_existing<'a>(queue: &Queue, settings: &Settings, given: impl Iterator<Item = &'a String>, tags: &Map<String>) -> Result<(), Fault> {
    let properties = queue.properties().ok_or_else(faults::no_such_queue)?;
    for name in given {
        if !properties.settings.has_same(settings, name) {
            let message = format!("A queue already exists with the same name and a different value for attribute {name}");
            return Err(faults::QUEUE_NAME_EXISTS.says(message));
        }
    }
    // AWS: found at https://github.com/Bogdanp/dramatiq_sqs/pull/13 and https://github.com/awslabs/amazon-sqs-java-temporary-queues-client/pull/70;
    // unverified message.
    if !tags.is_empty() && *tags != properties.tags {
        return Err(faults::QUEUE_NAME_EXISTS.says("A queue already exists with the same name and different tags"));
    }
    Ok(())
}

impl Handle<GetQueueUrl> for Sqs {
    fn permissions(&self, cx: &Cx, input: &GetQueueUrlRequest) -> Result<Permissions, Fault> {
        let url = queue_path(cx, input)?;
        let permissions = self.queue_permissions::<GetQueueUrl>(cx, &url);
        let is_own = input.queue_owner_aws_account_id.as_deref().is_none_or(|owner| owner.is_empty() || owner == cx.scope.account.as_str());
        // AWS: for queues of other accounts the answer is the same whether they are missing or forbidden (seen at https://github.com/fluent/fluent-plugin-s3/issues/342).
        if is_own { permissions } else { permissions.map_err(|_| faults::UNSEEN.fault.says(faults::UNSEEN.sentence)) }
    }

    async fn handle(&self, cx: &Cx, input: GetQueueUrlRequest) -> Result<GetQueueUrlResult, Fault> {
        let queue = self.queue_by_url(cx, &queue_path(cx, &input)?)?;
        let arn = queue.read(|queue| queue.properties().map(|properties| properties.arn.clone()))?.ok_or_else(faults::no_such_queue)?;
        Ok(GetQueueUrlResult { queue_url: Some(self.urls.of(cx, &arn)) })
    }
}

/// `/account/name`, which is a queue address.
fn queue_path(cx: &Cx, input: &GetQueueUrlRequest) -> Result<String, Fault> {
    let name = input.queue_name.as_str();
    if name.is_empty() {
        return Err(faults::missing("QueueName"));
    }
    if name.contains('/') {
        return Err(faults::no_such_queue());
    }
    let owner = match input.queue_owner_aws_account_id.as_deref() {
        None | Some("") => cx.scope.account,
        Some(owner) => Account::parse(owner).ok_or_else(faults::no_such_queue)?,
    };
    Ok(format!("/{owner}/{name}"))
}

/// AWS: a queue's URL accepts only operations on that queue (recorded for ListQueues).
fn check_endpoint(cx: &Cx, action: &str) -> Result<(), Fault> {
    let is_queue = cx.origin.path.as_deref().is_some_and(|path| addresses::Address::parse(path).is_some_and(|address| address.account.is_some()));
    if is_queue { Err(faults::INVALID_ACTION.says(format!("The action {action} is not valid for this endpoint."))) } else { Ok(()) }
}

impl Handle<ListQueues> for Sqs {
    fn permissions(&self, cx: &Cx, _: &ListQueuesRequest) -> Result<Permissions, Fault> {
        check_endpoint(cx, "ListQueues")?;
        Ok(Permission::of::<ListQueues>(addresses::arn(cx, cx.scope.account, "")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListQueuesRequest) -> Result<ListQueuesResult, Fault> {
        let prefix = addresses::arn(cx, cx.scope.account, input.queue_name_prefix.as_deref().unwrap_or_default());
        let limit = page_size(input.max_results)?;
        let page = page::<ListQueues, _>(cx, &input, limit, |after| {
            let start = after.as_ref().map_or(Bound::Included(prefix.as_str()), |after| Bound::Excluded(after.as_str()));
            // One more than the page holds, to know whether there are more.
            let found = self.queues.range::<str>((start, Bound::Unbounded), limit + 1);
            found.into_iter().map(|(arn, _)| arn).take_while(|arn| arn.as_str().starts_with(prefix.as_str()))
        })?;
        let urls: Vec<String> = page.items.iter().map(|arn| self.urls.of(cx, arn)).collect();
        // AWS: without MaxResults there is one page of up to 1,000 and no token.
        let next_token = page.next_token.filter(|_| input.max_results.is_some());
        Ok(ListQueuesResult { queue_urls: (!urls.is_empty()).then_some(urls), next_token })
    }
}

pub fn page_size(given: Option<i32>) -> Result<usize, Fault> {
    let size = given.unwrap_or(*limits::PAGE.end());
    let fits = usize::try_from(size).ok().filter(|_| limits::PAGE.contains(&size));
    // AWS: unverified message.
    fits.ok_or_else(|| faults::invalid(size, "MaxResults", "MaxResults must be an integer between 1 and 1000."))
}

/// One page of the list of queues that an operation answers to a request. `queues` gives those after a key.
pub fn page<O: Operation, I: Iterator<Item = Arn>>(
    cx: &Cx,
    request: &O::Input,
    limit: usize,
    queues: impl FnOnce(Option<Arn>) -> I,
) -> Result<Page<Arn>, Fault> {
    let page = Paging::of::<O>(cx, request).page(limit, |after| queues(after).map(|arn| (arn.clone(), arn)));
    // AWS: unverified message.
    page.map_err(|InvalidToken| faults::INVALID_PARAMETER_VALUE.says("Invalid or expired next token."))
}

impl Handle<DeleteQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteQueueRequest) -> Result<Permissions, Fault> {
        self.owner_permissions::<DeleteQueue>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteQueueRequest) -> Result<Empty, Fault> {
        let queue = self.queue_by_url(cx, &input.queue_url)?;
        let (arn, waiters) =
            queue.read(|queue| Some((queue.properties()?.arn.clone(), queue.waiters.subscribe())))?.ok_or_else(faults::no_such_queue)?;
        self.deleted_queues.update(|queues| {
            queues.deleted.purge(cx.now.millis(), usize::MAX);
            queues.deleted.insert(arn.clone(), DeletedAt(cx.now));
        });
        self.queues.remove(&arn);
        // Waiting receives end with an error.
        waiters.notify_waiters();
        Ok(Empty {})
    }
}

impl Handle<PurgeQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &PurgeQueueRequest) -> Result<Permissions, Fault> {
        self.queue_permissions::<PurgeQueue>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: PurgeQueueRequest) -> Result<Empty, Fault> {
        self.queue_by_url(cx, &input.queue_url)?.write(|queue| {
            let properties = queue.properties.get_mut(&()).ok_or_else(faults::no_such_queue)?;
            if properties.last_purged.is_some_and(|at| cx.now < at.plus_secs(limits::PURGE)) {
                let message = format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", properties.arn.resource());
                return Err(faults::PURGE_QUEUE_IN_PROGRESS.says(message));
            }
            properties.last_purged = Some(cx.now);
            queue.purge();
            Ok(Empty {})
        })
    }
}

impl Queue {
    /// Removes all messages and deduplication ids (recorded: a FIFO queue accepts the same deduplication id again).
    fn purge(&mut self) {
        self.messages.clear();
        self.flights.clear();
        self.ready.clear();
        self.lanes.clear();
        self.groups.clear();
        self.delayed.clear();
        self.in_flight.clear();
        self.tenants.clear();
        self.consumer_time.clear();
        self.dead_letter_sources.clear();
        self.forget_all();
    }
}
