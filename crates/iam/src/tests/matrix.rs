//! The decisions for each principal, action and resource of a small account: a change of any decision shows in `matrix.txt`.

use super::fixture::*;
use cloudlet_api_iam::*;
use std::fmt::Write;

const READERS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Read","Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"},
    {"Sid":"NotProd","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::prod/secret/*"}]}"#;
const DEV: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::dev","arn:aws:s3:::dev/*"]},
    {"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage"],"Resource":"arn:aws:sqs:*:*:dev-*"},
    {"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/ci"}]}"#;
const DEPLOY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","NotAction":["iam:*","kms:*"],"Resource":"*"},
    {"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}}]}"#;

const PRINCIPALS: [&str; 6] = ["user/admin", "user/dev", "user/nobody", "group/readers", "role/ci", "role/bounded"];

const REQUESTS: [(&str, &str); 12] = [
    ("s3:GetObject", "arn:aws:s3:::dev/key"),
    ("s3:GetObject", "arn:aws:s3:::prod/key"),
    ("s3:GetObject", "arn:aws:s3:::prod/secret/key"),
    ("s3:PutObject", "arn:aws:s3:::dev/key"),
    ("s3:PutObject", "arn:aws:s3:::prod/key"),
    ("s3:DeleteBucket", "arn:aws:s3:::dev"),
    ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:dev-jobs"),
    ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:prod-jobs"),
    ("iam:CreateUser", "arn:aws:iam::123456789012:user/new"),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/ci"),
    ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/1"),
    ("s3:ListAllMyBuckets", "*"),
];

async fn account_with_six_principals() -> TestCloud {
    let cloud = TestCloud::new();
    for name in ["admin", "dev", "nobody"] {
        cloud.user(name).await;
    }
    let attach = AttachUserPolicyRequest { user_name: "admin".into(), policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into() };
    cloud.ok::<AttachUserPolicy>(attach).await;
    cloud.ok::<CreateGroup>(CreateGroupRequest { group_name: "readers".into(), path: None }).await;
    let readers = PutGroupPolicyRequest { group_name: "readers".into(), policy_name: "read".into(), policy_document: READERS.into() };
    cloud.ok::<PutGroupPolicy>(readers).await;
    cloud.ok::<AddUserToGroup>(AddUserToGroupRequest { group_name: "readers".into(), user_name: "dev".into() }).await;
    let dev = PutUserPolicyRequest { user_name: "dev".into(), policy_name: "dev".into(), policy_document: DEV.into() };
    cloud.ok::<PutUserPolicy>(dev).await;
    for name in ["ci", "bounded"] {
        cloud.role(name, LAMBDA_TRUST).await;
        let deploy = PutRolePolicyRequest { role_name: name.into(), policy_name: "deploy".into(), policy_document: DEPLOY.into() };
        cloud.ok::<PutRolePolicy>(deploy).await;
    }
    let boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned();
    let bound = PutRolePermissionsBoundaryRequest { role_name: "bounded".into(), permissions_boundary: boundary };
    cloud.ok::<PutRolePermissionsBoundary>(bound).await;
    cloud
}

#[tokio::test]
async fn the_decisions_match_the_recorded_matrix() {
    let cloud = account_with_six_principals().await;
    let mut matrix = String::new();
    for principal in PRINCIPALS {
        for (action, resource) in REQUESTS {
            let input = SimulatePrincipalPolicyRequest {
                policy_source_arn: format!("arn:aws:iam::123456789012:{principal}"),
                action_names: vec![action.into()],
                resource_arns: Some(vec![resource.into()]),
                ..Default::default()
            };
            let result = cloud.ok::<SimulatePrincipalPolicy>(input).await.evaluation_results.unwrap().remove(0);
            let by: Vec<String> = result.matched_statements.unwrap().into_iter().filter_map(|one| one.source_policy_id).collect();
            let by = if by.is_empty() { "-".to_owned() } else { by.join("+") };
            writeln!(matrix, "{principal:<14} {action:<20} {resource:<46} {:<13} {by}", result.eval_decision).unwrap();
        }
    }
    assert_eq!(matrix, include_str!("matrix.txt"));
}
