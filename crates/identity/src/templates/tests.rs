use super::*;

fn one(name: &str, value: &str) -> Parameter {
    Parameter { name: name.into(), value: ParameterValue::One(value.into()) }
}

fn list(name: &str, values: &[&str]) -> Parameter {
    Parameter { name: name.into(), value: ParameterValue::List(values.iter().map(|value| (*value).to_owned()).collect()) }
}

fn template(resource: &str) -> Template {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::{resource}/*"}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn resource(template: &Template, parameters: &[Parameter]) -> String {
    let text = template.render(parameters).unwrap().text;
    text.split_once(r#""Resource":"#).unwrap().1.strip_suffix("}]}").unwrap().to_owned()
}

/// The examples of AWS's page.
#[test]
fn parameters_are_replaced_and_lists_are_combined() {
    assert_eq!(
        template("@{bucketName}").render(&[one("bucketName", "customer-data-bucket")]).unwrap().text,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::customer-data-bucket/*"}]}"#
    );
    let buckets = list("bucketNames", &["bucket-1", "bucket-2"]);
    assert_eq!(resource(&template("@{bucketNames}"), std::slice::from_ref(&buckets)), r#"["arn:aws:s3:::bucket-1/*","arn:aws:s3:::bucket-2/*"]"#);
    let both = [buckets, list("prefix", &["a", "b"])];
    assert_eq!(
        resource(&template("@{bucketNames}/@{prefix}"), &both),
        r#"["arn:aws:s3:::bucket-1/a/*","arn:aws:s3:::bucket-1/b/*","arn:aws:s3:::bucket-2/a/*","arn:aws:s3:::bucket-2/b/*"]"#
    );
}

#[test]
fn a_statement_is_included_by_a_parameter() {
    let text = r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},
        {"@Enabled":"WRITE","Sid":"b","Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
        {"@Enabled":"!WRITE","Sid":"c","Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#;
    let template: Template = serde_json::from_str(text).unwrap();
    let sids = |parameters: &[Parameter]| {
        let text = template.render(parameters).unwrap().text;
        assert!(!text.contains("@Enabled"));
        ["a", "b", "c"].into_iter().filter(|sid| text.contains(&format!(r#""Sid":"{sid}""#))).collect::<String>()
    };
    assert_eq!(sids(&[one("WRITE", "True")]), "ab");
    assert_eq!(sids(&[one("WRITE", "False")]), "ac");
    assert_eq!(sids(&[]), "ac");
}

#[test]
fn a_template_that_cannot_be_rendered_is_an_error() {
    let missing = template("@{bucketName}").render(&[]);
    assert_eq!(missing.unwrap_err(), RenderError::Missing("bucketName".into()));
    let long = "x".repeat(LONGEST_RENDERED);
    assert_eq!(template("@{bucketName}").render(&[one("bucketName", &long)]).unwrap_err(), RenderError::TooLong);
    // Sixteen lists of a hundred values have more combinations than memory holds.
    let many = list("n", &["0123456789"; 100]);
    assert_eq!(template(&"@{n}".repeat(16)).render(&[many]).unwrap_err(), RenderError::TooLong);
    let key = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/@{tag}":"x"}}}}"#;
    let key: Template = serde_json::from_str(key).unwrap();
    assert!(matches!(key.render(&[list("tag", &["a", "b"])]), Err(RenderError::List(_))));
    assert!(key.render(&[one("tag", "a")]).unwrap().text.contains("aws:RequestTag/a"));
    assert!(serde_json::from_str::<Template>(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}"#).is_err());
}

#[test]
fn required_permissions_boundaries_are_found() {
    let text = r#"{"Statement":[{"Effect":"Allow","Action":"iam:CreateRole","Resource":"*","Condition":{"StringEquals":
        {"iam:PermissionsBoundary":"arn:aws:iam::partner:policy/permissions-boundary/example.com/B_20250115"}}},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/X"}}}]}"#;
    let rendered = serde_json::from_str::<Template>(text).unwrap().render(&[]).unwrap();
    assert_eq!(rendered.boundaries, ["arn:aws:iam::partner:policy/permissions-boundary/example.com/B_20250115"]);
}
