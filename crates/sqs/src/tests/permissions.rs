use super::fixture::{TestCloud, arn, bob, message, other_account, receive};
use cloudlet_api_sqs::*;
use cloudlet_aws::{Arn, Caller};
use serde_json::{Value, json};

fn add(url: &str, label: &str, accounts: &[&str], actions: &[&str]) -> AddPermissionRequest {
    AddPermissionRequest {
        queue_url: url.into(),
        label: label.into(),
        aws_account_ids: accounts.iter().map(ToString::to_string).collect(),
        actions: actions.iter().map(ToString::to_string).collect(),
    }
}

#[tokio::test]
async fn permissions_are_statements_of_the_queue_policy() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    cloud.call::<AddPermission>(add(&url, "one", &["111111111111"], &["SendMessage"])).await.unwrap();
    cloud.call::<AddPermission>(add(&url, "two", &["111111111111", "222222222222"], &["*", "GetQueueUrl"])).await.unwrap();
    let policy: Value = serde_json::from_str(&cloud.attributes(&url).await["Policy"]).unwrap();
    assert_eq!(
        policy,
        json!({
            "Version": "2008-10-17",
            "Id": "arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy",
            "Statement": [
                { "Sid": "one", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
                  "Action": "SQS:SendMessage", "Resource": arn("q").as_str() },
                { "Sid": "two", "Effect": "Allow",
                  "Principal": { "AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"] },
                  "Action": ["SQS:*", "SQS:GetQueueUrl"], "Resource": arn("q").as_str() },
            ],
        })
    );
    let again = cloud.call::<AddPermission>(add(&url, "one", &["111111111111"], &["SendMessage"])).await.unwrap_err();
    assert_eq!(again.message(), "Value one for parameter Label is invalid. Reason: Already exists.");
    let everybody = cloud.call::<AddPermission>(add(&url, "l", &["*"], &["SendMessage"])).await.unwrap_err();
    assert_eq!(everybody.message(), "Value [*] for parameter PrincipalId is invalid. Reason: Unable to verify.");
    let remove = |label: &str| cloud.call::<RemovePermission>(RemovePermissionRequest { queue_url: url.clone(), label: label.into() });
    assert_eq!(remove("three").await.unwrap_err().message(), "Value three for parameter Label is invalid. Reason: can't find label.");
    remove("one").await.unwrap();
    remove("two").await.unwrap();
    assert!(!cloud.attributes(&url).await.contains_key("Policy"));
}

#[tokio::test]
async fn invalid_permissions_are_refused() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    for (input, code) in [
        (add(&url, "l", &["111111111111"], &["Fly"]), "InvalidParameterValue"),
        (add(&url, "l", &["111111111111"], &["DeleteQueue"]), "InvalidParameterValue"),
        (add(&url, "l", &["nobody"], &["SendMessage"]), "InvalidParameterValue"),
        (add(&url, "a b", &["111111111111"], &["SendMessage"]), "InvalidParameterValue"),
        (add(&url, "l", &[], &["SendMessage"]), "MissingParameter"),
        (add(&url, "l", &["111111111111"], &[]), "MissingParameter"),
        (add(&url, "", &["111111111111"], &["SendMessage"]), "MissingParameter"),
        (add(&url, "l", &["111111111111"; 51], &["SendMessage"]), "OverLimit"),
    ] {
        assert_eq!(cloud.call::<AddPermission>(input.clone()).await.unwrap_err().code(), code, "{input:?}");
    }
    for label in 0..20 {
        cloud.call::<AddPermission>(add(&url, &label.to_string(), &["111111111111"], &["SendMessage"])).await.unwrap();
    }
    let fault = cloud.call::<AddPermission>(add(&url, "20", &["111111111111"], &["SendMessage"])).await.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("OverLimit", 403));
}

#[tokio::test]
async fn another_account_may_do_what_the_queue_policy_allows() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let send = || cloud.call_as::<SendMessage>(other_account(), message(&url, "m"));
    assert_eq!(send().await.unwrap_err().code(), "AccessDenied");
    cloud.call::<AddPermission>(add(&url, "l", &["111111111111"], &["SendMessage", "PurgeQueue"])).await.unwrap();
    send().await.unwrap();
    cloud.call_as::<PurgeQueue>(other_account(), PurgeQueueRequest { queue_url: url.clone() }).await.unwrap();
    let take = cloud.call_as::<ReceiveMessage>(other_account(), receive(&url)).await;
    assert_eq!(take.unwrap_err().code(), "AccessDenied");
}

#[tokio::test]
async fn a_caller_without_get_queue_url_does_not_learn_whether_a_queue_exists() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let get_url = |name: &str| {
        let owner = Some("000000000000".to_owned());
        let input = GetQueueUrlRequest { queue_name: name.into(), queue_owner_aws_account_id: owner };
        cloud.call_as::<GetQueueUrl>(other_account(), input)
    };
    for name in ["q", "absent"] {
        let fault = get_url(name).await.unwrap_err();
        assert_eq!(fault.name(), "QueueDoesNotExist");
        assert_eq!(fault.query_message(), "The specified queue does not exist or you do not have access to it.");
    }
    cloud.call::<AddPermission>(add(&url, "l", &["111111111111"], &["GetQueueUrl"])).await.unwrap();
    get_url("q").await.unwrap();
}

