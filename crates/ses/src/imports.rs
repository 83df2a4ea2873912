//! Jobs that read addresses from a file in S3, as SES itself: into the suppression list, or into a contact list.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html#sending-email-suppression-list-manual-add-bulk>
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html#configuring-list-management-add-contacts>

mod records;

use crate::{
    Ses, addresses, contacts, limits,
    state::{Contact, ImportJob, JobStatus, State, Suppressed},
    suppression::List,
};
use cloudlet_api_s3::{GetObject, GetObjectRequest};
use cloudlet_api_sesv2::ImportDestination;
use cloudlet_aws::{Arn, Caller, Fault};
use cloudlet_engine::{AdminPage, Cx, Origin, Page, Permission, handler};
use cloudlet_shape::{BodyContent, Empty, Shape, operations};
use futures_util::StreamExt as _;
use records::{Line, Lines};
use std::sync::Arc;

pub use own::RunImport;

#[derive(Shape, Clone, Default)]
pub struct RunImportRequest {
    pub job_id: String,
}

mod own {
    use super::{Empty, RunImportRequest, operations};

    operations! { cloudlet_api_sesv2::SERVICE;
        RunImport(RunImportRequest) -> Empty {}
    }
}

/// Lines of one commit.
const BATCH: usize = 1_000;

pub fn arn_of(cx: &Cx, id: &str) -> Arn {
    Arn::new("ses", &cx.scope, &format!("import-job/{id}"))
}

/// The bucket and the key of `s3://bucket/key`.
pub fn location(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("s3://")?.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

/// How many lines of a file can be read.
pub fn importable_lines(text: &str, is_json: bool, are_contacts: bool) -> usize {
    Lines::new(text, is_json, are_contacts).filter(|(_, line)| line.is_ok()).count()
}

/// What is done with each line.
enum Target {
    Suppress,
    Unsuppress,
    PutContact(String),
    DeleteContact(String),
}

impl Target {
    fn of(destination: &ImportDestination) -> Option<Target> {
        match (&destination.suppression_list_destination, &destination.contact_list_destination) {
            (Some(list), None) if list.suppression_list_import_action == "DELETE" => Some(Target::Unsuppress),
            (Some(_), None) => Some(Target::Suppress),
            (None, Some(list)) if list.contact_list_import_action == "DELETE" => Some(Target::DeleteContact(list.contact_list_name.clone())),
            (None, Some(list)) => Some(Target::PutContact(list.contact_list_name.clone())),
            _ => None,
        }
    }

    const fn is_of_contacts(&self) -> bool {
        matches!(self, Target::PutContact(_) | Target::DeleteContact(_))
    }
}

impl Ses {
    async fn file_of(&self, cx: &Cx, id: &str, job: &ImportJob) -> Result<Vec<u8>, String> {
        let (bucket, key) = location(&job.source.s3_url).ok_or("The S3 URL is not valid.")?;
        let input = GetObjectRequest { bucket: bucket.to_owned(), key: key.to_owned(), ..GetObjectRequest::default() };
        // AWS: the policy of the bucket that the guide shows names the account as `aws:Referer`.
        let origin = Origin { referer: Some(cx.scope.account.as_str().into()), secure: true, ..Origin::default() };
        let caller = Caller::service(crate::PRINCIPAL, Some(arn_of(cx, id)));
        // AWS: unverified messages, these and those of the lines.
        let object = cx.call_from::<GetObject>(caller, cx.scope.clone(), origin, input).await.map_err(|fault| fault.message().to_owned())?;
        if object.content_length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > limits::IMPORT_BYTES)) {
            return Err("The file is too large.".to_owned());
        }
        match object.body.unwrap_or_default().take() {
            BodyContent::Whole(bytes) => Ok(bytes.to_vec()),
            BodyContent::Stream(mut stream) => {
                let mut whole = Vec::new();
                while let Some(piece) = stream.next().await {
                    whole.extend_from_slice(&piece.map_err(|_| "The file could not be read.".to_owned())?);
                }
                Ok(whole)
            }
        }
    }

    fn change_job(&self, cx: &Cx, id: &str, change: impl FnOnce(&mut ImportJob)) {
        self.store.update(|state| {
            if let Some(job) = state.import_jobs.get_mut(&(cx.scope.clone(), id.to_owned())) {
                change(Arc::make_mut(job));
            }
        });
    }

    fn end_job(&self, cx: &Cx, id: &str, error: Option<String>) {
        self.change_job(cx, id, |job| {
            job.status = if error.is_none() { JobStatus::Completed } else { JobStatus::Failed };
            (job.error, job.completed) = (error, Some(cx.clock().now()));
        });
    }

    /// Does a job. It may be done again after a restart: what it writes is the same.
    async fn run_import(&self, cx: &Cx, id: &str) {
        let found = self.store.read(|state| state.import_jobs.get(&(cx.scope.clone(), id.to_owned())).cloned());
        let Some(job) = found.filter(|job| matches!(job.status, JobStatus::Created | JobStatus::Processing)) else { return };
        let Some(target) = Target::of(&job.destination) else { return self.end_job(cx, id, Some("The job has no destination.".to_owned())) };
        self.change_job(cx, id, |job| {
            job.status = JobStatus::Processing;
            (job.processed, job.failed) = (0, 0);
            job.failures.clear();
        });
        let file = match self.file_of(cx, id, &job).await {
            Ok(file) => file,
            Err(why) => return self.end_job(cx, id, Some(why)),
        };
        let text = String::from_utf8_lossy(&file);
        let mut lines = Lines::new(&text, job.source.data_format == "JSON", target.is_of_contacts());
        let most = if target.is_of_contacts() { limits::IMPORTED_CONTACTS } else { limits::IMPORTED };
        if lines.clone().nth(most).is_some() {
            return self.end_job(cx, id, Some(format!("The file has more than {most} records.")));
        }
        loop {
            let batch: Vec<(&str, Result<Line, String>)> = lines.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            self.store.update(|state| {
                let (mut failures, mut failed) = (Vec::new(), 0);
                let length = i32::try_from(batch.len()).unwrap_or(i32::MAX);
                for (text, line) in batch {
                    if let Err(why) = line.and_then(|line| apply(state, cx, &target, line)) {
                        failed += 1;
                        failures.push(format!("{text}\t{why}"));
                    }
                }
                if let Some(job) = state.import_jobs.get_mut(&(cx.scope.clone(), id.to_owned())) {
                    let job = Arc::make_mut(job);
                    job.processed += length;
                    job.failed += failed;
                    let room = limits::IMPORT_FAILURES.saturating_sub(job.failures.len());
                    job.failures.extend(failures.into_iter().take(room));
                }
            });
        }
        self.end_job(cx, id, None);
    }
}

