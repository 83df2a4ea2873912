//! The account: alias, summary, preferences, authorization details.

use crate::{
    Iam,
    faults::{already_exists, no_such},
    identity_policies::shown_attached,
    limits,
    operation::{RequiredPermission, operation},
    output::{Detail, boundary, encoded, policy_usage, tags},
    paging::{named_rows, page},
};
use cloudlet_api_iam::{
    faults::{FEATURE_DISABLED, FEATURE_ENABLED},
    *,
};
use cloudlet_aws::Account;
use cloudlet_engine::Cx;
use cloudlet_identity::{
    State, catalogue, outbound,
    state::{self, AccessKeyOwner, AccountSettings, IdentityPolicies, rows_of_account},
};
use cloudlet_shape::{Empty, Map};

impl Iam {
    pub(crate) fn account_settings_mut(state: &mut State, account: Account) -> &mut AccountSettings {
        state.account_settings.get_or_insert_with(account, AccountSettings::default)
    }
}

operation!(CreateAccountAlias, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    let alias = input.account_alias;
    let taken = state.account_settings.iter().any(|(other, settings)| *other != account && settings.alias.as_ref() == Some(&alias));
    if taken {
        return Err(already_exists(format!("The account alias {alias} already exists.")));
    }
    Iam::account_settings_mut(state, account).alias = Some(alias);
    Ok(Empty {})
}));

operation!(ListAccountAliases, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let alias = state.account_settings.get(&cx.scope.account).and_then(|settings| settings.alias.clone());
    Ok(ListAccountAliasesResponse { account_aliases: alias.into_iter().collect(), is_truncated: Some(false), marker: None })
}));

operation!(DeleteAccountAlias, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(|state| {
    let settings = Iam::account_settings_mut(state, cx.scope.account);
    if settings.alias.as_deref() != Some(&input.account_alias) {
        return Err(no_such(format!("The account alias {} cannot be found.", input.account_alias)));
    }
    settings.alias = None;
    Ok(Empty {})
}));

operation!(GetAccountSummary, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.read(|state| {
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let settings = state.account_settings.get(&account);
        let devices: Vec<_> = state.mfa_devices.values().filter(|device| device.account == account).collect();
        let root_keys = state.access_keys.values().any(|key| key.account == account && key.owner == AccessKeyOwner::Root);
        let versions: usize = rows_of_account(&state.policies, account).map(|policy| policy.versions.len()).sum();
        let providers = rows_of_account(&state.oidc_providers, account).count() + rows_of_account(&state.saml_providers, account).count();
        let pairs: [(&str, usize); 34] = [
            ("AccessKeysPerUserQuota", limits::ACCESS_KEYS),
            // The root key with which the server is started is not in the table.
            ("AccountAccessKeysPresent", usize::from(root_keys)),
            ("AccountMFAEnabled", usize::from(settings.is_some_and(|settings| !settings.root_mfa_devices.is_empty()))),
            ("AccountPasswordPresent", 1),
            ("AccountSigningCertificatesPresent", 0),
            ("AssumeRolePolicySizeQuota", limits::TRUST_POLICY),
            ("AttachedPoliciesPerGroupQuota", limits::ATTACHED),
            ("AttachedPoliciesPerRoleQuota", limits::ATTACHED),
            ("AttachedPoliciesPerUserQuota", limits::ATTACHED),
            (
                "GlobalEndpointTokenVersion",
                if settings.is_some_and(|settings| settings.global_endpoint_token_version.as_deref() == Some("v2Token")) { 2 } else { 1 },
            ),
            ("GroupPolicySizeQuota", limits::GROUP_INLINE),
            ("Groups", rows_of_account(&state.groups, account).count()),
            ("GroupsPerUserQuota", limits::GROUPS_PER_USER),
            ("GroupsQuota", limits::GROUPS),
            ("InstanceProfiles", rows_of_account(&state.instance_profiles, account).count()),
            ("InstanceProfilesQuota", limits::INSTANCE_PROFILES),
            ("MFADevices", devices.len()),
            ("MFADevicesInUse", devices.iter().filter(|device| device.owner.is_some()).count()),
            ("Policies", rows_of_account(&state.policies, account).count()),
            ("PoliciesQuota", limits::POLICIES),
            ("PolicySizeQuota", limits::MANAGED_POLICY),
            ("PolicyVersionsInUse", versions),
            ("PolicyVersionsInUseQuota", 10_000),
            ("Providers", providers),
            ("RolePolicySizeQuota", limits::ROLE_INLINE),
            ("Roles", rows_of_account(&state.roles, account).count()),
            ("RolesQuota", limits::ROLES),
            ("ServerCertificates", rows_of_account(&state.server_certificates, account).count()),
            ("ServerCertificatesQuota", limits::SERVER_CERTIFICATES),
            ("SigningCertificatesPerUserQuota", limits::SIGNING_CERTIFICATES),
            ("UserPolicySizeQuota", limits::USER_INLINE),
            ("Users", rows_of_account(&state.users, account).count()),
            ("UsersQuota", limits::USERS),
            ("VersionsPerPolicyQuota", limits::VERSIONS),
        ];
        let summary: Map<i32> = pairs.into_iter().map(|(name, n)| (name.to_owned(), number(n))).collect();
        Ok(GetAccountSummaryResponse { summary_map: Some(summary) })
    })
});

