//! Central management of the root users of an organization's accounts: what IAM has of Organizations.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management>

use crate::operation::{Want, operation};
use cloudlet_api_iam::{
    faults::{ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR, ORGANIZATION_NOT_FOUND},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{State, organization::Organization};

fn managed(state: &mut State, account: Account) -> Result<&mut Organization, Fault> {
    let organization = state.organization.get_mut(&());
    let organization = organization.ok_or_else(|| ORGANIZATION_NOT_FOUND.says("Your account is not a member of an organization."))?;
    if organization.management != account {
        return Err(ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR.says("The caller is not the management account or a delegated administrator."));
    }
    Ok(organization)
}

enum Turn {
    On,
    Off,
}

fn feature(organization: &mut Organization, name: &str, turn: &Turn) -> (Option<String>, Option<Vec<String>>) {
    organization.features.retain(|known| known != name);
    if matches!(turn, Turn::On) {
        organization.features.push(name.to_owned());
    }
    (Some(organization.id.clone()), Some(organization.features.clone()))
}

macro_rules! feature {
    ($operation:ident -> $response:ident, $name:literal, $turn:expr) => {
        operation!($operation, |iam, cx, input| Want::anything(), |iam, cx, input| iam.identity.write(|state| {
            let (organization_id, enabled_features) = feature(managed(state, cx.scope.account)?, $name, &$turn);
            Ok($response { organization_id, enabled_features })
        }));
    };
}

feature!(EnableOrganizationsRootCredentialsManagement -> EnableOrganizationsRootCredentialsManagementResponse, "RootCredentialsManagement", Turn::On);
feature!(DisableOrganizationsRootCredentialsManagement -> DisableOrganizationsRootCredentialsManagementResponse, "RootCredentialsManagement", Turn::Off);
feature!(EnableOrganizationsRootSessions -> EnableOrganizationsRootSessionsResponse, "RootSessions", Turn::On);
feature!(DisableOrganizationsRootSessions -> DisableOrganizationsRootSessionsResponse, "RootSessions", Turn::Off);

operation!(ListOrganizationsFeatures, |iam, cx, input| Want::anything(), |iam, cx, input| iam.identity.read(|state| {
    let organization = state.organization.get(&()).ok_or_else(|| ORGANIZATION_NOT_FOUND.says("Your account is not a member of an organization."))?;
    if organization.management != cx.scope.account {
        return Err(ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR.says("The caller is not the management account or a delegated administrator."));
    }
    Ok(ListOrganizationsFeaturesResponse { organization_id: Some(organization.id.clone()), enabled_features: Some(organization.features.clone()) })
}));
