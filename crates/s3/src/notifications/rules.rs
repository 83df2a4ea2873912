//! The rules of a notification configuration: what they match, and what is refused.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>

use super::name::EventName;
use crate::{api, faults, limits::MAX_EVENT_RULES, state::TargetKind};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::Ids;

impl TargetKind {
    /// The element that names the target.
    fn element(self) -> &'static str {
        match self {
            TargetKind::Queue => "Queue",
            TargetKind::Topic => "Topic",
            TargetKind::Function => "CloudFunction",
        }
    }

    fn service(self) -> &'static str {
        match self {
            TargetKind::Queue => "sqs",
            TargetKind::Topic => "sns",
            TargetKind::Function => "lambda",
        }
    }
}

/// One rule of a configuration.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    pub kind: TargetKind,
    pub id: &'a str,
    pub target: &'a str,
    pub events: &'a [String],
    filter: Option<&'a api::NotificationConfigurationFilter>,
}

impl<'a> Rule<'a> {
    fn filter_rules(&self) -> impl Iterator<Item = &'a api::FilterRule> {
        self.filter.and_then(|filter| filter.key.as_ref()).and_then(|key| key.filter_rules.as_ref()).into_iter().flatten()
    }

    fn value_of(&self, name: &str) -> &'a str {
        let named = |rule: &&api::FilterRule| rule.name.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(name));
        self.filter_rules().find(named).and_then(|rule| rule.value.as_deref()).unwrap_or_default()
    }

    fn prefix(&self) -> &'a str {
        self.value_of("prefix")
    }

    fn suffix(&self) -> &'a str {
        self.value_of("suffix")
    }

    pub fn matches(&self, event: EventName, key: &str) -> bool {
        self.events.iter().any(|pattern| event.matches(pattern)) && key.starts_with(self.prefix()) && key.ends_with(self.suffix())
    }
}

/// All rules: of topics, then of queues, then of functions.
pub fn rules(configuration: &api::NotificationConfiguration) -> impl Iterator<Item = Rule<'_>> {
    macro_rules! of {
        ($list:ident, $arn:ident, $kind:ident) => {
            configuration.$list.iter().flatten().map(|one| Rule {
                kind: TargetKind::$kind,
                id: one.id.as_deref().unwrap_or_default(),
                target: &one.$arn,
                events: &one.events,
                filter: one.filter.as_ref(),
            })
        };
    }
    of!(topic_configurations, topic_arn, Topic).chain(of!(queue_configurations, queue_arn, Queue)).chain(of!(
        lambda_function_configurations,
        lambda_function_arn,
        Function
    ))
}

/// A configuration without rules turns notifications off.
pub fn is_empty(configuration: &api::NotificationConfiguration) -> bool {
    configuration.event_bridge_configuration.is_none() && rules(configuration).next().is_none()
}

/// Refuses what S3 refuses of a configuration by itself, and fills in what S3 fills in.
pub fn checked(mut configuration: api::NotificationConfiguration, ids: &Ids) -> Result<api::NotificationConfiguration, Fault> {
    for rule in rules(&configuration) {
        check_target(&rule)?;
    }
    for rule in rules(&configuration) {
        check_rule(&rule)?;
    }
    let all: Vec<Rule<'_>> = rules(&configuration).collect();
    if all.len() > MAX_EVENT_RULES {
        return Err(faults::INVALID_REQUEST.says(format!("The maximum number of allowed notification configurations is {MAX_EVENT_RULES}.")));
    }
    check_overlaps(&all)?;
    check_ids(&all)?;
    fill_in(&mut configuration, ids);
    Ok(configuration)
}

fn check_target(rule: &Rule<'_>) -> Result<(), Fault> {
    let refused = |text: &str| Err(faults::invalid_argument(text, rule.kind.element(), rule.target));
    match Arn::parse(rule.target) {
        Some(arn) if arn.service() == rule.kind.service() && !arn.resource().is_empty() && arn.scope().is_some() => {
            if arn.resource().ends_with(".fifo") {
                // AWS: unverified text. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
                return refused(if rule.kind == TargetKind::Queue {
                    "FIFO SQS queues are not supported"
                } else {
                    "FIFO SNS topics are not supported"
                });
            }
            Ok(())
        }
        _ => refused("The ARN could not be parsed"),
    }
}

