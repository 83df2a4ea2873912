use super::house::{House, bodies, message};
use cloudlet_api_sqs::*;
use cloudlet_engine::{Glance, Window};

fn look(house: &House, rest: &str, query: &[(&str, &str)]) -> Vec<Message> {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let glance = Glance { rest: rest.into(), query, now: house.now(), region: "us-east-1".into() };
    let (_, output) = house.sqs.look(&glance).unwrap();
    output.into_any().downcast::<ReceiveMessageResult>().map(|result| result.messages.unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_look_through_the_window_changes_nothing() {
    let house = House::new();
    let url = house.create("q", &[("MessageRetentionPeriod", "60")]).await;
    house.send(&url, "held").await;
    house.receive_one(&url).await.unwrap();
    house.send(&url, "visible").await;
    house.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(9), ..message(&url, "delayed") }).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bodies(&look(&house, "", &[("QueueUrl", &url)])), ["visible"]);
    }
    let everything = look(&house, "/us-east-1/000000000000/q", &[("ShowInvisible", "true"), ("ShowDelayed", "1")]);
    assert_eq!(bodies(&everything), ["held", "visible", "delayed"]);
    let counts: Vec<_> = everything.iter().map(|message| message.attributes.as_ref().unwrap()["ApproximateReceiveCount"].as_str()).collect();
    assert_eq!(counts, ["1", "0", "0"]);
    assert!(everything.iter().all(|message| message.receipt_handle.is_none()));
    assert_eq!(house.counts(&url).await, ["1", "1", "1"]);
    assert_eq!(look(&house, "", &[("QueueUrl", "q"), ("ShowDelayed", "true"), ("Limit", "1")]).len(), 1);
    house.pass(60);
    assert!(look(&house, "", &[("QueueUrl", "q"), ("ShowInvisible", "true")]).is_empty());
}
