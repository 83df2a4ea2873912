"""EC2's networking with boto3 and both versions of aws-cli: a load balancer, an application, a bastion, a file system, a database and a cache
behind their groups, built, described, and asked about as a network engineer would; and what Terraform's provider sends and reads."""

import gzip
import json
import shutil
import subprocess

import pytest
from botocore.exceptions import ClientError

OFFICE = "198.51.100.7"


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


def fault(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def reachable(server, source, target, port, **more):
    query = "&".join(f"{name}={value}" for name, value in {"from": source, "to": target, "port": port, **more}.items())
    answer = server.request("GET", f"/_cloudlet/ec2/reachable?{query}")
    assert answer.status == 200, answer.text
    return answer.json


class Network:
    """Two public and two private subnets, an internet gateway, and an interface for each of six groups."""

    def __init__(self, ec2, prefix="10.20"):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock=f"{prefix}.0.0/16")["Vpc"]["VpcId"]
        self.public = ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{prefix}.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        self.private = ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{prefix}.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway)
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.public)
        self.groups = {
            name: ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            for name in ("alb", "app", "bastion", "efs", "rds", "redis")
        }
        everybody, office = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {"IpRanges": [{"CidrIp": f"{OFFICE}/32"}]}
        self.allow("alb", 80, everybody)
        self.allow("alb", 443, everybody)
        self.allow("app", 80, self.of("alb"))
        self.allow("app", 443, self.of("bastion"))
        self.allow("bastion", 22, office)
        self.allow("efs", 2049, self.of("app"))
        self.allow("rds", 3306, self.of("app"))
        self.allow("redis", 6379, self.of("app"))
        self.interfaces = {name: self.interface(name) for name in self.groups}
        for name in ("alb", "bastion"):
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            ec2.associate_address(AllocationId=address, NetworkInterfaceId=self.interfaces[name])

    def of(self, name):
        return {"UserIdGroupPairs": [{"GroupId": self.groups[name]}]}

    def allow(self, name, port, peer):
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
        self.ec2.authorize_security_group_ingress(GroupId=self.groups[name], IpPermissions=[permission])

    def interface(self, name):
        subnet = self.public if name in ("alb", "bastion") else self.private
        made = self.ec2.create_network_interface(SubnetId=subnet, Groups=[self.groups[name]])
        return made["NetworkInterface"]["NetworkInterfaceId"]


@pytest.fixture(scope="module")
def network(ec2):
    return Network(ec2)


