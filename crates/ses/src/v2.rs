//! The operations of the second API.
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/Welcome.html>

/// An operation of this API: `handler!` of the engine kit, whose refusals are answered as this API answers them.
macro_rules! operation {
    ($operation:ident, |$e:ident, $c:ident, $n:ident| $permissions:expr, |$ses:ident, $cx:ident, $input:ident| $result:expr $(,)?) => {
        cloudlet_engine::handler!(crate::Ses, $operation, |$e, $c, $n| $permissions, |$ses, $cx, $input| {
            let answer: Result<_, crate::refusal::Refusal> = async { $result }.await;
            answer.map_err(crate::refusal::Refusal::v2)
        });
    };
}

mod account;
mod configuration_sets;
mod contacts;
mod endpoints;
mod identities;
mod identity_settings;
mod imports;
mod reputation;
mod sending;
mod suppression;
mod tags;
mod templates;
mod tenants;
mod verification_mails;

use crate::{Ses, lists::PageLength};
use cloudlet_api_sesv2 as api;
use cloudlet_engine::{Builder, Service};
use std::sync::Arc;

/// Pages of most lists.
const PAGE: PageLength = PageLength { default: 100, most: 1_000 };

pub fn service(ses: Arc<Ses>) -> Builder<Ses> {
    Service::of(&api::SERVICE, ses)
        // identities
        .handles::<api::CreateEmailIdentity>()
        .handles::<api::GetEmailIdentity>()
        .handles::<api::ListEmailIdentities>()
        .handles::<api::DeleteEmailIdentity>()
        .handles::<api::PutEmailIdentityDkimAttributes>()
        .handles::<api::PutEmailIdentityDkimSigningAttributes>()
        .handles::<api::PutEmailIdentityMailFromAttributes>()
        .handles::<api::PutEmailIdentityFeedbackAttributes>()
        .handles::<api::PutEmailIdentityConfigurationSetAttributes>()
        .handles::<api::CreateEmailIdentityPolicy>()
        .handles::<api::GetEmailIdentityPolicies>()
        .handles::<api::UpdateEmailIdentityPolicy>()
        .handles::<api::DeleteEmailIdentityPolicy>()
        // the account
        .handles::<api::GetAccount>()
        .handles::<api::PutAccountDetails>()
        .handles::<api::PutAccountSendingAttributes>()
        .handles::<api::PutAccountPricingAttributes>()
        // the suppression list
        .handles::<api::PutSuppressedDestination>()
        .handles::<api::GetSuppressedDestination>()
        .handles::<api::ListSuppressedDestinations>()
        .handles::<api::DeleteSuppressedDestination>()
        .handles::<api::PutAccountSuppressionAttributes>()
        // addresses from files
        .handles::<crate::imports::RunImport>()
        .handles::<api::CreateImportJob>()
        .handles::<api::GetImportJob>()
        .handles::<api::ListImportJobs>()
        // tenants
        .handles::<api::CreateTenant>()
        .handles::<api::GetTenant>()
        .handles::<api::ListTenants>()
        .handles::<api::DeleteTenant>()
        .handles::<api::CreateTenantResourceAssociation>()
        .handles::<api::DeleteTenantResourceAssociation>()
        .handles::<api::ListTenantResources>()
        .handles::<api::ListResourceTenants>()
        .handles::<api::PutTenantSuppressionAttributes>()
        .handles::<api::GetReputationEntity>()
        .handles::<api::ListReputationEntities>()
        .handles::<api::UpdateReputationEntityCustomerManagedStatus>()
        .handles::<api::UpdateReputationEntityPolicy>()
        // endpoints of several regions
        .handles::<api::CreateMultiRegionEndpoint>()
        .handles::<api::GetMultiRegionEndpoint>()
        .handles::<api::ListMultiRegionEndpoints>()
        .handles::<api::DeleteMultiRegionEndpoint>()
        // mails
        .handles::<api::SendEmail>()
        .handles::<api::SendBulkEmail>()
        // mails of one's own for verification
        .handles::<api::CreateCustomVerificationEmailTemplate>()
        .handles::<api::GetCustomVerificationEmailTemplate>()
        .handles::<api::ListCustomVerificationEmailTemplates>()
        .handles::<api::UpdateCustomVerificationEmailTemplate>()
        .handles::<api::DeleteCustomVerificationEmailTemplate>()
        .handles::<api::SendCustomVerificationEmail>()
        // contact lists
        .handles::<api::CreateContactList>()
        .handles::<api::GetContactList>()
        .handles::<api::ListContactLists>()
        .handles::<api::UpdateContactList>()
        .handles::<api::DeleteContactList>()
        .handles::<api::CreateContact>()
        .handles::<api::GetContact>()
        .handles::<api::ListContacts>()
        .handles::<api::UpdateContact>()
        .handles::<api::DeleteContact>()
        // templates
        .handles::<api::CreateEmailTemplate>()
        .handles::<api::GetEmailTemplate>()
        .handles::<api::ListEmailTemplates>()
        .handles::<api::UpdateEmailTemplate>()
        .handles::<api::DeleteEmailTemplate>()
        .handles::<api::TestRenderEmailTemplate>()
        // configuration sets
        .handles::<api::CreateConfigurationSet>()
        .handles::<api::GetConfigurationSet>()
        .handles::<api::ListConfigurationSets>()
        .handles::<api::DeleteConfigurationSet>()
        .handles::<api::UpdateConfigurationSet>()
        .handles::<api::PutConfigurationSetSendingOptions>()
        .handles::<api::PutConfigurationSetReputationOptions>()
        .handles::<api::PutConfigurationSetDeliveryOptions>()
        .handles::<api::PutConfigurationSetTrackingOptions>()
        .handles::<api::PutConfigurationSetSuppressionOptions>()
        .handles::<api::CreateConfigurationSetEventDestination>()
        .handles::<api::GetConfigurationSetEventDestinations>()
        .handles::<api::UpdateConfigurationSetEventDestination>()
        .handles::<api::DeleteConfigurationSetEventDestination>()
        // tags
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListTagsForResource>()
}
