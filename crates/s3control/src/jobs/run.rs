//! The work on jobs: by the scheduler, one job at a time, the one of the highest priority first, a thousand objects at once.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-managing-jobs.html>

use super::{
    CONFIRM_DAYS, FORGET_DAYS, S3Control, change_job,
    generated::GeneratedList,
    job_arn,
    manifest::{Access, Reader},
    report,
    rules::PRINCIPAL,
    scheduled::{ExpireJob, JobInput, JobsInput, RunJobs},
    task::{self, TaskResult},
};
use crate::state::{Job, Key, Status};
use cloudlet_aws::{Arn, Fault, FaultKind, Timestamp};
use cloudlet_engine::{
    Cx, Handle, Permission, Permissions,
    roles::{self, RoleSession},
};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// Objects between two looks at the jobs.
const PIECE: usize = 1000;
/// Of an action in a row of failures, that many are told in detail.
const MOST_MESSAGE: usize = 1024;

/// What is held of the job that was worked on last.
struct Open {
    key: Key,
    session: RoleSession,
    reader: Reader,
    position: u64,
}

impl S3Control {
    /// The job to work on: of the highest priority, of these the oldest.
    fn next_job(&self, cx: &Cx) -> Option<(Key, Arc<Job>)> {
        self.store.read(|state| {
            let ours =
                state.jobs.iter().filter(|(key, job)| key.account == cx.scope.account && key.region == cx.scope.region && job.status.is_runnable());
            // Those that are to be stopped or prepared first.
            let rank =
                |job: &Job| (matches!(job.status, Status::Active | Status::Ready | Status::Paused), -i64::from(job.priority), job.created.millis());
            ours.min_by_key(|(_, job)| rank(job)).map(|(key, job)| (key.clone(), job.clone()))
        })
    }

