use super::fixture::*;
use cloudlet_api_ses as v1;
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Observer, ServiceEvent};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Events(Mutex<Vec<ServiceEvent>>);

impl Observer for Events {
    fn emitted(&self, event: &ServiceEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

fn destination(definition: EventDestinationDefinition) -> CreateConfigurationSetEventDestinationRequest {
    let all = Some(vec!["SEND".into(), "BOUNCE".into()]);
    CreateConfigurationSetEventDestinationRequest {
        configuration_set_name: "set".into(),
        event_destination_name: "d".into(),
        event_destination: EventDestinationDefinition { enabled: Some(true), matching_event_types: all, ..definition },
    }
}

fn bus(name: &str) -> EventDestinationDefinition {
    let event_bus_arn = format!("arn:aws:events:us-east-1:000000000000:event-bus/{name}");
    EventDestinationDefinition { event_bridge_destination: Some(EventBridgeDestination { event_bus_arn }), ..Default::default() }
}

#[tokio::test]
async fn the_default_bus_gets_events_and_others_are_refused() {
    let events = Arc::<Events>::default();
    let cloud = builder(FREE).observed_by(events.clone()).build();
    cloud.ok::<v1::VerifyEmailIdentity>(v1::VerifyEmailIdentityRequest { email_address: "ann@example.com".into() }).await;
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set_name: "set".into(), ..Default::default() }).await;
    let refused = cloud.expect_fault::<CreateConfigurationSetEventDestination>(destination(bus("other"))).await;
    assert_eq!(refused.code(), "BadRequestException");
    cloud.ok::<CreateConfigurationSetEventDestination>(destination(bus("default"))).await;
    let input = v1::SendEmailRequest { configuration_set_name: Some("set".into()), ..mail("ann@example.com", &["bounce@simulator.amazonses.com"]) };
    cloud.ok::<v1::SendEmail>(input).await;
    let seen = std::mem::take(&mut *events.0.lock().unwrap());
    assert_eq!(seen.iter().map(|event| event.detail_type).collect::<Vec<_>>(), ["Email Sent", "Email Bounced"]);
    assert_eq!((seen[0].source, seen[0].detail["eventType"].as_str()), ("aws.ses", Some("Send")));
    assert_eq!(seen[1].resources[0].as_str(), "arn:aws:ses:us-east-1:000000000000:configuration-set/set");
    assert_eq!(seen[1].detail["bounce"]["bounceType"], "Permanent");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_told() {
    let cloud = builder(FREE).build();
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set_name: "set".into(), ..Default::default() }).await;
    let stream = KinesisFirehoseDestination {
        iam_role_arn: "arn:aws:iam::000000000000:role/r".into(),
        delivery_stream_arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/s".into(),
    };
    let firehose = EventDestinationDefinition { kinesis_firehose_destination: Some(stream), ..Default::default() };
    assert_eq!(cloud.expect_fault::<CreateConfigurationSetEventDestination>(destination(firehose)).await.status(), 501);
    let dimension = CloudWatchDimensionConfiguration {
        dimension_name: "n".into(),
        dimension_value_source: "MESSAGE_TAG".into(),
        default_dimension_value: "v".into(),
    };
    let watch = CloudWatchDestination { dimension_configurations: vec![dimension] };
    let watch = EventDestinationDefinition { cloud_watch_destination: Some(watch), ..Default::default() };
    assert_eq!(cloud.expect_fault::<CreateConfigurationSetEventDestination>(destination(watch)).await.status(), 501);
}
