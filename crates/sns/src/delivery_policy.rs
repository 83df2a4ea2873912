//! Delivery policies of topics and subscriptions: how often and when a delivery is retried.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>

use crate::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    #[default]
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

impl Backoff {
    fn name(self) -> &'static str {
        match self {
            Backoff::Linear => "linear",
            Backoff::Arithmetic => "arithmetic",
            Backoff::Geometric => "geometric",
            Backoff::Exponential => "exponential",
        }
    }

    /// Where the delay of retry `index` of `count` is between the minimum (0) and the maximum (1).
    /// AWS: publishes curves and no formulas. The first retry waits the minimum, the last the maximum.
    fn progress(self, index: u32, count: u32, min: f64, max: f64) -> f64 {
        let (index, last) = (f64::from(index), f64::from(count.saturating_sub(1)));
        if last <= 0.0 || max <= min {
            return 0.0;
        }
        match self {
            Backoff::Linear => index / last,
            // The steps grow by the same amount each time.
            Backoff::Arithmetic => index * (index + 1.0) / (last * (last + 1.0)),
            // Each delay is the same multiple of the one before.
            Backoff::Geometric => (min * (max / min).powf(index / last) - min) / (max - min),
            // The steps double each time.
            Backoff::Exponential => (index.exp2() - 1.0) / (last.exp2() - 1.0),
        }
    }
}

/// The retries of a delivery, in four phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Seconds.
    pub min_delay: u32,
    pub max_delay: u32,
    pub retries: u32,
    pub no_delay_retries: u32,
    pub min_delay_retries: u32,
    pub max_delay_retries: u32,
    pub backoff: Backoff,
}

impl Retries {
    pub const HTTP: Retries = Retries {
        min_delay: 20,
        max_delay: 20,
        retries: 3,
        no_delay_retries: 0,
        min_delay_retries: 0,
        max_delay_retries: 0,
        backoff: Backoff::Linear,
    };
    /// SQS, Lambda, Firehose: 100,015 retries in 23 days.
    pub const AWS_MANAGED: Retries = Retries {
        min_delay: 1,
        max_delay: 20,
        retries: 100_015,
        no_delay_retries: 3,
        min_delay_retries: 2,
        max_delay_retries: 100_000,
        backoff: Backoff::Exponential,
    };

    /// Milliseconds before retry `index` (from 0); `None` when there are no more.
    pub fn delay(&self, index: u32) -> Option<i64> {
        if index >= self.retries {
            return None;
        }
        let (min, max) = (f64::from(self.min_delay) * 1e3, f64::from(self.max_delay) * 1e3);
        let backing_off = self.retries.saturating_sub(self.no_delay_retries + self.min_delay_retries + self.max_delay_retries);
        let start = self.no_delay_retries + self.min_delay_retries;
        let delay = match index {
            _ if index < self.no_delay_retries => 0.0,
            _ if index < start => min,
            _ if index < start + backing_off => min + (max - min) * self.backoff.progress(index - start, backing_off, min, max),
            _ => max,
        };
        Some(delay.round() as i64)
    }

    /// Milliseconds of all delays together.
    fn total(&self) -> i64 {
        (0..self.retries).filter_map(|index| self.delay(index)).sum()
    }

    fn shown(&self) -> Value {
        json!({
            "minDelayTarget": self.min_delay,
            "maxDelayTarget": self.max_delay,
            "numRetries": self.retries,
            "numMaxDelayRetries": self.max_delay_retries,
            "numNoDelayRetries": self.no_delay_retries,
            "numMinDelayRetries": self.min_delay_retries,
            "backoffFunction": self.backoff.name(),
        })
    }
}

