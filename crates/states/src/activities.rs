//! Activities, and the workers that poll for their tasks.

use crate::{
    Pollers, States, arns, configurations, faults, limits,
    machines::page_length,
    names,
    state::{Activity, NamedKey, Task, TaskStatus},
    tags,
};
use cloudlet_api_states::*;
use cloudlet_asl::machine::Event;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Permission, handler,
    paging::{InvalidToken, Paging},
};
use std::{pin::pin, sync::Arc};

fn on_activity<O: cloudlet_shape::Operation>(arn: &str) -> Result<Permission, Fault> {
    Ok(Permission::of::<O>(arns::activity(arn)?.activity_arn()))
}

handler!(
    States,
    CreateActivity,
    |states, cx, input| {
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = Permission::of::<CreateActivity>(NamedKey::new(&cx.scope, &input.name).activity_arn());
        Ok(permission.with_request_tags(tags::pairs(input.tags.as_deref())).and([tagged.then_some("states:TagResource")]))
    },
    |states, cx, input| {
        names::check(&input.name)?;
        configurations::check_encryption(input.encryption_configuration.as_ref())?;
        let tags = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let key = NamedKey::new(&cx.scope, &input.name);
        let encryption = configurations::stored(input.encryption_configuration.as_ref());
        states.store.write(|state| {
            let activity_arn = key.activity_arn().to_string();
            if let Some(existing) = state.activities.get(&key) {
                if existing.encryption != encryption {
                    return Err(faults::ACTIVITY_ALREADY_EXISTS.says(format!("Activity Already Exists: '{activity_arn}'")));
                }
                return Ok(CreateActivityOutput { activity_arn, creation_date: existing.created });
            }
            if state.activities.len() >= limits::ACTIVITIES {
                return Err(faults::ACTIVITY_LIMIT_EXCEEDED.says("Activity Limit Exceeded"));
            }
            state.activities.insert(key, Arc::new(Activity { created: cx.now, tags, encryption }));
            Ok(CreateActivityOutput { activity_arn, creation_date: cx.now })
        })
    }
);

handler!(States, DeleteActivity, |states, cx, input| Ok(on_activity::<DeleteActivity>(&input.activity_arn)?.into()), |states, cx, input| {
    let key = arns::activity(&input.activity_arn)?;
    states.store.update(|state| drop(state.activities.remove(&key)));
    Ok(DeleteActivityOutput {})
});

handler!(States, DescribeActivity, |states, cx, input| Ok(on_activity::<DescribeActivity>(&input.activity_arn)?.into()), |states, cx, input| {
    let key = arns::activity(&input.activity_arn)?;
    let activity = states.store.read(|state| state.activities.get(&key).cloned()).ok_or_else(|| faults::no_activity(&input.activity_arn))?;
    Ok(DescribeActivityOutput {
        activity_arn: input.activity_arn,
        name: key.name.to_string(),
        creation_date: activity.created,
        encryption_configuration: Some(configurations::encryption(activity.encryption.as_ref())),
    })
});

handler!(
    States,
    ListActivities,
    |states, cx, input| Ok(Permission::of::<ListActivities>(Arn::any()).owned_by(cx.scope.account).into()),
    |states, cx, input| {
        let list = Paging::of::<ListActivities>(cx, &input);
        let page = states.store.read(|state| {
            let first = NamedKey::new(&cx.scope, "");
            list.page(page_length(input.max_results), |after: Option<String>| {
                let from = after.map_or(first.clone(), |after| NamedKey::new(&cx.scope, &(after + "\0")));
                let here = first.clone();
                let rows = state.activities.range(from..).take_while(move |(key, _)| key.account == here.account && key.region == here.region);
                rows.map(|(key, activity)| {
                    let item = ActivityListItem {
                        activity_arn: key.activity_arn().to_string(),
                        name: key.name.to_string(),
                        creation_date: activity.created,
                    };
                    (key.name.to_string(), item)
                })
            })
        });
        let page = page.map_err(|InvalidToken| faults::invalid_page())?;
        Ok(ListActivitiesOutput { activities: page.items, next_token: page.next_token })
    }
);

/// A worker that waits.
struct Poller<'p> {
    pollers: &'p Pollers,
    activity: Arc<str>,
}

impl<'p> Poller<'p> {
    fn new(pollers: &'p Pollers, activity: &Arc<str>) -> Result<Poller<'p>, Fault> {
        let mut all = pollers.lock();
        let count = all.entry(activity.clone()).or_default();
        if *count >= limits::POLLERS_PER_ACTIVITY {
            return Err(faults::ACTIVITY_WORKER_LIMIT_EXCEEDED.says("Activity Worker Limit Exceeded"));
        }
        *count += 1;
        Ok(Poller { pollers, activity: activity.clone() })
    }
}

impl Drop for Poller<'_> {
    fn drop(&mut self) {
        let mut all = self.pollers.lock();
        if let Some(count) = all.get_mut(&self.activity) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.activity);
            }
        }
    }
}

/// A task that was taken, and that nobody has got yet.
struct Claim<'s> {
    states: &'s States,
    key: Option<(Arc<str>, u64)>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        self.states.store.update(|state| {
            if let Some(row) = state.tasks.get(&key).cloned() {
                state.put_task(key.clone(), Task { status: TaskStatus::New, ..Task::clone(&row) });
            }
        });
        self.states.store.read(|state| state.arrived.clone()).notify_waiters();
    }
}

impl States {
    /// Takes the oldest task of an activity.
    fn take_task(&self, activity: &Arc<str>) -> Option<(Arc<str>, u64, Arc<Task>)> {
        self.store.update(|state| {
            let first = state.queued.range((activity.clone(), i64::MIN, Arc::from(""), 0)..).next();
            let (_, _, execution, task) = first.filter(|((of, ..), ())| of == activity).map(|(key, ())| key.clone())?;
            let key = (execution, task);
            let row = state.tasks.get(&key).cloned()?;
            state.put_task(key.clone(), Task { status: TaskStatus::Waiting, ..Task::clone(&row) });
            Some((key.0, key.1, row))
        })
    }

    async fn poll(&self, cx: &Cx, arn: &str, worker: Option<String>) -> Result<GetActivityTaskOutput, Fault> {
        let key = arns::activity(arn)?;
        let until = cx.clock().now().plus_secs(limits::POLL_SECONDS);
        let activity: Arc<str> = arn.into();
        let arrived = self.store.read(|state| state.arrived.clone());
        let _poller = Poller::new(&self.pollers, &activity)?;
        loop {
            if !self.store.read(|state| state.activities.contains(&key)) {
                return Err(faults::no_activity(arn));
            }
            let mut notified = pin!(arrived.notified());
            // Registered before the look, so that no task in between is missed.
            notified.as_mut().enable();
            if let Some((execution, task, row)) = self.take_task(&activity) {
                // A client that leaves here has not got the task.
                let mut claim = Claim { states: self, key: Some((execution.clone(), task)) };
                self.advance(cx, &execution, Event::Started { task, worker }).await?;
                claim.key = None;
                return Ok(GetActivityTaskOutput { task_token: row.token.clone(), input: Some(row.input.to_string()) });
            }
            if cx.clock().now() >= until {
                return Ok(GetActivityTaskOutput::default());
            }
            tokio::select! {
                () = notified => {}
                () = cx.clock().sleep_until(until) => {}
            }
        }
    }
}

handler!(States, GetActivityTask, |states, cx, input| Ok(on_activity::<GetActivityTask>(&input.activity_arn)?.into()), |states, cx, input| states
    .poll(cx, &input.activity_arn, input.worker_name)
    .await);
