//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks. The moving itself is in `moving`.

use crate::{
    Sqs, faults, limits,
    state::{MoveTask, MoveTaskStatus, Queue, QueueProperties, TaskId},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_api_sqs::{
    CancelMessageMoveTask, CancelMessageMoveTaskRequest, CancelMessageMoveTaskResult, DeleteMessage, GetQueueAttributes, ListMessageMoveTasks,
    ListMessageMoveTasksRequest, ListMessageMoveTasksResult, ListMessageMoveTasksResultEntry, ReceiveMessage, SendMessage, StartMessageMoveTask,
    StartMessageMoveTaskRequest, StartMessageMoveTaskResult,
};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// The content of a task handle. AWS: a handle is this as JSON in base64.
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

    fn parse(text: &str) -> Result<TaskHandle, Fault> {
        let bytes = BASE64_STANDARD.decode(text).ok();
        let handle = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        handle.ok_or_else(|| faults::INVALID_PARAMETER_VALUE.says("Value for parameter TaskHandle is invalid."))
    }
}

fn resource_not_found(parameter: &str) -> Fault {
    faults::RESOURCE_NOT_FOUND.says(format!("The resource that you specified for the {parameter} parameter doesn't exist."))
}

fn queue_arn(text: &str, parameter: &str) -> Result<Arn, Fault> {
    if text.is_empty() {
        return Err(faults::missing(parameter));
    }
    let arn = Arn::parse(text).filter(|arn| arn.service() == "sqs" && arn.scope().is_some());
    arn.ok_or_else(|| {
        faults::INVALID_PARAMETER_VALUE
            .says(format!("You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"))
    })
}

impl Sqs {
    /// A permission that starting a task requires on a queue.
    ///
    /// The queue's policy counts for callers of its own account.
    fn permission_on<O: cloudlet_shape::Operation>(&self, cx: &Cx, arn: &Arn, parameter: &str) -> Result<Permission, Fault> {
        let is_own = cx.caller.account.is_some() && cx.caller.account == Account::parse(arn.account());
        let permission = |properties: &QueueProperties| {
            let policy = properties.settings.policy.as_ref().filter(|_| is_own).map(|policy| policy.named(&properties.arn));
            properties.permission::<O>().with_policy(policy)
        };
        self.queue_by_arn(arn)
            .and_then(|queue| queue.read(|queue| queue.properties().map(permission)))
            .ok()
            .flatten()
            .ok_or_else(|| resource_not_found(parameter))
    }
}

impl Sqs {
    /// Where a task without a destination moves messages to: the queues that the messages came from, and those that have this
    /// dead-letter queue now, whose messages may come while the task runs.
    fn default_destinations(&self, source: &Arn) -> Result<Vec<Arn>, Fault> {
        let queue = self.queue_by_arn(source).map_err(|_| resource_not_found("SourceArn"))?;
        let mut destinations: BTreeSet<Arn> = queue.read(|queue| queue.dead_letter_sources.keys().cloned().collect())?;
        destinations.extend(self.sources_of(source, None));
        Ok(destinations.into_iter().collect())
    }
}

impl Handle<StartMessageMoveTask> for Sqs {
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
    fn permissions(&self, cx: &Cx, input: &StartMessageMoveTaskRequest) -> Result<Permissions, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let mut permissions: Permissions = self.permission_on::<StartMessageMoveTask>(cx, &source, "SourceArn")?.into();
        permissions.push(self.permission_on::<ReceiveMessage>(cx, &source, "SourceArn")?);
        permissions.push(self.permission_on::<DeleteMessage>(cx, &source, "SourceArn")?);
        permissions.push(self.permission_on::<GetQueueAttributes>(cx, &source, "SourceArn")?);
        match &input.destination_arn {
            Some(destination) => {
                permissions.push(self.permission_on::<SendMessage>(cx, &queue_arn(destination, "DestinationArn")?, "DestinationArn")?)
            }
            None => {
                let destinations = self.default_destinations(&source)?;
                permissions.extend(destinations.iter().filter_map(|arn| self.permission_on::<SendMessage>(cx, arn, "DestinationArn").ok()));
            }
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: StartMessageMoveTaskRequest) -> Result<StartMessageMoveTaskResult, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let queue = self.queue_by_arn(&source).map_err(|_| resource_not_found("SourceArn"))?;
        if self.sources_of(&source, None).next().is_none() {
            return Err(faults::INVALID_PARAMETER_VALUE.says("Source queue must be configured as a Dead Letter Queue."));
        }
        let destination = input.destination_arn.as_deref().map(|arn| queue_arn(arn, "DestinationArn")).transpose()?;
        let (kind, count) = queue.read(|queue| (queue.is_fifo(), queue.counts(cx.now)))?;
        if let Some(destination) = &destination {
            let target = self.queue_by_arn(destination).map_err(|_| resource_not_found("DestinationArn"))?;
            if target.read(Queue::is_fifo)? != kind {
                // AWS: unverified message.
                return Err(faults::INVALID_PARAMETER_VALUE.says("Source and destination queue must be of the same type."));
            }
        }
        if let Some(rate) = input.max_number_of_messages_per_second.filter(|rate| !limits::MOVE_RATE.contains(rate)) {
            // AWS: unverified message.
            return Err(faults::invalid(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided."));
        }
        let allowed_destinations = if destination.is_none() { self.default_destinations(&source)? } else { vec![] };
        self.advance_move_tasks(cx, cx.now).await;
        let id: TaskId = cx.ids().uuid().into();
        let task = MoveTask {
            source: source.clone(),
            destination,
            allowed_destinations,
            max_per_second: input.max_number_of_messages_per_second,
            started: cx.now,
            to_move: u64::try_from(count.visible).unwrap_or_default(),
            moved: 0,
            status: MoveTaskStatus::Running,
            failure_reason: None,
        };
        self.move_tasks.write(|tasks| {
            if tasks.of_source(&source).iter().any(|(task, ..)| task.status == MoveTaskStatus::Running) {
                return Err(faults::INVALID_PARAMETER_VALUE
                    .says("There is already a task running. Only one active task is allowed for a source queue arn at a given time."));
            }
            tasks.start(id.clone(), task);
            Ok(())
        })?;
        self.advance_move_tasks(cx, cx.now).await;
        // Waiting receives did not know that messages will be moved.
        self.wake_targets(&source, input.destination_arn.as_deref());
        Ok(StartMessageMoveTaskResult { task_handle: Some(TaskHandle { task_id: id, source_arn: source }.text()) })
    }
}

impl Sqs {
    fn wake_targets(&self, source: &Arn, destination: Option<&str>) {
        let targets: Vec<Arn> = match destination.and_then(Arn::parse) {
            Some(target) => vec![target],
            None => self.sources_of(source, None).collect(),
        };
        for target in targets {
            self.queues.read(&target, |queue| queue.waiters.wake_all());
        }
    }
}

impl Handle<CancelMessageMoveTask> for Sqs {
    fn permissions(&self, cx: &Cx, input: &CancelMessageMoveTaskRequest) -> Result<Permissions, Fault> {
        if input.task_handle.is_empty() {
            return Err(faults::missing("TaskHandle"));
        }
        let handle = TaskHandle::parse(&input.task_handle)?;
        Ok(self.permission_on::<CancelMessageMoveTask>(cx, &handle.source_arn, "SourceArn")?.into())
    }

