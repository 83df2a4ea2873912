//! What agents call and the models of the SDKs do not have, as the SDK in the agent has it.

pub use own::*;

use cloudlet_aws::Timestamp;
use cloudlet_engine::{EndpointAnswer, EndpointRequest};
use cloudlet_shape::{Empty, OperationSchema, Shape};

#[derive(Shape, Clone, Default)]
pub struct RequestManagedInstanceRoleTokenRequest {
    pub fingerprint: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct RequestManagedInstanceRoleTokenResult {
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub session_token: Option<String>,
    pub token_expiration_date: Option<Timestamp>,
    pub update_key_pair: Option<bool>,
}

#[derive(Shape, Clone, Default)]
pub struct UpdateManagedInstancePublicKeyRequest {
    pub new_public_key: String,
    pub new_public_key_type: String,
}

#[derive(Shape, Clone, Default)]
pub struct UpdateInstanceInformationRequest {
    pub instance_id: String,
    pub agent_name: Option<String>,
    pub agent_status: Option<String>,
    pub agent_version: Option<String>,
    pub computer_name: Option<String>,
    #[shape(wire = "IPAddress")]
    pub ip_address: Option<String>,
    pub platform_name: Option<String>,
    pub platform_type: Option<String>,
    pub platform_version: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct ListInstanceAssociationsRequest {
    pub instance_id: String,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct ListInstanceAssociationsResult {
    pub associations: Option<Vec<cloudlet_api_ssm::InstanceAssociation>>,
    pub next_token: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct UpdateInstanceAssociationStatusRequest {
    pub association_id: String,
    pub instance_id: String,
}

/// The channel that is opened, by the id of its node or session.
#[derive(Shape, Clone, Default)]
pub struct ChannelInput {
    pub channel: String,
}

mod own {
    use super::*;
    use cloudlet_shape::{Access, operations};

    const fn access(action: &'static str) -> Access {
        Access { action, resources: &[], keys: &[] }
    }
    const ROLE_TOKEN: Access = access("ssm:RequestManagedInstanceRoleToken");
    const PUBLIC_KEY: Access = access("ssm:UpdateManagedInstancePublicKey");
    const INFORMATION: Access = access("ssm:UpdateInstanceInformation");
    const ASSOCIATIONS: Access = access("ssm:ListInstanceAssociations");
    const ASSOCIATION_STATUS: Access = access("ssm:UpdateInstanceAssociationStatus");
    const CREATE_CONTROL: Access = access("ssmmessages:CreateControlChannel");
    const OPEN_CONTROL: Access = access("ssmmessages:OpenControlChannel");
    const CREATE_DATA: Access = access("ssmmessages:CreateDataChannel");
    const OPEN_DATA: Access = access("ssmmessages:OpenDataChannel");

    operations! { cloudlet_api_ssm::SERVICE;
        RequestManagedInstanceRoleToken(RequestManagedInstanceRoleTokenRequest) -> RequestManagedInstanceRoleTokenResult {
            access: &[ROLE_TOKEN],
        }
        UpdateManagedInstancePublicKey(UpdateManagedInstancePublicKeyRequest) -> Empty {
            access: &[PUBLIC_KEY],
        }
        UpdateInstanceInformation(UpdateInstanceInformationRequest) -> Empty {
            access: &[INFORMATION],
        }
        ListInstanceAssociations(ListInstanceAssociationsRequest) -> ListInstanceAssociationsResult {
            access: &[ASSOCIATIONS],
        }
        UpdateInstanceAssociationStatus(UpdateInstanceAssociationStatusRequest) -> Empty {
            access: &[ASSOCIATION_STATUS],
        }
        CreateControlChannel(EndpointRequest) -> EndpointAnswer {
            access: &[CREATE_CONTROL],
        }
        OpenControlChannel(ChannelInput) -> Empty {
            access: &[OPEN_CONTROL],
        }
        CreateDataChannel(EndpointRequest) -> EndpointAnswer {
            access: &[CREATE_DATA],
        }
        OpenDataChannel(ChannelInput) -> Empty {
            access: &[OPEN_DATA],
        }
    }
}

/// Those that agents call by name. The others are paths.
pub static SCHEMAS: [&OperationSchema; 5] = [
    <RequestManagedInstanceRoleToken as cloudlet_shape::Operation>::SCHEMA,
    <UpdateManagedInstancePublicKey as cloudlet_shape::Operation>::SCHEMA,
    <UpdateInstanceInformation as cloudlet_shape::Operation>::SCHEMA,
    <ListInstanceAssociations as cloudlet_shape::Operation>::SCHEMA,
    <UpdateInstanceAssociationStatus as cloudlet_shape::Operation>::SCHEMA,
];
