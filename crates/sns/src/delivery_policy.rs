//! How often and when a delivery is tried again: what topics and subscriptions say of it, and the schedule that follows.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>

use crate::filter::{Token, Tokens};
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

    /// How far, from 0 to 1, retry `at` of `of` has come between the two delays.
    /// AWS: shows curves and no formula: the first retry waits the minimum, the last the maximum.
    fn progress(self, at: u32, of: u32, least: f64, most: f64) -> f64 {
        let (at, last) = (f64::from(at), f64::from(of.saturating_sub(1)));
        if last <= 0.0 || most <= least {
            return 0.0;
        }
        match self {
            Backoff::Linear => at / last,
            // The steps grow by the same amount each time.
            Backoff::Arithmetic => at * (at + 1.0) / (last * (last + 1.0)),
            // Each delay is the same multiple of the one before.
            Backoff::Geometric => (least * (most / least).powf(at / last) - least) / (most - least),
            // The steps double each time.
            Backoff::Exponential => (at.exp2() - 1.0) / (last.exp2() - 1.0),
        }
    }
}

/// The retries of a delivery, in four phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Seconds.
    pub min_delay: u32,
    pub max_delay: u32,
    /// All of them.
    pub count: u32,
    pub no_delay: u32,
    pub at_min: u32,
    pub at_max: u32,
    pub backoff: Backoff,
}

impl Retries {
    pub const HTTP: Retries = Retries { min_delay: 20, max_delay: 20, count: 3, no_delay: 0, at_min: 0, at_max: 0, backoff: Backoff::Linear };
    /// SQS, Lambda, Firehose: 100,015 retries in 23 days.
    pub const AWS_MANAGED: Retries =
        Retries { min_delay: 1, max_delay: 20, count: 100_015, no_delay: 3, at_min: 2, at_max: 100_000, backoff: Backoff::Exponential };

    /// Milliseconds before retry number `at` (the first is 0); `None` when there are no more.
    pub fn delay(&self, at: u32) -> Option<i64> {
        if at >= self.count {
            return None;
        }
        let (least, most) = (f64::from(self.min_delay) * 1e3, f64::from(self.max_delay) * 1e3);
        let backing_off = self.count.saturating_sub(self.no_delay + self.at_min + self.at_max);
        let start = self.no_delay + self.at_min;
        let delay = match at {
            at if at < self.no_delay => 0.0,
            at if at < start => least,
            at if at < start + backing_off => least + (most - least) * self.backoff.progress(at - start, backing_off, least, most),
            _ => most,
        };
        Some(delay.round() as i64)
    }

    /// Milliseconds of all delays together.
    fn total(&self) -> i64 {
        (0..self.count).filter_map(|at| self.delay(at)).sum()
    }

    fn shown(&self) -> Value {
        json!({
            "minDelayTarget": self.min_delay,
            "maxDelayTarget": self.max_delay,
            "numRetries": self.count,
            "numMaxDelayRetries": self.at_max,
            "numNoDelayRetries": self.no_delay,
            "numMinDelayRetries": self.at_min,
            "backoffFunction": self.backoff.name(),
        })
    }
}

/// The fields of a retry policy that were given, checked.
/// AWS: the sentences are those of the rules of cdk-preflight (`rules/sns/pf-sns-delivery-policy`), which were tried on it.
fn retries(given: &Map<String, Value>, path: &str) -> Result<Retries, String> {
    let mut retries = Retries::HTTP;
    for (name, value) in given {
        let number = |least: u32, most: u32| {
            let number = value.as_i64().or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64));
            // AWS: unverified sentence.
            let number = number.ok_or_else(|| format!("{path}.{name} must be an integer"))?;
            if number > i64::from(most) {
                return Err(format!("{path}.{name} must be less than or equal to {most}"));
            }
            let number = u32::try_from(number).ok().filter(|number| *number >= least);
            number.ok_or_else(|| format!("{path}.{name} must be greater than or equal to {least}"))
        };
        match name.as_str() {
            "minDelayTarget" => retries.min_delay = number(1, u32::MAX)?,
            "maxDelayTarget" => retries.max_delay = number(0, 3_600)?,
            "numRetries" => retries.count = number(0, 100)?,
            "numNoDelayRetries" => retries.no_delay = number(0, u32::MAX)?,
            "numMinDelayRetries" => retries.at_min = number(0, u32::MAX)?,
            "numMaxDelayRetries" => retries.at_max = number(0, u32::MAX)?,
            "backoffFunction" => {
                let name = value.as_str().unwrap_or_default();
                let known = [Backoff::Linear, Backoff::Arithmetic, Backoff::Geometric, Backoff::Exponential];
                let function = known.into_iter().find(|function| function.name() == name);
                // AWS: unverified how the sentence begins.
                retries.backoff = function.ok_or_else(|| format!("{path}.backoffFunction: the value [{name}] is not a valid backoff function"))?;
            }
            // AWS: unverified sentence.
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
    if u64::from(retries.no_delay) + u64::from(retries.at_min) + u64::from(retries.at_max) > u64::from(retries.count) {
        return Err(format!(
            "{path}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
        ));
    }
    if retries.total() > 3_600_000 {
        // AWS: unverified sentence; the rule is that of the page above.
        return Err(format!("{path}: the total time of all retries must not exceed 3600 seconds"));
    }
    Ok(retries)
}

