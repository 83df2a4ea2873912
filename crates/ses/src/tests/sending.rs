use super::fixture::*;
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;

async fn raw_of(cloud: &TestCloud) -> String {
    String::from_utf8(cloud.mailbox.raw(&newest_mail(cloud)).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_mail_is_a_mime_message_in_the_mailbox() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let id = send(&cloud, "Ann <ann@example.com>", &["ann@example.com"]).await.unwrap();
    assert!(id.starts_with("01000") && id.ends_with("-000000"), "{id}");
    let mail = newest_mail(&cloud);
    assert_eq!((mail.subject.as_deref(), &*mail.body, mail.html.as_deref()), (Some("Grüße"), "hello", Some("<b>hello</b>")));
    assert_eq!((&*mail.from, &mail.to), ("Ann <ann@example.com>", &vec!["ann@example.com".to_owned()]));
    let raw = raw_of(&cloud).await;
    assert!(raw.contains(&format!("Message-ID: <{id}@email.amazonses.com>\r\n")), "{raw}");
    assert!(raw.contains("MIME-Version: 1.0\r\n") && raw.contains("multipart/alternative"), "{raw}");
}

#[tokio::test]
async fn who_is_not_verified_is_named() {
    let cloud = cloud();
    let fault = send(&cloud, "a@one.com", &["b@two.com", "c@three.com"]).await.unwrap_err();
    let message = "Email address is not verified. The following identities failed the check in region US-EAST-1: a@one.com, b@two.com, c@three.com";
    assert_eq!(error(&fault), ("MessageRejected".into(), message.into()));
    verified(&cloud, "a@one.com").await;
    let fault = send(&cloud, "a+label@one.com", &["a@one.com", "b@two.com"]).await.unwrap_err();
    assert!(fault.message().ends_with(": b@two.com"), "{}", fault.message());
}

#[tokio::test]
async fn a_domain_verifies_what_is_below_it() {
    let cloud = builder(crate::Options { auto_verify: crate::AutoVerify::Domains, ..Default::default() }).build();
    cloud.ok::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "example.com".into() }).await;
    send(&cloud, "x@example.com", &["y@deep.below.example.com"]).await.unwrap();
    assert_eq!(send(&cloud, "x@notexample.com", &["y@example.com"]).await.unwrap_err().code(), "Throttling");
    cloud.pass(1).await;
    assert_eq!(send(&cloud, "x@notexample.com", &["y@example.com"]).await.unwrap_err().code(), "MessageRejected");
}

#[tokio::test]
async fn the_configuration_set_of_an_identity_is_used() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set: ConfigurationSet { name: "set".into() } }).await;
    let input = v2::PutEmailIdentityConfigurationSetAttributesRequest {
        email_identity: "ann@example.com".into(),
        configuration_set_name: Some("set".into()),
    };
    cloud.ok::<v2::PutEmailIdentityConfigurationSetAttributes>(input).await;
    send(&cloud, "ann@example.com", &["ann@example.com"]).await.unwrap();
    assert!(newest_mail(&cloud).fields.contains(&("ConfigurationSet".into(), "set".into())));
    let paused = v2::PutConfigurationSetSendingOptionsRequest { configuration_set_name: "set".into(), sending_enabled: Some(false) };
    cloud.ok::<v2::PutConfigurationSetSendingOptions>(paused).await;
    cloud.pass(1).await;
    let fault = send(&cloud, "ann@example.com", &["ann@example.com"]).await.unwrap_err();
    assert_eq!(fault.code(), "ConfigurationSetSendingPausedException");
}

fn raw_mail(text: &str) -> SendRawEmailRequest {
    SendRawEmailRequest { raw_message: RawMessage { data: text.as_bytes().to_vec().into() }, ..SendRawEmailRequest::default() }
}

#[tokio::test]
async fn a_raw_message_loses_what_is_ses_s_own() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let text = "From: Ann <ann@example.com>\nTo: ann@example.com\nBcc: ann@example.com\nMessage-ID: <mine>\nX-SES-MESSAGE-TAGS: a=1, b=2\n\
                X-Mine: yes\nSubject: hi\n there\n\nbody\n";
    let id = cloud.ok::<SendRawEmail>(raw_mail(text)).await.message_id;
    let raw = raw_of(&cloud).await;
    assert!(raw.contains(&id) && raw.contains("X-Mine: yes\r\nSubject: hi\r\n there\r\n\r\nbody\r\n"), "{raw}");
    assert!(!raw.contains("Bcc") && !raw.contains("<mine>") && !raw.contains("X-SES"), "{raw}");
    let mail = newest_mail(&cloud);
    assert_eq!(mail.to, ["ann@example.com"]);
    assert!(mail.fields.contains(&("Tag-a".into(), "1".into())));
    let fault = cloud.expect_fault::<SendRawEmail>(raw_mail("To: ann@example.com\n\nx")).await;
    assert_eq!(error(&fault), ("InvalidParameterValue".into(), "Missing required header 'From'.".into()));
}

