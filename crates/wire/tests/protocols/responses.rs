//! Their results and errors, our answers.

use crate::{Case, compare, model, run, value::Structure};
use cloudlet_aws::{Blame, Fault};
use cloudlet_shape::{BodyContent, FaultKind, Protocol};
use cloudlet_wire::{Answer, Ids, codec};
use serde_json::Value as Json;

fn check(case: &Case) -> Result<(), String> {
    let model = model::Model::new(&case.suite);
    let operation = model::operation(model, &case.suite, &case.case);
    let protocol = operation.service.protocol;
    let response = &case.case["response"];
    let request_id = response["headers"]["X-Amzn-Requestid"].as_str().unwrap_or("foo-id");
    let ids = Ids { request_id, extended_id: "bar-id" };
    let answer = if case.case.get("error").is_some() {
        let fault = fault(case, response);
        codec(protocol).fault(operation.service, &fault, &ids)
    } else {
        let output = Structure::from_json(model, operation.output, &case.case["result"]);
        codec(protocol).encode(operation, &output, &ids)
    };
    if let Some(status) = response["status_code"].as_u64()
        && status != u64::from(answer.status)
    {
        return Err(format!("status {} and not {status}", answer.status));
    }
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        // The server writes it, from the body.
        if name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        let ours = answer.header(&name.to_lowercase()).unwrap_or_default();
        compare::header(name, value.as_str().unwrap(), ours)?;
    }
    let theirs = response["body"].as_str().unwrap_or_default();
    let ours = body(&answer);
    match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RestJson => compare::json_text(theirs, &ours),
        Protocol::RestXml | Protocol::Query | Protocol::Ec2Query => compare::xml_text(theirs, &ours),
    }
}

fn body(answer: &Answer) -> String {
    match answer.body.take() {
        BodyContent::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        BodyContent::Stream(_) => "a stream".into(),
    }
}

/// A fault like theirs. Its members are texts: a nested one cannot be said with it.
fn fault(case: &Case, response: &Json) -> Fault {
    let code = case.case["errorCode"].as_str().unwrap_or_default();
    let name = case.case["given"]["errors"][0]["shape"].as_str().unwrap_or(code).to_owned();
    let message = case.case["errorMessage"].as_str().unwrap_or_default();
    let status = response["status_code"].as_u64().unwrap_or(400) as u16;
    let kind = FaultKind { name: model::leak(&name), code: model::leak(code), status, blame: Blame::Sender };
    let mut fault = kind.says(message);
    let members = &case.suite["shapes"][&name]["members"];
    for (member, value) in case.case["error"].as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match members[member]["location"].as_str() {
            Some("header") => fault = fault.with_header(model::leak(&members[member]["locationName"].as_str().unwrap().to_lowercase()), text),
            _ => fault = fault.with(model::leak(member), text),
        }
    }
    fault
}

const SPELLING: &str = "another spelling of an error's name, which clients must understand and no server needs to write";
const NESTED: &str = "the error has a structure inside; a fault's members are texts";
const NAMESPACES: &str = "namespaces on members, which no service of ours has";
const IGNORED: &str = "the answer holds something that a client must ignore";
const FLATTENED: &str = "a flattened list whose items have a name: AWS's clients read it by that name, Smithy does not";
const NO_DOCUMENT: &str = "a content type without a body";

#[test]
fn aws_json_answers_are_theirs() {
    run(
        "output",
        "json",
        &[
            ("handles_unexpected_json_output", IGNORED),
            ("AwsJson11DeserializeIgnoreType", IGNORED),
            ("AwsJson11IntEnums", "a header of the request in the answer"),
            ("AwsJson11ComplexError", NESTED),
            ("AwsJson11FooErrorUsingXAmznErrorType", SPELLING),
            ("AwsJson11FooErrorUsingXAmznErrorTypeWithUri", SPELLING),
            ("AwsJson11FooErrorUsingXAmznErrorTypeWithUriAndNamespace", SPELLING),
            ("AwsJson11FooErrorUsingCode", SPELLING),
            ("AwsJson11FooErrorUsingCodeAndNamespace", SPELLING),
            ("AwsJson11FooErrorUsingCodeUriAndNamespace", SPELLING),
        ],
        check,
    );
    run(
        "output",
        "json_1_0",
        &[
            ("AwsJson10HandlesUnexpectedJsonOutput", IGNORED),
            ("AwsJson10DeserializeIgnoreType", IGNORED),
            ("AwsJson10ComplexError", NESTED),
            ("AwsJson10FooErrorUsingXAmznErrorType", SPELLING),
            ("AwsJson10FooErrorUsingXAmznErrorTypeWithUri", SPELLING),
            ("AwsJson10FooErrorUsingXAmznErrorTypeWithUriAndNamespace", SPELLING),
            ("AwsJson10FooErrorUsingCode", SPELLING),
            ("AwsJson10FooErrorUsingCodeAndNamespace", SPELLING),
            ("AwsJson10FooErrorUsingCodeUriAndNamespace", SPELLING),
        ],
        check,
    );
    run("output", "json_1_0-query-compatible", &[], check);
}

#[test]
fn rest_json_answers_are_theirs() {
    run(
        "output",
        "rest-json",
        &[
            ("RestJsonDeserializeIgnoreType", IGNORED),
            ("RestJsonComplexErrorWithNoMessage", NESTED),
            ("RestJsonFooErrorUsingXAmznErrorTypeWithUri", SPELLING),
            ("RestJsonFooErrorUsingXAmznErrorTypeWithUriAndNamespace", SPELLING),
            ("RestJsonFooErrorUsingCode", SPELLING),
            ("RestJsonFooErrorUsingCodeAndNamespace", SPELLING),
            ("RestJsonFooErrorUsingCodeUriAndNamespace", SPELLING),
            ("RestJsonFooErrorWithDunderType", SPELLING),
            ("RestJsonFooErrorWithDunderTypeAndNamespace", SPELLING),
            ("RestJsonFooErrorWithDunderTypeUriAndNamespace", SPELLING),
        ],
        check,
    );
}

#[test]
fn rest_xml_answers_are_theirs() {
    run(
        "output",
        "rest-xml",
        &[
            ("RestXmlFlattenedXmlMapWithXmlNamespace", NAMESPACES),
            ("RestXmlXmlMapWithXmlNamespace", NAMESPACES),
            ("XmlNamespaces", NAMESPACES),
            ("InvalidGreetingError", IGNORED),
            ("ComplexError", NESTED),
            ("RestXmlHttpResponseCode", NO_DOCUMENT),
            ("IgnoreQueryParamsInResponse", NO_DOCUMENT),
            ("XmlLists", FLATTENED),
        ],
        check,
    );
}

#[test]
fn query_answers_are_theirs() {
    run(
        "output",
        "query",
        &[
            ("QueryQueryFlattenedXmlMapWithXmlNamespace", NAMESPACES),
            ("QueryXmlNamespaces", NAMESPACES),
            ("QueryComplexError", NESTED),
            ("QueryXmlLists", FLATTENED),
        ],
        check,
    );
}

#[test]
fn ec2_answers_are_theirs() {
    run("output", "ec2", &[("Ec2XmlNamespaces", NAMESPACES), ("Ec2ComplexError", NESTED), ("Ec2XmlLists", FLATTENED)], check);
}
