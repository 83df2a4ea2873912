//! Rule sets, rules and filters for mail that comes in, and bounces of it.

use crate::{
    access,
    lists::PageLength,
    receiving::{
        bounces::Bounced,
        rules::{check_rule, no_rule, place},
    },
    refusal::Refusal,
    state::{RuleSet, State},
};
use crate::{addresses::Address, limits};
use cloudlet_api_ses::*;
use cloudlet_engine::StoredShape;

fn shown(set: &RuleSet) -> Vec<ReceiptRule> {
    set.rules.iter().map(StoredShape::shape).collect()
}

fn metadata(name: &str, set: &RuleSet) -> ReceiptRuleSetMetadata {
    ReceiptRuleSetMetadata { name: Some(name.to_owned()), created_timestamp: Some(set.created) }
}

/// What a rule does that does not say it.
fn with_defaults(mut rule: ReceiptRule) -> ReceiptRule {
    rule.enabled.get_or_insert(false);
    rule.scan_enabled.get_or_insert(false);
    rule.tls_policy.get_or_insert_with(|| "Optional".into());
    rule.recipients.get_or_insert_with(Vec::new);
    rule.actions.get_or_insert_with(Vec::new);
    rule
}

operation!(CreateReceiptRuleSet, |ses, cx, input| Ok(access::any::<CreateReceiptRuleSet>(cx).into()), |ses, cx, input| {
    ses.create_rule_set(cx, &input.rule_set_name, vec![])?;
    Ok(CreateReceiptRuleSetResponse {})
});

operation!(CloneReceiptRuleSet, |ses, cx, input| Ok(access::any::<CloneReceiptRuleSet>(cx).into()), |ses, cx, input| {
    let original = ses.rule_set(&cx.scope, &input.original_rule_set_name)?;
    ses.create_rule_set(cx, &input.rule_set_name, original.rules.clone())?;
    Ok(CloneReceiptRuleSetResponse {})
});

operation!(DeleteReceiptRuleSet, |ses, cx, input| Ok(access::any::<DeleteReceiptRuleSet>(cx).into()), |ses, cx, input| {
    ses.delete_rule_set(&cx.scope, &input.rule_set_name)?;
    Ok(DeleteReceiptRuleSetResponse {})
});

operation!(DescribeReceiptRuleSet, |ses, cx, input| Ok(access::any::<DescribeReceiptRuleSet>(cx).into()), |ses, cx, input| {
    let set = ses.rule_set(&cx.scope, &input.rule_set_name)?;
    Ok(DescribeReceiptRuleSetResponse { metadata: Some(metadata(&input.rule_set_name, &set)), rules: Some(shown(&set)) })
});

operation!(ListReceiptRuleSets, |ses, cx, input| Ok(access::any::<ListReceiptRuleSets>(cx).into()), |ses, cx, input| {
    let length = PageLength { default: 100, most: 100 };
    let page = ses.list::<ListReceiptRuleSets, _, _>(cx, &input, length, |state| &state.rule_sets, |name, set| Some(metadata(name, set)))?;
    Ok(ListReceiptRuleSetsResponse { rule_sets: Some(page.items), next_token: page.next_token })
});

operation!(SetActiveReceiptRuleSet, |ses, cx, input| Ok(access::any::<SetActiveReceiptRuleSet>(cx).into()), |ses, cx, input| {
    ses.activate_rule_set(&cx.scope, input.rule_set_name.as_deref())?;
    Ok(SetActiveReceiptRuleSetResponse {})
});

operation!(DescribeActiveReceiptRuleSet, |ses, cx, input| Ok(access::any::<DescribeActiveReceiptRuleSet>(cx).into()), |ses, cx, input| {
    let found = ses.store.read(|state| {
        let name = state.active_rule_sets.get(&cx.scope)?.clone();
        let set = state.rule_sets.get(&(cx.scope.clone(), name.clone()))?.clone();
        Some((name, set))
    });
    let Some((name, set)) = found else { return Ok(DescribeActiveReceiptRuleSetResponse { metadata: None, rules: None }) };
    Ok(DescribeActiveReceiptRuleSetResponse { metadata: Some(metadata(&name, &set)), rules: Some(shown(&set)) })
});

