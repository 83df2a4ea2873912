//! Configuration sets and their event destinations.

use crate::{
    Ses, limits,
    refusal::Refusal,
    state::{ConfigurationSet, EventDestination, State},
};
use cloudlet_api_ses::faults as v1;
use cloudlet_api_sesv2::faults as v2;
use cloudlet_aws::{FaultKind, Scope};
use cloudlet_engine::Cx;
use std::sync::Arc;

/// Whose links a mail's links become.
pub struct Tracking {
    pub domain: String,
    pub https_policy: Option<String>,
}

/// What a call does with a set's tracking options: the first API tells its operations apart, the second puts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrackingChange {
    Create,
    Update,
    Delete,
    Put,
}

fn tracking_fault(kind: FaultKind, message: String) -> Refusal {
    Refusal::As { v1: kind, v2: v2::BAD_REQUEST, message }
}

/// The name of a set, or of a destination of its events.
/// AWS: unverified for sets, whose messages are to be like those of destinations.
fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let lower = what.to_ascii_lowercase();
    if name.is_empty() {
        return Err(Refusal::invalid(format!("The {lower} name must be specified.")));
    }
    if !name.bytes().all(usual) {
        let message = format!("Invalid {lower} name <{name}>: only alphanumeric ASCII characters, '_', and '-' are allowed.");
        return Err(Refusal::invalid(message));
    }
    if name.len() > limits::NAME {
        return Err(Refusal::invalid(format!("{what} name cannot exceed {} characters.", limits::NAME)));
    }
    Ok(())
}

