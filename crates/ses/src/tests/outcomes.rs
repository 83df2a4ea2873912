use super::fixture::*;
use cloudlet_api_ses::*;
use cloudlet_api_sesv2 as v2;
use serde_json::Value;
use std::sync::Arc;

const FROM: &str = "ann@example.com";

/// A cloud whose identity `FROM` and whose configuration set `set` tell a topic of everything.
async fn told() -> (TestCloud, Arc<Topics>) {
    let (builder, topics) = with_topics(FREE);
    let cloud = builder.journaled().build();
    cloud.ok::<VerifyEmailIdentity>(VerifyEmailIdentityRequest { email_address: FROM.into() }).await;
    cloud.ok::<CreateConfigurationSet>(CreateConfigurationSetRequest { configuration_set: ConfigurationSet { name: "set".into() } }).await;
    let events = ["send", "reject", "bounce", "complaint", "delivery", "open", "click", "renderingFailure"];
    let destination = EventDestination {
        name: "d".into(),
        enabled: Some(true),
        matching_event_types: events.map(Into::into).to_vec(),
        sns_destination: Some(SNSDestination { topic_arn: TOPIC.into() }),
        ..Default::default()
    };
    let input = CreateConfigurationSetEventDestinationRequest { configuration_set_name: "set".into(), event_destination: destination };
    cloud.ok::<CreateConfigurationSetEventDestination>(input).await;
    for kind in ["Bounce", "Complaint", "Delivery"] {
        let topic = SetIdentityNotificationTopicRequest { identity: FROM.into(), notification_type: kind.into(), sns_topic: Some(TOPIC.into()) };
        cloud.ok::<SetIdentityNotificationTopic>(topic).await;
    }
    cloud.settle().await;
    let confirmations = topics.take();
    assert_eq!(confirmations.iter().map(|one| one["notificationType"].as_str().unwrap()).collect::<Vec<_>>(), ["AmazonSnsSubscriptionSucceeded"; 3]);
    (cloud, topics)
}

async fn sent(cloud: &TestCloud, topics: &Topics, to: &[&str]) -> Vec<Value> {
    let input = SendEmailRequest { configuration_set_name: Some("set".into()), ..mail(FROM, to) };
    cloud.ok::<SendEmail>(input).await;
    cloud.settle().await;
    topics.take()
}

fn of<'v>(told: &'v [Value], kind: &str, name: &str) -> &'v Value {
    told.iter().find(|one| one[kind] == name).unwrap_or_else(|| panic!("no {name}: {told:?}"))
}