operation!(ReorderReceiptRuleSet, |ses, cx, input| Ok(access::any::<ReorderReceiptRuleSet>(cx).into()), |ses, cx, input| {
    ses.change_rules(&cx.scope, &input.rule_set_name, |rules| {
        let mut ordered = Vec::with_capacity(rules.len());
        for name in &input.rule_names {
            let at = rules.iter().position(|rule| rule.name == *name).ok_or_else(|| no_rule(name))?;
            ordered.push(rules.remove(at));
        }
        if let Some(left) = rules.first() {
            // AWS: unverified message. All rules have to be named.
            return Err(Refusal::invalid(format!("Rule is missing in the new order: {}", left.name)).v1());
        }
        *rules = ordered;
        Ok(())
    })?;
    Ok(ReorderReceiptRuleSetResponse {})
});

operation!(CreateReceiptRule, |ses, cx, input| Ok(access::any::<CreateReceiptRule>(cx).into()), |ses, cx, input| {
    check_rule(&input.rule)?;
    // AWS: unverified message.
    let exists = || faults::ALREADY_EXISTS.says(format!("Rule already exists: {}", input.rule.name));
    if ses.rule_set(&cx.scope, &input.rule_set_name)?.rules.iter().any(|rule| rule.name == input.rule.name) {
        return Err(exists().into());
    }
    ses.check_targets(cx, &input.rule_set_name, &input.rule).await?;
    ses.change_rules(&cx.scope, &input.rule_set_name, |rules| {
        if rules.iter().any(|rule| rule.name == input.rule.name) {
            return Err(exists());
        }
        if rules.len() >= limits::RULES {
            // AWS: unverified message.
            return Err(faults::LIMIT_EXCEEDED.says(format!("A rule set has at most {} rules.", limits::RULES)));
        }
        place(rules, StoredShape::new(with_defaults(input.rule.clone())), input.after.as_deref())
    })?;
    Ok(CreateReceiptRuleResponse {})
});

operation!(UpdateReceiptRule, |ses, cx, input| Ok(access::any::<UpdateReceiptRule>(cx).into()), |ses, cx, input| {
    check_rule(&input.rule)?;
    if !ses.rule_set(&cx.scope, &input.rule_set_name)?.rules.iter().any(|rule| rule.name == input.rule.name) {
        return Err(no_rule(&input.rule.name).into());
    }
    ses.check_targets(cx, &input.rule_set_name, &input.rule).await?;
    ses.change_rules(&cx.scope, &input.rule_set_name, |rules| {
        let rule = rules.iter_mut().find(|rule| rule.name == input.rule.name).ok_or_else(|| no_rule(&input.rule.name))?;
        *rule = StoredShape::new(with_defaults(input.rule.clone()));
        Ok(())
    })?;
    Ok(UpdateReceiptRuleResponse {})
});

operation!(DescribeReceiptRule, |ses, cx, input| Ok(access::any::<DescribeReceiptRule>(cx).into()), |ses, cx, input| {
    let set = ses.rule_set(&cx.scope, &input.rule_set_name)?;
    let rule = set.rules.iter().find(|rule| rule.name == input.rule_name).ok_or_else(|| no_rule(&input.rule_name))?;
    Ok(DescribeReceiptRuleResponse { rule: Some(rule.shape()) })
});

// AWS: to delete a rule that does not exist is no error.
operation!(DeleteReceiptRule, |ses, cx, input| Ok(access::any::<DeleteReceiptRule>(cx).into()), |ses, cx, input| {
    ses.change_rules(&cx.scope, &input.rule_set_name, |rules| {
        rules.retain(|rule| rule.name != input.rule_name);
        Ok(())
    })?;
    Ok(DeleteReceiptRuleResponse {})
});

