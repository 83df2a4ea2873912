//! The functions of expressions.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html>

use super::values::Value;
use std::{net::IpAddr, ops::RangeInclusive};

macro_rules! functions {
    ($($variant:ident $name:literal $takes:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $($variant),* }

        impl Function {
            pub fn named(name: &str) -> Option<Function> {
                $(if name.eq_ignore_ascii_case($name) { return Some(Function::$variant); })*
                None
            }

            /// How many arguments it may have.
            pub fn takes(self) -> RangeInclusive<usize> {
                match self { $(Function::$variant => $takes),* }
            }
        }
    };
}

const MANY: usize = 100;

functions! {
    Abs "abs" 1..=1;
    Ceil "ceil" 1..=1;
    Floor "floor" 1..=1;
    Greatest "greatest" 1..=MANY;
    Least "least" 1..=MANY;
    Log "log" 1..=1;
    Sqrt "sqrt" 1..=1;
    Bin "bin" 1..=1;
    DateFloor "datefloor" 2..=2;
    DateCeil "dateceil" 2..=2;
    FromMillis "fromMillis" 1..=1;
    ToMillis "toMillis" 1..=1;
    IsPresent "ispresent" 1..=1;
    Coalesce "coalesce" 1..=MANY;
    IsEmpty "isempty" 1..=1;
    IsBlank "isblank" 1..=1;
    Concat "concat" 1..=MANY;
    LeftTrim "ltrim" 1..=2;
    RightTrim "rtrim" 1..=2;
    Trim "trim" 1..=2;
    Length "strlen" 1..=1;
    ToUpper "toupper" 1..=1;
    Upper "upper" 1..=1;
    ToLower "tolower" 1..=1;
    Lower "lower" 1..=1;
    Substring "substr" 2..=3;
    Replace "replace" 3..=3;
    Contains "strcontains" 2..=2;
    IsValidIp "isValidIp" 1..=1;
    IsValidIpv4 "isValidIpv4" 1..=1;
    IsValidIpv6 "isValidIpv6" 1..=1;
    IsIpInSubnet "isIpInSubnet" 2..=2;
    IsIpv4InSubnet "isIpv4InSubnet" 2..=2;
    IsIpv6InSubnet "isIpv6InSubnet" 2..=2;
    Unmask "unmask" 1..=1;
}

fn number(of: Option<f64>) -> Value {
    of.filter(|number| number.is_finite()).map_or(Value::Missing, Value::Number)
}

#[expect(clippy::cast_possible_truncation, reason = "a conversion of floats saturates")]
fn whole(value: &Value) -> Option<i64> {
    value.number().map(|number| number as i64)
}

fn is_in(address: &str, subnet: &str) -> bool {
    let parsed = || {
        let address: IpAddr = address.parse().ok()?;
        let (base, bits) = subnet.split_once('/')?;
        let (base, bits): (IpAddr, u32) = (base.parse().ok()?, bits.parse().ok()?);
        Some(match (address, base) {
            (IpAddr::V4(address), IpAddr::V4(base)) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                address.to_bits() & mask == base.to_bits() & mask
            }
            (IpAddr::V6(address), IpAddr::V6(base)) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                address.to_bits() & mask == base.to_bits() & mask
            }
            _ => false,
        })
    };
    parsed().unwrap_or(false)
}

impl Function {
    pub fn call(self, arguments: &[Value]) -> Value {
        let missing = Value::Missing;
        let at = |index: usize| arguments.get(index).unwrap_or(&missing);
        let first = at(0);
        let text = |change: &dyn Fn(&str) -> String| if first.is_missing() { Value::Missing } else { Value::Text(change(&first.text())) };
        let second = at(1).text();
        let trimmed = |c: char| if arguments.len() > 1 { second.contains(c) } else { c.is_whitespace() };
        match self {
            Function::Abs => number(first.number().map(f64::abs)),
            Function::Ceil => number(first.number().map(f64::ceil)),
            Function::Floor => number(first.number().map(f64::floor)),
            Function::Log => number(first.number().map(f64::ln)),
            Function::Sqrt => number(first.number().map(f64::sqrt)),
            Function::Greatest => number(arguments.iter().filter_map(Value::number).reduce(f64::max)),
            Function::Least => number(arguments.iter().filter_map(Value::number).reduce(f64::min)),
            Function::Bin | Function::DateFloor | Function::DateCeil => match (whole(first), whole(at(1)).filter(|period| *period > 0)) {
                (Some(time), Some(period)) => {
                    let floor = time.div_euclid(period) * period;
                    let ceil = if floor == time || self != Function::DateCeil { floor } else { floor.saturating_add(period) };
                    Value::Time(ceil)
                }
                _ => Value::Missing,
            },
            Function::FromMillis => whole(first).map_or(Value::Missing, Value::Time),
            Function::ToMillis => number(first.number()),
            Function::IsPresent => Value::Bool(!first.is_missing()),
            Function::Coalesce => arguments.iter().find(|value| !value.is_missing()).cloned().unwrap_or(Value::Missing),
            Function::IsEmpty => Value::Bool(first.text().is_empty()),
            Function::IsBlank => Value::Bool(first.text().trim().is_empty()),
            Function::Concat => Value::Text(arguments.iter().map(Value::text).collect()),
            Function::LeftTrim => text(&|text| text.trim_start_matches(trimmed).to_owned()),
            Function::RightTrim => text(&|text| text.trim_end_matches(trimmed).to_owned()),
            Function::Trim => text(&|text| text.trim_matches(trimmed).to_owned()),
            #[expect(clippy::cast_precision_loss, reason = "a length")]
            Function::Length => number((!first.is_missing()).then(|| first.text().chars().count() as f64)),
            Function::ToUpper | Function::Upper => text(&str::to_uppercase),
            Function::ToLower | Function::Lower => text(&str::to_lowercase),
            Function::Substring => {
                let start = whole(at(1)).and_then(|start| usize::try_from(start).ok()).unwrap_or(0);
                let length = whole(at(2)).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
                text(&|text| text.chars().skip(start).take(length).collect())
            }
            Function::Replace => {
                let with = at(2).text();
                text(&|text| if second.is_empty() { text.to_owned() } else { text.replace(second.as_ref(), &with) })
            }
            Function::Contains => Value::Bool(!first.is_missing() && first.text().contains(second.as_ref())),
            Function::IsValidIp => Value::Bool(first.text().parse::<IpAddr>().is_ok()),
            Function::IsValidIpv4 => Value::Bool(first.text().parse::<IpAddr>().is_ok_and(|address| address.is_ipv4())),
            Function::IsValidIpv6 => Value::Bool(first.text().parse::<IpAddr>().is_ok_and(|address| address.is_ipv6())),
            Function::IsIpInSubnet | Function::IsIpv4InSubnet | Function::IsIpv6InSubnet => Value::Bool(is_in(&first.text(), &second)),
            Function::Unmask => first.clone(),
        }
    }
}
