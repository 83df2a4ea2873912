use aws_sdk_sts::error::ProvideErrorMetadata;
use cloudlet_rust_sdk_tests::Server;

#[tokio::test]
async fn the_caller_is_the_root_of_the_default_account() {
    let server = Server::start();
    let identity = server.sts().get_caller_identity().send().await.expect("an identity");
    assert_eq!(identity.account(), Some("000000000000"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::000000000000:root"));
}

#[tokio::test]
async fn what_is_not_built_yet_says_so() {
    let server = Server::start();
    let refused = server.sts().get_delegated_access_token().trade_in_token("token").send().await.expect_err("not built").into_service_error();
    assert_eq!(refused.code(), Some("NotImplemented"));
}
