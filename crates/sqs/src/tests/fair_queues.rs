use super::fixture::{TestCloud, receive};
use cloudlet_api_sqs::{Message, ReceiveMessageRequest};

/// A queue in which tenant `loud` has `held` messages in flight, of `held + others` in all.
async fn with_load(cloud: &TestCloud, held: usize, others: usize) -> String {
    let url = cloud.create("q", &[("VisibilityTimeout", "600")]).await;
    for _ in 0..held {
        cloud.send_to(&url, "loud", "loud").await;
        cloud.receive_one(&url).await.unwrap();
    }
    for _ in 0..others {
        cloud.send(&url, "other").await;
        cloud.receive_one(&url).await.unwrap();
    }
    url
}

async fn order(cloud: &TestCloud, url: &str) -> Vec<String> {
    let mut seen = vec![];
    while let Some(message) = cloud.receive_one(url).await {
        seen.push(message.body.unwrap());
    }
    seen
}

#[tokio::test]
async fn quiet_tenants_go_before_a_noisy_one() {
    let cloud = TestCloud::new();
    let url = with_load(&cloud, 30, 0).await;
    cloud.send_to(&url, "loud", "loud").await;
    cloud.send_to(&url, "quiet", "quiet").await;
    cloud.send(&url, "no group").await;
    assert_eq!(order(&cloud, &url).await, ["quiet", "no group", "loud"]);
}

#[tokio::test]
async fn a_tenant_below_the_thresholds_is_quiet() {
    for (held, others) in [(29, 0), (30, 270)] {
        let cloud = TestCloud::new();
        let url = with_load(&cloud, held, others).await;
        cloud.send_to(&url, "loud", "loud").await;
        cloud.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&cloud, &url).await, ["loud", "quiet"], "{held} of {}", held + others);
    }
}

#[tokio::test]
async fn of_noisy_tenants_the_one_with_less_in_flight_goes_first() {
    let cloud = TestCloud::new();
    let url = with_load(&cloud, 32, 0).await;
    for _ in 0..31 {
        cloud.send_to(&url, "less", "less").await;
        cloud.receive_one(&url).await.unwrap();
    }
    cloud.send_to(&url, "loud", "loud").await;
    cloud.send_to(&url, "less", "less").await;
    assert_eq!(order(&cloud, &url).await, ["less", "loud"]);
}

#[tokio::test]
async fn a_tenant_is_quiet_again_when_its_messages_are_done() {
    let cloud = TestCloud::new();
    let url = with_load(&cloud, 30, 0).await;
    cloud.advance(600);
    for _ in 0..3 {
        let ten = ReceiveMessageRequest { max_number_of_messages: Some(10), ..receive(&url) };
        for message in cloud.receive_with(ten).await {
            cloud.delete(&url, &message).await.unwrap();
        }
    }
    cloud.send_to(&url, "loud", "loud").await;
    cloud.send_to(&url, "quiet", "quiet").await;
    assert_eq!(order(&cloud, &url).await, ["loud", "quiet"]);
}

/// A queue in which a message of tenant `slow` has been in flight for a minute, with another message behind it.
async fn with_slow_tenant(cloud: &TestCloud) -> (String, Message) {
    let url = cloud.create("q", &[("VisibilityTimeout", "600")]).await;
    cloud.send_to(&url, "slow", "first").await;
    let held = cloud.receive_one(&url).await.unwrap();
    cloud.send_to(&url, "slow", "slow").await;
    cloud.advance(60);
    (url, held)
}

#[tokio::test]
async fn a_tenant_whose_few_messages_take_long_is_noisy() {
    let cloud = TestCloud::new();
    let (url, _) = with_slow_tenant(&cloud).await;
    cloud.send_to(&url, "quiet", "quiet").await;
    cloud.send(&url, "no group").await;
    assert_eq!(order(&cloud, &url).await, ["quiet", "no group", "slow"]);
}

#[tokio::test]
async fn a_tenant_with_a_tenth_of_the_consumer_time_is_quiet() {
    for (others, expected) in [(9, ["slow", "quiet"]), (8, ["quiet", "slow"])] {
        let cloud = TestCloud::new();
        let url = cloud.create("q", &[("VisibilityTimeout", "600")]).await;
        cloud.send_to(&url, "slow", "first").await;
        for _ in 0..others {
            cloud.send(&url, "other").await;
        }
        for _ in 0..=others {
            cloud.receive_one(&url).await.unwrap();
        }
        cloud.advance(60);
        cloud.send_to(&url, "slow", "slow").await;
        cloud.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&cloud, &url).await, expected, "1 of {}", others + 1);
    }
}

#[tokio::test]
async fn consumer_time_counts_while_it_is_recent() {
    for (later, expected) in [(239, ["quiet", "slow"]), (240, ["slow", "quiet"])] {
        let cloud = TestCloud::new();
        let (url, held) = with_slow_tenant(&cloud).await;
        cloud.delete(&url, &held).await.unwrap();
        cloud.advance(later - 1);
        cloud.send_to(&url, "quiet", "quiet").await;
        cloud.send_to(&url, "slow", "more").await;
        cloud.advance(1);
        assert_eq!(order(&cloud, &url).await[..2], expected, "{later} seconds later");
    }
}

#[tokio::test]
async fn a_message_that_is_not_deleted_counts_until_it_is_visible_again() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("VisibilityTimeout", "1")]).await;
    cloud.send_to(&url, "brief", "brief").await;
    cloud.receive_one(&url).await.unwrap();
    cloud.send(&url, "other").await;
    let held = cloud.receive_one(&url).await.unwrap();
    cloud.change(&url, &held, 600).await.unwrap();
    cloud.advance(60);
    cloud.send_to(&url, "quiet", "quiet").await;
    assert_eq!(cloud.receive_one(&url).await.unwrap().body.as_deref(), Some("brief"), "a second of 61");
}

#[tokio::test]
async fn a_noisy_tenant_that_sends_nothing_for_five_minutes_is_quiet() {
    for (seconds, expected) in [(299, ["quiet", "loud"]), (300, ["loud", "quiet"])] {
        let cloud = TestCloud::new();
        let url = with_load(&cloud, 30, 0).await;
        cloud.send_to(&url, "loud", "loud").await;
        cloud.advance(seconds);
        cloud.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&cloud, &url).await, expected, "{seconds} seconds later");
    }
}

#[tokio::test]
async fn a_tenant_without_a_backlog_starts_again() {
    let cloud = TestCloud::new();
    let (url, held) = with_slow_tenant(&cloud).await;
    let next = cloud.receive_one(&url).await.unwrap();
    for message in [held, next] {
        cloud.delete(&url, &message).await.unwrap();
    }
    cloud.send_to(&url, "slow", "slow").await;
    cloud.send_to(&url, "quiet", "quiet").await;
    assert_eq!(order(&cloud, &url).await, ["slow", "quiet"]);
}

#[tokio::test]
async fn a_restart_keeps_the_consumer_time_of_messages_in_flight_alone() {
    let cloud = TestCloud::journaled();
    let (url, held) = with_slow_tenant(&cloud).await;
    cloud.send_to(&url, "quiet", "quiet").await;
    let again = cloud.restarted();
    assert_eq!(order(&again, &url).await, ["quiet", "slow"], "one minute since its receive");
    cloud.delete(&url, &held).await.unwrap();
    let again = cloud.restarted();
    assert_eq!(order(&again, &url).await, ["slow", "quiet"]);
}
