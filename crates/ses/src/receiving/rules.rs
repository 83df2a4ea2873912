//! Rule sets, their rules, and filters: what they may say, and what becomes of them.
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html>

use crate::{
    Ses, addresses, limits,
    state::{Filter, RuleSet, State},
};
use cloudlet_api_ses::{ReceiptFilter, ReceiptRule, faults};
use cloudlet_aws::{Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, StoredShape};
use std::{net::IpAddr, sync::Arc};

/// `10.0.0.0/8`, or one address.
pub fn network(cidr: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = cidr.split_once('/').map_or((cidr, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(longest), |length| length.parse().ok())?;
    (length <= longest).then_some((address, length))
}

const INVALID: FaultKind = FaultKind::sender("InvalidParameterValue", 400);

pub fn no_set(name: &str) -> Fault {
    // AWS: unverified message.
    faults::RULE_SET_DOES_NOT_EXIST.says(format!("Rule set does not exist: {name}"))
}

pub fn no_rule(name: &str) -> Fault {
    // AWS: unverified message.
    faults::RULE_DOES_NOT_EXIST.says(format!("Rule does not exist: {name}"))
}

const VALIDATION: FaultKind = FaultKind::sender("ValidationError", 400);

/// Letters, digits, `_`, `-` and `.`, with a letter or digit at both ends, at most 64. `path`: the name's place in the request.
/// AWS: measured for rule sets (<https://github.com/floci-io/floci>, `SesReceiptRuleService.java`).
fn check_name(path: &str, name: &str) -> Result<(), Fault> {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !name.chars().all(usual) {
        let constraint = "Member must satisfy regular expression pattern: ^[a-zA-Z0-9_.-]+$";
        return Err(VALIDATION.says(format!("1 validation error detected: Value at '{path}' failed to satisfy constraint: {constraint}")));
    }
    if name.len() <= limits::NAME && is_end(name.chars().next()) && is_end(name.chars().last()) {
        return Ok(());
    }
    let what = if path == "rule.name" { "ruleName" } else { path };
    Err(INVALID.says(format!("Not a valid {what}: {name}")))
}

/// Whether a rule is about a recipient. One without conditions is about all.
pub fn matches(rule: &ReceiptRule, recipient: &str) -> bool {
    let Some(conditions) = rule.recipients.as_ref().filter(|conditions| !conditions.is_empty()) else { return true };
    let recipient = recipient.to_ascii_lowercase();
    let plain = addresses::without_label(&recipient);
    let domain = addresses::domain_of(&recipient);
    let is_below = |above: &str| domain.strip_suffix(above).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
    conditions.iter().any(|condition| {
        let condition = condition.to_ascii_lowercase();
        match condition.split_once('@') {
            Some((local, of)) => match of.strip_prefix('.') {
                Some(above) => {
                    let own = |address: &str| address.rsplit_once('@').is_some_and(|(own, _)| own == local);
                    is_below(above) && (own(&recipient) || plain.as_deref().is_some_and(own))
                }
                None => condition == recipient || plain.as_deref() == Some(condition.as_str()),
            },
            None => match condition.strip_prefix('.') {
                Some(above) => is_below(above),
                None => domain == condition,
            },
        }
    })
}

fn is_condition(text: &str) -> bool {
    let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    addresses::is_domain_identity(domain) && (!text.contains('@') || text.rsplit_once('@').is_some_and(|(local, _)| !local.is_empty()))
}

/// What a rule may say, before its targets are asked.
pub fn check_rule(rule: &ReceiptRule) -> Result<(), Fault> {
    check_name("rule.name", &rule.name)?;
    let recipients = rule.recipients.as_deref().unwrap_or_default();
    if recipients.len() > limits::RULE_RECIPIENTS {
        // AWS: unverified message.
        return Err(faults::LIMIT_EXCEEDED.says(format!("A rule has at most {} recipients.", limits::RULE_RECIPIENTS)));
    }
    if let Some(wrong) = recipients.iter().find(|condition| !is_condition(condition)) {
        // AWS: unverified message.
        return Err(INVALID.says(format!("Invalid recipient: {wrong}")));
    }
    let actions = rule.actions.as_deref().unwrap_or_default();
    if actions.len() > limits::ACTIONS {
        // AWS: unverified message.
        return Err(faults::LIMIT_EXCEEDED.says(format!("A rule has at most {} actions.", limits::ACTIONS)));
    }
    for action in actions {
        let given = [
            action.s3_action.is_some(),
            action.bounce_action.is_some(),
            action.workmail_action.is_some(),
            action.lambda_action.is_some(),
            action.stop_action.is_some(),
            action.add_header_action.is_some(),
            action.sns_action.is_some(),
            action.connect_action.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            // AWS: unverified message.
            return Err(INVALID.says("An action must have exactly one type."));
        }
        if let Some(bounce) = &action.bounce_action {
            let is_reply = |code: &str| code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
            if !is_reply(&bounce.smtp_reply_code) {
                // AWS: unverified message.
                return Err(INVALID.says(format!("Invalid SMTP reply code: {}", bounce.smtp_reply_code)));
            }
        }
        if let Some(header) = &action.add_header_action {
            let is_name =
                (1..=50).contains(&header.header_name.len()) && header.header_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_name || header.header_value.len() >= 2_048 || header.header_value.contains(['\r', '\n']) {
                // AWS: unverified message.
                return Err(INVALID.says(format!("Invalid header: {}", header.header_name)));
            }
        }
    }
    Ok(())
}

impl Ses {
    pub fn rule_set(&self, scope: &Scope, name: &str) -> Result<Arc<RuleSet>, Fault> {
        self.store.read(|state| state.rule_sets.get(&(scope.clone(), name.to_owned())).cloned()).ok_or_else(|| no_set(name))
    }

    pub fn create_rule_set(&self, cx: &Cx, name: &str, rules: Vec<StoredShape<ReceiptRule>>) -> Result<(), Fault> {
        check_name("ruleSetName", name)?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if state.rule_sets.contains(&key) {
                // AWS: unverified message.
                return Err(faults::ALREADY_EXISTS.says(format!("Rule set already exists: {name}")));
            }
            if State::count(&state.rule_sets, &cx.scope) >= limits::RULE_SETS {
                // AWS: unverified message.
                return Err(faults::LIMIT_EXCEEDED.says(format!("There are at most {} rule sets.", limits::RULE_SETS)));
            }
            state.rule_sets.insert(key, Arc::new(RuleSet { created: cx.now, rules }));
            Ok(())
        })
    }

    pub fn delete_rule_set(&self, scope: &Scope, name: &str) -> Result<(), Fault> {
        self.store.write(|state| {
            if state.active_rule_sets.get(scope).is_some_and(|active| active == name) {
                // AWS: unverified message.
                return Err(faults::CANNOT_DELETE.says(format!("Cannot delete active rule set: {name}")));
            }
            state.rule_sets.remove(&(scope.clone(), name.to_owned()));
            Ok(())
        })
    }

    pub fn activate_rule_set(&self, scope: &Scope, name: Option<&str>) -> Result<(), Fault> {
        self.store.write(|state| {
            match name {
                Some(name) if !state.rule_sets.contains(&(scope.clone(), name.to_owned())) => return Err(no_set(name)),
                Some(name) => state.active_rule_sets.insert(scope.clone(), name.to_owned()),
                None => {
                    state.active_rule_sets.remove(scope);
                }
            }
            Ok(())
        })
    }

    pub fn change_rules<R>(
        &self,
        scope: &Scope,
        name: &str,
        change: impl FnOnce(&mut Vec<StoredShape<ReceiptRule>>) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        self.store.write(|state| {
            let set = state.rule_sets.get_mut(&(scope.clone(), name.to_owned())).ok_or_else(|| no_set(name))?;
            change(&mut Arc::make_mut(set).rules)
        })
    }

    pub fn create_filter(&self, cx: &Cx, filter: ReceiptFilter) -> Result<(), Fault> {
        check_name("filter.name", &filter.name)?;
        let cidr = filter.ip_filter.cidr;
        if network(&cidr).is_none() {
            // AWS: unverified message.
            return Err(INVALID.says(format!("Invalid CIDR: {cidr}")));
        }
        self.store.write(|state| {
            let key = (cx.scope.clone(), filter.name.clone());
            if state.filters.contains(&key) {
                // AWS: unverified message.
                return Err(faults::ALREADY_EXISTS.says(format!("Filter already exists: {}", filter.name)));
            }
            if State::count(&state.filters, &cx.scope) >= limits::FILTERS {
                // AWS: unverified message.
                return Err(faults::LIMIT_EXCEEDED.says(format!("There are at most {} filters.", limits::FILTERS)));
            }
            state.filters.insert(key, Filter { allows: filter.ip_filter.policy == "Allow", cidr });
            Ok(())
        })
    }
}

