use super::fixture::*;
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;

fn template(name: &str) -> CreateTemplateRequest {
    CreateTemplateRequest {
        template: Template {
            template_name: name.into(),
            subject_part: Some("Hello {{name}}".into()),
            text_part: Some("{{#each items}}{{this}};{{/each}}".into()),
            html_part: None,
        },
    }
}

#[tokio::test]
async fn a_template_is_filled_and_sent() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    cloud.ok::<CreateTemplate>(template("t")).await;
    let input = |data: &str| SendTemplatedEmailRequest {
        source: "ann@example.com".into(),
        destination: Destination { to_addresses: Some(vec!["ann@example.com".into()]), ..Default::default() },
        template: "t".into(),
        template_data: data.into(),
        ..Default::default()
    };
    cloud.ok::<SendTemplatedEmail>(input(r#"{"name":"Ann","items":[1,2]}"#)).await;
    let mail = newest_mail(&cloud);
    assert_eq!((mail.subject.as_deref(), mail.body.trim_end()), (Some("Hello Ann"), "1;2;"));
    cloud.pass(1).await;
    // What is missing is no error: the mail is accepted, counted, and never sent.
    let before = cloud.mail().len();
    cloud.ok::<SendTemplatedEmail>(input("{}")).await;
    assert_eq!(cloud.mail().len(), before);
    assert_eq!(cloud.expect_fault::<SendTemplatedEmail>(input("no json")).await.code(), "InvalidRenderingParameter");
    let fault = cloud.expect_fault::<SendTemplatedEmail>(SendTemplatedEmailRequest { template: "nope".into(), ..input("{}") }).await;
    assert_eq!(error(&fault), ("TemplateDoesNotExist".into(), "Template nope does not exist.".into()));
}

#[tokio::test]
async fn templates_are_shared_by_both_apis() {
    let cloud = cloud();
    cloud.ok::<CreateTemplate>(template("t")).await;
    let fault = cloud.expect_fault::<CreateTemplate>(template("t")).await;
    assert_eq!(error(&fault), ("AlreadyExists".into(), "Template t already exists for account id 000000000000".into()));
    let found = cloud.ok::<v2::GetEmailTemplate>(v2::GetEmailTemplateRequest { template_name: "t".into() }).await;
    assert_eq!(found.template_content.subject.as_deref(), Some("Hello {{name}}"));
    let render = |data: &str| TestRenderTemplateRequest { template_name: "t".into(), template_data: data.into() };
    let rendered = cloud.ok::<TestRenderTemplate>(render(r#"{"name":"Ann","items":[]}"#)).await.rendered_template.unwrap();
    assert!(rendered.contains("Subject: Hello Ann\r\n"), "{rendered}");
    let fault = cloud.expect_fault::<TestRenderTemplate>(render("{}")).await;
    assert_eq!(error(&fault), ("MissingRenderingAttribute".into(), "Attribute 'name' is not present in the rendering data.".into()));
    let mut wrong = template("u");
    wrong.template.subject_part = None;
    assert_eq!(cloud.expect_fault::<CreateTemplate>(wrong).await.message(), "The subject must be specified.");
    let mut wrong = template("u");
    wrong.template.text_part = Some("{{#if x}}".into());
    assert_eq!(cloud.expect_fault::<CreateTemplate>(wrong).await.code(), "InvalidTemplate");
    cloud.ok::<v2::DeleteEmailTemplate>(v2::DeleteEmailTemplateRequest { template_name: "t".into() }).await;
    assert!(cloud.ok::<ListTemplates>(Default::default()).await.templates_metadata.unwrap().is_empty());
}

#[tokio::test]
async fn each_mail_of_many_has_its_own_status() {
    let cloud =
        builder(crate::Options { sandbox: crate::Sandbox::Off, auto_verify: crate::AutoVerify::All, review_seconds: 0, ..crate::Options::DEFAULT })
            .build();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "ann@example.com".into() }).await;
    cloud.ok::<CreateTemplate>(template("t")).await;
    let destination = |to: &str, data: Option<&str>| BulkEmailDestination {
        destination: Destination { to_addresses: Some(vec![to.into()]), ..Default::default() },
        replacement_template_data: data.map(str::to_owned),
        ..Default::default()
    };
    let input = SendBulkTemplatedEmailRequest {
        source: "ann@example.com".into(),
        template: "t".into(),
        default_template_data: r#"{"name":"you","items":[]}"#.into(),
        destinations: vec![destination("a@b.com", Some(r#"{"name":"A"}"#)), destination("wrong", None), destination("c@d.com", None)],
        ..Default::default()
    };
    let statuses = cloud.ok::<SendBulkTemplatedEmail>(input).await.status;
    let shown: Vec<_> = statuses.iter().map(|status| status.status.clone().unwrap()).collect();
    assert_eq!(shown, ["Success", "InvalidParameterValue", "Success"]);
    let subjects: Vec<_> = cloud.mail().iter().map(|mail| mail.subject.clone().unwrap()).collect();
    assert!(subjects.contains(&"Hello A".to_owned()) && subjects.contains(&"Hello you".to_owned()), "{subjects:?}");
}
