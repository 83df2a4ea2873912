//! Replication rules: what is refused of them, and which objects they replicate.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>

use crate::{api, faults, limits::MAX_REPLICATION_RULES, names, state::Object, storage::StorageClass, tags};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Ids;
use std::collections::BTreeSet;

fn refused(text: &str) -> Fault {
    faults::INVALID_REQUEST.says(text)
}

fn check(valid: bool) -> Result<(), Fault> {
    if valid { Ok(()) } else { Err(faults::malformed_xml()) }
}

fn is_status(status: &str) -> bool {
    matches!(status, "Enabled" | "Disabled")
}

pub fn checked(mut configuration: api::ReplicationConfiguration, ids: &Ids) -> Result<api::ReplicationConfiguration, Fault> {
    let count = configuration.rules.len();
    check(count > 0 && count <= MAX_REPLICATION_RULES)?;
    let is_role = Arn::parse(&configuration.role).is_some_and(|role| role.service() == "iam" && role.resource().starts_with("role/"));
    if !is_role {
        // AWS: unverified text.
        return Err(faults::invalid_argument("Invalid Role specified in the replication configuration", "Role", &configuration.role));
    }
    let mut names = BTreeSet::new();
    let mut priorities = BTreeSet::new();
    let with_filter = configuration.rules.iter().filter(|rule| rule.filter.is_some()).count();
    if with_filter > 0 && with_filter < count {
        return Err(refused("Rules with and without the Filter element cannot be in one replication configuration."));
    }
    for rule in &mut configuration.rules {
        check_rule(rule)?;
        match rule.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) if id.len() > 255 => return Err(faults::invalid_argument("ID length should not exceed allowed limit of 255", "ID", id)),
            Some(id) if !names.insert(id.to_owned()) => {
                return Err(faults::invalid_argument("Rule Id must be unique. Found same Id for multiple rules", "ID", id));
            }
            Some(_) => {}
            None => rule.id = Some(STANDARD.encode(ids.uuid())),
        }
        if let Some(priority) = rule.priority
            && !priorities.insert(priority)
        {
            return Err(refused("Found duplicate priorities. The priority must be unique for each rule."));
        }
    }
    check_prefixes(&configuration.rules)?;
    Ok(configuration)
}

/// Without filters, the prefixes of two rules must not overlap.
fn check_prefixes(rules: &[api::ReplicationRule]) -> Result<(), Fault> {
    let prefixes: Vec<&str> = rules.iter().filter_map(|rule| rule.prefix.as_deref()).collect();
    for (index, one) in prefixes.iter().enumerate() {
        if let Some(other) = prefixes.iter().skip(index + 1).find(|other| other.starts_with(*one) || one.starts_with(**other)) {
            return Err(refused(&format!("Found overlapping prefixes '{one}' and '{other}'")));
        }
    }
    Ok(())
}

