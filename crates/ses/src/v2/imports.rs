//! Jobs that import addresses.

use super::PAGE;
use crate::{
    Ses, access,
    imports::{RunImport, RunImportRequest, arn_of, location},
    limits,
    refusal::Refusal,
    state::{ImportJob, JobStatus, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, StoredShape};
use std::sync::Arc;

impl Ses {
    fn check_destination_of(&self, cx: &Cx, destination: &ImportDestination) -> Result<(), Fault> {
        match (&destination.suppression_list_destination, &destination.contact_list_destination) {
            (Some(_), None) => self.list_to_change(cx, None).map(drop),
            (None, Some(list)) => {
                let found = self.contact_list(&cx.scope, &list.contact_list_name);
                // AWS: the operation has no fault for what is not there.
                found.map(drop).map_err(|refusal| faults::BAD_REQUEST.says(refusal.message()))
            }
            // AWS: unverified message.
            _ => Err(faults::BAD_REQUEST.says("Exactly one of SuppressionListDestination and ContactListDestination must be given.")),
        }
    }
}

operation!(CreateImportJob, |ses, cx, input| Ok(access::any::<CreateImportJob>(cx).into()), |ses, cx, input| {
    ses.check_destination_of(cx, &input.import_destination)?;
    // AWS: unverified message.
    location(&input.import_data_source.s3_url).ok_or_else(|| faults::BAD_REQUEST.says("The S3 URL is not valid."))?;
    let id = cx.ids().uuid();
    let job = ImportJob {
        destination: StoredShape::new(input.import_destination),
        source: StoredShape::new(input.import_data_source),
        status: JobStatus::Created,
        created: cx.now,
        completed: None,
        processed: 0,
        failed: 0,
        error: None,
        failures: vec![],
    };
    ses.store.write(|state| {
        let mut known: Vec<_> = State::rows(&state.import_jobs, &cx.scope, None).map(|(id, job)| (job.created, id.to_owned())).collect();
        known.sort();
        let surplus = (known.len() + 1).saturating_sub(limits::IMPORT_JOBS);
        for (_, id) in known.into_iter().take(surplus) {
            state.import_jobs.remove(&(cx.scope.clone(), id));
        }
        state.import_jobs.insert((cx.scope.clone(), id.clone()), Arc::new(job));
        cx.schedule::<RunImport>(cx.now, crate::PRINCIPAL, arn_of(cx, &id), cx.scope.clone(), RunImportRequest { job_id: id.clone() })
    })?;
    Ok(CreateImportJobResponse { job_id: Some(id) })
});

operation!(
    GetImportJob,
    |ses, cx, input| Ok(access::resource::<GetImportJob>(cx, &format!("import-job/{}", input.job_id)).into()),
    |ses, cx, input| {
        let job = ses.store.read(|state| state.import_jobs.get(&(cx.scope.clone(), input.job_id.clone())).cloned());
        // AWS: unverified message.
        let job = job.ok_or_else(|| Refusal::NotFound(format!("Import job {} does not exist.", input.job_id)))?;
        let failures = (!job.failures.is_empty()).then(|| format!("{}/_cloudlet/ses/import-jobs/{}", cx.endpoint(), input.job_id));
        let failure_info = FailureInfo { failed_records_s3_url: failures, error_message: job.error.clone() };
        Ok(GetImportJobResponse {
            job_id: Some(input.job_id),
            import_destination: Some(job.destination.shape()),
            import_data_source: Some(job.source.shape()),
            failure_info: (failure_info.failed_records_s3_url.is_some() || failure_info.error_message.is_some()).then_some(failure_info),
            job_status: Some(job.status.name().into()),
            created_timestamp: Some(job.created),
            completed_timestamp: job.completed,
            processed_records_count: Some(job.processed),
            failed_records_count: Some(job.failed),
        })
    },
);

operation!(ListImportJobs, |ses, cx, input| Ok(access::any::<ListImportJobs>(cx).into()), |ses, cx, input| {
    let fits = |job: &ImportJob| match input.import_destination_type.as_deref() {
        Some("SUPPRESSION_LIST") => job.destination.suppression_list_destination.is_some(),
        Some(_) => job.destination.contact_list_destination.is_some(),
        None => true,
    };
    let shown = |id: &str, job: &Arc<ImportJob>| {
        fits(job).then_some(())?;
        Some(ImportJobSummary {
            job_id: Some(id.to_owned()),
            import_destination: Some(job.destination.shape()),
            job_status: Some(job.status.name().into()),
            created_timestamp: Some(job.created),
            processed_records_count: Some(job.processed),
            failed_records_count: Some(job.failed),
        })
    };
    let page = ses.list::<ListImportJobs, _, _>(cx, &input, PAGE, |state| &state.import_jobs, shown)?;
    Ok(ListImportJobsResponse { import_jobs: Some(page.items), next_token: page.next_token })
});
