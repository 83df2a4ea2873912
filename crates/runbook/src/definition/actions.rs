//! The actions of Automation: their inputs, outputs and times.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html>

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Approve,
    AssertAwsResourceProperty,
    Branch,
    ChangeInstanceState,
    CopyImage,
    CreateImage,
    CreateStack,
    CreateTags,
    DeleteImage,
    DeleteStack,
    ExecuteAutomation,
    ExecuteAwsApi,
    ExecuteScript,
    ExecuteStateMachine,
    InvokeLambdaFunction,
    InvokeWebhook,
    Loop,
    Pause,
    RunCommand,
    RunInstances,
    Sleep,
    UpdateVariable,
    WaitForAwsResourceProperty,
}

/// What an input may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Texts,
    Flag,
    Number,
    Map,
    Any,
}

pub struct Input {
    pub name: &'static str,
    pub required: bool,
    pub kind: Kind,
}

const fn needed(name: &'static str, kind: Kind) -> Input {
    Input { name, required: true, kind }
}

const fn may(name: &'static str, kind: Kind) -> Input {
    Input { name, required: false, kind }
}

pub struct Description {
    pub action: Action,
    pub name: &'static str,
    pub inputs: &'static [Input],
    /// Whether it takes further inputs: those of an API.
    pub open: bool,
    /// The outputs that it has without being asked.
    pub outputs: &'static [&'static str],
    /// Seconds after which it times out when the step says nothing.
    pub timeout: Option<i64>,
    /// It never runs longer, whatever the step says.
    pub longest: Option<i64>,
    /// Whether `onCancel` may lead here.
    pub after_cancel: bool,
}

const fn plain(action: Action, name: &'static str, inputs: &'static [Input], outputs: &'static [&'static str]) -> Description {
    Description { action, name, inputs, open: false, outputs, timeout: None, longest: None, after_cancel: true }
}

use Kind::{Any, Flag, Map, Number, Text, Texts};

const RESOURCE: &[Input] = &[needed("Service", Text), needed("Api", Text), needed("PropertySelector", Text), needed("DesiredValues", Texts)];
const DAY: i64 = 86_400;

