//! Delivery destinations of vended logs, and their policies. Deliberately no delivery sources: no service here vends its logs through them, so
//! PutDeliverySource and CreateDelivery are not built.

use crate::{
    Logs,
    destinations::checked_policy,
    faults, limits,
    names::other_arn,
    pages::page,
    permissions::{on_account, on_resource, with_tags},
    state::{self, Named, of_scope},
    tags,
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, StoredShape, handler};
use cloudlet_shape::Empty;
use std::sync::Arc;

fn arn(cx: &Cx, name: &str) -> Arn {
    other_arn(&cx.scope, "delivery-destination", name)
}

fn missing() -> Fault {
    faults::RESOURCE_NOT_FOUND.says("Requested Delivery Destination does not exist in this account.")
}

/// `S3`, `CWL` or `FH`, by the ARN of what gets the logs.
fn kind_of(arn: &str) -> Option<&'static str> {
    match Arn::parse(arn)?.service() {
        "s3" => Some("S3"),
        "logs" => Some("CWL"),
        "firehose" => Some("FH"),
        _ => None,
    }
}

handler!(
    Logs,
    PutDeliveryDestination,
    |logs, cx, input| {
        let permission = on_resource::<PutDeliveryDestination>(arn(cx, &input.name));
        let permission = match &input.delivery_destination_configuration {
            Some(configuration) => permission.with_key("logs:DeliveryDestinationResourceArn", &configuration.destination_resource_arn),
            None => permission,
        };
        Ok(with_tags(permission, input.tags.as_ref()))
    },
    |logs, cx, input| {
        let given = input.tags.unwrap_or_default();
        tags::check(&given)?;
        let configuration = input.delivery_destination_configuration;
        let kind = match (&configuration, &input.delivery_destination_type) {
            (Some(configuration), _) => kind_of(&configuration.destination_resource_arn).map(str::to_owned),
            (None, kind) => kind.clone(),
        };
        // AWS: unverified message.
        let kind = kind.ok_or_else(|| faults::VALIDATION.says("Invalid delivery destination resource"))?;
        let key: Named = (cx.scope.clone(), input.name.as_str().into());
        let destination = DeliveryDestination {
            arn: Some(arn(cx, &input.name).to_string()),
            name: Some(input.name),
            delivery_destination_type: Some(kind),
            output_format: input.output_format,
            delivery_destination_configuration: configuration,
            role_arn: input.role_arn,
            tags: Some(given).filter(|tags| !tags.is_empty()),
        };
        logs.store.write(|state| {
            let old = state.delivery_destinations.get(&key);
            if old.is_none() && of_scope(&state.delivery_destinations, &cx.scope, "", None).count() >= limits::DELIVERY_DESTINATIONS {
                return Err(faults::SERVICE_QUOTA_EXCEEDED.says("The limit of delivery destinations is reached."));
            }
            let policy = old.and_then(|old| old.policy.clone());
            let tags = destination.tags.clone().or_else(|| old.and_then(|old| old.shape.tags.clone()));
            let stored = DeliveryDestination { tags, ..destination };
            state.delivery_destinations.insert(key, state::DeliveryDestination { shape: StoredShape::new(stored.clone()), policy });
            // AWS: recorded: the answer is without the tags.
            Ok(PutDeliveryDestinationResponse { delivery_destination: Some(DeliveryDestination { tags: None, ..stored }) })
        })
    }
);

handler!(
    Logs,
    GetDeliveryDestination,
    |logs, cx, input| Ok(on_resource::<GetDeliveryDestination>(arn(cx, &input.name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.name.into());
        let found = logs.store.read(|state| state.delivery_destinations.get(&key).map(|row| row.shape.shape()));
        Ok(GetDeliveryDestinationResponse { delivery_destination: Some(found.ok_or_else(missing)?) })
    }
);

handler!(Logs, DescribeDeliveryDestinations, |logs, cx, input| Ok(on_account::<DescribeDeliveryDestinations>(cx).into()), |logs, cx, input| {
    let page = logs.store.read(|state| {
        page::<DescribeDeliveryDestinations, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.delivery_destinations, &cx.scope, "", after);
            let rows = rows.filter(|(name, _)| input.names.as_ref().is_none_or(|names| names.iter().any(|one| **one == ***name)));
            rows.map(|(name, row)| (name.clone(), row.shape.shape()))
        })
    })?;
    Ok(DescribeDeliveryDestinationsResponse { delivery_destinations: Some(page.items), next_token: page.next_token })
});

handler!(
    Logs,
    DeleteDeliveryDestination,
    |logs, cx, input| Ok(on_resource::<DeleteDeliveryDestination>(arn(cx, &input.name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.name.into());
        logs.store.write(|state| state.delivery_destinations.remove(&key).map(|_| Empty {}).ok_or_else(missing))
    }
);

handler!(
    Logs,
    PutDeliveryDestinationPolicy,
    |logs, cx, input| Ok(on_resource::<PutDeliveryDestinationPolicy>(arn(cx, &input.delivery_destination_name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.delivery_destination_name.into());
        let text = input.delivery_destination_policy;
        checked_policy(&text).map_err(|fault| faults::VALIDATION.says(fault.message()))?;
        logs.store.write(|state| {
            let row = state.delivery_destinations.get_mut(&key).ok_or_else(missing)?;
            row.policy = Some(text.clone());
            Ok(PutDeliveryDestinationPolicyResponse { policy: Some(Policy { delivery_destination_policy: Some(text) }) })
        })
    }
);

handler!(
    Logs,
    GetDeliveryDestinationPolicy,
    |logs, cx, input| Ok(on_resource::<GetDeliveryDestinationPolicy>(arn(cx, &input.delivery_destination_name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.delivery_destination_name.into());
        let found = logs.store.read(|state| state.delivery_destinations.get(&key).map(|row| row.policy.clone()));
        // AWS: recorded: without a policy the structure is empty.
        Ok(GetDeliveryDestinationPolicyResponse { policy: Some(Policy { delivery_destination_policy: found.ok_or_else(missing)? }) })
    }
);

handler!(
    Logs,
    DeleteDeliveryDestinationPolicy,
    |logs, cx, input| Ok(on_resource::<DeleteDeliveryDestinationPolicy>(arn(cx, &input.delivery_destination_name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.delivery_destination_name.into());
        logs.store.write(|state| {
            let row = state.delivery_destinations.get_mut(&key).ok_or_else(missing)?;
            row.policy = None;
            Ok(Empty {})
        })
    }
);
