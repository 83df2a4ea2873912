//! What identities have beside their verification: DKIM, MAIL FROM, feedback, policies.

use crate::{
    Ses, access, destinations,
    identities::{self, checked_domain},
    policies,
    refusal::Refusal,
    state::{Identity, MailFrom},
    status::Status,
};
use cloudlet_api_ses::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, handler};
use cloudlet_shape::Map;

/// AWS: recorded.
fn check_kind(kind: &str) -> Result<(), Fault> {
    if ["Bounce", "Complaint", "Delivery"].contains(&kind) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Invalid notification type: {kind}. Valid values are: Bounce, Complaint, Delivery.")).v1())
}

impl Ses {
    fn change_v1<R>(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut Identity) -> Result<R, Refusal>) -> Result<R, Fault> {
        // AWS: recorded at SendRawEmail and others.
        let missing = || Refusal::invalid(format!("Identity {name} is not verified or does not exist.")).v1();
        self.store.write(|state| state.change_identity(&cx.scope, name, change).map_err(|_| missing())?.map_err(Refusal::v1))
    }

    fn attributes<T>(&self, cx: &Cx, names: Vec<String>, show: impl Fn(&str, &Identity) -> T) -> Map<T> {
        let shown = names.into_iter().filter_map(|name| {
            let identity = self.looked_up(&cx.scope, &name, cx.now)?;
            let shown = show(&name, &identity);
            Some((name, shown))
        });
        shown.collect()
    }
}

handler!(Ses, GetIdentityDkimAttributes, |ses, cx, input| Ok(access::any::<GetIdentityDkimAttributes>(cx).into()), |ses, cx, input| {
    let shown = ses.attributes(cx, input.identities, |name, identity| IdentityDkimAttributes {
        dkim_enabled: identity.dkim.enabled,
        dkim_verification_status: ses.dkim_status(name, identity, cx.now).v1(),
        dkim_tokens: (!identity.dkim.tokens.is_empty()).then(|| identity.dkim.tokens.clone()),
    });
    Ok(GetIdentityDkimAttributesResponse { dkim_attributes: shown })
});

handler!(Ses, SetIdentityDkimEnabled, |ses, cx, input| Ok(access::any::<SetIdentityDkimEnabled>(cx).into()), |ses, cx, input| {
    ses.change_v1(cx, &input.identity, |identity| {
        identity.dkim.enabled = input.dkim_enabled;
        Ok(())
    })?;
    Ok(SetIdentityDkimEnabledResponse {})
});

handler!(Ses, SetIdentityMailFromDomain, |ses, cx, input| Ok(access::any::<SetIdentityMailFromDomain>(cx).into()), |ses, cx, input| {
    let domain = input.mail_from_domain.filter(|domain| !domain.is_empty());
    let domain = domain.as_deref().map(checked_domain).transpose().map_err(Refusal::v1)?;
    ses.change_v1(cx, &input.identity, |identity| {
        if let Some(domain) = &domain {
            identities::check_mail_from(&input.identity, domain)?;
        }
        let on_mx_failure = input.behavior_on_mx_failure.unwrap_or_else(|| "UseDefaultValue".into());
        identity.mail_from = domain.map(|domain| MailFrom { domain, on_mx_failure });
        Ok(())
    })?;
    Ok(SetIdentityMailFromDomainResponse {})
});

handler!(
    Ses,
    GetIdentityMailFromDomainAttributes,
    |ses, cx, input| Ok(access::any::<GetIdentityMailFromDomainAttributes>(cx).into()),
    |ses, cx, input| {
        let shown = ses.attributes(cx, input.identities, |_, identity| match &identity.mail_from {
            Some(mail_from) => IdentityMailFromDomainAttributes {
                mail_from_domain: mail_from.domain.clone(),
                mail_from_domain_status: ses.mail_from_status(&cx.scope, identity, cx.now).map(Status::v1).unwrap_or_default(),
                behavior_on_mx_failure: mail_from.on_mx_failure.clone(),
            },
            None => IdentityMailFromDomainAttributes { behavior_on_mx_failure: "UseDefaultValue".into(), ..Default::default() },
        });
        Ok(GetIdentityMailFromDomainAttributesResponse { mail_from_domain_attributes: shown })
    },
);

