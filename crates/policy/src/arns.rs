//! Matching a request's resource against the Resource element: part by part, wildcards in each, variables in the last.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

use crate::Keys;
use crate::template::{Template, Variables, Wildcards, arn_parts};
use crate::wildcard::Pattern;

/// The parts of the ARN that a request is about; none for `*`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    head: [&'a str; 4],
    resource: &'a str,
}

impl<'a> Parts<'a> {
    pub fn of(arn: &'a str) -> Option<Parts<'a>> {
        let mut parts = arn.splitn(6, ':');
        parts.next()?;
        let head = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        Some(Parts { head, resource: parts.next()? })
    }

    pub fn region(&self) -> &'a str {
        let [_, _, region, _] = self.head;
        region
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResourcePattern {
    Everything,
    Arn { head: Box<[Pattern; 4]>, resource: Template },
}

impl ResourcePattern {
    pub fn parse(text: &str, variables: Variables) -> ResourcePattern {
        let parts = arn_parts(text);
        let part = |n: usize| parts.get(n).copied();
        if part(0) == Some("*") && parts.len() == 1 {
            return ResourcePattern::Everything;
        }
        // AWS: an ARN with fewer than six parts is completed with wildcards. Variables count after the fifth colon only.
        let head = |n: usize| part(n).map_or(Pattern::Any, Pattern::parse);
        ResourcePattern::Arn {
            head: Box::new([head(1), head(2), head(3), head(4)]),
            resource: part(5).map_or(Template::Fixed(Pattern::Any), |text| Template::parse(text, Wildcards::Live, variables)),
        }
    }

    /// AWS: an action without a resource asks for `*`, and no ARN, however wild, matches that.
    pub fn matches(&self, resource: Option<&Parts<'_>>, keys: &Keys) -> bool {
        match (self, resource) {
            (ResourcePattern::Everything, _) => true,
            (ResourcePattern::Arn { .. }, None) => false,
            (ResourcePattern::Arn { head, resource }, Some(parts)) => {
                head.iter().zip(parts.head).all(|(pattern, part)| pattern.matches(part)) && resource.matches(parts.resource, keys)
            }
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        match self {
            ResourcePattern::Everything => None,
            ResourcePattern::Arn { resource, .. } => Some(resource.keys()),
        }
        .into_iter()
        .flatten()
    }
}
