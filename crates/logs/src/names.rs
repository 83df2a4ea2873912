//! Names and ARNs of groups, streams and the rest, and the numbers that AWS makes of an event's place.

use crate::{blocks::Position, faults, state::GroupKey};
use cloudlet_aws::{Arn, Fault, Scope};
use cloudlet_engine::Cx;
use std::sync::Arc;

/// `arn:aws:logs:us-east-1:000000000000:log-group:name`
pub fn group_arn(group: &GroupKey) -> Arn {
    Arn::new("logs", &group.0, &format!("log-group:{}", group.1))
}

/// The group as most actions name it in their permissions. AWS: recorded denials end so; policies name it with `:*`.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html>
pub fn group_resource(group: &GroupKey) -> Arn {
    stream_arn(group, "")
}

pub fn stream_arn(group: &GroupKey, stream: &str) -> Arn {
    Arn::new("logs", &group.0, &format!("log-group:{}:log-stream:{stream}", group.1))
}

pub fn other_arn(scope: &Scope, kind: &str, name: &str) -> Arn {
    Arn::new("logs", scope, &format!("{kind}:{name}"))
}

/// The group that a request names in the account and region of the call.
pub fn own_group(cx: &Cx, name: &str) -> GroupKey {
    (cx.scope.clone(), name.into())
}

/// The group of an ARN, with `:*` or without.
pub fn group_of_arn(arn: &Arn) -> Option<GroupKey> {
    let name = arn.resource().strip_prefix("log-group:")?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    let is_name = arn.service() == "logs" && !name.is_empty() && !name.contains(':');
    Some((arn.scope().filter(|_| is_name)?, name.into()))
}

/// A group by its name or its ARN.
pub fn group_of_identifier(cx: &Cx, identifier: &str) -> Result<GroupKey, Fault> {
    if !identifier.starts_with("arn:") {
        return Ok(own_group(cx, identifier));
    }
    let group = Arn::parse(identifier).and_then(|arn| group_of_arn(&arn));
    // AWS: unverified message.
    group.filter(|(scope, _)| scope.region == cx.scope.region).ok_or_else(|| faults::invalid("Invalid logGroupIdentifier"))
}

/// A group that a request names in one of two ways.
pub fn group_of(cx: &Cx, name: Option<&str>, identifier: Option<&str>) -> Result<GroupKey, Fault> {
    match (name, identifier) {
        (Some(name), None) => Ok(own_group(cx, name)),
        (None, Some(identifier)) => group_of_identifier(cx, identifier),
        // AWS: unverified messages.
        (Some(_), Some(_)) => Err(faults::invalid("logGroupName and logGroupIdentifier are mutually exclusive parameters.")),
        (None, None) => Err(faults::invalid("Either logGroupName or logGroupIdentifier must be specified.")),
    }
}

/// 192 bits, the lowest first.
type Number = [u32; 6];
const BILLION: u64 = 1_000_000_000;

/// AWS: the ids of events, tokens and sequence numbers are 56 digits: the time in milliseconds, times two to the power of 144, plus a number.
pub fn digits(place: Position) -> String {
    let time = u64::try_from(place.time).unwrap_or(0);
    let low = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
    let mut number: Number = [low(place.number), low(place.number >> 32), 0, 0, low(time << 16), low(time >> 16)];
    let mut groups = Vec::with_capacity(7);
    while number.iter().any(|limb| *limb != 0) {
        let mut rest = 0;
        for limb in number.iter_mut().rev() {
            let value = (rest << 32) | u64::from(*limb);
            *limb = low(value / BILLION);
            rest = value % BILLION;
        }
        groups.push(rest);
    }
    let mut text: String = groups.iter().rev().map(|group| format!("{group:09}")).collect();
    let zeros = text.len() - text.trim_start_matches('0').len();
    text.drain(..zeros);
    format!("{text:0>56}")
}

/// The place of such a number.
pub fn place_of(digits: &str) -> Option<Position> {
    if !(1..=58).contains(&digits.len()) {
        return None;
    }
    let mut number: Number = [0; 6];
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(10)?);
        for limb in &mut number {
            let value = u64::from(*limb) * 10 + carry;
            *limb = u32::try_from(value & u64::from(u32::MAX)).ok()?;
            carry = value >> 32;
        }
        if carry != 0 {
            return None;
        }
    }
    let [first, second, _, _, fifth, sixth] = number.map(u64::from);
    Some(Position::new(i64::try_from((fifth >> 16) | (sixth << 16)).ok()?, first | (second << 32)))
}

/// The last part of an ARN of `kind` (`destination:name`).
pub fn name_of_arn(arn: &Arn, kind: &str) -> Option<Arc<str>> {
    let name = arn.resource().strip_prefix(kind)?.strip_prefix(':')?;
    (arn.service() == "logs" && !name.is_empty()).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_56_digits_and_comes_back() {
        // Of an event of December 2021.
        let text = "36549487478428893041265139518183563440612949361508548608";
        assert_eq!(place_of(text).map(|place| place.time), Some(1_638_935_701_612));
        for place in [Position::default(), Position::new(1_764_000_000_000, 7), Position::new(1_764_000_000_000, u64::MAX), Position::new(1, 1 << 40)]
        {
            let text = digits(place);
            assert_eq!((text.len(), place_of(&text)), (56, Some(place)), "{text}");
        }
        assert!(digits(Position::new(5, 0)) < digits(Position::new(5, 1)) && digits(Position::new(5, 1)) < digits(Position::new(6, 0)));
        for text in ["", "x", "-1", &"9".repeat(58), &"9".repeat(60)] {
            assert_eq!(place_of(text), None, "{text}");
        }
    }

    #[test]
    fn arns_of_groups() {
        for (text, name) in [
            ("arn:aws:logs:us-east-1:000000000000:log-group:/a/b", Some("/a/b")),
            ("arn:aws:logs:us-east-1:000000000000:log-group:/a/b:*", Some("/a/b")),
            ("arn:aws:logs:us-east-1:000000000000:log-group:a:log-stream:b", None),
            ("arn:aws:logs:us-east-1:000000000000:destination:a", None),
            ("arn:aws:s3:::log-group:a", None),
        ] {
            assert_eq!(Arn::parse(text).and_then(|arn| group_of_arn(&arn)).map(|(_, name)| name).as_deref(), name, "{text}");
        }
    }
}
