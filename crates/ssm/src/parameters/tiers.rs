//! Standard and advanced parameters, and which of the two a parameter becomes.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>

use super::parameter::Tier;
use crate::{faults, limits};
use cloudlet_aws::Fault;

const MORE: &str = "For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";
pub const INTELLIGENT: &str = "Intelligent-Tiering";

/// What decides about the tier.
pub struct Wish<'a> {
    /// The tier of the request, or the account's usual one.
    pub tier: &'a str,
    /// What the parameter is now.
    pub before: Option<Tier>,
    pub value_bytes: usize,
    pub has_policies: bool,
    /// How many standard and advanced parameters there are.
    pub counts: (usize, usize),
}

pub fn choose(wish: &Wish<'_>) -> Result<Tier, Fault> {
    let (standard, advanced) = wish.counts;
    let needs_advanced = wish.has_policies || wish.value_bytes > limits::STANDARD_VALUE_BYTES;
    let is_full = wish.before.is_none() && standard >= limits::STANDARD_PARAMETERS;
    let tier = match wish.tier {
        "Advanced" => Tier::Advanced,
        INTELLIGENT if needs_advanced || is_full || wish.before == Some(Tier::Advanced) => Tier::Advanced,
        _ => Tier::Standard,
    };
    match tier {
        Tier::Standard if wish.before == Some(Tier::Advanced) => Err(faults::validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter \
             tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.",
        )),
        Tier::Standard if wish.value_bytes > limits::STANDARD_VALUE_BYTES => Err(faults::validation(format!(
            "Standard tier parameters support a maximum parameter value of {} characters. To create a larger parameter value, upgrade the parameter to \
             use the advanced-parameter tier. {MORE}",
            limits::STANDARD_VALUE_BYTES
        ))),
        // AWS: unverified message.
        Tier::Standard if wish.has_policies => Err(faults::validation(format!(
            "Standard tier parameters don't support parameter policies. To use parameter policies, upgrade the parameter to use the advanced-parameter \
             tier. {MORE}"
        ))),
        Tier::Standard if is_full => Err(faults::PARAMETER_LIMIT_EXCEEDED.says(format!(
            "You have reached the maximum number of standard parameters for this AWS account and Region ({}). To add more parameters, either delete \
             existing parameters or upgrade to the advanced-parameter tier (charges apply).",
            limits::STANDARD_PARAMETERS
        ))),
        // AWS: unverified messages.
        Tier::Advanced if wish.value_bytes > limits::ADVANCED_VALUE_BYTES => Err(faults::validation(format!(
            "Advanced tier parameters support a maximum parameter value of {} characters. {MORE}",
            limits::ADVANCED_VALUE_BYTES
        ))),
        Tier::Advanced if wish.before != Some(Tier::Advanced) && advanced >= limits::ADVANCED_PARAMETERS => Err(faults::PARAMETER_LIMIT_EXCEEDED
            .says(format!(
                "You have reached the maximum number of advanced parameters for this AWS account and Region ({}). To add more parameters, delete \
                 existing parameters.",
                limits::ADVANCED_PARAMETERS
            ))),
        tier => Ok(tier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_becomes_advanced_when_it_must_and_never_standard_again() {
        use Tier::{Advanced, Standard};
        let none = (0, 0);
        for (tier, before, value_bytes, has_policies, counts, chosen) in [
            ("Standard", None, 4_096, false, none, Some(Standard)),
            ("Standard", None, 4_097, false, none, None),
            ("Standard", None, 1, true, none, None),
            ("Standard", None, 1, false, (10_000, 0), None),
            ("Standard", Some(Standard), 1, false, (10_000, 0), Some(Standard)),
            ("Standard", Some(Advanced), 1, false, none, None),
            ("Advanced", None, 8_192, true, none, Some(Advanced)),
            ("Advanced", None, 8_193, false, none, None),
            ("Advanced", None, 1, false, (0, 100_000), None),
            ("Advanced", Some(Advanced), 1, false, (0, 100_000), Some(Advanced)),
            ("Advanced", Some(Standard), 1, false, none, Some(Advanced)),
            (INTELLIGENT, None, 4_096, false, none, Some(Standard)),
            (INTELLIGENT, None, 4_097, false, none, Some(Advanced)),
            (INTELLIGENT, None, 1, true, none, Some(Advanced)),
            (INTELLIGENT, None, 1, false, (10_000, 0), Some(Advanced)),
            (INTELLIGENT, Some(Advanced), 1, false, none, Some(Advanced)),
            (INTELLIGENT, None, 8_193, false, none, None),
        ] {
            let wish = Wish { tier, before, value_bytes, has_policies, counts };
            assert_eq!(choose(&wish).ok(), chosen, "{tier} {before:?} {value_bytes} {has_policies} {counts:?}");
        }
    }
}
