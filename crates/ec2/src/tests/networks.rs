//! VPCs with what is in them.

use super::cloud;
use cloudlet_api_ec2::*;
use cloudlet_testing::TestCloud;

pub async fn new_vpc(cloud: &TestCloud, cidr: &str) -> String {
    cloud.ok::<CreateVpc>(CreateVpcRequest { cidr_block: Some(cidr.into()), ..Default::default() }).await.vpc.unwrap().vpc_id.unwrap()
}

pub async fn new_subnet(cloud: &TestCloud, vpc: &str, cidr: &str) -> String {
    let input =
        CreateSubnetRequest { vpc_id: vpc.into(), cidr_block: Some(cidr.into()), availability_zone: Some("us-east-1a".into()), ..Default::default() };
    cloud.ok::<CreateSubnet>(input).await.subnet.unwrap().subnet_id.unwrap()
}

pub async fn new_interface(cloud: &TestCloud, subnet: &str, groups: &[&str]) -> NetworkInterface {
    let groups = (!groups.is_empty()).then(|| groups.iter().map(|group| (*group).to_owned()).collect());
    let input = CreateNetworkInterfaceRequest { subnet_id: subnet.into(), groups, ..Default::default() };
    cloud.ok::<CreateNetworkInterface>(input).await.network_interface.unwrap()
}

pub async fn main_table(cloud: &TestCloud, vpc: &str) -> RouteTable {
    let filters = Some(vec![filter("vpc-id", vpc), filter("association.main", "true")]);
    cloud.ok::<DescribeRouteTables>(DescribeRouteTablesRequest { filters, ..Default::default() }).await.route_tables.unwrap().remove(0)
}

pub fn filter(name: &str, value: &str) -> Filter {
    Filter { name: Some(name.into()), values: Some(vec![value.into()]) }
}

/// An internet gateway, and the main table's route to it.
pub async fn open(cloud: &TestCloud, vpc: &str) -> String {
    let gateway = cloud.ok::<CreateInternetGateway>(CreateInternetGatewayRequest::default()).await.internet_gateway.unwrap();
    let gateway = gateway.internet_gateway_id.unwrap();
    let attach = AttachInternetGatewayRequest { internet_gateway_id: gateway.clone(), vpc_id: vpc.into(), dry_run: None };
    cloud.ok::<AttachInternetGateway>(attach).await;
    let table = main_table(cloud, vpc).await.route_table_id.unwrap();
    let route = CreateRouteRequest {
        route_table_id: table,
        destination_cidr_block: Some("0.0.0.0/0".into()),
        gateway_id: Some(gateway.clone()),
        ..Default::default()
    };
    cloud.ok::<CreateRoute>(route).await;
    gateway
}

#[tokio::test]
async fn a_default_vpc_has_all_that_a_network_needs() {
    let cloud = cloud();
    let vpc = cloud.ok::<DescribeVpcs>(DescribeVpcsRequest::default()).await.vpcs.unwrap().remove(0).vpc_id.unwrap();
    let subnets = cloud.ok::<DescribeSubnets>(DescribeSubnetsRequest::default()).await.subnets.unwrap();
    assert_eq!(subnets.len(), 6);
    assert!(subnets.iter().all(|subnet| subnet.map_public_ip_on_launch == Some(true) && subnet.available_ip_address_count == Some(4_091)));
    let table = main_table(&cloud, &vpc).await;
    let routes: Vec<_> = table.routes.unwrap().into_iter().map(|route| (route.destination_cidr_block.unwrap(), route.gateway_id.unwrap())).collect();
    assert_eq!((routes[0].0.as_str(), routes[0].1.as_str()), ("172.31.0.0/16", "local"));
    assert!(routes[1].0 == "0.0.0.0/0" && routes[1].1.starts_with("igw-"));
    let acl = cloud.ok::<DescribeNetworkAcls>(DescribeNetworkAclsRequest::default()).await.network_acls.unwrap().remove(0);
    let entries: Vec<_> =
        acl.entries.unwrap().into_iter().map(|entry| (entry.egress.unwrap(), entry.rule_number.unwrap(), entry.rule_action.unwrap())).collect();
    let expected = [(true, 100, "allow"), (true, 32_767, "deny"), (false, 100, "allow"), (false, 32_767, "deny")];
    assert_eq!(entries, expected.map(|(egress, number, action)| (egress, number, action.to_owned())));
    assert_eq!(acl.associations.unwrap().len(), 6);
}

