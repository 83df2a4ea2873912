//! Jobs of S3 Batch Operations: making, showing and steering them.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops.html>

mod csv;
pub mod fuzzing;
mod generated;
mod inflate;
mod lambda;
mod manifest;
mod report;
mod rules;
mod run;
mod scheduled;
mod tags;
mod task;

pub use scheduled::{ExpireJob, RunJobs};

use crate::{
    S3Control, api, check_account,
    state::{Job, Key, State, Status},
};
use cloudlet_api_lambda::Invoke;
use cloudlet_aws::{Arn, Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging, roles};
use rules::PRINCIPAL;
use scheduled::{JobInput, JobsInput};
use std::sync::Arc;

/// Unconfirmed jobs fail after these, finished ones are forgotten.
const CONFIRM_DAYS: i64 = 30;
const FORGET_DAYS: i64 = 90;
const DAY: i64 = 86_400;

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DescribeJob.html>
fn no_such_job() -> Fault {
    FaultKind::sender("NoSuchJob", 404).says("The specified job does not exist.")
}

fn job_arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("s3", scope, &format!("job/{id}"))
}

impl S3Control {
    fn key(cx: &Cx, id: &str) -> Key {
        Key::new(&cx.scope, id)
    }

    fn job(&self, cx: &Cx, account: &str, id: &str) -> Result<Arc<Job>, Fault> {
        check_account(cx, account)?;
        self.store.read(|state| state.jobs.get(&S3Control::key(cx, id)).cloned()).ok_or_else(no_such_job)
    }

    /// The permission for a change of a job, with the condition keys of the job if it exists: who may not change it does not learn whether it does.
    fn of_existing_job<O: cloudlet_shape::Operation>(&self, cx: &Cx, id: &str) -> Permission {
        let permission = of_job::<O>(cx, id);
        match self.store.read(|state| state.jobs.get(&S3Control::key(cx, id)).cloned()) {
            None => permission,
            Some(job) => permission
                .with_key("s3:ExistingJobPriority", job.priority.to_string())
                .with_key("s3:ExistingJobOperation", rules::operation_name(&job.request.operation)),
        }
    }

    /// Changes a job.
    fn update_job<R>(&self, cx: &Cx, id: &str, change: impl FnOnce(&mut Job) -> Result<R, Fault>) -> Result<R, Fault> {
        self.store.write(|state| change_job(state, &S3Control::key(cx, id), change))
    }

    /// Has the jobs of the account and region worked on.
    fn schedule_run(cx: &Cx) {
        let key = format!("jobs/{}/{}", cx.scope.account, cx.scope.region);
        let source = job_arn(&cx.scope, "*");
        let now = cx.clock().now();
        if let Err(fault) = cx.schedule_keyed::<RunJobs>(key, now, PRINCIPAL, source, cx.scope.clone(), JobsInput {}) {
            tracing::error!(%fault, "the jobs of S3 Batch Operations are not scheduled");
        }
    }

    fn schedule_expiry(cx: &Cx, id: &str, days: i64) {
        let due = cx.clock().now().plus_secs(days * DAY);
        let input = JobInput { job_id: id.to_owned() };
        if let Err(fault) = cx.schedule_keyed::<ExpireJob>(format!("expire/{id}"), due, PRINCIPAL, job_arn(&cx.scope, id), cx.scope.clone(), input) {
            tracing::error!(%fault, "the end of a job of S3 Batch Operations is not scheduled");
        }
    }
}

fn change_job<R>(state: &mut State, key: &Key, change: impl FnOnce(&mut Job) -> Result<R, Fault>) -> Result<R, Fault> {
    let mut job = Job::clone(state.jobs.get(key).ok_or_else(no_such_job)?);
    let outcome = change(&mut job)?;
    state.jobs.insert(key.clone(), Arc::new(job));
    Ok(outcome)
}

fn of_job<O: cloudlet_shape::Operation>(cx: &Cx, id: &str) -> Permission {
    Permission::of::<O>(job_arn(&cx.scope, id))
}

