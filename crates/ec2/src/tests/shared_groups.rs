//! Groups that refer to groups of other VPCs, rules that are changed, and what becomes stale.

use super::{cloud, described, group, ingress, networks::new_vpc, of_group, permission};
use cloudlet_api_ec2::*;
use cloudlet_testing::TestCloud;

async fn peer(cloud: &TestCloud, one: &str, two: &str) -> String {
    let input = CreateVpcPeeringConnectionRequest { vpc_id: one.into(), peer_vpc_id: Some(two.into()), ..Default::default() };
    let made = cloud.ok::<CreateVpcPeeringConnection>(input).await.vpc_peering_connection.unwrap();
    let id = made.vpc_peering_connection_id.unwrap();
    cloud.ok::<AcceptVpcPeeringConnection>(AcceptVpcPeeringConnectionRequest { vpc_peering_connection_id: id.clone(), dry_run: None }).await;
    id
}

#[tokio::test]
async fn a_reference_through_a_peering_turns_stale() {
    let cloud = cloud();
    let (one, two) = (new_vpc(&cloud, "10.0.0.0/16").await, new_vpc(&cloud, "10.1.0.0/16").await);
    let (web, db) = (group(&cloud, "web", Some(&one)).await, group(&cloud, "db", Some(&two)).await);
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(ingress(&db, of_group(&web, 3306))).await;
    assert_eq!(fault.message(), "You have specified two resources that belong to different networks.");
    let peering = peer(&cloud, &one, &two).await;
    cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&db, of_group(&web, 3306))).await;
    let pair = described(&cloud, &db).await.ip_permissions.unwrap()[0].user_id_group_pairs.clone().unwrap().remove(0);
    assert_eq!(
        (pair.vpc_id.as_ref(), pair.vpc_peering_connection_id.as_ref(), pair.peering_status.as_deref()),
        (Some(&one), Some(&peering), Some("active"))
    );
    let references = DescribeSecurityGroupReferencesRequest { group_id: vec![web.clone()], dry_run: None };
    let reference = cloud.ok::<DescribeSecurityGroupReferences>(references).await.security_group_reference_set.unwrap().remove(0);
    assert_eq!(reference.referencing_vpc_id, Some(two.clone()));
    let stale = DescribeStaleSecurityGroupsRequest { vpc_id: two, ..Default::default() };
    assert!(cloud.ok::<DescribeStaleSecurityGroups>(stale.clone()).await.stale_security_group_set.unwrap().is_empty());
    cloud.ok::<DeleteVpcPeeringConnection>(DeleteVpcPeeringConnectionRequest { vpc_peering_connection_id: peering, dry_run: None }).await;
    let set = cloud.ok::<DescribeStaleSecurityGroups>(stale).await.stale_security_group_set.unwrap();
    assert_eq!((set.len(), set[0].group_id.as_ref()), (1, Some(&db)));
    // A stale reference holds nothing.
    cloud.ok::<DeleteSecurityGroup>(DeleteSecurityGroupRequest { group_id: Some(web.clone()), ..Default::default() }).await;
    let revoke = RevokeSecurityGroupIngressRequest { group_id: Some(db), ip_permissions: Some(vec![of_group(&web, 3306)]), ..Default::default() };
    cloud.ok::<RevokeSecurityGroupIngress>(revoke).await;
}

#[tokio::test]
async fn rules_are_changed_by_their_ids() {
    let cloud = cloud();
    let id = group(&cloud, "web", None).await;
    let mut rules = Vec::new();
    for port in [80, 81] {
        let added = cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("tcp", port, port, "10.0.0.0/8"))).await;
        rules.push(added.security_group_rules.unwrap().remove(0).security_group_rule_id.unwrap());
    }
    let change = |rule: &str, port: i32, cidr: &str| ModifySecurityGroupRulesRequest {
        group_id: id.clone(),
        security_group_rules: vec![SecurityGroupRuleUpdate {
            security_group_rule_id: rule.to_owned(),
            security_group_rule: Some(SecurityGroupRuleRequest {
                ip_protocol: Some("tcp".into()),
                from_port: Some(port),
                to_port: Some(port),
                cidr_ipv4: Some(cidr.into()),
                description: Some("new".into()),
                ..Default::default()
            }),
        }],
        dry_run: None,
    };
    cloud.ok::<ModifySecurityGroupRules>(change(&rules[0], 443, "0.0.0.0/0")).await;
    let fault = cloud.expect_fault::<ModifySecurityGroupRules>(change(&rules[1], 443, "0.0.0.0/0")).await;
    assert_eq!(fault.message(), r#"the specified rule "peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW" already exists"#);
    let fault = cloud.expect_fault::<ModifySecurityGroupRules>(change("sgr-0123456789abcdef0", 1, "0.0.0.0/0")).await;
    assert_eq!(fault.message(), "The security group rule ID 'sgr-0123456789abcdef0' does not exist");
    let describe = DescribeSecurityGroupRulesRequest { security_group_rule_ids: Some(vec![rules[0].clone()]), ..Default::default() };
    let shown = cloud.ok::<DescribeSecurityGroupRules>(describe).await.security_group_rules.unwrap().remove(0);
    assert_eq!((shown.from_port, shown.description.as_deref()), (Some(443), Some("new")));
    let texts = UpdateSecurityGroupRuleDescriptionsIngressRequest {
        group_id: Some(id.clone()),
        security_group_rule_descriptions: Some(vec![SecurityGroupRuleDescription {
            security_group_rule_id: Some(rules[1].clone()),
            description: Some("other".into()),
        }]),
        ..Default::default()
    };
    cloud.ok::<UpdateSecurityGroupRuleDescriptionsIngress>(texts).await;
    let all = described(&cloud, &id).await.ip_permissions.unwrap();
    let texts: Vec<_> = all.iter().flat_map(|permission| permission.ip_ranges.clone().unwrap()).map(|range| range.description.unwrap()).collect();
    assert_eq!(texts, ["new", "other"]);
}

#[tokio::test]
async fn an_associated_group_is_used_in_the_second_vpc() {
    let cloud = cloud();
    let (one, two) = (new_vpc(&cloud, "10.0.0.0/16").await, new_vpc(&cloud, "10.1.0.0/16").await);
    let web = group(&cloud, "web", Some(&one)).await;
    let associate = AssociateSecurityGroupVpcRequest { group_id: web.clone(), vpc_id: two.clone(), dry_run: None };
    assert_eq!(cloud.ok::<AssociateSecurityGroupVpc>(associate).await.state.as_deref(), Some("associating"));
    let subnet = super::networks::new_subnet(&cloud, &two, "10.1.0.0/24").await;
    super::networks::new_interface(&cloud, &subnet, &[&web]).await;
    let of_two = GetSecurityGroupsForVpcRequest { vpc_id: two.clone(), ..Default::default() };
    let found = cloud.ok::<GetSecurityGroupsForVpc>(of_two).await.security_group_for_vpcs.unwrap();
    assert!(found.iter().any(|group| group.group_id.as_ref() == Some(&web) && group.primary_vpc_id.as_ref() == Some(&one)));
    let disassociate = DisassociateSecurityGroupVpcRequest { group_id: web, vpc_id: two, dry_run: None };
    assert_eq!(cloud.expect_fault::<DisassociateSecurityGroupVpc>(disassociate).await.code(), "DependencyViolation");
}
