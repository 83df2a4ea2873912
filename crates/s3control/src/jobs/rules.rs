//! What is refused of a job.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html>

use super::csv::Columns;
use crate::{api, state::Status};
use cloudlet_aws::{Arn, Fault, FaultKind};

/// The principal that works on jobs, and that the trust policy of a role names.
pub const PRINCIPAL: &str = "batchoperations.s3.amazonaws.com";
const MOST_TAGS: usize = 50;

pub fn refused(text: impl Into<String>) -> Fault {
    FaultKind::sender("InvalidRequest", 400).says(text)
}

pub fn wrong_status(what: &str, status: Status) -> Fault {
    api::faults::JOB_STATUS.says(format!("The {what} of a job in the status {} cannot be changed.", status.name()))
}

pub fn check_priority(priority: i32) -> Result<(), Fault> {
    if priority >= 0 { Ok(()) } else { Err(refused("Priority must be between 0 and 2147483647.")) }
}

/// As ListJobs and condition keys name it.
pub fn operation_name(operation: &api::JobOperation) -> &'static str {
    let named = [
        (operation.lambda_invoke.is_some(), "LambdaInvoke"),
        (operation.s3_put_object_copy.is_some(), "S3PutObjectCopy"),
        (operation.s3_put_object_acl.is_some(), "S3PutObjectAcl"),
        (operation.s3_put_object_tagging.is_some(), "S3PutObjectTagging"),
        (operation.s3_delete_object_tagging.is_some(), "S3DeleteObjectTagging"),
        (operation.s3_initiate_restore_object.is_some(), "S3InitiateRestoreObject"),
        (operation.s3_put_object_legal_hold.is_some(), "S3PutObjectLegalHold"),
        (operation.s3_put_object_retention.is_some(), "S3PutObjectRetention"),
        (operation.s3_replicate_object.is_some(), "S3ReplicateObject"),
        (operation.s3_compute_object_checksum.is_some(), "S3ComputeObjectChecksum"),
        (operation.s3_update_object_encryption.is_some(), "S3UpdateObjectEncryption"),
    ];
    let mut present = named.into_iter().filter(|(present, _)| *present);
    match (present.next(), present.next()) {
        (Some((_, name)), None) => name,
        _ => "",
    }
}

pub fn check(input: &api::CreateJobRequest) -> Result<(), Fault> {
    let operation = operation_name(&input.operation);
    if operation.is_empty() {
        return Err(refused("Exactly one operation must be specified."));
    }
    check_priority(input.priority)?;
    if input.client_request_token.is_empty() || input.client_request_token.len() > 64 {
        return Err(refused("ClientRequestToken must have 1 to 64 characters."));
    }
    if input.description.as_ref().is_some_and(|description| description.is_empty() || description.len() > 256) {
        return Err(refused("Description must have 1 to 256 characters."));
    }
    if !Arn::parse(&input.role_arn).is_some_and(|role| role.service() == "iam" && role.resource().starts_with("role/")) {
        return Err(refused("RoleArn must be the ARN of an IAM role."));
    }
    if input.tags.as_ref().is_some_and(|tags| tags.len() > MOST_TAGS) {
        return Err(api::faults::TOO_MANY_TAGS.says("The number of tags exceeds the limit of 50."));
    }
    check_report(&input.report)?;
    match (&input.manifest, input.manifest_generator.as_ref().and_then(|generator| generator.s3_job_manifest_generator.as_ref())) {
        (Some(manifest), None) => check_manifest(manifest),
        (None, Some(generator)) => {
            bucket_of(&generator.source_bucket)?;
            match &generator.manifest_output_location {
                Some(location) => bucket_of(&location.bucket).map(drop),
                None if generator.enable_manifest_output => Err(refused("ManifestOutputLocation is required if EnableManifestOutput is true.")),
                None => Ok(()),
            }
        }
        _ => Err(refused("Exactly one of Manifest and ManifestGenerator must be specified.")),
    }?;
    if let Some(copy) = &input.operation.s3_put_object_copy {
        bucket_of(copy.target_resource.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn check_report(report: &api::JobReport) -> Result<(), Fault> {
    if !report.enabled {
        return Ok(());
    }
    bucket_of(report.bucket.as_deref().unwrap_or_default())?;
    if report.format.as_deref() != Some("Report_CSV_20180820") {
        return Err(refused("Report format must be Report_CSV_20180820."));
    }
    if !matches!(report.report_scope.as_deref(), Some("AllTasks" | "FailedTasksOnly")) {
        return Err(refused("Report scope must be AllTasks or FailedTasksOnly."));
    }
    Ok(())
}

fn check_manifest(manifest: &api::JobManifest) -> Result<(), Fault> {
    let fields = manifest.spec.fields.as_deref();
    match (manifest.spec.format.as_str(), fields) {
        ("S3BatchOperations_CSV_20180820", Some(fields)) => {
            let known = fields.iter().all(|field| matches!(field.as_str(), "Ignore" | "Bucket" | "Key" | "VersionId"));
            if !known || Columns::of(fields.iter().map(String::as_str)).is_none() {
                return Err(refused("The fields of the manifest must contain Bucket and Key."));
            }
        }
        ("S3InventoryReport_CSV_20161130", None) => {}
        ("S3BatchOperations_CSV_20180820" | "S3InventoryReport_CSV_20161130", _) => {
            return Err(refused("Fields are required for CSV manifests, and only for these."));
        }
        _ => return Err(refused("The format of the manifest is not supported.")),
    }
    if manifest.location.etag.is_empty() {
        return Err(refused("The ETag of the manifest is required."));
    }
    object_of(&manifest.location.object_arn).map(drop)
}

/// The name in the ARN of a bucket.
pub fn bucket_of(arn: &str) -> Result<String, Fault> {
    match Arn::parse(arn) {
        Some(arn) if arn.service() == "s3" && !arn.resource().is_empty() && !arn.resource().contains('/') => Ok(arn.resource().to_owned()),
        _ => Err(refused(format!("'{arn}' is not the ARN of a bucket."))),
    }
}

/// Bucket and key in the ARN of an object.
pub fn object_of(arn: &str) -> Result<(String, String), Fault> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service() == "s3");
    let parts = parsed.as_ref().and_then(|arn| arn.resource().split_once('/')).filter(|(_, key)| !key.is_empty());
    parts.map(|(bucket, key)| (bucket.to_owned(), key.to_owned())).ok_or_else(|| refused(format!("'{arn}' is not the ARN of an object.")))
}