    async fn handle(&self, cx: &Cx, input: CancelMessageMoveTaskRequest) -> Result<CancelMessageMoveTaskResult, Fault> {
        let TaskHandle { task_id, source_arn } = TaskHandle::parse(&input.task_handle)?;
        self.advance_move_tasks(cx, cx.now).await;
        let moved = self.move_tasks.write(|tasks| {
            let task = tasks.tasks.get(&task_id).filter(|task| task.source == source_arn);
            let task = task.ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("Task does not exist."))?;
            let (moved, status) = (task.moved, task.status);
            if status != MoveTaskStatus::Running {
                // AWS: unverified code and message.
                return Err(faults::UNSUPPORTED_OPERATION.says("Only active tasks can be cancelled."));
            }
            tasks.end(&task_id, MoveTaskStatus::Cancelled, None);
            Ok(moved)
        })?;
        Ok(CancelMessageMoveTaskResult { approximate_number_of_messages_moved: i64::try_from(moved).ok() })
    }
}

impl Handle<ListMessageMoveTasks> for Sqs {
    fn permissions(&self, cx: &Cx, input: &ListMessageMoveTasksRequest) -> Result<Permissions, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        Ok(self.permission_on::<ListMessageMoveTasks>(cx, &source, "SourceArn")?.into())
    }

    async fn handle(&self, cx: &Cx, input: ListMessageMoveTasksRequest) -> Result<ListMessageMoveTasksResult, Fault> {
        let source = queue_arn(&input.source_arn, "SourceArn")?;
        let most = input.max_results.unwrap_or(1);
        let most = usize::try_from(most).ok().filter(|_| limits::MOVE_TASKS.contains(&most)).ok_or_else(|| {
            // AWS: unverified message.
            faults::invalid(most, "MaxResults", "Must be between 1 and 10, if provided.")
        })?;
        self.advance_move_tasks(cx, cx.now).await;
        let tasks = self.move_tasks.read(|tasks| tasks.of_source(&source));
        let results: Vec<_> = tasks.into_iter().take(most).map(|(task, id, _)| result_entry(task, id)).collect();
        Ok(ListMessageMoveTasksResult { results: (!results.is_empty()).then_some(results) })
    }
}

fn result_entry(task: MoveTask, id: Arc<str>) -> ListMessageMoveTasksResultEntry {
    let handle = TaskHandle { task_id: id, source_arn: task.source.clone() };
    ListMessageMoveTasksResultEntry {
        // AWS: the handle is listed only while the task can be cancelled.
        task_handle: (task.status == MoveTaskStatus::Running).then(|| handle.text()),
        status: Some(
            match task.status {
                MoveTaskStatus::Running => "RUNNING",
                MoveTaskStatus::Completed => "COMPLETED",
                MoveTaskStatus::Cancelled => "CANCELLED",
                MoveTaskStatus::Failed => "FAILED",
            }
            .to_owned(),
        ),
        source_arn: Some(task.source.to_string()),
        destination_arn: task.destination.map(|arn| arn.to_string()),
        max_number_of_messages_per_second: task.max_per_second,
        approximate_number_of_messages_moved: i64::try_from(task.moved).ok(),
        approximate_number_of_messages_to_move: i64::try_from(task.to_move).ok(),
        failure_reason: task.failure_reason,
        started_timestamp: Some(task.started.millis()),
    }
}
