//! Jobs, with a bucket, a role and a function of the test. What S3 itself makes of a task is tested with real clients.

use crate::{S3Control, api::*};
use bytes::Bytes;
use cloudlet_api_lambda::{self as lambda, InvocationRequest, InvocationResponse, Invoke};
use cloudlet_api_s3 as s3;
use cloudlet_api_sts::{self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_s3_access::AccessSettings;
use cloudlet_shape::{Body, BodyContent, Mixed};
use cloudlet_testing::{Builder, TestCloud};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const ACCOUNT: &str = "000000000000";
const ROLE: &str = "arn:aws:iam::000000000000:role/jobs";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// Gives a session of any role.
struct Roles;

impl Handle<AssumeRole> for Roles {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, _: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        let arn = "arn:aws:sts::000000000000:assumed-role/jobs/s3-batch".to_owned();
        Ok(AssumeRoleResponse {
            assumed_role_user: Some(AssumedRoleUser { arn, assumed_role_id: "AROA:s3-batch".into() }),
            credentials: Some(Credentials { access_key_id: "ASIA".into(), ..Default::default() }),
            ..Default::default()
        })
    }
}

/// One bucket, the parts of an upload into it, and the keys whose tags were deleted.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    parts: Mutex<BTreeMap<i32, Bytes>>,
    changed: Mutex<Vec<String>>,
}

fn bytes_of(body: Option<Body>) -> Bytes {
    match body.unwrap_or_default().take() {
        BodyContent::Whole(bytes) => bytes,
        BodyContent::Stream(_) => Bytes::new(),
    }
}

impl Bucket {
    fn object(&self, key: &str) -> Result<Bytes, Fault> {
        let missing = || FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist.");
        self.objects.lock().get(key).cloned().ok_or_else(missing)
    }

    /// The text of all objects whose keys end so.
    fn texts(&self, end: &str) -> String {
        let objects = self.objects.lock();
        objects.iter().filter(|(key, _)| key.ends_with(end)).map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

impl Handle<s3::HeadObject> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::HeadObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::HeadObjectRequest) -> Result<s3::HeadObjectOutput, Fault> {
        let size = i64::try_from(self.object(&input.key)?.len()).ok();
        Ok(s3::HeadObjectOutput { content_length: size, etag: Some("\"etag\"".into()), ..Default::default() })
    }
}

impl Handle<s3::GetObject> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::GetObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::GetObjectRequest) -> Result<s3::GetObjectOutput, Fault> {
        let whole = self.object(&input.key)?;
        let range = input.range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let body = match range {
            Some((first, last)) => whole.slice(first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()),
            None => whole,
        };
        Ok(s3::GetObjectOutput { body: Some(Body::whole(body)), ..Default::default() })
    }
}

impl Handle<s3::PutObject> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::PutObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::PutObjectRequest) -> Result<s3::PutObjectOutput, Fault> {
        self.objects.lock().insert(input.key, bytes_of(input.body));
        Ok(s3::PutObjectOutput::default())
    }
}

impl Handle<s3::CreateMultipartUpload> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::CreateMultipartUploadRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, _: s3::CreateMultipartUploadRequest) -> Result<s3::CreateMultipartUploadOutput, Fault> {
        Ok(s3::CreateMultipartUploadOutput { upload_id: Some("upload".into()), ..Default::default() })
    }
}

impl Handle<s3::UploadPart> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::UploadPartRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::UploadPartRequest) -> Result<s3::UploadPartOutput, Fault> {
        self.parts.lock().insert(input.part_number, bytes_of(input.body));
        Ok(s3::UploadPartOutput { etag: Some(format!("part-{}", input.part_number)), ..Default::default() })
    }
}