/// What an endpoint is spared, and what its requests look like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manners {
    /// Deliveries in a second, at most.
    pub most_per_second: Option<u32>,
    pub content_type: Option<String>,
}

/// A policy as it was given, and what it means. A topic's and a subscription's differ in names only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryPolicy {
    /// Without what was null.
    given: Map<String, Value>,
    pub retries: Option<Retries>,
    pub manners: Manners,
    /// Only in a topic's.
    pub overrides_disabled: bool,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
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
    /// Reads a policy. An error lacks AWS's `Invalid parameter: `.
    pub fn read(text: &str, whose: Whose) -> Result<DeliveryPolicy, String> {
        let refused = |why: String| format!("DeliveryPolicy: {why}");
        let value = object(text).map_err(refused)?;
        let (whole, names, prefix) = match whose {
            Whose::Topic => {
                let http = value.get("http").and_then(Value::as_object).cloned();
                let http = http.ok_or_else(|| refused("Unexpected JSON structure: http is expected".to_owned()))?;
                (http, ["defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy", "defaultSicklyRetryPolicy"], "http.")
            }
            Whose::Subscription => (value, ["healthyRetryPolicy", "throttlePolicy", "requestPolicy", "sicklyRetryPolicy"], ""),
        };
        let mut policy = DeliveryPolicy { given: Map::new(), retries: None, manners: Manners::default(), overrides_disabled: false };
        for (name, value) in whole {
            if value.is_null() {
                continue;
            }
            policy.take(&name, &value, names, prefix).map_err(refused)?;
            policy.given.insert(name, value);
        }
        if whose == Whose::Topic {
            policy.given.entry("disableSubscriptionOverrides").or_insert_with(|| false.into());
        }
        Ok(policy)
    }

    fn take(&mut self, name: &str, value: &Value, [healthy, throttle, request, sickly]: [&str; 4], prefix: &str) -> Result<(), String> {
        let wrong = || format!("Unexpected JSON structure: {prefix}{name}");
        match name {
            _ if name == healthy => self.retries = Some(retries(value.as_object().ok_or_else(wrong)?, &format!("{prefix}{name}"))?),
            _ if name == throttle => {
                let most = value.as_object().ok_or_else(wrong)?.get("maxReceivesPerSecond").filter(|most| !most.is_null());
                let number = |most: &Value| most.as_u64().filter(|most| *most >= 1).and_then(|most| u32::try_from(most).ok());
                let refusal = || format!("{prefix}{name}.maxReceivesPerSecond must be >= 1");
                self.manners.most_per_second = most.map(|most| number(most).ok_or_else(refusal)).transpose()?;
            }
            _ if name == request => {
                let kind = value.as_object().ok_or_else(wrong)?.get("headerContentType").filter(|kind| !kind.is_null());
                let known = |kind: &Value| {
                    let text = kind.as_str()?;
                    let base = text.split(';').next().unwrap_or(text).trim();
                    (CONTENT_TYPES.contains(&base) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))).then(|| text.to_owned())
                };
                let refusal = || format!("{prefix}{name}.headerContentType is not a supported content type");
                self.manners.content_type = kind.map(|kind| known(kind).ok_or_else(refusal)).transpose()?;
            }
            "disableSubscriptionOverrides" => self.overrides_disabled = value.as_bool().ok_or_else(wrong)?,
            // Long gone, and still sent: https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
            "guaranteed" => {}
            _ if name == sickly => {}
            _ => return Err(format!("Unexpected JSON member: {prefix}{name}")),
        }
        Ok(())
    }

    /// As it is shown again.
    pub fn text(&self, whose: Whose) -> String {
        match whose {
            Whose::Topic => json!({ "http": self.given }).to_string(),
            Whose::Subscription => Value::from(self.given.clone()).to_string(),
        }
    }
}

/// A JSON object, or AWS's words for why it is none.
pub fn object(text: &str) -> Result<Map<String, Value>, String> {
    let mut tokens = Tokens::of(text);
    loop {
        match tokens.next() {
            Ok(Token::End) => break,
            Ok(_) => {}
            Err(unreadable) => return Err(format!("failed to parse JSON. {}", unreadable.0)),
        }
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        // AWS: unverified sentence.
        _ => Err("failed to parse JSON. An object is expected".to_owned()),
    }
}

