use super::house::{House, receive};
use cloudlet_api_sqs::ReceiveMessageRequest;

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