operation!(SetSecurityTokenServicePreferences, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(
    |state| {
        Iam::account_settings_mut(state, cx.scope.account).global_endpoint_token_version = Some(input.global_endpoint_token_version);
        Ok(Empty {})
    }
));

operation!(GetAccountProperties, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let properties = state.account_settings.get(&cx.scope.account).map(|settings| settings.properties.clone()).unwrap_or_default();
    Ok(GetAccountPropertiesResponse { properties: Some(properties) })
}));

operation!(PutAccountProperties, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(|state| {
    Iam::account_settings_mut(state, cx.scope.account).properties.extend(input.properties);
    Ok(PutAccountPropertiesResponse {})
}));

operation!(EnableOutboundWebIdentityFederation, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(
    |state| {
        let settings = Iam::account_settings_mut(state, cx.scope.account);
        if std::mem::replace(&mut settings.outbound_web_identity_federation, true) {
            return Err(FEATURE_ENABLED.says("Outbound web identity federation is already enabled for this account."));
        }
        Ok(EnableOutboundWebIdentityFederationResponse { issuer_identifier: Some(outbound::issuer(cx.scope.account)) })
    }
));

operation!(DisableOutboundWebIdentityFederation, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(
    |state| {
        let settings = Iam::account_settings_mut(state, cx.scope.account);
        if !std::mem::replace(&mut settings.outbound_web_identity_federation, false) {
            return Err(FEATURE_DISABLED.says("Outbound web identity federation is not enabled for this account."));
        }
        Ok(Empty {})
    }
));

operation!(GetOutboundWebIdentityFederationInfo, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(
    |state| {
        if !state.account_settings.get(&cx.scope.account).is_some_and(|settings| settings.outbound_web_identity_federation) {
            return Err(FEATURE_DISABLED.says("Outbound web identity federation is not enabled for this account."));
        }
        Ok(GetOutboundWebIdentityFederationInfoResponse {
            issuer_identifier: Some(outbound::issuer(cx.scope.account)),
            jwt_vending_enabled: Some(true),
        })
    }
));

fn inline(policies: &IdentityPolicies) -> Option<Vec<PolicyDetail>> {
    let shown = |(name, policy): (&String, &cloudlet_identity::StoredPolicy)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encoded(&policy.text)),
    };
    Some(policies.inline.iter().map(shown).collect::<Vec<_>>()).filter(|list| !list.is_empty())
}

fn attached(state: &State, policies: &IdentityPolicies) -> Option<Vec<AttachedPolicy>> {
    Some(policies.attached.iter().map(|arn| shown_attached(state, arn)).collect())
}