impl Handle<s3::CompleteMultipartUpload> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::CompleteMultipartUploadRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::CompleteMultipartUploadRequest) -> Result<s3::CompleteMultipartUploadOutput, Fault> {
        let parts = self.parts.lock();
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let etags: Vec<_> = named.into_iter().map(|part| part.etag.unwrap_or_default()).collect();
        assert_eq!(etags, parts.keys().map(|number| format!("part-{number}")).collect::<Vec<_>>());
        self.objects.lock().insert(input.key, parts.values().flatten().copied().collect());
        Ok(s3::CompleteMultipartUploadOutput { etag: Some("\"etag\"".into()), ..Default::default() })
    }
}

impl Handle<s3::ListObjectVersions> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::ListObjectVersionsRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, _: s3::ListObjectVersionsRequest) -> Result<s3::ListObjectVersionsOutput, Fault> {
        let mut versions = Mixed::default();
        for (place, key) in (0..).zip(self.objects.lock().keys()) {
            versions.push(place, s3::ObjectVersion { key: Some(key.clone()), is_latest: Some(true), ..Default::default() });
        }
        Ok(s3::ListObjectVersionsOutput { versions: Some(versions), ..Default::default() })
    }
}

impl Handle<s3::DeleteObjectTagging> for Bucket {
    fn permissions(&self, _: &Cx, _: &s3::DeleteObjectTaggingRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::DeleteObjectTaggingRequest) -> Result<s3::DeleteObjectTaggingOutput, Fault> {
        self.object(&input.key)?;
        self.changed.lock().push(input.key);
        Ok(s3::DeleteObjectTaggingOutput::default())
    }
}

/// A function that remembers what it was asked.
#[derive(Default)]
struct Function(Mutex<Vec<Value>>);

impl Handle<Invoke> for Function {
    fn permissions(&self, _: &Cx, _: &InvocationRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: InvocationRequest) -> Result<InvocationResponse, Fault> {
        assert_eq!((input.function_name.as_str(), input.invocation_type.as_deref()), (FUNCTION, Some("RequestResponse")));
        assert_eq!(&*cx.caller.arn, "arn:aws:sts::000000000000:assumed-role/jobs/s3-batch");
        let event: Value = serde_json::from_slice(&input.payload.unwrap()).unwrap();
        let task = event.pointer("/tasks/0").unwrap().clone();
        let asked = {
            let mut events = self.0.lock();
            events.push(event);
            events.iter().filter(|event| event.pointer("/tasks/0/s3Key") == task.get("s3Key")).count()
        };
        let code = match task.get("s3Key").and_then(Value::as_str).unwrap() {
            "twice" if asked < 2 => "TemporaryFailure",
            "never" => "PermanentFailure",
            "always" => "TemporaryFailure",
            _ => "Succeeded",
        };
        let results = json!([{ "taskId": task.get("taskId"), "resultCode": code, "resultString": format!("{code}, {asked}") }]);
        let payload = json!({ "invocationSchemaVersion": "2.0", "results": results }).to_string();
        Ok(InvocationResponse { payload: Some(payload.into()), ..Default::default() })
    }
}

fn builder(bucket: &Arc<Bucket>) -> Builder<Arc<S3Control>> {
    let bucket = bucket.clone();
    let builder = TestCloud::builder().engine(|parts| {
        let control = S3Control::new(&parts.journal, parts.identity.clone(), AccessSettings::new(&parts.journal));
        (control.clone(), control.service())
    });
    builder.mode(Mode::Off).journaled().service(|_| Service::of(&sts::SERVICE, Arc::new(Roles)).handles::<AssumeRole>().build()).service(move |_| {
        Service::of(&s3::SERVICE, bucket.clone())
            .handles::<s3::HeadObject>()
            .handles::<s3::GetObject>()
            .handles::<s3::PutObject>()
            .handles::<s3::CreateMultipartUpload>()
            .handles::<s3::UploadPart>()
            .handles::<s3::CompleteMultipartUpload>()
            .handles::<s3::ListObjectVersions>()
            .handles::<s3::DeleteObjectTagging>()
            .build()
    })
}

