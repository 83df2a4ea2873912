//! What identities have beside their verification: DKIM, MAIL FROM, feedback, policies.

use crate::{
    Ses, access, destinations, identities,
    identity_settings::{PolicyChange, not_of_use},
    refusal::Refusal,
    state::Identity,
    status::Status,
};
use cloudlet_api_ses::*;
use cloudlet_aws::Arn;
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

/// AWS: recorded.
fn check_kind(kind: &str) -> Result<(), Refusal> {
    if ["Bounce", "Complaint", "Delivery"].contains(&kind) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Invalid notification type: {kind}. Valid values are: Bounce, Complaint, Delivery.")))
}

impl Ses {
    fn attributes<T>(&self, cx: &Cx, names: Vec<String>, show: impl Fn(&str, &Arc<Identity>) -> T) -> Map<T> {
        let shown = names.into_iter().filter_map(|name| {
            let identity = self.looked_up(&cx.scope, &name, cx.now)?;
            let shown = show(&name, &identity);
            Some((name, shown))
        });
        shown.collect()
    }
}

operation!(GetIdentityDkimAttributes, |ses, cx, input| Ok(access::any::<GetIdentityDkimAttributes>(cx).into()), |ses, cx, input| {
    let shown = ses.attributes(cx, input.identities, |name, identity| {
        let (name, identity) = ses.signing_identity(&cx.scope, name, identity);
        IdentityDkimAttributes {
            dkim_enabled: identity.dkim.enabled,
            dkim_verification_status: ses.dkim_status(&name, &identity, cx.now).v1(),
            dkim_tokens: (!identity.dkim.tokens.is_empty()).then(|| identity.dkim.tokens.clone()),
        }
    });
    Ok(GetIdentityDkimAttributesResponse { dkim_attributes: shown })
});

operation!(SetIdentityDkimEnabled, |ses, cx, input| Ok(access::any::<SetIdentityDkimEnabled>(cx).into()), |ses, cx, input| {
    ses.set_dkim_enabled(cx, &input.identity, input.dkim_enabled)?;
    Ok(SetIdentityDkimEnabledResponse {})
});

operation!(SetIdentityMailFromDomain, |ses, cx, input| Ok(access::any::<SetIdentityMailFromDomain>(cx).into()), |ses, cx, input| {
    let rejects = input.behavior_on_mx_failure.as_deref() == Some("RejectMessage");
    ses.set_mail_from(cx, &input.identity, input.mail_from_domain, rejects)?;
    Ok(SetIdentityMailFromDomainResponse {})
});

operation!(
    GetIdentityMailFromDomainAttributes,
    |ses, cx, input| Ok(access::any::<GetIdentityMailFromDomainAttributes>(cx).into()),
    |ses, cx, input| {
        let shown = ses.attributes(cx, input.identities, |_, identity| match &identity.mail_from {
            Some(mail_from) => IdentityMailFromDomainAttributes {
                mail_from_domain: Some(mail_from.domain.clone()),
                mail_from_domain_status: ses.mail_from_status(&cx.scope, identity, cx.now).map(Status::v1),
                behavior_on_mx_failure: mail_from.on_mx_failure.clone(),
            },
            None => IdentityMailFromDomainAttributes { behavior_on_mx_failure: "UseDefaultValue".into(), ..Default::default() },
        });
        Ok(GetIdentityMailFromDomainAttributesResponse { mail_from_domain_attributes: shown })
    },
);

operation!(SetIdentityNotificationTopic, |ses, cx, input| Ok(access::any::<SetIdentityNotificationTopic>(cx).into()), |ses, cx, input| {
    check_kind(&input.notification_type)?;
    let topic = input.sns_topic.filter(|topic| !topic.is_empty());
    if let Some(topic) = &topic
        && Arn::parse(topic).is_none_or(|arn| arn.service() != "sns" || arn.region() != cx.scope.region.as_str())
    {
        // AWS: unverified message. Topics of other regions are refused.
        return Err(Refusal::invalid(format!("Invalid SNS topic: {topic}.")));
    }
    ses.change_identity(
        cx,
        &input.identity,
        || not_of_use(&input.identity),
        |identity| {
            identity.feedback.entry(input.notification_type.clone()).or_default().topic.clone_from(&topic);
            Ok(())
        },
    )?;
    if let Some(topic) = topic {
        let text = format!(
            "You have successfully subscribed your Amazon SNS topic '{topic}' to receive '{}' notifications from Amazon SES for identity '{}'.",
            input.notification_type, input.identity
        );
        let message = serde_json::json!({ "notificationType": "AmazonSnsSubscriptionSucceeded", "message": text }).to_string();
        let source = identities::arn_of(&cx.scope, &identities::name_of(&input.identity));
        destinations::publish(cx, &topic, source, None, message);
    }
    Ok(SetIdentityNotificationTopicResponse {})
});

