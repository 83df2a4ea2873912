use super::fixture::*;
use crate::limits;
use cloudlet_api_lambda::*;
use cloudlet_shape::Map;
use cloudlet_testing::user;

#[tokio::test]
async fn a_function_is_made_pending_and_is_active_from_then_on() {
    let cloud = cloud();
    let made = cloud.ok::<CreateFunction>(python("f")).await;
    assert_eq!((made.state.as_deref(), made.state_reason_code.as_deref(), made.last_update_status), (Some("Pending"), Some("Creating"), None));
    assert_eq!((made.function_arn.as_deref(), made.version.as_deref()), (Some(FUNCTION), Some("$LATEST")));
    assert_eq!((made.timeout, made.memory_size, made.description.as_deref()), (Some(3), Some(128), Some("")));
    let found = cloud.ok::<GetFunction>(get("f", None)).await;
    let configuration = found.configuration.unwrap();
    assert_eq!((configuration.state.as_deref(), configuration.last_update_status.as_deref()), (Some("Active"), Some("Successful")));
    assert_ne!(configuration.revision_id, made.revision_id);
    assert_eq!(configuration.code_sha256, made.code_sha256);
    for name in ["function:f", "000000000000:function:f", "us-east-1:000000000000:function:f", FUNCTION] {
        cloud.ok::<GetFunction>(get(name, None)).await;
    }
    let latest = cloud.ok::<GetFunction>(get("f:$LATEST", None)).await.configuration.unwrap();
    assert_eq!(latest.function_arn.unwrap(), format!("{FUNCTION}:$LATEST"));
    let fault = cloud.expect_fault::<CreateFunction>(python("f")).await;
    assert_eq!(said(&fault), ("ResourceConflictException", "Function already exist: f"));
}

