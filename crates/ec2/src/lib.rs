//! EC2's networking: VPCs with all that is in them, security groups, instances as records, and whether a packet would pass.
//!
//! Every kind of resource is a row with the same trait (`state::Resource`): its ids, filters and shape are in one file, and finding, describing,
//! tagging and paging are written once. There is no machine behind an instance and no packet on a wire.

mod access_scopes;
mod acls;
mod addresses;
mod admin_calls;
mod client_tokens;
mod describing;
mod dhcp_options;
mod endpoints;
mod engine;
mod faults;
mod filters;
mod flow_logs;
mod gateways;
mod graph;
mod group_references;
mod groups;
mod images;
mod insights;
mod instance_profiles;
mod instance_types;
mod instances;
mod interfaces;
mod launch_templates;
mod limits;
mod lookups;
mod nat_gateways;
mod peerings;
mod permissions;
mod prefix_lists;
mod reachability;
mod region;
mod regions;
mod route_tables;
mod rows;
mod rules;
mod security_groups;
mod state;
mod subnets;
mod tagging;
mod tags;
#[cfg(test)]
mod tests;
mod topology;
mod vpcs;
mod zones;

pub use engine::Ec2;

use cloudlet_api_ec2 as api;
use cloudlet_engine::Service;
use cloudlet_store::{Journal, Store};
use state::State;
use std::sync::Arc;

