//! A cloud with Lambda, and what it calls: an STS that lets roles be assumed, an S3 with one object; and short helpers for what tests do.

use crate::service;
use bytes::Bytes;
use cloudlet_api_lambda::*;
use cloudlet_api_s3::{GetObject, GetObjectOutput, GetObjectRequest};
use cloudlet_api_sqs::{
    DeleteMessageBatch, DeleteMessageBatchRequest, DeleteMessageBatchResult, GetQueueAttributes, GetQueueAttributesRequest, GetQueueAttributesResult,
    Message, ReceiveMessage, ReceiveMessageRequest, ReceiveMessageResult, SendMessage, SendMessageRequest, SendMessageResult,
};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_cloud::Mode;
use cloudlet_engine::{
    Boxed, Cx, Handle, Interpreter, Language, LocalHttp, LocalRequest, LocalResponse, NoWorkers, Node, NodeOrder, Permission, Permissions, Service,
    Worker, WorkerEnd, WorkerFile, WorkerOrder, Workers,
};
use cloudlet_shape::Body;
use cloudlet_testing::{Builder, TestCloud};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::{Semaphore, watch};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub const ROLE: &str = "arn:aws:iam::000000000000:role/executor";
pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// An archive of files.
pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn code(text: &str) -> FunctionCode {
    FunctionCode { zip_file: Some(zip_of(&[("index.py", text.as_bytes())]).into()), ..FunctionCode::default() }
}

/// A Python function of this name.
pub fn python(name: &str) -> CreateFunctionRequest {
    CreateFunctionRequest {
        function_name: name.into(),
        runtime: Some("python3.12".into()),
        handler: Some("index.handler".into()),
        role: ROLE.into(),
        code: code("one"),
        ..CreateFunctionRequest::default()
    }
}

/// Assumes every role but `nobody`.
struct Sts;

impl Handle<AssumeRole> for Sts {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        if input.role_arn.ends_with("/nobody") {
            return Err(FaultKind::sender("AccessDenied", 403).says("no"));
        }
        let arn = format!("{}/{}", input.role_arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/"), input.role_session_name);
        Ok(AssumeRoleResponse {
            assumed_role_user: Some(AssumedRoleUser { assumed_role_id: "AROA:s".into(), arn }),
            credentials: Some(Credentials { access_key_id: "ASIA".into(), ..Credentials::default() }),
            ..AssumeRoleResponse::default()
        })
    }
}

/// Has the object `code.zip` in the bucket `b`.
struct S3;

impl Handle<GetObject> for S3 {
    fn permissions(&self, _: &Cx, _: &GetObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::action("s3:GetObject", Arn::parse("arn:aws:s3:::b/code.zip").unwrap()).owned_by(cloudlet_aws::Account::default()).into())
    }

    async fn handle(&self, cx: &Cx, input: GetObjectRequest) -> Result<GetObjectOutput, Fault> {
        assert_eq!(cx.origin.via.last().map(AsRef::as_ref), Some("lambda.amazonaws.com"));
        if input.key != "code.zip" {
            return Err(FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist."));
        }
        Ok(GetObjectOutput { body: Some(Body::whole(zip_of(&[("index.py", b"from s3")]))), ..GetObjectOutput::default() })
    }
}

/// Takes what is sent, gives what it is filled with, and says what was deleted.
#[derive(Default)]
pub struct Sqs {
    pub sent: Mutex<Vec<SendMessageRequest>>,
    pub messages: Mutex<Vec<String>>,
    pub deleted: Mutex<Vec<String>>,
}

fn queue() -> Result<Permissions, Fault> {
    Ok(Permission::none())
}

impl Handle<SendMessage> for Sqs {
    fn permissions(&self, _: &Cx, _: &SendMessageRequest) -> Result<Permissions, Fault> {
        queue()
    }

    async fn handle(&self, cx: &Cx, input: SendMessageRequest) -> Result<SendMessageResult, Fault> {
        assert!(cx.caller.arn.contains("assumed-role/executor"), "{}", cx.caller.arn);
        self.sent.lock().push(input);
        Ok(SendMessageResult::default())
    }
}

impl Handle<ReceiveMessage> for Sqs {
    fn permissions(&self, _: &Cx, _: &ReceiveMessageRequest) -> Result<Permissions, Fault> {
        queue()
    }