fn check_rule(rule: &api::ReplicationRule) -> Result<(), Fault> {
    const SCHEMA: &str = "must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.";
    check(is_status(&rule.status) && rule.filter.is_some() != rule.prefix.is_some())?;
    if let Some(filter) = &rule.filter {
        let alone = [filter.prefix.is_some(), filter.tag.is_some(), filter.and.is_some()];
        check(alone.into_iter().filter(|present| *present).count() <= 1)?;
        tags::check_filter(tags_of(rule))?;
        if rule.priority.is_none() {
            return Err(refused(&format!("Priority {SCHEMA}")));
        }
        if rule.delete_marker_replication.is_none() {
            return Err(refused(&format!("DeleteMarkerReplication {SCHEMA}")));
        }
    } else if rule.delete_marker_replication.is_some() || rule.priority.is_some() {
        return Err(refused(&format!("Filter {SCHEMA}")));
    }
    let markers = rule.delete_marker_replication.as_ref().map(|markers| markers.status.as_deref().unwrap_or_default());
    check(markers.is_none_or(is_status))?;
    if markers == Some("Enabled") && tags_of(rule).next().is_some() {
        return Err(refused(
            "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.",
        ));
    }
    let criteria = rule.source_selection_criteria.as_ref();
    let kms = criteria.and_then(|criteria| criteria.sse_kms_encrypted_objects.as_ref());
    let modifications = criteria.and_then(|criteria| criteria.replica_modifications.as_ref());
    check(kms.is_none_or(|kms| is_status(&kms.status)) && modifications.is_none_or(|it| is_status(&it.status)))?;
    let key = rule.destination.encryption_configuration.as_ref();
    match (kms.is_some_and(|kms| kms.status == "Enabled"), key.and_then(|key| key.replica_kms_key_id.as_deref())) {
        (true, None) => return Err(refused("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.")),
        (false, Some(_)) => return Err(refused("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.")),
        _ => {}
    }
    if rule.existing_object_replication.as_ref().is_some_and(|existing| existing.status == "Enabled") {
        // AWS: existing objects are replicated by S3 Batch Operations.
        return Err(refused("ExistingObjectReplication is not supported."));
    }
    check_destination(&rule.destination)
}

fn check_destination(destination: &api::Destination) -> Result<(), Fault> {
    if let Some(class) = destination.storage_class.as_deref() {
        StorageClass::of(Some(class)).map_err(|_| faults::malformed_xml())?;
    }
    if let Some(account) = &destination.account
        && Account::parse(account).is_none()
    {
        return Err(faults::invalid_argument("Invalid account", "Account", account));
    }
    if let Some(translation) = &destination.access_control_translation {
        check(translation.owner == "Destination")?;
        if destination.account.is_none() {
            return Err(refused("Account must be specified if AccessControlTranslation is present."));
        }
    }
    let enabled = |status: &str| status == "Enabled";
    let time = destination.replication_time.as_ref();
    let metrics = destination.metrics.as_ref();
    check(time.is_none_or(|time| is_status(&time.status)) && metrics.is_none_or(|metrics| is_status(&metrics.status)))?;
    let minutes = time.map(|time| time.time.minutes).into_iter().chain(metrics.and_then(|metrics| Some(metrics.event_threshold.as_ref()?.minutes)));
    if minutes.flatten().any(|minutes| minutes != 15) {
        return Err(refused("The only valid value for Minutes is 15."));
    }
    if time.is_some_and(|time| enabled(&time.status)) && !metrics.is_some_and(|metrics| enabled(&metrics.status)) {
        return Err(refused("Metrics must be enabled if ReplicationTime is enabled."));
    }
    Ok(())
}

/// The name of the bucket that a rule replicates to.
pub fn target_bucket(rule: &api::ReplicationRule) -> Result<String, Fault> {
    match Arn::parse(&rule.destination.bucket) {
        Some(arn) if arn.service() == "s3" && names::is_valid(arn.resource()) => Ok(arn.resource().to_owned()),
        _ => Err(faults::invalid_argument("Invalid bucket ARN", "Bucket", &rule.destination.bucket)),
    }
}

fn tags_of(rule: &api::ReplicationRule) -> impl Iterator<Item = &api::Tag> {
    let filter = rule.filter.as_ref();
    let many = filter.and_then(|filter| filter.and.as_ref()).and_then(|and| and.tags.as_ref());
    filter.and_then(|filter| filter.tag.as_ref()).into_iter().chain(many.into_iter().flatten())
}

fn prefix_of(rule: &api::ReplicationRule) -> &str {
    let filter = rule.filter.as_ref();
    let of_filter = || filter.and_then(|filter| filter.prefix.as_deref().or_else(|| filter.and.as_ref()?.prefix.as_deref()));
    rule.prefix.as_deref().or_else(of_filter).unwrap_or_default()
}

