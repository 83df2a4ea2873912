use super::fixture::*;
use cloudlet_api_ssm::*;
use cloudlet_engine::{Observer, ServiceEvent};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Default)]
struct Events(Mutex<Vec<ServiceEvent>>);

impl Observer for Events {
    fn emitted(&self, event: &ServiceEvent) {
        self.0.lock().push(event.clone());
    }
}

impl Events {
    /// The details of the events since the last time.
    fn take(&self, detail_type: &str) -> Vec<Value> {
        let events = std::mem::take(&mut *self.0.lock());
        assert!(events.iter().all(|event| event.source == "aws.ssm" && event.detail_type == detail_type), "{events:?}");
        events.into_iter().map(|event| event.detail).collect()
    }
}

#[tokio::test]
async fn changes_and_policies_are_told() {
    let (events, kms) = (Arc::new(Events::default()), Arc::new(Kms::default()));
    let cloud = TestCloud { cloud: builder(&kms).observed_by(events.clone()).build(), kms };
    let change = "Parameter Store Change";
    cloud.put(PutParameterRequest { description: Some("d".into()), ..string("/a/b", "v") }).await;
    let first = events.0.lock()[0].clone();
    assert_eq!(first.resources[0].as_str(), "arn:aws:ssm:us-east-1:000000000000:parameter/a/b");
    assert_eq!(events.take(change), [json!({"operation":"Create","name":"/a/b","type":"String","description":"d"})]);
    cloud.put(overwrite("/a/b", "w")).await;
    cloud.label("/a/b", 1, &["x"]).await.unwrap();
    cloud.ok::<DeleteParameter>(DeleteParameterRequest { name: "/a/b".into() }).await;
    let operations: Vec<Value> = events.take(change).into_iter().map(|detail| detail["operation"].clone()).collect();
    assert_eq!(operations, ["Update", "LabelParameterVersion", "Delete"]);
    cloud.put(PutParameterRequest { data_type: Some("aws:ec2:image".into()), ..string("golden", "x") }).await;
    let failed = json!({"exception":"Unable to Describe Resource","dataType":"aws:ec2:image","name":"golden","type":"String","operation":"Create"});
    assert_eq!(events.take(change), [failed]);

    let notice = r#"{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Hours"}}"#;
    let expiration = r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2025-11-25T16:00:00Z"}}"#;
    cloud.put(with_policies(string("short", "v"), &format!("[{notice},{expiration}]"))).await;
    events.take(change);
    cloud.pass(60 * 60).await;
    let action = "Parameter Store Policy Action";
    let told = json!({
        "parameter-name": "short", "parameter-type": "String", "policy-type": "NoChangeNotification", "policy-content": notice, "action-status": "Success",
    });
    assert_eq!(events.take(action), [told]);
    cloud.pass(DAY).await;
    assert_eq!(events.take(action)[0]["policy-type"], "Expiration");
}
