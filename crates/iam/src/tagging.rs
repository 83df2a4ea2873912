//! The operations that tag, untag and list the tags of each kind of resource.

use crate::{
    Iam,
    faults::{no_mfa_device, no_oidc_provider, no_policy, no_profile, no_saml_provider, no_such_entity},
    operation::operation,
    output::listed,
    paging::page,
    policies::check_not_aws_managed,
    providers::{oidc_key, saml_key},
    tags::{add, remove},
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{State, Tags, state::EntityKey};
use cloudlet_shape::Empty;
use std::collections::BTreeMap;

enum TaggedResource<'a> {
    User(&'a str),
    Role(&'a str),
    Profile(&'a str),
    Policy(&'a str),
    Oidc(&'a str),
    Saml(&'a str),
    Certificate(&'a str),
    Mfa(&'a str),
}

impl TaggedResource<'_> {
    fn tags_mut<'s>(&self, state: &'s mut State, account: Account) -> Result<&'s mut Tags, Fault> {
        match *self {
            TaggedResource::User(name) => {
                state.user(account, name).ok_or_else(no_such_entity("user", name))?;
                state.users.get_mut(&EntityKey::new(account, name)).map(|user| &mut user.tags).ok_or_else(no_such_entity("user", name))
            }
            TaggedResource::Role(name) => {
                state.role(account, name).ok_or_else(no_such_entity("role", name))?;
                state.roles.get_mut(&EntityKey::new(account, name)).map(|role| &mut role.tags).ok_or_else(no_such_entity("role", name))
            }
            TaggedResource::Profile(name) => {
                state.instance_profile(account, name).ok_or_else(no_profile(name))?;
                state.instance_profiles.get_mut(&EntityKey::new(account, name)).map(|row| &mut row.tags).ok_or_else(no_profile(name))
            }
            TaggedResource::Policy(arn) => {
                check_not_aws_managed(arn)?;
                let name = state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| policy.name.clone());
                let name = name.ok_or_else(no_policy(arn))?;
                state.policies.get_mut(&EntityKey::new(account, &name)).map(|row| &mut row.tags).ok_or_else(no_policy(arn))
            }
            TaggedResource::Oidc(arn) => {
                let key = oidc_key(arn, account);
                state.oidc_providers.get_mut(&key).map(|row| &mut row.tags).ok_or_else(no_oidc_provider(arn))
            }
            TaggedResource::Saml(arn) => {
                let key = saml_key(arn, account);
                state.saml_providers.get_mut(&key).map(|row| &mut row.tags).ok_or_else(no_saml_provider(arn))
            }
            TaggedResource::Certificate(name) => {
                let missing = || no_such_entity("Server Certificate", name);
                state.server_certificate(account, name).ok_or_else(missing())?;
                state.server_certificates.get_mut(&EntityKey::new(account, name)).map(|row| &mut row.tags).ok_or_else(missing())
            }
            TaggedResource::Mfa(serial) => state
                .mfa_devices
                .get_mut(serial)
                .filter(|device| device.account == account)
                .map(|device| &mut device.tags)
                .ok_or_else(no_mfa_device(serial)),
        }
    }
}

impl TaggedResource<'_> {
    fn tags<'s>(&self, state: &'s State, account: Account) -> Result<&'s Tags, Fault> {
        match *self {
            TaggedResource::User(name) => state.user(account, name).map(|row| &row.tags).ok_or_else(no_such_entity("user", name)),
            TaggedResource::Role(name) => state.role(account, name).map(|row| &row.tags).ok_or_else(no_such_entity("role", name)),
            TaggedResource::Profile(name) => state.instance_profile(account, name).map(|row| &row.tags).ok_or_else(no_profile(name)),
            TaggedResource::Policy(arn) => state.policy_by_arn(arn).map(|(_, row)| &row.tags).ok_or_else(no_policy(arn)),
            TaggedResource::Oidc(arn) => {
                let key = oidc_key(arn, account);
                state.oidc_providers.get(&key).map(|row| &row.tags).ok_or_else(no_oidc_provider(arn))
            }
            TaggedResource::Saml(arn) => {
                let key = saml_key(arn, account);
                state.saml_providers.get(&key).map(|row| &row.tags).ok_or_else(no_saml_provider(arn))
            }
            TaggedResource::Certificate(name) => {
                state.server_certificate(account, name).map(|row| &row.tags).ok_or_else(no_such_entity("Server Certificate", name))
            }
            TaggedResource::Mfa(serial) => {
                state.mfa_devices.get(serial).filter(|device| device.account == account).map(|device| &device.tags).ok_or_else(no_mfa_device(serial))
            }
        }
    }
}

impl Iam {
    fn tag(&self, cx: &Cx, resource: &TaggedResource<'_>, new: &[Tag]) -> Result<Empty, Fault> {
        self.identity.write(|state| {
            let tags = resource.tags_mut(state, cx.scope.account)?;
            add(tags, new)?;
            Ok(Empty {})
        })
    }

    fn untag(&self, cx: &Cx, resource: &TaggedResource<'_>, keys: &[String]) -> Result<Empty, Fault> {
        self.identity.write(|state| {
            remove(resource.tags_mut(state, cx.scope.account)?, keys);
            Ok(Empty {})
        })
    }

    /// By key: "The returned list of tags is sorted by tag key."
    fn tags_of(&self, cx: &Cx, resource: &TaggedResource<'_>) -> Result<BTreeMap<String, Tag>, Fault> {
        self.identity.read(|state| {
            let tags = listed(resource.tags(state, cx.scope.account)?);
            Ok(tags.into_iter().map(|tag| (tag.key.clone(), tag)).collect())
        })
    }
}

macro_rules! tagging {
    ($kind:ident, $permission:ident, $member:ident: $tag:ident $untag:ident $list:ident $response:ident) => {
        operation!($tag, |iam, cx, input| iam.$permission(cx, &input.$member).with_request_tags(Some(&input.tags)), |iam, cx, input| iam.tag(
            cx,
            &TaggedResource::$kind(&input.$member),
            &input.tags
        ));
        operation!($untag, |iam, cx, input| iam.$permission(cx, &input.$member).with_tag_keys(&input.tag_keys), |iam, cx, input| iam.untag(
            cx,
            &TaggedResource::$kind(&input.$member),
            &input.tag_keys
        ));
        operation!($list, |iam, cx, input| iam.$permission(cx, &input.$member), |iam, cx, input| {
            let tags = iam.tags_of(cx, &TaggedResource::$kind(&input.$member))?;
            let page = page::<$list, _, _>(cx, &input, tags)?;
            Ok($response { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
        });
    };
}

tagging!(User, on_user, user_name: TagUser UntagUser ListUserTags ListUserTagsResponse);
tagging!(Role, on_role, role_name: TagRole UntagRole ListRoleTags ListRoleTagsResponse);
tagging!(Profile, on_instance_profile, instance_profile_name: TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags ListInstanceProfileTagsResponse);
tagging!(Policy, on_policy, policy_arn: TagPolicy UntagPolicy ListPolicyTags ListPolicyTagsResponse);
tagging!(Oidc, on_arn, open_id_connect_provider_arn: TagOpenIDConnectProvider UntagOpenIDConnectProvider ListOpenIDConnectProviderTags ListOpenIDConnectProviderTagsResponse);
tagging!(Saml, on_arn, saml_provider_arn: TagSAMLProvider UntagSAMLProvider ListSAMLProviderTags ListSAMLProviderTagsResponse);
tagging!(Certificate, on_server_certificate, server_certificate_name: TagServerCertificate UntagServerCertificate ListServerCertificateTags ListServerCertificateTagsResponse);
tagging!(Mfa, on_arn, serial_number: TagMFADevice UntagMFADevice ListMFADeviceTags ListMFADeviceTagsResponse);