fn with_keys(keys: &[&str]) -> Arc<Bucket> {
    let bucket = Bucket::default();
    let manifest: String = keys.iter().map(|key| format!("b,{key}\n")).collect();
    bucket.objects.lock().insert("manifest.csv".into(), manifest.into());
    for key in keys {
        bucket.objects.lock().insert((*key).to_owned(), Bytes::new());
    }
    Arc::new(bucket)
}

fn job(operation: JobOperation) -> CreateJobRequest {
    CreateJobRequest {
        account_id: ACCOUNT.into(),
        operation,
        manifest: Some(JobManifest {
            spec: JobManifestSpec { format: "S3BatchOperations_CSV_20180820".into(), fields: Some(vec!["Bucket".into(), "Key".into()]) },
            location: JobManifestLocation { object_arn: "arn:aws:s3:::b/manifest.csv".into(), etag: "etag".into(), ..Default::default() },
        }),
        report: JobReport {
            bucket: Some("arn:aws:s3:::b".into()),
            format: Some("Report_CSV_20180820".into()),
            enabled: true,
            report_scope: Some("AllTasks".into()),
            ..Default::default()
        },
        client_request_token: "token".into(),
        priority: 1,
        role_arn: ROLE.into(),
        ..Default::default()
    }
}

fn untag() -> JobOperation {
    JobOperation { s3_delete_object_tagging: Some(S3DeleteObjectTaggingOperation::default()), ..Default::default() }
}

fn ask() -> JobOperation {
    let function = LambdaInvokeOperation {
        function_arn: Some(FUNCTION.into()),
        invocation_schema_version: Some("2.0".into()),
        user_arguments: Some([("a".to_owned(), "b".to_owned())].into()),
    };
    JobOperation { lambda_invoke: Some(function), ..Default::default() }
}

async fn described(cloud: &TestCloud<Arc<S3Control>>, id: &str) -> JobDescriptor {
    let describe = DescribeJobRequest { account_id: ACCOUNT.into(), job_id: id.into() };
    cloud.ok::<DescribeJob>(describe).await.job.unwrap()
}

fn counts(job: &JobDescriptor) -> (Option<&str>, [Option<i64>; 3]) {
    let progress = job.progress_summary.as_ref().unwrap();
    let counts = [progress.total_number_of_tasks, progress.number_of_tasks_succeeded, progress.number_of_tasks_failed];
    (job.status.as_deref(), counts)
}

#[tokio::test]
async fn a_job_asks_the_function_for_every_object() {
    let bucket = with_keys(&["once", "twice", "never", "always"]);
    let function = Arc::new(Function::default());
    let asked = function.clone();
    let cloud = builder(&bucket).service(move |_| Service::of(&lambda::SERVICE, function.clone()).handles::<Invoke>().build()).build();
    let id = cloud.ok::<CreateJob>(job(ask())).await.job_id.unwrap();
    cloud.settle().await;
    assert_eq!(counts(&described(&cloud, &id).await), (Some("Complete"), [Some(4), Some(2), Some(2)]));
    let report = bucket.texts(".csv");
    assert!(report.contains("b,once,,succeeded,200,,\"Succeeded, 1\"\n"), "{report}");
    assert!(report.contains("b,twice,,succeeded,200,,\"Succeeded, 2\"\n"), "{report}");
    assert!(report.contains("b,never,,failed,200,PermanentFailure,\"PermanentFailure, 1\"\n"), "{report}");
    assert!(report.contains("b,always,,failed,200,TemporaryFailure,\"TemporaryFailure, 5\"\n"), "{report}");
    let events = asked.0.lock();
    assert_eq!(events.len(), 1 + 2 + 1 + 5);
    assert_eq!(events.first().unwrap().get("job"), Some(&json!({ "id": id, "userArguments": { "a": "b" } })));
}