#[tokio::test]
async fn a_queue_policy_cannot_grant_owner_operations_to_another_account() {
    let cloud = TestCloud::new();
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}}"#;
    let url = cloud.create("q", &[("Policy", everything)]).await;
    cloud.call_as::<SendMessage>(other_account(), message(&url, "m")).await.unwrap();
    let tags = cloud.call_as::<ListQueueTags>(other_account(), ListQueueTagsRequest { queue_url: url.clone() }).await;
    assert_eq!(tags.unwrap_err().code(), "AccessDenied");
    let delete = cloud.call_as::<DeleteQueue>(other_account(), DeleteQueueRequest { queue_url: url.clone() }).await;
    assert_eq!(delete.unwrap_err().code(), "AccessDenied");
}

#[tokio::test]
async fn a_user_is_denied_unless_the_queue_policy_allows_it() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let send = || cloud.call_as::<SendMessage>(bob(), message(&url, "m"));
    let denied = send().await.unwrap_err();
    assert_eq!((denied.code(), denied.status()), ("AccessDenied", 403));
    assert_eq!(
        denied.message(),
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: sqs:sendmessage on resource: \
         arn:aws:sqs:us-east-1:000000000000:q because no identity-based policy allows the sqs:sendmessage action"
    );
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": bob().arn.as_ref()},
        "Action": "sqs:SendMessage", "Resource": arn("q").as_str()}});
    cloud.set(&url, &[("Policy", &policy.to_string())]).await.unwrap();
    send().await.unwrap();
}

#[tokio::test]
async fn a_service_may_send_for_the_source_arn_in_the_policy() {
    let cloud = TestCloud::new();
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": arn("q").as_str(),
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:news"}}}});
    let url = cloud.create("q", &[("Policy", &policy.to_string())]).await;
    let send = |topic: &str| {
        let caller = Caller::service("sns.amazonaws.com", Arn::parse(&format!("arn:aws:sns:us-east-1:000000000000:{topic}")));
        cloud.call_as::<SendMessage>(caller, message(&url, "m"))
    };
    send("news").await.unwrap();
    assert!(send("other").await.is_err());
}

#[tokio::test]
async fn a_policy_has_limits() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let allow = |principals: Value, actions: Value| json!({ "Effect": "Allow", "Principal": principals, "Action": actions, "Resource": "*" });
    let policy = |statements: Vec<Value>| json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let statement = || allow(json!("*"), json!("sqs:SendMessage"));
    let verbs = ["Send", "Receive", "Delete", "Purge", "Tag", "Untag", "Get", "Set"].map(|verb| format!("sqs:{verb}*"));
    let many = |count: u64| (0..count).map(|id| format!("{:012}", 100_000_000_000 + id)).collect::<Vec<_>>();
    for (text, message) in [
        (policy(vec![statement(); 21]), "21 statements were found in the submitted policy, max allowed is 20"),
        (policy(vec![allow(json!("*"), json!(verbs))]), "8 actions were found in a statement from the submitted policy, max allowed is 7"),
        (
            policy(vec![allow(json!({ "AWS": many(26) }), json!("sqs:*")), allow(json!({ "AWS": many(25) }), json!("sqs:*"))]),
            "51 principals were found in the submitted policy, max allowed is 50",
        ),
        (format!("{}{}", " ".repeat(8_192), policy(vec![statement()])), "Submitted policy is over max allowed size."),
    ] {
        let fault = cloud.set(&url, &[("Policy", &text)]).await.unwrap_err();
        assert_eq!((fault.code(), fault.status(), fault.message()), ("OverLimit", 403, message));
        assert_eq!(cloud.try_create("other", &[("Policy", &text)]).await.unwrap_err().code(), "OverLimit");
    }
    cloud.set(&url, &[("Policy", &policy(vec![statement(); 20]))]).await.unwrap();
    let verbs = ["SendMessage"; 8];
    let fault = cloud.call::<AddPermission>(add(&url, "l", &["111111111111"], &verbs)).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("OverLimit", "8 Actions were found, maximum allowed is 7."));
}

#[tokio::test]
async fn a_policy_is_stored_without_white_space_and_with_a_version() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let statement = r#"[{"Sid":"a \" b","Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]"#;
    let spaced = r#"{
        "Version": "2012-10-17",
        "Statement": [ { "Sid": "a \" b", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" } ]
    }"#;
    cloud.set(&url, &[("Policy", spaced)]).await.unwrap();
    assert_eq!(cloud.attributes(&url).await["Policy"], format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#));
    cloud.set(&url, &[("Policy", &format!(r#"{{"Statement":{statement}}}"#))]).await.unwrap();
    assert_eq!(cloud.attributes(&url).await["Policy"], format!(r#"{{"Version":"2008-10-17","Statement":{statement}}}"#));
}

#[tokio::test]
async fn a_resource_that_is_no_arn_matches_no_queue_also_after_a_restart() {
    let cloud = TestCloud::journaled();
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "$queue_arn"});
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let url = cloud.create("q", &[("Policy", &policy)]).await;
    let again = cloud.restarted();
    for cloud in [&cloud, &again] {
        assert_eq!(cloud.attributes(&url).await["Policy"], policy);
        assert_eq!(cloud.call_as::<SendMessage>(other_account(), message(&url, "x")).await.unwrap_err().code(), "AccessDenied");
    }
}
