//! Filters of lists of nodes: DescribeInstanceInformation and DescribeInstanceProperties have them in three forms.

use super::{ManagedNode, NodeOptions, Source};
use cloudlet_aws::Fault;

pub struct Filter {
    pub key: String,
    pub values: Vec<String>,
    pub operator: Operator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    BeginWith,
    LessThan,
    GreaterThan,
}

impl Operator {
    pub fn parse(name: Option<&str>) -> Operator {
        match name {
            Some("NotEqual") => Operator::NotEqual,
            Some("BeginWith") => Operator::BeginWith,
            Some("LessThan") => Operator::LessThan,
            Some("GreaterThan") => Operator::GreaterThan,
            _ => Operator::Equal,
        }
    }

    /// Whether one of the values of a node passes.
    pub fn passes(self, own: &[String], wanted: &[String]) -> bool {
        let any = |is: &dyn Fn(&String, &String) -> bool| own.iter().any(|own| wanted.iter().any(|wanted| is(own, wanted)));
        match self {
            Operator::Equal => any(&|own, wanted| own == wanted),
            Operator::NotEqual => !any(&|own, wanted| own == wanted),
            Operator::BeginWith => any(&|own, wanted| own.starts_with(wanted.as_str())),
            Operator::LessThan => any(&|own, wanted| own < wanted),
            Operator::GreaterThan => any(&|own, wanted| own > wanted),
        }
    }
}

/// What a node has under the name of a filter. `None`: there is no such filter.
fn values(node: &ManagedNode, options: &NodeOptions, key: &str) -> Option<Vec<String>> {
    let one = |value: Option<&str>| value.map(str::to_owned).into_iter().collect();
    Some(match key {
        "InstanceIds" => one(Some(&node.id)),
        "AgentVersion" => one(Some(&node.agent_version())),
        "PingStatus" => one(Some(node.ping_status())),
        "PlatformTypes" | "PlatformType" => one(Some(&node.platform_type())),
        "PlatformName" => one(node.platform_name(options).as_deref()),
        "PlatformVersion" => one(node.platform_version(options).as_deref()),
        "ActivationIds" => one(match &node.source {
            Source::Activation { id, .. } => Some(id),
            _ => None,
        }),
        "IamRole" => one(match &node.source {
            Source::Activation { role, .. } => Some(role),
            _ => None,
        }),
        "ResourceType" => one(Some(node.resource_type())),
        "SourceIds" | "SourceTypes" | "AssociationStatus" | "DocumentName" => Vec::new(),
        "tag-key" => node.tags.keys().cloned().collect(),
        _ => {
            let tag = key.strip_prefix("tag:")?;
            one(node.tags.get(tag).map(String::as_str))
        }
    })
}

pub fn selects(filters: &[Filter], node: &ManagedNode, options: &NodeOptions, unknown: fn(&str) -> Fault) -> Result<bool, Fault> {
    for filter in filters {
        let own = values(node, options, &filter.key).ok_or_else(|| unknown(&filter.key))?;
        if !filter.operator.passes(&own, &filter.values) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether all filters have names that there are.
pub fn check(filters: &[Filter], unknown: fn(&str) -> Fault) -> Result<(), Fault> {
    const KNOWN: [&str; 14] = [
        "InstanceIds",
        "AgentVersion",
        "PingStatus",
        "PlatformTypes",
        "PlatformType",
        "PlatformName",
        "PlatformVersion",
        "ActivationIds",
        "IamRole",
        "ResourceType",
        "SourceIds",
        "SourceTypes",
        "AssociationStatus",
        "DocumentName",
    ];
    let is_known = |key: &str| KNOWN.contains(&key) || key == "tag-key" || key.starts_with("tag:");
    filters.iter().find(|filter| !is_known(&filter.key)).map_or(Ok(()), |filter| Err(unknown(&filter.key)))
}