impl Ses {
    pub fn configuration_set(&self, scope: &Scope, name: &str) -> Result<Arc<ConfigurationSet>, Refusal> {
        let found = self.store.read(|state| state.configuration_sets.get(&(scope.clone(), name.to_owned())).cloned());
        found.ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))
    }

    pub fn create_configuration_set(&self, cx: &Cx, name: &str, set: ConfigurationSet) -> Result<(), Refusal> {
        check_name("Configuration set", name)?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if state.configuration_sets.contains(&key) {
                return Err(Refusal::SetExists(name.to_owned()));
            }
            if State::count(&state.configuration_sets, &cx.scope) >= limits::CONFIGURATION_SETS {
                // AWS: unverified message.
                return Err(Refusal::Limit("The number of configuration sets is at its limit.".to_owned()));
            }
            state.configuration_sets.insert(key, Arc::new(set));
            Ok(())
        })
    }

    pub fn change_configuration_set<R>(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut ConfigurationSet) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        self.store.write(|state| {
            let set = state.configuration_sets.get_mut(&(scope.clone(), name.to_owned()));
            change(Arc::make_mut(set.ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))?))
        })
    }

    pub fn delete_configuration_set(&self, scope: &Scope, name: &str) -> Result<(), Refusal> {
        let removed = self.store.update(|state| state.configuration_sets.remove(&(scope.clone(), name.to_owned())));
        removed.map(drop).ok_or_else(|| Refusal::NoConfigurationSet(name.to_owned()))
    }

    pub fn set_sending(&self, cx: &Cx, name: &str, enabled: bool) -> Result<(), Refusal> {
        self.change_configuration_set(&cx.scope, name, |set| {
            if enabled && set.paused {
                set.fresh_start = Some(cx.now);
            }
            set.paused = !enabled;
            Ok(())
        })
    }

    pub fn set_reputation_metrics(&self, cx: &Cx, name: &str, enabled: bool) -> Result<(), Refusal> {
        self.change_configuration_set(&cx.scope, name, |set| {
            set.reputation_metrics = enabled;
            Ok(())
        })
    }

    /// The policy as the second API writes it.
    pub fn set_delivery(&self, cx: &Cx, name: &str, tls_policy: Option<String>, max_seconds: Option<i64>) -> Result<(), Refusal> {
        self.change_configuration_set(&cx.scope, name, |set| {
            set.tls_policy = tls_policy;
            set.max_delivery_seconds = max_seconds;
            Ok(())
        })
    }

    /// Whose links a mail's links become. No domain: the region's own.
    pub fn set_tracking(&self, cx: &Cx, name: &str, tracking: Option<Tracking>, change: TrackingChange) -> Result<(), Refusal> {
        if let Some(tracking) = &tracking {
            self.check_tracking(&cx.scope, tracking)?;
        }
        self.change_configuration_set(&cx.scope, name, |set| {
            match (change, set.tracking_domain.is_some()) {
                (TrackingChange::Create, true) => {
                    return Err(tracking_fault(
                        v1::TRACKING_OPTIONS_ALREADY_EXISTS,
                        format!("Configuration set <{name}> already has tracking options."),
                    ));
                }
                (TrackingChange::Update | TrackingChange::Delete, false) => {
                    return Err(tracking_fault(
                        v1::TRACKING_OPTIONS_DOES_NOT_EXIST,
                        format!("There are no tracking options for configuration set <{name}>"),
                    ));
                }
                _ => {}
            }
            (set.tracking_domain, set.https_policy) = match tracking {
                Some(Tracking { domain, https_policy }) => (Some(domain), https_policy),
                None => (None, None),
            };
            Ok(())
        })
    }

    /// The domain has to be verified.
    /// <https://docs.aws.amazon.com/ses/latest/dg/configure-custom-open-click-domains.html>
    pub fn check_tracking(&self, scope: &Scope, tracking: &Tracking) -> Result<(), Refusal> {
        if self.store.read(|state| state.is_verified(scope, &format!("x@{}", tracking.domain))) {
            return Ok(());
        }
        Err(tracking_fault(v1::INVALID_TRACKING_OPTIONS, format!("Domain <{}> is not verified under this account.", tracking.domain)))
    }

    pub async fn create_destination(&self, cx: &Cx, set: &str, name: &str, destination: EventDestination) -> Result<(), Refusal> {
        check_name("Event destination", name)?;
        destination.check()?;
        // AWS: recorded: the set first, then the topic.
        let found = self.configuration_set(&cx.scope, set)?;
        let exists = || Refusal::DestinationExists { set: set.to_owned(), destination: name.to_owned() };
        if found.destinations.contains_key(name) {
            return Err(exists());
        }
        self.check_destination(cx, set, &destination).await?;
        self.change_configuration_set(&cx.scope, set, |found| {
            if found.destinations.contains_key(name) {
                return Err(exists());
            }
            if found.destinations.len() >= limits::EVENT_DESTINATIONS {
                // AWS: unverified message.
                return Err(Refusal::Limit(format!("Configuration set <{set}> has as many event destinations as it may have.")));
            }
            found.destinations.insert(name.to_owned(), destination);
            Ok(())
        })
    }

    pub async fn update_destination(&self, cx: &Cx, set: &str, name: &str, destination: EventDestination) -> Result<(), Refusal> {
        check_name("Event destination", name)?;
        destination.check()?;
        let missing = || Refusal::NoDestination { set: set.to_owned(), destination: name.to_owned() };
        if !self.configuration_set(&cx.scope, set)?.destinations.contains_key(name) {
            return Err(missing());
        }
        self.check_destination(cx, set, &destination).await?;
        self.change_configuration_set(&cx.scope, set, |found| {
            *found.destinations.get_mut(name).ok_or_else(missing)? = destination;
            Ok(())
        })
    }

    pub fn delete_destination(&self, cx: &Cx, set: &str, name: &str) -> Result<(), Refusal> {
        let missing = || Refusal::NoDestination { set: set.to_owned(), destination: name.to_owned() };
        self.change_configuration_set(&cx.scope, set, |found| found.destinations.remove(name).map(drop).ok_or_else(missing))
    }
}

impl EventDestination {
    /// What a destination says, before its target is asked. AWS: measured (<https://github.com/floci-io/floci/pull/1079>).
    fn check(&self) -> Result<(), Refusal> {
        if self.events.is_empty() {
            return Err(Refusal::invalid("At least one event type must be specified."));
        }
        let targets = [self.topic.is_some(), self.stream.is_some(), self.bus.is_some(), self.dimensions.is_some(), self.application.is_some()];
        match targets.iter().filter(|given| **given).count() {
            0 => return Err(Refusal::invalid("Event destination is not provided.")),
            1 => {}
            _ => {
                return Err(Refusal::invalid(
                    "Please provide only one destination with each request. Either a Firehose Destination or a Cloudwatch Destination or an SNS \
                     Destination or an EventBridge Destination.",
                ));
            }
        }
        if self.dimensions.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::invalid("CloudWatch metrics dimension configuration list cannot be empty."));
        }
        Ok(())
    }
}
