"""What Terraform's resources of a VPC read of what they have made: a second plan has nothing to change."""

import pytest


@pytest.fixture(scope="module")
def server(start):
    return start("--auth", "off")


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture(scope="module")
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.60.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]


def endpoint(ec2, id_):
    return ec2.describe_vpc_endpoints(VpcEndpointIds=[id_])["VpcEndpoints"][0]


def test_a_nat_gateway(server, ec2, vpc, subnet):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address()["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    server.advance(10)
    shown = ec2.describe_nat_gateways(NatGatewayIds=[made])["NatGateways"][0]
    assert (shown["State"], shown["ConnectivityType"], shown["AvailabilityMode"], shown["SubnetId"]) == ("available", "public", "zonal", subnet)
    found = ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    one = shown["NatGatewayAddresses"][0]
    assert (one["AllocationId"], one["AssociationId"], one["IsPrimary"]) == (address, found["AssociationId"], True)
    assert (one["PublicIp"], one["PrivateIp"], one["NetworkInterfaceId"]) == (
        found["PublicIp"], found["PrivateIpAddress"], found["NetworkInterfaceId"])
    private = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
    assert private["AvailabilityMode"] == "zonal" and "AssociationId" not in private["NatGatewayAddresses"][0]


def test_a_gateway_endpoint(ec2, vpc):
    # As the provider sends it: private DNS is named, and off.
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", PrivateDnsEnabled=False)["VpcEndpoint"]
    shown = endpoint(ec2, made["VpcEndpointId"])
    assert (shown["State"], shown["IpAddressType"], shown["PrivateDnsEnabled"]) == ("available", "ipv4", False)
    assert "DnsOptions" in shown and shown["DnsEntries"] == [] and shown["NetworkInterfaceIds"] == []
    lists = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [shown["ServiceName"]]}])["PrefixLists"]
    assert len(lists) == 1 and lists[0]["Cidrs"]


def test_an_interface_endpoint(ec2, vpc, subnet):
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.sqs", VpcEndpointType="Interface", PrivateDnsEnabled=False)["VpcEndpoint"]
    shown = endpoint(ec2, made["VpcEndpointId"])
    assert (shown["DnsEntries"], shown["SubnetIds"], shown["DnsOptions"]) == ([], [], {"DnsRecordIpType": "ipv4"})
    assert [group["GroupName"] for group in shown["Groups"]] == ["default"]
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], AddSubnetIds=[subnet])
    shown = endpoint(ec2, made["VpcEndpointId"])
    assert shown["SubnetIds"] == [subnet] and len(shown["NetworkInterfaceIds"]) == 1
    assert [entry["DnsName"].split(".")[1] for entry in shown["DnsEntries"]] == ["sqs", "sqs"]


def test_a_prefix_list(ec2):
    """Entries and the size change in calls of their own; a description goes by way of a removal."""
    entries = [{"Cidr": "10.0.0.0/8", "Description": "a"}]
    made = ec2.create_managed_prefix_list(PrefixListName="l", MaxEntries=1, AddressFamily="IPv4", Entries=entries)["PrefixList"]["PrefixListId"]

    def shown():
        found = ec2.describe_managed_prefix_lists(PrefixListIds=[made])["PrefixLists"][0]
        return found["State"], found["Version"], found["MaxEntries"], found["PrefixListName"]

    assert shown() == ("create-complete", 1, 1, "l")
    ec2.modify_managed_prefix_list(PrefixListId=made, MaxEntries=2)
    ec2.modify_managed_prefix_list(PrefixListId=made, PrefixListName="m")
    assert shown() == ("modify-complete", 1, 2, "m")
    ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=1, RemoveEntries=[{"Cidr": "10.0.0.0/8"}])
    ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=2, AddEntries=[{"Cidr": "10.0.0.0/8", "Description": "b"}])
    assert shown()[1] == 3
    assert ec2.get_managed_prefix_list_entries(PrefixListId=made)["Entries"] == [{"Cidr": "10.0.0.0/8", "Description": "b"}]