fn check_rule(rule: &Rule<'_>) -> Result<(), Fault> {
    if rule.events.is_empty() {
        return Err(faults::malformed_xml());
    }
    for event in rule.events {
        // AWS: unverified text.
        if !api::targets::EVENT.values.contains(&event.as_str()) {
            return Err(faults::invalid_argument("A specified event is not supported for notifications.", "Event", event));
        }
    }
    if rule.id.len() > 255 {
        return Err(faults::invalid_argument("ID length should not exceed allowed limit of 255", "Id", rule.id));
    }
    let (mut prefixes, mut suffixes) = (0, 0);
    for filter in rule.filter_rules() {
        let (Some(name), Some(value)) = (filter.name.as_deref(), filter.value.as_deref()) else { return Err(faults::malformed_xml()) };
        match name.to_ascii_lowercase().as_str() {
            "prefix" => prefixes += 1,
            "suffix" => suffixes += 1,
            _ => return Err(faults::invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", name)),
        }
        if value.len() > 1024 {
            let text = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation";
            return Err(faults::invalid_argument(text, "FilterRule.Value", value));
        }
    }
    for (count, name) in [(prefixes, "prefix"), (suffixes, "suffix")] {
        if count > 1 {
            let text = format!("Cannot specify more than one {name} rule in a filter.");
            return Err(faults::invalid_argument(text, "FilterRule.Name", name));
        }
    }
    Ok(())
}

/// Two rules for one event must not match one key.
fn check_overlaps(all: &[Rule<'_>]) -> Result<(), Fault> {
    for (index, one) in all.iter().enumerate() {
        for other in all.iter().skip(index + 1) {
            let shared = one.events.iter().find_map(|left| other.events.iter().find(|right| share_events(left, right)).map(|right| (left, right)));
            let Some((left, right)) = shared else { continue };
            let prefixes = one.prefix().starts_with(other.prefix()) || other.prefix().starts_with(one.prefix());
            let suffixes = one.suffix().ends_with(other.suffix()) || other.suffix().ends_with(one.suffix());
            if prefixes && suffixes {
                let plain = |rule: &Rule<'_>| rule.prefix().is_empty() && rule.suffix().is_empty();
                // AWS: recorded by clients of S3 (minio/minio#2472, awslabs/cdk-serverless-clamscan#612).
                return Err(if plain(one) && plain(other) {
                    let text = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
                    faults::invalid_argument(text, "Event", &format!("{left}, {right}"))
                } else {
                    faults::INVALID_ARGUMENT.says(
                        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
                    )
                });
            }
        }
    }
    Ok(())
}

/// Whether two event types, of which either may end in `*`, have an event in common.
fn share_events(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (None, None) => one == other,
        (Some(one), None) => other.starts_with(one),
        (None, Some(other)) => one.starts_with(other),
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
    }
}

fn check_ids(all: &[Rule<'_>]) -> Result<(), Fault> {
    let mut ids: Vec<&str> = all.iter().map(|rule| rule.id).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    // AWS: unverified text.
    match ids.array_windows().find(|[one, next]| one == next) {
        Some([id, _]) => Err(faults::invalid_argument("Same ID used for multiple configurations. IDs must be unique", "Id", id)),
        None => Ok(()),
    }
}

/// AWS: a rule without an id gets one, and the names of filter rules are capitalized (recorded).
fn fill_in(configuration: &mut api::NotificationConfiguration, ids: &Ids) {
    macro_rules! each {
        ($list:ident) => {
            configuration.$list.iter_mut().flatten().map(|one| (&mut one.id, &mut one.filter))
        };
    }
    for (id, filter) in each!(topic_configurations).chain(each!(queue_configurations)).chain(each!(lambda_function_configurations)) {
        if id.as_ref().is_none_or(String::is_empty) {
            *id = Some(ids.uuid());
        }
        for rule in filter.iter_mut().filter_map(|filter| filter.key.as_mut()).filter_map(|key| key.filter_rules.as_mut()).flatten() {
            if let Some(name) = &mut rule.name {
                *name = if name.eq_ignore_ascii_case("prefix") { "Prefix" } else { "Suffix" }.to_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(events: &[&str], prefix: &str, suffix: &str) -> api::QueueConfiguration {
        let rule = |name: &str, value: &str| api::FilterRule { name: Some(name.into()), value: Some(value.into()) };
        let key = api::S3KeyFilter { filter_rules: Some(vec![rule("prefix", prefix), rule("suffix", suffix)]) };
        api::QueueConfiguration {
            id: None,
            queue_arn: "arn:aws:sqs:us-east-1:000000000000:q".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            filter: Some(api::NotificationConfigurationFilter { key: Some(key) }),
        }
    }

    fn check(queues: Vec<api::QueueConfiguration>) -> Result<api::NotificationConfiguration, Fault> {
        checked(api::NotificationConfiguration { queue_configurations: Some(queues), ..Default::default() }, &Ids::seeded(1))
    }

    #[test]
    fn rules_for_one_event_must_not_match_one_key() {
        let put = &["s3:ObjectCreated:Put"][..];
        let all = &["s3:ObjectCreated:*"][..];
        for (one, other) in [
            (queue(put, "", ""), queue(put, "", "")),
            (queue(put, "a", ""), queue(all, "ab", "")),
            (queue(all, "", "jpg"), queue(all, "a", "pg")),
            (queue(all, "img", ""), queue(all, "img/small", ".jpg")),
        ] {
            assert_eq!(check(vec![one, other]).unwrap_err().code(), "InvalidArgument");
        }
        for (one, other) in [
            (queue(put, "a", ""), queue(put, "b", "")),
            (queue(put, "a", "jpg"), queue(put, "ab", "png")),
            (queue(put, "", ""), queue(&["s3:ObjectRemoved:*"], "", "")),
            (queue(put, "", ""), queue(&["s3:ObjectCreated:Copy"], "", "")),
        ] {
            check(vec![one, other]).unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_filled_in_and_what_is_wrong_is_refused() {
        let made = check(vec![queue(&["s3:ObjectCreated:*"], "a", ".txt")]).unwrap();
        let [made] = made.queue_configurations.as_deref().unwrap() else { panic!() };
        assert_eq!(made.id.as_ref().unwrap().len(), 36);
        let names: Vec<_> = made.filter.as_ref().unwrap().key.as_ref().unwrap().filter_rules.iter().flatten().collect();
        assert_eq!([names[0].name.as_deref(), names[1].name.as_deref()], [Some("Prefix"), Some("Suffix")]);

        let refusal = |queue: api::QueueConfiguration| check(vec![queue]).unwrap_err().message().to_owned();
        let arn = |arn: &str| api::QueueConfiguration { queue_arn: arn.into(), ..queue(&["s3:ObjectCreated:*"], "", "") };
        for text in ["invalid_arn", "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:sqs:us-east-1:000000000000:"] {
            assert_eq!(refusal(arn(text)), "The ARN could not be parsed");
        }
        assert_eq!(refusal(arn("arn:aws:sqs:us-east-1:000000000000:q.fifo")), "FIFO SQS queues are not supported");
        assert_eq!(refusal(queue(&["s3:Nothing"], "", "")), "A specified event is not supported for notifications.");
        let mut wrong = queue(&["s3:ObjectCreated:*"], "", "");
        wrong.filter.as_mut().unwrap().key.as_mut().unwrap().filter_rules.as_mut().unwrap()[0].name = Some("INVALID".into());
        assert_eq!(refusal(wrong), "filter rule name must be either prefix or suffix");
    }
}
