//! The account: quotas, the way out of the sandbox, and whether it sends.

use crate::{
    access,
    account::{Access, Review},
    refusal::Refusal,
    state::Details,
};
use cloudlet_api_sesv2::*;

#[expect(clippy::cast_precision_loss, reason = "quotas are small")]
const fn number(value: u64) -> f64 {
    value as f64
}

operation!(GetAccount, |ses, cx, input| Ok(access::any::<GetAccount>(cx).into()), |ses, cx, input| {
    let (account, quota) = (ses.account(&cx.scope), ses.quota(cx));
    let review = ses.review(&account, cx.now).map(|review| match review {
        Review::Pending => "PENDING",
        Review::Granted => "GRANTED",
    });
    Ok(GetAccountResponse {
        dedicated_ip_auto_warmup_enabled: Some(true),
        enforcement_status: Some("HEALTHY".into()),
        production_access_enabled: Some(ses.access(&account, cx.now) == Access::Production),
        send_quota: Some(SendQuota {
            max24_hour_send: Some(number(quota.daily)),
            max_send_rate: Some(number(quota.rate)),
            sent_last24_hours: Some(number(quota.sent)),
        }),
        sending_enabled: Some(!account.sending_paused),
        suppression_attributes: Some(SuppressionAttributes {
            suppressed_reasons: Some(account.suppressed_reasons.clone().unwrap_or_else(|| vec!["BOUNCE".into(), "COMPLAINT".into()])),
            ..SuppressionAttributes::default()
        }),
        details: account.details.map(|details| AccountDetails {
            mail_type: Some(details.mail_type),
            website_url: Some(details.website),
            contact_language: details.language,
            use_case_description: details.use_case,
            additional_contact_email_addresses: details.contacts,
            review_details: review.map(|status| ReviewDetails { status: Some(status.into()), case_id: Some(details.case_id) }),
        }),
        pricing_attributes: account.pricing_plan.map(|plan| PricingAttributes { current_plan: Some(plan), next_plan: None }),
        ..GetAccountResponse::default()
    })
});

// Nothing is billed here: a plan is remembered and shown.
operation!(PutAccountPricingAttributes, |ses, cx, input| Ok(access::any::<PutAccountPricingAttributes>(cx).into()), |ses, cx, input| {
    ses.change_account(&cx.scope, |account| account.pricing_plan = Some(input.plan));
    Ok(PutAccountPricingAttributesResponse {})
});

operation!(PutAccountDetails, |ses, cx, input| Ok(access::any::<PutAccountDetails>(cx).into()), |ses, cx, input| {
    let account = ses.account(&cx.scope);
    if ses.review(&account, cx.now) == Some(Review::Pending) {
        // AWS: unverified message.
        return Err(Refusal::Conflict("Your account details are being reviewed and cannot be changed.".to_owned()));
    }
    let before = account.details.as_ref().and_then(|details| details.requested);
    let case_id = account.details.as_ref().map_or_else(|| (cx.ids().number() % 10_000_000_000).to_string(), |details| details.case_id.clone());
    let asks = input.production_access_enabled == Some(true);
    let details = Details {
        mail_type: input.mail_type,
        website: input.website_url,
        language: input.contact_language,
        use_case: input.use_case_description,
        contacts: input.additional_contact_email_addresses,
        case_id,
        requested: before.or_else(|| asks.then_some(cx.now)),
    };
    ses.change_account(&cx.scope, |account| account.details = Some(details));
    Ok(PutAccountDetailsResponse {})
});

operation!(PutAccountSendingAttributes, |ses, cx, input| Ok(access::any::<PutAccountSendingAttributes>(cx).into()), |ses, cx, input| {
    ses.change_account(&cx.scope, |account| account.sending_paused = !input.sending_enabled.unwrap_or(false));
    Ok(PutAccountSendingAttributesResponse {})
});
