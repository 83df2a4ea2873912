//! Configuration sets and their event destinations.

use super::PAGE;
use crate::{
    access,
    configuration_sets::{Tracking, TrackingChange},
    refusal::Refusal,
    state,
};
use cloudlet_api_ses::*;
use cloudlet_engine::{Cx, Operation, Permission};
use cloudlet_shape::Empty;

/// Types of events as this API and the other write them.
const EVENTS: [(&str, &str); 8] = [
    ("send", "SEND"),
    ("reject", "REJECT"),
    ("bounce", "BOUNCE"),
    ("complaint", "COMPLAINT"),
    ("delivery", "DELIVERY"),
    ("open", "OPEN"),
    ("click", "CLICK"),
    ("renderingFailure", "RENDERING_FAILURE"),
];

fn permission<O: Operation>(cx: &Cx, set: &str) -> Permission {
    access::resource::<O>(cx, &format!("configuration-set/{set}"))
}

fn stored(given: &EventDestination) -> state::EventDestination {
    let upper = |event: &String| EVENTS.iter().find(|(name, _)| name == event).map_or_else(|| event.clone(), |(_, upper)| (*upper).to_owned());
    state::EventDestination {
        enabled: given.enabled.unwrap_or(false),
        events: given.matching_event_types.iter().map(upper).collect(),
        topic: given.sns_destination.as_ref().map(|sns| sns.topic_arn.clone()),
        stream: given.kinesis_firehose_destination.as_ref().map(|stream| (stream.iam_role_arn.clone(), stream.delivery_stream_arn.clone())),
        bus: None,
        dimensions: given.cloud_watch_destination.as_ref().map(|watch| {
            let dimension = |one: &CloudWatchDimensionConfiguration| {
                let source = match one.dimension_value_source.as_str() {
                    "messageTag" => "MESSAGE_TAG",
                    "emailHeader" => "EMAIL_HEADER",
                    _ => "LINK_TAG",
                };
                (one.dimension_name.clone(), source.to_owned(), one.default_dimension_value.clone())
            };
            watch.dimension_configurations.iter().map(dimension).collect()
        }),
        application: None,
    }
}

/// Destinations of kinds that this API does not know are not shown.
fn shown((name, stored): (&String, &state::EventDestination)) -> Option<EventDestination> {
    if stored.bus.is_some() {
        return None;
    }
    let lower = |event: &String| EVENTS.iter().find(|(_, upper)| upper == event).map(|(name, _)| (*name).to_owned());
    Some(EventDestination {
        name: name.clone(),
        enabled: Some(stored.enabled),
        matching_event_types: stored.events.iter().filter_map(lower).collect(),
        sns_destination: stored.topic.clone().map(|topic_arn| SNSDestination { topic_arn }),
        kinesis_firehose_destination: stored
            .stream
            .clone()
            .map(|(iam_role_arn, delivery_stream_arn)| KinesisFirehoseDestination { iam_role_arn, delivery_stream_arn }),
        cloud_watch_destination: stored.dimensions.as_ref().map(|dimensions| CloudWatchDestination {
            dimension_configurations: dimensions
                .iter()
                .map(|(name, source, default)| CloudWatchDimensionConfiguration {
                    dimension_name: name.clone(),
                    dimension_value_source: match source.as_str() {
                        "MESSAGE_TAG" => "messageTag".into(),
                        "EMAIL_HEADER" => "emailHeader".into(),
                        _ => "linkTag".into(),
                    },
                    default_dimension_value: default.clone(),
                })
                .collect(),
        }),
    })
}

operation!(
    CreateConfigurationSet,
    |ses, cx, input| Ok(permission::<CreateConfigurationSet>(cx, &input.configuration_set.name).into()),
    |ses, cx, input| {
        ses.create_configuration_set(cx, &input.configuration_set.name, state::ConfigurationSet::default())?;
        Ok(CreateConfigurationSetResponse {})
    },
);

operation!(DescribeConfigurationSet, |ses, cx, input| Ok(access::any::<DescribeConfigurationSet>(cx).into()), |ses, cx, input| {
    let set = ses.configuration_set(&cx.scope, &input.configuration_set_name)?;
    let wanted = |name: &str| input.configuration_set_attribute_names.iter().flatten().any(|wanted| wanted == name);
    Ok(DescribeConfigurationSetResponse {
        configuration_set: Some(ConfigurationSet { name: input.configuration_set_name.clone() }),
        event_destinations: wanted("eventDestinations").then(|| set.destinations.iter().filter_map(shown).collect()),
        tracking_options: set
            .tracking_domain
            .clone()
            .filter(|_| wanted("trackingOptions"))
            .map(|domain| TrackingOptions { custom_redirect_domain: Some(domain) }),
        delivery_options: wanted("deliveryOptions").then(|| DeliveryOptions {
            tls_policy: set.tls_policy.as_deref().map(|policy| if policy == "REQUIRE" { "Require".into() } else { "Optional".into() }),
        }),
        reputation_options: wanted("reputationOptions").then(|| ReputationOptions {
            sending_enabled: Some(!set.paused),
            reputation_metrics_enabled: Some(set.reputation_metrics),
            last_fresh_start: set.fresh_start,
        }),
    })
},);