    async fn handle(&self, _: &Cx, _: ReceiveMessageRequest) -> Result<ReceiveMessageResult, Fault> {
        let mut messages = self.messages.lock();
        let count = messages.len().min(10);
        let message =
            |body: String| Message { message_id: Some(body.clone()), receipt_handle: Some(body.clone()), body: Some(body), ..Message::default() };
        Ok(ReceiveMessageResult { messages: Some(messages.drain(..count).map(message).collect()) })
    }
}

impl Handle<DeleteMessageBatch> for Sqs {
    fn permissions(&self, _: &Cx, _: &DeleteMessageBatchRequest) -> Result<Permissions, Fault> {
        queue()
    }

    async fn handle(&self, _: &Cx, input: DeleteMessageBatchRequest) -> Result<DeleteMessageBatchResult, Fault> {
        self.deleted.lock().extend(input.entries.into_iter().map(|entry| entry.receipt_handle));
        Ok(DeleteMessageBatchResult::default())
    }
}

impl Handle<GetQueueAttributes> for Sqs {
    fn permissions(&self, _: &Cx, _: &GetQueueAttributesRequest) -> Result<Permissions, Fault> {
        queue()
    }

    async fn handle(&self, _: &Cx, _: GetQueueAttributesRequest) -> Result<GetQueueAttributesResult, Fault> {
        Ok(GetQueueAttributesResult::default())
    }
}

/// A machine with Python and without Node. Its workers do what their code says: `echo`, `fail`, `exit`, `first fails`; and `lingers`, which asks
/// for the next event only once it is let go on.
pub struct Machine {
    folders: Mutex<BTreeMap<String, String>>,
    pub goes_on: Arc<Semaphore>,
    /// Workers that were started.
    pub started: AtomicUsize,
}

impl Default for Machine {
    fn default() -> Self {
        Machine { folders: Mutex::default(), goes_on: Arc::new(Semaphore::new(0)), started: AtomicUsize::default() }
    }
}

struct Code {
    ended: watch::Receiver<Option<WorkerEnd>>,
}

impl Worker for Code {
    fn kill(&self) {}
    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| *end);
            match end {
                Some(end) => end,
                None => std::future::pending().await,
            }
        })
    }
    fn memory(&self) -> u64 {
        1
    }
    fn freeze(&self) {}
    fn thaw(&self) {}
}

async fn call(http: &dyn LocalHttp, method: &str, path: &str, body: Bytes) -> LocalResponse {
    let path = format!("/2018-06-01/runtime/{path}");
    http.answer(LocalRequest { method: method.into(), path, body, ..LocalRequest::default() }).await
}

