//! Configuration sets and their event destinations.

use super::tags;
use crate::{
    Ses, access,
    configuration_sets::{Tracking, TrackingChange},
    refusal::Refusal,
    state::{self, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Cx, Operation, Permission, handler, paging::Paging};

fn permission<O: Operation>(cx: &Cx, set: &str) -> Permission {
    access::resource::<O>(cx, &format!("configuration-set/{set}"))
}

fn stored(given: EventDestinationDefinition) -> Result<state::EventDestination, Refusal> {
    let kinds = [
        given.sns_destination.is_some(),
        given.kinesis_firehose_destination.is_some(),
        given.cloud_watch_destination.is_some(),
        given.event_bridge_destination.is_some(),
        given.pinpoint_destination.is_some(),
    ];
    if kinds.iter().filter(|given| **given).count() != 1 {
        // AWS: unverified message.
        return Err(Refusal::invalid("An event destination must have exactly one target."));
    }
    if given.pinpoint_destination.is_some() {
        return Err(Refusal::NotBuilt("event destinations of Pinpoint"));
    }
    let dimension = |one: CloudWatchDimensionConfiguration| (one.dimension_name, one.dimension_value_source, one.default_dimension_value);
    Ok(state::EventDestination {
        enabled: given.enabled.unwrap_or(false),
        events: given.matching_event_types.unwrap_or_default(),
        topic: given.sns_destination.map(|sns| sns.topic_arn),
        stream: given.kinesis_firehose_destination.map(|stream| (stream.iam_role_arn, stream.delivery_stream_arn)),
        bus: given.event_bridge_destination.map(|bus| bus.event_bus_arn),
        dimensions: given.cloud_watch_destination.map(|watch| watch.dimension_configurations.into_iter().map(dimension).collect()),
    })
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

handler!(
    Ses,
    CreateConfigurationSet,
    |ses, cx, input| Ok(tags::requested(permission::<CreateConfigurationSet>(cx, &input.configuration_set_name), input.tags.as_deref())),
    |ses, cx, input| {
        if input.vdm_options.is_some() {
            return Err(Refusal::NotBuilt("the deliverability manager").v2());
        }
        if input.archiving_options.is_some() || input.message_security_options.is_some() {
            return Err(Refusal::NotBuilt("archives and signed messages").v2());
        }
        let delivery = input.delivery_options.unwrap_or_default();
        check_pool(delivery.sending_pool_name.as_deref()).map_err(Refusal::v2)?;
        let suppression = input.suppression_options.unwrap_or_default();
        check_validation(suppression.validation_options.is_some()).map_err(Refusal::v2)?;
        let tracking = input.tracking_options.map(|given| Tracking { domain: given.custom_redirect_domain, https_policy: given.https_policy });
        if let Some(tracking) = &tracking {
            ses.check_tracking(&cx.scope, tracking).map_err(Refusal::v2)?;
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
        ses.create_configuration_set(cx, &input.configuration_set_name, set).map_err(Refusal::v2)?;
        Ok(CreateConfigurationSetResponse {})
    },
);

fn check_pool(pool: Option<&str>) -> Result<(), Refusal> {
    match pool {
        // AWS: the addresses that all share.
        None | Some("" | "ses-default-dedicated-pool" | "ses-shared-pool") => Ok(()),
        Some(_) => Err(Refusal::NotBuilt("pools of dedicated addresses")),
    }
}

fn check_validation(validates: bool) -> Result<(), Refusal> {
    if validates { Err(Refusal::NotBuilt("the validation of addresses")) } else { Ok(()) }
}

handler!(
    Ses,
    GetConfigurationSet,
    |ses, cx, input| Ok(permission::<GetConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let set = ses.configuration_set(&cx.scope, &input.configuration_set_name).map_err(Refusal::v2)?;
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

handler!(Ses, ListConfigurationSets, |ses, cx, input| Ok(access::any::<ListConfigurationSets>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListConfigurationSets>(cx, &input);
    let page = ses.store.read(|state| {
        list.page(list.length(100, 1_000), |after| {
            State::rows(&state.configuration_sets, &cx.scope, after).map(|(name, _)| (name.to_owned(), name.to_owned()))
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListConfigurationSetsResponse { configuration_sets: Some(page.items), next_token: page.next_token })
});

handler!(
    Ses,
    DeleteConfigurationSet,
    |ses, cx, input| Ok(permission::<DeleteConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.delete_configuration_set(&cx.scope, &input.configuration_set_name).map_err(Refusal::v2)?;
        Ok(DeleteConfigurationSetResponse {})
    },
);

handler!(
    Ses,
    PutConfigurationSetSendingOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetSendingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.set_sending(cx, &input.configuration_set_name, input.sending_enabled.unwrap_or(false)).map_err(Refusal::v2)?;
        Ok(PutConfigurationSetSendingOptionsResponse {})
    },
);

handler!(
    Ses,
    PutConfigurationSetReputationOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetReputationOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.set_reputation_metrics(cx, &input.configuration_set_name, input.reputation_metrics_enabled.unwrap_or(false)).map_err(Refusal::v2)?;
        Ok(PutConfigurationSetReputationOptionsResponse {})
    },
);

handler!(
    Ses,
    PutConfigurationSetDeliveryOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetDeliveryOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        check_pool(input.sending_pool_name.as_deref()).map_err(Refusal::v2)?;
        ses.set_delivery(cx, &input.configuration_set_name, input.tls_policy, input.max_delivery_seconds).map_err(Refusal::v2)?;
        Ok(PutConfigurationSetDeliveryOptionsResponse {})
    },
);

handler!(
    Ses,
    PutConfigurationSetTrackingOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetTrackingOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let domain = input.custom_redirect_domain.filter(|domain| !domain.is_empty());
        let tracking = domain.map(|domain| Tracking { domain, https_policy: input.https_policy });
        ses.set_tracking(cx, &input.configuration_set_name, tracking, TrackingChange::Put).map_err(Refusal::v2)?;
        Ok(PutConfigurationSetTrackingOptionsResponse {})
    },
);

handler!(
    Ses,
    PutConfigurationSetSuppressionOptions,
    |ses, cx, input| Ok(permission::<PutConfigurationSetSuppressionOptions>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        check_validation(input.validation_options.is_some()).map_err(Refusal::v2)?;
        let changed = ses.change_configuration_set(&cx.scope, &input.configuration_set_name, |set| {
            (set.suppressed_reasons, set.suppression_scope) = (input.suppressed_reasons, input.suppression_scope);
            Ok(())
        });
        changed.map_err(Refusal::v2)?;
        Ok(PutConfigurationSetSuppressionOptionsResponse {})
    },
);

handler!(
    Ses,
    UpdateConfigurationSet,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSet>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.configuration_set(&cx.scope, &input.configuration_set_name).map_err(Refusal::v2)?;
        let scheme = input.message_security_options.and_then(|options| options.signing_scheme);
        if scheme.is_some_and(|scheme| scheme.smime_scheme.is_some()) {
            return Err(Refusal::NotBuilt("signatures of S/MIME").v2());
        }
        Ok(UpdateConfigurationSetResponse {})
    },
);

handler!(
    Ses,
    CreateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<CreateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(input.event_destination).map_err(Refusal::v2)?;
        ses.create_destination(cx, &input.configuration_set_name, &input.event_destination_name, destination).await.map_err(Refusal::v2)?;
        Ok(CreateConfigurationSetEventDestinationResponse {})
    },
);

handler!(
    Ses,
    UpdateConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<UpdateConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let destination = stored(input.event_destination).map_err(Refusal::v2)?;
        ses.update_destination(cx, &input.configuration_set_name, &input.event_destination_name, destination).await.map_err(Refusal::v2)?;
        Ok(UpdateConfigurationSetEventDestinationResponse {})
    },
);

handler!(
    Ses,
    GetConfigurationSetEventDestinations,
    |ses, cx, input| Ok(permission::<GetConfigurationSetEventDestinations>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        let set = ses.configuration_set(&cx.scope, &input.configuration_set_name).map_err(Refusal::v2)?;
        Ok(GetConfigurationSetEventDestinationsResponse { event_destinations: Some(set.destinations.iter().map(shown).collect()) })
    },
);

handler!(
    Ses,
    DeleteConfigurationSetEventDestination,
    |ses, cx, input| Ok(permission::<DeleteConfigurationSetEventDestination>(cx, &input.configuration_set_name).into()),
    |ses, cx, input| {
        ses.delete_destination(cx, &input.configuration_set_name, &input.event_destination_name).map_err(Refusal::v2)?;
        Ok(DeleteConfigurationSetEventDestinationResponse {})
    },
);
