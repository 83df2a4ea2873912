//! `Filter.N`: each names values of a resource, and one of them must match one of its own, with `*` and `?`.

use crate::{faults, tags::Tags};
use cloudlet_api_ec2::Filter;
use cloudlet_aws::Fault;

/// AWS's limit of filters and values together.
const MOST: usize = 200;

/// Whether a resource passes all filters. `values` gives its values of a name, none for a name that the operation does not know.
pub fn pass(filters: &[Filter], tags: &Tags, values: impl Fn(&str) -> Option<Vec<String>>) -> bool {
    filters.iter().all(|filter| {
        let name = filter.name.as_deref().unwrap_or_default();
        let own = match name.strip_prefix("tag:") {
            Some(key) => tags.get(key).cloned().into_iter().collect(),
            None if name == "tag-key" => tags.keys().cloned().collect(),
            None => values(name).unwrap_or_default(),
        };
        filter.values.iter().flatten().any(|pattern| own.iter().any(|value| matches(pattern, value)))
    })
}

/// The filters of a request, all of whose names are known.
pub fn checked(filters: Option<Vec<Filter>>, known: &[&str]) -> Result<Vec<Filter>, Fault> {
    let filters = filters.unwrap_or_default();
    if filters.iter().map(|filter| filter.values.as_ref().map_or(0, Vec::len)).sum::<usize>() > MOST {
        // AWS: unverified wording.
        return Err(faults::refuse("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200"));
    }
    for filter in &filters {
        let name = filter.name.as_deref().unwrap_or_default();
        if name != "tag-key" && !name.starts_with("tag:") && !known.contains(&name) {
            return Err(faults::invalid_value(format!("The filter '{name}' is invalid")));
        }
        if filter.values.as_ref().is_none_or(Vec::is_empty) {
            return Err(faults::invalid_value(format!("The filter '{name}' needs a value")));
        }
    }
    Ok(filters)
}

/// In time proportional to the product of the lengths: only the last star is tried again.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while let Some(found) = text.get(seen) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == found => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                at = after + 1;
                seen = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}