fn apply(state: &mut State, cx: &Cx, target: &Target, line: Line) -> Result<(), String> {
    addresses::check(&line.address).map_err(str::to_owned)?;
    match target {
        Target::Suppress => {
            let reason =
                line.reason.filter(|reason| reason == "BOUNCE" || reason == "COMPLAINT").ok_or("The reason is neither BOUNCE nor COMPLAINT.")?;
            let row = Suppressed { reason, at: cx.now, message_id: None, feedback_id: None };
            state.suppress(&cx.scope, &List::Account, &line.address, row).map_err(|refusal| refusal.message())
        }
        Target::Unsuppress => {
            state.unsuppress(&cx.scope, &List::Account, &line.address);
            Ok(())
        }
        Target::PutContact(name) => {
            let list = state.contact_lists.get(&(cx.scope.clone(), name.clone())).cloned().ok_or("The contact list does not exist.")?;
            if let Some((topic, _)) = line.topics.iter().find(|(topic, _)| !list.topics.iter().any(|known| known.name == **topic)) {
                return Err(format!("The list doesn't contain topic {topic}."));
            }
            let key = contacts::key(&cx.scope, &line.address);
            if !state.contacts.contains(&key) && state.contacts.len() >= limits::CONTACTS {
                return Err("The contact list is full.".to_owned());
            }
            let created = state.contacts.get(&key).map_or(cx.now, |known| known.created);
            let contact = Contact {
                topics: line.topics,
                unsubscribed: line.unsubscribed,
                attributes: line.attributes,
                created,
                ..contacts::new_contact(cx, &line.address)
            };
            state.contacts.insert(key, Arc::new(contact));
            Ok(())
        }
        Target::DeleteContact(name) => {
            if !state.contact_lists.contains(&(cx.scope.clone(), name.clone())) {
                return Err("The contact list does not exist.".to_owned());
            }
            state.contacts.remove(&contacts::key(&cx.scope, &line.address));
            Ok(())
        }
    }
}

handler!(Ses, RunImport, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    ses.run_import(cx, &input.job_id).await;
    Ok::<_, Fault>(Empty {})
});

/// The lines of a job that were not imported, each with its reason.
impl AdminPage for Ses {
    fn page(&self, rest: &str) -> Option<Page> {
        let job = self.store.read(|state| state.import_jobs.iter().find(|((_, id), _)| id == rest).map(|(_, job)| job.clone()))?;
        Some(Page { content_type: "text/plain; charset=utf-8", text: job.failures.iter().map(|line| format!("{line}\n")).collect() })
    }
}
