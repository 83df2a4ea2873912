//! A cloud with Step Functions, and a service that Tasks can call.

use crate::{MockConfig, Options, service};
use cloudlet_api_s3 as s3;
use cloudlet_api_states::*;
use cloudlet_api_sts::{
    self as sts, AssumeRole, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials, DecodeAuthorizationMessage,
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse,
};
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_engine::{Cx, Handle, Permission, Permissions, Service};
use cloudlet_shape::{Body, BodyContent};
use cloudlet_testing::Builder;
pub use cloudlet_testing::TestCloud;
pub use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

pub const ROLE: &str = "arn:aws:iam::000000000000:role/states";
/// A Task whose call has one parameter, EncodedMessage, and answers it.
pub const ECHO: &str = "arn:aws:states:::aws-sdk:sts:decodeAuthorizationMessage";
/// A Task whose call always fails.
pub const FAILS: &str = "arn:aws:states:::aws-sdk:sts:getSessionToken";

/// Gives sessions of every role, and remembers what it was sent. It keeps objects too.
#[derive(Default)]
pub struct Sts {
    pub sent: Mutex<Vec<String>>,
    pub objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Handle<s3::GetObject> for Sts {
    fn permissions(&self, _: &Cx, _: &s3::GetObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::GetObjectRequest) -> Result<s3::GetObjectOutput, Fault> {
        let found = self.objects.lock().unwrap().get(&input.key).cloned();
        let bytes = found.ok_or_else(|| cloudlet_aws::FaultKind::sender("NoSuchKey", 404).says("The specified key does not exist."))?;
        Ok(s3::GetObjectOutput { body: Some(Body::whole(bytes)), ..Default::default() })
    }
}

impl Handle<s3::PutObject> for Sts {
    fn permissions(&self, _: &Cx, _: &s3::PutObjectRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: s3::PutObjectRequest) -> Result<s3::PutObjectOutput, Fault> {
        let BodyContent::Whole(bytes) = input.body.unwrap_or_default().take() else { panic!("results are in memory") };
        self.objects.lock().unwrap().insert(input.key, bytes.to_vec());
        Ok(s3::PutObjectOutput::default())
    }
}

impl Handle<AssumeRole> for Sts {
    fn permissions(&self, _: &Cx, _: &AssumeRoleRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, _: AssumeRoleRequest) -> Result<AssumeRoleResponse, Fault> {
        let arn = "arn:aws:sts::000000000000:assumed-role/states/session".to_owned();
        Ok(AssumeRoleResponse {
            assumed_role_user: Some(AssumedRoleUser { arn, assumed_role_id: "AROA:session".into() }),
            credentials: Some(Credentials { access_key_id: "ASIA".into(), ..Default::default() }),
            ..Default::default()
        })
    }
}

impl Handle<DecodeAuthorizationMessage> for Sts {
    fn permissions(&self, _: &Cx, _: &DecodeAuthorizationMessageRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: DecodeAuthorizationMessageRequest) -> Result<DecodeAuthorizationMessageResponse, Fault> {
        self.sent.lock().unwrap().push(input.encoded_message.clone());
        Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(input.encoded_message) })
    }
}

pub struct Fixture {
    pub cloud: TestCloud<()>,
    pub sts: Arc<Sts>,
}

pub fn builder(sts: &Arc<Sts>, mocks: Option<MockConfig>) -> Builder {
    let (sts, objects) = (sts.clone(), sts.clone());
    TestCloud::builder()
        .mode(Mode::Off)
        .service(move |parts| service(&parts.journal, Options { mocks: mocks.clone() }))
        .service(move |_| Service::of(&sts::SERVICE, sts.clone()).handles::<AssumeRole>().handles::<DecodeAuthorizationMessage>().build())
        .service(move |_| Service::of(&s3::SERVICE, objects.clone()).handles::<s3::GetObject>().handles::<s3::PutObject>().build())
        .journaled()
}

pub fn fixture() -> Fixture {
    let sts = Arc::default();
    Fixture { cloud: builder(&sts, None).build(), sts }
}

pub fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}")
}

pub async fn create(cloud: &TestCloud, name: &str, of: &str, states: Value) -> String {
    let start = states.as_object().unwrap().keys().next().unwrap().clone();
    let definition = json!({"StartAt": start, "States": states}).to_string();
    let input = CreateStateMachineInput { name: name.into(), definition, role_arn: ROLE.into(), r#type: Some(of.into()), ..Default::default() };
    cloud.ok::<CreateStateMachine>(input).await.state_machine_arn
}

pub async fn start(cloud: &TestCloud, machine: &str, input: Value) -> String {
    let input = StartExecutionInput { state_machine_arn: machine.into(), input: Some(input.to_string()), ..Default::default() };
    let arn = cloud.ok::<StartExecution>(input).await.execution_arn;
    cloud.settle().await;
    arn
}

pub async fn describe(cloud: &TestCloud, arn: &str) -> DescribeExecutionOutput {
    cloud.ok::<DescribeExecution>(DescribeExecutionInput { execution_arn: arn.into(), ..Default::default() }).await
}

pub async fn output(cloud: &TestCloud, arn: &str) -> Value {
    let described = describe(cloud, arn).await;
    assert_eq!(described.status, "SUCCEEDED", "{:?} {:?}", described.error, described.cause);
    serde_json::from_str(&described.output.unwrap()).unwrap()
}

pub async fn kinds(cloud: &TestCloud, arn: &str) -> Vec<String> {
    let input = GetExecutionHistoryInput { execution_arn: arn.into(), max_results: Some(1000), ..Default::default() };
    cloud.ok::<GetExecutionHistory>(input).await.events.into_iter().map(|event| event.r#type).collect()
}
