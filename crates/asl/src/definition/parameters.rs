//! The parameters that each optimised integration takes: AWS refuses others when a machine is created.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html>

use super::{
    fields::{Checker, Fields},
    resource::Integration,
    types::Language,
};
use serde_json::Value;

struct Known {
    service: &'static str,
    actions: &'static [&'static str],
    /// Empty: those of the service's own operation, which are not looked at.
    fields: &'static [&'static str],
    required: &'static [&'static str],
}

/// An integration that is not here takes any parameters.
const KNOWN: &[Known] = &[
    Known {
        service: "lambda",
        actions: &["invoke"],
        fields: &["FunctionName", "Payload", "ClientContext", "InvocationType", "Qualifier", "LogType"],
        required: &["FunctionName"],
    },
    Known {
        service: "sqs",
        actions: &["sendMessage"],
        fields: &["DelaySeconds", "MessageAttributes", "MessageBody", "MessageDeduplicationId", "MessageGroupId", "QueueUrl"],
        required: &["QueueUrl", "MessageBody"],
    },
    Known {
        service: "sns",
        actions: &["publish"],
        fields: &[
            "Message",
            "MessageAttributes",
            "MessageDeduplicationId",
            "MessageGroupId",
            "MessageStructure",
            "PhoneNumber",
            "Subject",
            "TargetArn",
            "TopicArn",
        ],
        required: &["Message"],
    },
    Known { service: "events", actions: &["putEvents"], fields: &["Entries"], required: &["Entries"] },
    Known {
        service: "states",
        actions: &["startExecution"],
        fields: &["StateMachineArn", "Input", "Name", "TraceHeader"],
        required: &["StateMachineArn"],
    },
    Known {
        service: "dynamodb",
        actions: &["getItem"],
        fields: &[
            "Key",
            "TableName",
            "AttributesToGet",
            "ConsistentRead",
            "ExpressionAttributeNames",
            "ProjectionExpression",
            "ReturnConsumedCapacity",
        ],
        required: &["Key", "TableName"],
    },
    Known {
        service: "dynamodb",
        actions: &["putItem"],
        fields: &[
            "Item",
            "TableName",
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
        ],
        required: &["Item", "TableName"],
    },
    Known {
        service: "dynamodb",
        actions: &["deleteItem"],
        fields: &[
            "Key",
            "TableName",
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
        ],
        required: &["Key", "TableName"],
    },
    Known {
        service: "dynamodb",
        actions: &["updateItem"],
        fields: &[
            "Key",
            "TableName",
            "AttributeUpdates",
            "ConditionalOperator",
            "ConditionExpression",
            "Expected",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnConsumedCapacity",
            "ReturnItemCollectionMetrics",
            "ReturnValues",
            "UpdateExpression",
        ],
        required: &["Key", "TableName"],
    },
    Known {
        service: "ecs",
        actions: &["runTask"],
        fields: &[
            "Cluster",
            "Group",
            "LaunchType",
            "NetworkConfiguration",
            "Overrides",
            "PlacementConstraints",
            "PlacementStrategy",
            "PlatformVersion",
            "PropagateTags",
            "TaskDefinition",
            "EnableExecuteCommand",
            "CapacityProviderStrategy",
            "Tags",
        ],
        required: &["TaskDefinition"],
    },
    Known {
        service: "batch",
        actions: &["submitJob"],
        fields: &[
            "ArrayProperties",
            "ContainerOverrides",
            "DependsOn",
            "JobDefinition",
            "JobName",
            "JobQueue",
            "Parameters",
            "RetryStrategy",
            "Timeout",
            "Tags",
            "PropagateTags",
            "ShareIdentifier",
            "SchedulingPriorityOverride",
            "EksPropertiesOverride",
            "NodeOverrides",
        ],
        required: &["JobDefinition", "JobName", "JobQueue"],
    },
    Known {
        service: "glue",
        actions: &["startJobRun"],
        fields: &[
            "JobName",
            "JobRunId",
            "Arguments",
            "AllocatedCapacity",
            "Timeout",
            "MaxCapacity",
            "SecurityConfiguration",
            "NotificationProperty",
            "WorkerType",
            "NumberOfWorkers",
            "ExecutionClass",
        ],
        required: &["JobName"],
    },
    Known { service: "databrew", actions: &["startJobRun"], fields: &["Name"], required: &["Name"] },
    Known {
        service: "athena",
        actions: &["startQueryExecution"],
        fields: &[
            "ClientRequestToken",
            "ExecutionParameters",
            "QueryExecutionContext",
            "QueryString",
            "ResultConfiguration",
            "ResultReuseConfiguration",
            "WorkGroup",
        ],
        required: &["QueryString"],
    },
    Known {
        service: "athena",
        actions: &["stopQueryExecution", "getQueryExecution"],
        fields: &["QueryExecutionId"],
        required: &["QueryExecutionId"],
    },
    Known {
        service: "athena",
        actions: &["getQueryResults"],
        fields: &["QueryExecutionId", "MaxResults", "NextToken", "QueryResultType"],
        required: &["QueryExecutionId"],
    },
    Known {
        service: "apigateway",
        actions: &["invoke"],
        fields: &["ApiEndpoint", "Method", "Headers", "Stage", "Path", "QueryParameters", "RequestBody", "AllowNullValues", "AuthType"],
        required: &["ApiEndpoint", "Method"],
    },
    Known {
        service: "http",
        actions: &["invoke"],
        fields: &["ApiEndpoint", "Method", "Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform"],
        required: &["ApiEndpoint", "Method"],
    },
    // AWS: unverified: of these, only what their operations require is asked for.
    Known { service: "sagemaker", actions: &["createTrainingJob"], fields: &[], required: &["TrainingJobName"] },
    Known {
        service: "sagemaker",
        actions: &["createTransformJob"],
        fields: &[],
        required: &["TransformJobName", "ModelName", "TransformInput", "TransformOutput", "TransformResources"],
    },
    Known {
        service: "sagemaker",
        actions: &["createProcessingJob"],
        fields: &[],
        required: &["ProcessingJobName", "ProcessingResources", "AppSpecification", "RoleArn"],
    },
    Known {
        service: "sagemaker",
        actions: &["createHyperParameterTuningJob"],
        fields: &[],
        required: &["HyperParameterTuningJobName", "HyperParameterTuningJobConfig"],
    },
    Known {
        service: "sagemaker",
        actions: &["createLabelingJob"],
        fields: &[],
        required: &["LabelingJobName", "LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn", "HumanTaskConfig"],
    },
    Known { service: "sagemaker", actions: &["createModel"], fields: &[], required: &["ModelName"] },
    Known { service: "sagemaker", actions: &["createEndpointConfig"], fields: &[], required: &["EndpointConfigName", "ProductionVariants"] },
    Known { service: "sagemaker", actions: &["createEndpoint"], fields: &[], required: &["EndpointName", "EndpointConfigName"] },
    Known { service: "sagemaker", actions: &["updateEndpoint"], fields: &[], required: &["EndpointName", "EndpointConfigName"] },
    Known { service: "elasticmapreduce", actions: &["createCluster"], fields: &[], required: &["Name", "Instances"] },
    Known { service: "elasticmapreduce", actions: &["terminateCluster"], fields: &[], required: &["ClusterId"] },
    Known { service: "elasticmapreduce", actions: &["addStep"], fields: &[], required: &["ClusterId", "Step"] },
    Known { service: "elasticmapreduce", actions: &["cancelStep"], fields: &[], required: &["ClusterId", "StepId"] },
    Known {
        service: "elasticmapreduce",
        actions: &["setClusterTerminationProtection"],
        fields: &[],
        required: &["ClusterId", "TerminationProtected"],
    },
    Known {
        service: "elasticmapreduce",
        actions: &["modifyInstanceFleetByName"],
        fields: &[],
        required: &["ClusterId", "InstanceFleetName", "InstanceFleet"],
    },
    Known {
        service: "elasticmapreduce",
        actions: &["modifyInstanceGroupByName"],
        fields: &[],
        required: &["ClusterId", "InstanceGroupName", "InstanceGroup"],
    },
    Known { service: "emr-containers", actions: &["createVirtualCluster"], fields: &[], required: &["Name", "ContainerProvider"] },
    Known { service: "emr-containers", actions: &["deleteVirtualCluster"], fields: &[], required: &["Id"] },
    Known { service: "emr-containers", actions: &["startJobRun"], fields: &[], required: &["VirtualClusterId"] },
    Known { service: "emr-serverless", actions: &["createApplication"], fields: &[], required: &["ReleaseLabel", "Type"] },
    Known { service: "emr-serverless", actions: &["startApplication"], fields: &[], required: &["ApplicationId"] },
    Known { service: "emr-serverless", actions: &["stopApplication"], fields: &[], required: &["ApplicationId"] },
    Known { service: "emr-serverless", actions: &["deleteApplication"], fields: &[], required: &["ApplicationId"] },
    Known { service: "emr-serverless", actions: &["startJobRun"], fields: &[], required: &["ApplicationId", "ExecutionRoleArn"] },
    Known { service: "emr-serverless", actions: &["cancelJobRun"], fields: &[], required: &["ApplicationId", "JobRunId"] },
    Known { service: "codebuild", actions: &["startBuild"], fields: &[], required: &["ProjectName"] },
    Known { service: "codebuild", actions: &["startBuildBatch"], fields: &[], required: &["ProjectName"] },
    Known { service: "codebuild", actions: &["stopBuild"], fields: &[], required: &["Id"] },
    Known { service: "codebuild", actions: &["stopBuildBatch"], fields: &[], required: &["Id"] },
    Known { service: "codebuild", actions: &["deleteBuildBatch"], fields: &[], required: &["Id"] },
    Known { service: "codebuild", actions: &["batchDeleteBuilds"], fields: &[], required: &["Ids"] },
    Known { service: "codebuild", actions: &["batchGetReports"], fields: &[], required: &["ReportArns"] },
    Known { service: "eks", actions: &["call"], fields: &[], required: &["ClusterName", "CertificateAuthority", "Endpoint", "Path", "Method"] },
    Known { service: "eks", actions: &["runJob"], fields: &[], required: &["ClusterName", "CertificateAuthority", "Endpoint", "Job"] },
    Known { service: "eks", actions: &["createCluster"], fields: &[], required: &["Name", "RoleArn", "ResourcesVpcConfig"] },
    Known { service: "eks", actions: &["deleteCluster"], fields: &[], required: &["Name"] },
    Known {
        service: "eks",
        actions: &["createFargateProfile"],
        fields: &[],
        required: &["ClusterName", "FargateProfileName", "PodExecutionRoleArn"],
    },
    Known { service: "eks", actions: &["deleteFargateProfile"], fields: &[], required: &["ClusterName", "FargateProfileName"] },
    Known { service: "eks", actions: &["createNodegroup"], fields: &[], required: &["ClusterName", "NodegroupName", "NodeRole", "Subnets"] },
    Known { service: "eks", actions: &["deleteNodegroup"], fields: &[], required: &["ClusterName", "NodegroupName"] },
    Known { service: "bedrock", actions: &["invokeModel"], fields: &[], required: &["ModelId"] },
    Known {
        service: "bedrock",
        actions: &["createModelCustomizationJob"],
        fields: &[],
        required: &["BaseModelIdentifier", "CustomModelName", "JobName", "OutputDataConfig", "RoleArn", "TrainingDataConfig"],
    },
    Known { service: "mediaconvert", actions: &["createJob"], fields: &[], required: &["Role", "Settings"] },
];

/// Checks Parameters or Arguments of a Task, if they are written as an object.
pub(super) fn check(checker: &mut Checker<'_>, integration: &Integration, fields: &Fields, language: Language, location: &str) {
    let known = KNOWN.iter().find(|known| known.service == integration.service && known.actions.contains(&integration.action.as_str()));
    let Some(known) = known else { return };
    let member = if language == Language::Jsonata { "Arguments" } else { "Parameters" };
    let here = format!("{location}/{member}");
    let given = match fields.get(member) {
        Some(Value::Object(given)) => given,
        // Without parameters the input is taken.
        _ => return,
    };
    let name = |field: &String| if language == Language::JsonPath { field.strip_suffix(".$").unwrap_or(field).to_owned() } else { field.clone() };
    let names: Vec<String> = given.keys().map(name).collect();
    for name in &names {
        if !known.fields.is_empty() && !known.fields.contains(&name.as_str()) {
            checker.refuse(format!("The field '{name}' is not supported by Step Functions"), here.clone());
        }
    }
    for required in known.required {
        if !names.iter().any(|name| name == required) {
            checker.refuse(format!("The field '{required}' is required but was missing"), here.clone());
        }
    }
}
