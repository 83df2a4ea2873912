//! Random walks over every operation of every engine, killed and started again: the state is what was acknowledged.
//!
//! `CLOUDLET_WALKS` says how many walks there are; a walk is named by its seed.

use super::{assemble, build};
use crate::configuration::{Configuration, defaults};
use cloudlet_api_s3::{PutObjectRequest, UploadPartRequest};
use cloudlet_aws::{Account, Caller, Region, Scope};
use cloudlet_cloud::{Cloud, EntryPoint};
use cloudlet_engine::{AnyOperation, Call, Ids, Input, NoWorkers, Origin};
use cloudlet_shape::{Body, Kind, OperationSchema, Schema, Target};
use cloudlet_store::{DataFolder, Record, known_bodies, select};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

const STEPS: u64 = 120;
const LIVES: u64 = 3;
/// How many values of one name are remembered.
const REMEMBERED: usize = 8;

/// Texts that are tried for members of these names; the first ones of a name are likely.
const TEXTS: &[(&str, &[&str])] = &[
    ("Bucket", &["bucket-a", "bucket-b"]),
    ("Key", &["key-a", "key-b", "key-c"]),
    ("CopySource", &["bucket-a/key-a", "bucket-b/key-b"]),
    ("QueueArn", &["arn:aws:sqs:us-east-1:000000000000:queue-a"]),
    ("TargetBucket", &["bucket-b", "bucket-a"]),
    ("QueueName", &["queue-a", "queue-b", "queue-c.fifo"]),
    ("Name", &["topic-a", "topic-b", "topic-c.fifo"]),
    ("Protocol", &["sqs", "email", "sms"]),
    ("Endpoint", &["arn:aws:sqs:us-east-1:000000000000:queue-a", "arn:aws:sqs:us-east-1:000000000000:queue-b", "a@example.com", "+15550100"]),
    ("PolicyDocument", &[r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#]),
    (
        "AssumeRolePolicyDocument",
        &[r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"000000000000"}}}"#],
    ),
    ("PolicyArn", &["arn:aws:iam::000000000000:policy/name-a", "arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    ("RoleArn", &["arn:aws:iam::000000000000:role/name-a"]),
    ("LocationScope", &["s3://", "s3://bucket-a/*"]),
    ("IAMRoleArn", &["arn:aws:iam::000000000000:role/name-a"]),
    ("AccessGrantsLocationId", &["default"]),
    ("S3SubPrefix", &["bucket-a/*", "x*"]),
    ("GranteeIdentifier", &["arn:aws:iam::000000000000:user/name-a"]),
    ("MessageGroupId", &["group-a", "group-b"]),
    ("ExpectedBucketOwner", &["000000000000"]),
    ("ExpectedSourceBucketOwner", &["000000000000"]),
    ("TargetPrincipal", &["000000000000"]),
    ("Url", &["https://oidc.example.com"]),
    ("AWSServiceName", &["elasticbeanstalk.amazonaws.com"]),
    ("MaxResults", &["10"]),
    ("AliasName", &["alias/name-a", "alias/name-b"]),
    ("GranteePrincipal", &["arn:aws:iam::000000000000:root"]),
    ("RetiringPrincipal", &["arn:aws:iam::000000000000:root"]),
    ("ReplicaRegion", &["eu-west-1"]),
    ("PrimaryRegion", &["eu-west-1", "us-east-1"]),
    ("Policies", &[r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Hours"}}]"#, PARAMETER_POLICIES, "[{}]"]),
    ("Content", &[COMMAND]),
    ("DocumentName", &["topic-a", "AWS-RunShellScript"]),
    ("ScheduleExpression", &["rate(1 hour)", "cron(0 12 * * ? *)"]),
    ("SettingId", &["/ssm/parameter-store/default-parameter-tier"]),
    ("SettingValue", &["Advanced", "Intelligent-Tiering"]),
    ("Policy", &[SHARED]),
    ("EmailAddress", &["a@example.com", "b@example.com"]),
    ("EmailIdentity", &["a@example.com", "example.com"]),
    ("Identity", &["a@example.com", "example.com"]),
    ("Source", &["a@example.com"]),
    ("FromEmailAddress", &["a@example.com", "x@other.com"]),
    ("Domain", &["example.com"]),
    ("RuleSetName", &["name-a", "name-b"]),
    ("RuleName", &["name-a", "name-b"]),
    ("ContactListName", &["name-a"]),
    ("BounceSender", &["a@example.com"]),
    ("TemplateName", &["name-a", "name-b"]),
    ("Template", &["name-a"]),
    ("TemplateData", &[r#"{"x":"y"}"#]),
    ("CidrBlock", &["10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "172.31.96.0/20"]),
    ("DestinationCidrBlock", &["0.0.0.0/0", "10.9.0.0/16"]),
    ("CidrIp", &["10.0.0.0/8", "0.0.0.0/0"]),
    ("Cidr", &["10.0.0.0/8", "10.1.0.0/16"]),
    ("IpProtocol", &["tcp", "-1"]),
    ("ImageId", &["ami-0123456789abcdef0"]),
    ("AddressFamily", &["IPv4", "IPv6"]),
    ("LogDestination", &["arn:aws:s3:::bucket-a"]),
    ("logGroupName", &["group-a", "group-b"]),
    ("logGroupIdentifier", &["group-a", "group-b"]),
    ("logStreamName", &["stream-a", "stream-b"]),
    ("filterPattern", &["ERROR", "{ $.a = 1 }", "%x%", ""]),
    ("queryString", &["stats count(*) by @logStream", "fields a"]),
    ("policyDocument", &[r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"logs:PutLogEvents","Resource":"*"}}"#]),
    ("metricValue", &["1"]),
    ("targetArn", &["arn:aws:firehose:us-east-1:000000000000:deliverystream/a"]),
    ("destinationResourceArn", &["arn:aws:s3:::bucket-a"]),
    ("definition", &[WAITS, WORKS, MAPS, FAILS]),
    ("roleArn", &["arn:aws:iam::000000000000:role/states"]),
    ("stateMachineArn", &["arn:aws:states:us-east-1:000000000000:stateMachine:name-a", "arn:aws:states:us-east-1:000000000000:stateMachine:name-b"]),
    ("activityArn", &["arn:aws:states:us-east-1:000000000000:activity:name-a"]),
    ("input", &["{}", "[1, 2, 3]", "{\"a\": 1}"]),
    ("output", &["{}", "1"]),
    ("type", &["STANDARD", "STANDARD", "EXPRESS"]),
    ("logGroupArn", &["arn:aws:logs:us-east-1:000000000000:log-group:name-a:*"]),
];

/// The time of an event in an input: it becomes the present of the walk.
const EVENT_TIME: i64 = 1_700_000_000_000;

/// A document that runs on nodes.
const COMMAND: &str =
    r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":["ls {{ssm:topic-b}}"]}}]}"#;

/// Machines that wait, work, map and fail.
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5000,"Next":"P"},"P":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":9000,"End":true}}},{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}]}}}"#;
const WORKS: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:name-a","End":true,
    "HeartbeatSeconds":70000,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":4000}]}}}"#;
const MAPS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$","ToleratedFailurePercentage":100,"ItemProcessor":{
    "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3000,"End":true}}}}}}"#;
const FAILS: &str = r#"{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Next":"F",
    "Parameters":{"QueueUrl":"http://localhost:4566/000000000000/queue-b","MessageBody":{"t.$":"$$.Task.Token"}},"TimeoutSeconds":50000,
    "Catch":[{"ErrorEquals":["States.ALL"],"Next":"F"}]},"F":{"Type":"Fail","Error":"E"}}}"#;

/// The clock of a walk stands at the machine's time when it begins, and moves by days.
const PARAMETER_POLICIES: &str = r#"[{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2999-01-01T00:00:00Z"}},
    {"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"1","Unit":"Hours"}}]"#;
const SHARED: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"ssm:GetParameter",
    "Resource":"arn:aws:ssm:us-east-1:000000000000:parameter/topic-a"}}"#;

/// What is there when a walk begins. `$NAME` is a member of an earlier answer.
const SETUP: &[(&str, &str, &str)] = &[
    ("s3", "CreateBucket", r#"{"Bucket":"bucket-a"}"#),
    ("s3", "CreateBucket", r#"{"Bucket":"bucket-b","ObjectLockEnabledForBucket":true}"#),
    ("s3", "PutObject", r#"{"Bucket":"bucket-a","Key":"key-a"}"#),
    ("s3", "CreateMultipartUpload", r#"{"Bucket":"bucket-a","Key":"key-b"}"#),
    ("sqs", "CreateQueue", r#"{"QueueName":"queue-b"}"#),
    ("sqs", "CreateQueue", r#"{"QueueName":"queue-c.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true"}}"#),
    (
        "sqs",
        "CreateQueue",
        r#"{"QueueName":"queue-a","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:queue-b\",\"maxReceiveCount\":1}","VisibilityTimeout":"5",
            "Policy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"*\"}}"}}"#,
    ),
    ("sns", "CreateTopic", r#"{"Name":"topic-c.fifo","Attributes":{"FifoTopic":"true","ContentBasedDeduplication":"true"}}"#),
    ("sns", "CreateTopic", r#"{"Name":"topic-a"}"#),
    ("sns", "Subscribe", r#"{"TopicArn":"$TopicArn","Protocol":"sqs","Endpoint":"arn:aws:sqs:us-east-1:000000000000:queue-a"}"#),
    ("sns", "Subscribe", r#"{"TopicArn":"$TopicArn","Protocol":"email","Endpoint":"a@example.com"}"#),
    ("iam", "CreateUser", r#"{"UserName":"name-a"}"#),
    (
        "iam",
        "CreateRole",
        r#"{"RoleName":"name-a","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\"*\"}}}"}"#,
    ),
    ("iam", "CreateGroup", r#"{"GroupName":"name-a"}"#),
    (
        "iam",
        "CreatePolicy",
        r#"{"PolicyName":"name-a","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"}"#,
    ),
    ("iam", "CreateAccessKey", r#"{"UserName":"name-a"}"#),
    ("kms", "CreateKey", r#"{"Origin":"EXTERNAL"}"#),
    ("kms", "CreateKey", r#"{"MultiRegion":true}"#),
    ("kms", "CreateAlias", r#"{"AliasName":"alias/name-a","TargetKeyId":"$KeyId"}"#),
    ("kms", "CreateGrant", r#"{"KeyId":"$KeyId","GranteePrincipal":"arn:aws:iam::000000000000:root","Operations":["Encrypt"]}"#),
    ("kms", "EnableKeyRotation", r#"{"KeyId":"$KeyId","RotationPeriodInDays":90}"#),
    ("ssm", "PutParameter", r#"{"Name":"topic-a","Type":"SecureString","Value":"x","Tier":"Advanced"}"#),
    ("ssm", "PutParameter", r#"{"Name":"topic-b","Type":"SecureString","Value":"x"}"#),
    ("ssm", "LabelParameterVersion", r#"{"Name":"topic-b","Labels":["name-a"]}"#),
    ("ssm", "AddTagsToResource", r#"{"ResourceType":"Parameter","ResourceId":"topic-a","Tags":[{"Key":"a","Value":"x"}]}"#),
    (
        "ssm",
        "PutResourcePolicy",
        r#"{"ResourceArn":"arn:aws:ssm:us-east-1:000000000000:parameter/topic-a",
            "Policy":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"000000000000\"},\"Action\":\"ssm:GetParameter\",\"Resource\":\"arn:aws:ssm:us-east-1:000000000000:parameter/topic-a\"}}"}"#,
    ),
    ("ses", "VerifyEmailIdentity", r#"{"EmailAddress":"a@example.com"}"#),
    ("ses", "VerifyDomainDkim", r#"{"Domain":"example.com"}"#),
    ("ses", "CreateTemplate", r#"{"Template":{"TemplateName":"name-a","SubjectPart":"{{x}}","TextPart":"{{#if x}}{{x}}{{/if}}"}}"#),
    ("ses", "CreateConfigurationSet", r#"{"ConfigurationSet":{"Name":"name-a"}}"#),
    ("ses", "CreateReceiptRuleSet", r#"{"RuleSetName":"name-a"}"#),
    ("ses", "SetActiveReceiptRuleSet", r#"{"RuleSetName":"name-a"}"#),
    ("ses", "CreateReceiptRule", r#"{"RuleSetName":"name-a","Rule":{"Name":"name-a","Enabled":true,"Recipients":["example.com"],"Actions":[]}}"#),
    ("sesv2", "CreateContactList", r#"{"ContactListName":"name-a"}"#),
    ("sesv2", "CreateTenant", r#"{"TenantName":"name-a","SuppressionAttributes":{"SuppressionScope":"TENANT"}}"#),
    (
        "sesv2",
        "CreateTenantResourceAssociation",
        r#"{"TenantName":"name-a","ResourceArn":"arn:aws:ses:us-east-1:000000000000:configuration-set/name-a"}"#,
    ),
    ("sesv2", "CreateMultiRegionEndpoint", r#"{"EndpointName":"name-a","Details":{"RoutesDetails":[{"Region":"eu-west-1"}]}}"#),
    ("ec2", "CreateVpc", r#"{"CidrBlock":"10.0.0.0/16","AmazonProvidedIpv6CidrBlock":true}"#),
    ("ec2", "CreateSubnet", r#"{"VpcId":"$VpcId","CidrBlock":"10.0.0.0/24"}"#),
    ("ec2", "CreateSecurityGroup", r#"{"GroupName":"name-a","Description":"x","VpcId":"$VpcId"}"#),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        r#"{"GroupId":"$GroupId","IpPermissions":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}]}"#,
    ),
    ("ec2", "CreateNetworkInterface", r#"{"SubnetId":"$SubnetId"}"#),
    ("ec2", "CreateInternetGateway", "{}"),
    ("ec2", "AttachInternetGateway", r#"{"InternetGatewayId":"$InternetGatewayId","VpcId":"$VpcId"}"#),
    ("ec2", "CreateRouteTable", r#"{"VpcId":"$VpcId"}"#),
    ("ec2", "CreateNetworkAcl", r#"{"VpcId":"$VpcId"}"#),
    ("ec2", "AllocateAddress", "{}"),
    ("ec2", "CreateManagedPrefixList", r#"{"PrefixListName":"name-a","MaxEntries":5,"AddressFamily":"IPv4"}"#),
    ("ec2", "RunInstances", r#"{"ImageId":"ami-0123456789abcdef0","MinCount":1,"MaxCount":2}"#),
    (
        "ec2",
        "CreateNetworkInsightsPath",
        r#"{"Source":"$NetworkInterfaceId","DestinationIp":"10.0.0.9","Protocol":"tcp","DestinationPort":443,"ClientToken":"x"}"#,
    ),
    (
        "ec2",
        "CreateNetworkInsightsAccessScope",
        r#"{"MatchPaths":[{"Source":{"ResourceStatement":{"ResourceTypes":["AWS::EC2::InternetGateway"]}}}],"ClientToken":"x"}"#,
    ),
    ("logs", "CreateLogGroup", r#"{"logGroupName":"group-a"}"#),
    ("logs", "CreateLogStream", r#"{"logGroupName":"group-a","logStreamName":"stream-a"}"#),
    (
        "logs",
        "PutLogEvents",
        r#"{"logGroupName":"group-a","logStreamName":"stream-a","logEvents":[{"timestamp":1700000000000,"message":"ERROR {\"a\":1}"}]}"#,
    ),
    (
        "iam",
        "CreateRole",
        r#"{"RoleName":"states","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"states.amazonaws.com\"}}}"}"#,
    ),
    (
        "iam",
        "PutRolePolicy",
        r#"{"RoleName":"states","PolicyName":"name-a","PolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"}"#,
    ),
    (
        "ssm",
        "CreateDocument",
        r#"{"Name":"runbook-a","DocumentType":"Automation","Content":"{\"schemaVersion\":\"0.3\",\"mainSteps\":[{\"name\":\"ask\",\"action\":\"aws:approve\",\"timeoutSeconds\":9000,\"onFailure\":\"Continue\",\"inputs\":{\"Approvers\":[\"arn:aws:iam::000000000000:root\"]}},{\"name\":\"put\",\"action\":\"aws:executeAwsApi\",\"inputs\":{\"Service\":\"ssm\",\"Api\":\"PutParameter\",\"Name\":\"topic-c\",\"Value\":\"x\",\"Type\":\"String\",\"Overwrite\":true}},{\"name\":\"rest\",\"action\":\"aws:sleep\",\"inputs\":{\"Duration\":\"PT3H\"}}]}"}"#,
    ),
    ("ssm", "StartAutomationExecution", r#"{"DocumentName":"runbook-a"}"#),
    (
        "ssm",
        "CreateDocument",
        r#"{"Name":"topic-a","DocumentType":"Command","Content":"{\"schemaVersion\":\"2.2\",\"mainSteps\":[{\"action\":\"aws:runShellScript\",\"name\":\"s\",\"inputs\":{\"runCommand\":[\"ls\"]}}]}"}"#,
    ),
    ("ssm", "CreateActivation", r#"{"IamRole":"states","DefaultInstanceName":"name-a"}"#),
    ("ssm", "SendCommand", r#"{"DocumentName":"topic-a","Targets":[{"Key":"tag:x","Values":["x"]}]}"#),
    ("ssm", "CreateAssociation", r#"{"Name":"topic-a","Targets":[{"Key":"tag:x","Values":["x"]}],"ScheduleExpression":"rate(1 hour)"}"#),
    (
        "ssm",
        "CreateOpsItem",
        r#"{"Title":"name-a","Description":"x","Source":"x","OperationalData":{"/aws/dedup":{"Type":"SearchableString","Value":"{\"dedupString\":\"a\"}"}}}"#,
    ),
    ("ssm", "CreateOpsMetadata", r#"{"ResourceId":"name-a","Metadata":{"a":{"Value":"x"}}}"#),
    (
        "ssm",
        "CreateMaintenanceWindow",
        r#"{"Name":"name-a","Schedule":"rate(5 hours)","Duration":2,"Cutoff":1,"AllowUnassociatedTargets":true,"ClientToken":"x"}"#,
    ),
    ("ssm", "RegisterTaskWithMaintenanceWindow", r#"{"WindowId":"$WindowId","TaskArn":"runbook-a","TaskType":"AUTOMATION","ClientToken":"x"}"#),
    (
        "ssm",
        "CreateDocument",
        r#"{"Name":"template-a","DocumentType":"Automation.ChangeTemplate","Content":"{\"schemaVersion\":\"0.3\",\"autoApprovable\":true,\"mainSteps\":[{\"name\":\"a\",\"action\":\"aws:approve\",\"timeoutSeconds\":9000,\"inputs\":{\"EnhancedApprovals\":{\"Approvers\":[{\"approver\":\"name-a\",\"type\":\"IamUser\"}]}}}]}"}"#,
    ),
    ("ssm", "UpdateDocumentMetadata", r#"{"Name":"template-a","DocumentVersion":"1","DocumentReviews":{"Action":"Approve"}}"#),
    ("ssm", "StartChangeRequestExecution", r#"{"DocumentName":"template-a","Runbooks":[{"DocumentName":"runbook-a"}]}"#),
    ("ssm", "StartChangeRequestExecution", r#"{"DocumentName":"template-a","AutoApprove":true,"Runbooks":[{"DocumentName":"runbook-a"}]}"#),
    ("ssm", "StartAutomationExecution", r#"{"DocumentName":"runbook-a","Mode":"Interactive","ClientToken":"12345678-1234-1234-1234-123456789012"}"#),
    ("states", "CreateActivity", r#"{"name":"name-a"}"#),
    (
        "states",
        "CreateStateMachine",
        r#"{"name":"name-a","roleArn":"arn:aws:iam::000000000000:role/states","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":5000,\"Next\":\"P\"},\"P\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":[{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"Seconds\":9000,\"End\":true}}},{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Pass\",\"End\":true}}}]}}}"}"#,
    ),
    (
        "states",
        "CreateStateMachine",
        r#"{"name":"name-b","roleArn":"arn:aws:iam::000000000000:role/states","definition":"{\"StartAt\":\"T\",\"States\":{\"T\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:000000000000:activity:name-a\",\"End\":true,\"HeartbeatSeconds\":70000,\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"IntervalSeconds\":4000}]}}}"}"#,
    ),
    (
        "states",
        "CreateStateMachine",
        r#"{"name":"name-c","roleArn":"arn:aws:iam::000000000000:role/states","definition":"{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"End\":true,\"ItemsPath\":\"$\",\"ToleratedFailurePercentage\":100,\"ItemProcessor\":{\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"STANDARD\"},\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":3000,\"End\":true}}}}}}"}"#,
    ),
    (
        "states",
        "CreateStateMachine",
        r#"{"name":"name-d","roleArn":"arn:aws:iam::000000000000:role/states","definition":"{\"StartAt\":\"S\",\"States\":{\"S\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Next\":\"F\",\"Parameters\":{\"QueueUrl\":\"http://localhost:4566/000000000000/queue-b\",\"MessageBody\":{\"t.$\":\"$$.Task.Token\"}},\"TimeoutSeconds\":50000,\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"Next\":\"F\"}]},\"F\":{\"Type\":\"Fail\",\"Error\":\"E\"}}}"}"#,
    ),
    ("states", "StartExecution", r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:name-a","name":"name-a","input":"{}"}"#),
    ("states", "StartExecution", r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:name-b","name":"name-a","input":"{}"}"#),
    (
        "states",
        "StartExecution",
        r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:name-c","name":"name-a","input":"[1,2]"}"#,
    ),
    ("states", "StartExecution", r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:name-d","name":"name-a","input":"{}"}"#),
    ("states", "PublishStateMachineVersion", r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:name-a"}"#),
];

struct Walk {
    random: Ids,
    /// Values that answers had, by the names of their members.
    seen: BTreeMap<String, Vec<Value>>,
}

impl Walk {
    fn below(&self, limit: usize) -> usize {
        usize::try_from(self.random.number() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    fn value(&self, name: &str, target: &Target) -> Option<Value> {
        let texts = TEXTS.iter().find(|(known, _)| *known == name).map(|(_, texts)| *texts);
        if matches!(target.kind, Kind::Text | Kind::Integer)
            && texts.is_none()
            && self.below(5) > 0
            && let Some(seen) = self.seen.get(name).and_then(|seen| self.pick(seen))
        {
            return Some(seen.clone());
        }
        Some(match target.kind {
            Kind::Text => match (texts, target.values) {
                (Some(texts), _) => json!(self.pick(texts)?),
                (None, []) => json!(["name-a", "name-b", "name-c"][self.below(3)]),
                (None, values) => json!(self.pick(values)?),
            },
            Kind::Boolean => json!(self.below(2) == 0),
            Kind::Integer | Kind::Float => json!(self.below(20)),
            Kind::Timestamp => json!(1_800_000_000),
            Kind::Blob => json!("eA=="),
            Kind::List => json!([self.value(name, target.item?)?]),
            Kind::Map => json!({ "name-a": self.value(name, target.item?)? }),
            Kind::Structure => match name {
                "Tags" => json!({ "Key": "name-a", "Value": "x" }),
                "Delete" => json!({ "Objects": [{ "Key": "key-a" }, { "Key": "key-b" }] }),
                "Entries" => json!({ "Id": "a", "MessageBody": "x" }),
                "logEvents" => {
                    let message = self.pick(&["ERROR x", r#"{"a":1}"#])?;
                    json!({ "timestamp": EVENT_TIME, "message": message })
                }
                _ => json!({}),
            },
            Kind::Document | Kind::Body | Kind::Events => return None,
        })
    }

    fn members(&self, schema: &Schema) -> Map<String, Value> {
        let members = schema.members.iter().filter(|member| member.required() || self.below(12) == 0);
        members.filter_map(|member| Some((member.name.to_owned(), self.value(member.name, member.of)?))).collect()
    }

    fn remember(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.remember(name, value)),
            Value::Array(items) => items.iter().for_each(|item| self.remember(name, item)),
            Value::String(_) | Value::Number(_) => {
                let seen = self.seen.entry(name.to_owned()).or_default();
                if seen.len() == REMEMBERED {
                    seen.remove(0);
                }
                seen.push(value.clone());
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn input(&self, handler: &dyn AnyOperation, text: &str) -> Option<Input> {
        let read = || {
            let mut input = None;
            let outcome = cloudlet_wire::json::read(text, &mut |reader| {
                input = Some(handler.read(reader)?);
                Ok(())
            });
            outcome.ok().and(input)
        };
        let body = Some(Body::whole(vec![b'x'; self.below(40_000)]));
        Some(match handler.schema().name {
            "PutObject" => Box::new(PutObjectRequest { body, ..*read()?.into_any().downcast::<PutObjectRequest>().ok()? }),
            "UploadPart" => Box::new(UploadPartRequest { body, ..*read()?.into_any().downcast::<UploadPartRequest>().ok()? }),
            _ => read()?,
        })
    }

    /// One call as root, or a step of the clock.
    async fn step(&mut self, cloud: &Cloud) -> Option<()> {
        if self.below(12) == 0 {
            cloud.set_clock(|clock| clock.advance(Duration::from_secs(self.random.number() % 100_000))).await.unwrap();
            cloud.settle().await;
        }
        let mut services: Vec<_> = cloud.services().collect();
        services.sort_by_key(|service| service.schema.name);
        services.retain(|service| service.operations().any(|(_, handled)| handled));
        let service = self.pick(&services)?;
        let operations: Vec<&OperationSchema> = service.operations().filter(|(_, handled)| *handled).map(|(operation, _)| operation).collect();
        let makes = |operation: &&OperationSchema| {
            ["Create", "Put", "Send", "Publish", "Subscribe", "Add", "Attach", "Upload", "Start", "Tag"]
                .iter()
                .any(|verb| operation.name.starts_with(verb))
        };
        let makers: Vec<&OperationSchema> = operations.iter().copied().filter(makes).collect();
        let operation = if self.below(2) == 0 { self.pick(&makers) } else { self.pick(&operations) }?;
        if service.waits(operation) && self.below(4) > 0 {
            return None;
        }
        let handler = service.operation(operation.name)?;
        let text = Value::Object(self.members(handler.schema().input)).to_string();
        // A long poll on a stopped clock would wait for ever.
        tokio::time::timeout(Duration::from_millis(200), self.call(cloud, handler, &text)).await.ok()?
    }

    async fn call(&mut self, cloud: &Cloud, handler: &dyn AnyOperation, text: &str) -> Option<()> {
        let operation = handler.schema();
        let text = &text.replace(&EVENT_TIME.to_string(), &cloud.runtime.clock.now().millis().to_string());
        let scope = Scope::new(Account::default(), Region::new("us-east-1"));
        let caller = Caller::root(Account::default(), "aws", None);
        let call = Call { operation, caller, scope, origin: Origin::default(), input: self.input(handler, text)? };
        let answer = cloud.perform(call, "request".into(), EntryPoint::Gateway).await.answer.ok()?;
        let answer: Value = serde_json::from_str(&cloudlet_wire::to_json(answer.as_struct())).unwrap();
        self.remember("", &answer);
        Some(())
    }

    async fn set_up(&mut self, cloud: &Cloud) {
        for (service, operation, text) in SETUP.iter().copied() {
            let last = |seen: &Vec<Value>| seen.last().and_then(Value::as_str).unwrap_or_default().to_owned();
            let text =
                self.seen.iter().fold((*text).to_owned(), |text, (name, seen)| text.replace(&format!(r#""${name}""#), &format!("{:?}", last(seen))));
            let handler = cloud.service(service).unwrap().operation(operation).unwrap();
            self.call(cloud, handler, &text).await.unwrap_or_else(|| panic!("{service}:{operation} of the setup"));
        }
    }
}

fn state(cloud: &Cloud) -> Vec<Record> {
    cloud.stores().iter().flat_map(|store| select(store.as_ref(), &|_| true)).collect()
}

/// Those of queues are brought up to date by the next call, and the tests of SQS compare them.
fn indexes(cloud: &Cloud) -> Vec<String> {
    cloud.stores().iter().filter(|store| **store.path() != *"sqs/queues").flat_map(|store| store.indexes()).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn in_folder(folder: &Path, seed: u64) -> Configuration {
    Configuration { data_dir: Some(folder.to_owned()), seed: Some(seed), ..defaults() }
}

fn assert_same(cloud: &Cloud, before: &[Record], indexes_before: &[String], context: &str) {
    let rows = |records: &[Record]| records.iter().map(|record| serde_json::to_string(record).unwrap()).collect::<Vec<_>>();
    let (found, before) = (rows(&state(cloud)), rows(before));
    for (found, before) in found.iter().zip(&before) {
        assert_eq!(found, before, "{context}");
    }
    assert_eq!(found.len(), before.len(), "{context}");
    for (found, before) in indexes(cloud).iter().zip(indexes_before) {
        assert_eq!(found, before, "{context}");
    }
}

fn cloud_in(folder: &Path, seed: u64) -> (Arc<Cloud>, Option<DataFolder>) {
    let (assembled, data) = build(&in_folder(folder, seed), Arc::new(NoWorkers)).unwrap();
    (assembled.cloud, data)
}

async fn walk(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut walk = Walk { random: Ids::seeded(seed), seen: BTreeMap::new() };
    let mut life = 0;
    let (mut cloud, mut data) = cloud_in(&folder.path().join("0"), seed);
    cloud.set_clock(cloudlet_engine::Clock::stop).await.unwrap();
    walk.set_up(&cloud).await;
    let mut done = 0;
    while life < LIVES {
        for _ in 0..STEPS / LIVES {
            done += usize::from(walk.step(&cloud).await.is_some());
        }
        // The answer to this waits for its record, and all others are before it.
        cloud.set_clock(|_| ()).await.unwrap();
        let (before, indexes_before) = (state(&cloud), indexes(&cloud));
        // What a kill leaves is what the folder holds now.
        life += 1;
        let next = folder.path().join(life.to_string());
        copy_folder(&folder.path().join((life - 1).to_string()), &next);
        let (again, again_data) = cloud_in(&next, seed);
        assert_same(&again, &before, &indexes_before, &format!("seed {seed}, life {life}"));
        let (_, known) = known_bodies(|| state(&again));
        assert_eq!(again_data.as_ref().unwrap().check(&known).unwrap(), cloudlet_store::Checked::default(), "seed {seed}: bodies");
        (cloud, data) = (again, again_data);
    }
    // A snapshot holds the same.
    let mut snapshot = cloud.snapshot(None);
    let memory = assemble(&defaults(), None, Arc::new(NoWorkers)).unwrap().cloud;
    let mut loading = memory.load();
    while let Some(piece) = snapshot.next().await {
        loading.push(&piece.unwrap()).await.unwrap();
    }
    loading.finish().await.unwrap();
    let without_names = |records: Vec<Record>| {
        let text: String = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
        // Bodies have other names.
        text.split("{\"stored\":\"")
            .map(|part| part.get(32..).filter(|_| part.starts_with(|c: char| c.is_ascii_hexdigit())).unwrap_or(part).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(without_names(state(&memory)), without_names(state(&cloud)), "seed {seed}: snapshot");
    assert_eq!(indexes(&memory), indexes(&cloud), "seed {seed}: indexes after a snapshot");
    // Without the account's rows nothing is left but what belongs to the server, or to an account of the organization.
    memory.reset(Some(Account::default())).await.unwrap();
    for record in state(&memory) {
        for change in &record.rows {
            let row = format!("{} {} {:?}", record.store, change.table, change.key);
            let is_of_server = matches!((&*record.store, &*change.table), ("server" | "sts/keys" | "mailbox", _) | ("iam", "organization"));
            assert!(is_of_server || !row.contains("000000000000") && record.store.starts_with("iam"), "seed {seed}: {row} is left");
        }
    }
    assert!(done > 10, "seed {seed}: {done} calls succeeded");
    drop(data);
}

/// The environment of the build counts: it is a test that is built for a longer run.
fn asked(number: Option<&str>, default: u64) -> u64 {
    number.map_or(default, |number| number.parse().unwrap())
}

#[test]
fn a_killed_server_has_what_it_acknowledged() {
    let (first, walks) = (asked(option_env!("CLOUDLET_FIRST_WALK"), 0), asked(option_env!("CLOUDLET_WALKS"), 50));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for seed in first..first + walks {
        runtime.block_on(walk(seed));
    }
}
