use super::fixture::*;
use cloudlet_api_ses as v1;
use cloudlet_api_sesv2::*;

const FROM: &str = "ann@example.com";

async fn ready() -> TestCloud {
    let cloud = builder(FREE).journaled().build();
    cloud.ok::<v1::VerifyEmailIdentity>(v1::VerifyEmailIdentityRequest { email_address: FROM.into() }).await;
    let topic = Topic { topic_name: "news".into(), display_name: "News".into(), default_subscription_status: "OPT_IN".into(), description: None };
    let list = CreateContactListRequest { contact_list_name: "list".into(), topics: Some(vec![topic]), ..Default::default() };
    cloud.ok::<CreateContactList>(list).await;
    cloud
}

fn mail(topic: Option<&str>) -> SendEmailRequest {
    let content = |data: &str| Content { data: data.into(), charset: None };
    SendEmailRequest {
        from_email_address: Some(FROM.into()),
        destination: Some(Destination { to_addresses: Some(vec!["Bob@other.com".into()]), ..Default::default() }),
        content: EmailContent {
            simple: Some(Message {
                subject: content("news"),
                body: Body { text: Some(content("leave: {{amazonSESUnsubscribeUrl}}")), html: None },
                headers: None,
                attachments: None,
            }),
            ..Default::default()
        },
        list_management_options: Some(ListManagementOptions { contact_list_name: "list".into(), topic_name: topic.map(str::to_owned) }),
        ..Default::default()
    }
}

fn contact(address: &str) -> GetContactRequest {
    GetContactRequest { contact_list_name: "list".into(), email_address: address.into() }
}