#[tokio::test]
async fn a_subnet_is_within_its_vpc_and_beside_the_others() {
    let cloud = cloud();
    let vpc = new_vpc(&cloud, "10.0.0.0/16").await;
    new_subnet(&cloud, &vpc, "10.0.0.0/24").await;
    for (cidr, code) in [
        ("10.0.0.128/25", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.1.0/29", "InvalidSubnet.Range"),
        ("10.0.1.0", "InvalidParameterValue"),
    ] {
        let input = CreateSubnetRequest { vpc_id: vpc.clone(), cidr_block: Some(cidr.into()), ..Default::default() };
        assert_eq!(cloud.expect_fault::<CreateSubnet>(input).await.code(), code, "{cidr}");
    }
    let delete = DeleteVpcRequest { vpc_id: vpc.clone(), dry_run: None };
    let fault = cloud.expect_fault::<DeleteVpc>(delete).await;
    assert_eq!((fault.code(), fault.message()), ("DependencyViolation", format!("The vpc '{vpc}' has dependencies and cannot be deleted.").as_str()));
}

#[tokio::test]
async fn routes_are_there_once_and_turn_to_blackholes() {
    let cloud = cloud();
    let vpc = new_vpc(&cloud, "10.0.0.0/16").await;
    let gateway = open(&cloud, &vpc).await;
    let table = main_table(&cloud, &vpc).await.route_table_id.unwrap();
    let again = CreateRouteRequest {
        route_table_id: table.clone(),
        destination_cidr_block: Some("0.0.0.0/0".into()),
        gateway_id: Some(gateway.clone()),
        ..Default::default()
    };
    assert_eq!(cloud.expect_fault::<CreateRoute>(again).await.message(), "The route identified by 0.0.0.0/0 already exists.");
    let detach = DetachInternetGatewayRequest { internet_gateway_id: gateway, vpc_id: vpc.clone(), dry_run: None };
    cloud.ok::<DetachInternetGateway>(detach).await;
    let states: Vec<_> = main_table(&cloud, &vpc).await.routes.unwrap().into_iter().map(|route| route.state.unwrap()).collect();
    assert_eq!(states, ["active", "blackhole"]);
    let delete = DeleteRouteRequest { route_table_id: table.clone(), destination_cidr_block: Some("10.9.0.0/16".into()), ..Default::default() };
    let fault = cloud.expect_fault::<DeleteRoute>(delete).await;
    assert_eq!(fault.message(), format!("no route with destination-cidr-block 10.9.0.0/16 in route table {table}"));
}

#[tokio::test]
async fn tags_are_on_every_kind_and_select() {
    let cloud = cloud();
    let vpc = new_vpc(&cloud, "10.0.0.0/16").await;
    let subnet = new_subnet(&cloud, &vpc, "10.0.0.0/24").await;
    let tag = Tag { key: Some("team".into()), value: Some("a".into()) };
    let create = CreateTagsRequest { resources: vec![vpc.clone(), subnet.clone()], tags: vec![tag.clone()], dry_run: None };
    cloud.ok::<CreateTags>(create).await;
    let found = cloud
        .ok::<DescribeSubnets>(DescribeSubnetsRequest { filters: Some(vec![filter("tag:team", "a*")]), ..Default::default() })
        .await
        .subnets
        .unwrap();
    assert_eq!((found.len(), found[0].subnet_id.as_ref()), (1, Some(&subnet)));
    let all = cloud.ok::<DescribeTags>(DescribeTagsRequest { filters: Some(vec![filter("key", "team")]), ..Default::default() }).await.tags.unwrap();
    let kinds: Vec<_> = all.into_iter().map(|tag| tag.resource_type.unwrap()).collect();
    assert_eq!(kinds, ["subnet", "vpc"]);
    let delete = DeleteTagsRequest { resources: vec![subnet.clone()], tags: Some(vec![Tag { value: Some("b".into()), ..tag }]), dry_run: None };
    cloud.ok::<DeleteTags>(delete.clone()).await;
    let left = |cloud: TestCloud| async move { cloud.ok::<DescribeTags>(DescribeTagsRequest::default()).await.tags.unwrap().len() };
    cloud.ok::<DeleteTags>(DeleteTagsRequest { tags: None, ..delete }).await;
    let again = cloud.restart();
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
    assert_eq!(left(again).await, 1);
    let unknown = CreateTagsRequest {
        resources: vec!["vpc-0123456789abcdef0".into()],
        tags: vec![Tag { key: Some("a".into()), value: Some(String::new()) }],
        dry_run: None,
    };
    assert_eq!(cloud.expect_fault::<CreateTags>(unknown).await.code(), "InvalidVpcID.NotFound");
}

#[tokio::test]
async fn an_interface_has_groups_of_its_vpc_and_holds_them() {
    let cloud = cloud();
    let vpc = new_vpc(&cloud, "10.0.0.0/16").await;
    let subnet = new_subnet(&cloud, &vpc, "10.0.0.0/24").await;
    let group = super::group(&cloud, "app", Some(&vpc)).await;
    let foreign = super::group(&cloud, "foreign", None).await;
    let interface = new_interface(&cloud, &subnet, &[&group]).await;
    let id = interface.network_interface_id.unwrap();
    assert_eq!(interface.private_ip_address.as_deref(), Some("10.0.0.4"));
    let wrong = CreateNetworkInterfaceRequest { subnet_id: subnet.clone(), groups: Some(vec![foreign]), ..Default::default() };
    assert_eq!(cloud.expect_fault::<CreateNetworkInterface>(wrong).await.code(), "InvalidGroup.NotFound");
    let taken = CreateNetworkInterfaceRequest { subnet_id: subnet.clone(), private_ip_address: Some("10.0.0.4".into()), ..Default::default() };
    assert_eq!(cloud.expect_fault::<CreateNetworkInterface>(taken).await.code(), "InvalidIPAddress.InUse");
    let delete = DeleteSecurityGroupRequest { group_id: Some(group.clone()), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DeleteSecurityGroup>(delete.clone()).await.code(), "DependencyViolation");
    let six: Vec<String> = futures(&cloud, &vpc).await;
    let many = ModifyNetworkInterfaceAttributeRequest { network_interface_id: id.clone(), groups: Some(six), ..Default::default() };
    assert_eq!(cloud.expect_fault::<ModifyNetworkInterfaceAttribute>(many).await.code(), "SecurityGroupsPerInterfaceLimitExceeded");
    cloud.ok::<DeleteNetworkInterface>(DeleteNetworkInterfaceRequest { network_interface_id: id, dry_run: None }).await;
    cloud.ok::<DeleteSecurityGroup>(delete).await;
}

async fn futures(cloud: &TestCloud, vpc: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for index in 0..6 {
        ids.push(super::group(cloud, &format!("group-{index}"), Some(vpc)).await);
    }
    ids
}

#[tokio::test]
async fn a_prefix_list_has_versions_and_counts_in_rules() {
    let cloud = cloud();
    let create = CreateManagedPrefixListRequest {
        prefix_list_name: "offices".into(),
        max_entries: 50,
        address_family: "IPv4".into(),
        entries: Some(vec![AddPrefixListEntry { cidr: "10.1.0.0/16".into(), description: None }]),
        ..Default::default()
    };
    let list = cloud.ok::<CreateManagedPrefixList>(create).await.prefix_list.unwrap().prefix_list_id.unwrap();
    let modify = ModifyManagedPrefixListRequest {
        prefix_list_id: list.clone(),
        current_version: Some(1),
        add_entries: Some(vec![AddPrefixListEntry { cidr: "10.2.0.0/16".into(), description: None }]),
        ..Default::default()
    };
    assert_eq!(cloud.ok::<ModifyManagedPrefixList>(modify.clone()).await.prefix_list.unwrap().version, Some(2));
    assert_eq!(cloud.expect_fault::<ModifyManagedPrefixList>(modify).await.code(), "PrefixListVersionMismatch");
    let group = super::group(&cloud, "web", None).await;
    let by_list = |id: &str, port| IpPermission {
        ip_ranges: None,
        prefix_list_ids: Some(vec![PrefixListId { prefix_list_id: Some(id.into()), description: None }]),
        ..super::permission("tcp", port, port, "")
    };
    cloud.ok::<AuthorizeSecurityGroupIngress>(super::ingress(&group, by_list(&list, 80))).await;
    // It counts fifty, and sixty are allowed.
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(super::ingress(&group, by_list(&list, 81))).await;
    assert_eq!(fault.code(), "RulesPerSecurityGroupLimitExceeded");
    let delete = DeleteManagedPrefixListRequest { prefix_list_id: list, dry_run: None };
    assert_eq!(cloud.expect_fault::<DeleteManagedPrefixList>(delete).await.code(), "PrefixListInUse");
    let own = cloud
        .ok::<DescribeManagedPrefixLists>(DescribeManagedPrefixListsRequest { filters: Some(vec![filter("owner-id", "AWS")]), ..Default::default() })
        .await;
    let names: Vec<_> = own.prefix_lists.unwrap().into_iter().map(|list| list.prefix_list_name.unwrap()).collect();
    assert!(names.contains(&"com.amazonaws.us-east-1.s3".to_owned()) && names.contains(&"com.amazonaws.global.cloudfront.origin-facing".to_owned()));
}
