//! What the scheduler has done for automations. The operations are in no model: nobody else calls them.

pub use own::{ForgetAutomations, NotifyApprovers, PokeAutomation, RunAutomation, RunTargets, StopTask, WakeAutomation};

use super::state::execution_arn;
use crate::{PRINCIPAL, Ssm};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_shape::{Empty, Operation, Shape};
use std::sync::Arc;

#[derive(Shape, Clone, Default)]
pub struct AutomationInput {
    pub execution_id: String,
}

/// A task that is not waited for any more.
#[derive(Shape, Clone, Default)]
pub struct TaskInput {
    pub execution_id: String,
    pub number: i64,
    pub action: String,
    /// What was noted about it, as JSON.
    pub memo: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct NoticeInput {
    pub execution_id: String,
    pub topic: String,
    pub step: String,
    pub message: Option<String>,
    pub approvers: Vec<String>,
}

#[derive(Shape, Clone, Default)]
pub struct ForgetInput {}

mod own {
    use crate::automation::scheduled::{AutomationInput, ForgetInput, NoticeInput, TaskInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_ssm::SERVICE;
        RunAutomation(AutomationInput) -> Empty {}
        WakeAutomation(AutomationInput) -> Empty {}
        PokeAutomation(AutomationInput) -> Empty {}
        StopTask(TaskInput) -> Empty {}
        NotifyApprovers(NoticeInput) -> Empty {}
        RunTargets(AutomationInput) -> Empty {}
        ForgetAutomations(ForgetInput) -> Empty {}
    }
}

/// Executions that are removed at once.
const FORGOTTEN_AT_ONCE: usize = 10_000;
/// AWS: unverified: how long an execution that is over is shown.
const RETENTION_DAYS: i64 = 30;

impl Ssm {
    pub fn schedule_own<O: Operation>(&self, cx: &Cx, key: String, due: Timestamp, scope: &Scope, id: &str, input: O::Input) -> Result<(), Fault> {
        cx.schedule_keyed::<O>(key, due, PRINCIPAL, execution_arn(scope, id), scope.clone(), input)
    }

    pub fn schedule_run(&self, cx: &Cx, scope: &Scope, id: &str) -> Result<(), Fault> {
        let input = AutomationInput { execution_id: id.to_owned() };
        self.schedule_own::<RunAutomation>(cx, format!("automation/run/{id}"), cx.clock().now(), scope, id, input)
    }

    pub fn schedule_targets(&self, cx: &Cx, scope: &Scope, id: &str) -> Result<(), Fault> {
        let input = AutomationInput { execution_id: id.to_owned() };
        self.schedule_own::<RunTargets>(cx, format!("automation/targets/{id}"), cx.clock().now(), scope, id, input)
    }

    /// Has what is over for long removed.
    pub fn schedule_forget(&self, cx: &Cx) -> Result<(), Fault> {
        let first = self.automations.store.read(|state| state.by_end.first().map(|((end, id), ())| (*end, id.clone())));
        let Some((end, id)) = first else { return Ok(()) };
        let due = Timestamp::from_millis(end).plus_secs(RETENTION_DAYS * 86_400);
        self.schedule_own::<ForgetAutomations>(cx, "automation/forget".to_owned(), due, &cx.scope.clone(), &id, ForgetInput {})
    }
}

handler!(Ssm, RunAutomation, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    ssm.run_automation(cx, &input.execution_id.as_str().into()).await?;
    Ok(Empty {})
});

handler!(Ssm, WakeAutomation, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    let id: Arc<str> = input.execution_id.as_str().into();
    if ssm.wake(cx, &id).await? {
        ssm.run_automation(cx, &id).await?;
    }
    Ok(Empty {})
});

handler!(Ssm, PokeAutomation, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    if ssm.is_change(cx, &input.execution_id) {
        ssm.poke_change(cx, &input.execution_id).await?;
        return Ok(Empty {});
    }
    ssm.poke(cx, &input.execution_id.as_str().into()).await?;
    Ok(Empty {})
});

handler!(Ssm, StopTask, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    ssm.stop_task(cx, input).await;
    Ok(Empty {})
});

handler!(Ssm, NotifyApprovers, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    ssm.notify_approvers(cx, input).await;
    Ok(Empty {})
});

handler!(Ssm, RunTargets, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    ssm.run_targets(cx, &input.execution_id.as_str().into()).await?;
    Ok(Empty {})
});

handler!(Ssm, ForgetAutomations, |ssm, cx, input| Ok(Permission::none()), |ssm, cx, input| {
    let before = cx.now.plus_secs(-RETENTION_DAYS * 86_400).millis();
    let old = ssm.automations.store.update(|state| {
        let until = (before.saturating_add(1), Arc::from(""));
        let old: Vec<Arc<str>> = state.by_end.range(..until).take(FORGOTTEN_AT_ONCE).map(|((_, id), ())| id.clone()).collect();
        let scopes: Vec<_> = old.iter().filter_map(|id| Some((state.executions.get(id)?.scope.clone(), id.to_string()))).collect();
        old.iter().for_each(|id| state.remove(id));
        scopes
    });
    ssm.forget_changes(&old);
    ssm.schedule_forget(cx)?;
    Ok(Empty {})
});
