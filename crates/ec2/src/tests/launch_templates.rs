use super::cloud;
use cloudlet_api_ec2::*;

#[tokio::test]
async fn a_template_has_versions_and_launches() {
    let cloud = cloud();
    let data = |image: &str| RequestLaunchTemplateData {
        image_id: Some(image.into()),
        instance_type: Some("t3.nano".into()),
        tag_specifications: Some(vec![LaunchTemplateTagSpecificationRequest {
            resource_type: Some("instance".into()),
            tags: Some(vec![Tag { key: Some("from".into()), value: Some("template".into()) }]),
        }]),
        ..Default::default()
    };
    let create =
        CreateLaunchTemplateRequest { launch_template_name: "web".into(), launch_template_data: data("ami-00000000000000001"), ..Default::default() };
    let id = cloud.ok::<CreateLaunchTemplate>(create.clone()).await.launch_template.unwrap().launch_template_id;
    assert_eq!(cloud.expect_fault::<CreateLaunchTemplate>(create).await.code(), "InvalidLaunchTemplateName.AlreadyExistsException");
    let next = CreateLaunchTemplateVersionRequest {
        launch_template_id: id.clone(),
        source_version: Some("1".into()),
        launch_template_data: RequestLaunchTemplateData { image_id: Some("ami-00000000000000002".into()), ..Default::default() },
        ..Default::default()
    };
    let version = cloud.ok::<CreateLaunchTemplateVersion>(next).await.launch_template_version.unwrap();
    let shown = version.launch_template_data.unwrap();
    assert_eq!(
        (version.version_number, shown.image_id.as_deref(), shown.instance_type.as_deref()),
        (Some(2), Some("ami-00000000000000002"), Some("t3.nano"))
    );
    let default =
        |version: &str| ModifyLaunchTemplateRequest { launch_template_id: id.clone(), default_version: Some(version.into()), ..Default::default() };
    assert_eq!(cloud.expect_fault::<ModifyLaunchTemplate>(default("666")).await.code(), "InvalidLaunchTemplateId.VersionNotFound");
    cloud.ok::<ModifyLaunchTemplate>(default("2")).await;
    let run = RunInstancesRequest {
        launch_template: Some(LaunchTemplateSpecification { launch_template_name: Some("web".into()), ..Default::default() }),
        instance_type: Some("t3.large".into()),
        min_count: 1,
        max_count: 1,
        ..Default::default()
    };
    let instance = cloud.ok::<RunInstances>(run).await.instances.unwrap().remove(0);
    assert_eq!((instance.image_id.as_deref(), instance.instance_type.as_deref()), (Some("ami-00000000000000002"), Some("t3.large")));
    assert_eq!(instance.tags.unwrap()[0].value.as_deref(), Some("template"));
    let again = cloud.restart();
    assert_eq!(format!("{:?}", again.state()), format!("{:?}", cloud.state()));
}