pub const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// What comes of a topic's policy and a subscription's, and of AWS's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    pub retries: Retries,
    pub manners: Manners,
}

pub fn effective(topic: Option<&DeliveryPolicy>, subscription: Option<&DeliveryPolicy>) -> Effective {
    let own = subscription.filter(|_| !topic.is_some_and(|topic| topic.overrides_disabled));
    let both = || own.into_iter().chain(topic);
    Effective {
        retries: both().find_map(|policy| policy.retries).unwrap_or(Retries::HTTP),
        manners: Manners {
            most_per_second: both().find_map(|policy| policy.manners.most_per_second),
            content_type: both().find_map(|policy| policy.manners.content_type.clone()),
        },
    }
}

/// `EffectiveDeliveryPolicy` of a topic.
pub fn shown_of_topic(topic: Option<&DeliveryPolicy>) -> String {
    let all = effective(topic, None);
    let mut http = json!({
        "defaultHealthyRetryPolicy": all.retries.shown(),
        "disableSubscriptionOverrides": topic.is_some_and(|topic| topic.overrides_disabled),
        "defaultRequestPolicy": { "headerContentType": all.manners.content_type.as_deref().unwrap_or(CONTENT_TYPE) },
    });
    if let (Some(most), Some(http)) = (all.manners.most_per_second, http.as_object_mut()) {
        http.insert("defaultThrottlePolicy".into(), json!({ "maxReceivesPerSecond": most }));
    }
    json!({ "http": http }).to_string()
}

/// `EffectiveDeliveryPolicy` of a subscription.
pub fn shown_of_subscription(topic: Option<&DeliveryPolicy>, subscription: Option<&DeliveryPolicy>) -> String {
    let all = effective(topic, subscription);
    let mut shown = json!({
        "healthyRetryPolicy": all.retries.shown(),
        "sicklyRetryPolicy": null,
        "throttlePolicy": all.manners.most_per_second.map(|most| json!({ "maxReceivesPerSecond": most })),
        "guaranteed": false,
    });
    if let (Some(kind), Some(shown)) = (all.manners.content_type, shown.as_object_mut()) {
        shown.insert("requestPolicy".into(), json!({ "headerContentType": kind }));
    }
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(retries: Retries) -> Vec<i64> {
        (0..).map_while(|at| retries.delay(at)).collect()
    }

    fn topic(policy: Value) -> Result<DeliveryPolicy, String> {
        DeliveryPolicy::read(&json!({ "http": policy }).to_string(), Whose::Topic)
    }

    #[test]
    fn four_phases_follow_each_other() {
        let retries = Retries { min_delay: 1, max_delay: 60, count: 10, no_delay: 2, at_min: 2, at_max: 2, backoff: Backoff::Linear };
        assert_eq!(delays(retries), [0, 0, 1_000, 1_000, 1_000, 20_667, 40_333, 60_000, 60_000, 60_000]);
        assert_eq!(delays(Retries::HTTP), [20_000, 20_000, 20_000]);
    }

    #[test]
    fn backoff_functions_differ_between_the_same_ends() {
        let of = |backoff| delays(Retries { min_delay: 1, max_delay: 16, count: 5, no_delay: 0, at_min: 0, at_max: 0, backoff });
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
        assert!(DeliveryPolicy::read("no", Whose::Topic).unwrap_err().starts_with("DeliveryPolicy: failed to parse JSON. Unrecognized token 'no'"));
    }

    #[test]
    fn what_is_out_of_bounds_is_told_in_awss_words() {
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
        let refusal = DeliveryPolicy::read(r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#, Whose::Subscription).unwrap_err();
        assert_eq!(refusal, "DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be >= 1");
    }

    #[test]
    fn a_subscriptions_policy_counts_before_its_topics_unless_that_forbids_it() {
        let own = DeliveryPolicy::read(r#"{"healthyRetryPolicy": {"numRetries": 7}, "sicklyRetryPolicy": null}"#, Whose::Subscription).unwrap();
        let open = topic(json!({"defaultHealthyRetryPolicy": {"numRetries": 1}, "defaultThrottlePolicy": {"maxReceivesPerSecond": 2}})).unwrap();
        let closed = topic(json!({"disableSubscriptionOverrides": true, "defaultHealthyRetryPolicy": {"numRetries": 1}})).unwrap();
        assert_eq!(effective(Some(&open), Some(&own)).retries.count, 7);
        assert_eq!(effective(Some(&open), Some(&own)).manners.most_per_second, Some(2));
        assert_eq!(effective(Some(&closed), Some(&own)).retries.count, 1);
        assert_eq!(own.text(Whose::Subscription), r#"{"healthyRetryPolicy":{"numRetries":7}}"#);
    }
}
