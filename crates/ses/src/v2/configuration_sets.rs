//! Configuration sets and their event destinations.

use super::{PAGE, tags};
use crate::{
    access,
    configuration_sets::{Tracking, TrackingChange},
    refusal::Refusal,
    state,
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Cx, Operation, Permission};

fn permission<O: Operation>(cx: &Cx, set: &str) -> Permission {
    access::resource::<O>(cx, &format!("configuration-set/{set}"))
}

fn stored(given: EventDestinationDefinition) -> state::EventDestination {
    let dimension = |one: CloudWatchDimensionConfiguration| (one.dimension_name, one.dimension_value_source, one.default_dimension_value);
    state::EventDestination {
        enabled: given.enabled.unwrap_or(false),
        events: given.matching_event_types.unwrap_or_default(),
        topic: given.sns_destination.map(|sns| sns.topic_arn),
        stream: given.kinesis_firehose_destination.map(|stream| (stream.iam_role_arn, stream.delivery_stream_arn)),
        bus: given.event_bridge_destination.map(|bus| bus.event_bus_arn),
        dimensions: given.cloud_watch_destination.map(|watch| watch.dimension_configurations.into_iter().map(dimension).collect()),
        application: given.pinpoint_destination.map(|pinpoint| pinpoint.application_arn.unwrap_or_default()),
    }
}

fn shown((name, stored): (&String, &state::EventDestination)) -> EventDestination {
    let stored = stored.clone();
    EventDestination {
        name: name.clone(),
        enabled: Some(stored.enabled),
        matching_event_types: stored.events,
        sns_destination: stored.topic.map(|topic_arn| SnsDestination { topic_arn }),
        kinesis_firehose_destination: stored
            .stream
            .map(|(iam_role_arn, delivery_stream_arn)| KinesisFirehoseDestination { iam_role_arn, delivery_stream_arn }),
        cloud_watch_destination: stored.dimensions.map(|dimensions| CloudWatchDestination {
            dimension_configurations: dimensions
                .into_iter()
                .map(|(dimension_name, dimension_value_source, default_dimension_value)| CloudWatchDimensionConfiguration {
                    dimension_name,
                    dimension_value_source,
                    default_dimension_value,
                })
                .collect(),
        }),
        event_bridge_destination: stored.bus.map(|event_bus_arn| EventBridgeDestination { event_bus_arn }),
        pinpoint_destination: None,
    }
}

operation!(
    CreateConfigurationSet,
    |ses, cx, input| Ok(tags::requested(permission::<CreateConfigurationSet>(cx, &input.configuration_set_name), input.tags.as_deref())),
    |ses, cx, input| {
        if input.vdm_options.is_some() {
            return Err(Refusal::NotBuilt("the deliverability manager"));
        }
        if input.archiving_options.is_some() || input.message_security_options.is_some() {
            return Err(Refusal::NotBuilt("archives and signed messages"));
        }
        let delivery = input.delivery_options.unwrap_or_default();
        check_pool(delivery.sending_pool_name.as_deref())?;
        let suppression = input.suppression_options.unwrap_or_default();
        check_validation(suppression.validation_options.is_some())?;
        let tracking = input.tracking_options.map(|given| tracking(Some(given.custom_redirect_domain), given.https_policy)).transpose()?.flatten();
        if let Some(tracking) = &tracking {
            ses.check_tracking(&cx.scope, tracking)?;
        }
        let (tracking_domain, https_policy) = tracking.map_or((None, None), |tracking| (Some(tracking.domain), tracking.https_policy));
        let set = state::ConfigurationSet {
            tls_policy: delivery.tls_policy,
            max_delivery_seconds: delivery.max_delivery_seconds,
            paused: input.sending_options.is_some_and(|options| options.sending_enabled == Some(false)),
            reputation_metrics: input.reputation_options.is_some_and(|options| options.reputation_metrics_enabled == Some(true)),
            tracking_domain,
            https_policy,
            suppressed_reasons: suppression.suppressed_reasons,
            suppression_scope: suppression.suppression_scope,
            tags: tags::checked(input.tags.as_deref().unwrap_or_default())?,
            ..state::ConfigurationSet::default()
        };
        ses.create_configuration_set(cx, &input.configuration_set_name, set)?;
        Ok(CreateConfigurationSetResponse {})
    },
);

/// No other pools than AWS's own can be made here. AWS: measured (<https://github.com/floci-io/floci>, `SesService.java`).
fn check_pool(pool: Option<&str>) -> Result<(), Refusal> {
    match pool {
        None | Some("ses-default-dedicated-pool" | "ses-shared-pool") => Ok(()),
        Some(pool) if pool.trim().is_empty() => Err(Refusal::invalid("sendingPoolName can't be blank.")),
        Some(pool) => Err(Refusal::invalid(format!("SendingPool <{pool}> doesn't exist"))),
    }
}

