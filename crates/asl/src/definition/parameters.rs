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
    fields: &'static [&'static str],
    required: &'static [&'static str],
}

/// An integration that is not here takes any parameters: its service's own, or those of an HTTP request.
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
        if !known.fields.contains(&name.as_str()) {
            checker.refuse(format!("The field '{name}' is not supported by Step Functions"), here.clone());
        }
    }
    for required in known.required {
        if !names.iter().any(|name| name == required) {
            checker.refuse(format!("The field '{required}' is required but was missing"), here.clone());
        }
    }
}
