//! The network of a function in a VPC: its subnets and security groups must be there, and its role must be able to reach them. The code itself
//! keeps to the network that every worker has.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>

use crate::{code::PRINCIPAL, faults};
use cloudlet_api_ec2::{DescribeSecurityGroups, DescribeSecurityGroupsRequest, DescribeSubnets, DescribeSubnetsRequest};
use cloudlet_api_lambda::{VpcConfig, VpcConfigResponse};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;

fn refused(operation: &str, fault: &Fault) -> Fault {
    faults::invalid(format!("Error occurred while {operation}. EC2 Error Code: {}. EC2 Error Message: {}", fault.code(), fault.message()))
}

/// What answers show of a function's network. Lists without members take the function out of its VPC.
pub async fn resolve(cx: &Cx, config: &VpcConfig) -> Result<VpcConfigResponse, Fault> {
    let subnet_ids = config.subnet_ids.clone().unwrap_or_default();
    let group_ids = config.security_group_ids.clone().unwrap_or_default();
    if subnet_ids.is_empty() != group_ids.is_empty() {
        let text = "SubnetIds and SecurityIds must coexist or be both empty list.";
        return Err(faults::invalid(text));
    }
    let mut vpc = String::new();
    if !group_ids.is_empty() {
        let input = DescribeSecurityGroupsRequest { group_ids: Some(group_ids.clone()), ..DescribeSecurityGroupsRequest::default() };
        let groups = cx.forward::<DescribeSecurityGroups>(PRINCIPAL, cx.scope.clone(), input).await;
        let groups = groups.map_err(|fault| refused("DescribeSecurityGroups", &fault))?.security_groups.unwrap_or_default();
        let input = DescribeSubnetsRequest { subnet_ids: Some(subnet_ids.clone()), ..DescribeSubnetsRequest::default() };
        let subnets = cx.forward::<DescribeSubnets>(PRINCIPAL, cx.scope.clone(), input).await;
        let subnets = subnets.map_err(|fault| refused("DescribeSubnets", &fault))?.subnets.unwrap_or_default();
        let mut of_subnets = subnets.iter().filter_map(|subnet| subnet.vpc_id.as_deref());
        vpc = of_subnets.next().unwrap_or_default().to_owned();
        let of_groups = groups.iter().filter_map(|group| group.vpc_id.as_deref());
        if of_subnets.chain(of_groups).any(|other| other != vpc) {
            // AWS: unverified wording.
            return Err(faults::invalid("Security Groups are required to be in the same VPC."));
        }
    }
    Ok(VpcConfigResponse {
        subnet_ids: Some(subnet_ids),
        security_group_ids: Some(group_ids),
        vpc_id: Some(vpc),
        ipv6_allowed_for_dual_stack: Some(config.ipv6_allowed_for_dual_stack.unwrap_or(false)),
    })
}