/// Checks the members of a retry policy.
/// AWS: the messages are those in the rules of cdk-preflight (`rules/sns/pf-sns-delivery-policy`), which were tried on it.
fn retries(given: &Map<String, Value>, path: &str) -> Result<Retries, String> {
    let mut retries = Retries::HTTP;
    for (name, value) in given {
        let number = |min: u32, max: u32| {
            let number = value.as_i64().or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64));
            // AWS: unverified message.
            let number = number.ok_or_else(|| format!("{path}.{name} must be an integer"))?;
            if number > i64::from(max) {
                return Err(format!("{path}.{name} must be less than or equal to {max}"));
            }
            let number = u32::try_from(number).ok().filter(|number| *number >= min);
            number.ok_or_else(|| format!("{path}.{name} must be greater than or equal to {min}"))
        };
        match name.as_str() {
            "minDelayTarget" => retries.min_delay = number(1, u32::MAX)?,
            "maxDelayTarget" => retries.max_delay = number(0, 3_600)?,
            "numRetries" => retries.retries = number(0, 100)?,
            "numNoDelayRetries" => retries.no_delay_retries = number(0, u32::MAX)?,
            "numMinDelayRetries" => retries.min_delay_retries = number(0, u32::MAX)?,
            "numMaxDelayRetries" => retries.max_delay_retries = number(0, u32::MAX)?,
            "backoffFunction" => {
                let name = value.as_str().unwrap_or_default();
                let known = [Backoff::Linear, Backoff::Arithmetic, Backoff::Geometric, Backoff::Exponential];
                let function = known.into_iter().find(|function| function.name() == name);
                // AWS: unverified how the message begins.
                retries.backoff = function.ok_or_else(|| format!("{path}.backoffFunction: the value [{name}] is not a valid backoff function"))?;
            }
            // AWS: unverified message.
            _ => return Err(format!("Unexpected JSON member: {path}.{name}")),
        }
    }
    if !given.contains_key("maxDelayTarget") && given.contains_key("minDelayTarget") {
        retries.max_delay = retries.max_delay.max(retries.min_delay);
    }
    if retries.max_delay > 3_600 {
        return Err(format!("{path}.maxDelayTarget must be less than or equal to 3600"));
    }
    if retries.min_delay > retries.max_delay {
        return Err(format!("{path}.maxDelayTarget must be greater than or equal to minDelayTarget"));
    }
    if u64::from(retries.no_delay_retries) + u64::from(retries.min_delay_retries) + u64::from(retries.max_delay_retries) > u64::from(retries.retries)
    {
        return Err(format!(
            "{path}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
        ));
    }
    if retries.total() > 3_600_000 {
        // AWS: unverified message; the rule is that of the page above.
        return Err(format!("{path}: the total time of all retries must not exceed 3600 seconds"));
    }
    Ok(retries)
}

/// A policy as it was given, and its meaning. A topic's and a subscription's differ in names only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryPolicy {
    /// Without members that were null.
    given: Map<String, Value>,
    retries: Option<Retries>,
    max_receives_per_second: Option<u32>,
    content_type: Option<String>,
    /// Only in a topic's.
    subscription_overrides_disabled: bool,
}

/// What has the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyOwner {
    Topic,
    Subscription,
}

const CONTENT_TYPES: [&str; 11] = [
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
];

impl DeliveryPolicy {
    /// Parses a policy. An error is AWS's message, without `Invalid parameter: `.
    pub fn parse(text: &str, owner: PolicyOwner) -> Result<DeliveryPolicy, String> {
        let refused = |why: String| format!("DeliveryPolicy: {why}");
        let value = json::object(text).map_err(refused)?;
        let (whole, names, prefix) = match owner {
            PolicyOwner::Topic => {
                let http = value.get("http").and_then(Value::as_object).cloned();
                let http = http.ok_or_else(|| refused("Unexpected JSON structure: http is expected".to_owned()))?;
                (http, ["defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy", "defaultSicklyRetryPolicy"], "http.")
            }
            PolicyOwner::Subscription => (value, ["healthyRetryPolicy", "throttlePolicy", "requestPolicy", "sicklyRetryPolicy"], ""),
        };
        let mut policy = DeliveryPolicy {
            given: Map::new(),
            retries: None,
            max_receives_per_second: None,
            content_type: None,
            subscription_overrides_disabled: false,
        };
        for (name, value) in whole {
            if value.is_null() {
                continue;
            }
            policy.set(&name, &value, names, prefix).map_err(refused)?;
            policy.given.insert(name, value);
        }
        if owner == PolicyOwner::Topic {
            policy.given.entry("disableSubscriptionOverrides").or_insert_with(|| false.into());
        }
        Ok(policy)
    }

