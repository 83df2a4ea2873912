//! Whether a packet would pass, asked by paths and analyses.

use super::{cloud, group, ingress, networks, of_group, permission};
use cloudlet_api_ec2::*;
use cloudlet_testing::TestCloud;

async fn analyze(cloud: &TestCloud, source: &str, destination: &str, port: i32) -> NetworkInsightsAnalysis {
    let input = CreateNetworkInsightsPathRequest {
        source: source.into(),
        destination: Some(destination.into()),
        protocol: "tcp".into(),
        destination_port: Some(port),
        client_token: format!("{source}{destination}{port}"),
        ..Default::default()
    };
    let path = cloud.ok::<CreateNetworkInsightsPath>(input).await.network_insights_path.unwrap().network_insights_path_id.unwrap();
    let start = StartNetworkInsightsAnalysisRequest { network_insights_path_id: path, ..Default::default() };
    let started = cloud.ok::<StartNetworkInsightsAnalysis>(start).await.network_insights_analysis.unwrap();
    assert_eq!(started.status.as_deref(), Some("running"));
    cloud.advance(5);
    let ids = Some(vec![started.network_insights_analysis_id.unwrap()]);
    let input = DescribeNetworkInsightsAnalysesRequest { network_insights_analysis_ids: ids, ..Default::default() };
    cloud.ok::<DescribeNetworkInsightsAnalyses>(input).await.network_insights_analyses.unwrap().remove(0)
}

fn codes(analysis: &NetworkInsightsAnalysis) -> Vec<&str> {
    analysis.explanations.iter().flatten().filter_map(|explanation| explanation.explanation_code.as_deref()).collect()
}

#[tokio::test]
async fn groups_decide_and_are_named() {
    let cloud = cloud();
    let vpc = networks::new_vpc(&cloud, "10.0.0.0/16").await;
    let (front, back) = (networks::new_subnet(&cloud, &vpc, "10.0.0.0/24").await, networks::new_subnet(&cloud, &vpc, "10.0.1.0/24").await);
    let (app, rds) = (group(&cloud, "app", Some(&vpc)).await, group(&cloud, "rds", Some(&vpc)).await);
    let source = networks::new_interface(&cloud, &front, &[&app]).await.network_interface_id.unwrap();
    let target = networks::new_interface(&cloud, &back, &[&rds]).await.network_interface_id.unwrap();
    let shut = analyze(&cloud, &source, &target, 3306).await;
    assert_eq!((shut.network_path_found, codes(&shut)), (Some(false), vec!["SG_HAS_NO_RULES"]));
    cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&rds, of_group(&app, 3306))).await;
    let open = analyze(&cloud, &source, &target, 3306).await;
    assert_eq!(open.network_path_found, Some(true));
    let way: Vec<String> = open.forward_path_components.unwrap().into_iter().map(|hop| hop.component.unwrap().id.unwrap()).collect();
    let kinds: Vec<&str> = way.iter().map(|id| id.split('-').next().unwrap()).collect();
    assert_eq!(kinds, ["eni", "sg", "acl", "rtb", "acl", "sg", "eni"]);
    let other = analyze(&cloud, &source, &target, 22).await;
    assert_eq!(codes(&other), ["ENI_SG_RULES_MISMATCH"]);
    assert_eq!(other.explanations.unwrap()[0].security_groups.as_ref().unwrap()[0].id.as_ref(), Some(&rds));
}

#[tokio::test]
async fn from_the_internet_an_address_is_needed_and_all_is_said() {
    let cloud = cloud();
    let vpc = networks::new_vpc(&cloud, "10.0.0.0/16").await;
    let gateway = networks::open(&cloud, &vpc).await;
    let subnet = networks::new_subnet(&cloud, &vpc, "10.0.0.0/24").await;
    let web = group(&cloud, "web", Some(&vpc)).await;
    let interface = networks::new_interface(&cloud, &subnet, &[&web]).await.network_interface_id.unwrap();
    let acl = cloud
        .ok::<DescribeNetworkAcls>(DescribeNetworkAclsRequest { filters: Some(vec![networks::filter("vpc-id", &vpc)]), ..Default::default() })
        .await;
    let acl = acl.network_acls.unwrap().remove(0).network_acl_id.unwrap();
    let deny = CreateNetworkAclEntryRequest {
        network_acl_id: acl.clone(),
        rule_number: 50,
        protocol: "6".into(),
        rule_action: "deny".into(),
        egress: false,
        cidr_block: Some("0.0.0.0/0".into()),
        port_range: Some(PortRange { from: Some(443), to: Some(443) }),
        ..Default::default()
    };
    cloud.ok::<CreateNetworkAclEntry>(deny).await;
    let all = analyze(&cloud, &gateway, &interface, 443).await;
    assert_eq!(
        codes(&all),
        ["IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "SUBNET_ACL_RESTRICTION", "SG_HAS_NO_RULES", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]
    );
    cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&web, permission("tcp", 443, 443, "0.0.0.0/0"))).await;
    cloud.ok::<DeleteNetworkAclEntry>(DeleteNetworkAclEntryRequest { network_acl_id: acl, rule_number: 50, egress: false, dry_run: None }).await;
    let address = cloud.ok::<AllocateAddress>(AllocateAddressRequest::default()).await.allocation_id;
    let associate = AssociateAddressRequest { allocation_id: address, network_interface_id: Some(interface.clone()), ..Default::default() };
    cloud.ok::<AssociateAddress>(associate).await;
    let open = analyze(&cloud, &gateway, &interface, 443).await;
    assert_eq!((open.network_path_found, codes(&open)), (Some(true), vec![]));
    let again = cloud.restart();
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
}