pub fn service(journal: &Journal) -> Service {
    let store = Arc::new(Store::new("ec2", journal, State::default()));
    let ec2 = Arc::new(Ec2 { store: store.clone() });
    Service::of(&api::SERVICE, ec2.clone())
        .store(store)
        .vpc_endpoints(ec2)
        .admin_calls(admin_calls::all())
        // acls
        .handles::<api::CreateNetworkAcl>()
        .handles::<api::DeleteNetworkAcl>()
        .handles::<api::CreateNetworkAclEntry>()
        .handles::<api::ReplaceNetworkAclEntry>()
        .handles::<api::DeleteNetworkAclEntry>()
        .handles::<api::ReplaceNetworkAclAssociation>()
        .handles::<api::DescribeNetworkAcls>()
        // addresses
        .handles::<api::AllocateAddress>()
        .handles::<api::ReleaseAddress>()
        .handles::<api::AssociateAddress>()
        .handles::<api::DisassociateAddress>()
        .handles::<api::DescribeAddresses>()
        .handles::<api::DescribeAddressesAttribute>()
        // describing
        .handles::<api::DescribeSubnets>()
        // dhcp options
        .handles::<api::CreateDhcpOptions>()
        .handles::<api::DeleteDhcpOptions>()
        .handles::<api::AssociateDhcpOptions>()
        .handles::<api::DescribeDhcpOptions>()
        // endpoints
        .handles::<api::CreateVpcEndpoint>()
        .handles::<api::DeleteVpcEndpoints>()
        .handles::<api::ModifyVpcEndpoint>()
        .handles::<api::DescribeVpcEndpointServices>()
        .handles::<api::DescribeVpcEndpoints>()
        // gateways
        .handles::<api::CreateInternetGateway>()
        .handles::<api::DeleteInternetGateway>()
        .handles::<api::AttachInternetGateway>()
        .handles::<api::DetachInternetGateway>()
        .handles::<api::CreateEgressOnlyInternetGateway>()
        .handles::<api::DeleteEgressOnlyInternetGateway>()
        .handles::<api::DescribeInternetGateways>()
        .handles::<api::DescribeEgressOnlyInternetGateways>()
        // group references
        .handles::<api::DescribeSecurityGroupReferences>()
        .handles::<api::DescribeStaleSecurityGroups>()
        .handles::<api::GetSecurityGroupsForVpc>()
        .handles::<api::AssociateSecurityGroupVpc>()
        .handles::<api::DisassociateSecurityGroupVpc>()
        .handles::<api::DescribeSecurityGroupVpcAssociations>()
        .handles::<api::ValidateSecurityGroupQuotasForInterface>()
        // groups
        .handles::<api::DescribeSecurityGroupRules>()
        // instance profiles
        .handles::<api::AssociateIamInstanceProfile>()
        .handles::<api::DisassociateIamInstanceProfile>()
        .handles::<api::ReplaceIamInstanceProfileAssociation>()
        .handles::<api::DescribeIamInstanceProfileAssociations>()
        // instances
        .handles::<api::RunInstances>()
        .handles::<api::DescribeInstances>()
        .handles::<api::DescribeInstanceStatus>()
        .handles::<api::StopInstances>()
        .handles::<api::StartInstances>()
        .handles::<api::RebootInstances>()
        .handles::<api::TerminateInstances>()
        .handles::<api::ModifyInstanceAttribute>()
        .handles::<api::DescribeInstanceAttribute>()
        .handles::<api::DescribeInstanceCreditSpecifications>()
        .handles::<api::ModifyInstanceCreditSpecification>()
        .handles::<api::DescribeVolumes>()
        // interfaces
        .handles::<api::CreateNetworkInterface>()
        .handles::<api::DeleteNetworkInterface>()
        .handles::<api::DescribeNetworkInterfaceAttribute>()
        .handles::<api::ModifyNetworkInterfaceAttribute>()
        .handles::<api::ResetNetworkInterfaceAttribute>()
        .handles::<api::AttachNetworkInterface>()
        .handles::<api::DetachNetworkInterface>()
        .handles::<api::AssignPrivateIpAddresses>()
        .handles::<api::UnassignPrivateIpAddresses>()
        .handles::<api::AssignIpv6Addresses>()
        .handles::<api::UnassignIpv6Addresses>()
        .handles::<api::DescribeNetworkInterfaces>()
        // nat gateways
        .handles::<api::CreateNatGateway>()
        .handles::<api::DeleteNatGateway>()
        .handles::<api::DescribeNatGateways>()
        // peerings
        .handles::<api::CreateVpcPeeringConnection>()
        .handles::<api::AcceptVpcPeeringConnection>()
        .handles::<api::RejectVpcPeeringConnection>()
        .handles::<api::DeleteVpcPeeringConnection>()
        .handles::<api::ModifyVpcPeeringConnectionOptions>()
        .handles::<api::DescribeVpcPeeringConnections>()
        // prefix lists
        .handles::<api::CreateManagedPrefixList>()
        .handles::<api::ModifyManagedPrefixList>()
        .handles::<api::RestoreManagedPrefixListVersion>()
        .handles::<api::DeleteManagedPrefixList>()
        .handles::<api::DescribeManagedPrefixLists>()
        .handles::<api::DescribePrefixLists>()
        .handles::<api::GetManagedPrefixListEntries>()
        .handles::<api::GetManagedPrefixListAssociations>()
        // regions
        .handles::<api::DescribeRegions>()
        .handles::<api::DescribeAvailabilityZones>()
        .handles::<api::DescribeAccountAttributes>()
        // route tables
        .handles::<api::CreateRouteTable>()
        .handles::<api::DeleteRouteTable>()
        .handles::<api::CreateRoute>()
        .handles::<api::ReplaceRoute>()
        .handles::<api::DeleteRoute>()
        .handles::<api::AssociateRouteTable>()
        .handles::<api::DisassociateRouteTable>()
        .handles::<api::ReplaceRouteTableAssociation>()
        .handles::<api::DescribeRouteTables>()
        // security groups
        .handles::<api::CreateSecurityGroup>()
        .handles::<api::DeleteSecurityGroup>()
        .handles::<api::DescribeSecurityGroups>()
        .handles::<api::ModifySecurityGroupRules>()
        .handles::<api::UpdateSecurityGroupRuleDescriptionsIngress>()
        .handles::<api::UpdateSecurityGroupRuleDescriptionsEgress>()
        .handles::<api::AuthorizeSecurityGroupIngress>()
        .handles::<api::AuthorizeSecurityGroupEgress>()
        .handles::<api::RevokeSecurityGroupIngress>()
        .handles::<api::RevokeSecurityGroupEgress>()
        // subnets
        .handles::<api::CreateSubnet>()
        .handles::<api::CreateDefaultSubnet>()
        .handles::<api::DeleteSubnet>()
        .handles::<api::ModifySubnetAttribute>()
        .handles::<api::AssociateSubnetCidrBlock>()
        .handles::<api::DisassociateSubnetCidrBlock>()
        .handles::<api::DescribeSubnets>()
        // tagging
        .handles::<api::CreateTags>()
        .handles::<api::DeleteTags>()
        .handles::<api::DescribeTags>()
        // vpcs
        .handles::<api::CreateVpc>()
        .handles::<api::CreateDefaultVpc>()
        .handles::<api::DeleteVpc>()
        .handles::<api::DescribeVpcAttribute>()
        .handles::<api::ModifyVpcAttribute>()
        .handles::<api::AssociateVpcCidrBlock>()
        .handles::<api::DisassociateVpcCidrBlock>()
        .handles::<api::DescribeVpcs>()
        // launch templates
        .handles::<api::CreateLaunchTemplate>()
        .handles::<api::CreateLaunchTemplateVersion>()
        .handles::<api::ModifyLaunchTemplate>()
        .handles::<api::DeleteLaunchTemplate>()
        .handles::<api::DeleteLaunchTemplateVersions>()
        .handles::<api::DescribeLaunchTemplates>()
        .handles::<api::DescribeLaunchTemplateVersions>()
        // flow logs
        .handles::<api::CreateFlowLogs>()
        .handles::<api::DeleteFlowLogs>()
        .handles::<api::DescribeFlowLogs>()
        // Network Insights
        .handles::<api::CreateNetworkInsightsPath>()
        .handles::<api::DeleteNetworkInsightsPath>()
        .handles::<api::DescribeNetworkInsightsPaths>()
        .handles::<api::StartNetworkInsightsAnalysis>()
        .handles::<api::DeleteNetworkInsightsAnalysis>()
        .handles::<api::DescribeNetworkInsightsAnalyses>()
        .handles::<api::CreateNetworkInsightsAccessScope>()
        .handles::<api::DeleteNetworkInsightsAccessScope>()
        .handles::<api::DescribeNetworkInsightsAccessScopes>()
        .handles::<api::GetNetworkInsightsAccessScopeContent>()
        .handles::<api::StartNetworkInsightsAccessScopeAnalysis>()
        .handles::<api::DeleteNetworkInsightsAccessScopeAnalysis>()
        .handles::<api::DescribeNetworkInsightsAccessScopeAnalyses>()
        .handles::<api::GetNetworkInsightsAccessScopeAnalysisFindings>()
        // what there is to run
        .handles::<api::DescribeImages>()
        .handles::<api::DescribeInstanceTypes>()
        // the admin API's own
        .handles::<reachability::Reach>()
        .handles::<reachability::PlayPackets>()
        .handles::<reachability::ExportRules>()
        .handles::<reachability::DrawGroups>()
        .build()
}
