//! Every operation of the server is authorized: calls of a user without policies, on resources that exist.

use super::assemble;
use crate::configuration::defaults;
use cloudlet_aws::{Account, Caller, Identity as Who, Region, Scope};
use cloudlet_cloud::{Cloud, EntryPoint, Performed};
use cloudlet_engine::{AnyOperation, AuthOutcome, Call, Cx, Input, NoWorkers, Origin};
use cloudlet_shape::{Kind, Member, OperationSchema, Target};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The operations that need no permission. Every other operation must require one.
const WITHOUT_PERMISSION: [(&str, &str); 9] = [
    // The handler authorizes: the tags of the target count, and the document only where a policy asks for it.
    ("ssm", "StartSession"),
    // The handler authorizes s3:DeleteObject for each key: the answer has an error for those that are denied.
    ("s3", "DeleteObjects"),
    // Agents call it with an activation code.
    ("ssm", "RegisterManagedInstance"),
    // A managed node's own key signs it, and the handler looks whose it is.
    ("ssm", "RequestManagedInstanceRoleToken"),
    ("ssm", "UpdateManagedInstancePublicKey"),
    // "No permissions are required to perform this operation."
    ("sts", "GetCallerIdentity"),
    // "No permissions are required for users to perform this operation."
    ("sts", "GetSessionToken"),
    // The handler decides by the trust policy, after it has verified the token.
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "AssumeRoleWithSAML"),
];

