//! Matching a request's resource with the Resource element: part by part, wildcards in each, variables in the last.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

use crate::Keys;
use crate::template::{Template, Variables, Wildcards, arn_parts};
use crate::wildcard::Pattern;
use cloudlet_aws::Arn;

/// The parts of the ARN that a request is about; none for `*`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    whole: &'a str,
    head: [&'a str; 4],
    resource: &'a str,
}

impl<'a> Parts<'a> {
    pub fn of(arn: &'a Arn) -> Option<Parts<'a>> {
        let head = [arn.partition(), arn.service(), arn.region(), arn.account()];
        (!arn.is_any()).then(|| Parts { whole: arn.as_str(), head, resource: arn.resource() })
    }

    pub fn region(&self) -> &'a str {
        let [_, _, region, _] = self.head;
        region
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResourcePattern {
    Everything,
    /// Text that is no ARN.
    Nothing,
    Arn {
        head: Head,
        resource: Template,
    },
}

/// The parts before the fifth colon.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Head {
    /// Without wildcards, and then one text with its colons: `arn:aws:s3:::`.
    Fixed(Box<str>),
    Wild(Box<[Pattern; 4]>),
}

impl ResourcePattern {
    pub fn parse(text: &str, variables: Variables) -> ResourcePattern {
        let parts = arn_parts(text);
        let part = |n: usize| parts.get(n).copied();
        if part(0) == Some("*") && parts.len() == 1 {
            return ResourcePattern::Everything;
        }
        // A stored policy may have any text here.
        if part(0).is_none_or(|part| !Pattern::parse(part).matches("arn")) {
            return ResourcePattern::Nothing;
        }
        // AWS: an ARN with fewer than six parts is completed with wildcards. Variables count after the fifth colon only.
        let head = match parts.as_slice() {
            [start @ .., _] if start.len() == 5 && !start.iter().any(|part| part.contains(['*', '?'])) => Head::Fixed((start.join(":") + ":").into()),
            _ => Head::Wild(Box::new([1, 2, 3, 4].map(|n| part(n).map_or(Pattern::Any, Pattern::parse)))),
        };
        let resource = part(5).map_or(Template::Fixed(Pattern::Any), |text| Template::parse(text, Wildcards::Live, variables));
        ResourcePattern::Arn { head, resource }
    }

    /// AWS: an action without a resource asks for `*`, and no ARN, however wild, matches that.
    pub fn matches(&self, resource: Option<&Parts<'_>>, keys: &Keys) -> bool {
        match (self, resource) {
            (ResourcePattern::Everything, _) => true,
            (ResourcePattern::Nothing, _) | (ResourcePattern::Arn { .. }, None) => false,
            (ResourcePattern::Arn { head: Head::Fixed(text), resource }, Some(parts)) => {
                parts.whole.strip_prefix(&**text).is_some_and(|own| resource.matches(own, keys))
            }
            (ResourcePattern::Arn { head: Head::Wild(patterns), resource }, Some(parts)) => {
                patterns.iter().zip(parts.head).all(|(pattern, part)| pattern.matches(part)) && resource.matches(parts.resource, keys)
            }
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        match self {
            ResourcePattern::Everything | ResourcePattern::Nothing => None,
            ResourcePattern::Arn { resource, .. } => Some(resource.keys()),
        }
        .into_iter()
        .flatten()
    }
}
