//! Which service and operation a request is for, with the schemas of all services.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use cloudlet_aws::Head;
use cloudlet_shape::{Protocol, ServiceSchema};
use cloudlet_wire::{ErrorForm, HostParts, Recognizer, Routed, Unknown};

const SERVICES: [&ServiceSchema; 14] = [
    &cloudlet_api_s3::SERVICE,
    &cloudlet_api_s3control::SERVICE,
    &cloudlet_api_sqs::SERVICE,
    &cloudlet_api_sns::SERVICE,
    &cloudlet_api_ses::SERVICE,
    &cloudlet_api_sesv2::SERVICE,
    &cloudlet_api_sts::SERVICE,
    &cloudlet_api_iam::SERVICE,
    &cloudlet_api_ec2::SERVICE,
    &cloudlet_api_kms::SERVICE,
    &cloudlet_api_lambda::SERVICE,
    &cloudlet_api_logs::SERVICE,
    &cloudlet_api_ssm::SERVICE,
    &cloudlet_api_states::SERVICE,
];

fn recognizer() -> Recognizer {
    let bases = ["localhost", "localhost.localstack.cloud", "amazonaws.com", "amazonaws.com.cn"].map(str::to_owned);
    Recognizer::new(&SERVICES, &bases)
}

/// A request's head in words: `GET /path?query`, and header lines.
struct Asked {
    line: String,
    headers: Vec<(String, String)>,
}

fn asked(line: &str, headers: &[&str]) -> Asked {
    let headers = headers.iter().map(|header| header.split_once(": ").unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Asked { line: line.to_owned(), headers: headers.collect() }
}

impl Asked {
    fn head(&self) -> Head<'_> {
        let (method, uri) = self.line.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        Head { method, path, query, headers: &self.headers }
    }

    /// `sqs SendMessage`, or why not.
    fn operation(&self, form: Option<&str>) -> String {
        let recognizer = recognizer();
        let head = self.head();
        let Some(of) = recognizer.service(&head).or_else(|| recognizer.service_of_form(&head, form.unwrap_or_default().as_bytes())) else {
            return "nothing".into();
        };
        match recognizer.operation(&of, &head, head.path, form.map(str::as_bytes)) {
            Ok(routed) => format!("{} {}", of.service.name, routed.operation.name),
            Err(unknown) => format!("{} {}", of.service.name, unknown.fault(&of)),
        }
    }

    fn routed(&self) -> Routed {
        let recognizer = recognizer();
        let of = recognizer.service(&self.head()).unwrap();
        recognizer.operation(&of, &self.head(), self.head().path, None).unwrap()
    }
}