    fn set(&mut self, name: &str, value: &Value, [healthy, throttle, request, sickly]: [&str; 4], prefix: &str) -> Result<(), String> {
        let invalid = || format!("Unexpected JSON structure: {prefix}{name}");
        match name {
            _ if name == healthy => self.retries = Some(retries(value.as_object().ok_or_else(invalid)?, &format!("{prefix}{name}"))?),
            _ if name == throttle => {
                let most = value.as_object().ok_or_else(invalid)?.get("maxReceivesPerSecond").filter(|most| !most.is_null());
                let number = |most: &Value| most.as_u64().filter(|most| *most >= 1).and_then(|most| u32::try_from(most).ok());
                let refusal = || format!("{prefix}{name}.maxReceivesPerSecond must be >= 1");
                self.max_receives_per_second = most.map(|most| number(most).ok_or_else(refusal)).transpose()?;
            }
            _ if name == request => {
                let content_type = value.as_object().ok_or_else(invalid)?.get("headerContentType").filter(|given| !given.is_null());
                let supported = |given: &Value| {
                    let text = given.as_str()?;
                    let base = text.split(';').next().unwrap_or(text).trim();
                    (CONTENT_TYPES.contains(&base) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))).then(|| text.to_owned())
                };
                let refusal = || format!("{prefix}{name}.headerContentType is not a supported content type");
                self.content_type = content_type.map(|given| supported(given).ok_or_else(refusal)).transpose()?;
            }
            "disableSubscriptionOverrides" => self.subscription_overrides_disabled = value.as_bool().ok_or_else(invalid)?,
            // Obsolete, and still sent: https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
            "guaranteed" => {}
            _ if name == sickly => {}
            _ => return Err(format!("Unexpected JSON member: {prefix}{name}")),
        }
        Ok(())
    }

    /// The text that is shown for it.
    pub fn text(&self, owner: PolicyOwner) -> String {
        match owner {
            PolicyOwner::Topic => json!({ "http": self.given }).to_string(),
            PolicyOwner::Subscription => Value::from(self.given.clone()).to_string(),
        }
    }
}

pub const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// The policy that follows from a topic's, a subscription's, and AWS's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectivePolicy {
    pub retries: Retries,
    pub max_receives_per_second: Option<u32>,
    pub content_type: Option<String>,
}

impl EffectivePolicy {
    pub fn of(topic: Option<&DeliveryPolicy>, subscription: Option<&DeliveryPolicy>) -> EffectivePolicy {
        let own = subscription.filter(|_| !topic.is_some_and(|topic| topic.subscription_overrides_disabled));
        let both = || own.into_iter().chain(topic);
        EffectivePolicy {
            retries: both().find_map(|policy| policy.retries).unwrap_or(Retries::HTTP),
            max_receives_per_second: both().find_map(|policy| policy.max_receives_per_second),
            content_type: both().find_map(|policy| policy.content_type.clone()),
        }
    }
}

/// `EffectiveDeliveryPolicy` of a topic.
pub fn shown_of_topic(topic: Option<&DeliveryPolicy>) -> String {
    let effective = EffectivePolicy::of(topic, None);
    let mut http = json!({
        "defaultHealthyRetryPolicy": effective.retries.shown(),
        "disableSubscriptionOverrides": topic.is_some_and(|topic| topic.subscription_overrides_disabled),
        "defaultRequestPolicy": { "headerContentType": effective.content_type.as_deref().unwrap_or(CONTENT_TYPE) },
    });
    if let (Some(most), Some(http)) = (effective.max_receives_per_second, http.as_object_mut()) {
        http.insert("defaultThrottlePolicy".into(), json!({ "maxReceivesPerSecond": most }));
    }
    json!({ "http": http }).to_string()
}

