use super::fixture::*;
use cloudlet_api_sts::*;
use cloudlet_identity::CredentialError;

fn assume(role: &str) -> AssumeRoleRequest {
    AssumeRoleRequest { role_arn: role.into(), role_session_name: "s1".into(), ..Default::default() }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}

#[tokio::test]
async fn a_trusted_caller_assumes_a_role_with_the_right_external_id() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let condition = r#"{"StringEquals":{"sts:ExternalId":"sesame"}}"#;
    let role = cloud.role("r", &trust(&bob.arn, r#""sts:AssumeRole""#, condition), None);
    for wrong in [None, Some("wrong".to_owned())] {
        let fault = cloud.call_as::<AssumeRole>(&bob, AssumeRoleRequest { external_id: wrong, ..assume(&role) }).await.err().unwrap();
        assert_eq!(
            (fault.code(), fault.message()),
            (
                "AccessDenied",
                "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:AssumeRole on resource: \
                 arn:aws:iam::123456789012:role/r because no role trust policy allows the sts:AssumeRole action"
            )
        );
    }
    let right = AssumeRoleRequest { external_id: Some("sesame".into()), duration_seconds: Some(900), ..assume(&role) };
    let answer = cloud.call_as::<AssumeRole>(&bob, right.clone()).await.unwrap();
    assert_eq!((answer.packed_policy_size, answer.source_identity), (None, None));
    let user = answer.assumed_role_user.unwrap();
    assert_eq!((user.arn.as_str(), user.assumed_role_id.as_str()), ("arn:aws:sts::123456789012:assumed-role/r/s1", "AROAR:s1"));
    let credentials = answer.credentials.unwrap();
    assert!(credentials.access_key_id.starts_with("ASIA"));
    assert_eq!(credentials.expiration, cloud.now().plus_secs(900));
    let session = cloud.caller_of(&credentials).unwrap();
    let who = cloud.call_as::<GetCallerIdentity>(&session, GetCallerIdentityRequest {}).await.unwrap();
    assert_eq!(who.arn.as_deref(), Some("arn:aws:sts::123456789012:assumed-role/r/s1"));
    cloud.advance(900);
    assert_eq!(cloud.caller_of(&credentials).unwrap_err(), CredentialError::Expired);
    let long = AssumeRoleRequest { duration_seconds: Some(3601), ..right };
    let fault = cloud.call_as::<AssumeRole>(&bob, long).await.err().unwrap();
    assert_eq!(fault.message(), "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
}

#[tokio::test]
async fn a_missing_role_is_denied_like_one_that_trusts_others() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", Some(ALLOW_ALL));
    let role = cloud.role("r", &trust("999988887777", r#""sts:AssumeRole""#, "{}"), None);
    let text = |fault: cloudlet_aws::Fault| fault.message().to_owned();
    let missing = text(cloud.call_as::<AssumeRole>(&bob, assume("arn:aws:iam::123456789012:role/x")).await.err().unwrap());
    let refused = text(cloud.call_as::<AssumeRole>(&bob, assume(&role)).await.err().unwrap());
    assert_eq!(missing.replace("role/x", "role/r"), refused);
    let malformed = cloud.call_as::<AssumeRole>(&bob, assume("arn:a:::something/test-role")).await.err().unwrap();
    assert_eq!((malformed.code(), malformed.message()), ("ValidationError", "arn:a:::something/test-role is invalid"));
}

#[tokio::test]
async fn a_trusted_account_needs_an_identity_policy_too() {
    let cloud = TestCloud::new();
    let role = cloud.role("r", &trust("123456789012", r#""sts:AssumeRole""#, "{}"), None);
    let bob = cloud.user("bob", None);
    let fault = cloud.call_as::<AssumeRole>(&bob, assume(&role)).await.err().unwrap();
    assert!(fault.message().ends_with("because no identity-based policy allows the sts:AssumeRole action"));
    let eve = cloud.user("eve", Some(ALLOW_ALL));
    assert!(cloud.call_as::<AssumeRole>(&eve, assume(&role)).await.is_ok());
}

#[tokio::test]
async fn session_policies_limit_and_session_tags_are_condition_keys() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let actions = r#"["sts:AssumeRole","sts:TagSession"]"#;
    let by_tag = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetAccessKeyInfo","Resource":"*",
        "Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}}"#;
    let role = cloud.role("r", &trust(&bob.arn, actions, "{}"), Some(by_tag));
    let info = GetAccessKeyInfoRequest { access_key_id: "ASIAY34FZKBOKMUTVV7A".into() };
    let as_session = async |input: AssumeRoleRequest| {
        let credentials = cloud.call_as::<AssumeRole>(&bob, input).await.unwrap().credentials.unwrap();
        let session = cloud.caller_of(&credentials).unwrap();
        cloud.call_as::<GetAccessKeyInfo>(&session, info.clone()).await.map_err(|fault| fault.message().to_owned())
    };
    assert!(as_session(assume(&role)).await.is_err());
    let tagged = AssumeRoleRequest { tags: Some(vec![tag("team", "red")]), ..assume(&role) };
    assert!(as_session(tagged.clone()).await.is_ok());
    let narrow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let refused = as_session(AssumeRoleRequest { policy: Some(narrow.into()), ..tagged.clone() }).await.err().unwrap();
    assert!(refused.ends_with("because no session policy allows the sts:GetAccessKeyInfo action"), "{refused}");
    let packed = cloud.call_as::<AssumeRole>(&bob, AssumeRoleRequest { policy: Some(narrow.into()), ..tagged.clone() }).await.unwrap();
    assert!(packed.packed_policy_size.is_some_and(|percent| (1..=100).contains(&percent)));
    let large = AssumeRoleRequest { policy: Some(narrow.replace("s3:*", &"x".repeat(2_048))), ..tagged };
    assert_eq!(cloud.call_as::<AssumeRole>(&bob, large).await.err().unwrap().code(), "PackedPolicyTooLarge");
}

#[tokio::test]
async fn the_trust_policy_must_allow_tags_and_tags_are_validated() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let role = cloud.role("r", &trust(&bob.arn, r#""sts:AssumeRole""#, "{}"), None);
    let with = |tags: Vec<Tag>, transitive: &[&str]| AssumeRoleRequest {
        tags: Some(tags),
        transitive_tag_keys: Some(transitive.iter().map(|key| (*key).to_owned()).collect()),
        ..assume(&role)
    };
    let fault_of = async |input| {
        let fault = cloud.call_as::<AssumeRole>(&bob, input).await.err().unwrap();
        (fault.code().to_owned(), fault.message().to_owned())
    };
    assert!(fault_of(with(vec![tag("a", "1")], &[])).await.1.contains("sts:TagSession"));
    assert_eq!(
        fault_of(with(vec![tag("a", "1")], &["b"])).await,
        ("InvalidParameterValue".into(), "The specified transitive tag key must be included in the requested tags.".into())
    );
    assert_eq!(
        fault_of(with(vec![tag("a", "1"), tag("A", "2")], &[])).await.1,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
}

#[tokio::test]
async fn role_chaining_passes_on_transitive_tags_and_source_identity_for_an_hour() {
    let cloud = TestCloud::new();
    let bob = cloud.user("bob", None);
    let actions = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
    let one = cloud.role("one", &trust(&bob.arn, actions, "{}"), None);
    let two = cloud.role("two", &trust(&one, actions, r#"{"StringEquals":{"aws:RequestTag/team":"red","sts:SourceIdentity":"bob-at-home"}}"#), None);
    let first = AssumeRoleRequest {
        tags: Some(vec![tag("team", "red")]),
        transitive_tag_keys: Some(vec!["TEAM".into()]),
        source_identity: Some("bob-at-home".into()),
        ..assume(&one)
    };
    let credentials = cloud.call_as::<AssumeRole>(&bob, first).await.unwrap().credentials.unwrap();
    let session = cloud.caller_of(&credentials).unwrap();
    let answer = cloud.call_as::<AssumeRole>(&session, assume(&two)).await.unwrap();
    assert_eq!(answer.source_identity.as_deref(), Some("bob-at-home"));
    let over = AssumeRoleRequest { tags: Some(vec![tag("Team", "blue")]), ..assume(&two) };
    assert_eq!(
        cloud.call_as::<AssumeRole>(&session, over).await.err().unwrap().message(),
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
    );
    let long = AssumeRoleRequest { duration_seconds: Some(3601), ..assume(&two) };
    assert_eq!(
        cloud.call_as::<AssumeRole>(&session, long).await.err().unwrap().message(),
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    );
}

#[tokio::test]
async fn a_service_assumes_only_roles_that_trust_it() {
    let cloud = TestCloud::new();
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let role = cloud.role("worker", text, Some(ALLOW_ALL));
    let states = cloudlet_aws::Caller::service("states.amazonaws.com", None);
    let answer = cloud.call_as::<AssumeRole>(&states, assume(&role)).await.unwrap();
    let session = cloud.caller_of(&answer.credentials.unwrap()).unwrap();
    let input = GetAccessKeyInfoRequest { access_key_id: "ASIAY34FZKBOKMUTVV7A".into() };
    assert!(cloud.call_as::<GetAccessKeyInfo>(&session, input).await.is_ok());
    let lambda = cloudlet_aws::Caller::service("lambda.amazonaws.com", None);
    assert_eq!(cloud.call_as::<AssumeRole>(&lambda, assume(&role)).await.err().unwrap().code(), "AccessDenied");
}
