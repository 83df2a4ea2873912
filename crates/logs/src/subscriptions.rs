//! Subscription filters: which events of a group are sent where. What matches of one PutLogEvents is one message, in gzip.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use crate::{
    Logs,
    blocks::Block,
    delivery::{self, Data, LogEventData, Target},
    faults, limits,
    metric_filters::with_regexes,
    names::{digits, group_arn, own_group},
    pages::page,
    permissions::action,
    state::{GroupKey, of_group},
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Permission, StoredShape, handler, roles::pass_role};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// A message to the destination of a subscription, as it is scheduled.
pub use own::SendToSubscription;

#[derive(cloudlet_shape::Shape, Clone, Default)]
pub struct SendInput {
    pub group: String,
    pub filter: String,
    /// `Data` as JSON.
    pub data: String,
    pub attempt: i32,
}

mod own {
    use super::SendInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_logs::SERVICE;
        SendToSubscription(SendInput) -> Empty {}
    }
}

/// AWS tries for 24 hours; the waits double from a second to an hour.
const ATTEMPTS: i32 = 36;
const LONGEST_WAIT: i64 = 60 * 60;

impl Logs {
    /// Schedules messages of the events of one write for every subscription that wants some of them.
    pub fn send_to_subscriptions(&self, cx: &Cx, group: &GroupKey, stream: &str, block: &Block) -> Result<(), Fault> {
        let filters: Vec<_> =
            self.store.read(|state| of_group(&state.subscription_filters, group).map(|(name, filter)| (name.clone(), filter.clone())).collect());
        for (name, filter) in filters {
            let Ok(pattern) = self.pattern(filter.filter_pattern.as_deref().unwrap_or_default()) else { continue };
            let events = block.iter().filter(|event| pattern.matches(event.message));
            let events: Vec<_> = events
                .map(|event| LogEventData { id: digits(event.place), timestamp: event.place.time, message: event.message.to_owned() })
                .collect();
            if events.is_empty() {
                continue;
            }
            let data = Data {
                message_type: "DATA_MESSAGE".into(),
                owner: group.0.account.to_string(),
                log_group: group.1.to_string(),
                log_stream: stream.to_owned(),
                subscription_filters: vec![name.to_string()],
                log_events: events,
            };
            let data = serde_json::to_string(&data).map_err(Fault::internal)?;
            let input = SendInput { group: group.1.to_string(), filter: name.to_string(), data, attempt: 0 };
            cx.schedule::<SendToSubscription>(cx.now, crate::PRINCIPAL, group_arn(group), group.0.clone(), input)?;
        }
        Ok(())
    }

    /// Where a subscription sends to: itself, or through a destination.
    fn target_of(&self, destination: &Arn, role: Option<&str>) -> Result<Target, Fault> {
        match destination.service() {
            "logs" => {
                let found = delivery::destination_key(destination).and_then(|key| self.store.read(|state| state.destinations.get(&key).cloned()));
                let found = found.ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("The specified destination does not exist."))?;
                Target::of(&found.target, Some(&found.role))
            }
            _ => {
                let role = role.map(|role| Arn::parse(role).ok_or_else(|| faults::invalid("Invalid roleArn"))).transpose()?;
                Target::of(destination, role.as_ref())
            }
        }
    }
}

handler!(Logs, SendToSubscription, |logs, cx, input| Ok(Permission::none()), |logs, cx, input| {
    let key = own_group(cx, &input.group);
    let filter = logs.store.read(|state| state.subscription_filters.get(&(key.clone(), input.filter.as_str().into())).cloned());
    // The subscription may be gone by now.
    let Some(filter) = filter else { return Ok(Empty {}) };
    let Some(destination) = filter.destination_arn.as_deref().and_then(Arn::parse) else { return Ok(Empty {}) };
    let sent = match logs.target_of(&destination, filter.role_arn.as_deref()) {
        Ok(target) => delivery::send(cx, &key, &target, input.data.as_bytes()).await,
        Err(fault) => Err(fault),
    };
    match sent {
        // What the receiver refuses is dropped; what failed is tried again.
        Err(fault) if delivery::may_recover(&fault) && input.attempt + 1 < ATTEMPTS => {
            let wait = 1i64.checked_shl(u32::try_from(input.attempt).unwrap_or(0)).unwrap_or(LONGEST_WAIT).clamp(1, LONGEST_WAIT);
            let next = SendInput { attempt: input.attempt + 1, ..input };
            cx.schedule::<SendToSubscription>(cx.now.plus_secs(wait), crate::PRINCIPAL, group_arn(&key), key.0.clone(), next)?;
            Ok(Empty {})
        }
        Ok(()) => Ok(Empty {}),
        // In the log of calls.
        Err(fault) => Err(fault),
    }
});