fn covers(rule: &api::ReplicationRule, key: &str) -> bool {
    rule.status == "Enabled" && key.starts_with(prefix_of(rule))
}

/// The rules that replicate an object: for each destination the one of the highest priority.
pub fn for_object<'a>(configuration: &'a api::ReplicationConfiguration, key: &str, object: &Object) -> Vec<&'a api::ReplicationRule> {
    use crate::state::Method;
    let under_kms = object.encryption.as_ref().is_some_and(|encryption| matches!(encryption.method, Method::Kms(_)));
    best(configuration.rules.iter().filter(|rule| {
        let takes_kms = rule.destination.encryption_configuration.is_some();
        covers(rule, key)
            && (!under_kms || takes_kms)
            && tags_of(rule).all(|wanted| object.tags().iter().any(|tag| tag.key == wanted.key && tag.value == wanted.value))
    }))
}

/// The rules that replicate a delete marker. AWS: rules without a filter do so unless told otherwise.
pub fn for_marker<'a>(configuration: &'a api::ReplicationConfiguration, key: &str) -> Vec<&'a api::ReplicationRule> {
    best(configuration.rules.iter().filter(|rule| {
        let wanted = match &rule.delete_marker_replication {
            Some(markers) => markers.status.as_deref() == Some("Enabled"),
            None => rule.filter.is_none(),
        };
        covers(rule, key) && wanted && tags_of(rule).next().is_none()
    }))
}

fn best<'a>(rules: impl Iterator<Item = &'a api::ReplicationRule>) -> Vec<&'a api::ReplicationRule> {
    let mut best: Vec<&api::ReplicationRule> = vec![];
    for rule in rules {
        match best.iter_mut().find(|other| other.destination.bucket == rule.destination.bucket) {
            Some(other) if rule.priority > other.priority => *other = rule,
            Some(_) => {}
            None => best.push(rule),
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> api::ReplicationRule {
        api::ReplicationRule {
            status: "Enabled".into(),
            priority: Some(1),
            filter: Some(api::ReplicationRuleFilter::default()),
            delete_marker_replication: Some(api::DeleteMarkerReplication { status: Some("Disabled".into()) }),
            destination: api::Destination { bucket: "arn:aws:s3:::target".into(), ..Default::default() },
            ..Default::default()
        }
    }

    fn refusal(rule: api::ReplicationRule) -> String {
        let configuration = api::ReplicationConfiguration { role: "arn:aws:iam::000000000000:role/r".into(), rules: vec![rule] };
        let fault = checked(configuration, &Ids::seeded(1)).unwrap_err();
        if fault.code() == "MalformedXML" { "MalformedXML".into() } else { fault.message().to_owned() }
    }

    #[test]
    fn the_parts_of_a_rule_must_fit_together() {
        assert_eq!(refusal(api::ReplicationRule { filter: None, ..rule() }), "MalformedXML");
        assert!(refusal(api::ReplicationRule { priority: None, ..rule() }).starts_with("Priority must be specified"));
        assert!(refusal(api::ReplicationRule { delete_marker_replication: None, ..rule() }).starts_with("DeleteMarkerReplication must be specified"));
        let tag = api::ReplicationRuleFilter { tag: Some(api::Tag { key: "a".into(), value: String::new() }), ..Default::default() };
        let markers = Some(api::DeleteMarkerReplication { status: Some("Enabled".into()) });
        let both = api::ReplicationRule { filter: Some(tag), delete_marker_replication: markers, ..rule() };
        assert!(refusal(both).starts_with("Delete marker replication is not supported if any Tag filter"));
        let criteria = api::SourceSelectionCriteria {
            sse_kms_encrypted_objects: Some(api::SseKmsEncryptedObjects { status: "Enabled".into() }),
            replica_modifications: None,
        };
        assert!(refusal(api::ReplicationRule { source_selection_criteria: Some(criteria), ..rule() }).starts_with("ReplicaKmsKeyID must be"));
    }
}