enum Entry<'a> {
    User(&'a state::User),
    Group(&'a state::Group),
    Role(&'a state::Role),
    Customer(&'a state::ManagedPolicy),
    Aws(&'static catalogue::AwsManagedPolicy),
}

operation!(GetAccountAuthorizationDetails, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    let account = cx.scope.account;
    let includes = |kind: &str| input.filter.as_ref().is_none_or(|kinds| kinds.is_empty() || kinds.iter().any(|one| one == kind));
    iam.identity.read(|state| {
        let usage = policy_usage(state, account);
        let partition = iam.identity.partition();
        let users = named_rows(&state.users, account).filter(|_| includes("User")).map(|(name, row)| ((0, name), Entry::User(row)));
        let groups = named_rows(&state.groups, account).filter(|_| includes("Group")).map(|(name, row)| ((1, name), Entry::Group(row)));
        let roles = named_rows(&state.roles, account).filter(|_| includes("Role")).map(|(name, row)| ((2, name), Entry::Role(row)));
        let customer =
            named_rows(&state.policies, account).filter(|_| includes("LocalManagedPolicy")).map(|(name, row)| ((3, name), Entry::Customer(row)));
        // AWS: only those AWS managed policies that are in use.
        let aws = catalogue::all()
            .filter(|policy| includes("AWSManagedPolicy") && usage.contains_key(policy.arn(partition).as_str()))
            .map(|row| ((4, row.name.clone()), Entry::Aws(row)));
        let page = page::<GetAccountAuthorizationDetails, _, _>(cx, &input, users.chain(groups).chain(roles).chain(customer).chain(aws))?;
        let (mut users, mut groups, mut roles, mut policies) = (vec![], vec![], vec![], vec![]);
        for entry in page.items {
            match entry {
                Entry::User(row) => users.push(iam.user_detail(state, cx, row)),
                Entry::Group(row) => groups.push(iam.group_detail(state, cx, row)),
                Entry::Role(row) => roles.push(iam.role_detail(state, cx, row)),
                Entry::Customer(row) => policies.push(iam.policy_detail(account, row, &usage)),
                Entry::Aws(row) => policies.push(iam.aws_policy_detail(row, &usage)),
            }
        }
        Ok(GetAccountAuthorizationDetailsResponse {
            user_detail_list: Some(users),
            group_detail_list: Some(groups),
            role_detail_list: Some(roles),
            policies: Some(policies),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    })
});

type UsageByArn<'a> = std::collections::HashMap<&'a str, crate::output::PolicyUsage>;

impl Iam {
    fn user_detail(&self, state: &State, cx: &Cx, row: &state::User) -> UserDetail {
        UserDetail {
            path: Some(row.path.clone()),
            user_name: Some(row.name.clone()),
            user_id: Some(row.id.to_string()),
            arn: Some(self.arn(cx.scope.account, "user", &row.path, &row.name).to_string()),
            create_date: Some(row.created),
            user_policy_list: inline(&row.policies),
            group_list: Some(row.groups.clone()),
            attached_managed_policies: attached(state, &row.policies),
            permissions_boundary: boundary(row.permissions_boundary.as_ref()),
            tags: tags(&row.tags),
        }
    }

    fn group_detail(&self, state: &State, cx: &Cx, row: &state::Group) -> GroupDetail {
        GroupDetail {
            path: Some(row.path.clone()),
            group_name: Some(row.name.clone()),
            group_id: Some(row.id.to_string()),
            arn: Some(self.arn(cx.scope.account, "group", &row.path, &row.name).to_string()),
            create_date: Some(row.created),
            group_policy_list: Some(inline(&row.policies).unwrap_or_default()),
            attached_managed_policies: attached(state, &row.policies),
        }
    }

    fn role_detail(&self, state: &State, cx: &Cx, row: &state::Role) -> RoleDetail {
        let account = cx.scope.account;
        let role = self.shown_role(account, row, Detail::Whole);
        let profiles = rows_of_account(&state.instance_profiles, account).filter(|profile| profile.role.as_deref() == Some(&row.name));
        RoleDetail {
            path: Some(role.path),
            role_name: Some(role.role_name),
            role_id: Some(role.role_id),
            arn: Some(role.arn),
            create_date: Some(role.create_date),
            assume_role_policy_document: role.assume_role_policy_document,
            instance_profile_list: Some(profiles.map(|profile| self.shown_profile(state, account, profile)).collect()),
            role_policy_list: Some(inline(&row.policies).unwrap_or_default()),
            attached_managed_policies: attached(state, &row.policies),
            permissions_boundary: role.permissions_boundary,
            tags: tags(&row.tags),
            role_last_used: role.role_last_used,
        }
    }

    fn policy_detail(&self, account: Account, row: &state::ManagedPolicy, usage: &UsageByArn<'_>) -> ManagedPolicyDetail {
        let arn = self.arn(account, "policy", &row.path, &row.name);
        let usage = usage.get(arn.as_str()).copied().unwrap_or_default();
        let versions = row.versions.iter().rev().map(|(number, version)| PolicyVersion {
            document: Some(encoded(&version.policy.text)),
            version_id: Some(format!("v{number}")),
            is_default_version: Some(*number == row.default_version),
            create_date: Some(version.created),
        });
        ManagedPolicyDetail { policy_version_list: Some(versions.collect()), ..detail_of(self.shown_policy(account, row, usage, Detail::Whole)) }
    }

    fn aws_policy_detail(&self, row: &'static catalogue::AwsManagedPolicy, usage: &UsageByArn<'_>) -> ManagedPolicyDetail {
        let usage = usage.get(row.arn(self.identity.partition()).as_str()).copied().unwrap_or_default();
        let version = PolicyVersion {
            document: Some(encoded(row.text())),
            version_id: Some(format!("v{}", row.version)),
            is_default_version: Some(true),
            create_date: Some(row.updated),
        };
        ManagedPolicyDetail { policy_version_list: Some(vec![version]), ..detail_of(self.shown_aws_policy(row, usage, Detail::Listed)) }
    }
}

fn detail_of(policy: Policy) -> ManagedPolicyDetail {
    ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: policy.description,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: None,
    }
}
