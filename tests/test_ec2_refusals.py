"""What EC2 refuses, with the code and the words of AWS: one call for each."""

import pytest
from botocore.exceptions import ClientError

GONE = "0123456789abcdef0"


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


@pytest.fixture(scope="module")
def made(ec2):
    """A VPC with a subnet, a group, an interface, a gateway, a route table and a prefix list."""
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="refused", Description="d", VpcId=vpc)["GroupId"]
    other = ec2.create_security_group(GroupName="elsewhere", Description="d")["GroupId"]
    default = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress="10.40.0.9")["NetworkInterface"]["NetworkInterfaceId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=False, CidrBlock="0.0.0.0/0")
    list_ = ec2.create_managed_prefix_list(PrefixListName="l", MaxEntries=2, AddressFamily="IPv4")["PrefixList"]["PrefixListId"]
    return {
        "vpc": vpc, "subnet": subnet, "group": group, "other": other, "default": default["SecurityGroups"][0]["GroupId"], "interface": interface,
        "gateway": gateway, "table": table, "acl": acl, "list": list_,
    }


def web(cidr="0.0.0.0/0", port=80, **more):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}], **more}]


def of(group):
    return [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}]


# Operation, what it is given, code, message. {names} are those of `made`.
REFUSALS = [
    # groups
    ("create_security_group", {"GroupName": "refused", "Description": "d", "VpcId": "{vpc}"}, "InvalidGroup.Duplicate",
     "The security group 'refused' already exists for VPC '{vpc}'"),
    ("create_security_group", {"GroupName": "sg-x", "Description": "d"}, "InvalidParameterValue",
     "Value (sg-x) for parameter GroupName is invalid. Group names may not be in the format sg-*."),
    ("create_security_group", {"GroupName": "x", "Description": "d", "VpcId": f"vpc-{GONE}"}, "InvalidVpcID.NotFound",
     f"The vpc ID 'vpc-{GONE}' does not exist"),
    ("create_security_group", {"GroupName": "x", "Description": "ä"}, "InvalidParameterValue",
     "Value (ä) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported."),
    ("delete_security_group", {"GroupId": "{default}"}, "CannotDelete", None),
    ("delete_security_group", {"GroupId": "{group}"}, "DependencyViolation", "resource {group} has a dependent object"),
    ("delete_security_group", {"GroupId": f"sg-{GONE}"}, "InvalidGroup.NotFound", f"The security group 'sg-{GONE}' does not exist"),
    ("delete_security_group", {"GroupId": "sg-short"}, "InvalidGroupId.Malformed", None),
    ("delete_security_group", {"GroupName": "nobody"}, "InvalidGroup.NotFound", None),
    ("delete_security_group", {}, "MissingParameter", None),
    # rules
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": web("10.0.0.0/33")}, "InvalidParameterValue",
     "CIDR block 10.0.0.0/33 is malformed"),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": web("::/0")}, "InvalidParameterValue", "CIDR block ::/0 is malformed"),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": web(port=70_000)}, "InvalidParameterValue",
     "TCP/UDP (from) port (70000) out of range"),
    ("authorize_security_group_ingress",
     {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "icmp", "FromPort": 0, "ToPort": 65_535, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
     "InvalidParameterValue", "ICMP code (65535) out of range"),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "all", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
     "InvalidParameterValue", "Invalid value 'all' for IP protocol. Unknown protocol."),
    ("authorize_security_group_ingress", {"GroupId": "", "IpPermissions": web()}, "InvalidGroupId.Malformed", "The security-group ID '' is malformed"),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
     "InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": web() + web()}, "InvalidParameterValue",
     "The same permission must not appear multiple times"),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": of("{other}")}, "InvalidGroup.NotFound",
     "You have specified two resources that belong to different networks."),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": of(f"sg-{GONE}")}, "InvalidGroup.NotFound",
     f"The security group 'sg-{GONE}' does not exist"),
    ("authorize_security_group_ingress", {"GroupId": "{group}"}, "MissingParameter", None),
    ("authorize_security_group_ingress",
     {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "PrefixListIds": [{"PrefixListId": f"pl-{GONE}"}]}]},
     "InvalidPrefixListID.NotFound", None),
    ("revoke_security_group_ingress", {"GroupId": "{group}", "IpPermissions": web(port=81)}, "InvalidPermission.NotFound",
     "The specified rule does not exist in this security group."),
    ("revoke_security_group_ingress", {"GroupId": "{group}", "SecurityGroupRuleIds": [f"sgr-{GONE}"]}, "InvalidSecurityGroupRuleId.NotFound",
     f"The security group rule ID 'sgr-{GONE}' does not exist"),
    ("modify_security_group_rules", {"GroupId": "{group}", "SecurityGroupRules": [{"SecurityGroupRuleId": f"sgr-{GONE}", "SecurityGroupRule": {}}]},
     "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID 'sgr-{GONE}' does not exist"),
    ("describe_security_group_rules", {"SecurityGroupRuleIds": ["sgr-1"]}, "InvalidSecurityGroupRuleId.Malformed", None),
    ("describe_security_groups", {"Filters": [{"Name": "no-such", "Values": ["x"]}]}, "InvalidParameterValue", "The filter 'no-such' is invalid"),
    ("describe_security_groups", {"MaxResults": 5, "GroupIds": ["{group}"]}, "InvalidParameterCombination", None),
    ("describe_security_groups", {"NextToken": "x"}, "InvalidNextToken", None),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"UserId": "000000000000"}]}]},
     "MissingParameter", "Source group ID missing."),
    ("authorize_security_group_ingress", {"GroupId": "{group}", "IpPermissions": [{"IpProtocol": "-1"}]}, "MissingParameter",
     "Missing source specification: include source security group or CIDR information"),
    # ids, pages and filters
    ("delete_security_group", {"GroupId": "web"}, "InvalidGroupId.Malformed", 'Invalid id: "web" (expecting "sg-...")'),
    ("delete_security_group", {"GroupId": "sg-1, sg-2"}, "InvalidGroupId.Malformed", 'Invalid id: "sg-1, sg-2"'),
    ("describe_instances", {"InstanceIds": [f"i-{GONE}"], "MaxResults": 5}, "InvalidParameterCombination",
     "The parameter instancesSet cannot be used with the parameter maxResults"),
    ("describe_vpcs", {"VpcIds": ["{vpc}"], "MaxResults": 5}, "InvalidParameterCombination",
     "The parameter VpcIds cannot be used with the parameter MaxResults"),
    ("describe_instances", {"MaxResults": 4}, "InvalidParameterValue", "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5."),
    ("describe_launch_template_versions", {"LaunchTemplateName": "none", "MaxResults": 1000}, "InvalidParameterValue",
     "Maximum results allowed are between 1 and 200"),
    ("describe_tags", {"Filters": [{"Name": "no-such", "Values": ["x"]}]}, "InvalidParameterValue", "The filter 'no-such' is invalid"),
    ("describe_security_group_vpc_associations", {"Filters": [{"Name": "no-such", "Values": ["x"]}]}, "InvalidParameterValue",
     "The filter 'no-such' is invalid"),
    ("describe_security_groups", {"Filters": [{"Values": ["x"]}]}, "InvalidParameterValue", "The filter 'null' is invalid"),
    # VPCs, subnets
    ("create_vpc", {"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
    ("create_vpc", {"CidrBlock": "words"}, "InvalidParameterValue", None),
    ("create_vpc", {"CidrBlock": "10.0.0.0/16", "DryRun": True}, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
    ("delete_vpc", {"VpcId": "{vpc}"}, "DependencyViolation", "The vpc '{vpc}' has dependencies and cannot be deleted."),
    ("describe_vpcs", {"VpcIds": [f"vpc-{GONE}"]}, "InvalidVpcID.NotFound", f"The vpc ID 'vpc-{GONE}' does not exist"),
    ("create_default_vpc", {}, "DefaultVpcAlreadyExists", None),
    ("create_subnet", {"VpcId": "{vpc}", "CidrBlock": "10.40.0.0/25"}, "InvalidSubnet.Conflict",
     "The CIDR '10.40.0.0/25' conflicts with another subnet"),
    ("create_subnet", {"VpcId": "{vpc}", "CidrBlock": "10.41.0.0/24"}, "InvalidSubnet.Range", "The CIDR '10.41.0.0/24' is invalid."),
    ("create_subnet", {"VpcId": "{vpc}", "CidrBlock": "10.40.1.0/24", "AvailabilityZone": "mars-1a"}, "InvalidParameterValue", None),
    ("delete_subnet", {"SubnetId": "{subnet}"}, "DependencyViolation", "The subnet '{subnet}' has dependencies and cannot be deleted."),
    ("describe_subnets", {"SubnetIds": [f"subnet-{GONE}"]}, "InvalidSubnetID.NotFound", f"The subnet ID 'subnet-{GONE}' does not exist"),
    # interfaces
    ("create_network_interface", {"SubnetId": "{subnet}", "Groups": ["{other}"]}, "InvalidGroup.NotFound",
     "You have specified two resources that belong to different networks."),
    ("create_network_interface", {"SubnetId": "{subnet}", "PrivateIpAddress": "10.40.0.9"}, "InvalidIPAddress.InUse", "Address 10.40.0.9 is in use."),
    ("create_network_interface", {"SubnetId": "{subnet}", "PrivateIpAddress": "10.99.0.9"}, "InvalidParameterValue", None),
    ("create_network_interface", {"SubnetId": f"subnet-{GONE}"}, "InvalidSubnetID.NotFound", f"The subnet ID 'subnet-{GONE}' does not exist"),
    ("delete_network_interface", {"NetworkInterfaceId": f"eni-{GONE}"}, "InvalidNetworkInterfaceID.NotFound",
     f"The networkInterface ID 'eni-{GONE}' does not exist"),
    ("detach_network_interface", {"AttachmentId": f"eni-attach-{GONE}"}, "InvalidAttachmentID.NotFound", None),
    # gateways, routes, ACLs
    ("attach_internet_gateway", {"InternetGatewayId": "{gateway}", "VpcId": "{vpc}"}, "Resource.AlreadyAssociated",
     "resource {gateway} is already attached to network {vpc}"),
    ("delete_internet_gateway", {"InternetGatewayId": "{gateway}"}, "DependencyViolation",
     "The internetGateway '{gateway}' has dependencies and cannot be deleted."),
    ("describe_internet_gateways", {"InternetGatewayIds": [f"igw-{GONE}"]}, "InvalidInternetGatewayID.NotFound",
     f"The internetGateway ID 'igw-{GONE}' does not exist"),
    ("create_route", {"RouteTableId": "{table}", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "{gateway}"}, "RouteAlreadyExists",
     "The route identified by 0.0.0.0/0 already exists."),
    ("create_route", {"RouteTableId": "{table}", "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": f"igw-{GONE}"}, "InvalidGatewayID.NotFound",
     f"The gateway ID 'igw-{GONE}' does not exist"),
    ("create_route", {"RouteTableId": "{table}", "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "local"}, "InvalidGatewayID.NotFound", None),
    ("modify_subnet_attribute", {"SubnetId": "{subnet}"}, "InvalidParameterCombination", "No attributes specified."),
    ("modify_network_interface_attribute",
     {"NetworkInterfaceId": "{interface}", "Description": {"Value": "d"}, "SourceDestCheck": {"Value": True}}, "InvalidParameterCombination",
     "Fields for multiple attribute types specified: description, sourceDestCheck"),
    ("delete_route", {"RouteTableId": "{table}", "DestinationCidrBlock": "10.9.0.0/16"}, "InvalidRoute.NotFound",
     "no route with destination-cidr-block 10.9.0.0/16 in route table {table}"),
    ("delete_route_table", {"RouteTableId": f"rtb-{GONE}"}, "InvalidRouteTableID.NotFound", f"The routeTable ID 'rtb-{GONE}' does not exist"),
    ("disassociate_route_table", {"AssociationId": f"rtbassoc-{GONE}"}, "InvalidAssociationID.NotFound", None),
    ("create_network_acl_entry", {"NetworkAclId": "{acl}", "RuleNumber": 100, "Protocol": "-1", "RuleAction": "deny", "Egress": False, "CidrBlock": "0.0.0.0/0"},
     "NetworkAclEntryAlreadyExists", "The network acl entry identified by 100 already exists."),
    ("delete_network_acl_entry", {"NetworkAclId": "{acl}", "RuleNumber": 7, "Egress": True}, "InvalidNetworkAclEntry.NotFound", None),
    ("create_route", {"RouteTableId": "{table}", "DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": f"nat-{GONE}"}, "InvalidNatGatewayID.NotFound",
     f"The natGateway ID 'nat-{GONE}' does not exist"),
    ("describe_nat_gateways", {"NatGatewayIds": [f"nat-{GONE}"]}, "NatGatewayNotFound", f"The Nat Gateway nat-{GONE} was not found"),
    # endpoints
    ("create_vpc_endpoint", {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.none"}, "InvalidServiceName",
     "The Vpc Endpoint Service 'com.amazonaws.us-east-1.none' does not exist"),
    ("create_vpc_endpoint", {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.sqs"}, "InvalidParameter",
     "Endpoint type (Gateway) does not match available service types ([Interface])."),
    ("create_vpc_endpoint", {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.dynamodb", "VpcEndpointType": "Interface"}, "InvalidParameter",
     "Endpoint type (Interface) does not match available service types ([Gateway])."),
    ("create_vpc_endpoint", {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.s3", "SubnetIds": ["{subnet}"]}, "InvalidParameter",
     "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."),
    ("create_vpc_endpoint",
     {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.sqs", "VpcEndpointType": "Interface", "RouteTableIds": ["{table}"]}, "InvalidParameter",
     "Route table IDs are only supported for Gateway type VPC Endpoint."),
    ("create_vpc_endpoint",
     {"VpcId": "{vpc}", "ServiceName": "com.amazonaws.us-east-1.s3", "DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": False}},
     "InvalidParameter", "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints."),
    # prefix lists, addresses, peerings, tags
    ("create_managed_prefix_list", {"PrefixListName": "m", "MaxEntries": 1_001, "AddressFamily": "IPv4"}, "InvalidParameterValue",
     "Must specify a max size between 1 and 1000"),
    ("create_managed_prefix_list",
     {"PrefixListName": "m", "MaxEntries": 200, "AddressFamily": "IPv4", "Entries": [{"Cidr": f"10.0.{number}.0/24"} for number in range(101)]},
     "InvalidParameterValue", "The number of entries per request cannot exceeds limit (100)."),
    ("create_managed_prefix_list",
     {"PrefixListName": "m", "MaxEntries": 2, "AddressFamily": "IPv6", "Entries": [{"Cidr": "fd00::/48", "Description": "d"}] * 2},
     "InvalidPrefixListModification", "An entry with the CIDR (fd00::/48) and description (d) already exists."),
    ("modify_managed_prefix_list", {"PrefixListId": "{list}"}, "InvalidRequest", "The request received was invalid."),
    ("modify_managed_prefix_list",
     {"PrefixListId": "{list}", "CurrentVersion": 1, "AddEntries": [{"Cidr": "10.0.0.0/8"}], "RemoveEntries": [{"Cidr": "10.0.0.0/8"}]},
     "InvalidParameterValue", "Request cannot contain Cidr 10.0.0.0/8 in both AddPrefixListEntries and RemovePrefixListEntries"),
    ("modify_managed_prefix_list", {"PrefixListId": "{list}", "CurrentVersion": 1, "MaxEntries": 5, "AddEntries": [{"Cidr": "10.0.0.0/8"}]},
     "InvalidParameterCombination", "You cannot modify the entries and the maximum entries for the prefix list in the same request."),
    ("modify_managed_prefix_list", {"PrefixListId": "{list}", "CurrentVersion": 9, "AddEntries": [{"Cidr": "10.0.0.0/8"}]}, "PrefixListVersionMismatch", None),
    ("modify_managed_prefix_list",
     {"PrefixListId": "{list}", "CurrentVersion": 1, "AddEntries": [{"Cidr": f"10.{number}.0.0/16"} for number in range(3)]}, "PrefixListMaxEntriesExceeded", None),
    ("describe_managed_prefix_lists", {"PrefixListIds": [f"pl-{GONE}"]}, "InvalidPrefixListID.NotFound", f"The prefix list ID 'pl-{GONE}' does not exist"),
    ("release_address", {"AllocationId": f"eipalloc-{GONE}"}, "InvalidAllocationID.NotFound",
     f"The allocation ID 'eipalloc-{GONE}' does not exist"),
    ("disassociate_address", {"AssociationId": f"eipassoc-{GONE}"}, "InvalidAssociationID.NotFound", None),
    ("accept_vpc_peering_connection", {"VpcPeeringConnectionId": f"pcx-{GONE}"}, "InvalidVpcPeeringConnectionID.NotFound", None),
    ("create_tags", {"Resources": ["{vpc}"], "Tags": [{"Key": "aws:x", "Value": "y"}]}, "InvalidParameterValue",
     "Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"),
    ("create_tags", {"Resources": [f"vpc-{GONE}"], "Tags": [{"Key": "x", "Value": "y"}]}, "InvalidVpcID.NotFound",
     f"The vpc ID 'vpc-{GONE}' does not exist"),
    ("delete_tags", {"Resources": ["{vpc}"], "Tags": [{"Key": "aws:x"}]}, "InvalidParameterValue",
     "Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"),
    ("create_internet_gateway", {"TagSpecifications": [{"ResourceType": "internet-gateway", "Tags": [{"Key": "aws:x", "Value": "y"}]}]},
     "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"),
    # instances, images
    ("run_instances",
     {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SecurityGroups": ["default"], "SubnetId": "{subnet}"},
     "InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet"),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [""]}, "InvalidParameterValue",
     "Value () for parameter groupId is invalid. The value cannot be empty"),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "UserData": "x" * 16_385}, "InvalidParameterValue",
     "User data is limited to 16384 bytes"),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "InstanceType": "huge", "MinCount": 1, "MaxCount": 1}, "InvalidParameterValue",
     "Invalid value 'huge' for InstanceType."),
    ("run_instances", {"ImageId": "image", "MinCount": 1, "MaxCount": 1}, "InvalidAMIID.Malformed", None),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "Placement": {"AvailabilityZone": "us-east-1x"}},
     "InvalidParameterValue", "Invalid availability zone: [us-east-1x]"),
    ("run_instances",
     {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": "{subnet}", "Placement": {"AvailabilityZone": "us-east-1b"}},
     "InvalidParameterValue", "Value (us-east-1b) for parameter availabilityZone is invalid. Subnet '{subnet}' is in the availability zone us-east-1a"),
    ("describe_instances", {"InstanceIds": [f"i-{GONE}"]}, "InvalidInstanceID.NotFound", f"The instance ID 'i-{GONE}' does not exist"),
    ("stop_instances", {"InstanceIds": ["i-1"]}, "InvalidInstanceID.Malformed", None),
    ("describe_instance_types", {"InstanceTypes": ["x.huge"]}, "InvalidInstanceType", "The following supplied instance types do not exist: [x.huge]"),
    # flow logs, insights
    ("create_flow_logs", {"ResourceIds": ["{vpc}"], "ResourceType": "VPC", "TrafficType": "ALL"}, "InvalidParameter",
     "LogDestination can't be empty if LogGroupName is not provided."),
    ("start_network_insights_analysis", {"NetworkInsightsPathId": f"nip-{GONE}"}, "InvalidNetworkInsightsPathId.NotFound", None),
]


def filled(value, made):
    if isinstance(value, dict):
        return {name: filled(one, made) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, made) for one in value]
    return value.format(**made) if isinstance(value, str) else value


@pytest.mark.parametrize("operation, given, code, message", REFUSALS, ids=[f"{one[0]} {one[2]} {number}" for number, one in enumerate(REFUSALS)])
def test_a_refusal(ec2, made, operation, given, code, message):
    with pytest.raises(ClientError) as refused:
        getattr(ec2, operation)(**filled(given, made))
    error = refused.value.response["Error"]
    assert error["Code"] == code and error["Message"]
    if message is not None:
        assert error["Message"] == filled(message, made)


def test_a_nat_gateway_that_cannot_be(start):
    """The call succeeds; the gateway fails and says why. It holds neither its network nor its address."""
    server = start("--auth", "off")
    ec2 = server.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.41.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.41.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address()["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    assert made["State"] == "pending" and "FailureCode" not in made
    server.advance(10)

    def shown():
        return ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"][0]

    assert (shown()["State"], shown()["FailureCode"], shown()["FailureMessage"]) == (
        "failed", "Gateway.NotAttached", f"Network {vpc} has no Internet gateway attached")
    assert "AssociationId" not in ec2.describe_addresses()["Addresses"][0]
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    server.advance(10)
    assert shown()["State"] == "deleted" and "FailureCode" not in shown()
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_private_dns_of_s3(ec2):
    """S3 itself is the gateway's in its VPC: without one, the endpoint's name is for all or none."""
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    given = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "VpcEndpointType": "Interface", "PrivateDnsEnabled": True}
    with pytest.raises(ClientError) as refused:
        ec2.create_vpc_endpoint(**given)
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameter",
        "Message": f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc} must have a Gateway endpoint for the service.",
    }
    made = ec2.create_vpc_endpoint(**given, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": False})["VpcEndpoint"]
    assert made["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"] is False


def test_filters_without_values_find_nothing(ec2, made):
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": []}])["Subnets"] == []


def test_a_list_of_nothing_is_a_list_of_one(server):
    """As the JavaScript SDK sends it: `Filter=`."""
    body = "Action=DescribeSubnets&Version=2016-11-15&Filter="
    response = server.signed("POST", "/", body=body.encode(), service="ec2", headers={"content-type": "application/x-www-form-urlencoded"})
    assert response.status == 400 and "The filter 'null' is invalid" in response.text


def test_names_of_missing_parameters(server):
    """As AWS has them, some of which are in no model."""
    ec2 = server.client("ec2", parameter_validation=False)
    for operation, name in [
        ("create_security_group", "GroupDescription"), ("create_tags", "resourceIdSet"), ("stop_instances", "InstanceId"),
        ("create_route", "routeTableId"), ("delete_security_group", "groupName or groupId"),
    ]:
        with pytest.raises(ClientError) as refused:
            getattr(ec2, operation)()
        error = refused.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("MissingParameter", f"The request must contain the parameter {name}")


def test_limits(ec2, made):
    group = ec2.create_security_group(GroupName="full", Description="d", VpcId=made["vpc"])["GroupId"]
    ranges = [{"CidrIp": f"10.0.{number}.0/24"} for number in range(60)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": ranges}])
    with pytest.raises(ClientError) as refused:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=web())
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
    # Rules of IPv6 are counted for themselves, and a prefix list by its entries.
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
    with pytest.raises(ClientError) as refused:
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "PrefixListIds": [{"PrefixListId": made["list"]}]}])
    assert refused.value.response["Error"]["Code"] == "RulesPerSecurityGroupLimitExceeded"
    groups = [ec2.create_security_group(GroupName=f"of-many-{number}", Description="d", VpcId=made["vpc"])["GroupId"] for number in range(6)]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made["interface"], Groups=groups[:5])
    with pytest.raises(ClientError) as refused:
        ec2.modify_network_interface_attribute(NetworkInterfaceId=made["interface"], Groups=groups)
    assert refused.value.response["Error"]["Code"] == "SecurityGroupsPerInterfaceLimitExceeded"