SOMEBODY = "internet:203.0.113.77"
FLOWS = [
    # who, to whom, port, whether it passes, why not
    (SOMEBODY, "alb", 443, True, None),
    (SOMEBODY, "alb", 80, True, None),
    (SOMEBODY, "alb", 22, False, "ENI_SG_RULES_MISMATCH"),
    (SOMEBODY, "bastion", 22, False, "ENI_SG_RULES_MISMATCH"),
    (f"internet:{OFFICE}", "bastion", 22, True, None),
    (f"internet:{OFFICE}", "bastion", 443, False, "ENI_SG_RULES_MISMATCH"),
    (SOMEBODY, "rds", 3306, False, "ENI_SG_RULES_MISMATCH"),
    (SOMEBODY, "rds", 3306, False, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"),
    (SOMEBODY, "app", 80, False, "ENI_SG_RULES_MISMATCH"),
    (SOMEBODY, "redis", 6379, False, "ENI_SG_RULES_MISMATCH"),
    (SOMEBODY, "efs", 2049, False, "ENI_SG_RULES_MISMATCH"),
    ("alb", "app", 80, True, None),
    ("alb", "app", 443, False, "ENI_SG_RULES_MISMATCH"),
    ("alb", "rds", 3306, False, "ENI_SG_RULES_MISMATCH"),
    ("alb", "redis", 6379, False, "ENI_SG_RULES_MISMATCH"),
    ("bastion", "app", 443, True, None),
    ("bastion", "app", 80, False, "ENI_SG_RULES_MISMATCH"),
    ("bastion", "rds", 3306, False, "ENI_SG_RULES_MISMATCH"),
    ("bastion", "efs", 2049, False, "ENI_SG_RULES_MISMATCH"),
    ("app", "rds", 3306, True, None),
    ("app", "redis", 6379, True, None),
    ("app", "efs", 2049, True, None),
    ("app", "rds", 5432, False, "ENI_SG_RULES_MISMATCH"),
    ("app", "alb", 443, True, None),
    ("app", "bastion", 22, False, "ENI_SG_RULES_MISMATCH"),
    ("rds", "app", 80, False, "ENI_SG_RULES_MISMATCH"),
    ("redis", "rds", 3306, False, "ENI_SG_RULES_MISMATCH"),
    # The application has no way out: its subnet has no route to the internet.
    ("app", SOMEBODY, 443, False, "NO_ROUTE_TO_DESTINATION"),
    ("alb", SOMEBODY, 443, True, None),
    ("bastion", SOMEBODY, 22, True, None),
]


@pytest.mark.parametrize(("source", "target", "port", "passes", "why"), FLOWS)
def test_flows_pass_as_an_engineer_would_say(server, network, source, target, port, passes, why):
    place = lambda name: network.interfaces.get(name, name)
    verdict = reachable(server, place(source), place(target), port)
    codes = [block["code"] for block in verdict["blocks"]]
    assert verdict["passes"] == passes, verdict
    assert codes == [] if passes else why in codes


def test_the_deciding_group_is_named(server, network):
    verdict = reachable(server, SOMEBODY, network.interfaces["rds"], 3306)
    named = [other["id"] for block in verdict["blocks"] if block["code"] == "ENI_SG_RULES_MISMATCH" for other in block["others"]]
    assert named == [network.groups["rds"]]


def test_a_new_member_of_a_group_is_let_in_without_a_rule(server, ec2, network):
    new = network.interface("app")
    assert reachable(server, new, network.interfaces["rds"], 3306)["passes"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=network.groups["app"], IpPermissions=everything)
    blocks = reachable(server, new, network.interfaces["rds"], 3306)["blocks"]
    assert [(block["code"], block["direction"]) for block in blocks] == [("SG_HAS_NO_RULES", "egress")]
    ec2.authorize_security_group_egress(GroupId=network.groups["app"], IpPermissions=everything)
    ec2.delete_network_interface(NetworkInterfaceId=new)


def test_network_insights_answer_the_same(server, ec2, network):
    path = ec2.create_network_insights_path(
        Source=network.interfaces["app"], Destination=network.interfaces["rds"], Protocol="tcp", DestinationPort=3306
    )["NetworkInsightsPath"]
    started = ec2.start_network_insights_analysis(NetworkInsightsPathId=path["NetworkInsightsPathId"])["NetworkInsightsAnalysis"]
    assert started["Status"] == "running"
    server.advance(5)
    found = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[started["NetworkInsightsAnalysisId"]])
    analysis = found["NetworkInsightsAnalyses"][0]
    assert analysis["Status"] == "succeeded" and analysis["NetworkPathFound"] is True
    kinds = [hop["Component"]["Id"].split("-")[0] for hop in analysis["ForwardPathComponents"]]
    assert kinds == ["eni", "sg", "sg", "eni"], "within a subnet there are neither ACLs nor routes"
    assert analysis["ForwardPathComponents"][2]["SecurityGroupRule"]["PortRange"] == {"From": 3306, "To": 3306}
    code, _ = fault(ec2.delete_network_insights_path, NetworkInsightsPathId=path["NetworkInsightsPathId"])
    assert code == "AnalysisExistsForNetworkInsightsPath"
    server.reset_clock()


