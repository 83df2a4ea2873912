//! What is refused of configurations and groups of Storage Lens. The limits are documented; the texts are unverified.

use crate::api;
use cloudlet_aws::{Fault, FaultKind};

pub const INVALID: FaultKind = FaultKind::sender("InvalidRequest", 400);

pub fn check_configuration(id: &str, default: &str, configuration: &api::StorageLensConfiguration) -> Result<(), Fault> {
    if configuration.id != id {
        return Err(INVALID.says("The configuration ID of the request and that of its document differ."));
    }
    if configuration.include.is_some() && configuration.exclude.is_some() {
        return Err(INVALID.says("A configuration can have either Include or Exclude, not both."));
    }
    let is_scoped = configuration.include.is_some() || configuration.exclude.is_some() || configuration.aws_org.is_some();
    if id == default && is_scoped {
        return Err(INVALID.says("The scope of the default dashboard cannot be changed."));
    }
    let prefixes = configuration.account_level.bucket_level.prefix_level.as_ref().map(|level| &level.storage_metrics);
    if let Some(criteria) = prefixes.and_then(|metrics| metrics.selection_criteria.as_ref()) {
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_SelectionCriteria.html>
        let depth = criteria.max_depth.is_none_or(|depth| (1..=10).contains(&depth));
        let share = criteria.min_storage_bytes_percentage.is_none_or(|share| (0.1..=100.0).contains(&share));
        if !depth || !share {
            return Err(INVALID.says("The selection criteria of the prefix level are invalid."));
        }
    }
    Ok(())
}

/// How many conditions a filter, or its And or Or, has.
macro_rules! conditions {
    ($of:expr) => {
        usize::from($of.match_any_prefix.is_some())
            + usize::from($of.match_any_suffix.is_some())
            + usize::from($of.match_any_tag.is_some())
            + usize::from($of.match_object_age.is_some())
            + usize::from($of.match_object_size.is_some())
    };
}

/// One condition alone, or two and more in And or Or.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-lens-groups-overview.html>
pub fn check_group(name: &str, group: &api::StorageLensGroup) -> Result<(), Fault> {
    if group.name != name {
        return Err(INVALID.says("The name of the request and that of its document differ."));
    }
    let filter = &group.filter;
    let single = conditions!(filter);
    let and = filter.and.as_ref().map(|all| conditions!(all));
    let or = filter.or.as_ref().map(|any| conditions!(any));
    match (single, and, or) {
        (1, None, None) => Ok(()),
        (0, Some(conditions), None) | (0, None, Some(conditions)) if conditions >= 2 => Ok(()),
        _ => Err(INVALID.says("A filter has one condition, or at least two in either And or Or.")),
    }
}