async fn run(code: String, order: WorkerOrder, ended: watch::Sender<Option<WorkerEnd>>, goes_on: Arc<Semaphore>) {
    let http = &*order.http;
    if code == "bad start" {
        call(http, "POST", "init/error", r#"{"errorType":"Start","errorMessage":"no","stackTrace":[]}"#.into()).await;
        let _ = ended.send(Some(WorkerEnd::Exited(1)));
        return;
    }
    loop {
        let next = call(http, "GET", "invocation/next", Bytes::new()).await;
        let id = next.headers.iter().find(|(name, _)| *name == "Lambda-Runtime-Aws-Request-Id").unwrap().1.clone();
        (order.output)("a line");
        match code.as_str() {
            "fail" => drop(call(http, "POST", &format!("invocation/{id}/error"), r#"{"errorType":"E","errorMessage":"no"}"#.into()).await),
            "exit" => {
                let _ = ended.send(Some(WorkerEnd::Exited(3)));
                return;
            }
            "first fails" => {
                let text = r#"{"batchItemFailures":[{"itemIdentifier":"0"}]}"#;
                drop(call(http, "POST", &format!("invocation/{id}/response"), text.into()).await);
            }
            _ => drop(call(http, "POST", &format!("invocation/{id}/response"), next.body).await),
        }
        if code == "lingers" {
            (order.output)("a late line");
            goes_on.acquire().await.unwrap().forget();
        }
    }
}

impl Workers for Machine {
    fn interpreter(&self, language: Language, version: &str) -> Option<Interpreter> {
        (language == Language::Python).then(|| Interpreter { program: "/usr/bin/python3".into(), version: version.into() })
    }
    fn shortcomings(&self) -> Vec<String> {
        vec![]
    }
    fn has_folder(&self, name: &str) -> bool {
        self.folders.lock().contains_key(name)
    }
    fn put_folder<'a>(&'a self, name: &'a str, files: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        let text = files.iter().find(|file| file.path == "index.py").map(|file| String::from_utf8(file.content.to_vec()).unwrap());
        self.folders.lock().insert(name.into(), text.unwrap_or_default());
        Box::pin(async { Ok(()) })
    }
    fn start(&self, order: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        let code = self.folders.lock()[&order.folders[0].0].clone();
        let (told, ended) = watch::channel(None);
        self.started.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(run(code, order, told, self.goes_on.clone()));
        Box::pin(async move { Ok(Arc::new(Code { ended }) as Arc<dyn Worker>) })
    }
    fn node(&self, name: &str, order: NodeOrder) -> Arc<dyn Node> {
        NoWorkers.node(name, order)
    }
    fn find_node(&self, _: &str) -> Option<Arc<dyn Node>> {
        None
    }
}

pub fn with_sqs(sqs: &Arc<Sqs>) -> TestCloud {
    let sqs = sqs.clone();
    let made = move |_: &cloudlet_testing::Parts| {
        Service::of(&cloudlet_api_sqs::SERVICE, sqs.clone())
            .handles::<SendMessage>()
            .handles::<ReceiveMessage>()
            .handles::<DeleteMessageBatch>()
            .handles::<GetQueueAttributes>()
            .build()
    };
    // The roles of this cloud have no policies.
    builder().service(made).mode(Mode::Soft).build()
}

pub fn builder() -> Builder {
    builder_on(Arc::default())
}

pub fn builder_on(machine: Arc<Machine>) -> Builder {
    TestCloud::builder()
        .service(move |parts| service(&parts.journal, parts.blobs.clone(), machine.clone(), crate::Options::default(), Arc::default()))
        .service(|_| Service::of(&cloudlet_api_sts::SERVICE, Arc::new(Sts)).handles::<AssumeRole>().build())
        .service(|_| Service::of(&cloudlet_api_s3::SERVICE, Arc::new(S3)).handles::<GetObject>().build())
}

pub fn cloud() -> TestCloud {
    builder().build()
}

/// The fault's name and message.
pub fn said(fault: &Fault) -> (&str, &str) {
    (fault.name(), fault.message())
}

pub fn get(name: &str, qualifier: Option<&str>) -> GetFunctionRequest {
    GetFunctionRequest { function_name: name.into(), qualifier: qualifier.map(Into::into) }
}

pub fn publish(name: &str) -> PublishVersionRequest {
    PublishVersionRequest { function_name: name.into(), ..PublishVersionRequest::default() }
}

pub fn update_code(name: &str, text: &str) -> UpdateFunctionCodeRequest {
    UpdateFunctionCodeRequest { function_name: name.into(), zip_file: code(text).zip_file, ..UpdateFunctionCodeRequest::default() }
}

pub fn alias(name: &str, alias: &str, version: &str) -> CreateAliasRequest {
    CreateAliasRequest { function_name: name.into(), name: alias.into(), function_version: version.into(), ..CreateAliasRequest::default() }
}

pub fn permission(name: &str, label: &str, principal: &str) -> AddPermissionRequest {
    AddPermissionRequest {
        function_name: name.into(),
        statement_id: label.into(),
        action: "lambda:InvokeFunction".into(),
        principal: principal.into(),
        ..AddPermissionRequest::default()
    }
}

/// A function of this code, which a role may run.
pub fn running(text: &str) -> CreateFunctionRequest {
    CreateFunctionRequest { code: code(text), ..python("f") }
}

pub fn invoke(name: &str, payload: &str) -> InvocationRequest {
    InvocationRequest { function_name: name.into(), payload: Some(Bytes::from(payload.to_owned())), ..InvocationRequest::default() }
}

pub fn event(name: &str, payload: &str) -> InvocationRequest {
    InvocationRequest { invocation_type: Some("Event".into()), ..invoke(name, payload) }
}