def test_the_groups_are_described_by_aws_cli(aws, network):
    groups = aws.json("ec2", "describe-security-groups", "--filters", f"Name=vpc-id,Values={network.vpc}", "Name=group-name,Values=app")
    (app,) = groups["SecurityGroups"]
    ports = {permission["FromPort"]: permission["UserIdGroupPairs"][0]["GroupId"] for permission in app["IpPermissions"]}
    assert ports == {80: network.groups["alb"], 443: network.groups["bastion"]}
    rules = aws.json("ec2", "describe-security-group-rules", "--filters", f"Name=group-id,Values={network.groups['app']}")["SecurityGroupRules"]
    assert sorted((rule["IsEgress"], rule["FromPort"]) for rule in rules) == [(False, 80), (False, 443), (True, -1)]
    made = aws.json("ec2", "create-security-group", "--group-name", f"cli-{aws.version}", "--description", "d", "--vpc-id", network.vpc)
    added = aws.json("ec2", "authorize-security-group-ingress", "--group-id", made["GroupId"], "--protocol", "tcp", "--port", "22", "--cidr", "10.1.2.3/8")
    assert added["SecurityGroupRules"][0]["CidrIpv4"] == "10.0.0.0/8"
    aws("ec2", "delete-security-group", "--group-id", made["GroupId"])


def test_errors_are_those_of_aws(ec2, network):
    group = network.groups["alb"]
    web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert fault(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[web]) == (
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists',
    )
    assert fault(ec2.delete_security_group, GroupId=group) == ("DependencyViolation", f"resource {group} has a dependent object")
    gone = {**web, "FromPort": 81, "ToPort": 81}
    assert fault(ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[gone])[0] == "InvalidPermission.NotFound"
    assert fault(ec2.create_security_group, GroupName="alb", Description="d", VpcId=network.vpc) == (
        "InvalidGroup.Duplicate",
        f"The security group 'alb' already exists for VPC '{network.vpc}'",
    )
    assert fault(ec2.describe_security_groups, GroupIds=["sg-0123456789abcdef0"]) == (
        "InvalidGroup.NotFound",
        "The security group 'sg-0123456789abcdef0' does not exist",
    )
    assert fault(ec2.describe_subnets, SubnetIds=["subnet-0123456789abcdef0"])[0] == "InvalidSubnetID.NotFound"
    assert fault(ec2.create_vpc, CidrBlock="10.0.0.0/8")[0] == "InvalidVpc.Range"
    assert fault(ec2.create_subnet, VpcId=network.vpc, CidrBlock="10.20.0.0/25")[0] == "InvalidSubnet.Conflict"
    assert fault(ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True) == (
        "DryRunOperation",
        "Request would have succeeded, but DryRun flag is set.",
    )


# What terraform-provider-aws sends and reads, in its order: a second plan is empty when what is read equals what was sent.


