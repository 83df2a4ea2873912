use aws_sdk_sqs::{Client, types::MessageAttributeValue};
use cloudlet_rust_sdk_tests::Server;

async fn queue(server: &Server) -> (Client, String) {
    let sqs = server.sqs();
    let made = sqs.create_queue().queue_name("queue").send().await.expect("a queue");
    (sqs, made.queue_url.expect("its URL"))
}

#[tokio::test]
async fn a_message_is_sent_received_and_deleted() {
    let server = Server::start();
    let (sqs, url) = queue(&server).await;
    let kind = MessageAttributeValue::builder().data_type("String").string_value("test").build().expect("an attribute");
    sqs.send_message().queue_url(&url).message_body("hello ✓").message_attributes("kind", kind).send().await.expect("sent");
    let received = sqs.receive_message().queue_url(&url).message_attribute_names("All").send().await.expect("received");
    let message = received.messages().first().expect("a message");
    assert_eq!(message.body(), Some("hello ✓"));
    assert!(message.message_attributes().is_some_and(|all| all.contains_key("kind")));
    sqs.delete_message().queue_url(&url).set_receipt_handle(message.receipt_handle.clone()).send().await.expect("deleted");
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_a_message_comes() {
    let server = Server::start();
    let (sqs, url) = queue(&server).await;
    let poll = tokio::spawn(sqs.receive_message().queue_url(&url).wait_time_seconds(20).send());
    sqs.send_message().queue_url(&url).message_body("at last").send().await.expect("sent");
    let received = poll.await.expect("polled").expect("received");
    assert_eq!(received.messages().first().and_then(|message| message.body()), Some("at last"));
}

#[tokio::test]
async fn a_missing_queue_has_its_error() {
    let server = Server::start();
    let (sqs, _) = queue(&server).await;
    let missing = sqs.get_queue_url().queue_name("missing").send().await.expect_err("no such queue").into_service_error();
    assert!(missing.is_queue_does_not_exist());
}