def test_a_group_with_rules_of_their_own(ec2, vpc):
    group = ec2.create_security_group(GroupName="web", Description="Managed by Terraform", VpcId=vpc)["GroupId"]
    # What the provider takes away from a new group, as it says it.
    everything = [{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    rules = [
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**permission, "IpRanges": [{"CidrIp": f"10.{number}.0.0/16"}]}],
                                             TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "n", "Value": str(number)}]}])
        ["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        for number in range(4)
    ]
    given = {**permission, "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.1.0.0/16", "Description": "d"}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rules[1], "SecurityGroupRule": given}])
    # The rules that stay are found by their ids, with their tags, wherever in the group another one goes.
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[2]])
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[0]])
    found = {rule["SecurityGroupRuleId"]: rule for rule in ec2.describe_security_group_rules(SecurityGroupRuleIds=[rules[1], rules[3]])["SecurityGroupRules"]}
    assert (found[rules[1]]["FromPort"], found[rules[1]]["Description"], found[rules[1]]["Tags"]) == (80, "d", [{"Key": "n", "Value": "1"}])
    assert (found[rules[3]]["FromPort"], found[rules[3]]["Tags"]) == (443, [{"Key": "n", "Value": "3"}])
    for gone in (rules[0], rules[2]):
        with pytest.raises(ec2.exceptions.ClientError) as refused:
            ec2.describe_security_group_rules(SecurityGroupRuleIds=[gone])
        assert refused.value.response["Error"]["Code"] == "InvalidSecurityGroupRuleId.NotFound"
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["IpPermissionsEgress"] == [] and [one["FromPort"] for one in shown["IpPermissions"]] == [80, 443]
    ec2.delete_security_group(GroupId=group)


def test_an_instance_its_volume_and_its_credits(ec2, subnet):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "disk", "Value": "root"}]}]
    made = ec2.run_instances(ImageId="ami-0123456789abcdef0", InstanceType="t3.micro", SubnetId=subnet, MinCount=1, MaxCount=1, TagSpecifications=tags)
    id_ = made["Instances"][0]["InstanceId"]
    volume = ec2.describe_instances(InstanceIds=[id_])["Reservations"][0]["Instances"][0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert [(one["VolumeId"], one["State"], one["VolumeType"], one["Tags"]) for one in shown] == [(volume, "in-use", "gp3", tags[0]["Tags"])]
    assert shown[0]["Attachments"][0]["InstanceId"] == id_
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "more", "Value": "1"}])
    by_instance = [{"Name": "attachment.instance-id", "Values": [id_]}]
    assert len(ec2.describe_volumes(Filters=by_instance)["Volumes"][0]["Tags"]) == 2

    def credits():
        return ec2.describe_instance_credit_specifications(InstanceIds=[id_])["InstanceCreditSpecifications"]

    assert credits() == [{"InstanceId": id_, "CpuCredits": "unlimited"}]
    asked = [{"InstanceId": id_, "CpuCredits": "standard"}, {"InstanceId": "i-00000000", "CpuCredits": "standard"}]
    answer = ec2.modify_instance_credit_specification(InstanceCreditSpecifications=asked)
    assert [one["InstanceId"] for one in answer["SuccessfulInstanceCreditSpecifications"]] == [id_]
    assert answer["UnsuccessfulInstanceCreditSpecifications"][0]["Error"]["Code"] == "InvalidInstanceID.NotFound"
    assert credits() == [{"InstanceId": id_, "CpuCredits": "standard"}]
    large = {"ImageId": "ami-0123456789abcdef0", "InstanceType": "m5.large", "SubnetId": subnet, "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ec2.exceptions.ClientError, match="CreditSpecification is not supported"):
        ec2.run_instances(**large, CreditSpecification={"CpuCredits": "unlimited"})
    ec2.terminate_instances(InstanceIds=[id_])
    with pytest.raises(ec2.exceptions.ClientError, match="InvalidVolume.NotFound"):
        ec2.describe_volumes(VolumeIds=[volume])
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [volume]}])["Tags"] == []


def test_an_elastic_address_has_no_name_of_its_own(ec2):
    address = ec2.allocate_address()["AllocationId"]
    assert ec2.describe_addresses_attribute(AllocationIds=[address], Attribute="domain-name")["Addresses"] == []
    with pytest.raises(ec2.exceptions.ClientError, match="InvalidAllocationID.NotFound"):
        ec2.describe_addresses_attribute(AllocationIds=["eipalloc-0123456789abcdef0"], Attribute="domain-name")
