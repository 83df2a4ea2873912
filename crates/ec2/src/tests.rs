mod access_scopes;
mod client_tokens;
mod endpoints;
mod images;
mod insights;
mod instances;
mod launch_templates;
mod networks;
mod shared_groups;

use crate::{filters::matches, service};
use cloudlet_api_ec2::*;
use cloudlet_testing::{TestCloud, user};

fn cloud() -> TestCloud {
    TestCloud::builder().service(|parts| service(&parts.journal)).journaled().build()
}

fn permission(protocol: &str, from: i32, to: i32, cidr: &str) -> IpPermission {
    let range = IpRange { cidr_ip: Some(cidr.into()), description: None };
    IpPermission { ip_protocol: Some(protocol.into()), from_port: Some(from), to_port: Some(to), ip_ranges: Some(vec![range]), ..Default::default() }
}

fn of_group(id: &str, port: i32) -> IpPermission {
    let pair = UserIdGroupPair { group_id: Some(id.into()), ..Default::default() };
    IpPermission { ip_ranges: None, user_id_group_pairs: Some(vec![pair]), ..permission("tcp", port, port, "") }
}

fn new_group(name: &str, vpc: Option<&str>) -> CreateSecurityGroupRequest {
    CreateSecurityGroupRequest { group_name: name.into(), description: "d".into(), vpc_id: vpc.map(Into::into), ..Default::default() }
}

fn ingress(group: &str, permission: IpPermission) -> AuthorizeSecurityGroupIngressRequest {
    AuthorizeSecurityGroupIngressRequest { group_id: Some(group.into()), ip_permissions: Some(vec![permission]), ..Default::default() }
}

async fn group(cloud: &TestCloud, name: &str, vpc: Option<&str>) -> String {
    cloud.ok::<CreateSecurityGroup>(new_group(name, vpc)).await.group_id.unwrap()
}

async fn described(cloud: &TestCloud, id: &str) -> SecurityGroup {
    let input = DescribeSecurityGroupsRequest { group_ids: Some(vec![id.into()]), ..Default::default() };
    cloud.ok::<DescribeSecurityGroups>(input).await.security_groups.unwrap().remove(0)
}

async fn vpc(cloud: &TestCloud) -> String {
    let input = CreateVpcRequest { cidr_block: Some("10.0.5.0/16".into()), ..Default::default() };
    let made = cloud.ok::<CreateVpc>(input).await.vpc.unwrap();
    assert_eq!(made.cidr_block.as_deref(), Some("10.0.0.0/16"));
    made.vpc_id.unwrap()
}

#[tokio::test]
async fn a_region_has_a_default_vpc_with_its_group() {
    let cloud = cloud();
    let vpcs = cloud.ok::<DescribeVpcs>(DescribeVpcsRequest::default()).await.vpcs.unwrap();
    assert_eq!((vpcs.len(), vpcs[0].is_default, vpcs[0].cidr_block.as_deref()), (1, Some(true), Some("172.31.0.0/16")));
    let groups = cloud.ok::<DescribeSecurityGroups>(DescribeSecurityGroupsRequest::default()).await.security_groups.unwrap();
    assert_eq!((groups.len(), groups[0].group_name.as_deref()), (1, Some("default")));
    let delete = DeleteSecurityGroupRequest { group_id: groups[0].group_id.clone(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DeleteSecurityGroup>(delete).await.code(), "CannotDelete");
}

#[tokio::test]
async fn a_rule_is_normalised_and_is_there_once() {
    let cloud = cloud();
    let id = group(&cloud, "web", None).await;
    let added = cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("6", 80, 80, "100.68.0.18/18"))).await;
    let rule = added.security_group_rules.unwrap().remove(0);
    assert_eq!((rule.ip_protocol.as_deref(), rule.cidr_ipv4.as_deref()), (Some("tcp"), Some("100.68.0.0/18")));
    cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("tcp", 80, 80, "0.0.0.0/0"))).await;
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("tcp", 80, 80, "0.0.0.0/0"))).await;
    assert_eq!(fault.message(), r#"the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists"#);
    let shown = described(&cloud, &id).await;
    let merged = shown.ip_permissions.unwrap();
    assert_eq!((merged.len(), merged[0].ip_ranges.as_ref().unwrap().len()), (1, 2));
    assert_eq!(shown.ip_permissions_egress.unwrap()[0].from_port, None);
    let fault = cloud.expect_fault::<CreateSecurityGroup>(new_group("web", None)).await;
    assert_eq!(fault.code(), "InvalidGroup.Duplicate");
}