#[tokio::test]
async fn names_are_understood_or_refused_as_aws_does() {
    let cloud = cloud();
    for (name, qualifier, expected) in [
        ("g", None, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"),
        ("g", Some("7"), "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:7"),
        ("function", None, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:function"),
        ("arn:aws:lambda:us-east-1:000000000000:function", None, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:function"),
        ("g:1", Some("2"), "The derived qualifier from the function name does not match the specified qualifier."),
        ("arn:aws:lambda:eu-west-1:000000000000:function:g", None, "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
    ] {
        let fault = cloud.expect_fault::<GetFunction>(get(name, qualifier)).await;
        assert_eq!(fault.message(), expected, "{name} {qualifier:?}");
    }
    let long = CreateFunctionRequest { function_name: "x".repeat(65), ..python("f") };
    let fault = cloud.expect_fault::<CreateFunction>(long).await;
    assert!(fault.message().ends_with("at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"), "{fault}");
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let cloud = cloud();
    let variables = |pairs: &[(&str, &str)]| {
        let variables: Map<String> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(Environment { variables: Some(variables) })
    };
    let large = "x".repeat(limits::ENVIRONMENT_BYTES);
    let cases: [(CreateFunctionRequest, &str, &str); 9] = [
        (
            CreateFunctionRequest { role: "arn:aws:iam::000000000000:role/nobody".into(), ..python("f") },
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        (CreateFunctionRequest { code: FunctionCode::default(), ..python("f") }, "InvalidParameterValueException", "Please provide a source"),
        (
            CreateFunctionRequest { code: FunctionCode { zip_file: Some("no".into()), ..FunctionCode::default() }, ..python("f") },
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        (CreateFunctionRequest { handler: None, ..python("f") }, "InvalidParameterValueException", "Runtime and Handler are mandatory"),
        (CreateFunctionRequest { timeout: Some(901), ..python("f") }, "ValidationException", "1 validation error detected: Value '901' at 'timeout'"),
        (
            CreateFunctionRequest { runtime: Some("nodejs20.x".into()), ..python("f") },
            "InvalidParameterValueException",
            "The runtime nodejs20.x cannot run on this machine, which has no interpreter for it. Install node (version 20)",
        ),
        (
            CreateFunctionRequest { runtime: Some("python3.7".into()), ..python("f") },
            "InvalidParameterValueException",
            "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions.",
        ),
        (
            CreateFunctionRequest { environment: variables(&[("AWS_REGION", "x")]), ..python("f") },
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys",
        ),
        (
            CreateFunctionRequest { environment: variables(&[("LARGE", &large)]), ..python("f") },
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.",
        ),
    ];
    for (input, name, message) in cases {
        let fault = cloud.expect_fault::<CreateFunction>(input).await;
        assert_eq!(fault.name(), name, "{fault}");
        assert!(fault.message().starts_with(message), "{fault}");
    }
    let image = CreateFunctionRequest { package_type: Some("Image".into()), ..python("f") };
    assert!(cloud.expect_fault::<CreateFunction>(image).await.message().starts_with("Please provide ImageUri"));
    assert!(cloud.ok::<ListFunctions>(ListFunctionsRequest::default()).await.functions.unwrap().is_empty());
}

#[tokio::test]
async fn code_comes_from_s3_as_the_caller() {
    let cloud = cloud();
    let from = |key: &str| FunctionCode { s3_bucket: Some("b".into()), s3_key: Some(key.into()), ..FunctionCode::default() };
    cloud.ok::<CreateFunction>(CreateFunctionRequest { code: from("code.zip"), ..python("f") }).await;
    let fault = cloud.expect_fault::<CreateFunction>(CreateFunctionRequest { code: from("other.zip"), ..python("g") }).await;
    let text = "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.";
    assert_eq!(said(&fault), ("InvalidParameterValueException", text));
}

#[tokio::test]
async fn configurations_and_code_change() {
    let cloud = cloud();
    let made = cloud.ok::<CreateFunction>(python("f")).await;
    let change = UpdateFunctionConfigurationRequest {
        function_name: "f".into(),
        timeout: Some(9),
        description: Some("new".into()),
        ..UpdateFunctionConfigurationRequest::default()
    };
    let changed = cloud.ok::<UpdateFunctionConfiguration>(change).await;
    assert_eq!((changed.last_update_status.as_deref(), changed.state.as_deref()), (Some("InProgress"), Some("Active")));
    assert_eq!((changed.timeout, changed.description.as_deref(), changed.memory_size), (Some(9), Some("new"), Some(128)));
    let updated = cloud.ok::<UpdateFunctionCode>(update_code("f", "two")).await;
    assert_ne!(updated.code_sha256, made.code_sha256);
    let stale = UpdateFunctionCodeRequest { revision_id: made.revision_id, ..update_code("f", "three") };
    let fault = cloud.expect_fault::<UpdateFunctionCode>(stale).await;
    assert_eq!((fault.name(), fault.status()), ("PreconditionFailedException", 412));
    cloud.ok::<DeleteFunction>(DeleteFunctionRequest { function_name: "f".into(), qualifier: None }).await;
    assert_eq!(cloud.expect_fault::<GetFunction>(get("f", None)).await.status(), 404);
}

#[tokio::test]
async fn lists_have_pages() {
    let cloud = cloud();
    for name in ["a", "b", "c"] {
        cloud.ok::<CreateFunction>(python(name)).await;
    }
    let first = cloud.ok::<ListFunctions>(ListFunctionsRequest { max_items: Some(2), ..ListFunctionsRequest::default() }).await;
    let names = |functions: &Option<Vec<FunctionConfiguration>>| -> Vec<String> {
        functions.iter().flatten().filter_map(|function| function.function_name.clone()).collect()
    };
    assert_eq!(names(&first.functions), ["a", "b"]);
    assert_eq!(first.functions.as_ref().unwrap()[0].state, None);
    let next = ListFunctionsRequest { max_items: Some(2), marker: first.next_marker, ..ListFunctionsRequest::default() };
    let second = cloud.ok::<ListFunctions>(next).await;
    assert_eq!((names(&second.functions), second.next_marker), (vec!["c".to_owned()], None));
}

#[tokio::test]
async fn whoever_makes_a_function_must_be_allowed_to_pass_its_role() {
    let cloud = cloud();
    let fault = cloud.expect_fault_as::<CreateFunction>(user(cloud.account(), "reader"), python("f")).await;
    assert_eq!(fault.name(), "AccessDeniedException");
    let denied = cloud.calls().first().unwrap().auth_records.iter().map(|record| record.action).collect::<Vec<_>>();
    assert_eq!(denied.first(), Some(&"lambda:CreateFunction"));
}

#[tokio::test]
async fn concurrency_is_reserved_within_the_account() {
    let cloud = cloud();
    cloud.ok::<CreateFunction>(python("f")).await;
    let put = |reserved| PutFunctionConcurrencyRequest { function_name: "f".into(), reserved_concurrent_executions: reserved };
    cloud.ok::<PutFunctionConcurrency>(put(900)).await;
    let fault = cloud.expect_fault::<PutFunctionConcurrency>(put(901)).await;
    assert!(fault.message().ends_with("decreases account's UnreservedConcurrentExecution below its minimum value of [100]."), "{fault}");
    let limit = cloud.ok::<GetAccountSettings>(GetAccountSettingsRequest {}).await.account_limit.unwrap();
    assert_eq!((limit.concurrent_executions, limit.unreserved_concurrent_executions), (Some(1_000), Some(100)));
    let absent = PutFunctionConcurrencyRequest { function_name: "g".into(), ..put(1) };
    let fault = cloud.expect_fault::<PutFunctionConcurrency>(absent).await;
    assert_eq!(fault.message(), "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST");
}

#[tokio::test]
async fn code_that_stays_in_its_bucket_is_not_built() {
    let cloud = cloud();
    let stored = |mode: &str| FunctionCode {
        s3_bucket: Some("b".into()),
        s3_key: Some("code.zip".into()),
        s3_object_storage_mode: Some(mode.into()),
        ..FunctionCode::default()
    };
    let fault = cloud.expect_fault::<CreateFunction>(CreateFunctionRequest { code: stored("REFERENCE"), ..python("f") }).await;
    assert_eq!(fault.status(), 501);
    cloud.ok::<CreateFunction>(CreateFunctionRequest { code: stored("COPY"), ..python("f") }).await;
}

#[tokio::test]
async fn an_image_brings_its_runtime_itself() {
    let cloud = cloud();
    let code = FunctionCode { image_uri: Some("orders:1".into()), ..FunctionCode::default() };
    let image = CreateFunctionRequest { package_type: Some("Image".into()), runtime: None, handler: None, code, ..python("f") };
    let text = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.";
    let fault = cloud.expect_fault::<CreateFunction>(CreateFunctionRequest { handler: Some("a.b".into()), ..image.clone() }).await;
    assert_eq!(fault.message(), text);
    cloud.ok::<CreateFunction>(image).await;
    let settings = UpdateFunctionConfigurationRequest { function_name: "f".into(), runtime: Some("python3.12".into()), ..Default::default() };
    assert_eq!(cloud.expect_fault::<UpdateFunctionConfiguration>(settings).await.message(), text);
    let nothing = UpdateFunctionCodeRequest { function_name: "f".into(), ..Default::default() };
    let text = "Please provide ImageUri when updating a function with packageType Image.";
    assert_eq!(cloud.expect_fault::<UpdateFunctionCode>(nothing).await.message(), text);
    assert_eq!(cloud.expect_fault::<UpdateFunctionCode>(update_code("f", "two")).await.message(), text);
}

#[tokio::test]
async fn snap_start_is_for_some_runtimes() {
    let cloud = cloud();
    let snap_start = || Some(SnapStart { apply_on: Some("PublishedVersions".into()) });
    let old = CreateFunctionRequest { runtime: Some("python3.9".into()), snap_start: snap_start(), ..python("f") };
    let text = "python3.9 is not supported for SnapStart enabled functions.";
    assert_eq!(cloud.expect_fault::<CreateFunction>(old).await.message(), text);
    cloud.ok::<CreateFunction>(CreateFunctionRequest { snap_start: snap_start(), ..python("f") }).await;
    cloud.ok::<CreateFunction>(CreateFunctionRequest { runtime: Some("python3.9".into()), ..python("g") }).await;
    let update = |name: &str| UpdateFunctionConfigurationRequest { function_name: name.into(), snap_start: snap_start(), ..Default::default() };
    cloud.ok::<UpdateFunctionConfiguration>(update("f")).await;
    assert_eq!(cloud.expect_fault::<UpdateFunctionConfiguration>(update("g")).await.message(), text);
    for (runtime, has) in
        [("java8.al2", false), ("java11", true), ("python3.9", false), ("python3.13", true), ("nodejs22.x", false), ("dotnet8", true)]
    {
        assert_eq!(crate::runtimes::has_snap_start(runtime), has, "{runtime}");
    }
}
