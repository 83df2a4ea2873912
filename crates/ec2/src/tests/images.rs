use super::*;
use cloudlet_api_ec2::{DescribeImages, DescribeImagesRequest, DescribeInstanceTypes, DescribeInstanceTypesRequest, Filter};
use cloudlet_aws::Region;
use cloudlet_engine::public_images::image_id;

fn filter(name: &str, value: &str) -> Filter {
    Filter { name: Some(name.into()), values: Some(vec![value.into()]) }
}

#[tokio::test]
async fn an_image_is_found_by_what_is_known_of_it() {
    let cloud = cloud();
    let newest = DescribeImagesRequest {
        owners: Some(vec!["amazon".into()]),
        filters: Some(vec![filter("name", "al2023-ami-2023*-kernel-6.1-x86_64"), filter("architecture", "x86_64")]),
        ..Default::default()
    };
    let found = cloud.ok::<DescribeImages>(newest).await.images.unwrap();
    assert_eq!(found.len(), 1);
    // What the parameter of this image holds.
    let id = image_id(&Region::new("us-east-1"), "al2023-ami-kernel-6.1-x86_64");
    assert_eq!(found[0].image_id.as_ref(), Some(&id));
    let by_id = DescribeImagesRequest { image_ids: Some(vec![id]), ..Default::default() };
    assert_eq!(cloud.ok::<DescribeImages>(by_id).await.images.unwrap().len(), 1);
    let own = DescribeImagesRequest { owners: Some(vec!["self".into()]), ..Default::default() };
    assert!(cloud.ok::<DescribeImages>(own).await.images.unwrap().is_empty());
    let unknown = DescribeImagesRequest { image_ids: Some(vec!["ami-0123456789abcdef0".into()]), ..Default::default() };
    let fault = cloud.expect_fault::<DescribeImages>(unknown).await;
    assert_eq!((fault.code(), fault.message()), ("InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist"));
    let malformed = DescribeImagesRequest { image_ids: Some(vec!["ami".into()]), ..Default::default() };
    assert_eq!(cloud.expect_fault::<DescribeImages>(malformed).await.code(), "InvalidAMIID.Malformed");
}

#[tokio::test]
async fn types_of_instances_have_the_facts_that_aws_publishes() {
    let cloud = cloud();
    let one = DescribeInstanceTypesRequest { instance_types: Some(vec!["t3.micro".into()]), ..Default::default() };
    let shown = cloud.ok::<DescribeInstanceTypes>(one).await.instance_types.unwrap().remove(0);
    let network = shown.network_info.unwrap();
    assert_eq!((network.maximum_network_interfaces, network.ipv4_addresses_per_interface), (Some(2), Some(2)));
    assert_eq!((shown.vcpu_info.unwrap().default_vcpus, shown.memory_info.unwrap().size_in_mi_b), (Some(2), Some(1_024)));
    let arm = vec![filter("processor-info.supported-architecture", "arm64"), filter("burstable-performance-supported", "true")];
    let arm = cloud.ok::<DescribeInstanceTypes>(DescribeInstanceTypesRequest { filters: Some(arm), ..Default::default() }).await;
    assert!(arm.instance_types.unwrap().iter().all(|one| one.instance_type.as_ref().unwrap().starts_with("t4g.")));
    let unknown = DescribeInstanceTypesRequest { instance_types: Some(vec!["x.huge".into()]), ..Default::default() };
    let fault = cloud.expect_fault::<DescribeInstanceTypes>(unknown).await;
    assert_eq!((fault.code(), fault.message()), ("InvalidInstanceType", "The following supplied instance types do not exist: [x.huge]"));
    let page = cloud.ok::<DescribeInstanceTypes>(DescribeInstanceTypesRequest { max_results: Some(5), ..Default::default() }).await;
    assert!(page.next_token.is_some());
}
