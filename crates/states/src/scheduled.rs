//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{ChildEnded, Forget, PerformTask, RemoveMachine, RunMapRun, StartForTask, StopChild, Wake, WriteLogs};

use cloudlet_api_logs::InputLogEvent;
use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct ExecutionInput {
    pub execution_arn: String,
}

#[derive(Shape, Clone, Default)]
pub struct TaskInput {
    pub execution_arn: String,
    pub task: i64,
}

#[derive(Shape, Clone, Default)]
pub struct ChildInput {
    pub execution_arn: String,
    pub task: i64,
    pub child_arn: String,
}

/// StartSyncExecution of a Task, which waits for the end as for that of a job.
#[derive(Shape, Clone, Default)]
pub struct StartForTaskInput {
    pub state_machine_arn: String,
    pub name: Option<String>,
    pub input: Option<String>,
    pub trace_header: Option<String>,
    pub execution_arn: String,
    pub task: i64,
}

#[derive(Shape, Clone, Default)]
pub struct StartForTaskOutput {
    pub child_arn: String,
}

#[derive(Shape, Clone, Default)]
pub struct MapRunInput {
    pub map_run_arn: String,
}

#[derive(Shape, Clone, Default)]
pub struct MachineInput {
    pub name: String,
}

#[derive(Shape, Clone, Default)]
pub struct ForgetInput {}

/// Entries of a log, and where they go.
#[derive(Shape, Clone, Default)]
pub struct LogsInput {
    pub role_arn: String,
    pub machine_arn: String,
    pub log_group: String,
    pub log_stream: String,
    pub events: Vec<InputLogEvent>,
}

mod own {
    use crate::scheduled::{
        ChildInput, ExecutionInput, ForgetInput, LogsInput, MachineInput, MapRunInput, StartForTaskInput, StartForTaskOutput, TaskInput,
    };
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_states::SERVICE;
        Wake(ExecutionInput) -> Empty {}
        PerformTask(TaskInput) -> Empty {}
        ChildEnded(ChildInput) -> Empty {}
        StartForTask(StartForTaskInput) -> StartForTaskOutput {}
        StopChild(ExecutionInput) -> Empty {}
        RunMapRun(MapRunInput) -> Empty {}
        RemoveMachine(MachineInput) -> Empty {}
        Forget(ForgetInput) -> Empty {}
        WriteLogs(LogsInput) -> Empty {}
    }
}
