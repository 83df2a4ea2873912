use super::*;
use cloudlet_identity::{Root, Secret};

fn identity() -> Identity {
    let account = Account::default();
    Identity::new(Root { account, partition: "aws", access_key: "AKIAROOT".into(), secret: Secret::new("secret".to_owned()) })
}

fn refused(statement: &str) -> String {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    ResourcePolicy::parse(&text, Target::Bucket("b-1"), &identity()).map_or_else(|InvalidPolicy(message)| message, |_| String::new())
}

#[test]
fn resources_and_actions_must_fit_the_bucket() {
    let statement = |action: &str, resource: &str| {
        refused(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"999999999999"}},"Action":{action},"Resource":"{resource}"}}"#))
    };
    for (action, resource, message) in [
        (r#""s3:GetObject""#, "arn:aws:s3:::b-1/*", ""),
        (r#""s3:*""#, "arn:aws:s3:::b-1", ""),
        (r#""*""#, "arn:aws:s3:::b-1", ""),
        (r#"["s3:GetObject","s3:ListBucket"]"#, "arn:aws:s3:::b-1*", ""),
        (r#""s3:GetObject""#, "*", "Policy has invalid resource"),
        (r#""s3:GetObject""#, "arn:aws:s3:::other/*", "Policy has invalid resource"),
        (r#""s3:GetObject""#, "arn:aws:sqs:us-east-1:000000000000:b-1", "Policy has invalid resource"),
        (r#""s3:Nonsense""#, "arn:aws:s3:::b-1/*", "Policy has invalid action"),
        (r#""sqs:SendMessage""#, "arn:aws:s3:::b-1/*", "Policy has invalid action"),
        (r#""s3:GetObject""#, "arn:aws:s3:::b-1", "Action does not apply to any resource(s) in statement"),
        (r#"["s3:GetObject","s3:ListBucket"]"#, "arn:aws:s3:::b-1/*", "Action does not apply to any resource(s) in statement"),
    ] {
        assert_eq!(statement(action, resource), message, "{action} {resource}");
    }
}

#[test]
fn a_text_that_is_no_policy_is_refused_in_the_words_of_s3() {
    let parse = |text: &str| ResourcePolicy::parse(text, Target::Bucket("b-1"), &identity()).unwrap_err().0;
    assert_eq!(parse(""), "Policies must be valid JSON and the first byte must be '{'");
    assert_eq!(parse(" {}"), "Policies must be valid JSON and the first byte must be '{'");
    assert_eq!(parse("{}"), "Missing required field Statement");
    let nobody = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/nobody"},"Action":"s3:*","Resource":"arn:aws:s3:::b-1"}"#;
    assert_eq!(refused(nobody), "Invalid principal in policy");
    assert_eq!(refused(&nobody.replace("arn:aws:iam::000000000000:user/nobody", "who")), "Invalid principal in policy");
    assert_eq!(refused(r#"{"Effect":"Allow","Principal":"*","Action":"s3:*"}"#), "Missing required field Resource");
}

#[test]
fn principals_of_other_services_and_accounts_are_accepted() {
    for principal in [
        r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}"#,
        r#"{"AWS":"arn:aws:iam::582318560864:root"}"#,
        r#"{"Service":"delivery.logs.amazonaws.com"}"#,
        r#"{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#,
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:PutObject","Resource":"arn:aws:s3:::b-1/*"}}"#);
        assert_eq!(refused(&statement), "", "{principal}");
    }
}