handler!(
    Logs,
    PutSubscriptionFilter,
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        let mut permissions: cloudlet_engine::Permissions = logs.on_group::<PutSubscriptionFilter>(&key).into();
        if let Some(role) = input.role_arn.as_deref().and_then(Arn::parse) {
            permissions.push(pass_role(role, crate::PRINCIPAL, None));
        }
        if let Some(destination) = Arn::parse(&input.destination_arn).filter(|arn| arn.service() == "logs") {
            let policy = delivery::destination_key(&destination)
                .and_then(|key| logs.store.read(|state| state.destinations.get(&key)?.policy.as_ref().map(|policy| policy.named(&destination))));
            permissions.push(Permission::action(action::<PutSubscriptionFilter>(), destination).with_policy(policy));
        }
        Ok(permissions)
    },
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.standard_group(&key)?;
        let pattern = logs.pattern(&input.filter_pattern)?;
        let name: Arc<str> = input.filter_name.as_str().into();
        let destination = Arn::parse(&input.destination_arn).ok_or_else(delivery::invalid_destination)?;
        let row = (key.clone(), name.clone());
        let check = |state: &crate::state::State| {
            if !state.groups.contains(&key) {
                return Err(faults::no_such_group());
            }
            let others = of_group(&state.subscription_filters, &key).filter(|(other, _)| **other != name).count();
            if others >= limits::SUBSCRIPTION_FILTERS_PER_GROUP
                || (pattern.regexes() > 0 && with_regexes(logs, state, &key, &name) >= limits::REGEX_FILTERS_PER_GROUP)
            {
                return Err(faults::limit_exceeded());
            }
            Ok(())
        };
        logs.store.read(check)?;
        let target = logs.target_of(&destination, input.role_arn.as_deref())?;
        delivery::probe(cx, &key, &target).await?;
        logs.store.write(|state| {
            check(state)?;
            let filter = SubscriptionFilter {
                filter_name: Some(input.filter_name),
                log_group_name: Some(input.log_group_name),
                filter_pattern: Some(input.filter_pattern),
                destination_arn: Some(input.destination_arn),
                role_arn: input.role_arn,
                distribution: Some(input.distribution.unwrap_or_else(|| "ByLogStream".to_owned())),
                apply_on_transformed_logs: Some(input.apply_on_transformed_logs.unwrap_or(false)),
                creation_time: Some(cx.now.millis()),
                field_selection_criteria: input.field_selection_criteria,
                emit_system_fields: input.emit_system_fields,
            };
            state.subscription_filters.insert(row.clone(), StoredShape::new(filter));
            Ok(Empty {})
        })
    }
);

handler!(
    Logs,
    DescribeSubscriptionFilters,
    |logs, cx, input| Ok(logs.on_group::<DescribeSubscriptionFilters>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.group(&key)?;
        let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
        let page = logs.store.read(|state| {
            page::<DescribeSubscriptionFilters, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
                let rows = of_group(&state.subscription_filters, &key).filter(|(name, _)| name.starts_with(prefix));
                let rows = rows.skip_while(move |(name, _)| after.as_ref().is_some_and(|after| *name <= after));
                rows.map(|(name, filter)| (name.clone(), filter.shape()))
            })
        })?;
        Ok(DescribeSubscriptionFiltersResponse { subscription_filters: Some(page.items), next_token: page.next_token })
    }
);

handler!(
    Logs,
    DeleteSubscriptionFilter,
    |logs, cx, input| Ok(logs.on_group::<DeleteSubscriptionFilter>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.store.write(|state| {
            if !state.groups.contains(&key) {
                return Err(faults::no_such_group());
            }
            match state.subscription_filters.remove(&(key, input.filter_name.into())) {
                Some(_) => Ok(Empty {}),
                None => Err(faults::RESOURCE_NOT_FOUND.says("The specified subscription filter does not exist.")),
            }
        })
    }
);
