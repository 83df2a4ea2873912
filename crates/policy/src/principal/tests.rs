use super::*;

#[test]
fn a_principal_is_a_whole_name_or_none() {
    for text in [
        "*",
        "111111111111",
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::111111111111:user/a/b/alice",
        "arn:aws:iam::111111111111:role/r",
        "arn:aws-cn:iam::111111111111:role/r",
        "arn:aws:sts::111111111111:assumed-role/r/s",
        "arn:aws:sts::111111111111:federated-user/f",
        "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1",
        "AIDACKCEVSQ6C2EXAMPLE",
    ] {
        let named = Named::aws(text).unwrap_or_else(|| panic!("{text}"));
        if !text.ends_with(":root") {
            assert_eq!(named.written(), ("AWS", text));
        }
    }
    for text in [
        "",
        "alice",
        "1111",
        "arn:aws:iam::111111111111:user/*",
        "arn:aws:iam::*:root",
        "arn:aws:iam::111111111111:group/g",
        "arn:aws:iam::111111111111:user/",
        "arn:aws:iam:us-east-1:111111111111:user/alice",
        "arn:aws:sts::111111111111:assumed-role/r",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::alice",
    ] {
        assert_eq!(Named::aws(text), None, "{text}");
    }
}

#[test]
fn a_service_has_its_regional_name_in_that_region_only() {
    let service = Caller::service("logs.amazonaws.com", None);
    let principal = Principal::of(&service);
    let named = |name: &str| Named::Service(name.into());
    assert_eq!(named("logs.us-east-1.amazonaws.com").reaches(&principal, "us-east-1"), Some(Reach::Direct));
    assert_eq!(named("logs.us-east-1.amazonaws.com").reaches(&principal, ""), Some(Reach::Direct));
    assert_eq!(named("logs.us-east-1.amazonaws.com").reaches(&principal, "eu-west-1"), None);
    assert_eq!(named("logsus-east-1.amazonaws.com").reaches(&principal, "us-east-1"), None);
    assert_eq!(named("delivery.logs.amazonaws.com").reaches(&principal, ""), None);
    let also = principal.also_named(&["delivery.logs.amazonaws.com"]);
    assert_eq!(named("delivery.logs.amazonaws.com").reaches(&also, ""), Some(Reach::Direct));
}

#[test]
fn an_account_called_by_its_canonical_user_is_the_account() {
    let caller = Caller::root(Account::parse("111111111111").unwrap(), "aws", None);
    let principal = Principal::of(&caller).canonical_user("abc");
    assert_eq!(Named::CanonicalUser("abc".into()).reaches(&principal, ""), Some(Reach::Account));
    assert_eq!(Named::CanonicalUser("abd".into()).reaches(&principal, ""), None);
}
