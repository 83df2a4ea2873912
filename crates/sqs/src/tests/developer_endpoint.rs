use super::fixture::{TestCloud, bodies, message};
use cloudlet_api_sqs::*;
use cloudlet_engine::{DeveloperEndpoint, DeveloperRequest};

fn peek(cloud: &TestCloud, rest: &str, query: &[(&str, &str)]) -> Vec<Message> {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = DeveloperRequest { rest: rest.into(), query, now: cloud.now(), region: "us-east-1".into() };
    let (_, output) = cloud.engine.view(&request).unwrap();
    output.into_any().downcast::<ReceiveMessageResult>().map(|result| result.messages.unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn messages_are_shown_without_receiving_them() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("MessageRetentionPeriod", "60")]).await;
    cloud.send(&url, "held").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.send(&url, "visible").await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(9), ..message(&url, "delayed") }).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bodies(&peek(&cloud, "", &[("QueueUrl", &url)])), ["visible"]);
    }
    let everything = peek(&cloud, "/us-east-1/000000000000/q", &[("ShowInvisible", "true"), ("ShowDelayed", "1")]);
    assert_eq!(bodies(&everything), ["held", "visible", "delayed"]);
    let counts: Vec<_> = everything.iter().map(|message| message.attributes.as_ref().unwrap()["ApproximateReceiveCount"].as_str()).collect();
    assert_eq!(counts, ["1", "0", "0"]);
    assert!(everything.iter().all(|message| message.receipt_handle.is_none()));
    assert_eq!(cloud.counts(&url).await, ["1", "1", "1"]);
    assert_eq!(peek(&cloud, "", &[("QueueUrl", "q"), ("ShowDelayed", "true"), ("Limit", "1")]).len(), 1);
    cloud.advance(60);
    assert!(peek(&cloud, "", &[("QueueUrl", "q"), ("ShowInvisible", "true")]).is_empty());
}