    async fn run(&self, cx: &Cx) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let mut open: Option<Open> = None;
        while let Some((key, job)) = self.next_job(cx) {
            let step = match job.status {
                Status::New | Status::Preparing => self.prepare(cx, &key, &job).await,
                Status::Cancelling => self.end(cx, &key, Status::Cancelled, None).await,
                _ => self.work(cx, &key, &job, &mut open).await,
            };
            if let Err(fault) = step {
                self.end(cx, &key, Status::Failed, Some(fault)).await?;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Changes a job, unless its request was cancelled meanwhile.
    fn set(&self, key: &Key, change: impl FnOnce(&mut Job)) -> Result<(), Fault> {
        self.store.write(|state| {
            change_job(state, key, |job| {
                change(job);
                Ok(())
            })
        })
    }

    async fn access(cx: &Cx, key: &Key, job: &Job) -> Result<RoleSession, Fault> {
        let role = Arn::parse(&job.request.role_arn).ok_or_else(|| Fault::internal("a role without an ARN"))?;
        roles::assume_role(cx, &role, &format!("s3-batch-{}", key.id), PRINCIPAL, &job_arn(&cx.scope, &key.id)).await
    }

    /// Reads the manifest once, and counts.
    async fn prepare(&self, cx: &Cx, key: &Key, job: &Job) -> Result<(), Fault> {
        self.set(key, |job| job.status = Status::Preparing)?;
        let session = S3Control::access(cx, key, job).await?;
        let access = Access { caller: session.caller, scope: cx.scope.clone() };
        let mut reader = Reader::open(cx, &access, job).await?;
        let mut list = GeneratedList::of(job, &key.id)?;
        let counted = S3Control::count(cx, &access, &mut reader, list.as_mut()).await;
        let (total, generated) = match (counted, list) {
            (Ok(total), Some(list)) => (total, Some(list.finish(cx, &access).await?)),
            (Ok(total), None) => (total, None),
            (Err(fault), Some(list)) => {
                list.abort(cx, &access).await;
                return Err(fault);
            }
            (Err(fault), None) => return Err(fault),
        };
        let waits = job.request.confirmation_required == Some(true);
        self.set(key, |job| {
            job.total = Some(total);
            job.generated = generated;
            if job.status == Status::Preparing {
                job.status = if waits { Status::Suspended } else { Status::Ready };
                job.suspended = waits.then(|| cx.clock().now());
            }
        })?;
        if waits {
            S3Control::schedule_expiry(cx, &key.id, CONFIRM_DAYS);
        }
        Ok(())
    }

    /// Counts the rows of a manifest, and saves them.
    async fn count(cx: &Cx, access: &Access, reader: &mut Reader, mut list: Option<&mut GeneratedList>) -> Result<i64, Fault> {
        let mut total = 0;
        while let Some(row) = reader.next(cx, access).await? {
            total += 1;
            let row = row.map_err(|line| super::manifest::unreadable(format!("Line {total} of the manifest cannot be read: {}", line.0)))?;
            if let Some(list) = &mut list {
                list.push(cx, access, &row).await?;
            }
        }
        if total == 0 { Err(super::manifest::unreadable("The manifest has no objects.")) } else { Ok(total) }
    }

    /// Does the next thousand objects.
    async fn work(&self, cx: &Cx, key: &Key, job: &Job, open: &mut Option<Open>) -> Result<(), Fault> {
        self.activate(key, cx.clock().now())?;
        let usable = open.take().filter(|open| open.key == *key && open.position == job.position && open.session.usable_until > cx.clock().now());
        let mut current = match usable {
            Some(current) => current,
            None => {
                let session = S3Control::access(cx, key, job).await?;
                let access = Access { caller: session.caller.clone(), scope: cx.scope.clone() };
                let mut reader = Reader::open(cx, &access, job).await?;
                reader.skip(cx, &access, job.position).await?;
                Open { key: key.clone(), session, reader, position: job.position }
            }
        };
        let access = Access { caller: current.session.caller.clone(), scope: cx.scope.clone() };
        let mut results: Vec<TaskResult> = Vec::with_capacity(PIECE);
        let mut is_last = false;
        while results.len() < PIECE {
            let Some(row) = current.reader.next(cx, &access).await? else {
                is_last = true;
                break;
            };
            results.push(match row {
                Ok(row) => task::perform(cx, &access, &key.id, &job.request.operation, row).await,
                Err(line) => TaskResult {
                    bucket: String::new(),
                    key: line.0,
                    version_id: None,
                    outcome: Err(FaultKind::sender("InvalidManifestContent", 400).says("The line cannot be read.")),
                },
            });
            if results.len().is_multiple_of(100) {
                tokio::task::yield_now().await;
            }
        }
        let files = report::write_results(cx, &access, job, &key.id, &results).await?;
        let count = |wanted: bool| results.iter().filter(|result| result.outcome.is_ok() == wanted).count();
        let (succeeded, failed) = (count(true), count(false));
        current.position += results.len() as u64;
        self.set(key, |job| {
            job.succeeded += i64::try_from(succeeded).unwrap_or_default();
            job.failed += i64::try_from(failed).unwrap_or_default();
            job.position = current.position;
            job.results.extend(files);
        })?;
        let job = self.store.read(|state| state.jobs.get(key).cloned()).ok_or_else(super::no_such_job)?;
        // AWS: a job fails when a thousand objects were tried and more than half of them failed.
        let tried = job.succeeded + job.failed;
        if tried >= 1000 && job.failed * 2 > tried {
            let text = "The job failed because more than half of its tasks failed.";
            return Err(FaultKind::sender("FailureThresholdExceeded", 400).says(text));
        }
        if is_last || job.total.is_some_and(|total| tried >= total) {
            return if job.status == Status::Cancelling { Ok(()) } else { self.end(cx, key, Status::Complete, None).await };
        }
        *open = Some(current);
        Ok(())
    }

    /// Makes a job the one that is worked on. Others pause.
    fn activate(&self, key: &Key, now: Timestamp) -> Result<(), Fault> {
        self.store.write(|state| {
            let others: Vec<Key> = state
                .jobs
                .iter()
                .filter(|(other, job)| *other != key && other.account == key.account && other.region == key.region && job.status == Status::Active)
                .map(|(other, _)| other.clone())
                .collect();
            for other in others {
                change_job(state, &other, |job| {
                    job.status = Status::Paused;
                    stop_timer(job, now);
                    Ok(())
                })?;
            }
            change_job(state, key, |job| {
                if matches!(job.status, Status::Ready | Status::Paused) {
                    job.status = Status::Active;
                }
                job.active_since = job.active_since.or(Some(now));
                Ok(())
            })
        })
    }

    /// Ends a job, with the manifest of its report once an object was tried.
    async fn end(&self, cx: &Cx, key: &Key, status: Status, fault: Option<Fault>) -> Result<(), Fault> {
        let job = self.store.read(|state| state.jobs.get(key).cloned()).ok_or_else(super::no_such_job)?;
        let mut failure = fault.map(|fault| (fault.code().to_owned(), fault.message().chars().take(MOST_MESSAGE).collect::<String>()));
        let mut status = status;
        if job.succeeded + job.failed > 0 {
            let written = match S3Control::access(cx, key, &job).await {
                Ok(session) => report::write_manifest(cx, &Access { caller: session.caller, scope: cx.scope.clone() }, &job, &key.id).await,
                Err(fault) => Err(fault),
            };
            if let (Err(fault), None) = (written, &failure) {
                status = Status::Failed;
                failure = Some((fault.code().to_owned(), fault.message().to_owned()));
            }
        }
        let now = cx.clock().now();
        self.set(key, |job| {
            job.status = status;
            job.ended = Some(now);
            job.failures.extend(failure);
            stop_timer(job, now);
        })?;
        S3Control::schedule_expiry(cx, &key.id, FORGET_DAYS);
        Ok(())
    }
}

fn stop_timer(job: &mut Job, now: Timestamp) {
    if let Some(since) = job.active_since.take() {
        job.active_millis += now.millis().saturating_sub(since.millis());
    }
}

impl Handle<RunJobs> for S3Control {
    /// None for the service itself; the roles of the jobs decide.
    fn permissions(&self, _: &Cx, _: &JobsInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, _: JobsInput) -> Result<Empty, Fault> {
        self.run(cx).await?;
        Ok(Empty {})
    }
}

impl Handle<ExpireJob> for S3Control {
    fn permissions(&self, _: &Cx, _: &JobInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: JobInput) -> Result<Empty, Fault> {
        let key = S3Control::key(cx, &input.job_id);
        let status = self.store.read(|state| state.jobs.get(&key).map(|job| job.status));
        match status {
            Some(status) if status.is_terminal() => {
                self.store.update(|state| {
                    if let Some(job) = state.jobs.remove(&key) {
                        state.by_token.remove(&(key.account, key.region.clone(), job.request.client_request_token.clone()));
                    }
                });
            }
            Some(Status::Suspended) => {
                let text = "The job was not confirmed within 30 days.";
                self.end(cx, &key, Status::Failed, Some(FaultKind::sender("JobNotConfirmed", 400).says(text))).await?;
            }
            _ => {}
        }
        Ok(Empty {})
    }
}