#[tokio::test]
async fn a_recipient_unsubscribes_with_one_click() {
    let cloud = ready().await;
    cloud.ok::<SendEmail>(mail(Some("news"))).await;
    let sent = newest_mail(&cloud);
    let raw = String::from_utf8(cloud.mailbox.raw(&sent).await.unwrap().to_vec()).unwrap();
    assert!(raw.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{raw}");
    assert!(raw.contains("List-Unsubscribe: <http://localhost:4566/_cloudlet/mail-links/"), "{raw}");
    let (_, token) = sent.body.trim().split_once("/_cloudlet/mail-links/").unwrap();
    assert!(sent.body.starts_with("leave: http://"), "{}", sent.body);
    let again = cloud.restart();
    let visit = crate::links::VisitLinkRequest { token: token.into(), method: Some("POST".into()), ..Default::default() };
    again.ok::<crate::links::VisitLink>(visit).await;
    let found = again.ok::<GetContact>(contact("bob@other.com")).await;
    let preferences = found.topic_preferences.unwrap();
    assert_eq!((&*preferences[0].topic_name, &*preferences[0].subscription_status), ("news", "OPT_OUT"));
    let before = again.mail().len();
    again.ok::<SendEmail>(mail(Some("news"))).await;
    assert_eq!(again.mail().iter().filter(|mail| mail.subject.as_deref() == Some("news")).count(), 1);
    assert_eq!(again.mail().len(), before + 1, "the bounce is forwarded");
    again.ok::<SendEmail>(mail(None)).await;
    assert_eq!(newest_mail(&again).subject.as_deref(), Some("news"), "other mail of the list is wanted");
    assert_eq!(again.expect_fault::<SendEmail>(mail(Some("other"))).await.status(), 404);
}

#[tokio::test]
async fn contacts_are_listed_by_what_they_want() {
    let cloud = ready().await;
    for (address, unsubscribed) in [("a@b.com", false), ("c@d.com", true)] {
        let input = CreateContactRequest {
            contact_list_name: "list".into(),
            email_address: address.into(),
            unsubscribe_all: Some(unsubscribed),
            ..Default::default()
        };
        cloud.ok::<CreateContact>(input.clone()).await;
        assert_eq!(cloud.expect_fault::<CreateContact>(input).await.code(), "AlreadyExistsException");
    }
    let listed = async |filter: ListContactsFilter| {
        let input = ListContactsRequest { contact_list_name: "list".into(), filter: Some(filter), ..Default::default() };
        cloud.ok::<ListContacts>(input).await.contacts.unwrap().into_iter().map(|one| one.email_address.unwrap()).collect::<Vec<_>>()
    };
    let status = |status: &str| ListContactsFilter { filtered_status: Some(status.into()), topic_filter: None };
    assert_eq!(listed(status("OPT_OUT")).await, ["c@d.com"]);
    let by_default = TopicFilter { topic_name: Some("news".into()), use_default_if_preference_unavailable: Some(true) };
    assert_eq!(listed(ListContactsFilter { topic_filter: Some(by_default), ..status("OPT_IN") }).await.len(), 2);
    let update = UpdateContactRequest {
        contact_list_name: "list".into(),
        email_address: "A@b.com".into(),
        attributes_data: Some("{}".into()),
        topic_preferences: Some(vec![TopicPreference { topic_name: "news".into(), subscription_status: "OPT_OUT".into() }]),
        ..Default::default()
    };
    cloud.ok::<UpdateContact>(update).await;
    let topic = TopicFilter { topic_name: Some("news".into()), use_default_if_preference_unavailable: None };
    assert_eq!(listed(ListContactsFilter { topic_filter: Some(topic), ..status("OPT_OUT") }).await, ["a@b.com"]);
    let second = CreateContactListRequest { contact_list_name: "second".into(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<CreateContactList>(second).await.message(), "A maximum of 1 Lists allowed per account.");
    cloud.ok::<DeleteContactList>(DeleteContactListRequest { contact_list_name: "list".into() }).await;
    assert_eq!(cloud.expect_fault::<GetContact>(contact("a@b.com")).await.status(), 404);
}

#[tokio::test]
async fn people_verify_by_a_mail_of_ones_own() {
    let options = crate::Options { sandbox: crate::Sandbox::Off, auto_verify: crate::AutoVerify::Off, review_seconds: 0, ..crate::Options::DEFAULT };
    let cloud = builder(options).build();
    verified(&cloud, FROM).await;
    let create = |from: &str| v1::CreateCustomVerificationEmailTemplateRequest {
        template_name: "t".into(),
        from_email_address: from.into(),
        template_subject: "Welcome".into(),
        template_content: "<p>Hello</p>".into(),
        success_redirection_url: "https://example.com/yes".into(),
        failure_redirection_url: "https://example.com/no".into(),
    };
    let fault = cloud.expect_fault::<v1::CreateCustomVerificationEmailTemplate>(create("x@unknown.com")).await;
    assert_eq!(fault.code(), "FromEmailAddressNotVerified");
    cloud.ok::<v1::CreateCustomVerificationEmailTemplate>(create(FROM)).await;
    let found = cloud.ok::<GetCustomVerificationEmailTemplate>(GetCustomVerificationEmailTemplateRequest { template_name: "t".into() }).await;
    assert_eq!(found.template_subject.as_deref(), Some("Welcome"));
    let send =
        |name: &str| SendCustomVerificationEmailRequest { email_address: "new@other.com".into(), template_name: name.into(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<SendCustomVerificationEmail>(send("nope")).await.status(), 404);
    cloud.ok::<SendCustomVerificationEmail>(send("t")).await;
    let mail = newest_mail(&cloud);
    assert_eq!((mail.subject.as_deref(), &*mail.from), (Some("Welcome"), FROM));
    let visited = cloud.ok::<crate::links::VisitLink>(crate::links::VisitLinkRequest { token: token(&cloud), ..Default::default() }).await;
    assert_eq!(visited.location.as_deref(), Some("https://example.com/yes"));
    let identity = cloud.ok::<GetEmailIdentity>(GetEmailIdentityRequest { email_identity: "new@other.com".into() }).await;
    assert_eq!(identity.verified_for_sending_status, Some(true));
}

#[tokio::test]
async fn the_sandbox_asks_nobody_in_ones_own_words() {
    let cloud = cloud();
    verified(&cloud, FROM).await;
    let create = v1::CreateCustomVerificationEmailTemplateRequest {
        template_name: "t".into(),
        from_email_address: FROM.into(),
        success_redirection_url: "https://example.com".into(),
        failure_redirection_url: "https://example.com".into(),
        ..Default::default()
    };
    let nowhere = v1::CreateCustomVerificationEmailTemplateRequest { failure_redirection_url: "nowhere".into(), ..create.clone() };
    let fault = cloud.expect_fault::<v1::CreateCustomVerificationEmailTemplate>(nowhere).await;
    assert_eq!(fault.message(), "The failure redirection URL is invalid");
    cloud.ok::<v1::CreateCustomVerificationEmailTemplate>(create).await;
    let send = v1::SendCustomVerificationEmailRequest { email_address: "new@other.com".into(), template_name: "t".into(), ..Default::default() };
    assert_eq!(cloud.expect_fault::<v1::SendCustomVerificationEmail>(send).await.code(), "ProductionAccessNotGranted");
}
