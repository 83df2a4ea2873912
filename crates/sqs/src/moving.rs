//! The progress of message move tasks: how far a task is follows from the time.
//!
//! No job runs a task. Every call that reads or receives messages while tasks run brings them up to date first.

use crate::{
    Sqs,
    dead_letters::as_new_message,
    ids::MessageId,
    limits,
    receiving::ReceivedMessage,
    state::{Flight, MoveTask, MoveTaskStatus, MoveTasks, Queue, TaskId},
};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_engine::Cx;
use std::collections::BTreeMap;

/// How many messages are moved under one lock.
const MOVES_PER_STEP: usize = 100;
/// For how many seconds a message is invisible while it is moved.
const MOVE_TIMEOUT: i64 = 30;

const NO_SUCH_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";

impl MoveTask {
    /// AWS: without a rate, a task moves as fast as the limit allows.
    fn rate(&self) -> u64 {
        u64::try_from(self.max_per_second.unwrap_or(*limits::MOVE_RATE.end())).unwrap_or(1)
    }

    fn seconds(&self, now: Timestamp) -> i64 {
        (now.millis() - self.started.millis()).max(0) / 1000
    }

    /// How many messages may be moved by now: the rate for each second that has begun.
    fn allowance(&self, now: Timestamp) -> u64 {
        self.rate().saturating_mul(u64::try_from(self.seconds(now)).unwrap_or_default().saturating_add(1))
    }

    fn next_move(&self, now: Timestamp) -> Timestamp {
        self.started.plus_secs(self.seconds(now).saturating_add(1))
    }
}

impl MoveTasks {
    pub fn start(&mut self, id: TaskId, task: MoveTask) {
        let source = task.source.clone();
        self.by_source.insert((source.clone(), task.started, id.clone()), ());
        self.running.insert(id.clone(), ());
        self.tasks.insert(id, task);
        // Older ones are never listed.
        let listed = usize::try_from(*limits::MOVE_TASKS.end()).unwrap_or_default();
        for (_, id, started) in self.of_source(&source).into_iter().skip(listed) {
            self.by_source.remove(&(source.clone(), started, id.clone()));
            self.running.remove(&id);
            self.tasks.remove(&id);
        }
    }

    /// The tasks of a source queue, the latest first.
    pub fn of_source(&self, source: &Arn) -> Vec<(MoveTask, TaskId, Timestamp)> {
        let start = (source.clone(), Timestamp(i64::MIN), TaskId::default());
        let keys = self.by_source.range(start..).map(|((of, started, id), ())| (of, *started, id)).take_while(|(of, ..)| *of == source);
        let mut tasks: Vec<_> = keys.filter_map(|(_, started, id)| Some((self.tasks.get(id)?.clone(), id.clone(), started))).collect();
        tasks.reverse();
        tasks
    }

    pub fn end(&mut self, id: &TaskId, status: MoveTaskStatus, failure_reason: Option<String>) {
        if let Some(task) = self.tasks.get_mut(id)
            && task.status == MoveTaskStatus::Running
        {
            task.status = status;
            task.failure_reason = failure_reason;
        }
        self.running.remove(id);
    }
}

enum StepResult {
    Moved(u64),
    /// Nothing is left to move.
    Done(u64),
    Failed(&'static str),
}

impl Sqs {
    pub(crate) fn has_running_move_tasks(&self) -> bool {
        self.move_tasks.read(|tasks| !tasks.running.is_empty())
    }

