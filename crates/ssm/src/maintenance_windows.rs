//! Maintenance windows: schedules on which tasks are run, with their targets and executions.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/maintenance-windows.html>
//!
//! `run` decides what is done next, `invoke` calls the services that do it.

mod events;
mod executions;
mod invoke;
mod run;
mod schedule;
mod scheduled;
pub mod state;
mod tagging;
mod targets;
mod tasks;
mod timing;
mod windows;

use crate::Ssm;
use cloudlet_api_ssm as api;
use cloudlet_engine::Builder;

pub fn register(builder: Builder<Ssm>, ssm: &Ssm) -> Builder<Ssm> {
    builder
        .store(ssm.windows.clone())
        .handles::<scheduled::StartWindow>()
        .handles::<scheduled::AdvanceWindow>()
        .handles::<api::CreateMaintenanceWindow>()
        .handles::<api::GetMaintenanceWindow>()
        .handles::<api::UpdateMaintenanceWindow>()
        .handles::<api::DeleteMaintenanceWindow>()
        .handles::<api::DescribeMaintenanceWindows>()
        .handles::<api::DescribeMaintenanceWindowSchedule>()
        .handles::<api::DescribeMaintenanceWindowsForTarget>()
        .handles::<api::RegisterTargetWithMaintenanceWindow>()
        .handles::<api::UpdateMaintenanceWindowTarget>()
        .handles::<api::DeregisterTargetFromMaintenanceWindow>()
        .handles::<api::DescribeMaintenanceWindowTargets>()
        .handles::<api::RegisterTaskWithMaintenanceWindow>()
        .handles::<api::GetMaintenanceWindowTask>()
        .handles::<api::UpdateMaintenanceWindowTask>()
        .handles::<api::DeregisterTaskFromMaintenanceWindow>()
        .handles::<api::DescribeMaintenanceWindowTasks>()
        .handles::<api::DescribeMaintenanceWindowExecutions>()
        .handles::<api::GetMaintenanceWindowExecution>()
        .handles::<api::CancelMaintenanceWindowExecution>()
        .handles::<api::DescribeMaintenanceWindowExecutionTasks>()
        .handles::<api::GetMaintenanceWindowExecutionTask>()
        .handles::<api::DescribeMaintenanceWindowExecutionTaskInvocations>()
        .handles::<api::GetMaintenanceWindowExecutionTaskInvocation>()
}
