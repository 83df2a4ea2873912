//! Queues come and go: CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue.

use crate::{
    Sqs,
    addresses::{self, check_name},
    faults, limits,
    settings::{Settings, Stage},
    state::{Ledger, Profile, Queue},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cloudlet_api_sqs::{
    CreateQueue, CreateQueueRequest, CreateQueueResult, DeleteQueue, DeleteQueueRequest, GetQueueUrl, GetQueueUrlRequest, GetQueueUrlResult,
    ListQueues, ListQueuesRequest, ListQueuesResult, PurgeQueue, PurgeQueueRequest,
};
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::{Empty, Map};
use std::{ops::Bound, sync::Arc};

impl Handle<CreateQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &CreateQueueRequest) -> Result<Permissions, Fault> {
        check_endpoint(cx, "CreateQueue")?;
        if input.queue_name.is_empty() {
            return Err(faults::missing("QueueName"));
        }
        let queue = addresses::arn(cx, cx.scope.account, &input.queue_name);
        let mut permissions: Permissions = Permission::of::<CreateQueue>(queue.clone()).into();
        if let Some(tags) = input.tags.as_ref().filter(|tags| !tags.is_empty()) {
            permissions.push(Permission::action("sqs:TagQueue", queue));
            permissions.iter_mut().for_each(|permission| crate::tags::brings(permission, tags));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: CreateQueueRequest) -> Result<CreateQueueResult, Fault> {
        let given = input.attributes.unwrap_or_default();
        let kind = Settings::kind_wanted(&given)?;
        check_name(&input.queue_name, kind)?;
        let tags = input.tags.unwrap_or_default();
        crate::tags::check(&tags)?;
        let arn = addresses::arn(cx, cx.scope.account, &input.queue_name);
        let settings = Settings::new(kind).with(&given, Stage::Creation, &arn)?;
        let url = Some(self.urls.of(cx, &arn));
        if let Some(present) = self.queues.get(&arn) {
            let same = present.read(|queue| same(queue, &settings, given.keys(), &tags));
            if let Some(same) = same {
                return same.map(|()| CreateQueueResult { queue_url: url });
            }
        }
        self.check_redrive(&settings, &arn)?;
        self.ledger.update(|ledger| ledger.forget_deleted(cx.now));
        if self.ledger.read(|ledger| ledger.is_cooling_down(&arn, cx.now)) {
            return Err(faults::QUEUE_DELETED_RECENTLY
                .says("You must wait 60 seconds after deleting a queue before you can create another with the same name."));
        }
        let mut queue = Queue::default();
        let settings = Arc::new(settings);
        let profile = Profile { arn: arn.clone(), created: cx.now, modified: cx.now, settings: settings.clone(), tags: tags.clone(), purged: None };
        queue.profile.insert((), profile);
        match self.queues.create(arn, queue) {
            Ok(_) => {}
            // Somebody was faster.
            Err(present) => present.read(|queue| same(queue, &settings, given.keys(), &tags)).ok_or_else(faults::no_such_queue)??,
        }
        Ok(CreateQueueResult { queue_url: url })
    }
}

/// A creation that finds its queue there is fine, as long as it says nothing different.
fn same<'a>(queue: &Queue, wanted: &Settings, given: impl Iterator<Item = &'a String>, tags: &Map<String>) -> Result<(), Fault> {
    let profile = queue.profile().ok_or_else(faults::no_such_queue)?;
    for name in given {
        if !profile.settings.agrees(wanted, name) {
            let sentence = format!("A queue already exists with the same name and a different value for attribute {name}");
            return Err(faults::QUEUE_NAME_EXISTS.says(sentence));
        }
    }
    // AWS: found at https://github.com/Bogdanp/dramatiq_sqs/pull/13 and https://github.com/awslabs/amazon-sqs-java-temporary-queues-client/pull/70;
    // unverified sentence.
    if !tags.is_empty() && *tags != profile.tags {
        return Err(faults::QUEUE_NAME_EXISTS.says("A queue already exists with the same name and different tags"));
    }
    Ok(())
}

impl Ledger {
    fn is_cooling_down(&self, arn: &Arn, now: Timestamp) -> bool {
        self.deleted.get(arn).is_some_and(|at| now < at.plus_secs(limits::COOL_DOWN))
    }

    fn remember_deleted(&mut self, arn: Arn, now: Timestamp) {
        if let Some(before) = self.deleted.get(&arn).copied() {
            self.by_deletion.remove(&(before, arn.clone()));
        }
        self.by_deletion.insert((now, arn.clone()), ());
        self.deleted.insert(arn, now);
    }

    fn forget_deleted(&mut self, now: Timestamp) {
        while let Some((at, arn)) = self.by_deletion.first().map(|(key, ())| key.clone())
            && now >= at.plus_secs(limits::COOL_DOWN)
        {
            self.deleted.remove(&arn);
            self.by_deletion.remove(&(at, arn));
        }
    }
}