/// `EffectiveDeliveryPolicy` of a subscription.
pub fn shown_of_subscription(topic: Option<&DeliveryPolicy>, subscription: Option<&DeliveryPolicy>) -> String {
    let effective = EffectivePolicy::of(topic, subscription);
    let mut shown = json!({
        "healthyRetryPolicy": effective.retries.shown(),
        "sicklyRetryPolicy": null,
        "throttlePolicy": effective.max_receives_per_second.map(|most| json!({ "maxReceivesPerSecond": most })),
        "guaranteed": false,
    });
    if let (Some(content_type), Some(shown)) = (effective.content_type, shown.as_object_mut()) {
        shown.insert("requestPolicy".into(), json!({ "headerContentType": content_type }));
    }
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(retries: Retries) -> Vec<i64> {
        (0..).map_while(|index| retries.delay(index)).collect()
    }

    fn topic(policy: Value) -> Result<DeliveryPolicy, String> {
        DeliveryPolicy::parse(&json!({ "http": policy }).to_string(), PolicyOwner::Topic)
    }

    #[test]
    fn retries_have_four_phases() {
        let retries = Retries {
            min_delay: 1,
            max_delay: 60,
            retries: 10,
            no_delay_retries: 2,
            min_delay_retries: 2,
            max_delay_retries: 2,
            backoff: Backoff::Linear,
        };
        assert_eq!(delays(retries), [0, 0, 1_000, 1_000, 1_000, 20_667, 40_333, 60_000, 60_000, 60_000]);
        assert_eq!(delays(Retries::HTTP), [20_000, 20_000, 20_000]);
    }

    #[test]
    fn backoff_functions_differ_between_the_same_delays() {
        let of = |backoff| {
            delays(Retries { min_delay: 1, max_delay: 16, retries: 5, no_delay_retries: 0, min_delay_retries: 0, max_delay_retries: 0, backoff })
        };
        assert_eq!(of(Backoff::Linear), [1_000, 4_750, 8_500, 12_250, 16_000]);
        assert_eq!(of(Backoff::Arithmetic), [1_000, 2_500, 5_500, 10_000, 16_000]);
        assert_eq!(of(Backoff::Geometric), [1_000, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(of(Backoff::Exponential), [1_000, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn aws_retries_its_own_services_for_23_days() {
        let all = Retries::AWS_MANAGED;
        assert_eq!((all.delay(0), all.delay(2), all.delay(3), all.delay(14)), (Some(0), Some(0), Some(1_000), Some(20_000)));
        assert_eq!(delays(all).len(), 100_015);
        assert_eq!(all.total() / 86_400_000, 23);
    }

    #[test]
    fn a_policy_out_of_its_bounds_is_refused() {
        for policy in [
            json!({"defaultHealthyRetryPolicy": {"numRetries": 101}}),
            json!({"defaultHealthyRetryPolicy": {"minDelayTarget": 10, "maxDelayTarget": 5}}),
            json!({"defaultHealthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 2}}),
            json!({"defaultHealthyRetryPolicy": {"minDelayTarget": 100, "maxDelayTarget": 100, "numRetries": 37}}),
            json!({"defaultHealthyRetryPolicy": {"backoffFunction": "cubic"}}),
            json!({"defaultThrottlePolicy": {"maxReceivesPerSecond": 0}}),
            json!({"defaultRequestPolicy": {"headerContentType": "image/png"}}),
            json!({"surprise": {}}),
        ] {
            assert!(topic(policy.clone()).is_err(), "{policy}");
        }
        assert!(
            DeliveryPolicy::parse("no", PolicyOwner::Topic).unwrap_err().starts_with("DeliveryPolicy: failed to parse JSON. Unrecognized token 'no'")
        );
    }

    #[test]
    fn a_value_out_of_bounds_has_awss_message() {
        for (policy, expected) in [
            (json!({"numRetries": 101, "minDelayTarget": 21}), "numRetries must be less than or equal to 100"),
            (json!({"numRetries": -1}), "numRetries must be greater than or equal to 0"),
            (json!({"minDelayTarget": 0}), "minDelayTarget must be greater than or equal to 1"),
            (json!({"minDelayTarget": 4000}), "maxDelayTarget must be less than or equal to 3600"),
            (json!({"minDelayTarget": 21, "maxDelayTarget": 20}), "maxDelayTarget must be greater than or equal to minDelayTarget"),
            (
                json!({"numRetries": 3, "numNoDelayRetries": 4}),
                "numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries",
            ),
        ] {
            let refusal = topic(json!({"defaultHealthyRetryPolicy": policy})).unwrap_err();
            assert_eq!(refusal, format!("DeliveryPolicy: http.defaultHealthyRetryPolicy.{expected}"));
        }
        let refusal = DeliveryPolicy::parse(r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#, PolicyOwner::Subscription).unwrap_err();
        assert_eq!(refusal, "DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be >= 1");
    }

    #[test]
    fn a_subscriptions_policy_precedes_its_topics_unless_that_disables_overrides() {
        let own =
            DeliveryPolicy::parse(r#"{"healthyRetryPolicy": {"numRetries": 7}, "sicklyRetryPolicy": null}"#, PolicyOwner::Subscription).unwrap();
        let open = topic(json!({"defaultHealthyRetryPolicy": {"numRetries": 1}, "defaultThrottlePolicy": {"maxReceivesPerSecond": 2}})).unwrap();
        let closed = topic(json!({"disableSubscriptionOverrides": true, "defaultHealthyRetryPolicy": {"numRetries": 1}})).unwrap();
        assert_eq!(EffectivePolicy::of(Some(&open), Some(&own)).retries.retries, 7);
        assert_eq!(EffectivePolicy::of(Some(&open), Some(&own)).max_receives_per_second, Some(2));
        assert_eq!(EffectivePolicy::of(Some(&closed), Some(&own)).retries.retries, 1);
        assert_eq!(own.text(PolicyOwner::Subscription), r#"{"healthyRetryPolicy":{"numRetries":7}}"#);
    }
}
