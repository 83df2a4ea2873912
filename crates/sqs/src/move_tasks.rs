//! Message move tasks: dead letters go back to where they came from, or elsewhere, so many in a second.
//!
//! A task needs nobody to run it. How far it is follows from the time, and whoever looks at a queue while a task runs brings it
//! up to date first.

use crate::{
    Sqs, addresses,
    dead_letters::anew,
    faults, limits,
    names::MessageId,
    receiving::Flown,
    state::{Flight, Ledger, Profile, Queue, Status, Task, TaskId},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_api_sqs::{
    CancelMessageMoveTask, CancelMessageMoveTaskRequest, CancelMessageMoveTaskResult, DeleteMessage, GetQueueAttributes, ListMessageMoveTasks,
    ListMessageMoveTasksRequest, ListMessageMoveTasksResult, ListMessageMoveTasksResultEntry, ReceiveMessage, SendMessage, StartMessageMoveTask,
    StartMessageMoveTaskRequest, StartMessageMoveTaskResult,
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// How many messages are moved under one lock.
const AT_ONCE: usize = 100;
/// For how many seconds a message is held back while it is moved.
const HELD: i64 = 30;

/// What a task handle says. AWS's are base64 of just this.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskHandle {
    task_id: TaskId,
    source_arn: Arn,
}

impl TaskHandle {
    fn text(&self) -> String {
        BASE64_STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Result<TaskHandle, Fault> {
        let bytes = BASE64_STANDARD.decode(text).ok();
        let handle = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        handle.ok_or_else(|| faults::INVALID_PARAMETER_VALUE.says("Value for parameter TaskHandle is invalid."))
    }
}

impl Task {
    /// AWS: without a rate, a task is as fast as tasks may be.
    fn rate(&self) -> u64 {
        u64::try_from(self.rate.unwrap_or(*limits::MOVE_RATE.end())).unwrap_or(1)
    }

    fn seconds(&self, now: Timestamp) -> i64 {
        (now.millis() - self.started.millis()).max(0) / 1000
    }

    /// How many messages may have been moved by now: those of the seconds that have begun.
    fn allowance(&self, now: Timestamp) -> u64 {
        self.rate().saturating_mul(u64::try_from(self.seconds(now)).unwrap_or_default().saturating_add(1))
    }

    fn next_move(&self, now: Timestamp) -> Timestamp {
        self.started.plus_secs(self.seconds(now).saturating_add(1))
    }
}

impl Ledger {
    fn start(&mut self, id: TaskId, task: Task) {
        let source = task.source.clone();
        self.by_source.insert((source.clone(), task.started, id.clone()), ());
        self.running.insert(id.clone(), ());
        self.tasks.insert(id, task);
        // Older ones are shown to nobody.
        let shown = usize::try_from(*limits::MOVE_TASKS.end()).unwrap_or_default();
        for (_, id, started) in self.of_source(&source).into_iter().skip(shown) {
            self.by_source.remove(&(source.clone(), started, id.clone()));
            self.running.remove(&id);
            self.tasks.remove(&id);
        }
    }

    /// The tasks of a queue, the latest first.
    fn of_source(&self, source: &Arn) -> Vec<(Task, TaskId, Timestamp)> {
        let start = (source.clone(), Timestamp(i64::MIN), TaskId::default());
        let of_it = self.by_source.range(start..).map(|((of, started, id), ())| (of, *started, id)).take_while(|(of, ..)| *of == source);
        let mut tasks: Vec<_> = of_it.filter_map(|(_, started, id)| Some((self.tasks.get(id)?.clone(), id.clone(), started))).collect();
        tasks.reverse();
        tasks
    }

    fn end(&mut self, id: &TaskId, status: Status, failure: Option<String>) {
        if let Some(task) = self.tasks.get_mut(id)
            && task.status == Status::Running
        {
            task.status = status;
            task.failure = failure;
        }
        self.running.remove(id);
    }
}

/// How a step of a task ended.
enum Step {
    Moved(u64),
    /// Nothing is left to move.
    Done(u64),
    Failed(&'static str),
}

impl Sqs {
    pub(crate) fn has_moves(&self) -> bool {
        self.ledger.read(|ledger| !ledger.running.is_empty())
    }

    /// Brings all tasks up to date.
    pub(crate) async fn move_on(&self, cx: &Cx, now: Timestamp) {
        let running: Vec<TaskId> = self.ledger.read(|ledger| ledger.running.keys().cloned().collect());
        for id in running {
            loop {
                // Claimed before they are moved, so that two who look at once do not move twice as many.
                let claim = self.ledger.update(|ledger| {
                    let task = ledger.tasks.get(&id).filter(|task| task.status == Status::Running)?;
                    let most = u64::try_from(AT_ONCE).unwrap_or_default();
                    let claim = task.allowance(now).saturating_sub(task.moved).min(most);
                    let task = if claim > 0 { ledger.tasks.get_mut(&id) } else { None }?;
                    task.moved += claim;
                    Some((task.clone(), claim))
                });
                let Some((task, claim)) = claim else { break };
                let step = self.step(cx, &task, claim, now);
                let moved = match step {
                    Step::Moved(moved) | Step::Done(moved) => moved,
                    Step::Failed(_) => 0,
                };
                self.ledger.update(|ledger| {
                    if let Some(task) = ledger.tasks.get_mut(&id) {
                        task.moved = task.moved.saturating_sub(claim.saturating_sub(moved));
                    }
                    match step {
                        Step::Moved(_) => {}
                        Step::Done(_) => ledger.end(&id, Status::Completed, None),
                        Step::Failed(why) => ledger.end(&id, Status::Failed, Some(why.to_owned())),
                    }
                });
                if !matches!(step, Step::Moved(_)) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    }

    /// When a task moves something next.
    pub(crate) fn next_move(&self, now: Timestamp) -> Option<Timestamp> {
        self.ledger.read(|ledger| ledger.running.keys().filter_map(|id| ledger.tasks.get(id)).map(|task| task.next_move(now)).min())
    }

    fn step(&self, cx: &Cx, task: &Task, claim: u64, now: Timestamp) -> Step {
        let most = usize::try_from(claim).unwrap_or(AT_ONCE);
        let Ok(source) = self.open(&task.source) else { return Step::Failed("AWS.SimpleQueueService.NonExistentQueue") };
        let Ok(held) = source.change(|queue| Ok(queue.hold(most, now))) else { return Step::Failed("AWS.SimpleQueueService.NonExistentQueue") };
        let mut failed = None;
        let mut by_target: BTreeMap<Arn, Vec<Flown>> = BTreeMap::new();
        let mut back = vec![];
        for flown in held {
            match task.destination.clone().or_else(|| flown.message.past.as_ref().map(|past| past.source.clone())) {
                Some(target) => by_target.entry(target).or_default().push(flown),
                None => {
                    failed = Some("CouldNotDetermineMessageSource");
                    back.push(flown);
                }
            }
        }
        let mut gone = vec![];
        for (target, flown) in by_target {
            let letters: Vec<_> = flown.iter().map(|flown| anew(&flown.message, MessageId::new(cx.ids()), now)).collect();
            let put = self.open(&target).and_then(|target| {
                target.change(|queue| {
                    for letter in letters {
                        let place = queue.next_place(now);
                        queue.put(place, letter, now);
                        queue.bell.ring();
                    }
                    Ok(())
                })
            });
            match put {
                Ok(()) => gone.extend(flown),
                Err(_) => {
                    failed = Some("AWS.SimpleQueueService.NonExistentQueue");
                    back.extend(flown);
                }
            }
        }
        let moved = u64::try_from(gone.len()).unwrap_or_default();
        let left = source.change(|queue| {
            for Flown { place, .. } in gone {
                queue.withdraw(place, now);
            }
            for Flown { place, flight, .. } in back {
                if queue.flights.get(&place) == Some(&flight) {
                    queue.divert(place, flight, now, now);
                }
            }
            Ok(!queue.ready.is_empty())
        });
        match (failed, left) {
            (Some(why), _) => Step::Failed(why),
            (None, Ok(true)) if moved > 0 => Step::Moved(moved),
            (None, _) => Step::Done(moved),
        }
    }
}

impl Queue {
    /// Holds messages back to be moved: what could be received, in its order, without counting as received.
    fn hold(&mut self, most: usize, now: Timestamp) -> Vec<Flown> {
        let fifo = self.is_fifo();
        self.expire(now);
        self.settle(now);
        let mut places = vec![];
        while places.len() < most {
            let Some((key, group)) = self.next_ready(now) else { break };
            let run = match &group {
                Some(group) if fifo => self.run_of(group, most - places.len()),
                _ => smallvec::smallvec![key.1],
            };
            self.take_head(key, group.as_ref());
            places.extend(run);
        }
        let until = now.plus_secs(HELD);
        let never = Flight { receives: 0, first: now, latest: now, until };
        let hold = |place| {
            let message = self.messages.get(&place)?.clone();
            let flight = self.flights.get(&place).map_or(never, |flight| Flight { until, ..*flight });
            self.fly(place, flight, now);
            Some(Flown { place, message, flight })
        };
        places.into_iter().filter_map(hold).collect()
    }
}

fn absent(parameter: &str) -> Fault {
    faults::RESOURCE_NOT_FOUND.says(format!("The resource that you specified for the {parameter} parameter doesn't exist."))
}

fn queue_arn(text: &str, parameter: &str) -> Result<Arn, Fault> {
    if text.is_empty() {
        return Err(faults::missing(parameter));
    }
    let arn = Arn::parse(text).filter(|arn| arn.service() == "sqs" && addresses::scope(arn).is_some());
    arn.ok_or_else(|| {
        faults::INVALID_PARAMETER_VALUE
            .says(format!("You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"))
    })
}

impl Sqs {
    /// What a task's owner must be allowed on a queue that exists.
    fn permission_on<O: cloudlet_shape::Operation>(&self, arn: &Arn, parameter: &str) -> Result<Permission, Fault> {
        self.open(arn)
            .and_then(|queue| queue.look(|queue| queue.profile().map(Profile::permission::<O>)))
            .ok()
            .flatten()
            .ok_or_else(|| absent(parameter))
    }
}

impl Handle<StartMessageMoveTask> for Sqs {
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
    fn permissions(&self, _: &Cx, input: &StartMessageMoveTaskRequest) -> Result<Permissions, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let mut permissions: Permissions = self.permission_on::<StartMessageMoveTask>(&source, "SourceArn")?.into();
        permissions.push(self.permission_on::<ReceiveMessage>(&source, "SourceArn")?);
        permissions.push(self.permission_on::<DeleteMessage>(&source, "SourceArn")?);
        permissions.push(self.permission_on::<GetQueueAttributes>(&source, "SourceArn")?);
        match &input.destination_arn {
            Some(destination) => permissions.push(self.permission_on::<SendMessage>(&queue_arn(destination, "DestinationArn")?, "DestinationArn")?),
            None => {
                permissions.extend(self.sources_of(&source, None).filter_map(|arn| self.permission_on::<SendMessage>(&arn, "DestinationArn").ok()))
            }
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: StartMessageMoveTaskRequest) -> Result<StartMessageMoveTaskResult, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let queue = self.open(&source).map_err(|_| absent("SourceArn"))?;
        if self.sources_of(&source, None).next().is_none() {
            return Err(faults::INVALID_PARAMETER_VALUE.says("Source queue must be configured as a Dead Letter Queue."));
        }
        let destination = input.destination_arn.as_deref().map(|arn| queue_arn(arn, "DestinationArn")).transpose()?;
        let (kind, count) = queue.look(|queue| (queue.is_fifo(), queue.counts(cx.now)))?;
        if let Some(destination) = &destination {
            let target = self.open(destination).map_err(|_| absent("DestinationArn"))?;
            if target.look(Queue::is_fifo)? != kind {
                // AWS: unverified sentence.
                return Err(faults::INVALID_PARAMETER_VALUE.says("Source and destination queue must be of the same type."));
            }
        }
        if let Some(rate) = input.max_number_of_messages_per_second.filter(|rate| !limits::MOVE_RATE.contains(rate)) {
            // AWS: unverified sentence.
            return Err(faults::invalid(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided."));
        }
        self.move_on(cx, cx.now).await;
        let id: TaskId = cx.ids().uuid().into();
        let task = Task {
            source: source.clone(),
            destination,
            rate: input.max_number_of_messages_per_second,
            started: cx.now,
            to_move: u64::try_from(count.visible).unwrap_or_default(),
            moved: 0,
            status: Status::Running,
            failure: None,
        };
        self.ledger.write(|ledger| {
            if ledger.of_source(&source).iter().any(|(task, ..)| task.status == Status::Running) {
                return Err(faults::INVALID_PARAMETER_VALUE
                    .says("There is already a task running. Only one active task is allowed for a source queue arn at a given time."));
            }
            ledger.start(id.clone(), task);
            Ok(())
        })?;
        self.move_on(cx, cx.now).await;
        // Who waits for messages did not know that some will be moved.
        self.toll_for(&source, input.destination_arn.as_deref());
        Ok(StartMessageMoveTaskResult { task_handle: Some(TaskHandle { task_id: id, source_arn: source }.text()) })
    }
}

impl Sqs {
    fn toll_for(&self, source: &Arn, destination: Option<&str>) {
        let targets: Vec<Arn> = match destination.and_then(Arn::parse) {
            Some(target) => vec![target],
            None => self.sources_of(source, None).collect(),
        };
        for target in targets {
            self.queues.read(&target, |queue| queue.bell.toll());
        }
    }
}

impl Handle<CancelMessageMoveTask> for Sqs {
    fn permissions(&self, _: &Cx, input: &CancelMessageMoveTaskRequest) -> Result<Permissions, Fault> {
        if input.task_handle.is_empty() {
            return Err(faults::missing("TaskHandle"));
        }
        let handle = TaskHandle::read(&input.task_handle)?;
        Ok(self.permission_on::<CancelMessageMoveTask>(&handle.source_arn, "SourceArn")?.into())
    }

    async fn handle(&self, cx: &Cx, input: CancelMessageMoveTaskRequest) -> Result<CancelMessageMoveTaskResult, Fault> {
        let TaskHandle { task_id, source_arn } = TaskHandle::read(&input.task_handle)?;
        self.move_on(cx, cx.now).await;
        let moved = self.ledger.write(|ledger| {
            let task = ledger.tasks.get(&task_id).filter(|task| task.source == source_arn);
            let task = task.ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("Task does not exist."))?;
            let (moved, status) = (task.moved, task.status);
            if status != Status::Running {
                // AWS: unverified code and sentence.
                return Err(faults::UNSUPPORTED_OPERATION.says("Only active tasks can be cancelled."));
            }
            ledger.end(&task_id, Status::Cancelled, None);
            Ok(moved)
        })?;
        Ok(CancelMessageMoveTaskResult { approximate_number_of_messages_moved: i64::try_from(moved).ok() })
    }
}

impl Handle<ListMessageMoveTasks> for Sqs {
    fn permissions(&self, _: &Cx, input: &ListMessageMoveTasksRequest) -> Result<Permissions, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        Ok(self.permission_on::<ListMessageMoveTasks>(&source, "SourceArn")?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListMessageMoveTasksRequest) -> Result<ListMessageMoveTasksResult, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let most = input.max_results.unwrap_or(1);
        let most = usize::try_from(most).ok().filter(|_| limits::MOVE_TASKS.contains(&most)).ok_or_else(|| {
            // AWS: unverified sentence.
            faults::invalid(most, "MaxResults", "Must be between 1 and 10, if provided.")
        })?;
        self.move_on(cx, cx.now).await;
        let tasks = self.ledger.read(|ledger| ledger.of_source(&source));
        let results: Vec<_> = tasks.into_iter().take(most).map(|(task, id, _)| shown(task, id)).collect();
        Ok(ListMessageMoveTasksResult { results: (!results.is_empty()).then_some(results) })
    }
}

fn shown(task: Task, id: Arc<str>) -> ListMessageMoveTasksResultEntry {
    let handle = TaskHandle { task_id: id, source_arn: task.source.clone() };
    ListMessageMoveTasksResultEntry {
        // AWS: a handle is good for cancelling, and shown only while that is possible.
        task_handle: (task.status == Status::Running).then(|| handle.text()),
        status: Some(
            match task.status {
                Status::Running => "RUNNING",
                Status::Completed => "COMPLETED",
                Status::Cancelled => "CANCELLED",
                Status::Failed => "FAILED",
            }
            .to_owned(),
        ),
        source_arn: Some(task.source.to_string()),
        destination_arn: task.destination.map(|arn| arn.to_string()),
        max_number_of_messages_per_second: task.rate,
        approximate_number_of_messages_moved: i64::try_from(task.moved).ok(),
        approximate_number_of_messages_to_move: i64::try_from(task.to_move).ok(),
        failure_reason: task.failure,
        started_timestamp: Some(task.started.millis()),
    }
}
