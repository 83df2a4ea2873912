//! What the scheduler has done.

use crate::{
    States,
    arns::on_machine,
    drive::key_of,
    faults, limits,
    scheduled::*,
    state::{NamedKey, Status, Type},
};
use cloudlet_api_states::{StartExecutionInput, StartSyncExecution};
use cloudlet_asl::machine::Event;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// So many executions are removed at once.
const FORGOTTEN_AT_ONCE: usize = 10_000;

fn task_number(task: i64) -> u64 {
    u64::try_from(task).unwrap_or(0)
}

handler!(States, Wake, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    states.wake(cx, &input.execution_arn.as_str().into()).await?;
    Ok(Empty {})
});

handler!(States, PerformTask, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    states.perform(cx, &input.execution_arn.as_str().into(), task_number(input.task)).await?;
    Ok(Empty {})
});

handler!(States, ChildEnded, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    states.child_ended(cx, &input.execution_arn.as_str().into(), task_number(input.task), &input.child_arn).await?;
    Ok(Empty {})
});

handler!(States, StartForTask, |states, cx, input| Ok(on_machine::<StartSyncExecution>(&input.state_machine_arn)?.into()), |states, cx, input| {
    let start =
        StartExecutionInput { state_machine_arn: input.state_machine_arn, name: input.name, input: input.input, trace_header: input.trace_header };
    let machine = states.store.read(|state| state.resolve(&start.state_machine_arn, 0))?.machine;
    if machine.r#type != Type::Express {
        return Err(faults::wrong_type());
    }
    let parent = (input.execution_arn.as_str().into(), task_number(input.task));
    let started = states.start_execution(cx, start, Some(parent)).await?;
    Ok(StartForTaskOutput { child_arn: started.execution_arn })
});

handler!(States, StopChild, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    states.advance(cx, &input.execution_arn.as_str().into(), Event::Stopped { error: None, cause: None }).await?;
    Ok(Empty {})
});

handler!(States, RunMapRun, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    states.run_map(cx, &input.map_run_arn.as_str().into()).await?;
    Ok(Empty {})
});

handler!(States, RemoveMachine, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    let key = NamedKey::new(&cx.scope, &input.name);
    let running = states.store.read(|state| state.running(&key));
    for arn in running {
        states.advance(cx, &arn, Event::Stopped { error: None, cause: None }).await?;
    }
    states.store.update(|state| {
        if state.machines.get(&key).is_some_and(|machine| machine.deleting) {
            States::remove_machine(state, &key);
        }
    });
    Ok(Empty {})
});

handler!(States, Forget, |states, cx, input| Ok(Permission::none()), |states, cx, input| {
    let before = cx.now.plus_secs(-limits::RETENTION_DAYS * 86_400).millis();
    states.store.update(|state| {
        let old: Vec<Arc<str>> = state
            .by_end
            .range((i64::MIN, Arc::from(""))..(before.saturating_add(1), Arc::from("")))
            .take(FORGOTTEN_AT_ONCE)
            .map(|((_, arn), ())| arn.clone())
            .collect();
        for arn in old
            .iter()
            .filter(|arn| state.executions.get(*arn).is_none_or(|execution| execution.status != Status::Running))
            .cloned()
            .collect::<Vec<_>>()
        {
            state.remove_execution(&arn);
        }
    });
    states.schedule_forget(cx)?;
    Ok(Empty {})
});

impl States {
    pub fn schedule_removal(&self, cx: &Cx, key: &NamedKey) -> Result<(), Fault> {
        let arn = key.machine_arn();
        let input = MachineInput { name: key.name.to_string() };
        self.schedule::<RemoveMachine>(cx, format!("remove/{arn}"), cx.clock().now(), key_of(arn.as_str()).as_str(), input)
    }
}