operation!(SetReceiptRulePosition, |ses, cx, input| Ok(access::any::<SetReceiptRulePosition>(cx).into()), |ses, cx, input| {
    ses.change_rules(&cx.scope, &input.rule_set_name, |rules| {
        let at = rules.iter().position(|rule| rule.name == input.rule_name).ok_or_else(|| no_rule(&input.rule_name))?;
        let rule = rules.remove(at);
        place(rules, rule, input.after.as_deref())
    })?;
    Ok(SetReceiptRulePositionResponse {})
});

operation!(CreateReceiptFilter, |ses, cx, input| Ok(access::any::<CreateReceiptFilter>(cx).into()), |ses, cx, input| {
    ses.create_filter(cx, input.filter)?;
    Ok(CreateReceiptFilterResponse {})
});

operation!(ListReceiptFilters, |ses, cx, input| Ok(access::any::<ListReceiptFilters>(cx).into()), |ses, cx, input| {
    let filters = ses.store.read(|state| {
        let rows = State::rows(&state.filters, &cx.scope, None);
        rows.map(|(name, filter)| ReceiptFilter {
            name: name.to_owned(),
            ip_filter: ReceiptIpFilter { policy: if filter.allows { "Allow".into() } else { "Block".into() }, cidr: filter.cidr.clone() },
        })
        .collect()
    });
    Ok(ListReceiptFiltersResponse { filters: Some(filters) })
});

operation!(DeleteReceiptFilter, |ses, cx, input| Ok(access::any::<DeleteReceiptFilter>(cx).into()), |ses, cx, input| {
    ses.store.update(|state| state.filters.remove(&(cx.scope.clone(), input.filter_name)));
    Ok(DeleteReceiptFilterResponse {})
});

operation!(SendBounce, |ses, cx, input| Ok(access::identity::<SendBounce>(ses, cx, &input.bounce_sender).into()), |ses, cx, input| {
    let sender = Address::parse(&input.bounce_sender).map_err(Refusal::invalid)?;
    if !ses.store.read(|state| state.is_verified(&cx.scope, &sender.address)) {
        let region = cx.scope.region.as_str().to_owned();
        return Err(Refusal::NotVerified { region, identities: vec![sender.address] });
    }
    let found = ses.store.read(|state| state.received.get_live(&*input.original_message_id, cx.now.millis()).cloned());
    let received = found.filter(|received| received.scope == cx.scope);
    // AWS: unverified message.
    let gone = || faults::MESSAGE_REJECTED.says(format!("Message {} was not received in the last 24 hours.", input.original_message_id));
    let received = received.ok_or_else(gone)?;
    let mut bounced = vec![];
    for info in input.bounced_recipient_info_list {
        if !received.recipients.iter().any(|known| known.eq_ignore_ascii_case(&info.recipient)) {
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("{} is no recipient of the message.", info.recipient)));
        }
        let (status, text) = match info.bounce_type.as_deref() {
            Some("DoesNotExist") => ("5.1.1", "550 5.1.1 user unknown"),
            Some("MessageTooLarge") => ("5.3.4", "552 5.3.4 message too large"),
            Some("ExceededQuota") => ("5.2.2", "552 5.2.2 mailbox full"),
            Some("ContentRejected") => ("5.6.1", "500 5.6.1 message content rejected"),
            Some("TemporaryFailure") => ("4.0.0", "450 4.0.0 temporary failure"),
            _ => ("5.0.0", "554 5.0.0 unknown failure"),
        };
        let fields = info.recipient_dsn_fields;
        bounced.push(Bounced {
            recipient: info.recipient,
            action: fields.as_ref().map_or_else(|| "failed".into(), |fields| fields.action.clone()),
            status: fields.as_ref().map_or_else(|| status.into(), |fields| fields.status.clone()),
            diagnostic: fields.and_then(|fields| fields.diagnostic_code).unwrap_or_else(|| text.into()),
        });
    }
    let explanation = input.explanation.unwrap_or_else(|| "An error occurred while trying to deliver the mail.".into());
    let id = ses.bounce_back(cx, &cx.scope, &received, &sender.address, &explanation, &bounced);
    Ok(SendBounceResponse { message_id: Some(id) })
},);
