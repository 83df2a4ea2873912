//! Export tasks: the events of a group and a time, as gzip files in a bucket. One at a time, done by the scheduler.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html>

use crate::{
    Logs,
    blocks::Position,
    delivery::{callers, gzip},
    faults, limits,
    names::{group_arn, own_group},
    pages::page,
    permissions::on_account,
    scan::{Direction, Scan, Source},
    state::{self, ExportStatus, GroupKey, Named, of_scope},
};
use cloudlet_api_logs::*;
use cloudlet_api_s3::{GetBucketAcl, GetBucketAclRequest, PutObject, PutObjectRequest};
use cloudlet_aws::{Arn, Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_shape::{Body, Empty};
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

pub use own::Export;

#[derive(cloudlet_shape::Shape, Clone, Default)]
pub struct ExportInput {
    pub task: String,
}

mod own {
    use super::ExportInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_logs::SERVICE;
        Export(ExportInput) -> Empty {}
    }
}

/// Ours: AWS takes up to twelve hours.
const SECONDS_BEFORE: i64 = 2;
const DEFAULT_PREFIX: &str = "exportedlogs";

fn source(group: &GroupKey) -> Arn {
    Arn::new("logs", &group.0, &format!("log-group:{}:*", group.1))
}

/// Puts an object, under the name of this service that the bucket's policy knows.
async fn put(cx: &Cx, group: &GroupKey, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Fault> {
    let mut outcome = Ok(());
    for caller in callers(group, &source(group)) {
        let input = PutObjectRequest {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            body: Some(Body::whole(bytes.clone())),
            content_length: i64::try_from(bytes.len()).ok(),
            ..PutObjectRequest::default()
        };
        outcome = cx.call::<PutObject>(caller, group.0.clone(), input).await.map(drop);
        if !outcome.as_ref().is_err_and(|fault| fault.name() == "AccessDenied") {
            break;
        }
    }
    outcome
}

/// Whether the bucket is there, and lets this service write.
async fn check_bucket(cx: &Cx, group: &GroupKey, bucket: &str, prefix: &str) -> Result<(), Fault> {
    let failed = |operation: &str| {
        faults::invalid(format!(
            "{operation} call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation."
        ))
    };
    let mut outcome = Ok(());
    for caller in callers(group, &source(group)) {
        let input = GetBucketAclRequest { bucket: bucket.to_owned(), ..GetBucketAclRequest::default() };
        outcome = cx.call::<GetBucketAcl>(caller, group.0.clone(), input).await.map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    match outcome {
        Err(fault) if fault.status() == 501 => return Err(fault),
        Err(fault) if fault.name() == "NoSuchBucket" => {
            return Err(faults::invalid("The given bucket does not exist. Please make sure the bucket is valid."));
        }
        Err(_) => return Err(failed("GetBucketAcl")),
        Ok(()) => {}
    }
    let key = format!("{prefix}/aws-logs-write-test");
    put(cx, group, bucket, &key, b"Permission Check Successful".to_vec()).await.map_err(|_| failed("PutObject"))
}

/// The lines of one stream.
fn lines(sources: Vec<Source>, from: Position, to: Position) -> String {
    let mut text = String::new();
    Scan::new(sources, from, to, Direction::Forward).run(usize::MAX, |event| {
        Timestamp(event.place.time).write(TimestampFormat::DateTime, &mut text);
        text.push(' ');
        text.push_str(event.message);
        text.push('\n');
        ControlFlow::Continue(())
    });
    text
}

impl Logs {
    async fn export(&self, cx: &Cx, id: &str, task: &state::ExportTask) -> Result<(), Fault> {
        let key: GroupKey = (cx.scope.clone(), task.group.clone());
        let group = self.group(&key)?;
        let (from, to) = (Position::new(task.from.max(group.oldest(cx.now)), 0), Position::new(task.to, 0));
        let prefix = task.stream_prefix.as_deref().unwrap_or_default();
        let sources = self.events.read(&key, |events| events.sources(from, to, &|name| name.starts_with(prefix))).unwrap_or_default();
        let mut streams: BTreeMap<Arc<str>, Vec<Source>> = BTreeMap::new();
        for source in sources {
            streams.entry(source.stream.clone()).or_default().push(source);
        }
        for (stream, sources) in streams {
            let text = lines(sources, from, to);
            if !text.is_empty() {
                let name = format!("{}/{id}/{}/000000.gz", task.prefix, stream.replace('/', "-"));
                put(cx, &key, &task.bucket, &name, gzip(text.as_bytes())?).await?;
            }
        }
        Ok(())
    }
}

handler!(Logs, Export, |logs, cx, input| Ok(Permission::none()), |logs, cx, input| {
    let key: Named = (cx.scope.clone(), input.task.as_str().into());
    let task = logs.store.read(|state| state.export_tasks.get(&key).cloned());
    let Some(task) = task.filter(|task| task.status == ExportStatus::Pending) else { return Ok(Empty {}) };
    let outcome = logs.export(cx, &input.task, &task).await;
    logs.store.update(|state| {
        if let Some(row) = state.export_tasks.get_mut(&key).filter(|row| row.status == ExportStatus::Pending) {
            let row = Arc::make_mut(row);
            row.completed = Some(cx.clock().now());
            (row.status, row.message) = match &outcome {
                Ok(()) => (ExportStatus::Completed, "Completed successfully".to_owned()),
                Err(fault) => (ExportStatus::Failed, fault.message().to_owned()),
            };
        }
    });
    Ok(Empty {})
});

handler!(
    Logs,
    CreateExportTask,
    |logs, cx, input| Ok(logs.on_group::<CreateExportTask>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.group(&key)?;
        if input.from >= input.to {
            // AWS: unverified message.
            return Err(faults::invalid("Value of 'fromTime' must be less than value of 'to'."));
        }
        let prefix = input.destination_prefix.filter(|prefix| !prefix.is_empty()).unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        check_bucket(cx, &key, &input.destination, &prefix).await?;
        let id = cx.ids().uuid();
        let task = state::ExportTask {
            created: cx.now,
            name: input.task_name,
            group: key.1.clone(),
            stream_prefix: input.log_stream_name_prefix,
            from: input.from,
            to: input.to,
            bucket: input.destination,
            prefix,
            status: ExportStatus::Pending,
            completed: None,
            message: String::new(),
        };
        logs.store.write(|state| {
            // AWS: one at a time.
            if of_scope(&state.export_tasks, &cx.scope, "", None).any(|(_, task)| task.status == ExportStatus::Pending) {
                return Err(faults::limit_exceeded());
            }
            if of_scope(&state.export_tasks, &cx.scope, "", None).count() >= limits::EXPORT_TASKS {
                let oldest = of_scope(&state.export_tasks, &cx.scope, "", None).min_by_key(|(_, task)| task.created).map(|(id, _)| id.clone());
                if let Some(oldest) = oldest {
                    state.export_tasks.remove(&(cx.scope.clone(), oldest));
                }
            }
            state.export_tasks.insert((cx.scope.clone(), id.as_str().into()), Arc::new(task));
            Ok(())
        })?;
        let input = ExportInput { task: id.clone() };
        cx.schedule::<Export>(cx.now.plus_secs(SECONDS_BEFORE), crate::PRINCIPAL, group_arn(&key), cx.scope.clone(), input)?;
        Ok(CreateExportTaskResponse { task_id: Some(id) })
    }
);

handler!(Logs, CancelExportTask, |logs, cx, input| Ok(on_account::<CancelExportTask>(cx).into()), |logs, cx, input| {
    let key: Named = (cx.scope.clone(), input.task_id.into());
    logs.store.write(|state| {
        // AWS: unverified messages.
        let task = state.export_tasks.get_mut(&key).ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("The specified export task does not exist."))?;
        if task.status != ExportStatus::Pending {
            return Err(faults::INVALID_OPERATION.says("The specified export task is not in a state in which it can be cancelled."));
        }
        let task = Arc::make_mut(task);
        task.status = ExportStatus::Cancelled;
        task.completed = Some(cx.now);
        Ok(Empty {})
    })
});

fn shown(id: &str, task: &state::ExportTask) -> ExportTask {
    ExportTask {
        task_id: Some(id.to_owned()),
        task_name: task.name.clone(),
        log_group_name: Some(task.group.to_string()),
        from: Some(task.from),
        to: Some(task.to),
        destination: Some(task.bucket.clone()),
        destination_prefix: Some(task.prefix.clone()),
        status: Some(ExportTaskStatus {
            code: Some(task.status.as_str().to_owned()),
            message: Some(task.message.clone()).filter(|message| !message.is_empty()),
        }),
        execution_info: Some(ExportTaskExecutionInfo {
            creation_time: Some(task.created.millis()),
            completion_time: task.completed.map(Timestamp::millis),
        }),
    }
}

handler!(Logs, DescribeExportTasks, |logs, cx, input| Ok(on_account::<DescribeExportTasks>(cx).into()), |logs, cx, input| {
    if input.task_id.is_some() && input.status_code.is_some() {
        // AWS: unverified message.
        return Err(faults::invalid("taskId and statusCode are mutually exclusive parameters."));
    }
    let page = logs.store.read(|state| {
        page::<DescribeExportTasks, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.export_tasks, &cx.scope, "", after);
            let rows = rows.filter(|(id, task)| {
                input.task_id.as_ref().is_none_or(|wanted| **wanted == ***id)
                    && input.status_code.as_ref().is_none_or(|code| code == task.status.as_str())
            });
            rows.map(|(id, task)| (id.clone(), shown(id, task)))
        })
    })?;
    Ok(DescribeExportTasksResponse { export_tasks: Some(page.items), next_token: page.next_token })
});