impl Handle<api::CreateJob> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::CreateJobRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let mut permissions = Permission::of::<api::CreateJob>(Arn::any())
            .owned_by(cx.scope.account)
            .with_key("s3:RequestJobPriority", input.priority.to_string())
            .with_key("s3:RequestJobOperation", rules::operation_name(&input.operation))
            .with_request_tags(input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())))
            .and([tagged.then_some("s3:PutJobTagging")]);
        if let Some(role) = Arn::parse(&input.role_arn) {
            permissions.push(roles::pass_role(role, PRINCIPAL, None));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: api::CreateJobRequest) -> Result<api::CreateJobResult, Fault> {
        rules::check(&input)?;
        if let Some(function) = &input.operation.lambda_invoke {
            lambda::check(function)?;
            if !cx.is_built::<Invoke>() {
                return Err(FaultKind::receiver("NotImplemented", 501).says("Cloudlet does not implement jobs that invoke Lambda functions yet."));
            }
        }
        let id = cx.ids().uuid();
        let token = (cx.scope.account, cx.scope.region.clone(), input.client_request_token.clone());
        let tags = input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let priority = input.priority;
        let request = StoredShape::new(input);
        let made = self.store.write(|state| {
            if let Some(existing) = state.by_token.get(&token) {
                let key = Key { account: token.0, region: token.1.clone(), id: existing.clone() };
                return match state.jobs.get(&key) {
                    Some(job) if job.request == request => Ok(existing.clone()),
                    // AWS: unverified text.
                    _ => Err(api::faults::IDEMPOTENCY.says("A job with this request token and other parameters exists.")),
                };
            }
            let job = Job {
                request,
                status: Status::New,
                priority,
                created: cx.now,
                tags,
                reason: None,
                suspended: None,
                ended: None,
                active_since: None,
                active_millis: 0,
                failures: vec![],
                total: None,
                succeeded: 0,
                failed: 0,
                position: 0,
                results: vec![],
                generated: None,
            };
            state.jobs.insert(S3Control::key(cx, &id), Arc::new(job));
            state.by_token.insert(token, id.clone());
            Ok(id)
        })?;
        S3Control::schedule_run(cx);
        Ok(api::CreateJobResult { job_id: Some(made) })
    }
}

fn progress(job: &Job, now: cloudlet_aws::Timestamp) -> api::JobProgressSummary {
    let running = job.active_since.map_or(0, |since| now.millis().saturating_sub(since.millis()));
    api::JobProgressSummary {
        total_number_of_tasks: Some(job.total.unwrap_or(0)),
        number_of_tasks_succeeded: Some(job.succeeded),
        number_of_tasks_failed: Some(job.failed),
        timers: Some(api::JobTimers { elapsed_time_in_active_seconds: Some((job.active_millis + running) / 1000) }),
    }
}

impl Handle<api::DescribeJob> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DescribeJobRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(of_job::<api::DescribeJob>(cx, &input.job_id).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DescribeJobRequest) -> Result<api::DescribeJobResult, Fault> {
        let job = self.job(cx, &input.account_id, &input.job_id)?;
        let failures =
            job.failures.iter().map(|(code, reason)| api::JobFailure { failure_code: Some(code.clone()), failure_reason: Some(reason.clone()) });
        let failures: Vec<_> = failures.collect();
        let request = &job.request;
        let descriptor = api::JobDescriptor {
            job_id: Some(input.job_id.clone()),
            confirmation_required: Some(request.confirmation_required.unwrap_or(false)),
            description: request.description.clone(),
            job_arn: Some(job_arn(&cx.scope, &input.job_id).to_string()),
            status: Some(job.status.name().to_owned()),
            manifest: request.manifest.clone(),
            operation: Some(request.operation.clone()),
            priority: Some(job.priority),
            progress_summary: Some(progress(&job, cx.now)),
            status_update_reason: job.reason.clone(),
            failure_reasons: Some(failures),
            report: Some(request.report.clone()),
            creation_time: Some(job.created),
            termination_date: job.ended,
            role_arn: Some(request.role_arn.clone()),
            suspended_date: job.suspended,
            // AWS: unverified text.
            suspended_cause: job.suspended.map(|_| "AWAITING_CONFIRMATION".to_owned()),
            manifest_generator: request.manifest_generator.clone(),
            generated_manifest_descriptor: job.generated.as_ref().map(|generated| api::S3GeneratedManifestDescriptor {
                format: Some("S3InventoryReport_CSV_20211130".to_owned()),
                location: Some(api::JobManifestLocation {
                    object_arn: generated.object_arn.clone(),
                    object_version_id: None,
                    etag: generated.etag.clone(),
                }),
            }),
        };
        Ok(api::DescribeJobResult { job: Some(descriptor) })
    }
}

