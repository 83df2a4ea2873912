//! The operations of the first API.
//! <https://docs.aws.amazon.com/ses/latest/APIReference/Welcome.html>

/// An operation of this API: `handler!` of the engine kit, whose refusals are answered as this API answers them.
macro_rules! operation {
    ($operation:ident, |$e:ident, $c:ident, $n:ident| $permissions:expr, |$ses:ident, $cx:ident, $input:ident| $result:expr $(,)?) => {
        cloudlet_engine::handler!(crate::Ses, $operation, |$e, $c, $n| $permissions, |$ses, $cx, $input| {
            let answer: Result<_, crate::refusal::Refusal> = async { $result }.await;
            answer.map_err(crate::refusal::Refusal::v1)
        });
    };
}

mod account;
mod configuration_sets;
mod identities;
mod identity_settings;
mod receiving;
mod sending;
mod templates;
mod verification_mails;

use crate::{
    Ses, links,
    lists::PageLength,
    receiving::{AcceptRecipient, ApplyRules, ReceiveMail},
};
use cloudlet_api_ses as api;
use cloudlet_engine::{Builder, Service};
use std::sync::Arc;

/// Pages of most lists.
const PAGE: PageLength = PageLength { default: 100, most: 1_000 };

pub fn service(ses: Arc<Ses>) -> Builder<Ses> {
    Service::of(&api::SERVICE, ses)
        .handles::<links::VisitLink>()
        .handles::<crate::destinations::PutEvent>()
        .handles::<crate::relaying::RelayMail>()
        // identities
        .handles::<api::VerifyEmailIdentity>()
        .handles::<api::VerifyEmailAddress>()
        .handles::<api::VerifyDomainIdentity>()
        .handles::<api::VerifyDomainDkim>()
        .handles::<api::ListIdentities>()
        .handles::<api::ListVerifiedEmailAddresses>()
        .handles::<api::GetIdentityVerificationAttributes>()
        .handles::<api::DeleteIdentity>()
        .handles::<api::DeleteVerifiedEmailAddress>()
        // their settings
        .handles::<api::GetIdentityDkimAttributes>()
        .handles::<api::SetIdentityDkimEnabled>()
        .handles::<api::SetIdentityMailFromDomain>()
        .handles::<api::GetIdentityMailFromDomainAttributes>()
        .handles::<api::SetIdentityNotificationTopic>()
        .handles::<api::SetIdentityHeadersInNotificationsEnabled>()
        .handles::<api::SetIdentityFeedbackForwardingEnabled>()
        .handles::<api::GetIdentityNotificationAttributes>()
        .handles::<api::PutIdentityPolicy>()
        .handles::<api::GetIdentityPolicies>()
        .handles::<api::ListIdentityPolicies>()
        .handles::<api::DeleteIdentityPolicy>()
        // the account
        .handles::<api::GetSendQuota>()
        .handles::<api::GetSendStatistics>()
        .handles::<api::GetAccountSendingEnabled>()
        .handles::<api::UpdateAccountSendingEnabled>()
        // mail that comes in
        .handles::<AcceptRecipient>()
        .handles::<ReceiveMail>()
        .handles::<ApplyRules>()
        .handles::<api::CreateReceiptRuleSet>()
        .handles::<api::CloneReceiptRuleSet>()
        .handles::<api::DeleteReceiptRuleSet>()
        .handles::<api::DescribeReceiptRuleSet>()
        .handles::<api::ListReceiptRuleSets>()
        .handles::<api::SetActiveReceiptRuleSet>()
        .handles::<api::DescribeActiveReceiptRuleSet>()
        .handles::<api::ReorderReceiptRuleSet>()
        .handles::<api::CreateReceiptRule>()
        .handles::<api::UpdateReceiptRule>()
        .handles::<api::DescribeReceiptRule>()
        .handles::<api::DeleteReceiptRule>()
        .handles::<api::SetReceiptRulePosition>()
        .handles::<api::CreateReceiptFilter>()
        .handles::<api::ListReceiptFilters>()
        .handles::<api::DeleteReceiptFilter>()
        .handles::<api::SendBounce>()
        // mails
        .handles::<api::SendEmail>()
        .handles::<api::SendRawEmail>()
        .handles::<api::SendTemplatedEmail>()
        .handles::<api::SendBulkTemplatedEmail>()
        // mails of one's own for verification
        .handles::<api::CreateCustomVerificationEmailTemplate>()
        .handles::<api::GetCustomVerificationEmailTemplate>()
        .handles::<api::ListCustomVerificationEmailTemplates>()
        .handles::<api::UpdateCustomVerificationEmailTemplate>()
        .handles::<api::DeleteCustomVerificationEmailTemplate>()
        .handles::<api::SendCustomVerificationEmail>()
        // templates
        .handles::<api::CreateTemplate>()
        .handles::<api::GetTemplate>()
        .handles::<api::ListTemplates>()
        .handles::<api::UpdateTemplate>()
        .handles::<api::DeleteTemplate>()
        .handles::<api::TestRenderTemplate>()
        // configuration sets
        .handles::<api::CreateConfigurationSet>()
        .handles::<api::DescribeConfigurationSet>()
        .handles::<api::ListConfigurationSets>()
        .handles::<api::DeleteConfigurationSet>()
        .handles::<api::CreateConfigurationSetEventDestination>()
        .handles::<api::UpdateConfigurationSetEventDestination>()
        .handles::<api::DeleteConfigurationSetEventDestination>()
        .handles::<api::UpdateConfigurationSetSendingEnabled>()
        .handles::<api::UpdateConfigurationSetReputationMetricsEnabled>()
        .handles::<api::PutConfigurationSetDeliveryOptions>()
        .handles::<api::CreateConfigurationSetTrackingOptions>()
        .handles::<api::UpdateConfigurationSetTrackingOptions>()
        .handles::<api::DeleteConfigurationSetTrackingOptions>()
}