    /// Moves what is due, for all tasks.
    pub(crate) async fn advance_move_tasks(&self, cx: &Cx, now: Timestamp) {
        let running: Vec<TaskId> = self.move_tasks.read(|tasks| tasks.running.keys().cloned().collect());
        for id in running {
            loop {
                // Counted before they are moved, so that two calls at once do not move twice as many.
                let claim = self.move_tasks.update(|tasks| {
                    let task = tasks.tasks.get(&id).filter(|task| task.status == MoveTaskStatus::Running)?;
                    let most = u64::try_from(MOVES_PER_STEP).unwrap_or_default();
                    let claim = task.allowance(now).saturating_sub(task.moved).min(most);
                    let task = if claim > 0 { tasks.tasks.get_mut(&id) } else { None }?;
                    task.moved += claim;
                    Some((task.clone(), claim))
                });
                let Some((task, claim)) = claim else { break };
                let step = self.step(cx, &task, claim, now);
                let moved = match step {
                    StepResult::Moved(moved) | StepResult::Done(moved) => moved,
                    StepResult::Failed(_) => 0,
                };
                self.move_tasks.update(|tasks| {
                    if let Some(task) = tasks.tasks.get_mut(&id) {
                        task.moved = task.moved.saturating_sub(claim.saturating_sub(moved));
                    }
                    match step {
                        StepResult::Moved(_) => {}
                        StepResult::Done(_) => tasks.end(&id, MoveTaskStatus::Completed, None),
                        StepResult::Failed(reason) => tasks.end(&id, MoveTaskStatus::Failed, Some(reason.to_owned())),
                    }
                });
                if !matches!(step, StepResult::Moved(_)) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    }

    /// When a task can move the next message.
    pub(crate) fn next_move(&self, now: Timestamp) -> Option<Timestamp> {
        self.move_tasks.read(|tasks| tasks.running.keys().filter_map(|id| tasks.tasks.get(id)).map(|task| task.next_move(now)).min())
    }

    fn step(&self, cx: &Cx, task: &MoveTask, claim: u64, now: Timestamp) -> StepResult {
        let most = usize::try_from(claim).unwrap_or(MOVES_PER_STEP);
        let Ok(source) = self.queue_by_arn(&task.source) else { return StepResult::Failed(NO_SUCH_QUEUE) };
        let Ok(held) = source.write(|queue| Ok(queue.hold_for_move(most, now))) else { return StepResult::Failed(NO_SUCH_QUEUE) };
        let mut failed = None;
        let mut by_target: BTreeMap<Arn, Vec<ReceivedMessage>> = BTreeMap::new();
        let mut returned = vec![];
        for message in held {
            match task.destination.clone().or_else(|| message.message.dead_letter.as_ref().map(|history| history.source_queue.clone())) {
                // AWS: unverified reason. The queue became a source after the task was started and authorized.
                Some(target) if task.destination.is_none() && !task.allowed_destinations.contains(&target) => {
                    failed = Some("AccessDenied");
                    returned.push(message);
                }
                Some(target) => by_target.entry(target).or_default().push(message),
                None => {
                    failed = Some("CouldNotDetermineMessageSource");
                    returned.push(message);
                }
            }
        }
        let mut moved_messages = vec![];
        for (target, messages) in by_target {
            let new_messages: Vec<_> = messages.iter().map(|message| as_new_message(&message.message, MessageId::new(cx.ids()), now)).collect();
            let added = self.queue_by_arn(&target).and_then(|target| {
                target.write(|queue| {
                    for message in new_messages {
                        let number = queue.next_sequence_number(now);
                        queue.insert(number, message, now);
                        queue.waiters.wake_one();
                    }
                    Ok(())
                })
            });
            match added {
                Ok(()) => moved_messages.extend(messages),
                Err(_) => {
                    failed = Some(NO_SUCH_QUEUE);
                    returned.extend(messages);
                }
            }
        }
        let moved = u64::try_from(moved_messages.len()).unwrap_or_default();
        let left = source.write(|queue| {
            for ReceivedMessage { number, .. } in moved_messages {
                queue.remove(number, now);
            }
            for ReceivedMessage { number, flight, .. } in returned {
                if queue.flights.get(&number) == Some(&flight) {
                    queue.set_invisible_until(number, flight, now, now);
                }
            }
            Ok(!queue.ready.is_empty())
        });
        match (failed, left) {
            (Some(reason), _) => StepResult::Failed(reason),
            (None, Ok(true)) if moved > 0 => StepResult::Moved(moved),
            (None, _) => StepResult::Done(moved),
        }
    }
}

impl Queue {
    /// Makes messages invisible to move them: those that could be received, in their order. They do not count as received.
    fn hold_for_move(&mut self, most: usize, now: Timestamp) -> Vec<ReceivedMessage> {
        let fifo = self.is_fifo();
        self.expire(now);
        self.settle(now);
        let mut numbers = vec![];
        while numbers.len() < most {
            let Some((key, group)) = self.next_ready(now) else { break };
            let of_group = match &group {
                Some(group) if fifo => self.ready_of_group(group, most - numbers.len()),
                _ => smallvec::smallvec![key.1],
            };
            self.take_ready(key, group.as_ref());
            numbers.extend(of_group);
        }
        let until = now.plus_secs(MOVE_TIMEOUT);
        let never = Flight { receive_count: 0, first_received: now, last_received: now, invisible_until: until };
        let hold = |number| {
            let message = self.messages.get(&number)?.clone();
            let flight = self.flights.get(&number).map_or(never, |flight| Flight { invisible_until: until, ..*flight });
            self.start_flight(number, flight, now);
            Some(ReceivedMessage { number, message, flight })
        };
        numbers.into_iter().filter_map(hold).collect()
    }
}