#[tokio::test]
async fn all_addresses_of_the_headers_are_checked() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let text = "From: ann@example.com\nSender: x@evil.com\nReturn-Path: <y@evil.com>\nTo: ann@example.com\n\nbody\n";
    let fault = cloud.expect_fault::<SendRawEmail>(raw_mail(text)).await;
    assert!(fault.message().ends_with("US-EAST-1: x@evil.com, y@evil.com"), "{}", fault.message());
    let forged = SendRawEmailRequest { source: Some("ann@example.com".into()), ..raw_mail("From: x@evil.com\nTo: ann@example.com\n\nbody\n") };
    assert!(cloud.expect_fault::<SendRawEmail>(forged).await.message().ends_with("x@evil.com"));
}

#[tokio::test]
async fn limits_and_tags_are_checked() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let many = vec!["ann@example.com"; 51];
    assert_eq!(send(&cloud, "ann@example.com", &many).await.unwrap_err().message(), "Recipient count exceeds 50.");
    assert_eq!(send(&cloud, "ann@example.com", &["ann"]).await.unwrap_err().message(), "Missing final '@domain'");
    for (name, value, message) in [
        ("", "x", "The tag name must be specified."),
        ("x", "", "The tag value must be specified."),
        ("a:b", "x", "Invalid tag name <a:b>: only alphanumeric ASCII characters, '_',  '-' are allowed."),
        ("x", "a:b", "Invalid tag value <a:b>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed."),
    ] {
        let tags = Some(vec![MessageTag { name: name.into(), value: value.into() }]);
        let fault = cloud.expect_fault::<SendEmail>(SendEmailRequest { tags, ..mail("ann@example.com", &["ann@example.com"]) }).await;
        assert_eq!(error(&fault), ("InvalidParameterValue".into(), message.into()));
    }
    let large = "x".repeat(10 << 20);
    let fault = cloud.expect_fault::<SendRawEmail>(raw_mail(&format!("From: ann@example.com\nTo: ann@example.com\n\n{large}"))).await;
    assert!(fault.message().starts_with("Message length is more than 10485760 bytes long: '"), "{}", fault.message());
    let set = Some("nope".into());
    let input = SendEmailRequest { configuration_set_name: set, ..mail("ann@example.com", &["ann@example.com"]) };
    let fault = cloud.expect_fault::<SendEmail>(input).await;
    assert_eq!(error(&fault), ("ConfigurationSetDoesNotExist".into(), "Configuration set <nope> does not exist.".into()));
}

#[tokio::test]
async fn the_second_api_sends_with_headers_and_attachments() {
    let cloud = cloud();
    verified(&cloud, "ann@example.com").await;
    let content = |data: &str| v2::Content { data: data.into(), charset: None };
    let mail = |header: &str| v2::SendEmailRequest {
        from_email_address: Some("ann@example.com".into()),
        destination: Some(v2::Destination { bcc_addresses: Some(vec!["ann@example.com".into()]), ..Default::default() }),
        content: v2::EmailContent {
            simple: Some(v2::Message {
                subject: content("hi\r\nBcc: evil@evil.com"),
                body: v2::Body { text: Some(content("text")), html: None },
                headers: Some(vec![v2::MessageHeader { name: "X-Own".into(), value: header.into() }]),
                attachments: Some(vec![v2::Attachment { raw_content: b"abc".to_vec().into(), file_name: "a.bin".into(), ..Default::default() }]),
            }),
            ..Default::default()
        },
        ..Default::default()
    };
    cloud.ok::<v2::SendEmail>(mail("yes")).await;
    let raw = raw_of(&cloud).await;
    assert!(raw.contains("X-Own: yes\r\n") && raw.contains("a.bin") && raw.contains("YWJj"), "{raw}");
    assert!(!raw.contains("\r\nBcc:"), "{raw}");
    cloud.pass(1).await;
    assert_eq!(cloud.expect_fault::<v2::SendEmail>(mail("a\r\nBcc: b")).await.code(), "BadRequestException");
}

#[tokio::test]
async fn deeply_nested_and_broken_messages_are_sent_or_refused() {
    let cloud =
        builder(crate::Options { auto_verify: crate::AutoVerify::All, sandbox: crate::Sandbox::Off, review_seconds: 0, ..crate::Options::DEFAULT })
            .build();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: "a@example.com".into() }).await;
    let head = "From: a@example.com\nTo: a@example.com\n";
    let mut nested = String::from(head);
    for depth in 0..1_000 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n"));
    }
    let messages = [nested, format!("{head}Content-Type: message/rfc822\n\n").repeat(1_000), format!("{head}Subject: =?x?B?\u{fffd}\n\n\0\0")];
    for message in messages {
        cloud.ok::<SendRawEmail>(raw_mail(&message)).await;
    }
}
