use super::house::{House, receive};
use cloudlet_api_sqs::{Message, ReceiveMessageRequest};

/// A queue in which tenant `loud` has `held` messages in flight, of `others + held` together.
async fn with_load(house: &House, held: usize, others: usize) -> String {
    let url = house.create("q", &[("VisibilityTimeout", "600")]).await;
    for _ in 0..held {
        house.send_to(&url, "loud", "loud").await;
        house.receive_one(&url).await.unwrap();
    }
    for _ in 0..others {
        house.send(&url, "other").await;
        house.receive_one(&url).await.unwrap();
    }
    url
}

async fn order(house: &House, url: &str) -> Vec<String> {
    let mut seen = vec![];
    while let Some(message) = house.receive_one(url).await {
        seen.push(message.body.unwrap());
    }
    seen
}

#[tokio::test]
async fn quiet_tenants_go_before_a_noisy_one() {
    let house = House::new();
    let url = with_load(&house, 30, 0).await;
    house.send_to(&url, "loud", "loud").await;
    house.send_to(&url, "quiet", "quiet").await;
    house.send(&url, "nobody's").await;
    assert_eq!(order(&house, &url).await, ["quiet", "nobody's", "loud"]);
}

#[tokio::test]
async fn a_tenant_below_the_thresholds_is_quiet() {
    for (held, others) in [(29, 0), (30, 270)] {
        let house = House::new();
        let url = with_load(&house, held, others).await;
        house.send_to(&url, "loud", "loud").await;
        house.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&house, &url).await, ["loud", "quiet"], "{held} of {}", held + others);
    }
}

#[tokio::test]
async fn of_noisy_tenants_the_one_with_less_in_flight_goes_first() {
    let house = House::new();
    let url = with_load(&house, 32, 0).await;
    for _ in 0..31 {
        house.send_to(&url, "less", "less").await;
        house.receive_one(&url).await.unwrap();
    }
    house.send_to(&url, "loud", "loud").await;
    house.send_to(&url, "less", "less").await;
    assert_eq!(order(&house, &url).await, ["less", "loud"]);
}

#[tokio::test]
async fn a_tenant_is_quiet_again_when_its_messages_are_done() {
    let house = House::new();
    let url = with_load(&house, 30, 0).await;
    house.pass(600);
    for _ in 0..3 {
        let ten = ReceiveMessageRequest { max_number_of_messages: Some(10), ..receive(&url) };
        for message in house.receive_with(ten).await {
            house.delete(&url, &message).await.unwrap();
        }
    }
    house.send_to(&url, "loud", "loud").await;
    house.send_to(&url, "quiet", "quiet").await;
    assert_eq!(order(&house, &url).await, ["loud", "quiet"]);
}

/// A queue in which tenant `slow` has kept one consumer for a minute, with another message waiting behind, and is at it still.
async fn with_slow_tenant(house: &House) -> (String, Message) {
    let url = house.create("q", &[("VisibilityTimeout", "600")]).await;
    house.send_to(&url, "slow", "first").await;
    let held = house.receive_one(&url).await.unwrap();
    house.send_to(&url, "slow", "slow").await;
    house.pass(60);
    (url, held)
}

#[tokio::test]
async fn a_tenant_whose_few_messages_take_long_is_noisy() {
    let house = House::new();
    let (url, _) = with_slow_tenant(&house).await;
    house.send_to(&url, "quiet", "quiet").await;
    house.send(&url, "nobody's").await;
    assert_eq!(order(&house, &url).await, ["quiet", "nobody's", "slow"]);
}

#[tokio::test]
async fn a_tenth_of_the_time_is_nobodys_noise() {
    for (others, expected) in [(9, ["slow", "quiet"]), (8, ["quiet", "slow"])] {
        let house = House::new();
        let url = house.create("q", &[("VisibilityTimeout", "600")]).await;
        house.send_to(&url, "slow", "first").await;
        for _ in 0..others {
            house.send(&url, "other").await;
        }
        for _ in 0..=others {
            house.receive_one(&url).await.unwrap();
        }
        house.pass(60);
        house.send_to(&url, "slow", "slow").await;
        house.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&house, &url).await, expected, "1 of {}", others + 1);
    }
}

#[tokio::test]
async fn time_that_is_over_counts_until_it_is_no_longer_recent() {
    for (later, expected) in [(239, ["quiet", "slow"]), (240, ["slow", "quiet"])] {
        let house = House::new();
        let (url, held) = with_slow_tenant(&house).await;
        house.delete(&url, &held).await.unwrap();
        house.pass(later - 1);
        house.send_to(&url, "quiet", "quiet").await;
        house.send_to(&url, "slow", "more").await;
        house.pass(1);
        assert_eq!(order(&house, &url).await[..2], expected, "{later} seconds later");
    }
}

#[tokio::test]
async fn a_message_that_nobody_deletes_counts_until_it_is_visible_again() {
    let house = House::new();
    let url = house.create("q", &[("VisibilityTimeout", "1")]).await;
    house.send_to(&url, "brief", "brief").await;
    house.receive_one(&url).await.unwrap();
    house.send(&url, "other").await;
    let held = house.receive_one(&url).await.unwrap();
    house.change(&url, &held, 600).await.unwrap();
    house.pass(60);
    house.send_to(&url, "quiet", "quiet").await;
    assert_eq!(house.receive_one(&url).await.unwrap().body.as_deref(), Some("brief"), "a second of 61");
}

#[tokio::test]
async fn a_noisy_tenant_that_sends_nothing_for_five_minutes_is_quiet() {
    for (seconds, expected) in [(299, ["quiet", "loud"]), (300, ["loud", "quiet"])] {
        let house = House::new();
        let url = with_load(&house, 30, 0).await;
        house.send_to(&url, "loud", "loud").await;
        house.pass(seconds);
        house.send_to(&url, "quiet", "quiet").await;
        assert_eq!(order(&house, &url).await, expected, "{seconds} seconds later");
    }
}

#[tokio::test]
async fn a_tenant_whose_backlog_is_gone_begins_anew() {
    let house = House::new();
    let (url, held) = with_slow_tenant(&house).await;
    let next = house.receive_one(&url).await.unwrap();
    for message in [held, next] {
        house.delete(&url, &message).await.unwrap();
    }
    house.send_to(&url, "slow", "slow").await;
    house.send_to(&url, "quiet", "quiet").await;
    assert_eq!(order(&house, &url).await, ["slow", "quiet"]);
}

#[tokio::test]
async fn a_restart_forgets_what_is_over_and_counts_on_what_is_in_flight() {
    let house = House::journaled();
    let (url, held) = with_slow_tenant(&house).await;
    house.send_to(&url, "quiet", "quiet").await;
    let again = house.restarted();
    assert_eq!(order(&again, &url).await, ["quiet", "slow"], "a minute, since its receive");
    house.delete(&url, &held).await.unwrap();
    let again = house.restarted();
    assert_eq!(order(&again, &url).await, ["slow", "quiet"]);
}
