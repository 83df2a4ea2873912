use super::fixture::*;
use crate::parameters::names::{Reference, Selector};
use cloudlet_aws::{Account, Region, Scope};
use proptest::prelude::*;

const BAD: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash \
                   symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_";
const RESERVED: &str = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).";

#[tokio::test]
async fn names_that_are_refused() {
    let cloud = TestCloud::new();
    let deep = format!("/{}", ["a"; 16].join("/"));
    let long = format!("/{}", "a".repeat(1_000));
    for (name, fault, message) in [
        ("aws", "ValidationException", RESERVED),
        ("AWS-x", "ValidationException", RESERVED),
        ("ssm", "ValidationException", RESERVED),
        ("/ssm", "ValidationException", RESERVED),
        ("/SSM/a", "ValidationException", BAD),
        ("/aws/a", "AccessDeniedException", "No access to reserved parameter name: /aws/a."),
        ("/a//b", "ValidationException", BAD),
        ("a b", "ValidationException", BAD),
        ("a:1", "ValidationException", BAD),
        ("/", "ValidationException", BAD),
        ("é", "ValidationException", BAD),
        ("arn:aws:ssm:us-east-1:000000000000:parameter/a", "ValidationException", BAD),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("/a/", "ValidationException", "Parameter name must not end with slash."),
        (&deep, "HierarchyLevelLimitExceededException", ""),
        (&long, "ValidationException", ""),
    ] {
        let said = cloud.put_fault(string(name, "v")).await;
        assert_eq!(said.0, fault, "{name}: {said:?}");
        assert!(message.is_empty() || said.1 == message, "{name}: {said:?}");
    }
    for name in ["a", "/a", "/a.b/c-d/e_f", "  spaces-around ", &format!("/{}", ["a"; 15].join("/"))] {
        cloud.put(overwrite_new(name)).await;
    }
    assert_eq!(cloud.value("spaces-around").await, "v");
}

fn overwrite_new(name: &str) -> cloudlet_api_ssm::PutParameterRequest {
    cloudlet_api_ssm::PutParameterRequest { overwrite: Some(true), ..string(name, "v") }
}

#[tokio::test]
async fn a_parameter_is_read_by_name_version_label_and_arn() {
    let cloud = TestCloud::new();
    cloud.put(string("/a/b", "one")).await;
    cloud.put(overwrite("/a/b", "two")).await;
    cloud.label("/a/b", 1, &["good"]).await.unwrap();
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/a/b";
    for (name, value, selector) in [
        ("/a/b".to_owned(), "two", None),
        ("/a/b:1".to_owned(), "one", Some(":1")),
        ("/a/b:good".to_owned(), "one", Some(":good")),
        (arn.to_owned(), "two", None),
        (format!("{arn}:1"), "one", Some(":1")),
        (format!("{arn}:good"), "one", Some(":good")),
    ] {
        let read = cloud.get(&name).await;
        assert_eq!((read.value.as_deref(), read.selector.as_deref(), read.name.as_deref()), (Some(value), selector, Some("/a/b")), "{name}");
    }
    let syntax = "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>";
    for (name, fault, message) in [
        ("/a/b:3", "ParameterVersionNotFound", "Systems Manager could not find version 3 of /a/b. Verify the version and try again."),
        ("/a/b:bad", "ParameterVersionNotFound", "Systems Manager could not find label bad of /a/b. Verify the label and try again."),
        ("/a/b:", "ValidationException", syntax),
        ("/a/b:1:2", "ValidationException", syntax),
        ("/a//b", "ValidationException", BAD),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("/a/c", "ParameterNotFound", ""),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/a/b", "ParameterNotFound", ""),
        ("arn:aws:sqs:us-east-1:000000000000:a", "ValidationException", "Invalid parameter ARN."),
    ] {
        assert_eq!(cloud.get_fault(name).await, (fault.to_owned(), message.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_secret_is_honestly_not_there() {
    let cloud = TestCloud::new();
    let name = "/aws/reference/secretsmanager/my+secret@home";
    let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
    assert_eq!(cloud.get_fault(name).await, ("ValidationException".into(), message.into()));
    let input = cloudlet_api_ssm::GetParameterRequest { name: name.into(), with_decryption: Some(true) };
    let (fault, message) = said(&cloud.expect_fault::<cloudlet_api_ssm::GetParameter>(input).await);
    assert_eq!(fault, "ParameterNotFound");
    assert!(message.ends_with(&format!("Secret {name} not found.")), "{message}");
}

fn scope() -> Scope {
    Scope::new(Account::default(), Region::new("us-east-1"))
}

prop_compose! {
    fn a_name()(parts in prop::collection::vec("[a-zA-Z0-9_.-]{1,8}", 1..5), slash in any::<bool>()) -> String {
        let joined = parts.join("/");
        if slash || parts.len() > 1 { format!("/{joined}") } else { joined }
    }
}

proptest! {
    /// A name with a selector says the same as the ARN with it, and gives both back.
    #[test]
    fn references_are_read_as_they_are_written(name in a_name(), selector in prop::option::of("[0-9]{1,9}|[a-zA-Z_][a-zA-Z0-9_.-]{0,20}")) {
        let text = match &selector { Some(selector) => format!("{name}:{selector}"), None => name.clone() };
        let by_name = Reference::parse(&scope(), &text).unwrap();
        prop_assert_eq!(&by_name.name, &name);
        prop_assert_eq!(by_name.key.bare(), name.trim_start_matches('/'));
        let arn = match &selector { Some(selector) => format!("{}:{selector}", by_name.arn), None => by_name.arn.to_string() };
        let by_arn = Reference::parse(&scope(), &arn).unwrap();
        prop_assert_eq!((&by_arn.key, &by_arn.selector), (&by_name.key, &by_name.selector));
        let shown = by_name.selector.as_ref().map(Selector::shown);
        match selector {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => prop_assert_eq!(shown.unwrap(), format!(":{}", text.parse::<i64>().unwrap())),
            Some(text) => prop_assert_eq!(shown.unwrap(), format!(":{text}")),
            None => prop_assert_eq!(shown, None),
        }
    }

    #[test]
    fn no_text_is_too_much_for_the_parser(text in ".{0,60}") {
        let _ = Reference::parse(&scope(), &text);
    }
}