fn names(told: &[Value], kind: &str) -> Vec<String> {
    let mut names: Vec<String> = told.iter().filter_map(|one| one[kind].as_str()).map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_mail_that_arrives_is_told() {
    let (cloud, topics) = told().await;
    let told = sent(&cloud, &topics, &["success+label@simulator.amazonses.com"]).await;
    assert_eq!(names(&told, "eventType"), ["Delivery", "Send"]);
    assert_eq!(names(&told, "notificationType"), ["Delivery"]);
    let event = of(&told, "eventType", "Delivery");
    assert_eq!(event["delivery"]["recipients"][0], "success+label@simulator.amazonses.com");
    assert_eq!(event["mail"]["commonHeaders"]["subject"], "Grüße");
    assert_eq!(event["mail"]["tags"]["ses:configuration-set"][0], "set");
    assert_eq!(event["mail"]["tags"]["ses:operation"][0], "SendEmail");
    let notification = of(&told, "notificationType", "Delivery");
    assert_eq!(notification["mail"]["callerIdentity"], "root");
    assert_eq!(notification["mail"]["source"], FROM);
    assert!(notification["mail"].get("headers").is_none() && notification["mail"].get("tags").is_none(), "{notification}");
}

#[tokio::test]
async fn a_bounce_is_told_and_forwarded() {
    let (cloud, topics) = told().await;
    let told = sent(&cloud, &topics, &["bounce@simulator.amazonses.com"]).await;
    assert_eq!((names(&told, "eventType"), names(&told, "notificationType")), (vec!["Bounce".into(), "Send".into()], vec!["Bounce".into()]));
    let bounce = &of(&told, "notificationType", "Bounce")["bounce"];
    assert_eq!((&bounce["bounceType"], &bounce["bounceSubType"]), (&"Permanent".into(), &"General".into()));
    let recipient = &bounce["bouncedRecipients"][0];
    assert_eq!(recipient["emailAddress"], "bounce@simulator.amazonses.com");
    assert_eq!((&recipient["status"], &recipient["action"]), (&"5.1.1".into(), &"failed".into()));
    assert_eq!(recipient["diagnosticCode"], "smtp; 550 5.1.1 user unknown");
    let forwarded = newest_mail(&cloud);
    assert_eq!((&*forwarded.from, &*forwarded.to[0]), ("MAILER-DAEMON@amazonses.com", FROM));
    assert_eq!(forwarded.subject.as_deref(), Some("Delivery Status Notification (Failure)"));
    // The simulator's bounces count nowhere.
    let point = cloud.ok::<GetSendStatistics>(Default::default()).await.send_data_points.unwrap().remove(0);
    assert_eq!((point.delivery_attempts, point.bounces), (Some(1), Some(0)));
    let listed = cloud.ok::<v2::ListSuppressedDestinations>(Default::default()).await.suppressed_destination_summaries.unwrap();
    assert!(listed.is_empty());
    // Both topics are set: forwarding can be turned off.
    let off = SetIdentityFeedbackForwardingEnabledRequest { identity: FROM.into(), forwarding_enabled: false };
    cloud.ok::<SetIdentityFeedbackForwardingEnabled>(off).await;
    let before = cloud.mail().len();
    sent(&cloud, &topics, &["bounce@simulator.amazonses.com"]).await;
    assert_eq!(cloud.mail().len(), before + 1);
}

#[tokio::test]
async fn complaints_and_automatic_answers_follow_a_delivery() {
    let (cloud, topics) = told().await;
    let told = sent(&cloud, &topics, &["complaint@simulator.amazonses.com"]).await;
    assert_eq!(names(&told, "eventType"), ["Complaint", "Delivery", "Send"]);
    let complaint = &of(&told, "eventType", "Complaint")["complaint"];
    assert_eq!(complaint["complainedRecipients"][0]["emailAddress"], "complaint@simulator.amazonses.com");
    assert_eq!((&complaint["complaintFeedbackType"], &complaint["complaintSubType"]), (&"abuse".into(), &Value::Null));
    let told = sent(&cloud, &topics, &["ooto@simulator.amazonses.com"]).await;
    assert_eq!(of(&told, "notificationType", "Bounce")["bounce"]["bounceType"], "Transient");
    assert!(cloud.mail().iter().any(|mail| mail.from == "ooto@simulator.amazonses.com" && mail.to == [FROM]));
}

#[tokio::test]
async fn what_is_suppressed_is_accepted_and_not_sent() {
    let (cloud, topics) = told().await;
    let put =
        |address: &str, reason: &str| v2::PutSuppressedDestinationRequest { email_address: address.into(), reason: reason.into(), tenant_name: None };
    cloud.ok::<v2::PutSuppressedDestination>(put("gone@Other.com", "BOUNCE")).await;
    cloud.ok::<v2::PutSuppressedDestination>(put("angry@other.com", "COMPLAINT")).await;
    let before = cloud.mail().len();
    let off = SetIdentityFeedbackForwardingEnabledRequest { identity: FROM.into(), forwarding_enabled: false };
    cloud.ok::<SetIdentityFeedbackForwardingEnabled>(off).await;
    let told = sent(&cloud, &topics, &["gone@other.com"]).await;
    let bounce = &of(&told, "eventType", "Bounce")["bounce"];
    assert_eq!((&bounce["bounceType"], &bounce["bounceSubType"]), (&"Permanent".into(), &"OnAccountSuppressionList".into()));
    let told = sent(&cloud, &topics, &["angry@other.com"]).await;
    assert_eq!(of(&told, "eventType", "Complaint")["complaint"]["complaintSubType"], "OnAccountSuppressionList");
    assert_eq!(cloud.mail().len(), before);
    // A configuration set may know better than the account.
    let reasons = Some(vec!["COMPLAINT".into()]);
    let input =
        v2::PutConfigurationSetSuppressionOptionsRequest { configuration_set_name: "set".into(), suppressed_reasons: reasons, ..Default::default() };
    cloud.ok::<v2::PutConfigurationSetSuppressionOptions>(input).await;
    assert_eq!(names(&sent(&cloud, &topics, &["gone@other.com"]).await, "eventType"), ["Delivery", "Send"]);
    let found = cloud
        .ok::<v2::GetSuppressedDestination>(v2::GetSuppressedDestinationRequest { email_address: "gone@other.com".into(), ..Default::default() })
        .await;
    assert_eq!(found.suppressed_destination.reason, "BOUNCE");
    let only = v2::ListSuppressedDestinationsRequest { reasons: Some(vec!["COMPLAINT".into()]), ..Default::default() };
    let listed = cloud.ok::<v2::ListSuppressedDestinations>(only).await.suppressed_destination_summaries.unwrap();
    assert_eq!(listed.iter().map(|one| &*one.email_address).collect::<Vec<_>>(), ["angry@other.com"]);
    let gone = || v2::DeleteSuppressedDestinationRequest { email_address: "gone@other.com".into(), ..Default::default() };
    cloud.ok::<v2::DeleteSuppressedDestination>(gone()).await;
    assert_eq!(cloud.expect_fault::<v2::DeleteSuppressedDestination>(gone()).await.status(), 404);
    let again = cloud.restart();
    let listed = again.ok::<v2::ListSuppressedDestinations>(Default::default()).await.suppressed_destination_summaries.unwrap();
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn the_suppression_list_is_closed_in_the_sandbox() {
    let cloud = cloud();
    let put = v2::PutSuppressedDestinationRequest { email_address: "a@b.com".into(), reason: "BOUNCE".into(), tenant_name: None };
    assert_eq!(cloud.expect_fault::<v2::PutSuppressedDestination>(put).await.code(), "BadRequestException");
}

#[tokio::test]
async fn a_virus_is_rejected_after_it_is_accepted() {
    let (cloud, topics) = told().await;
    let before = cloud.mail().len();
    let virus = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let text = format!("From: {FROM}\nTo: b@other.com\nX-SES-CONFIGURATION-SET: set\n\n{virus}\n");
    cloud.ok::<SendRawEmail>(SendRawEmailRequest { raw_message: RawMessage { data: text.into_bytes().into() }, ..Default::default() }).await;
    cloud.settle().await;
    let told = topics.take();
    assert_eq!(of(&told, "eventType", "Reject")["reject"]["reason"], "Bad content");
    assert_eq!(cloud.mail().len(), before);
    let point = cloud.ok::<GetSendStatistics>(Default::default()).await.send_data_points.unwrap().remove(0);
    assert_eq!(point.rejects, Some(1));
}

#[tokio::test]
async fn opens_and_clicks_are_told_when_links_are_visited() {
    let (cloud, topics) = told().await;
    let mut input = SendEmailRequest { configuration_set_name: Some("set".into()), ..mail(FROM, &["b@other.com"]) };
    input.message.body.html = Some(Content { data: "<a href=\"https://example.com/?a=1&amp;b=2\">x</a>".into(), charset: None });
    let id = cloud.ok::<SendEmail>(input).await.message_id;
    cloud.settle().await;
    topics.take();
    let html = newest_mail(&cloud).html.clone().unwrap();
    let link = format!("http://localhost:4566/_cloudlet/mail-links/{id}.1");
    assert!(html.contains(&link) && html.contains(&format!("{id}.0")), "{html}");
    let again = cloud.restart();
    let visit =
        |number: u32| crate::links::VisitLinkRequest { token: format!("{id}.{number}"), user_agent: Some("browser".into()), ..Default::default() };
    let clicked = again.ok::<crate::links::VisitLink>(visit(1)).await;
    assert_eq!(clicked.location.as_deref(), Some("https://example.com/?a=1&b=2"));
    assert_eq!(again.ok::<crate::links::VisitLink>(visit(0)).await.is_image, Some(true));
    again.expect_fault::<crate::links::VisitLink>(visit(2)).await;
    again.settle().await;
    let told = topics.take();
    let click = of(&told, "eventType", "Click");
    assert_eq!((&click["click"]["link"], &click["click"]["userAgent"]), (&"https://example.com/?a=1&b=2".into(), &"browser".into()));
    assert_eq!(click["mail"]["messageId"], id.as_str());
    assert_eq!(of(&told, "eventType", "Open")["open"]["userAgent"], "browser");
}

#[tokio::test]
async fn options_of_configuration_sets_are_seen_by_both_apis() {
    let (cloud, _) = told().await;
    let name = || "set".to_owned();
    let tls = Some(DeliveryOptions { tls_policy: Some("Require".into()) });
    cloud
        .ok::<PutConfigurationSetDeliveryOptions>(PutConfigurationSetDeliveryOptionsRequest { configuration_set_name: name(), delivery_options: tls })
        .await;
    let metrics = v2::PutConfigurationSetReputationOptionsRequest { configuration_set_name: name(), reputation_metrics_enabled: Some(true) };
    cloud.ok::<v2::PutConfigurationSetReputationOptions>(metrics).await;
    let tracking = |domain: &str| CreateConfigurationSetTrackingOptionsRequest {
        configuration_set_name: name(),
        tracking_options: TrackingOptions { custom_redirect_domain: Some(domain.into()) },
    };
    assert_eq!(cloud.expect_fault::<CreateConfigurationSetTrackingOptions>(tracking("t.example.com")).await.code(), "InvalidTrackingOptions");
    cloud.ok::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "example.com".into() }).await;
    cloud.ok::<CreateConfigurationSetTrackingOptions>(tracking("t.example.com")).await;
    assert_eq!(
        cloud.expect_fault::<CreateConfigurationSetTrackingOptions>(tracking("t.example.com")).await.code(),
        "TrackingOptionsAlreadyExistsException"
    );
    let found = cloud.ok::<v2::GetConfigurationSet>(v2::GetConfigurationSetRequest { configuration_set_name: name() }).await;
    assert_eq!(found.tracking_options.unwrap().custom_redirect_domain, "t.example.com");
    assert_eq!(found.delivery_options.unwrap().tls_policy.as_deref(), Some("REQUIRE"));
    let all = ["trackingOptions", "deliveryOptions", "reputationOptions"].map(Into::into).to_vec();
    let input = DescribeConfigurationSetRequest { configuration_set_name: name(), configuration_set_attribute_names: Some(all) };
    let found = cloud.ok::<DescribeConfigurationSet>(input).await;
    assert_eq!(found.reputation_options.unwrap().reputation_metrics_enabled, Some(true));
    assert_eq!(found.delivery_options.unwrap().tls_policy.as_deref(), Some("Require"));
    let delete = || DeleteConfigurationSetTrackingOptionsRequest { configuration_set_name: name() };
    cloud.ok::<DeleteConfigurationSetTrackingOptions>(delete()).await;
    assert_eq!(cloud.expect_fault::<DeleteConfigurationSetTrackingOptions>(delete()).await.code(), "TrackingOptionsDoesNotExistException");
}