operation!(
    SetIdentityHeadersInNotificationsEnabled,
    |ses, cx, input| Ok(access::any::<SetIdentityHeadersInNotificationsEnabled>(cx).into()),
    |ses, cx, input| {
        check_kind(&input.notification_type)?;
        // AWS: recorded.
        let missing = || faults::MESSAGE_REJECTED.says(format!("Identity {} is not verified or does not exist.", input.identity)).into();
        ses.change_identity(cx, &input.identity, missing, |identity| {
            identity.feedback.entry(input.notification_type).or_default().headers = input.enabled;
            Ok(())
        })?;
        Ok(SetIdentityHeadersInNotificationsEnabledResponse {})
    },
);

operation!(
    SetIdentityFeedbackForwardingEnabled,
    |ses, cx, input| Ok(access::any::<SetIdentityFeedbackForwardingEnabled>(cx).into()),
    |ses, cx, input| {
        let check = |identity: &Identity| {
            let has_topic = |kind: &str| identity.feedback.get(kind).is_some_and(|feedback| feedback.topic.is_some());
            if input.forwarding_enabled || (has_topic("Bounce") && has_topic("Complaint")) {
                return Ok(());
            }
            // AWS: unverified message.
            Err(Refusal::invalid("Cannot disable feedback forwarding without SNS topics for both bounces and complaints."))
        };
        ses.set_forwarding(cx, &input.identity, check, input.forwarding_enabled)?;
        Ok(SetIdentityFeedbackForwardingEnabledResponse {})
    },
);

operation!(GetIdentityNotificationAttributes, |ses, cx, input| Ok(access::any::<GetIdentityNotificationAttributes>(cx).into()), |ses, cx, input| {
    let shown = ses.attributes(cx, input.identities, |_, identity| {
        let topic = |kind: &str| identity.feedback.get(kind).and_then(|feedback| feedback.topic.clone());
        let headers = |kind: &str| Some(identity.feedback.get(kind).is_some_and(|feedback| feedback.headers));
        IdentityNotificationAttributes {
            bounce_topic: topic("Bounce"),
            complaint_topic: topic("Complaint"),
            delivery_topic: topic("Delivery"),
            forwarding_enabled: identity.forwarding,
            headers_in_bounce_notifications_enabled: headers("Bounce"),
            headers_in_complaint_notifications_enabled: headers("Complaint"),
            headers_in_delivery_notifications_enabled: headers("Delivery"),
        }
    });
    Ok(GetIdentityNotificationAttributesResponse { notification_attributes: shown })
},);

operation!(PutIdentityPolicy, |ses, cx, input| Ok(access::any::<PutIdentityPolicy>(cx).into()), |ses, cx, input| {
    ses.put_policy(cx, &input.identity, &input.policy_name, &input.policy, PolicyChange::Put)?;
    Ok(PutIdentityPolicyResponse {})
});

operation!(GetIdentityPolicies, |ses, cx, input| Ok(access::any::<GetIdentityPolicies>(cx).into()), |ses, cx, input| {
    let identity = ses.identity(&cx.scope, &input.identity);
    let named = input.policy_names.into_iter().filter_map(|name| Some((name.clone(), identity.as_ref()?.policies.get(&name)?.text.to_string())));
    Ok(GetIdentityPoliciesResponse { policies: named.collect() })
});

operation!(ListIdentityPolicies, |ses, cx, input| Ok(access::any::<ListIdentityPolicies>(cx).into()), |ses, cx, input| {
    let identity = ses.identity(&cx.scope, &input.identity);
    Ok(ListIdentityPoliciesResponse { policy_names: identity.map(|identity| identity.policies.keys().cloned().collect()).unwrap_or_default() })
});

operation!(DeleteIdentityPolicy, |ses, cx, input| Ok(access::any::<DeleteIdentityPolicy>(cx).into()), |ses, cx, input| {
    // AWS: nor is it one if the identity does not exist.
    let _ = ses.delete_policy(cx, &input.identity, &input.policy_name);
    Ok(DeleteIdentityPolicyResponse {})
});