operation!(ListConfigurationSets, |ses, cx, input| Ok(access::any::<ListConfigurationSets>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, _: &_| Some(ConfigurationSet { name: name.to_owned() });
    let page = ses.list::<ListConfigurationSets, _, _>(cx, &input, PAGE, |state| &state.configuration_sets, shown)?;
    Ok(ListConfigurationSetsResponse { configuration_sets: Some(page.items), next_token: page.next_token })
});

operation!(
    DeleteConfigurationSet,
    |ses, cx, input| Ok(permission::<DeleteConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.delete_configuration_set(&cx.scope, &input.configuration_set_name)?;
        Ok(DeleteConfigurationSetResponse {})
    },
);

operation!(
    CreateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<CreateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(&input.event_destination);
        ses.create_destination(cx, &input.configuration_set_name, &input.event_destination.name, destination).await?;
        Ok(CreateConfigurationSetEventDestinationResponse {})
    },
);

operation!(
    UpdateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(&input.event_destination);
        ses.update_destination(cx, &input.configuration_set_name, &input.event_destination.name, destination).await?;
        Ok(UpdateConfigurationSetEventDestinationResponse {})
    },
);

operation!(
    DeleteConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<DeleteConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.delete_destination(cx, &input.configuration_set_name, &input.event_destination_name)?;
        Ok(DeleteConfigurationSetEventDestinationResponse {})
    },
);

operation!(
    UpdateConfigurationSetSendingEnabled,
    |ses, cx, input| Ok(access::any::<UpdateConfigurationSetSendingEnabled>(cx).into()),
    |ses, cx, input| {
        ses.set_sending(cx, &input.configuration_set_name, input.enabled)?;
        Ok(Empty {})
    },
);

operation!(
    UpdateConfigurationSetReputationMetricsEnabled,
    |ses, cx, input| Ok(access::any::<UpdateConfigurationSetReputationMetricsEnabled>(cx).into()),
    |ses, cx, input| {
        ses.set_reputation_metrics(cx, &input.configuration_set_name, input.enabled)?;
        Ok(Empty {})
    },
);

operation!(
    PutConfigurationSetDeliveryOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetDeliveryOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let policy = input.delivery_options.and_then(|options| options.tls_policy).map(|policy| policy.to_ascii_uppercase());
        ses.set_delivery(cx, &input.configuration_set_name, policy, None)?;
        Ok(PutConfigurationSetDeliveryOptionsResponse {})
    },
);

/// AWS: measured (<https://github.com/floci-io/floci/pull/1479>).
fn tracking(given: TrackingOptions) -> Result<Option<Tracking>, Refusal> {
    let domain = given.custom_redirect_domain.filter(|domain| !domain.trim().is_empty());
    let missing = || faults::INVALID_TRACKING_OPTIONS.says("At least one field of TrackingOptions must contain a value.");
    Ok(Some(Tracking { domain: domain.ok_or_else(missing)?, https_policy: None }))
}

operation!(
    CreateConfigurationSetTrackingOptions,
    |ses, cx, input| Ok(permission::<CreateConfigurationSetTrackingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let tracking = tracking(input.tracking_options)?;
        ses.set_tracking(cx, &input.configuration_set_name, tracking, TrackingChange::Create)?;
        Ok(CreateConfigurationSetTrackingOptionsResponse {})
    },
);

operation!(
    UpdateConfigurationSetTrackingOptions,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSetTrackingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let tracking = tracking(input.tracking_options)?;
        ses.set_tracking(cx, &input.configuration_set_name, tracking, TrackingChange::Update)?;
        Ok(UpdateConfigurationSetTrackingOptionsResponse {})
    },
);

operation!(
    DeleteConfigurationSetTrackingOptions,
    |ses, cx, input| Ok(permission::<DeleteConfigurationSetTrackingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.set_tracking(cx, &input.configuration_set_name, None, TrackingChange::Delete)?;
        Ok(DeleteConfigurationSetTrackingOptionsResponse {})
    },
);