/// Resources on which the operations are called: service, operation, input. `$NAME` in an input is a member of an earlier answer.
const SETUP: &[(&str, &str, &str)] = &[
    ("s3", "CreateBucket", r#"{"Bucket":"xxx"}"#),
    ("s3", "PutObject", r#"{"Bucket":"xxx","Key":"xxx"}"#),
    ("s3", "CreateMultipartUpload", r#"{"Bucket":"xxx","Key":"xxx"}"#),
    ("sqs", "CreateQueue", r#"{"QueueName":"xxx"}"#),
    ("sqs", "SendMessage", r#"{"QueueUrl":"$QueueUrl","MessageBody":"xxx"}"#),
    ("sns", "CreateTopic", r#"{"Name":"xxx"}"#),
    (
        "sns",
        "Subscribe",
        r#"{"TopicArn":"$TopicArn","Protocol":"sqs","Endpoint":"arn:aws:sqs:us-east-1:000000000000:xxx","ReturnSubscriptionArn":true}"#,
    ),
    ("kms", "CreateKey", "{}"),
    ("kms", "CreateAlias", r#"{"AliasName":"alias/xxx","TargetKeyId":"$KeyId"}"#),
    ("kms", "Encrypt", r#"{"KeyId":"$KeyId","Plaintext":"eA=="}"#),
    ("kms", "CreateGrant", r#"{"KeyId":"$KeyId","GranteePrincipal":"arn:aws:iam::000000000000:root","Operations":["Encrypt"]}"#),
    ("s3control", "CreateAccessPoint", r#"{"AccountId":"000000000000","Name":"xxx","Bucket":"xxx"}"#),
    (
        "s3control",
        "CreateJob",
        r#"{"AccountId":"000000000000","Operation":{"S3DeleteObjectTagging":{}},"Report":{"Enabled":false},"ClientRequestToken":"xxx","Priority":1,
            "Manifest":{"Spec":{"Format":"S3BatchOperations_CSV_20180820","Fields":["Bucket","Key"]},
            "Location":{"ObjectArn":"arn:aws:s3:::xxx/xxx","ETag":"9dd4e461268c8034f5c8564e155c67a6"}},
            "RoleArn":"arn:aws:iam::000000000000:role/xxx"}"#,
    ),
    ("ssm", "PutParameter", r#"{"Name":"xxx","Value":"xxx","Type":"String","Tier":"Advanced"}"#),
    (
        "ssm",
        "CreateDocument",
        r#"{"Name":"xxx","DocumentType":"Command","Content":"{\"schemaVersion\":\"2.2\",\"mainSteps\":[{\"action\":\"aws:runShellScript\",\"name\":\"s\",\"inputs\":{\"runCommand\":[\"ls\"]}}]}"}"#,
    ),
    ("ssm", "CreateAssociation", r#"{"Name":"xxx","Targets":[{"Key":"tag:x","Values":["x"]}]}"#),
    ("ssm", "CreateOpsMetadata", r#"{"ResourceId":"xxx"}"#),
    ("ses", "VerifyEmailIdentity", r#"{"EmailAddress":"xxx@example.com"}"#),
    ("logs", "CreateLogGroup", r#"{"logGroupName":"xxx"}"#),
    (
        "iam",
        "CreateRole",
        r#"{"RoleName":"states","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"states.amazonaws.com\"}}}"}"#,
    ),
    (
        "states",
        "CreateStateMachine",
        r#"{"name":"xxx","roleArn":"arn:aws:iam::000000000000:role/states","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":99,\"End\":true}}}"}"#,
    ),
    ("states", "PublishStateMachineVersion", r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:xxx"}"#),
    (
        "states",
        "CreateStateMachineAlias",
        r#"{"name":"prod","routingConfiguration":[{"stateMachineVersionArn":"arn:aws:states:us-east-1:000000000000:stateMachine:xxx:1","weight":100}]}"#,
    ),
    ("states", "StartExecution", r#"{"name":"xxx","stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:xxx"}"#),
    ("states", "CreateActivity", r#"{"name":"xxx"}"#),
    ("states", "TestState", r#"{"definition":"{\"Type\":\"Succeed\"}"}"#),
];

/// Values of members, by service: a text, or JSON of an object. `$NAME` is a member of the answers of the setup.
const VALUES: &[(&str, &str, &str)] = &[
    ("s3", "ExpectedBucketOwner", "000000000000"),
    ("s3", "CopySource", "xxx/xxx"),
    ("s3", "Delete", r#"{"Objects":[{"Key":"xxx"}]}"#),
    ("s3", "UploadId", "$UploadId"),
    ("s3", "ObjectEncryption", r#"{"SSEKMS":{"KMSKeyArn":"arn:aws:kms:us-east-1:000000000000:key/xxx"}}"#),
    ("s3control", "AccountId", "000000000000"),
    ("s3control", "JobId", "$JobId"),
    ("s3control", "ResourceArn", "arn:aws:s3:us-east-1:000000000000:accesspoint/xxx"),
    ("sqs", "QueueUrl", "$QueueUrl"),
    ("sqs", "SourceArn", "arn:aws:sqs:us-east-1:000000000000:xxx"),
    // {"taskId":"xxx","sourceArn":"arn:aws:sqs:us-east-1:000000000000:xxx"}
    ("sqs", "TaskHandle", "eyJ0YXNrSWQiOiJ4eHgiLCJzb3VyY2VBcm4iOiJhcm46YXdzOnNxczp1cy1lYXN0LTE6MDAwMDAwMDAwMDAwOnh4eCJ9"),
    ("sns", "TopicArn", "$TopicArn"),
    ("sns", "ResourceArn", "$TopicArn"),
    ("sns", "SubscriptionArn", "$SubscriptionArn"),
    ("sns", "PlatformApplicationArn", "arn:aws:sns:us-east-1:000000000000:app/GCM/xxx"),
    ("sns", "EndpointArn", "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/xxx/12345678-1234-1234-1234-123456789012"),
    ("kms", "KeyId", "$KeyId"),
    ("kms", "TargetKeyId", "$KeyId"),
    ("kms", "SourceKeyId", "$KeyId"),
    ("kms", "DestinationKeyId", "$KeyId"),
    ("kms", "AliasName", "alias/xxx"),
    ("kms", "CiphertextBlob", "$CiphertextBlob"),
    ("kms", "GrantId", "$GrantId"),
    ("kms", "GrantToken", "$GrantToken"),
    ("ssm", "Path", "/xxx"),
    ("ssm", "AssociationId", "$AssociationId"),
    ("ssm", "OpsMetadataArn", "$OpsMetadataArn"),
    ("ssm", "ResourceType", "Parameter"),
    ("ssm", "ResourceArn", "arn:aws:ssm:us-east-1:000000000000:parameter/xxx"),
    ("ssm", "SettingId", "/ssm/parameter-store/high-throughput-enabled"),
    ("logs", "resourceArn", "arn:aws:logs:us-east-1:000000000000:log-group:xxx"),
    ("logs", "resourceIdentifier", "arn:aws:logs:us-east-1:000000000000:log-group:xxx"),
    ("logs", "logEvents", r#"{"timestamp":1,"message":"xxx"}"#),
    ("logs", "destinationArn", "arn:aws:lambda:us-east-1:000000000000:function:xxx"),
    ("ses", "Source", "xxx@example.com"),
    ("sesv2", "ResourceArn", "arn:aws:ses:us-east-1:000000000000:identity/xxx@example.com"),
    ("sesv2", "ReputationEntityReference", "arn:aws:ses:us-east-1:000000000000:tenant/xxx/tn-xxx"),
    ("sesv2", "S3Url", "s3://xxx/xxx"),
    ("states", "stateMachineArn", "arn:aws:states:us-east-1:000000000000:stateMachine:xxx"),
    ("states", "stateMachineAliasArn", "arn:aws:states:us-east-1:000000000000:stateMachine:xxx:prod"),
    ("states", "stateMachineVersionArn", "arn:aws:states:us-east-1:000000000000:stateMachine:xxx:1"),
    ("states", "executionArn", "arn:aws:states:us-east-1:000000000000:execution:xxx:xxx"),
    ("states", "mapRunArn", "arn:aws:states:us-east-1:000000000000:mapRun:xxx/xxx:xxx"),
    ("states", "activityArn", "arn:aws:states:us-east-1:000000000000:activity:xxx"),
    ("states", "resourceArn", "arn:aws:states:us-east-1:000000000000:stateMachine:xxx"),
    ("lambda", "EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:xxx"),
    ("lambda", "LayerVersionArn", "arn:aws:lambda:us-east-1:000000000000:layer:xxx:1"),
    ("lambda", "Arn", "arn:aws:lambda:us-east-1:000000000000:layer:xxx:1"),
    ("lambda", "Resource", "arn:aws:lambda:us-east-1:000000000000:function:xxx"),
    ("lambda", "ResourceArn", "arn:aws:lambda:us-east-1:000000000000:function:xxx"),
    ("lambda", "Qualifier", "1"),
    ("sts", "TargetPrincipal", "000000000000"),
    ("sts", "SigningAlgorithm", "ES384"),
    ("iam", "EntityArn", "arn:aws:iam::000000000000:delegation-request/dr-xxx"),
    ("ec2", "CidrBlock", "10.0.0.0/16"),
    ("ec2", "ImageId", "ami-0123456789abcdef0"),
];

struct Server {
    cloud: Arc<Cloud>,
    /// Members of the answers of the setup.
    answers: Map<String, Value>,
}

fn user() -> Caller {
    Caller {
        account: Some(Account::default()),
        identity: Who::User { name: "user".into() },
        arn: "arn:aws:iam::000000000000:user/user".into(),
        unique_id: "AIDAUSER".into(),
        access_key: None,
    }
}

fn scope() -> Scope {
    Scope::new(Account::default(), Region::new("us-east-1"))
}

fn read(handler: &dyn AnyOperation, text: &str) -> Option<Input> {
    let mut input = None;
    let read = cloudlet_wire::json::read(text, &mut |reader| {
        input = Some(handler.read(reader)?);
        Ok(())
    });
    read.ok()?;
    input
}

/// Performs an operation. `None`: the input cannot be read.
async fn perform(cloud: &Cloud, handler: &dyn AnyOperation, caller: Caller, text: &str) -> Option<Performed> {
    let call = Call { operation: handler.schema(), caller, scope: scope(), origin: Origin::default(), input: read(handler, text)? };
    Some(cloud.perform(call, "request".into(), EntryPoint::Gateway).await)
}

fn operations(cloud: &Cloud) -> Vec<(&'static OperationSchema, &dyn AnyOperation)> {
    let handled =
        cloud.services().flat_map(|service| service.operations().filter(|(_, handled)| *handled).map(move |(operation, _)| (service, operation)));
    handled.filter_map(|(service, operation)| Some((operation, service.operation(operation.name)?))).collect()
}

impl Server {
    async fn new() -> Server {
        let mut server = Server { cloud: assemble(&defaults(), None, Arc::new(NoWorkers)).unwrap().cloud, answers: Map::new() };
        for &(service, operation, input) in SETUP {
            let input = serde_json::from_str::<Map<String, Value>>(input).unwrap();
            let input: Map<String, Value> = input.into_iter().map(|(name, value)| (name, server.resolved(&value))).collect();
            let handler = server.cloud.service(service).unwrap().operation(operation).unwrap();
            let root = Caller::root(Account::default(), "aws", None);
            let performed = perform(&server.cloud, handler, root, &Value::Object(input).to_string()).await.unwrap();
            let answer = cloudlet_wire::json::to_json(performed.answer.unwrap_or_else(|fault| panic!("{service}:{operation}: {fault}")).as_struct());
            let answer = serde_json::from_str::<Map<String, Value>>(&answer).unwrap();
            server.answers.extend(answer.values().filter_map(Value::as_object).flatten().map(|(name, value)| (name.clone(), value.clone())));
            server.answers.extend(answer);
        }
        server
    }

    fn resolved(&self, value: &Value) -> Value {
        match value.as_str().and_then(|text| text.strip_prefix('$')) {
            Some(name) => self.answers[name].clone(),
            None => value.clone(),
        }
    }

    /// A value for a member of an input.
    fn value(&self, service: &str, name: &str, target: &Target) -> Option<Value> {
        if let Some((_, _, text)) = VALUES.iter().find(|(known, member, _)| *known == service && *member == name) {
            let object = serde_json::from_str(text).ok().filter(Value::is_object);
            return Some(object.unwrap_or_else(|| self.resolved(&json!(text))));
        }
        Some(match target.kind {
            Kind::Text => match target.values.first() {
                Some(first) => json!(first),
                None if name.to_lowercase().ends_with("arn") => json!("arn:aws:iam::000000000000:role/x"),
                None => json!("x".repeat(usize::try_from(target.min.unwrap_or(1)).unwrap_or(1).clamp(3, 100))),
            },
            Kind::Boolean => json!(true),
            Kind::Integer | Kind::Float => json!(target.min.unwrap_or(1).max(1)),
            Kind::Timestamp => json!(1_800_000_000),
            Kind::Blob => json!("eA=="),
            Kind::List => json!([self.value(service, name, target.item?)?]),
            Kind::Map => json!({"x": self.value(service, name, target.item?)?}),
            Kind::Structure => json!({}),
            Kind::Document | Kind::Body | Kind::Events => return None,
        })
    }

    /// Inputs of an operation: without members, with the required ones, with those and one other, with all.
    fn inputs(&self, operation: &OperationSchema) -> Vec<String> {
        let input = |includes: &dyn Fn(&Member) -> bool| {
            let members = operation.input.members.iter().filter(|member| includes(member));
            let members = members.filter_map(|member| Some((member.name.to_owned(), self.value(operation.service.name, member.name, member.of)?)));
            Value::Object(members.collect()).to_string()
        };
        let mut inputs = vec!["{}".to_owned(), input(&Member::required), input(&|_| true)];
        for optional in operation.input.members.iter().filter(|member| !member.required()) {
            inputs.push(input(&|member| member.required() || member.name == optional.name));
        }
        inputs
    }
}

#[test]
fn every_handled_operation_has_an_action() {
    let cloud = assemble(&defaults(), None, Arc::new(NoWorkers)).unwrap().cloud;
    for service in cloud.services() {
        for (operation, _) in service.operations().filter(|(_, handled)| *handled) {
            assert!(!operation.access.is_empty(), "{}:{}", service.schema.name, operation.name);
        }
    }
}

#[tokio::test]
async fn every_operation_but_a_few_requires_a_permission() {
    let server = Server::new().await;
    let mut without = Vec::new();
    for (operation, handler) in operations(&server.cloud) {
        let mut required = Vec::new();
        for input in server.inputs(operation).iter().filter_map(|text| read(handler, text)) {
            let cx = Cx::new(server.cloud.runtime.clone(), scope(), user(), "request".into(), Origin::default());
            // A fault ends the call before the handler.
            required.extend(handler.permissions(&cx, &input).ok().map(|permissions| !permissions.is_empty()));
        }
        if required.is_empty() || required.contains(&false) {
            without.push((operation.service.name, operation.name));
        }
    }
    without.sort_unstable();
    let mut expected = WITHOUT_PERMISSION.to_vec();
    expected.sort_unstable();
    assert_eq!(without, expected, "operations that were performed without a permission, or for which no input reached one");
}

#[tokio::test]
async fn a_user_without_policies_is_denied_every_operation() {
    let server = Server::new().await;
    for (operation, handler) in operations(&server.cloud) {
        let name = (operation.service.name, operation.name);
        if WITHOUT_PERMISSION.contains(&name) {
            continue;
        }
        let mut denied = false;
        for text in server.inputs(operation) {
            let Some(performed) = perform(&server.cloud, handler, user(), &text).await else { continue };
            assert!(performed.answer.is_err(), "{name:?} answered {text}");
            // Or the input was refused before it was authorized.
            let refused = performed.outcome.is_none();
            assert!(performed.outcome == Some(AuthOutcome::Denied) || refused, "{name:?} was allowed: {text}");
            let logged = server.cloud.calls().first().map(|call| (call.operation, call.auth_records.is_empty()));
            assert_eq!(logged, Some((operation.name, refused)), "the log has the decision");
            denied |= !refused;
        }
        assert!(denied, "{name:?} was never authorized");
    }
}