impl Handle<GetQueueUrl> for Sqs {
    fn permissions(&self, cx: &Cx, input: &GetQueueUrlRequest) -> Result<Permissions, Fault> {
        let url = meant(cx, input)?;
        let permissions = self.asks_on_queue::<GetQueueUrl>(cx, &url);
        let own = input.queue_owner_aws_account_id.as_deref().is_none_or(|owner| owner.is_empty() || owner == cx.scope.account.as_str());
        // AWS: of others' queues one answer, be they absent or shut (seen at https://github.com/fluent/fluent-plugin-s3/issues/342).
        if own { permissions } else { permissions.map_err(|_| faults::UNSEEN.fault.says(faults::UNSEEN.sentence)) }
    }

    async fn handle(&self, cx: &Cx, input: GetQueueUrlRequest) -> Result<GetQueueUrlResult, Fault> {
        let queue = self.queue(cx, &meant(cx, &input)?)?;
        let arn = queue.look(|queue| queue.profile().map(|profile| profile.arn.clone()))?.ok_or_else(faults::no_such_queue)?;
        Ok(GetQueueUrlResult { queue_url: Some(self.urls.of(cx, &arn)) })
    }
}

/// `/account/name`, as any other address.
fn meant(cx: &Cx, input: &GetQueueUrlRequest) -> Result<String, Fault> {
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

/// AWS: a queue is no endpoint for what is not about it (recorded of ListQueues).
fn check_endpoint(cx: &Cx, action: &str) -> Result<(), Fault> {
    let is_queue = cx.origin.path.as_deref().is_some_and(|path| addresses::Address::read(path).is_some_and(|address| address.account.is_some()));
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
        let after = input.next_token.as_deref().filter(|token| !token.is_empty()).map(|token| read_token(token, &prefix)).transpose()?;
        let start = after.as_ref().map_or(Bound::Included(prefix.as_str()), |after| Bound::Excluded(after.as_str()));
        // One more than is shown tells whether there are more.
        let mut found = self.queues.range::<str>((start, Bound::Unbounded), limit + 1);
        found.retain(|(arn, _)| arn.as_str().starts_with(prefix.as_str()));
        let more = found.len() > limit;
        found.truncate(limit);
        // AWS: without MaxResults there is one page of up to 1,000 and no token.
        let next = found.last().filter(|_| more && input.max_results.is_some()).map(|(arn, _)| token(arn));
        let urls: Vec<String> = found.iter().map(|(arn, _)| self.urls.of(cx, arn)).collect();
        Ok(ListQueuesResult { queue_urls: (!urls.is_empty()).then_some(urls), next_token: next })
    }
}

pub fn page_size(asked: Option<i32>) -> Result<usize, Fault> {
    let size = asked.unwrap_or(*limits::PAGE.end());
    let fits = usize::try_from(size).ok().filter(|_| limits::PAGE.contains(&size));
    // AWS: unverified sentence.
    fits.ok_or_else(|| faults::invalid(size, "MaxResults", "MaxResults must be an integer between 1 and 1000."))
}

/// Where the next page begins.
pub fn token(after: &Arn) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(after.as_str())
}

/// A token of ours, for a list of queues whose ARNs begin so.
pub fn read_token(token: &str, prefix: &Arn) -> Result<String, Fault> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // AWS: unverified sentence.
    text.filter(|text| text.starts_with(prefix.as_str())).ok_or_else(|| faults::INVALID_PARAMETER_VALUE.says("Invalid or expired next token."))
}

impl Handle<DeleteQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &DeleteQueueRequest) -> Result<Permissions, Fault> {
        self.asks_owner::<DeleteQueue>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: DeleteQueueRequest) -> Result<Empty, Fault> {
        let queue = self.queue(cx, &input.queue_url)?;
        let (arn, bell) = queue.look(|queue| Some((queue.profile()?.arn.clone(), queue.bell.listen())))?.ok_or_else(faults::no_such_queue)?;
        self.ledger.update(|ledger| {
            ledger.forget_deleted(cx.now);
            ledger.remember_deleted(arn.clone(), cx.now);
        });
        self.queues.remove(&arn);
        // Who waits for a message learns that none will come.
        bell.notify_waiters();
        Ok(Empty {})
    }
}

impl Handle<PurgeQueue> for Sqs {
    fn permissions(&self, cx: &Cx, input: &PurgeQueueRequest) -> Result<Permissions, Fault> {
        self.asks_on_queue::<PurgeQueue>(cx, &input.queue_url)
    }

    async fn handle(&self, cx: &Cx, input: PurgeQueueRequest) -> Result<Empty, Fault> {
        self.queue(cx, &input.queue_url)?.change(|queue| {
            let profile = queue.profile.get_mut(&()).ok_or_else(faults::no_such_queue)?;
            if profile.purged.is_some_and(|at| cx.now < at.plus_secs(limits::PURGE)) {
                let sentence = format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", profile.arn.resource());
                return Err(faults::PURGE_QUEUE_IN_PROGRESS.says(sentence));
            }
            profile.purged = Some(cx.now);
            queue.purge();
            Ok(Empty {})
        })
    }
}

impl Queue {
    /// Empty, and with nothing to remember (recorded: a FIFO queue takes the same deduplication id again).
    fn purge(&mut self) {
        self.messages.clear();
        self.flights.clear();
        self.ready.clear();
        self.lanes.clear();
        self.groups.clear();
        self.delayed.clear();
        self.in_flight.clear();
        self.tenants.clear();
        self.work.clear();
        self.forget_all();
    }
}
