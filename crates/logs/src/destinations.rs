//! Destinations: what subscriptions of other accounts may send to, under the destination's own policy.

use crate::{
    Logs, faults, limits,
    names::other_arn,
    pages::page,
    permissions::{on_account, on_resource, with_tags},
    state::{self, Named, of_scope},
    tags,
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, StoredPolicy, handler, roles::pass_role};
use cloudlet_policy::Kind;
use cloudlet_shape::Empty;
use std::sync::Arc;

fn arn(cx: &Cx, name: &str) -> Arn {
    other_arn(&cx.scope, "destination", name)
}

fn missing() -> Fault {
    faults::RESOURCE_NOT_FOUND.says("The specified destination does not exist.")
}

fn shown(key: &Named, row: &state::Destination) -> Destination {
    Destination {
        destination_name: Some(key.1.to_string()),
        target_arn: Some(row.target.to_string()),
        role_arn: Some(row.role.to_string()),
        access_policy: row.policy.as_ref().map(|policy| policy.text.to_string()),
        arn: Some(other_arn(&key.0, "destination", &key.1).to_string()),
        creation_time: Some(row.created.millis()),
    }
}

handler!(
    Logs,
    PutDestination,
    |logs, cx, input| {
        let mut permissions = with_tags(on_resource::<PutDestination>(arn(cx, &input.destination_name)), input.tags.as_ref());
        permissions.extend(Arn::parse(&input.role_arn).map(|role| pass_role(role, crate::PRINCIPAL, None)));
        Ok(permissions)
    },
    |logs, cx, input| {
        let invalid = |what: &str| faults::invalid(format!("Invalid {what}"));
        let target = Arn::parse(&input.target_arn).ok_or_else(|| invalid("targetArn"))?;
        if !["kinesis", "firehose"].contains(&target.service()) {
            // AWS: unverified message.
            return Err(faults::invalid("The target of a destination is a Kinesis or Firehose stream"));
        }
        let role = Arn::parse(&input.role_arn).filter(|role| role.service() == "iam").ok_or_else(|| invalid("roleArn"))?;
        let given = input.tags.unwrap_or_default();
        tags::check(&given)?;
        let key: Named = (cx.scope.clone(), input.destination_name.into());
        logs.store.write(|state| {
            let old = state.destinations.get(&key).cloned();
            if old.is_none() && of_scope(&state.destinations, &cx.scope, "", None).count() >= limits::DESTINATIONS {
                return Err(faults::limit_exceeded());
            }
            let mut row = state::Destination { target, role, created: cx.now, policy: None, tags: given };
            if let Some(old) = old {
                row = state::Destination { created: old.created, policy: old.policy.clone(), tags: old.tags.clone(), ..row };
            }
            let destination = shown(&key, &row);
            state.destinations.insert(key, Arc::new(row));
            Ok(PutDestinationResponse { destination: Some(destination) })
        })
    }
);

handler!(
    Logs,
    PutDestinationPolicy,
    |logs, cx, input| Ok(on_resource::<PutDestinationPolicy>(arn(cx, &input.destination_name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.destination_name.into());
        if input.access_policy.len() > limits::POLICY_BYTES {
            return Err(faults::limit_exceeded());
        }
        let policy = checked_policy(&input.access_policy)?;
        logs.store.write(|state| {
            let row = state.destinations.get_mut(&key).ok_or_else(missing)?;
            Arc::make_mut(row).policy = Some(policy);
            Ok(Empty {})
        })
    }
);

/// A policy as it was put. AWS: those with ARNs that name nothing are taken.
pub fn checked_policy(text: &str) -> Result<StoredPolicy, Fault> {
    let is_policy = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|policy| policy.get("Statement").is_some());
    match StoredPolicy::parse(text, Kind::Resource) {
        Ok(policy) => Ok(policy),
        Err(_) if is_policy => Ok(StoredPolicy { document: cloudlet_policy::Document::stored(text, Kind::Resource), text: text.into() }),
        // AWS: unverified message.
        Err(malformed) => Err(faults::invalid(format!("Policy document is invalid: {}", malformed.message))),
    }
}

handler!(Logs, DescribeDestinations, |logs, cx, input| Ok(on_account::<DescribeDestinations>(cx).into()), |logs, cx, input| {
    let prefix = input.destination_name_prefix.as_deref().unwrap_or_default();
    let page = logs.store.read(|state| {
        page::<DescribeDestinations, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
            let rows = of_scope(&state.destinations, &cx.scope, prefix, after);
            rows.map(|(name, row)| (name.clone(), shown(&(cx.scope.clone(), name.clone()), row)))
        })
    })?;
    Ok(DescribeDestinationsResponse { destinations: Some(page.items), next_token: page.next_token })
});

handler!(
    Logs,
    DeleteDestination,
    |logs, cx, input| Ok(on_resource::<DeleteDestination>(arn(cx, &input.destination_name)).into()),
    |logs, cx, input| {
        let key: Named = (cx.scope.clone(), input.destination_name.into());
        logs.store.write(|state| state.destinations.remove(&key).map(|_| Empty {}).ok_or_else(missing))
    }
);