pub const ACTIONS: &[Description] = &[
    Description {
        timeout: Some(7 * DAY),
        longest: Some(30 * DAY),
        after_cancel: false,
        ..plain(
            Action::Approve,
            "aws:approve",
            &[
                may("NotificationArn", Text),
                may("Message", Text),
                may("MinRequiredApprovals", Number),
                may("Approvers", Texts),
                may("EnhancedApprovals", Map),
            ],
            &["ApprovalStatus", "ApproverDecisions"],
        )
    },
    Description { open: true, ..plain(Action::AssertAwsResourceProperty, "aws:assertAwsResourceProperty", RESOURCE, &[]) },
    plain(Action::Branch, "aws:branch", &[needed("Choices", Any), may("Default", Text)], &[]),
    Description {
        timeout: Some(3_600),
        ..plain(
            Action::ChangeInstanceState,
            "aws:changeInstanceState",
            &[
                needed("InstanceIds", Texts),
                may("CheckStateOnly", Flag),
                needed("DesiredState", Text),
                may("Force", Flag),
                may("AdditionalInfo", Text),
            ],
            &["InstanceStates"],
        )
    },
    Description {
        after_cancel: false,
        ..plain(
            Action::CopyImage,
            "aws:copyImage",
            &[
                needed("SourceImageId", Text),
                needed("SourceRegion", Text),
                needed("ImageName", Text),
                may("ImageDescription", Text),
                may("Encrypted", Flag),
                may("KmsKeyId", Text),
                may("ClientToken", Text),
            ],
            &["ImageId", "ImageState"],
        )
    },
    Description {
        after_cancel: false,
        ..plain(
            Action::CreateImage,
            "aws:createImage",
            &[
                needed("InstanceId", Text),
                needed("ImageName", Text),
                may("ImageDescription", Text),
                may("NoReboot", Flag),
                may("BlockDeviceMappings", Any),
            ],
            &["ImageId", "ImageState"],
        )
    },
    Description {
        after_cancel: false,
        ..plain(
            Action::CreateStack,
            "aws:createStack",
            &[
                needed("StackName", Text),
                may("Capabilities", Texts),
                may("ClientRequestToken", Text),
                may("DisableRollback", Flag),
                may("NotificationARNs", Texts),
                may("OnFailure", Text),
                may("Parameters", Any),
                may("ResourceTypes", Texts),
                may("RoleARN", Text),
                may("StackPolicyBody", Any),
                may("StackPolicyURL", Text),
                may("Tags", Any),
                may("TemplateBody", Any),
                may("TemplateURL", Text),
                may("TimeoutInMinutes", Number),
            ],
            &["StackId", "StackStatus", "StackStatusReason"],
        )
    },
    Description {
        after_cancel: false,
        ..plain(Action::CreateTags, "aws:createTags", &[needed("ResourceIds", Texts), needed("Tags", Any), may("ResourceType", Text)], &[])
    },
    plain(Action::DeleteImage, "aws:deleteImage", &[needed("ImageId", Text)], &[]),
    plain(
        Action::DeleteStack,
        "aws:deleteStack",
        &[needed("StackName", Text), may("ClientRequestToken", Text), may("RetainResources", Texts), may("RoleARN", Text)],
        &["StackId", "StackStatus", "StackStatusReason"],
    ),
    plain(
        Action::ExecuteAutomation,
        "aws:executeAutomation",
        &[
            needed("DocumentName", Text),
            may("DocumentVersion", Text),
            may("RuntimeParameters", Map),
            may("MaxConcurrency", Text),
            may("MaxErrors", Text),
            may("Tags", Any),
            may("TargetLocations", Any),
            may("TargetMaps", Any),
            may("TargetParameterName", Text),
            may("Targets", Any),
        ],
        &["ExecutionId", "Output", "Status"],
    ),
    Description { open: true, ..plain(Action::ExecuteAwsApi, "aws:executeAwsApi", &[needed("Service", Text), needed("Api", Text)], &[]) },
    Description {
        timeout: Some(600),
        longest: Some(600),
        ..plain(
            Action::ExecuteScript,
            "aws:executeScript",
            &[needed("Runtime", Text), may("Handler", Text), may("InputPayload", Any), may("Script", Text), may("Attachment", Text)],
            &["Payload"],
        )
    },
    plain(
        Action::ExecuteStateMachine,
        "aws:executeStateMachine",
        &[needed("stateMachineArn", Text), may("name", Text), may("input", Any)],
        &["executionArn", "input", "name", "output", "startDate", "stateMachineArn", "status", "stopDate"],
    ),
    Description {
        timeout: Some(300),
        longest: Some(300),
        ..plain(
            Action::InvokeLambdaFunction,
            "aws:invokeLambdaFunction",
            &[
                needed("FunctionName", Text),
                may("Qualifier", Text),
                may("InvocationType", Text),
                may("LogType", Text),
                may("ClientContext", Text),
                may("InputPayload", Any),
                may("Payload", Any),
            ],
            &["StatusCode", "FunctionError", "LogResult", "Payload"],
        )
    },
    plain(Action::InvokeWebhook, "aws:invokeWebhook", &[needed("IntegrationName", Text), may("Body", Any)], &["Response", "ResponseCode"]),
    plain(
        Action::Loop,
        "aws:loop",
        &[needed("Steps", Any), may("Iterators", Any), may("IteratorDataType", Text), may("LoopCondition", Map), may("MaxIterations", Number)],
        &["CurrentIteration", "CurrentIteratorValue"],
    ),
    Description { after_cancel: false, ..plain(Action::Pause, "aws:pause", &[], &[]) },
    plain(
        Action::RunCommand,
        "aws:runCommand",
        &[
            needed("DocumentName", Text),
            may("DocumentVersion", Text),
            may("InstanceIds", Texts),
            may("Targets", Any),
            may("Parameters", Any),
            may("CloudWatchOutputConfig", Map),
            may("Comment", Text),
            may("DocumentHash", Text),
            may("DocumentHashType", Text),
            may("MaxConcurrency", Text),
            may("MaxErrors", Text),
            may("NotificationConfig", Map),
            may("OutputS3BucketName", Text),
            may("OutputS3KeyPrefix", Text),
            may("OutputS3Region", Text),
            may("ServiceRoleArn", Text),
            may("TimeoutSeconds", Number),
        ],
        &["CommandId", "Status", "ResponseCode", "Output", "OutputPayload"],
    ),
    Description {
        after_cancel: false,
        ..plain(
            Action::RunInstances,
            "aws:runInstances",
            &[
                needed("ImageId", Text),
                may("AdditionalInfo", Text),
                may("BlockDeviceMappings", Any),
                may("ClientToken", Text),
                may("DisableApiTermination", Flag),
                may("EbsOptimized", Flag),
                may("IamInstanceProfileArn", Text),
                may("IamInstanceProfileName", Text),
                may("InstanceInitiatedShutdownBehavior", Text),
                may("InstanceType", Text),
                may("KernelId", Text),
                may("KeyName", Text),
                may("MaxInstanceCount", Number),
                may("MetadataOptions", Map),
                may("MinInstanceCount", Number),
                may("Monitoring", Flag),
                may("NetworkInterfaces", Any),
                may("Placement", Map),
                may("PrivateIpAddress", Text),
                may("RamdiskId", Text),
                may("SecurityGroupIds", Texts),
                may("SecurityGroups", Texts),
                may("SubnetId", Text),
                may("TagSpecifications", Any),
                may("UserData", Text),
            ],
            &["InstanceIds", "InstanceStates"],
        )
    },
    Description { after_cancel: false, ..plain(Action::Sleep, "aws:sleep", &[may("Duration", Text), may("Timestamp", Text)], &[]) },
    plain(Action::UpdateVariable, "aws:updateVariable", &[needed("Name", Text), needed("Value", Any)], &[]),
    Description { open: true, timeout: Some(3_600), ..plain(Action::WaitForAwsResourceProperty, "aws:waitForAwsResourceProperty", RESOURCE, &[]) },
];

impl Action {
    pub fn parse(name: &str) -> Option<Action> {
        ACTIONS.iter().find(|known| known.name == name).map(|known| known.action)
    }

    pub fn describe(self) -> Option<&'static Description> {
        ACTIONS.iter().find(|known| known.action == self)
    }

    /// `aws:runCommand`
    pub fn name(self) -> &'static str {
        self.describe().map_or("", |known| known.name)
    }
}