handler!(Ses, SetIdentityNotificationTopic, |ses, cx, input| Ok(access::any::<SetIdentityNotificationTopic>(cx).into()), |ses, cx, input| {
    check_kind(&input.notification_type)?;
    let topic = input.sns_topic.filter(|topic| !topic.is_empty());
    if let Some(topic) = &topic
        && Arn::parse(topic).is_none_or(|arn| arn.service() != "sns" || arn.region() != cx.scope.region.as_str())
    {
        // AWS: unverified message. Topics of other regions are refused.
        return Err(Refusal::invalid(format!("Invalid SNS topic: {topic}.")).v1());
    }
    ses.change_v1(cx, &input.identity, |identity| {
        identity.feedback.entry(input.notification_type.clone()).or_default().topic.clone_from(&topic);
        Ok(())
    })?;
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

handler!(
    Ses,
    SetIdentityHeadersInNotificationsEnabled,
    |ses, cx, input| Ok(access::any::<SetIdentityHeadersInNotificationsEnabled>(cx).into()),
    |ses, cx, input| {
        check_kind(&input.notification_type)?;
        ses.change_v1(cx, &input.identity, |identity| {
            identity.feedback.entry(input.notification_type).or_default().headers = input.enabled;
            Ok(())
        })?;
        Ok(SetIdentityHeadersInNotificationsEnabledResponse {})
    },
);

handler!(
    Ses,
    SetIdentityFeedbackForwardingEnabled,
    |ses, cx, input| Ok(access::any::<SetIdentityFeedbackForwardingEnabled>(cx).into()),
    |ses, cx, input| {
        ses.change_v1(cx, &input.identity, |identity| {
            let has_topic = |kind: &str| identity.feedback.get(kind).is_some_and(|feedback| feedback.topic.is_some());
            let has_both = has_topic("Bounce") && has_topic("Complaint");
            if !input.forwarding_enabled && !has_both {
                // AWS: unverified message.
                return Err(Refusal::invalid("Cannot disable feedback forwarding without SNS topics for both bounces and complaints."));
            }
            identity.forwarding = input.forwarding_enabled;
            Ok(())
        })?;
        Ok(SetIdentityFeedbackForwardingEnabledResponse {})
    },
);

handler!(
    Ses,
    GetIdentityNotificationAttributes,
    |ses, cx, input| Ok(access::any::<GetIdentityNotificationAttributes>(cx).into()),
    |ses, cx, input| {
        let shown = ses.attributes(cx, input.identities, |_, identity| {
            let topic = |kind: &str| identity.feedback.get(kind).and_then(|feedback| feedback.topic.clone()).unwrap_or_default();
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
    },
);

handler!(Ses, PutIdentityPolicy, |ses, cx, input| Ok(access::any::<PutIdentityPolicy>(cx).into()), |ses, cx, input| {
    let policy = policies::parse(cx, &input.identity, &input.policy).map_err(Refusal::v1)?;
    ses.change_v1(cx, &input.identity, |identity| policies::put(identity, input.policy_name, policy))?;
    Ok(PutIdentityPolicyResponse {})
});

handler!(Ses, GetIdentityPolicies, |ses, cx, input| Ok(access::any::<GetIdentityPolicies>(cx).into()), |ses, cx, input| {
    let identity = ses.identity(&cx.scope, &input.identity);
    let named = input.policy_names.into_iter().filter_map(|name| Some((name.clone(), identity.as_ref()?.policies.get(&name)?.text.to_string())));
    Ok(GetIdentityPoliciesResponse { policies: named.collect() })
});

handler!(Ses, ListIdentityPolicies, |ses, cx, input| Ok(access::any::<ListIdentityPolicies>(cx).into()), |ses, cx, input| {
    let identity = ses.identity(&cx.scope, &input.identity);
    Ok(ListIdentityPoliciesResponse { policy_names: identity.map(|identity| identity.policies.keys().cloned().collect()).unwrap_or_default() })
});

handler!(Ses, DeleteIdentityPolicy, |ses, cx, input| Ok(access::any::<DeleteIdentityPolicy>(cx).into()), |ses, cx, input| {
    // AWS: to delete a policy that does not exist is no error.
    let _ = ses.store.update(|state| state.change_identity(&cx.scope, &input.identity, |identity| identity.policies.remove(&input.policy_name)));
    Ok(DeleteIdentityPolicyResponse {})
});
