//! A cloud with Systems Manager and an STS that gives sessions of one role.

use super::fixture::{Kms, TestCloud, builder};
use cloudlet_api_ssm::*;
use cloudlet_api_sts::{
    self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials, GetCallerIdentity, GetCallerIdentityRequest,
    GetCallerIdentityResponse,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use serde_json::{Value, json};
use std::sync::Arc;

const ROLE: &str = "arn:aws:iam::000000000000:role/auto";

struct Sts;

impl Handle<AssumeRole> for Sts {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        if input.role_arn != ROLE {
            return Err(FaultKind::sender("AccessDenied", 403).says("no"));
        }
        let arn = format!("arn:aws:sts::000000000000:assumed-role/auto/{}", input.role_session_name);
        Ok(AssumeRoleResponse {
            assumed_role_user: Some(AssumedRoleUser { arn, assumed_role_id: "AROA:session".into() }),
            credentials: Some(Credentials { access_key_id: "ASIA".into(), ..Default::default() }),
            ..Default::default()
        })
    }
}

impl Handle<GetCallerIdentity> for Sts {
    fn permissions(&self, _: &Cx, _: &GetCallerIdentityRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, _: GetCallerIdentityRequest) -> Result<GetCallerIdentityResponse, Fault> {
        Ok(GetCallerIdentityResponse { arn: Some(cx.caller.arn.to_string()), ..Default::default() })
    }
}

pub fn fixture() -> TestCloud {
    let kms = Arc::new(Kms::default());
    let builder = builder(&kms).mode(Mode::Off);
    let builder = builder.service(|_| Service::of(&sts::SERVICE, Arc::new(Sts)).handles::<AssumeRole>().handles::<GetCallerIdentity>().build());
    TestCloud { cloud: builder.journaled().build(), kms }
}

pub fn sleep(name: &str) -> Value {
    json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT1H"}})
}

pub fn create_request(name: &str, document: &Value) -> CreateDocumentRequest {
    CreateDocumentRequest { name: name.into(), content: document.to_string(), document_type: Some("Automation".into()), ..Default::default() }
}

pub async fn create(cloud: &TestCloud, name: &str, document: Value) {
    cloud.ok::<CreateDocument>(create_request(name, &document)).await;
}

pub fn request(name: &str, parameters: &[(&str, &[&str])]) -> StartAutomationExecutionRequest {
    let parameters = parameters.iter().map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
    StartAutomationExecutionRequest { document_name: name.into(), parameters: Some(parameters.collect()), ..Default::default() }
}

pub async fn start(cloud: &TestCloud, name: &str, parameters: &[(&str, &[&str])]) -> String {
    let id = cloud.ok::<StartAutomationExecution>(request(name, parameters)).await.automation_execution_id.unwrap();
    cloud.settle().await;
    id
}

pub async fn shown(cloud: &TestCloud, id: &str) -> AutomationExecution {
    cloud.ok::<GetAutomationExecution>(GetAutomationExecutionRequest { automation_execution_id: id.into() }).await.automation_execution.unwrap()
}

pub async fn status(cloud: &TestCloud, id: &str) -> String {
    shown(cloud, id).await.automation_execution_status.unwrap()
}

pub fn statuses(steps: &[StepExecution]) -> Vec<(&str, &str)> {
    steps.iter().map(|step| (step.step_name.as_deref().unwrap(), step.step_status.as_deref().unwrap())).collect()
}
