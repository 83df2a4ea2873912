//! AWS's definition of a public policy, which is decided from its text alone.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>

use cloudlet_policy::{Condition, Document, Listing, Named, Statement, StatementEffect};
use std::net::IpAddr;

/// Whether a policy is public: an allow to everyone that no condition limits to fixed values.
pub fn is_public(policy: &Document) -> bool {
    policy.statements().iter().any(is_public_statement)
}

fn is_public_statement(statement: &Statement) -> bool {
    statement.effect() == StatementEffect::Allow && names_everyone(statement) && !statement.conditions().iter().any(limits)
}

fn names_everyone(statement: &Statement) -> bool {
    match statement.principals() {
        // Everyone but a few.
        Some((Listing::AllBut, _)) => true,
        Some((Listing::Only, named)) => named.iter().any(|named| match named {
            Named::Everyone => true,
            Named::Service(name) | Named::Federated(name) => &**name == "*",
            Named::Account(_) | Named::Arn(_) | Named::Id(_) | Named::CanonicalUser(_) => false,
        }),
        None => false,
    }
}

/// How the values of a key must look to be fixed.
#[derive(Clone, Copy)]
enum Fixed {
    /// Without wildcard and variable.
    Whole,
    /// Networks that are not very wide.
    Network,
    /// `AROLEID:*` names every session of one role, and the role is fixed.
    UserId,
    /// The account must be fixed; the name of the access point may have wildcards.
    AccessPoint,
}

const KEYS: [(&str, Fixed); 18] = [
    ("aws:principalorgid", Fixed::Whole),
    ("aws:principalorgpaths", Fixed::Whole),
    ("aws:principalaccount", Fixed::Whole),
    ("aws:principalarn", Fixed::Whole),
    ("aws:principalservicename", Fixed::Whole),
    ("aws:principalserviceNameslist", Fixed::Whole),
    ("aws:sourcearn", Fixed::Whole),
    ("aws:sourcevpc", Fixed::Whole),
    ("aws:sourcevpce", Fixed::Whole),
    ("aws:sourceowner", Fixed::Whole),
    ("aws:sourceaccount", Fixed::Whole),
    ("aws:sourceorgid", Fixed::Whole),
    ("aws:sourceip", Fixed::Network),
    ("aws:userid", Fixed::UserId),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", Fixed::Whole),
    ("s3:dataaccesspointaccount", Fixed::Whole),
    ("s3:dataaccesspointarn", Fixed::AccessPoint),
    ("kms:calleraccount", Fixed::Whole),
];

/// Whether a condition limits a statement to fixed values of a key that makes it non-public.
fn limits(condition: &Condition) -> bool {
    let Some((_, fixed)) = KEYS.iter().find(|(key, _)| condition.key().eq_ignore_ascii_case(key)) else { return false };
    let operator = condition.operator();
    let operator = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
    // Any other operator, and one that an absent key satisfies, lets others pass.
    let compares = match fixed {
        Fixed::Network => operator == "IpAddress",
        _ => matches!(operator, "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" | "ArnEquals" | "ArnLike"),
    };
    let mut values = condition.values().peekable();
    compares && values.peek().is_some() && values.all(|value| is_fixed(value, *fixed))
}

fn is_fixed(value: &str, fixed: Fixed) -> bool {
    let is_whole = |text: &str| !text.is_empty() && !text.contains(['*', '?']) && !text.contains("${");
    match fixed {
        Fixed::Whole => is_whole(value),
        Fixed::UserId => is_whole(value.strip_suffix(":*").unwrap_or(value)),
        Fixed::AccessPoint => value.split(':').nth(4).is_some_and(is_whole),
        Fixed::Network => is_narrow(value),
    }
}

/// AWS: wider than /8 in IPv4 and /32 in IPv6 is public, private networks excepted.
fn is_narrow(network: &str) -> bool {
    let (address, bits) = network.split_once('/').map_or((network, None), |(address, bits)| (address, bits.parse::<u32>().ok()));
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => bits.unwrap_or(32) >= 8 || address.is_private(),
        Ok(IpAddr::V6(_)) => bits.unwrap_or(128) >= 32,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_policy::Kind;

    fn public(statement: &str) -> bool {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        is_public(&Document::parse(&text, Kind::Resource).unwrap())
    }

    fn with_condition(condition: &str) -> bool {
        public(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{{{condition}}}}}"#))
    }

    #[test]
    fn a_principal_decides() {
        let to = |principal: &str| public(&format!(r#"{{"Effect":"Allow",{principal},"Action":"s3:*","Resource":"arn:aws:s3:::b"}}"#));
        assert!(to(r#""Principal":"*""#) && to(r#""Principal":{"AWS":"*"}"#) && to(r#""Principal":{"AWS":["111122223333","*"]}"#));
        assert!(to(r#""NotPrincipal":{"AWS":"111122223333"}"#));
        assert!(!to(r#""Principal":{"AWS":"111122223333"}"#) && !to(r#""Principal":{"Service":"cloudfront.amazonaws.com"}"#));
        assert!(!public(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b"}"#));
    }

    #[test]
    fn fixed_values_of_some_keys_limit() {
        for limiting in [
            r#""StringEquals":{"aws:SourceVpc":"vpc-91237329"}"#,
            r#""StringLike":{"aws:PrincipalOrgID":"o-abc"}"#,
            r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","10.0.0.0/32"]}"#,
            r#""IpAddress":{"aws:SourceIp":"10.0.0.0/7"}"#,
            r#""StringEquals":{"s3:DataAccessPointAccount":"111122223333"}"#,
            r#""ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}"#,
            r#""StringLike":{"aws:userid":"AROAEXAMPLE:*"}"#,
        ] {
            assert!(!with_condition(limiting), "{limiting}");
        }
        for open in [
            r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#,
            r#""StringEquals":{"aws:PrincipalOrgID":"${aws:PrincipalTag/org}"}"#,
            r#""IpAddress":{"aws:SourceIp":"0.0.0.0/1"}"#,
            r#""IpAddress":{"aws:SourceIp":"2001:db8::/31"}"#,
            r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#,
            r#""StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#,
            r#""ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-abc"}"#,
            r#""StringEquals":{"aws:Referer":"x"}"#,
            r#""Bool":{"aws:SecureTransport":"true"}"#,
            r#""ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/a"}"#,
        ] {
            assert!(with_condition(open), "{open}");
        }
    }
}