fn signed(service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

const FORM: &str = "content-type: application/x-www-form-urlencoded; charset=utf-8";
const LOCAL: &str = "host: localhost:4566";

#[test]
fn a_target_names_service_and_operation() {
    for (target, expected) in [
        ("AmazonSQS.SendMessage", "sqs SendMessage"),
        ("TrentService.Encrypt", "kms Encrypt"),
        ("AmazonSSM.GetParameter", "ssm GetParameter"),
        ("Logs_20140328.PutLogEvents", "logs PutLogEvents"),
        ("AWSStepFunctions.StartExecution", "states StartExecution"),
        ("AWSStepFunctions.StartNothing", "states UnknownOperationException: "),
    ] {
        let target = format!("x-amz-target: {target}");
        assert_eq!(asked("POST /", &[LOCAL, &target, "content-type: application/x-amz-json-1.0"]).operation(None), expected);
    }
}

#[test]
fn a_json_request_without_a_target_is_an_unknown_operation_of_its_service() {
    let asked = asked("POST /", &[LOCAL, &signed("kms"), "content-type: application/x-amz-json-1.1"]);
    assert_eq!(asked.operation(None), "kms UnknownOperationException: ");
}

#[test]
fn sqs_is_asked_in_both_its_protocols() {
    let recognizer = recognizer();
    let json = asked("POST /", &[LOCAL, &signed("sqs"), "x-amz-target: AmazonSQS.SendMessage", "content-type: application/x-amz-json-1.0"]);
    assert_eq!(recognizer.service(&json.head()).unwrap().protocol, Protocol::AwsJson10);
    let query = asked("POST /123456789012/jobs", &[LOCAL, &signed("sqs"), FORM]);
    assert_eq!(recognizer.service(&query.head()).unwrap().protocol, Protocol::Query);
    assert_eq!(query.operation(Some("Action=SendMessage&Version=2012-11-05&MessageBody=hello")), "sqs SendMessage");
}

#[test]
fn a_get_of_a_queue_url_without_an_action_is_a_request_of_the_query_protocol() {
    let asked = asked("GET /123456789012/jobs", &[LOCAL, &signed("sqs")]);
    assert_eq!(recognizer().service(&asked.head()).unwrap().protocol, Protocol::Query);
    assert_eq!(asked.operation(None), "sqs UnknownOperationException: ");
}

#[test]
fn a_signature_tells_the_service_of_a_form() {
    for (service, form, expected) in [
        ("sns", "Action=Publish&Version=2010-03-31", "sns Publish"),
        ("sts", "Action=GetCallerIdentity&Version=2011-06-15", "sts GetCallerIdentity"),
        ("iam", "Version=2010-05-08&Action=CreateUser&UserName=x", "iam CreateUser"),
        ("ses", "Action=SendEmail&Version=2010-12-01", "ses SendEmail"),
        ("ec2", "Action=DescribeSecurityGroups&Version=2014-10-01", "ec2 DescribeSecurityGroups"),
        ("ec2", "Action=Nothing&Version=2016-11-15", "ec2 InvalidAction: The action Nothing is not valid for this web service."),
        ("sts", "Action=Nothing&Version=2011-06-15", "sts InvalidAction: Could not find operation Nothing for version 2011-06-15"),
        ("iam", "Action=ListUsers&Version=2010-01-01", "iam InvalidAction: Could not find operation ListUsers for version 2010-01-01"),
        ("iam", "Action=Nothing", "iam InvalidAction: Could not find operation Nothing for version NO_VERSION_SPECIFIED"),
        ("sqs", "Action=Nothing&Version=2012-11-05", "sqs InvalidAction: The action Nothing is not valid for this endpoint."),
        ("sqs", "MessageBody=x", "sqs UnknownOperationException: "),
        ("iam", "UserName=x", "iam MissingAction: The request is missing an action or operation parameter."),
    ] {
        assert_eq!(asked("POST /", &[LOCAL, &signed(service), FORM]).operation(Some(form)), expected, "{form}");
    }
}

#[test]
fn an_unsigned_form_is_known_by_its_action() {
    let web = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x";
    assert_eq!(asked("POST /", &[LOCAL, FORM]).operation(Some(web)), "sts AssumeRoleWithWebIdentity");
    assert_eq!(asked("POST /", &[LOCAL, FORM]).operation(Some("Hello=world")), "nothing");
}

#[test]
fn the_link_in_a_mail_needs_neither_signature_nor_version() {
    assert_eq!(asked("GET /?Action=ConfirmSubscription&TopicArn=t&Token=x", &[LOCAL]).operation(None), "sns ConfirmSubscription");
    assert_eq!(asked("GET /?Action=Unsubscribe&SubscriptionArn=s", &["host: 127.0.0.1:4566"]).operation(None), "sns Unsubscribe");
}

#[test]
fn no_service_answers_for_another_that_is_not_here() {
    let signed = |name: &str| format!("authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/{name}/aws4_request, SignedHeaders=host");
    let absent = |line: &str, headers: &[&str]| {
        let asked = asked(line, headers);
        let found = recognizer().service(&asked.head());
        assert!(found.is_none(), "{found:?}");
        recognizer().absent(&asked.head()).map(|absent| (absent.name.into_owned(), absent.reads))
    };
    let dynamodb = absent("POST /", &[LOCAL, &signed("dynamodb"), "x-amz-target: DynamoDB_20120810.ListTables"]);
    assert_eq!(dynamodb, Some(("dynamodb".into(), ErrorForm::Json)));
    let form = "content-type: application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(absent("POST /", &[LOCAL, &signed("rds"), form]), Some(("rds".into(), ErrorForm::Xml)));
    assert_eq!(absent("GET /2013-04-01/hostedzone", &[LOCAL, &signed("route53")]), Some(("route53".into(), ErrorForm::Xml)));
    assert_eq!(absent("GET /restapis", &[LOCAL, &signed("apigateway")]), Some(("apigateway".into(), ErrorForm::Json)));
    let cbor = ["smithy-protocol: rpc-v2-cbor", LOCAL, &signed("monitoring")];
    assert_eq!(absent("POST /service/GraniteServiceVersion20100801/operation/PutMetricData", &cbor), Some(("monitoring".into(), ErrorForm::Cbor)));
    // Its host says which service is meant, and the service says what is wrong with the signature.
    assert_eq!(asked("GET /b/k", &["host: s3.localhost:4566", &signed("dynamodb")]).operation(None), "s3 GetObject");
    assert_eq!(asked("GET /b/k", &[LOCAL, &signed("nothing")]).operation(None), "s3 GetObject");
}

#[test]
fn services_that_share_a_signing_name_are_told_apart() {
    let v2 = asked("POST /v2/email/outbound-emails", &[LOCAL, &signed("ses"), "content-type: application/json"]);
    assert_eq!(v2.operation(None), "sesv2 SendEmail");
    let control = asked("GET /v20180820/jobs", &[LOCAL, &signed("s3"), "x-amz-account-id: 123456789012"]);
    assert_eq!(control.operation(None), "s3control ListJobs");
    let by_host = asked("GET /v20180820/jobs", &["host: 123456789012.localhost:4566", &signed("s3")]);
    assert_eq!(by_host.operation(None), "s3control ListJobs");
    let bucket = asked("GET /v20180820/jobs", &[LOCAL, &signed("s3")]);
    assert_eq!(bucket.operation(None), "s3 GetObject");
}

#[test]
fn unsigned_rest_requests_are_known_by_their_paths() {
    assert_eq!(asked("GET /2015-03-31/functions/f/configuration", &[LOCAL]).operation(None), "lambda GetFunctionConfiguration");
    assert_eq!(asked("GET /some-bucket/some/key", &[LOCAL]).operation(None), "s3 GetObject");
    assert_eq!(
        asked("POST /some-bucket", &[LOCAL, "content-type: multipart/form-data; boundary=x"]).operation(None).split(':').next(),
        Some("s3 MethodNotAllowed")
    );
}

#[test]
fn presigned_urls_carry_their_scope_in_the_query() {
    let credential = "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Feu-west-1%2Fsts%2Faws4_request";
    let asked = asked(&format!("GET /?Action=GetCallerIdentity&Version=2011-06-15&{credential}"), &[LOCAL]);
    assert_eq!(asked.operation(None), "sts GetCallerIdentity");
}

#[test]
fn operations_of_one_path_are_told_apart_by_what_they_require() {
    for (line, headers, expected) in [
        ("PUT /b/k", vec![], "PutObject"),
        ("PUT /b/k", vec!["x-amz-copy-source: /a/k"], "CopyObject"),
        ("PUT /b/k?partNumber=1&uploadId=u", vec![], "UploadPart"),
        ("PUT /b/k?partNumber=1&uploadId=u", vec!["x-amz-copy-source: /a/k"], "UploadPartCopy"),
        ("PUT /b/k?x-id=PutObject", vec![], "PutObject"),
        ("PUT /b/k?acl", vec![], "PutObjectAcl"),
        ("PUT /b/k?acl=", vec![], "PutObjectAcl"),
        ("GET /b/k?attributes", vec![], "GetObjectAttributes"),
        ("POST /b/k?uploads", vec![], "CreateMultipartUpload"),
        ("POST /b/k?uploadId=u", vec![], "CompleteMultipartUpload"),
        ("POST /b?delete", vec![], "DeleteObjects"),
        ("DELETE /b/k?uploadId=u", vec![], "AbortMultipartUpload"),
        ("DELETE /b/k", vec![], "DeleteObject"),
        ("GET /b/k?uploadId=u", vec![], "ListParts"),
        ("GET /b?list-type=2&prefix=x", vec![], "ListObjectsV2"),
        ("GET /b?list-type=1", vec![], "ListObjects"),
        ("GET /b/", vec![], "ListObjects"),
        ("GET /b?versions", vec![], "ListObjectVersions"),
        ("GET /b?uploads", vec![], "ListMultipartUploads"),
        ("GET /b?location", vec![], "GetBucketLocation"),
        ("GET /b?inventory&id=i", vec![], "GetBucketInventoryConfiguration"),
        ("GET /b?inventory", vec![], "ListBucketInventoryConfigurations"),
        ("GET /b?lifecycle", vec![], "GetBucketLifecycleConfiguration"),
        ("PUT /b?notification", vec![], "PutBucketNotificationConfiguration"),
        ("HEAD /b", vec![], "HeadBucket"),
        ("HEAD /b/k", vec![], "HeadObject"),
        ("GET /", vec![], "ListBuckets"),
        ("PUT /b", vec![], "CreateBucket"),
    ] {
        let mut lines = vec![LOCAL];
        lines.extend(headers);
        assert_eq!(asked(line, &lines).operation(None), format!("s3 {expected}"), "{line}");
    }
}

#[test]
fn a_key_keeps_what_a_path_would_lose() {
    for (path, key) in [
        ("/b/a%2Fb", "a/b"),
        ("/b//a", "/a"),
        ("/b/a//b/../c/.", "a//b/../c/."),
        ("/b/a/", "a/"),
        ("/b/a+b%20c%2B", "a+b c+"),
        ("/b/%E2%82%AC", "€"),
        ("/b/%252F", "%2F"),
    ] {
        let routed = asked(&format!("GET {path}"), &[LOCAL]).routed();
        assert_eq!((routed.labels.get("Bucket"), routed.labels.get("Key")), (Some("b"), Some(key)), "{path}");
    }
}

#[test]
fn what_a_resource_cannot_do_is_not_allowed() {
    let recognizer = recognizer();
    let patch = asked("PATCH /b/k", &[LOCAL, &signed("s3")]);
    let of = recognizer.service(&patch.head()).unwrap();
    let unknown = recognizer.operation(&of, &patch.head(), "/b/k", None).unwrap_err();
    assert!(matches!(&unknown, Unknown::Method { allowed, .. } if allowed.contains(&"PUT") && allowed.contains(&"GET")));
    let fault = unknown.fault(&of);
    assert_eq!(
        (fault.status(), fault.code(), fault.message()),
        (405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    );
    assert_eq!(fault.members(), [("Method", "PATCH".to_owned()), ("ResourceType", "OBJECT".to_owned())]);
    let bad = asked("GET /b/%FF", &[LOCAL, &signed("s3")]);
    assert_eq!(bad.operation(None), "s3 InvalidURI: Couldn't parse the specified URI.");
}

#[test]
fn a_host_says_prefix_service_and_region() {
    let host_parts = |prefix: &str, service: &str, region: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        HostParts { prefix: some(prefix), service: some(service), region: some(region) }
    };
    for (host, expected) in [
        ("localhost:4566", host_parts("", "", "")),
        ("127.0.0.1:4566", host_parts("", "", "")),
        ("[::1]:4566", host_parts("", "", "")),
        ("example.com", host_parts("", "", "")),
        ("bucket.localhost:4566", host_parts("bucket", "", "")),
        ("my.bucket.localhost", host_parts("my.bucket", "", "")),
        ("b1.s3.eu-west-1.localhost:4566", host_parts("b1", "s3", "eu-west-1")),
        ("my.bucket.s3.amazonaws.com", host_parts("my.bucket", "s3", "")),
        ("b.s3-us-west-2.amazonaws.com", host_parts("b", "s3", "us-west-2")),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", host_parts("b", "s3", "eu-west-1")),
        ("s3.cn-north-1.amazonaws.com.cn", host_parts("", "s3", "cn-north-1")),
        ("b.s3-website-us-east-1.amazonaws.com", host_parts("b", "s3-website", "us-east-1")),
        ("b.s3-website.eu-central-1.amazonaws.com", host_parts("b", "s3-website", "eu-central-1")),
        ("b.s3-accelerate.amazonaws.com", host_parts("b", "s3-accelerate", "")),
        ("123456789012.s3-control.eu-west-1.amazonaws.com", host_parts("123456789012", "s3-control", "eu-west-1")),
        ("b--apne1-az4--x-s3.localhost:4566", host_parts("b--apne1-az4--x-s3", "", "")),
        ("sqs.us-gov-west-1.amazonaws.com", host_parts("", "sqs", "us-gov-west-1")),
        ("SQS.EU-West-1.AmazonAWS.com.", host_parts("", "sqs", "eu-west-1")),
        ("eu-west-1.queue.amazonaws.com", host_parts("", "sqs", "eu-west-1")),
        ("queue.amazonaws.com", host_parts("", "sqs", "")),
        ("kms-fips.us-east-1.amazonaws.com", host_parts("", "kms", "us-east-1")),
        ("ssmmessages.eu-west-1.amazonaws.com", host_parts("", "ssm", "eu-west-1")),
        ("email.eu-west-1.amazonaws.com", host_parts("", "email", "eu-west-1")),
        ("sqs.eu-west-1.localhost.localstack.cloud:4566", host_parts("", "sqs", "eu-west-1")),
        ("sync-localhost:4566", host_parts("", "", "")),
        ("stream-logs.eu-west-1.amazonaws.com", host_parts("", "logs", "eu-west-1")),
        ("sync-states.localhost", host_parts("", "states", "")),
        ("sync-bucket.localhost", host_parts("sync-bucket", "", "")),
        ("s3-photos.localhost", host_parts("s3-photos", "", "")),
    ] {
        let asked = asked("GET /", &[&format!("host: {host}"), &signed("s3")]);
        assert_eq!(recognizer().service(&asked.head()).unwrap().host, expected, "{host}");
    }
}

#[test]
fn every_operation_is_found_by_a_request_that_has_what_it_requires() {
    use cloudlet_shape::At;
    let recognizer = recognizer();
    // Deprecated beside its successor, and the directory bucket's list, which has a host of its own.
    let shadowed = ["GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle", "PutBucketNotification", "ListDirectoryBuckets"];
    let mut count = 0;
    for service in SERVICES.iter().filter(|service| matches!(service.protocol, Protocol::RestJson | Protocol::RestXml)) {
        for operation in service.operations.iter().filter(|operation| !shadowed.contains(&operation.name)) {
            let (path, mut query) = operation.uri.split_once('?').map_or((operation.uri, String::new()), |(path, query)| (path, query.to_owned()));
            let path: String = path.split('/').map(|part| if part.starts_with('{') { "label" } else { part }).collect::<Vec<_>>().join("/");
            let mut headers = vec![signed(service.signing_name), LOCAL.to_owned()];
            for member in operation.input.members.iter().filter(|member| member.required()) {
                match member.at {
                    At::Query => query += &format!("&{}=1", member.wire),
                    At::Header => headers.push(format!("{}: 1", member.wire.to_lowercase())),
                    _ => {}
                }
            }
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            let asked = asked(&format!("{} {path}?{query}", operation.method), &headers);
            let of = recognizer.service(&asked.head()).unwrap();
            let routed = recognizer.operation(&of, &asked.head(), asked.head().path, None);
            assert_eq!(routed.map(|routed| routed.operation.name), Ok(operation.name), "{}", asked.line);
            count += 1;
        }
    }
    assert!(count > 300, "{count} operations");
}
