//! A cloud with Lambda, and what it calls: an STS that lets roles be assumed, an S3 with one object; and short helpers for what tests do.

use crate::service;
use cloudlet_api_lambda::*;
use cloudlet_api_s3::{GetObject, GetObjectOutput, GetObjectRequest};
use cloudlet_api_sts::{AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use cloudlet_aws::{Arn, Fault, FaultKind};
use cloudlet_engine::{
    Boxed, Cx, Handle, Interpreter, Language, Permission, Permissions, Service, Worker, WorkerFile, WorkerOrder, Workers,
};
use cloudlet_shape::Body;
use cloudlet_testing::{Builder, TestCloud};
use std::{
    io::{Cursor, Write},
    sync::Arc,
};
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

/// A machine with Python and without Node, which starts nothing.
pub struct Machine;

impl Workers for Machine {
    fn interpreter(&self, language: Language, version: &str) -> Option<Interpreter> {
        (language == Language::Python).then(|| Interpreter { program: "/usr/bin/python3".into(), version: version.into() })
    }
    fn shortcomings(&self) -> Vec<String> {
        vec![]
    }
    fn has_folder(&self, _: &str) -> bool {
        false
    }
    fn put_folder<'a>(&'a self, _: &'a str, _: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
    fn start(&self, _: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        Box::pin(async { Err("nothing starts".into()) })
    }
}

pub fn builder() -> Builder {
    TestCloud::builder()
        .service(|parts| service(&parts.journal, parts.blobs.clone(), Arc::new(Machine)))
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
