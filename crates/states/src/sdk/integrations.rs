//! Which integrations exist.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html>

use super::names;
use cloudlet_asl::definition::{self, Definition, Diagnostic, Integration, Pattern, WorkflowType};
use cloudlet_shape::{OperationSchema, ServiceSchema};

/// The models of the services that this server has.
pub type Services<'s> = &'s [&'static ServiceSchema];

use Pattern::{RequestResponse, Sync, Sync2, WaitForTaskToken};

const PLAIN: &[Pattern] = &[RequestResponse];
const TOKEN: &[Pattern] = &[RequestResponse, WaitForTaskToken];
const JOB: &[Pattern] = &[RequestResponse, Sync];
const BOTH: &[Pattern] = &[RequestResponse, Sync, WaitForTaskToken];

/// The optimised integrations: service, actions, patterns.
const OPTIMIZED: &[(&str, &[&str], &[Pattern])] = &[
    ("apigateway", &["invoke"], TOKEN),
    ("athena", &["startQueryExecution"], JOB),
    ("athena", &["stopQueryExecution", "getQueryExecution", "getQueryResults"], PLAIN),
    ("batch", &["submitJob"], JOB),
    ("bedrock", &["invokeModel"], TOKEN),
    ("bedrock", &["createModelCustomizationJob"], JOB),
    ("codebuild", &["startBuild", "startBuildBatch"], JOB),
    ("codebuild", &["stopBuild", "batchDeleteBuilds", "batchGetReports", "stopBuildBatch", "retryBuildBatch", "deleteBuildBatch"], PLAIN),
    ("databrew", &["startJobRun"], JOB),
    ("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"], PLAIN),
    ("ecs", &["runTask"], BOTH),
    ("eks", &["call"], PLAIN),
    ("eks", &["runJob", "createCluster", "deleteCluster", "createFargateProfile", "deleteFargateProfile", "createNodegroup", "deleteNodegroup"], JOB),
    ("elasticmapreduce", &["createCluster", "terminateCluster", "addStep"], JOB),
    ("elasticmapreduce", &["cancelStep", "setClusterTerminationProtection", "modifyInstanceFleetByName", "modifyInstanceGroupByName"], PLAIN),
    ("emr-containers", &["createVirtualCluster"], PLAIN),
    ("emr-containers", &["deleteVirtualCluster", "startJobRun"], JOB),
    ("emr-serverless", &["createApplication", "startApplication", "stopApplication", "deleteApplication", "startJobRun", "cancelJobRun"], JOB),
    ("events", &["putEvents"], TOKEN),
    ("glue", &["startJobRun"], JOB),
    ("http", &["invoke"], PLAIN),
    ("lambda", &["invoke"], TOKEN),
    ("mediaconvert", &["createJob"], JOB),
    ("sagemaker", &["createLabelingJob", "createProcessingJob", "createTrainingJob", "createTransformJob", "createHyperParameterTuningJob"], JOB),
    ("sagemaker", &["createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"], PLAIN),
    ("sns", &["publish"], TOKEN),
    ("sqs", &["sendMessage"], TOKEN),
    ("states", &["startExecution"], &[RequestResponse, Sync, Sync2, WaitForTaskToken]),
];

/// The name of a service in `aws-sdk:`: its id in small letters.
pub fn sdk_name(service: &ServiceSchema) -> String {
    service.id.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The operation behind an action.
pub fn operation(services: Services<'_>, integration: &Integration) -> Option<&'static OperationSchema> {
    let service = match integration.sdk_service() {
        Some(name) => services.iter().find(|service| sdk_name(service) == name),
        None => services.iter().find(|service| service.name == integration.service),
    }?;
    let name = names::capitalized(&integration.action);
    service.operations.iter().find(|operation| operation.name == name).copied()
}

/// Checks a definition, whose integrations are those of these services.
pub fn check_definition(text: &str, workflow: WorkflowType, services: Services<'_>) -> (Option<Definition>, Vec<Diagnostic>) {
    definition::check(text, workflow, &|integration| exists(services, integration))
}

/// Services whose model here is a part of AWS's: their other actions are taken too, and fail when they are called.
const PARTS: [&str; 1] = ["ec2"];

/// Whether a definition may name an integration. Of services that this server does not have, every action is taken, and fails when it is called.
pub fn exists(services: Services<'_>, integration: &Integration) -> bool {
    let Some(name) = integration.sdk_service() else {
        return OPTIMIZED.iter().any(|(service, actions, patterns)| {
            *service == integration.service && actions.contains(&integration.action.as_str()) && patterns.contains(&integration.pattern)
        });
    };
    let lower = integration.action.starts_with(|first: char| first.is_ascii_lowercase());
    let known = services.iter().any(|service| sdk_name(service) == name);
    let pattern = matches!(integration.pattern, RequestResponse | WaitForTaskToken);
    lower && pattern && (!known || PARTS.contains(&name) || operation(services, integration).is_some())
}
