//! What is refused of a configuration, for each kind.

use crate::{api, faults, names, tags};
use cloudlet_aws::{Arn, Fault, FaultKind};

/// AWS: unverified text. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_InventoryConfiguration.html>
pub fn check_id(id: &str) -> Result<(), Fault> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&id.len()) && id.bytes().all(valid) {
        return Ok(());
    }
    Err(FaultKind::sender("InvalidConfigurationId", 400).says("The specified configuration id is invalid.").with("ConfigurationId", id))
}

fn check(valid: bool) -> Result<(), Fault> {
    if valid { Ok(()) } else { Err(faults::malformed_xml()) }
}

/// A filter has one element, or one `And` of several.
fn check_filter<'a>(elements: &[bool], and: Option<&[bool]>, tags: impl Iterator<Item = &'a api::Tag>) -> Result<(), Fault> {
    let count = |elements: &[bool]| elements.iter().filter(|present| **present).count();
    check(count(elements) + usize::from(and.is_some()) == 1)?;
    check(and.is_none_or(|and| count(and) > 0))?;
    tags::check_filter(tags)
}

/// The elements of a filter with a prefix and tags.
macro_rules! check_prefix_and_tags {
    ($filter:expr) => {{
        let (filter, and) = ($filter, $filter.and.as_ref());
        let many = and.and_then(|and| and.tags.as_ref()).filter(|tags| !tags.is_empty());
        let and = and.map(|and| [and.prefix.is_some(), many.is_some()]);
        let tags = filter.tag.iter().chain(many.into_iter().flatten());
        check_filter(&[filter.prefix.is_some(), filter.tag.is_some()], and.as_ref().map(<[bool; 2]>::as_slice), tags)
    }};
}

/// The ARN of a bucket that reports are written to.
fn check_bucket_arn(arn: &str) -> Result<(), Fault> {
    match Arn::parse(arn) {
        Some(arn) if arn.service() == "s3" && names::is_valid(arn.resource()) => Ok(()),
        _ => Err(FaultKind::sender("InvalidS3DestinationBucket", 400).says("Invalid bucket ARN.")),
    }
}

/// AWS: another id than that of the request is MalformedXML (recorded).
pub fn analytics(id: &str, configuration: &api::AnalyticsConfiguration) -> Result<(), Fault> {
    check(configuration.id == id)?;
    if let Some(filter) = &configuration.filter {
        check_prefix_and_tags!(filter)?;
    }
    match &configuration.storage_class_analysis.data_export {
        None => Ok(()),
        Some(export) => {
            let destination = &export.destination.s3_bucket_destination;
            check(export.output_schema_version == "V_1" && destination.format == "CSV")?;
            check_bucket_arn(&destination.bucket)
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html>
pub fn intelligent_tiering(id: &str, configuration: &api::IntelligentTieringConfiguration) -> Result<(), Fault> {
    check(configuration.id == id && matches!(configuration.status.as_str(), "Enabled" | "Disabled"))?;
    if let Some(filter) = &configuration.filter {
        check_prefix_and_tags!(filter)?;
    }
    let tierings = &configuration.tierings;
    check(!tierings.is_empty())?;
    for (index, tiering) in tierings.iter().enumerate() {
        let least = match tiering.access_tier.as_str() {
            "ARCHIVE_ACCESS" => 90,
            "DEEP_ARCHIVE_ACCESS" => 180,
            _ => return Err(faults::malformed_xml()),
        };
        check(tierings.iter().skip(index + 1).all(|other| other.access_tier != tiering.access_tier))?;
        // AWS: unverified text.
        if !(least..=730).contains(&tiering.days) {
            let text = format!("'Days' for {} must be between {least} and 730", tiering.access_tier);
            return Err(faults::invalid_argument(text, "Days", &tiering.days.to_string()));
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketInventoryConfiguration.html>
pub fn inventory(id: &str, configuration: &api::InventoryConfiguration) -> Result<(), Fault> {
    let destination = &configuration.destination.s3_bucket_destination;
    check(matches!(destination.format.as_str(), "CSV" | "ORC" | "Parquet"))?;
    check(matches!(configuration.schedule.frequency.as_str(), "Daily" | "Weekly"))?;
    check(matches!(configuration.included_object_versions.as_str(), "All" | "Current"))?;
    let fields = configuration.optional_fields.as_deref().unwrap_or_default();
    check(fields.iter().all(|field| api::targets::INVENTORY_OPTIONAL_FIELD.values.contains(&field.as_str())))?;
    if configuration.id != id {
        return Err(FaultKind::sender("IdMismatch", 400).says("Document ID does not match the specified configuration ID."));
    }
    check_bucket_arn(&destination.bucket)?;
    if destination.format != "CSV" {
        return Err(faults::not_built(&format!("inventory reports in the format {}", destination.format)));
    }
    Ok(())
}

/// AWS: unverified what another id than that of the request is.
pub fn metrics(id: &str, configuration: &api::MetricsConfiguration) -> Result<(), Fault> {
    check(configuration.id == id)?;
    let Some(filter) = &configuration.filter else { return Ok(()) };
    let and = filter.and.as_ref();
    let many = and.and_then(|and| and.tags.as_ref()).filter(|tags| !tags.is_empty());
    let and = and.map(|and| [and.prefix.is_some(), and.access_point_arn.is_some(), many.is_some()]);
    let tags = filter.tag.iter().chain(many.into_iter().flatten());
    let alone = [filter.prefix.is_some(), filter.tag.is_some(), filter.access_point_arn.is_some()];
    check_filter(&alone, and.as_ref().map(<[bool; 3]>::as_slice), tags)
}