/// Puts a rule after another, or first.
pub fn place(rules: &mut Vec<StoredShape<ReceiptRule>>, rule: StoredShape<ReceiptRule>, after: Option<&str>) -> Result<(), Fault> {
    let at = match after {
        Some(after) => rules.iter().position(|known| known.name == after).ok_or_else(|| no_rule(after))? + 1,
        None => 0,
    };
    rules.insert(at, rule);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_match_addresses_domains_and_what_is_below() {
        let rule = |condition: &str| ReceiptRule { recipients: Some(vec![condition.into()]), ..Default::default() };
        for (condition, recipient, expected) in [
            ("ann@example.com", "Ann@Example.com", true),
            ("ann@example.com", "ann+label@example.com", true),
            ("ann@example.com", "ann@a.example.com", false),
            ("example.com", "x@example.com", true),
            ("example.com", "x@a.example.com", false),
            (".example.com", "x@a.b.example.com", true),
            (".example.com", "x@example.com", false),
            (".example.com", "x@notexample.com", false),
            ("ann@.example.com", "ann@a.example.com", true),
            ("ann@.example.com", "bob@a.example.com", false),
        ] {
            assert_eq!(matches(&rule(condition), recipient), expected, "{condition} {recipient}");
        }
        assert!(matches(&ReceiptRule::default(), "x@y.z"));
    }
}
