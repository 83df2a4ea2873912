//! Tags of everything that can have them: their rules, and the operations that add, remove and list them.

use crate::{
    Iam,
    faults::{gone, invalid, limit, no_policy, no_profile, the},
    limits,
    operation::operation,
    paging::page,
    shown::listed,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{State, Tags, state::Of};
use cloudlet_shape::Empty;

/// Tags as they come with a new thing.
pub(crate) fn new_tags(tags: Option<&[Tag]>) -> Result<Tags, Fault> {
    let mut out = Tags::new();
    add(&mut out, tags.unwrap_or_default())?;
    Ok(out)
}

/// Keys are compared without case, and kept with it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules>
fn add(tags: &mut Tags, new: &[Tag]) -> Result<(), Fault> {
    if new.len() > limits::TAGS {
        return Err(invalid(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
        ));
    }
    for (at, tag) in new.iter().enumerate() {
        if tag.key.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("aws:")) {
            return Err(invalid("Tag keys starting with 'aws:' are reserved for internal use by AWS and can not be modified."));
        }
        if new.iter().take(at).any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(crate::faults::bad_input("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        match tags.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(&tag.key)) {
            Some(known) => *known = (tag.key.as_str().into(), tag.value.as_str().into()),
            None => tags.push((tag.key.as_str().into(), tag.value.as_str().into())),
        }
    }
    if tags.len() > limits::TAGS {
        return Err(limit("The number of tags has reached the maximum limit."));
    }
    Ok(())
}

fn remove(tags: &mut Tags, keys: &[String]) {
    tags.retain(|(key, _)| !keys.iter().any(|gone| gone.eq_ignore_ascii_case(key)));
}

/// Whose tags are meant.
enum Bearer<'a> {
    User(&'a str),
    Role(&'a str),
    Profile(&'a str),
    Policy(&'a str),
    Oidc(&'a str),
    Saml(&'a str),
    Certificate(&'a str),
    Mfa(&'a str),
}

impl Bearer<'_> {
    fn tags<'s>(&self, state: &'s mut State, account: Account) -> Result<&'s mut Tags, Fault> {
        match *self {
            Bearer::User(name) => {
                state.user(account, name).ok_or_else(the("user", name))?;
                state.users.get_mut(&Of::new(account, name)).map(|user| &mut user.tags).ok_or_else(the("user", name))
            }
            Bearer::Role(name) => {
                state.role(account, name).ok_or_else(the("role", name))?;
                state.roles.get_mut(&Of::new(account, name)).map(|role| &mut role.tags).ok_or_else(the("role", name))
            }
            Bearer::Profile(name) => state.profiles.get_mut(&Of::new(account, name)).map(|row| &mut row.tags).ok_or_else(no_profile(name)),
            Bearer::Policy(arn) => {
                let name = state.policy_by_arn(arn).filter(|(owner, _)| *owner == account).map(|(_, policy)| policy.name.clone());
                let name = name.ok_or_else(no_policy(arn))?;
                state.policies.get_mut(&Of::new(account, &name)).map(|row| &mut row.tags).ok_or_else(no_policy(arn))
            }
            Bearer::Oidc(arn) => {
                let key = crate::providers::oidc_key(arn, account);
                state.oidc_providers.get_mut(&key).map(|row| &mut row.tags).ok_or_else(crate::providers::no_oidc(arn))
            }
            Bearer::Saml(arn) => {
                let key = crate::providers::saml_key(arn, account);
                state.saml_providers.get_mut(&key).map(|row| &mut row.tags).ok_or_else(crate::providers::no_saml(arn))
            }
            Bearer::Certificate(name) => {
                state.server_certificates.get_mut(&Of::new(account, name)).map(|row| &mut row.tags).ok_or_else(the("Server Certificate", name))
            }
            Bearer::Mfa(serial) => state
                .mfa_devices
                .get_mut(serial)
                .filter(|device| device.account == account)
                .map(|device| &mut device.tags)
                .ok_or_else(|| gone(format!("VirtualMFADevice with serial number {serial} doesn't exist."))),
        }
    }
}

impl Bearer<'_> {
    /// The same, only to look.
    fn look<'s>(&self, state: &'s State, account: Account) -> Result<&'s Tags, Fault> {
        match *self {
            Bearer::User(name) => state.user(account, name).map(|row| &row.tags).ok_or_else(the("user", name)),
            Bearer::Role(name) => state.role(account, name).map(|row| &row.tags).ok_or_else(the("role", name)),
            Bearer::Profile(name) => state.profiles.get(&Of::new(account, name)).map(|row| &row.tags).ok_or_else(no_profile(name)),
            Bearer::Policy(arn) => state.policy_by_arn(arn).map(|(_, row)| &row.tags).ok_or_else(no_policy(arn)),
            Bearer::Oidc(arn) => {
                let key = crate::providers::oidc_key(arn, account);
                state.oidc_providers.get(&key).map(|row| &row.tags).ok_or_else(crate::providers::no_oidc(arn))
            }
            Bearer::Saml(arn) => {
                let key = crate::providers::saml_key(arn, account);
                state.saml_providers.get(&key).map(|row| &row.tags).ok_or_else(crate::providers::no_saml(arn))
            }
            Bearer::Certificate(name) => {
                state.server_certificates.get(&Of::new(account, name)).map(|row| &row.tags).ok_or_else(the("Server Certificate", name))
            }
            Bearer::Mfa(serial) => state
                .mfa_devices
                .get(serial)
                .filter(|device| device.account == account)
                .map(|device| &device.tags)
                .ok_or_else(|| gone(format!("VirtualMFADevice with serial number {serial} doesn't exist."))),
        }
    }
}

impl Iam {
    fn tag(&self, cx: &Cx, bearer: &Bearer<'_>, new: &[Tag]) -> Result<Empty, Fault> {
        self.identity.write(|state| {
            let tags = bearer.tags(state, cx.scope.account)?;
            add(tags, new)?;
            Ok(Empty {})
        })
    }

    fn untag(&self, cx: &Cx, bearer: &Bearer<'_>, keys: &[String]) -> Result<Empty, Fault> {
        self.identity.write(|state| {
            remove(bearer.tags(state, cx.scope.account)?, keys);
            Ok(Empty {})
        })
    }

    fn tags_of(&self, cx: &Cx, bearer: &Bearer<'_>) -> Result<Vec<Tag>, Fault> {
        self.identity.read(|state| bearer.look(state, cx.scope.account).map(listed))
    }
}

macro_rules! tagging {
    ($kind:ident, $want:ident, $member:ident: $tag:ident $untag:ident $list:ident $response:ident) => {
        operation!($tag, |iam, cx, input| iam.$want(cx, &input.$member).requests(Some(&input.tags)), |iam, cx, input| iam.tag(
            cx,
            &Bearer::$kind(&input.$member),
            &input.tags
        ));
        operation!($untag, |iam, cx, input| iam.$want(cx, &input.$member).untags(&input.tag_keys), |iam, cx, input| iam.untag(
            cx,
            &Bearer::$kind(&input.$member),
            &input.tag_keys
        ));
        operation!($list, |iam, cx, input| iam.$want(cx, &input.$member), |iam, cx, input| {
            let tags = iam.tags_of(cx, &Bearer::$kind(&input.$member))?;
            let page = page(tags.into_iter(), input.marker.as_deref(), input.max_items)?;
            Ok($response { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
        });
    };
}

tagging!(User, want_user, user_name: TagUser UntagUser ListUserTags ListUserTagsResponse);
tagging!(Role, want_role, role_name: TagRole UntagRole ListRoleTags ListRoleTagsResponse);
tagging!(Profile, want_profile, instance_profile_name: TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags ListInstanceProfileTagsResponse);
tagging!(Policy, want_policy, policy_arn: TagPolicy UntagPolicy ListPolicyTags ListPolicyTagsResponse);
tagging!(Oidc, want_arn, open_id_connect_provider_arn: TagOpenIDConnectProvider UntagOpenIDConnectProvider ListOpenIDConnectProviderTags ListOpenIDConnectProviderTagsResponse);
tagging!(Saml, want_arn, saml_provider_arn: TagSAMLProvider UntagSAMLProvider ListSAMLProviderTags ListSAMLProviderTagsResponse);
tagging!(Certificate, want_certificate, server_certificate_name: TagServerCertificate UntagServerCertificate ListServerCertificateTags ListServerCertificateTagsResponse);
tagging!(Mfa, want_arn, serial_number: TagMFADevice UntagMFADevice ListMFADeviceTags ListMFADeviceTagsResponse);
