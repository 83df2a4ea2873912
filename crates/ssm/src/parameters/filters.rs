//! Filters of DescribeParameters, both generations, and of GetParametersByPath.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>

use super::{
    lists::Span,
    names::{ParameterKey, directory_of_filter, is_below_or_at},
    parameter::{Parameter, ParameterType},
};
use crate::faults;
use cloudlet_api_ssm::{ParameterStringFilter, ParametersFilter};
use cloudlet_aws::Fault;
use std::sync::Arc;

/// What a filter looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterKey {
    Name,
    Type,
    KeyId,
    Path,
    Label,
    Tier,
    DataType,
    Tag(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

/// One of the values must compare so.
#[derive(Clone, Debug)]
pub struct Filter {
    pub key: FilterKey,
    comparison: Comparison,
    values: Vec<String>,
}

/// Which operation has the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    DescribeParameters,
    GetParametersByPath,
}

fn invalid_key(key: &str, of: Of) -> Fault {
    let valid = match of {
        Of::DescribeParameters => "[Path, Name, Type, KeyId, Tier]",
        Of::GetParametersByPath => "[Type, KeyId]",
    };
    faults::INVALID_FILTER_KEY.says(format!("The following filter key is not valid: {key}. Valid filter keys include: {valid}."))
}

fn key_of(name: &str, of: Of) -> Result<FilterKey, Fault> {
    let key = match name {
        "Name" => FilterKey::Name,
        "Type" => FilterKey::Type,
        "KeyId" => FilterKey::KeyId,
        "Path" => FilterKey::Path,
        "Label" => FilterKey::Label,
        "Tier" => FilterKey::Tier,
        "DataType" => FilterKey::DataType,
        _ => FilterKey::Tag(name.strip_prefix("tag:").filter(|tag| !tag.is_empty()).ok_or_else(|| invalid_key(name, of))?.to_owned()),
    };
    let is_valid = match of {
        Of::DescribeParameters => key != FilterKey::Label,
        Of::GetParametersByPath => matches!(key, FilterKey::Type | FilterKey::KeyId | FilterKey::Label),
    };
    if is_valid { Ok(key) } else { Err(invalid_key(name, of)) }
}

impl FilterKey {
    fn comparison(&self, option: Option<&str>) -> Result<Comparison, Fault> {
        let invalid = |valid| {
            let option = option.unwrap_or_default();
            faults::INVALID_FILTER_OPTION.says(format!("The following filter option is not valid: {option}. Valid options include: {valid}."))
        };
        match (self, option) {
            (FilterKey::Path, None | Some("OneLevel")) => Ok(Comparison::OneLevel),
            (FilterKey::Path, Some("Recursive")) => Ok(Comparison::Recursive),
            (FilterKey::Path, _) => Err(invalid("[Recursive, OneLevel]")),
            (_, None | Some("Equals")) => Ok(Comparison::Equals),
            (FilterKey::Label, _) => Err(invalid("[Equals]")),
            (_, Some("BeginsWith")) => Ok(Comparison::BeginsWith),
            (FilterKey::Name, Some("Contains")) => Ok(Comparison::Contains),
            _ => Err(invalid("[BeginsWith, Equals]")),
        }
    }

    fn check_value(&self, value: &str) -> Result<(), Fault> {
        let invalid = |valid| {
            Err(faults::INVALID_FILTER_OPTION.says(format!("The following filter value is not valid: {value}. Valid values include: {valid}.")))
        };
        match self {
            FilterKey::Type if ParameterType::parse(value).is_none() => invalid("[String, StringList, SecureString]"),
            FilterKey::Tier if !["Standard", "Advanced", super::tiers::INTELLIGENT].contains(&value) => {
                invalid("[Standard, Advanced, Intelligent-Tiering]")
            }
            FilterKey::Path => directory_of_filter(value).map(drop),
            _ => Ok(()),
        }
    }
}

