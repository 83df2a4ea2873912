//! Centralized root access: management of the root users of member accounts.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management>

use crate::operation::{RequiredPermission, operation};
use cloudlet_api_iam::{
    faults::{ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR, ORGANIZATION_NOT_FOUND},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{State, organization::Organization};

fn organization_mut(state: &mut State, account: Account) -> Result<&mut Organization, Fault> {
    let organization = state.organization.get_mut(&());
    let organization = organization.ok_or_else(|| ORGANIZATION_NOT_FOUND.says("Your account is not a member of an organization."))?;
    if organization.management != account {
        return Err(ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR.says("The caller is not the management account or a delegated administrator."));
    }
    Ok(organization)
}

enum Change {
    Enable,
    Disable,
}

fn change_feature(organization: &mut Organization, name: &str, change: &Change) -> (Option<String>, Option<Vec<String>>) {
    organization.enabled_features.retain(|known| known != name);
    if matches!(change, Change::Enable) {
        organization.enabled_features.push(name.to_owned());
    }
    (Some(organization.id.clone()), Some(organization.enabled_features.clone()))
}

macro_rules! change_feature {
    ($operation:ident -> $response:ident, $name:literal, $change:expr) => {
        operation!($operation, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(|state| {
            let (organization_id, enabled_features) = change_feature(organization_mut(state, cx.scope.account)?, $name, &$change);
            Ok($response { organization_id, enabled_features })
        }));
    };
}

change_feature!(EnableOrganizationsRootCredentialsManagement -> EnableOrganizationsRootCredentialsManagementResponse, "RootCredentialsManagement", Change::Enable);
change_feature!(DisableOrganizationsRootCredentialsManagement -> DisableOrganizationsRootCredentialsManagementResponse, "RootCredentialsManagement", Change::Disable);
change_feature!(EnableOrganizationsRootSessions -> EnableOrganizationsRootSessionsResponse, "RootSessions", Change::Enable);
change_feature!(DisableOrganizationsRootSessions -> DisableOrganizationsRootSessionsResponse, "RootSessions", Change::Disable);

operation!(ListOrganizationsFeatures, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let organization = state.organization.get(&()).ok_or_else(|| ORGANIZATION_NOT_FOUND.says("Your account is not a member of an organization."))?;
    if organization.management != cx.scope.account {
        return Err(ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR.says("The caller is not the management account or a delegated administrator."));
    }
    Ok(ListOrganizationsFeaturesResponse {
        organization_id: Some(organization.id.clone()),
        enabled_features: Some(organization.enabled_features.clone()),
    })
}));