/// AWS: measured (<https://github.com/floci-io/floci>, `SesService.java`).
fn tracking(domain: Option<String>, https_policy: Option<String>) -> Result<Option<Tracking>, Refusal> {
    match domain {
        Some(domain) if !domain.trim().is_empty() => Ok(Some(Tracking { domain, https_policy })),
        None if https_policy.is_none() => Ok(None),
        _ => Err(Refusal::invalid("CustomRedirectDomain must be specified.")),
    }
}

fn check_validation(validates: bool) -> Result<(), Refusal> {
    if validates { Err(Refusal::NotBuilt("the validation of addresses")) } else { Ok(()) }
}

operation!(
    GetConfigurationSet,
    |ses, cx, input| Ok(permission::<GetConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let set = ses.configuration_set(&cx.scope, &input.configuration_set_name)?;
        Ok(GetConfigurationSetResponse {
            configuration_set_name: Some(input.configuration_set_name),
            delivery_options: Some(DeliveryOptions {
                tls_policy: Some(set.tls_policy.clone().unwrap_or_else(|| "OPTIONAL".into())),
                max_delivery_seconds: set.max_delivery_seconds,
                sending_pool_name: None,
            }),
            reputation_options: Some(ReputationOptions {
                reputation_metrics_enabled: Some(set.reputation_metrics),
                last_fresh_start: set.fresh_start,
            }),
            tracking_options: set
                .tracking_domain
                .clone()
                .map(|custom_redirect_domain| TrackingOptions { custom_redirect_domain, https_policy: set.https_policy.clone() }),
            suppression_options: (set.suppressed_reasons.is_some() || set.suppression_scope.is_some()).then(|| SuppressionOptions {
                suppressed_reasons: set.suppressed_reasons.clone(),
                suppression_scope: set.suppression_scope.clone(),
                ..SuppressionOptions::default()
            }),
            sending_options: Some(SendingOptions { sending_enabled: Some(!set.paused) }),
            tags: Some(tags::shown(&set.tags)),
            ..GetConfigurationSetResponse::default()
        })
    },
);

operation!(ListConfigurationSets, |ses, cx, input| Ok(access::any::<ListConfigurationSets>(cx).into()), |ses, cx, input| {
    let page = ses.list::<ListConfigurationSets, _, _>(cx, &input, PAGE, |state| &state.configuration_sets, |name, _| Some(name.to_owned()))?;
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
    PutConfigurationSetSendingOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetSendingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.set_sending(cx, &input.configuration_set_name, input.sending_enabled.unwrap_or(false))?;
        Ok(PutConfigurationSetSendingOptionsResponse {})
    },
);

operation!(
    PutConfigurationSetReputationOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetReputationOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.set_reputation_metrics(cx, &input.configuration_set_name, input.reputation_metrics_enabled.unwrap_or(false))?;
        Ok(PutConfigurationSetReputationOptionsResponse {})
    },
);

operation!(
    PutConfigurationSetDeliveryOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetDeliveryOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        check_pool(input.sending_pool_name.as_deref())?;
        ses.set_delivery(cx, &input.configuration_set_name, input.tls_policy, input.max_delivery_seconds)?;
        Ok(PutConfigurationSetDeliveryOptionsResponse {})
    },
);

operation!(
    PutConfigurationSetTrackingOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetTrackingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let tracking = tracking(input.custom_redirect_domain, input.https_policy)?;
        ses.set_tracking(cx, &input.configuration_set_name, tracking, TrackingChange::Put)?;
        Ok(PutConfigurationSetTrackingOptionsResponse {})
    },
);

operation!(
    PutConfigurationSetSuppressionOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetSuppressionOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        check_validation(input.validation_options.is_some())?;
        let changed = ses.change_configuration_set(&cx.scope, &input.configuration_set_name, |set| {
            (set.suppressed_reasons, set.suppression_scope) = (input.suppressed_reasons, input.suppression_scope);
            Ok(())
        });
        changed?;
        Ok(PutConfigurationSetSuppressionOptionsResponse {})
    },
);

operation!(
    UpdateConfigurationSet,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.configuration_set(&cx.scope, &input.configuration_set_name)?;
        let scheme = input.message_security_options.and_then(|options| options.signing_scheme);
        if scheme.is_some_and(|scheme| scheme.smime_scheme.is_some()) {
            return Err(Refusal::NotBuilt("signatures of S/MIME"));
        }
        Ok(UpdateConfigurationSetResponse {})
    },
);

operation!(
    CreateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<CreateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(input.event_destination);
        ses.create_destination(cx, &input.configuration_set_name, &input.event_destination_name, destination).await?;
        Ok(CreateConfigurationSetEventDestinationResponse {})
    },
);

operation!(
    UpdateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(input.event_destination);
        ses.update_destination(cx, &input.configuration_set_name, &input.event_destination_name, destination).await?;
        Ok(UpdateConfigurationSetEventDestinationResponse {})
    },
);

operation!(
    GetConfigurationSetEventDestinations,
    |ses, cx, input| Ok(permission::<GetConfigurationSetEventDestinations>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let set = ses.configuration_set(&cx.scope, &input.configuration_set_name)?;
        Ok(GetConfigurationSetEventDestinationsResponse { event_destinations: Some(set.destinations.iter().map(shown).collect()) })
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