/// The filters of a request.
pub fn parse(filters: &[ParameterStringFilter], of: Of) -> Result<Vec<Filter>, Fault> {
    let mut parsed: Vec<Filter> = Vec::with_capacity(filters.len());
    for filter in filters {
        let key = key_of(&filter.key, of)?;
        let values = filter.values.as_deref().unwrap_or_default();
        if values.is_empty() {
            return Err(faults::INVALID_FILTER_VALUE.says(format!("The following filter values are missing : null for filter key {}.", filter.key)));
        }
        if parsed.iter().any(|known| known.key == key) {
            return Err(faults::INVALID_FILTER_KEY.says(format!(
                "The following filter is duplicated in the request: {}. A request can contain only one occurrence of a specific filter.",
                filter.key
            )));
        }
        let comparison = key.comparison(filter.option.as_deref())?;
        values.iter().try_for_each(|value| key.check_value(value))?;
        parsed.push(Filter { key, comparison, values: values.to_vec() });
    }
    Ok(parsed)
}

/// The filters of the first generation.
pub fn parse_old(filters: &[ParametersFilter]) -> Result<Vec<Filter>, Fault> {
    filters
        .iter()
        .map(|filter| {
            let key = key_of(&filter.key, Of::DescribeParameters)?;
            let comparison = if key == FilterKey::Name { Comparison::BeginsWith } else { Comparison::Equals };
            Ok(Filter { key, comparison, values: filter.values.clone() })
        })
        .collect()
}

/// Names compare whether or not they have the slash in front.
fn bare(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

impl Filter {
    /// Labels are those of versions, and are not looked at here.
    pub fn takes(&self, key: &ParameterKey, parameter: &Parameter) -> bool {
        let version = &parameter.current;
        match &self.key {
            FilterKey::Name if self.comparison == Comparison::Contains => self.values.iter().any(|value| parameter.name.contains(value.as_str())),
            FilterKey::Name => self.values.iter().any(|value| self.compares(bare(&parameter.name), bare(value))),
            FilterKey::Type => self.any(version.kind.as_str()),
            FilterKey::KeyId => version.key_id.as_deref().is_some_and(|id| self.any(id)),
            FilterKey::Tier => self.any(version.tier.as_str()),
            FilterKey::DataType => self.any(version.data_type.as_str()),
            FilterKey::Tag(name) => parameter.tags.get(name).is_some_and(|value| self.any(value)),
            FilterKey::Path => self.values.iter().any(|path| {
                let path = path.trim_matches('/');
                if self.comparison == Comparison::Recursive { is_below_or_at(&key.directory, path) } else { *key.directory == *path }
            }),
            FilterKey::Label => true,
        }
    }

    fn any(&self, found: &str) -> bool {
        self.values.iter().any(|value| self.compares(found, value))
    }

    fn compares(&self, found: &str, value: &str) -> bool {
        match self.comparison {
            Comparison::BeginsWith => found.starts_with(value),
            Comparison::Contains => found.contains(value),
            Comparison::Equals | Comparison::OneLevel | Comparison::Recursive => found == value,
        }
    }

    /// The directories outside of which it takes nothing.
    fn span(&self) -> Option<Span> {
        let [value] = self.values.as_slice() else { return None };
        match (&self.key, self.comparison) {
            (FilterKey::Path, Comparison::Recursive) => Some(Span::Tree(value.trim_matches('/').into())),
            (FilterKey::Path, _) => Some(Span::Directory(value.trim_matches('/').into())),
            (FilterKey::Name, Comparison::Equals) => {
                let (directory, _) = bare(value).rsplit_once('/').unwrap_or_default();
                Some(Span::Directory(directory.into()))
            }
            _ => None,
        }
    }
}

/// The directories outside of which the filters together take nothing.
pub fn span(filters: &[Filter]) -> Span {
    filters.iter().find_map(Filter::span).unwrap_or(Span::Everything)
}

/// The name, if there is one, that all that the filters take has.
pub fn exact_name(filters: &[Filter]) -> Option<&str> {
    let of_name = filters.iter().find(|filter| filter.key == FilterKey::Name && filter.comparison == Comparison::Equals)?;
    match of_name.values.as_slice() {
        [name] => Some(bare(name)),
        _ => None,
    }
}

/// The labels of which a version must have one.
pub fn labels(filters: &[Filter]) -> Option<Arc<[String]>> {
    filters.iter().find(|filter| filter.key == FilterKey::Label).map(|filter| filter.values.as_slice().into())
}