#[tokio::test]
async fn a_bad_rule_refuses_the_call() {
    let cloud = cloud();
    let id = group(&cloud, "web", None).await;
    for (bad, message) in [
        (permission("tcp", 80, 80, "10.0.0.0/33"), "CIDR block 10.0.0.0/33 is malformed"),
        (
            IpPermission { to_port: None, ..permission("tcp", 80, 80, "10.0.0.0/8") },
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        ),
        (permission("xyz", 1, 1, "10.0.0.0/8"), "Invalid value 'xyz' for IP protocol. Unknown protocol."),
    ] {
        let mut input = ingress(&id, permission("tcp", 22, 22, "10.0.0.0/8"));
        input.ip_permissions.as_mut().unwrap().push(bad);
        assert_eq!(cloud.expect_fault::<AuthorizeSecurityGroupIngress>(input).await.message(), message);
    }
    assert!(described(&cloud, &id).await.ip_permissions.unwrap().is_empty());
    let dry = AuthorizeSecurityGroupIngressRequest { dry_run: Some(true), ..ingress(&id, permission("tcp", 22, 22, "10.0.0.0/8")) };
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(dry).await;
    assert_eq!((fault.code(), fault.status()), ("DryRunOperation", 412));
    for port in 1..=60 {
        cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("tcp", port, port, "10.0.0.0/8"))).await;
    }
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(ingress(&id, permission("tcp", 61, 61, "10.0.0.0/8"))).await;
    assert_eq!(fault.code(), "RulesPerSecurityGroupLimitExceeded");
}

#[tokio::test]
async fn references_hold_a_group_and_survive_a_restart() {
    let cloud = cloud();
    let vpc = vpc(&cloud).await;
    let (alb, app) = (group(&cloud, "alb", Some(&vpc)).await, group(&cloud, "app", Some(&vpc)).await);
    cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&app, of_group(&alb, 80))).await;
    let delete = |id: &str| DeleteSecurityGroupRequest { group_id: Some(id.to_owned()), ..Default::default() };
    let fault = cloud.expect_fault::<DeleteSecurityGroup>(delete(&alb)).await;
    assert_eq!((fault.code(), fault.message()), ("DependencyViolation", format!("resource {alb} has a dependent object").as_str()));
    let other = group(&cloud, "other", None).await;
    let fault = cloud.expect_fault::<AuthorizeSecurityGroupIngress>(ingress(&other, of_group(&alb, 80))).await;
    assert_eq!(fault.message(), "You have specified two resources that belong to different networks.");

    let again = cloud.restart();
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
    let revoke =
        RevokeSecurityGroupIngressRequest { group_id: Some(app.clone()), ip_permissions: Some(vec![of_group(&alb, 80)]), ..Default::default() };
    assert_eq!(again.ok::<RevokeSecurityGroupIngress>(revoke.clone()).await.revoked_security_group_rules.unwrap().len(), 1);
    assert_eq!(again.expect_fault::<RevokeSecurityGroupIngress>(revoke).await.code(), "InvalidPermission.NotFound");
    again.ok::<DeleteSecurityGroup>(delete(&alb)).await;
}

#[tokio::test]
async fn a_user_without_policies_is_denied() {
    let cloud = cloud();
    let fault = cloud.expect_fault_as::<DescribeVpcs>(user(cloud.account(), "bob"), DescribeVpcsRequest::default()).await;
    assert_eq!(fault.code(), "UnauthorizedOperation");
}

#[test]
fn patterns_are_read() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a?c", "ac", false),
        ("*b*c", "abxbc", true),
        ("a*", "ba", false),
        (r"\*a", "*a", true),
        (r"\*a", "xa", false),
        (r"a\?", "a?", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