def test_terraform_vpc(ec2):
    sent = {"CidrBlock": "10.30.0.0/16", "InstanceTenancy": "default"}
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "tf"}]}]
    vpc = ec2.create_vpc(**sent, TagSpecifications=tags)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    (read,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert {name: read[name] for name in sent} == sent and read["State"] == "available"
    attributes = {
        "enableDnsHostnames": ("EnableDnsHostnames", True),
        "enableDnsSupport": ("EnableDnsSupport", True),
        "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
    }
    for attribute, (member, value) in attributes.items():
        assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[member] == {"Value": value}
    of_vpc = {"Name": "vpc-id", "Values": [vpc]}
    assert len(ec2.describe_network_acls(Filters=[of_vpc, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]) == 1
    assert len(ec2.describe_route_tables(Filters=[of_vpc, {"Name": "association.main", "Values": ["true"]}])["RouteTables"]) == 1
    groups = ec2.describe_security_groups(Filters=[of_vpc, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    assert len(groups) == 1
    # aws_default_security_group revokes all rules of the default group and adds its own.
    (default,) = groups
    ec2.revoke_security_group_ingress(GroupId=default["GroupId"], IpPermissions=default["IpPermissions"])
    ec2.revoke_security_group_egress(GroupId=default["GroupId"], IpPermissions=default["IpPermissionsEgress"])
    own = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": default["GroupId"]}]}]
    ec2.authorize_security_group_ingress(GroupId=default["GroupId"], IpPermissions=own)
    (read,) = ec2.describe_security_groups(GroupIds=[default["GroupId"]])["SecurityGroups"]
    assert read["IpPermissionsEgress"] == [] and len(read["IpPermissions"]) == 1
    # aws_subnet
    sent = {"CidrBlock": "10.30.1.0/24", "AvailabilityZone": "us-east-1b"}
    subnet = ec2.create_subnet(VpcId=vpc, **sent)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    (read,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert {name: read[name] for name in sent} == sent
    assert (read["MapPublicIpOnLaunch"], read["AssignIpv6AddressOnCreation"], read["EnableDns64"], read["Ipv6Native"]) == (True, False, False, False)
    assert read["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "ip-name"
    # aws_network_interface
    group = default["GroupId"]
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddresses=[{"PrivateIpAddress": "10.30.1.50", "Primary": True}])
    interface = interface["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    (read,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
    assert (read["Status"], read["SourceDestCheck"], read["PrivateIpAddress"]) == ("available", False, "10.30.1.50")
    assert [group["GroupId"] for group in read["Groups"]] == [group]
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    assert fault(ec2.describe_vpcs, VpcIds=[vpc])[0] == "InvalidVpcID.NotFound"


def test_terraform_security_group(ec2, network):
    group = ec2.create_security_group(GroupName="tf", Description="Managed by Terraform", VpcId=network.vpc)["GroupId"]
    # It removes the rule that AWS gives.
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    sent = [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "a"}, {"CidrIp": "192.168.0.0/16"}]},
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
    ]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=sent)
    (read,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    lean = [{name: value for name, value in permission.items() if value != []} for permission in read["IpPermissions"]]
    assert lean == sent and read["IpPermissionsEgress"] == []
    # aws_vpc_security_group_ingress_rule: one rule with an id, which is changed in place.
    made = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "Name", "Value": "ssh"}]}],
    )["SecurityGroupRules"][0]
    rule = made["SecurityGroupRuleId"]
    change = {"IpProtocol": "tcp", "FromPort": 2222, "ToPort": 2222, "CidrIpv4": "10.1.0.0/16", "Description": "ssh"}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": change}])
    (read,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"]
    assert {name: read[name] for name in change} == change and read["Tags"] == [{"Key": "Name", "Value": "ssh"}]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    assert fault(ec2.describe_security_group_rules, SecurityGroupRuleIds=[rule])[0] == "InvalidSecurityGroupRuleId.NotFound"
    ec2.delete_security_group(GroupId=group)


def test_packets_are_recorded_in_a_bucket(server, ec2, s3, network):
    s3.create_bucket(Bucket="flow-logs-here")
    made = ec2.create_flow_logs(
        ResourceIds=[network.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3", LogDestination="arn:aws:s3:::flow-logs-here/net"
    )
    assert made["Unsuccessful"] == []
    statements = json.loads(s3.get_bucket_policy(Bucket="flow-logs-here")["Policy"])["Statement"]
    assert {statement["Sid"] for statement in statements} == {"AWSLogDeliveryWrite", "AWSLogDeliveryAclCheck"}
    other = ec2.create_flow_logs(
        ResourceIds=[network.private], ResourceType="Subnet", TrafficType="REJECT", LogDestinationType="s3", LogDestination="arn:aws:s3:::flow-logs-here/other"
    )
    assert other["Unsuccessful"] == [], "a second destination in the same bucket"
    ec2.delete_flow_logs(FlowLogIds=other["FlowLogIds"])
    missing = ec2.create_flow_logs(
        ResourceIds=[network.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3", LogDestination="arn:aws:s3:::no-such-bucket-here"
    )
    assert missing["Unsuccessful"][0]["Error"] == {"Code": "400", "Message": "LogDestination: no-such-bucket-here does not exist"}
    address = {
        name: ec2.describe_network_interfaces(NetworkInterfaceIds=[network.interfaces[name]])["NetworkInterfaces"][0] for name in ("alb", "app", "rds")
    }
    own = {name: row["PrivateIpAddress"] for name, row in address.items()}
    public = address["alb"]["Association"]["PublicIp"]
    packets = f"tcp 203.0.113.9 {public} 50000 443\ntcp 203.0.113.9 {public} 50000 22\ntcp {own['app']} {own['rds']} 40000 3306 # to the database\n"
    played = server.request("POST", "/_cloudlet/ec2/packets", body=packets.encode()).json
    assert [record["accepted"] for record in played["records"]] == [True, False, True, True]
    (key,) = [item["Key"] for item in s3.list_objects_v2(Bucket="flow-logs-here", Prefix="net/")["Contents"]]
    assert key.startswith("net/AWSLogs/000000000000/vpcflowlogs/us-east-1/") and key.endswith(".log.gz")
    lines = gzip.decompress(s3.get_object(Bucket="flow-logs-here", Key=key)["Body"].read()).decode().splitlines()
    assert lines[0].startswith("version account-id interface-id srcaddr dstaddr")
    fields = [line.split() for line in lines[1:]]
    assert [(line[4], line[6], line[12]) for line in fields[:2]] == [(own["alb"], "443", "ACCEPT"), (own["alb"], "22", "REJECT")]
    assert all(line[0] == "2" and line[2].startswith("eni-") and line[13] == "OK" for line in fields)
    wrong = server.request("POST", "/_cloudlet/ec2/packets", body=b"tcp 1.1.1.1")
    assert wrong.status == 400 and "line 1: the destination is missing" in wrong.text


def test_the_binary_asks_and_exports(server, binary, network):
    run = lambda *arguments: subprocess.run([binary, *arguments, "--port", str(server.port)], capture_output=True, text=True)
    asked = run("reach", network.interfaces["app"], network.interfaces["rds"], "--to-port", "3306")
    assert asked.returncode == 0 and asked.stdout.startswith("It passes."), asked
    exported = run("export", "nftables", "--interface", network.interfaces["rds"])
    assert "tcp dport 3306-3306" in exported.stdout, exported
    assert run("reach", network.interfaces["rds"], network.interfaces["app"], "--to-port", "3306").returncode == 1
    assert run("reach", "eni-0123456789abcdef0", "internet").returncode == 2
    graph = server.request("GET", f"/_cloudlet/ec2/graph?vpc={network.vpc}")
    assert graph.status == 200 and graph.text.startswith("<svg") and "alb" in graph.text


def namespaces():
    """Whether this machine lets us make network namespaces with nftables. The reason where it does not."""
    for tool in ("ip", "nft", "unshare"):
        if shutil.which(tool) is None:
            return f"there is no `{tool}` here"
    tried = subprocess.run(["unshare", "--net", "--user", "--map-root-user", "nft", "list", "tables"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"namespaces are not permitted: {tried.stderr.strip()}"


KERNEL = """
import json, os, socket, subprocess, sys, time
own, peers, ports, rules = json.load(sys.stdin)
run = lambda *words, **more: subprocess.run(words, check=True, **more)
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "outer", "type", "veth", "peer", "name", "inner")
holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
here = os.readlink("/proc/self/ns/net")
while os.readlink("/proc/%d/ns/net" % holder.pid) == here:
    time.sleep(0.01)
run("ip", "link", "set", "inner", "netns", str(holder.pid))
inside = lambda *words, **more: run("nsenter", "--net", "--target", str(holder.pid), *words, **more)
inside("ip", "link", "set", "lo", "up")
inside("ip", "link", "set", "inner", "up")
run("ip", "link", "set", "outer", "up")
inside("ip", "address", "add", own + "/16", "dev", "inner")
for peer in peers:
    run("ip", "address", "add", peer + "/16", "dev", "outer")
inside("nft", "-f", "-", input=rules, text=True)
server = "import socket,sys\\nfor port in " + repr(ports) + ":\\n s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('', port)); s.listen(512); globals()['s%d' % port] = s\\nprint('ready', flush=True)\\nimport time\\ntime.sleep(600)"
listener = subprocess.Popen(["nsenter", "--net", "--target", str(holder.pid), sys.executable, "-c", server], stdout=subprocess.PIPE, text=True)
listener.stdout.readline()
def ask(pair):
    peer, port = pair
    with socket.socket() as probe:
        probe.settimeout(1)
        probe.bind((peer, 0))
        try:
            probe.connect((own, port))
            return [peer, port, True]
        except OSError:
            return [peer, port, False]
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(64) as pool:
    answers = list(pool.map(ask, [(peer, port) for peer in peers for port in ports]))
listener.kill(); holder.kill()
print(json.dumps(answers))
"""


def test_the_kernel_agrees(server, ec2, binary):
    reason = namespaces()
    if reason:
        pytest.skip(reason)
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/16")["Subnet"]["SubnetId"]
    new_group = lambda name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    client, target = new_group("client"), new_group("target")
    permissions = [
        {"IpProtocol": "tcp", "FromPort": 1000, "ToPort": 1009, "IpRanges": [{"CidrIp": "10.40.1.0/25"}]},
        {"IpProtocol": "tcp", "FromPort": 1005, "ToPort": 1014, "UserIdGroupPairs": [{"GroupId": client}]},
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.40.2.8/29"}]},
    ]
    ec2.authorize_security_group_ingress(GroupId=target, IpPermissions=permissions)
    interface = lambda address, group: ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress=address)["NetworkInterface"]
    addresses = [f"10.40.{third}.{last}" for third in (1, 2) for last in (5, 8, 9, 14, 15, 16, 100, 127, 128, 200)]
    peers = {address: interface(address, client if index % 3 == 0 else target)["NetworkInterfaceId"] for index, address in enumerate(addresses)}
    own = interface("10.40.3.3", target)["NetworkInterfaceId"]
    rules = subprocess.run([binary, "export", "nftables", "--interface", own, "--port", str(server.port)], capture_output=True, text=True, check=True)
    ports = list(range(960, 1060))
    given = json.dumps(["10.40.3.3", addresses, ports, rules.stdout])
    command = ["unshare", "--net", "--user", "--map-root-user", "python3", "-c", KERNEL]
    kernel = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300)
    assert kernel.returncode == 0, kernel.stderr
    answers = json.loads(kernel.stdout)
    assert len(answers) == 2000 and {answer for *_, answer in answers} == {True, False}
    for peer, port, passed in answers:
        assert reachable(server, peers[peer], own, port)["passes"] == passed, (peer, port)


def test_the_policy_of_an_endpoint_is_asked(server, ec2, s3, network):
    for bucket in ("through-endpoint", "beside-endpoint"):
        s3.create_bucket(Bucket=bucket)
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::through-endpoint", "arn:aws:s3:::through-endpoint/*"]}]}
    endpoint = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[network.table], PolicyDocument=json.dumps(policy)
    )["VpcEndpoint"]["VpcEndpointId"]
    get = lambda bucket, endpoint: server.signed("GET", f"/{bucket}", headers={"x-cloudlet-vpc-endpoint": endpoint})
    assert get("through-endpoint", endpoint).status == 200
    refused = get("beside-endpoint", endpoint)
    assert refused.status == 403 and "VPC endpoint policy" in refused.text, refused
    assert server.signed("GET", "/beside-endpoint").status == 200
    assert get("through-endpoint", "vpce-0123456789abcdef0").status == 400
    only = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::through-endpoint", "Condition": {"StringNotEquals": {"aws:SourceVpce": endpoint}}}]}
    s3.put_bucket_policy(Bucket="through-endpoint", Policy=json.dumps(only))
    assert get("through-endpoint", endpoint).status == 200
    assert server.signed("GET", "/through-endpoint").status == 403


def test_a_denial_is_encoded_and_sts_decodes_it(server, network):
    iam = server.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    denied = server.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    code, message = fault(denied.delete_security_group, GroupId=network.groups["redis"])
    assert code == "UnauthorizedOperation" and message.startswith("You are not authorized to perform this operation. User: ")
    encoded = message.rsplit("Encoded authorization failure message: ", 1)[1]
    decoded = json.loads(server.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["allowed"] is False and decoded["context"]["action"] == "ec2:DeleteSecurityGroup"
    keys = {item["key"] for item in decoded["context"]["conditions"]["items"]}
    assert {"ec2:Region", "ec2:SecurityGroupID", "ec2:Vpc"} <= keys
    iam.put_user_policy(
        UserName="nobody",
        PolicyName="tagged",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "ec2:CreateTags",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"ec2:ResourceTag/team": "a"}},
                },
            }
        ),
    )
    tag = lambda client, group, value: client.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": value}])
    root = server.client("ec2")
    tag(root, network.groups["redis"], "a")
    tag(denied, network.groups["redis"], "a")
    with pytest.raises(ClientError):
        tag(denied, network.groups["rds"], "a")


def test_packets_are_recorded_in_a_log_group(server, ec2, network):
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}}}
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    iam, logs = server.client("iam"), server.client("logs")
    role = iam.create_role(RoleName="flow", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="flow", PolicyName="logs", PolicyDocument=json.dumps(allow))
    rejected = {"ResourceIds": [network.interfaces["rds"]], "ResourceType": "NetworkInterface", "TrafficType": "REJECT", "LogGroupName": "flows"}
    assert fault(ec2.create_flow_logs, **rejected)[1] == "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
    (made,) = ec2.create_flow_logs(**rejected, DeliverLogsPermissionArn=role)["FlowLogIds"]
    rows = ec2.describe_network_interfaces(NetworkInterfaceIds=[network.interfaces["redis"], network.interfaces["rds"]])["NetworkInterfaces"]
    own = {row["NetworkInterfaceId"]: row["PrivateIpAddress"] for row in rows}
    packet = f"tcp {own[network.interfaces['redis']]} {own[network.interfaces['rds']]} 40000 3306"
    server.request("POST", "/_cloudlet/ec2/packets", body=packet.encode())
    (event,) = logs.get_log_events(logGroupName="flows", logStreamName=f"{network.interfaces['rds']}-reject")["events"]
    assert event["message"].split()[12:] == ["REJECT", "OK"]
    ec2.delete_flow_logs(FlowLogIds=[made])


def test_an_image_that_a_parameter_names_is_described(server, ec2):
    ssm = server.client("ssm")
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    image = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    found = ec2.describe_images(ImageIds=[image])["Images"]
    assert [(one["Architecture"], one["ImageOwnerAlias"], one["State"]) for one in found] == [("arm64", "amazon", "available")]
    # As `data "aws_ami"` of Terraform asks.
    filters = [{"Name": "name", "Values": ["al2023-ami-2023.*-kernel-6.1-arm64"]}, {"Name": "virtualization-type", "Values": ["hvm"]}]
    assert [one["ImageId"] for one in ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"]] == [image]
    assert fault(ec2.describe_images, ImageIds=["ami-0123456789abcdef0"]) == (
        "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist")
    kinds = ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 20})
    names = [one["InstanceType"] for page in kinds for one in page["InstanceTypes"]]
    assert len(names) == len(set(names)) and {"t3.micro", "m5.large", "t4g.small"} <= set(names)


def test_network_access_scopes_find_what_is_open(ec2, network):
    internet = {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}}
    in_vpc = {"ResourceStatement": {"Resources": [network.vpc]}}

    def findings(**paths):
        scope = ec2.create_network_insights_access_scope(**paths)["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]
        started = ec2.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=scope)
        analysis = started["NetworkInsightsAccessScopeAnalysis"]["NetworkInsightsAccessScopeAnalysisId"]
        while True:
            shown = ec2.describe_network_insights_access_scope_analyses(NetworkInsightsAccessScopeAnalysisIds=[analysis])
            if shown["NetworkInsightsAccessScopeAnalyses"][0]["Status"] != "running":
                break
        answer = ec2.get_network_insights_access_scope_analysis_findings(NetworkInsightsAccessScopeAnalysisId=analysis)
        return {one["FindingComponents"][-1]["Component"]["Id"] for one in answer["AnalysisFindings"]}

    match = [{"Source": internet, "Destination": in_vpc}]
    reached = findings(MatchPaths=match)
    assert network.interfaces["alb"] in reached and network.interfaces["rds"] not in reached
    balancer = {"ResourceStatement": {"Resources": [network.interfaces["alb"]]}}
    assert network.interfaces["alb"] not in findings(MatchPaths=match, ExcludePaths=[{"Source": internet, "Destination": balancer}])
