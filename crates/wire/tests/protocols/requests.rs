//! Their requests, our inputs.

use crate::{Case, compare, model, run, value::Structure};
use cloudlet_aws::Head;
use cloudlet_shape::Protocol;
use cloudlet_wire::{Content, HostParts, Incoming, Recognized, Recognizer, codec};

fn check(case: &Case) -> Result<(), String> {
    let model = model::Model::new(&case.suite);
    let operation = model::operation(model, &case.suite, &case.case);
    let serialized = &case.case["serialized"];
    let uri = serialized["uri"].as_str().unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut headers = vec![("host".to_owned(), "localhost".to_owned())];
    for (name, value) in serialized["headers"].as_object().into_iter().flatten() {
        headers.push((name.to_lowercase(), value.as_str().unwrap().to_owned()));
    }
    // Some cases of one file leave the target to be guessed.
    let json = matches!(operation.service.protocol, Protocol::AwsJson10 | Protocol::AwsJson11);
    if json && !headers.iter().any(|(name, _)| name == "x-amz-target") {
        headers.push(("x-amz-target".into(), format!("{}.{}", operation.service.target_prefix, operation.name)));
    }
    let head = Head { method: serialized["method"].as_str().unwrap_or("POST"), path, query, headers: &headers };
    let body = serialized["body"].as_str().unwrap_or_default().to_owned();
    let recognizer = Recognizer::new(&[operation.service], &["localhost".to_owned()]);
    let recognized = Recognized { service: operation.service, protocol: operation.service.protocol, host: HostParts::default() };
    let routed = recognizer.operation(&recognized, &head, path, Some(body.as_bytes())).map_err(|unknown| format!("{unknown:?}"))?;
    if routed.operation.name != operation.name {
        return Err(format!("taken for {}", routed.operation.name));
    }
    let mut input = Structure::new(model, operation.input);
    let incoming = Incoming { head: &head, labels: &routed.labels, body: Content::Whole(body.into()) };
    let missing =
        codec(recognized.protocol).decode(operation, incoming, &mut |reader| input.read(reader)).map_err(|malformed| format!("{malformed:?}"))?;
    if !missing.is_empty() {
        return Err(format!("missing {missing:?}"));
    }
    compare::json(&case.case["params"], &input.to_json())
}

const TOKEN: &str = "the client makes the token up: it is in the request and not in the parameters";
const COMPRESSED: &str = "the case has no body";
const EMPTY: &str = "the protocol cannot say that a list or map is empty";
const REPEATED: &str = "the client's map repeats parameters that other members take";

#[test]
fn aws_json_requests_are_read() {
    run(
        "input",
        "json",
        &[("SDKAppliedContentEncoding_awsJson1_1", COMPRESSED), ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1", COMPRESSED)],
        check,
    );
    run(
        "input",
        "json_1_0",
        &[("SDKAppliedContentEncoding_awsJson1_0", COMPRESSED), ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0", COMPRESSED)],
        check,
    );
    run("input", "json_1_0-query-compatible", &[], check);
}

#[test]
fn rest_json_requests_are_read() {
    run(
        "input",
        "rest-json",
        &[
            ("RestJsonAllQueryStringTypes", REPEATED),
            ("RestJsonQueryStringEscaping", REPEATED),
            ("RestJsonSupportsNaNFloatQueryValues", REPEATED),
            ("RestJsonSupportsInfinityFloatQueryValues", REPEATED),
            ("RestJsonSupportsNegativeInfinityFloatQueryValues", REPEATED),
            ("RestJsonZeroAndFalseQueryValues", REPEATED),
            ("RestJsonQueryPrecedence", REPEATED),
            ("RestJsonHostWithPath", "the client's endpoint has a path of its own"),
            ("RestJsonHttpPrefixHeadersAreNotPresent", EMPTY),
            ("RestJsonOmitsEmptyListQueryValues", EMPTY),
            ("SDKAppliedContentEncoding_restJson1", COMPRESSED),
            ("SDKAppendedGzipAfterProvidedEncoding_restJson1", COMPRESSED),
            ("RestJsonQueryIdempotencyTokenAutoFill", TOKEN),
            ("RestJsonHttpWithEmptyStructurePayload", "the client writes an empty object for a payload that it does not have"),
            ("RestJsonHttpWithHeadersButNoPayload", "the client writes an empty object for a payload that it does not have"),
        ],
        check,
    );
}

#[test]
fn rest_xml_requests_are_read() {
    run(
        "input",
        "rest-xml",
        &[
            ("RestXmlQueryPrecedence", REPEATED),
            ("HttpPrefixHeadersAreNotPresent", EMPTY),
            ("SDKAppliedContentEncoding_restXml", COMPRESSED),
            ("SDKAppendedGzipAfterProvidedEncoding_restXml", COMPRESSED),
            ("QueryIdempotencyTokenAutoFill", TOKEN),
        ],
        check,
    );
}

#[test]
fn query_requests_are_read() {
    run(
        "input",
        "query",
        &[
            ("SDKAppliedContentEncoding_awsQuery", COMPRESSED),
            ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery", COMPRESSED),
            ("QueryProtocolIdempotencyTokenAutoFill", TOKEN),
            ("QueryEmptyQueryMaps", EMPTY),
        ],
        check,
    );
}

#[test]
fn ec2_requests_are_read() {
    run(
        "input",
        "ec2",
        &[
            ("SDKAppliedContentEncoding_ec2Query", COMPRESSED),
            ("SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query", COMPRESSED),
            ("Ec2ProtocolIdempotencyTokenAutoFill", TOKEN),
            ("Ec2EmptyQueryLists", EMPTY),
        ],
        check,
    );
}
