use super::{cloud, vpc};
use cloudlet_api_ec2::*;

#[tokio::test]
async fn a_call_with_its_token_again_makes_nothing() {
    let cloud = cloud();
    let vpc = vpc(&cloud).await;
    let create = CreateRouteTableRequest { vpc_id: vpc.clone(), client_token: Some("once".into()), ..Default::default() };
    let first = cloud.ok::<CreateRouteTable>(create.clone()).await.route_table.unwrap();
    let cloud = cloud.restart();
    let again = cloud.ok::<CreateRouteTable>(create.clone()).await.route_table.unwrap();
    assert_eq!(again.route_table_id, first.route_table_id);
    // The token of another operation is another token.
    let acl = CreateNetworkAclRequest { vpc_id: vpc.clone(), client_token: Some("once".into()), ..Default::default() };
    let acl = cloud.ok::<CreateNetworkAcl>(acl).await.network_acl.unwrap();
    assert!(acl.network_acl_id.unwrap().starts_with("acl-"));

    let tags = vec![TagSpecification {
        resource_type: Some("route-table".into()),
        tags: Some(vec![Tag { key: Some("a".into()), value: Some("b".into()) }]),
    }];
    let other = CreateRouteTableRequest { tag_specifications: Some(tags), ..create.clone() };
    let fault = cloud.expect_fault::<CreateRouteTable>(other.clone()).await;
    assert_eq!(
        (fault.code(), fault.message()),
        ("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
    );
    // A day later nobody remembers it; nor what was deleted.
    cloud.advance(24 * 3_600);
    let second = cloud.ok::<CreateRouteTable>(other.clone()).await.route_table.unwrap().route_table_id.unwrap();
    assert_ne!(Some(&second), first.route_table_id.as_ref());
    cloud.ok::<DeleteRouteTable>(DeleteRouteTableRequest { route_table_id: second.clone(), ..Default::default() }).await;
    assert_ne!(cloud.ok::<CreateRouteTable>(other).await.route_table.unwrap().route_table_id, Some(second));
}

#[tokio::test]
async fn a_launch_with_its_token_again_is_the_same_instances() {
    let cloud = cloud();
    let run = RunInstancesRequest {
        image_id: Some("ami-0123456789abcdef0".into()),
        min_count: 2,
        max_count: 2,
        client_token: Some("launch".into()),
        ..Default::default()
    };
    let ids = |reservation: Reservation| reservation.instances.unwrap().into_iter().filter_map(|one| one.instance_id).collect::<Vec<_>>();
    let first = ids(cloud.ok::<RunInstances>(run.clone()).await);
    assert_eq!(ids(cloud.ok::<RunInstances>(run.clone()).await), first);
    let fault = cloud.expect_fault::<RunInstances>(RunInstancesRequest { max_count: 3, ..run.clone() }).await;
    assert_eq!(fault.code(), "IdempotentParameterMismatch");
    cloud.ok::<TerminateInstances>(TerminateInstancesRequest { instance_ids: first, ..Default::default() }).await;
    assert_eq!(cloud.expect_fault::<RunInstances>(run).await.code(), "IdempotentInstanceTerminated");
}