#[tokio::test]
async fn a_job_needs_a_function_that_can_be_asked() {
    let cloud = builder(&with_keys(&["a"])).build();
    let refused = cloud.expect_fault::<CreateJob>(job(ask())).await;
    assert_eq!((refused.status(), refused.code()), (501, "NotImplemented"));
}

#[tokio::test]
async fn jobs_go_on_after_a_restart() {
    let bucket = with_keys(&["a", "b", "c"]);
    let cloud = builder(&bucket).build();
    let id = cloud.ok::<CreateJob>(job(untag())).await.job_id.unwrap();
    let waits = CreateJobRequest { confirmation_required: Some(true), client_request_token: "other".into(), ..job(untag()) };
    let waiting = cloud.ok::<CreateJob>(waits).await.job_id.unwrap();
    let restarted = cloud.restart();
    restarted.settle().await;
    assert_eq!(counts(&described(&restarted, &id).await), (Some("Complete"), [Some(3), Some(3), Some(0)]));
    assert_eq!(*bucket.changed.lock(), ["a", "b", "c"]);
    let restarted = restarted.restart();
    assert_eq!(described(&restarted, &waiting).await.status.as_deref(), Some("Suspended"));
    let ready =
        UpdateJobStatusRequest { account_id: ACCOUNT.into(), job_id: waiting.clone(), requested_job_status: "Ready".into(), ..Default::default() };
    restarted.ok::<UpdateJobStatus>(ready).await;
    let restarted = restarted.restart();
    restarted.settle().await;
    assert_eq!(described(&restarted, &waiting).await.status.as_deref(), Some("Complete"));
    assert_eq!(restarted.ok::<CreateJob>(job(untag())).await.job_id, Some(id), "the request token is remembered");
}

#[tokio::test]
async fn an_unconfirmed_job_fails_after_thirty_days_and_is_forgotten_after_ninety_more() {
    let cloud = builder(&with_keys(&["a"])).build();
    let waits = CreateJobRequest { confirmation_required: Some(true), ..job(untag()) };
    let id = cloud.ok::<CreateJob>(waits).await.job_id.unwrap();
    cloud.settle().await;
    cloud.pass(30 * 86_400).await;
    assert_eq!(described(&cloud, &id).await.status.as_deref(), Some("Failed"));
    cloud.pass(90 * 86_400).await;
    assert_eq!(cloud.expect_fault::<DescribeJob>(DescribeJobRequest { account_id: ACCOUNT.into(), job_id: id }).await.code(), "NoSuchJob");
}

#[tokio::test]
async fn a_generated_list_is_saved_in_parts() {
    let bucket = with_keys(&["in/1", "in/2", "in/3", "in/4", "in/5", "in/6", "in/7", "in/8", "in/9", "out"]);
    let cloud = builder(&bucket).build();
    let generator = S3JobManifestGenerator {
        source_bucket: "arn:aws:s3:::b".into(),
        enable_manifest_output: true,
        manifest_output_location: Some(S3ManifestOutputLocation { bucket: "arn:aws:s3:::b".into(), ..Default::default() }),
        filter: Some(JobManifestGeneratorFilter {
            key_name_constraint: Some(KeyNameConstraint { match_any_prefix: Some(vec!["in/".into()]), ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let generator = Some(JobManifestGenerator { s3_job_manifest_generator: Some(generator) });
    let id = cloud.ok::<CreateJob>(CreateJobRequest { manifest: None, manifest_generator: generator, ..job(untag()) }).await.job_id.unwrap();
    cloud.settle().await;
    let job = described(&cloud, &id).await;
    assert_eq!(counts(&job), (Some("Complete"), [Some(9), Some(9), Some(0)]));
    assert!(bucket.parts.lock().len() > 1, "in several parts");
    let list: String = (1..=9).map(|number| format!("\"b\",\"in/{number}\",\"\"\n")).collect();
    assert_eq!(bucket.texts(&format!("job-{id}/manifest.csv")), list);
}