impl Handle<api::ListJobs> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::ListJobsRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        Ok(Permission::of::<api::ListJobs>(Arn::any()).owned_by(cx.scope.account).into())
    }

    async fn handle(&self, cx: &Cx, input: api::ListJobsRequest) -> Result<api::ListJobsResult, Fault> {
        let statuses = input.job_statuses.clone().unwrap_or_default();
        if statuses.iter().any(|status| !api::targets::JOB_STATUS.values.contains(&status.as_str())) {
            return Err(api::faults::INVALID_REQUEST.says("Invalid job status"));
        }
        let paging = Paging::of::<api::ListJobs>(cx, &input);
        let page = self.store.read(|state| {
            let ours = Key::all_of(&state.jobs, &cx.scope);
            let ours = ours.filter(|(_, job)| statuses.is_empty() || statuses.iter().any(|status| status == job.status.name()));
            // The newest first.
            let mut rows: Vec<_> = ours.map(|(key, job)| ((-job.created.millis(), key.id.clone()), job.clone())).collect();
            rows.sort_by(|one, other| one.0.cmp(&other.0));
            paging.page_of(paging.length(1000, 1000), rows.into_iter().map(|(key, job)| (key.clone(), (key.1, job))))
        });
        let page = page.map_err(|_| api::faults::INVALID_NEXT_TOKEN.says("The next token is invalid."))?;
        let jobs = page.items.into_iter().map(|(id, job)| api::JobListDescriptor {
            job_id: Some(id),
            description: job.request.description.clone(),
            operation: Some(rules::operation_name(&job.request.operation).to_owned()),
            priority: Some(job.priority),
            status: Some(job.status.name().to_owned()),
            creation_time: Some(job.created),
            termination_date: job.ended,
            progress_summary: Some(progress(&job, cx.now)),
        });
        Ok(api::ListJobsResult { jobs: Some(jobs.collect()), next_token: page.next_token })
    }
}

impl Handle<api::UpdateJobPriority> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::UpdateJobPriorityRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = self.of_existing_job::<api::UpdateJobPriority>(cx, &input.job_id);
        Ok(permission.with_key("s3:RequestJobPriority", input.priority.to_string()).into())
    }

    async fn handle(&self, cx: &Cx, input: api::UpdateJobPriorityRequest) -> Result<api::UpdateJobPriorityResult, Fault> {
        rules::check_priority(input.priority)?;
        self.update_job(cx, &input.job_id, |job| {
            if job.status.is_terminal() {
                return Err(rules::wrong_status("priority", job.status));
            }
            job.priority = input.priority;
            Ok(())
        })?;
        Ok(api::UpdateJobPriorityResult { job_id: input.job_id, priority: input.priority })
    }
}

impl Handle<api::UpdateJobStatus> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::UpdateJobStatusRequest) -> Result<Permissions, Fault> {
        check_account(cx, &input.account_id)?;
        let permission = self.of_existing_job::<api::UpdateJobStatus>(cx, &input.job_id);
        let job = self.store.read(|state| state.jobs.get(&S3Control::key(cx, &input.job_id)).cloned());
        Ok(match job.filter(|job| job.status == Status::Suspended) {
            Some(_) => permission.with_key("s3:JobSuspendedCause", "AWAITING_CONFIRMATION").into(),
            None => permission.into(),
        })
    }

    async fn handle(&self, cx: &Cx, input: api::UpdateJobStatusRequest) -> Result<api::UpdateJobStatusResult, Fault> {
        let status = self.update_job(cx, &input.job_id, |job| {
            job.status = match (input.requested_job_status.as_str(), job.status) {
                ("Ready", Status::Suspended) => Status::Ready,
                ("Cancelled", status) if !status.is_terminal() => Status::Cancelling,
                ("Ready" | "Cancelled", status) => return Err(rules::wrong_status("status", status)),
                _ => return Err(api::faults::INVALID_REQUEST.says("The requested job status must be Ready or Cancelled.")),
            };
            job.reason.clone_from(&input.status_update_reason);
            Ok(job.status)
        })?;
        cx.cancel::<ExpireJob>(format!("expire/{}", input.job_id));
        S3Control::schedule_run(cx);
        Ok(api::UpdateJobStatusResult {
            job_id: Some(input.job_id),
            status: Some(status.name().to_owned()),
            status_update_reason: input.status_update_reason,
        })
    }
}
