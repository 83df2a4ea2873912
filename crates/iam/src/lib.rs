//! Identity and Access Management: users, groups, roles, policies, credentials. The tables are in `cloudlet-identity`. IAM is global: its
//! rows belong to an account, whatever the region of the call. Deliberately no decisions: `cloudlet-policy` makes them, for every service.

mod access_keys;
mod access_reports;
mod account;
mod boundaries;
mod credential_report;
mod delegations;
mod der;
mod documents;
mod faults;
mod identity_policies;
mod jobs;
mod last_accessed;
mod limits;
mod linked_services;
mod mfa;
mod names;
mod operation;
mod output;
mod paging;
mod passwords;
mod policies;
mod providers;
mod qr_code;
mod roles;
mod root_management;
mod server_certificates;
mod service_access;
mod service_credentials;
mod service_linked_roles;
mod signing_certificates;
mod simulate;
mod ssh_public_keys;
mod tagging;
mod tags;
mod users;

#[cfg(test)]
mod tests;

use cloudlet_api_iam::*;
use cloudlet_engine::{Dialect, Quotes, ScopeRegion, Service};
use cloudlet_identity::Identity;
use std::sync::Arc;

pub struct Iam {
    identity: Identity,
}

/// The service, with its handlers.
pub fn service(identity: Identity) -> Service {
    let iam = Service::of(&SERVICE, Arc::new(Iam { identity })).dialect(Dialect {
        quotes: Quotes::Names,
        scope_region: ScopeRegion::MayBeEmpty,
        ..Dialect::QUERY
    });
    // Users and groups.
    let iam = iam.handles::<CreateUser>().handles::<GetUser>().handles::<ListUsers>().handles::<UpdateUser>().handles::<DeleteUser>();
    let iam = iam.handles::<CreateGroup>().handles::<GetGroup>().handles::<ListGroups>().handles::<UpdateGroup>().handles::<DeleteGroup>();
    let iam = iam.handles::<AddUserToGroup>().handles::<RemoveUserFromGroup>().handles::<ListGroupsForUser>();
    // Roles and instance profiles.
    let iam = iam.handles::<CreateRole>().handles::<GetRole>().handles::<ListRoles>().handles::<UpdateRole>().handles::<DeleteRole>();
    let iam = iam.handles::<UpdateRoleDescription>().handles::<UpdateAssumeRolePolicy>();
    let iam = iam.handles::<CreateInstanceProfile>().handles::<GetInstanceProfile>().handles::<ListInstanceProfiles>();
    let iam = iam.handles::<ListInstanceProfilesForRole>().handles::<DeleteInstanceProfile>();
    let iam = iam.handles::<AddRoleToInstanceProfile>().handles::<RemoveRoleFromInstanceProfile>();
    // Managed policies.
    let iam = iam.handles::<CreatePolicy>().handles::<GetPolicy>().handles::<ListPolicies>().handles::<DeletePolicy>();
    let iam = iam.handles::<CreatePolicyVersion>().handles::<GetPolicyVersion>().handles::<ListPolicyVersions>();
    let iam = iam.handles::<DeletePolicyVersion>().handles::<SetDefaultPolicyVersion>().handles::<ListEntitiesForPolicy>();
    // Inline and attached policies, and permissions boundaries.
    let iam = iam.handles::<PutUserPolicy>().handles::<GetUserPolicy>().handles::<DeleteUserPolicy>().handles::<ListUserPolicies>();
    let iam = iam.handles::<AttachUserPolicy>().handles::<DetachUserPolicy>().handles::<ListAttachedUserPolicies>();
    let iam = iam.handles::<PutGroupPolicy>().handles::<GetGroupPolicy>().handles::<DeleteGroupPolicy>().handles::<ListGroupPolicies>();
    let iam = iam.handles::<AttachGroupPolicy>().handles::<DetachGroupPolicy>().handles::<ListAttachedGroupPolicies>();
    let iam = iam.handles::<PutRolePolicy>().handles::<GetRolePolicy>().handles::<DeleteRolePolicy>().handles::<ListRolePolicies>();
    let iam = iam.handles::<AttachRolePolicy>().handles::<DetachRolePolicy>().handles::<ListAttachedRolePolicies>();
    let iam = iam.handles::<PutUserPermissionsBoundary>().handles::<DeleteUserPermissionsBoundary>();
    let iam = iam.handles::<PutRolePermissionsBoundary>().handles::<DeleteRolePermissionsBoundary>();
    // Credentials.
    let iam = iam.handles::<CreateAccessKey>().handles::<ListAccessKeys>().handles::<UpdateAccessKey>().handles::<DeleteAccessKey>();
    let iam = iam.handles::<GetAccessKeyLastUsed>();
    let iam = iam.handles::<CreateLoginProfile>().handles::<GetLoginProfile>().handles::<UpdateLoginProfile>().handles::<DeleteLoginProfile>();
    let iam = iam.handles::<ChangePassword>().handles::<UpdateAccountPasswordPolicy>().handles::<GetAccountPasswordPolicy>();
    let iam = iam.handles::<DeleteAccountPasswordPolicy>();
    let iam = iam.handles::<CreateVirtualMFADevice>().handles::<DeleteVirtualMFADevice>().handles::<ListVirtualMFADevices>();
    let iam = iam.handles::<EnableMFADevice>().handles::<DeactivateMFADevice>().handles::<ResyncMFADevice>();
    let iam = iam.handles::<ListMFADevices>().handles::<GetMFADevice>();
    let iam = iam.handles::<UploadSSHPublicKey>().handles::<GetSSHPublicKey>().handles::<ListSSHPublicKeys>();
    let iam = iam.handles::<UpdateSSHPublicKey>().handles::<DeleteSSHPublicKey>();
    let iam = iam.handles::<UploadSigningCertificate>().handles::<ListSigningCertificates>();
    let iam = iam.handles::<UpdateSigningCertificate>().handles::<DeleteSigningCertificate>();
    let iam = iam.handles::<CreateServiceSpecificCredential>().handles::<ListServiceSpecificCredentials>();
    let iam = iam.handles::<UpdateServiceSpecificCredential>().handles::<ResetServiceSpecificCredential>();
    let iam = iam.handles::<DeleteServiceSpecificCredential>();
    let iam = iam.handles::<UploadServerCertificate>().handles::<GetServerCertificate>().handles::<ListServerCertificates>();
    let iam = iam.handles::<UpdateServerCertificate>().handles::<DeleteServerCertificate>();
    // Service-linked roles.
    let iam = iam.handles::<CreateServiceLinkedRole>().handles::<DeleteServiceLinkedRole>().handles::<GetServiceLinkedRoleDeletionStatus>();
    // Identity providers.
    let iam = iam.handles::<CreateOpenIDConnectProvider>().handles::<GetOpenIDConnectProvider>().handles::<ListOpenIDConnectProviders>();
    let iam = iam.handles::<DeleteOpenIDConnectProvider>().handles::<UpdateOpenIDConnectProviderThumbprint>();
    let iam = iam.handles::<AddClientIDToOpenIDConnectProvider>().handles::<RemoveClientIDFromOpenIDConnectProvider>();
    let iam = iam.handles::<CreateSAMLProvider>().handles::<GetSAMLProvider>().handles::<ListSAMLProviders>();
    let iam = iam.handles::<UpdateSAMLProvider>().handles::<DeleteSAMLProvider>();
    // The account.
    let iam = iam.handles::<CreateAccountAlias>().handles::<ListAccountAliases>().handles::<DeleteAccountAlias>();
    let iam = iam.handles::<GetAccountSummary>().handles::<GetAccountAuthorizationDetails>().handles::<SetSecurityTokenServicePreferences>();
    let iam = iam.handles::<GetAccountProperties>().handles::<PutAccountProperties>();
    let iam = iam.handles::<GenerateCredentialReport>().handles::<GetCredentialReport>();
    let iam = iam.handles::<EnableOutboundWebIdentityFederation>().handles::<DisableOutboundWebIdentityFederation>();
    let iam = iam.handles::<GetOutboundWebIdentityFederationInfo>();
    let iam = iam.handles::<EnableOrganizationsRootCredentialsManagement>().handles::<DisableOrganizationsRootCredentialsManagement>();
    let iam = iam.handles::<EnableOrganizationsRootSessions>().handles::<DisableOrganizationsRootSessions>().handles::<ListOrganizationsFeatures>();
    // Simulation.
    let iam = iam.handles::<SimulateCustomPolicy>().handles::<SimulatePrincipalPolicy>();
    let iam = iam.handles::<GetContextKeysForCustomPolicy>().handles::<GetContextKeysForPrincipalPolicy>();
    // Access reports.
    let iam = iam.handles::<ListPoliciesGrantingServiceAccess>();
    let iam = iam.handles::<GenerateServiceLastAccessedDetails>().handles::<GetServiceLastAccessedDetails>();
    let iam = iam.handles::<GetServiceLastAccessedDetailsWithEntities>();
    let iam = iam.handles::<GenerateOrganizationsAccessReport>().handles::<GetOrganizationsAccessReport>();
    // Delegation requests.
    let iam = iam.handles::<CreateDelegationRequest>().handles::<GetDelegationRequest>().handles::<ListDelegationRequests>();
    let iam = iam.handles::<AssociateDelegationRequest>().handles::<UpdateDelegationRequest>().handles::<AcceptDelegationRequest>();
    let iam = iam.handles::<RejectDelegationRequest>().handles::<SendDelegationToken>().handles::<GetHumanReadableSummary>();
    let iam = iam.handles::<delegations::ExpireDelegation>();
    // Tags.
    let iam = iam.handles::<TagUser>().handles::<UntagUser>().handles::<ListUserTags>();
    let iam = iam.handles::<TagRole>().handles::<UntagRole>().handles::<ListRoleTags>();
    let iam = iam.handles::<TagInstanceProfile>().handles::<UntagInstanceProfile>().handles::<ListInstanceProfileTags>();
    let iam = iam.handles::<TagPolicy>().handles::<UntagPolicy>().handles::<ListPolicyTags>();
    let iam = iam.handles::<TagOpenIDConnectProvider>().handles::<UntagOpenIDConnectProvider>().handles::<ListOpenIDConnectProviderTags>();
    let iam = iam.handles::<TagSAMLProvider>().handles::<UntagSAMLProvider>().handles::<ListSAMLProviderTags>();
    let iam = iam.handles::<TagServerCertificate>().handles::<UntagServerCertificate>().handles::<ListServerCertificateTags>();
    let iam = iam.handles::<TagMFADevice>().handles::<UntagMFADevice>().handles::<ListMFADeviceTags>();
    iam.build()
}
