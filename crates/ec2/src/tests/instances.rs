use super::{cloud, networks};
use cloudlet_api_ec2::*;
use cloudlet_testing::TestCloud;

async fn run(cloud: &TestCloud, count: i32) -> Vec<Instance> {
    let input = RunInstancesRequest {
        image_id: Some("ami-0123456789abcdef0".into()),
        instance_type: Some("t3.micro".into()),
        min_count: count,
        max_count: count,
        ..Default::default()
    };
    cloud.ok::<RunInstances>(input).await.instances.unwrap()
}

async fn described(cloud: &TestCloud, id: &str) -> Instance {
    let input = DescribeInstancesRequest { instance_ids: Some(vec![id.into()]), ..Default::default() };
    cloud.ok::<DescribeInstances>(input).await.reservations.unwrap().remove(0).instances.unwrap().remove(0)
}

fn state(instance: &Instance) -> &str {
    instance.state.as_ref().unwrap().name.as_deref().unwrap()
}

#[tokio::test]
async fn an_instance_lives_and_dies_by_the_clock() {
    let cloud = cloud();
    let made = run(&cloud, 2).await;
    assert_eq!((made.len(), state(&made[0]), made[1].ami_launch_index), (2, "pending", Some(1)));
    let id = made[0].instance_id.clone().unwrap();
    cloud.advance(10);
    let running = described(&cloud, &id).await;
    assert_eq!(state(&running), "running");
    let public = running.public_ip_address.clone().unwrap();
    let stop = StopInstancesRequest { instance_ids: vec![id.clone()], ..Default::default() };
    let change = cloud.ok::<StopInstances>(stop).await.stopping_instances.unwrap().remove(0);
    assert_eq!(change.current_state.unwrap().name.as_deref(), Some("stopping"));
    cloud.advance(10);
    let stopped = described(&cloud, &id).await;
    assert_eq!((state(&stopped), stopped.public_ip_address.as_deref()), ("stopped", None));
    cloud.ok::<StartInstances>(StartInstancesRequest { instance_ids: vec![id.clone()], ..Default::default() }).await;
    assert_ne!(described(&cloud, &id).await.public_ip_address, Some(public));
    let again = cloud.restart();
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
    cloud.ok::<TerminateInstances>(TerminateInstancesRequest { instance_ids: vec![id.clone()], ..Default::default() }).await;
    cloud.advance(10);
    let terminated = described(&cloud, &id).await;
    assert_eq!((state(&terminated), terminated.network_interfaces.as_ref().unwrap().len()), ("terminated", 0));
    cloud.advance(3_700);
    let gone = DescribeInstancesRequest { instance_ids: Some(vec![id.clone()]), ..Default::default() };
    let fault = cloud.expect_fault::<DescribeInstances>(gone).await;
    assert_eq!(fault.message(), format!("The instance ID '{id}' does not exist"));
}

#[tokio::test]
async fn volumes_and_credits_survive_a_restart() {
    let cloud = cloud();
    let made = run(&cloud, 1).await.remove(0);
    let id = made.instance_id.unwrap();
    let change = InstanceCreditSpecificationRequest { instance_id: id.clone(), cpu_credits: Some("standard".into()) };
    let modify = ModifyInstanceCreditSpecificationRequest { instance_credit_specifications: vec![change], ..Default::default() };
    cloud.ok::<ModifyInstanceCreditSpecification>(modify).await;
    let volume = described(&cloud, &id).await.block_device_mappings.unwrap().remove(0).ebs.unwrap().volume_id.unwrap();
    let tag = Tag { key: Some("disk".into()), value: Some("root".into()) };
    cloud.ok::<CreateTags>(CreateTagsRequest { resources: vec![volume.clone()], tags: vec![tag], ..Default::default() }).await;
    let again = cloud.restart();
    let credits = DescribeInstanceCreditSpecificationsRequest { instance_ids: Some(vec![id]), ..Default::default() };
    let credits = again.ok::<DescribeInstanceCreditSpecifications>(credits).await.instance_credit_specifications.unwrap();
    assert_eq!(credits[0].cpu_credits.as_deref(), Some("standard"));
    let shown = DescribeVolumesRequest { volume_ids: Some(vec![volume.clone()]), ..Default::default() };
    let shown = again.ok::<DescribeVolumes>(shown).await.volumes.unwrap().remove(0);
    assert_eq!((shown.volume_id, shown.tags.unwrap()[0].value.as_deref()), (Some(volume), Some("root")));
    let missing = DescribeVolumesRequest { volume_ids: Some(vec!["vol-0123456789abcdef0".into()]), ..Default::default() };
    assert_eq!(again.expect_fault::<DescribeVolumes>(missing).await.code(), "InvalidVolume.NotFound");
}

#[tokio::test]
async fn groups_of_an_instance_are_those_of_its_interface() {
    let cloud = cloud();
    let id = run(&cloud, 1).await.remove(0).instance_id.unwrap();
    let group = super::group(&cloud, "web", None).await;
    let modify = ModifyInstanceAttributeRequest { instance_id: id.clone(), groups: Some(vec![group.clone()]), ..Default::default() };
    cloud.ok::<ModifyInstanceAttribute>(modify).await;
    let found = DescribeNetworkInterfacesRequest { filters: Some(vec![networks::filter("group-id", &group)]), ..Default::default() };
    let found = cloud.ok::<DescribeNetworkInterfaces>(found).await.network_interfaces.unwrap();
    assert_eq!(found[0].attachment.as_ref().unwrap().instance_id.as_ref(), Some(&id));
    assert_eq!(described(&cloud, &id).await.security_groups.unwrap()[0].group_name.as_deref(), Some("web"));
    let protect = ModifyInstanceAttributeRequest {
        instance_id: id.clone(),
        disable_api_termination: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    cloud.ok::<ModifyInstanceAttribute>(protect).await;
    let fault = cloud.expect_fault::<TerminateInstances>(TerminateInstancesRequest { instance_ids: vec![id], ..Default::default() }).await;
    assert_eq!(fault.code(), "OperationNotPermitted");
}
