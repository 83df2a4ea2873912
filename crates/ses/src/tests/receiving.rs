use super::fixture::*;
use crate::{AcceptRecipient, AcceptRecipientRequest, ReceiveMail, ReceiveMailRequest};
use cloudlet_api_ses::*;
use cloudlet_aws::Fault;
use cloudlet_dns::Dns;
use cloudlet_mail::dkim::{KeyLength, Signer, SigningKey};
use std::sync::Arc;

struct Setting {
    cloud: TestCloud,
    topics: Arc<Topics>,
    objects: Arc<Objects>,
    dns: Arc<Dns>,
}

/// The domain example.com is verified, and the rule set `set` counts.
async fn setting() -> Setting {
    let (builder, topics, objects, dns) = with_targets(FREE);
    let cloud = builder.journaled().build();
    let dns = dns.lock().unwrap().clone().unwrap();
    cloud.ok::<VerifyDomainIdentity>(VerifyDomainIdentityRequest { domain: "example.com".into() }).await;
    cloud.ok::<CreateReceiptRuleSet>(CreateReceiptRuleSetRequest { rule_set_name: "set".into() }).await;
    cloud.ok::<SetActiveReceiptRuleSet>(SetActiveReceiptRuleSetRequest { rule_set_name: Some("set".into()) }).await;
    Setting { cloud, topics, objects, dns }
}

fn rule(name: &str, recipients: &[&str], actions: Vec<ReceiptAction>) -> ReceiptRule {
    ReceiptRule {
        name: name.into(),
        enabled: Some(true),
        scan_enabled: Some(true),
        recipients: Some(recipients.iter().map(|one| (*one).to_owned()).collect()),
        actions: Some(actions),
        ..Default::default()
    }
}

async fn create(cloud: &TestCloud, rule: ReceiptRule, after: Option<&str>) -> Result<(), Fault> {
    let input = CreateReceiptRuleRequest { rule_set_name: "set".into(), after: after.map(str::to_owned), rule };
    cloud.call::<CreateReceiptRule>(input).await.map(drop)
}

fn to_bucket(bucket: &str, topic: Option<&str>) -> ReceiptAction {
    let topic_arn = topic.map(str::to_owned);
    let s3 = S3Action { bucket_name: bucket.into(), object_key_prefix: Some("in/".into()), topic_arn, ..Default::default() };
    ReceiptAction { s3_action: Some(s3), ..Default::default() }
}

fn header(name: &str, value: &str) -> ReceiptAction {
    ReceiptAction { add_header_action: Some(AddHeaderAction { header_name: name.into(), header_value: value.into() }), ..Default::default() }
}

fn to_function(name: &str) -> ReceiptAction {
    let lambda = LambdaAction {
        function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
        invocation_type: Some("RequestResponse".into()),
        topic_arn: None,
    };
    ReceiptAction { lambda_action: Some(lambda), ..Default::default() }
}

async fn accept(cloud: &TestCloud, recipient: &str, ip: &str) -> Result<(), Fault> {
    let input = AcceptRecipientRequest { recipient: recipient.into(), ip: ip.into(), encrypted: Some(false) };
    cloud.call::<AcceptRecipient>(input).await.map(drop)
}

async fn receive(cloud: &TestCloud, to: &str, data: &str) -> String {
    let input = ReceiveMailRequest {
        ip: "192.0.2.1".into(),
        helo: "mx.other.com".into(),
        from: "bob@other.com".into(),
        recipients: vec![to.into()],
        encrypted: Some(false),
        data: data.as_bytes().to_vec().into(),
    };
    let id = cloud.ok::<ReceiveMail>(input).await.message_id;
    cloud.settle().await;
    id
}

const MAIL: &str = "From: Bob <bob@other.com>\r\nTo: ann@example.com\r\nSubject: hi\r\nMessage-ID: <1@other.com>\r\n\r\nbody\r\n";

#[tokio::test]
async fn only_recipients_of_a_rule_are_taken_and_filters_are_asked() {
    let Setting { cloud, .. } = setting().await;
    assert_eq!(
        accept(&cloud, "ann@example.com", "192.0.2.1").await.unwrap_err().message(),
        "550 5.1.1 Requested action not taken: mailbox unavailable"
    );
    create(&cloud, rule("r", &["ann@example.com"], vec![to_bucket("b", None)]), None).await.unwrap();
    accept(&cloud, "Ann+label@example.com", "192.0.2.1").await.unwrap();
    for other in ["bob@example.com", "ann@other.com"] {
        assert!(accept(&cloud, other, "192.0.2.1").await.unwrap_err().message().starts_with("550 5.1.1 "));
    }
    let filter = |name: &str, policy: &str, cidr: &str| CreateReceiptFilterRequest {
        filter: ReceiptFilter { name: name.into(), ip_filter: ReceiptIpFilter { policy: policy.into(), cidr: cidr.into() } },
    };
    cloud.ok::<CreateReceiptFilter>(filter("all", "Block", "0.0.0.0/0")).await;
    assert!(accept(&cloud, "ann@example.com", "192.0.2.1").await.unwrap_err().message().starts_with("550 5.7.1 "));
    cloud.ok::<CreateReceiptFilter>(filter("own", "Allow", "192.0.2.0/24")).await;
    accept(&cloud, "ann@example.com", "192.0.2.1").await.unwrap();
    assert!(accept(&cloud, "ann@example.com", "198.51.100.1").await.is_err());
    assert_eq!(cloud.expect_fault::<CreateReceiptFilter>(filter("wrong", "Block", "10.0.0.0/33")).await.code(), "InvalidParameterValue");
    let mut tls = rule("r", &["ann@example.com"], vec![]);
    tls.tls_policy = Some("Require".into());
    cloud.ok::<UpdateReceiptRule>(UpdateReceiptRuleRequest { rule_set_name: "set".into(), rule: tls }).await;
    assert!(accept(&cloud, "ann@example.com", "192.0.2.1").await.unwrap_err().message().starts_with("530 "));
}

#[tokio::test]
async fn rules_do_their_actions_in_order() {
    let Setting { cloud, topics, objects, .. } = setting().await;
    create(&cloud, rule("first", &["example.com"], vec![header("X-Own", "yes"), to_bucket("b", Some(TOPIC))]), None).await.unwrap();
    assert_eq!(objects.keys(), ["b/in/AMAZON_SES_SETUP_NOTIFICATION"]);
    assert_eq!(topics.take()[0]["mail"]["messageId"], "AMAZON_SES_SETUP_NOTIFICATION");
    let sns = SNSAction { topic_arn: TOPIC.into(), encoding: Some("Base64".into()) };
    create(&cloud, rule("second", &[], vec![ReceiptAction { sns_action: Some(sns), ..Default::default() }]), Some("first")).await.unwrap();
    topics.take();
    let id = receive(&cloud, "ann@example.com", MAIL).await;
    assert_eq!(id.len(), 40);
    let object = objects.get(&format!("b/in/{id}"));
    assert!(
        object.starts_with("X-Own: yes\r\nReturn-Path: <bob@other.com>\r\nReceived: from mx.other.com (mx.other.com [192.0.2.1])\r\n"),
        "{object}"
    );
    assert!(
        object.contains("X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\nReceived-SPF: none") && object.ends_with("\r\n\r\nbody\r\n"),
        "{object}"
    );
    let told = topics.take();
    assert_eq!(told.len(), 2);
    let of = |kind: &str| told.iter().find(|one| one["receipt"]["action"]["type"] == kind).unwrap();
    assert_eq!(of("S3")["receipt"]["action"]["objectKey"], format!("in/{id}"));
    let sns = of("SNS");
    assert_eq!((&sns["notificationType"], &sns["mail"]["source"]), (&"Received".into(), &"bob@other.com".into()));
    assert_eq!((&sns["mail"]["commonHeaders"]["messageId"], &sns["receipt"]["spfVerdict"]["status"]), (&"<1@other.com>".into(), &"GRAY".into()));
    use base64::Engine;
    let content = base64::engine::general_purpose::STANDARD.decode(sns["content"].as_str().unwrap()).unwrap();
    assert!(content.starts_with(b"X-Own: yes\r\n"), "what a rule adds stays");
}

#[tokio::test]
async fn verdicts_are_found_in_the_dns() {
    let Setting { cloud, topics, objects, dns, .. } = setting().await;
    let (key, _) = SigningKey::generate(KeyLength::Bits2048).unwrap();
    dns.add(&format!("s._domainkey.other.com TXT \"{}\"", key.record().unwrap())).unwrap();
    dns.add("other.com TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc.other.com TXT \"v=DMARC1; p=reject\"").unwrap();
    create(&cloud, rule("r", &["example.com"], vec![to_bucket("b", Some(TOPIC))]), None).await.unwrap();
    topics.take();
    let signed = format!("{}{MAIL}", Signer { domain: "other.com", selector: "s", key: &key }.sign(MAIL.as_bytes(), 0).unwrap());
    let id = receive(&cloud, "ann@example.com", &signed).await;
    let receipt = topics.take().remove(0)["receipt"].clone();
    let verdicts = |names: [&str; 3]| names.map(|name| receipt[name]["status"].as_str().unwrap().to_owned());
    assert_eq!(verdicts(["spfVerdict", "dkimVerdict", "dmarcVerdict"]), ["PASS", "PASS", "PASS"]);
    let object = objects.get(&format!("b/in/{id}"));
    assert!(object.contains("dkim=pass header.i=@other.com;\r\n dmarc=pass header.from=other.com;"), "{object}");
    let virus = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let spam = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST", "-EMAIL*C.34X"].concat();
    receive(&cloud, "ann@example.com", &format!("From: x@evil.com\r\n\r\n{virus} {spam}\r\n")).await;
    let receipt = topics.take().remove(0)["receipt"].clone();
    let verdicts = |names: [&str; 3]| names.map(|name| receipt[name]["status"].as_str().unwrap().to_owned());
    assert_eq!(verdicts(["spamVerdict", "virusVerdict", "dkimVerdict"]), ["FAIL", "FAIL", "GRAY"]);
    receive(&cloud, "ann@example.com", MAIL).await;
    let receipt = topics.take().remove(0)["receipt"].clone();
    assert_eq!((&receipt["dmarcVerdict"]["status"], receipt.get("dmarcPolicy")), (&"PASS".into(), None), "SPF is aligned");
}

#[tokio::test]
async fn functions_and_stops_end_the_rule_set() {
    let Setting { cloud, objects, .. } = setting().await;
    for (name, before) in [("stop", true), ("go", false)] {
        let actions = if before { vec![to_function(name), to_bucket("b", None)] } else { vec![to_function(name)] };
        create(&cloud, rule(name, &[&format!("{name}@example.com")], actions), None).await.unwrap();
    }
    create(&cloud, rule("last", &[], vec![to_bucket("c", None)]), Some("stop")).await.unwrap();
    let stopped = receive(&cloud, "stop@example.com", MAIL).await;
    let went = receive(&cloud, "go@example.com", MAIL).await;
    let keys = objects.keys();
    assert!(keys.contains(&format!("c/in/{went}")) && !keys.iter().any(|key| key.ends_with(&stopped)), "{keys:?}");
    let stop = ReceiptAction { stop_action: Some(StopAction { scope: "RuleSet".into(), topic_arn: None }), ..Default::default() };
    create(&cloud, rule("end", &[], vec![stop]), None).await.unwrap();
    let nothing = receive(&cloud, "go@example.com", MAIL).await;
    assert!(!objects.keys().iter().any(|key| key.ends_with(&nothing)));
}

#[tokio::test]
async fn targets_are_tried_before_a_rule_is_written() {
    let Setting { cloud, .. } = setting().await;
    let refused = |fault: Fault| error(&fault);
    let fault = create(&cloud, rule("r", &[], vec![to_bucket("closed", None)]), None).await.unwrap_err();
    assert_eq!(refused(fault), ("InvalidS3Configuration".into(), "Could not write to bucket: closed".into()));
    let elsewhere = "arn:aws:sns:eu-west-1:000000000000:topic";
    let fault = create(&cloud, rule("r", &[], vec![to_bucket("b", Some(elsewhere))]), None).await.unwrap_err();
    assert_eq!(refused(fault), ("InvalidSnsTopic".into(), format!("Invalid SNS topic: {elsewhere}")));
    let fault = create(&cloud, rule("r", &[], vec![to_function("missing")]), None).await.unwrap_err();
    let message = "Could not invoke Lambda function: arn:aws:lambda:us-east-1:000000000000:function:missing";
    assert_eq!(refused(fault), ("InvalidLambdaFunction".into(), message.into()));
    let mail = ReceiptAction { workmail_action: Some(WorkmailAction { organization_arn: "arn".into(), topic_arn: None }), ..Default::default() };
    assert_eq!(create(&cloud, rule("r", &[], vec![mail]), None).await.unwrap_err().status(), 501);
    assert_eq!(create(&cloud, rule("r", &[], vec![header("a b", "c")]), None).await.unwrap_err().code(), "InvalidParameterValue");
    assert_eq!(create(&cloud, rule("r", &["no domain"], vec![]), None).await.unwrap_err().code(), "InvalidParameterValue");
    assert_eq!(create(&cloud, rule("r", &[], vec![header("A", "b"); 11]), None).await.unwrap_err().code(), "LimitExceeded");
    assert_eq!(create(&cloud, rule("r", &[], vec![]), Some("nope")).await.unwrap_err().code(), "RuleDoesNotExist");
}

#[tokio::test]
async fn rules_keep_their_order() {
    let Setting { cloud, .. } = setting().await;
    for (name, after) in [("a", None), ("b", Some("a")), ("c", None)] {
        create(&cloud, rule(name, &[], vec![]), after).await.unwrap();
    }
    let names = async |set: &str| {
        let found = cloud.ok::<DescribeReceiptRuleSet>(DescribeReceiptRuleSetRequest { rule_set_name: set.into() }).await;
        found.rules.unwrap().into_iter().map(|rule| rule.name).collect::<String>()
    };
    assert_eq!(names("set").await, "cab", "without a predecessor a rule goes first");
    let place = |name: &str, after: Option<&str>| SetReceiptRulePositionRequest {
        rule_set_name: "set".into(),
        rule_name: name.into(),
        after: after.map(str::to_owned),
    };
    cloud.ok::<SetReceiptRulePosition>(place("c", Some("b"))).await;
    cloud.ok::<SetReceiptRulePosition>(place("b", None)).await;
    assert_eq!(names("set").await, "bac");
    let order = |rules: &[&str]| ReorderReceiptRuleSetRequest {
        rule_set_name: "set".into(),
        rule_names: rules.iter().map(|rule| (*rule).to_owned()).collect(),
    };
    cloud.expect_fault::<ReorderReceiptRuleSet>(order(&["a", "b"])).await;
    cloud.ok::<ReorderReceiptRuleSet>(order(&["a", "b", "c"])).await;
    let clone = CloneReceiptRuleSetRequest { rule_set_name: "copy".into(), original_rule_set_name: "set".into() };
    cloud.ok::<CloneReceiptRuleSet>(clone).await;
    cloud.ok::<DeleteReceiptRule>(DeleteReceiptRuleRequest { rule_set_name: "set".into(), rule_name: "b".into() }).await;
    cloud.ok::<DeleteReceiptRule>(DeleteReceiptRuleRequest { rule_set_name: "set".into(), rule_name: "b".into() }).await;
    assert_eq!((names("set").await, names("copy").await), ("ac".to_owned(), "abc".to_owned()));
    let delete = |name: &str| DeleteReceiptRuleSetRequest { rule_set_name: name.into() };
    assert_eq!(cloud.expect_fault::<DeleteReceiptRuleSet>(delete("set")).await.code(), "CannotDelete");
    cloud.ok::<DeleteReceiptRuleSet>(delete("copy")).await;
    let again = cloud.restart();
    let active = again.ok::<DescribeActiveReceiptRuleSet>(Default::default()).await;
    assert_eq!((active.metadata.unwrap().name.as_deref(), active.rules.unwrap().len()), (Some("set"), 2));
}

#[tokio::test]
async fn a_mail_that_was_taken_survives_a_stop_before_its_rules() {
    let Setting { cloud, objects, .. } = setting().await;
    create(&cloud, rule("r", &[], vec![to_bucket("b", None)]), None).await.unwrap();
    let input = ReceiveMailRequest {
        ip: "192.0.2.1".into(),
        helo: "h".into(),
        from: "bob@other.com".into(),
        recipients: vec!["ann@example.com".into()],
        encrypted: None,
        data: format!("{MAIL}{}", "x".repeat(50_000)).into_bytes().into(),
    };
    let id = cloud.ok::<ReceiveMail>(input).await.message_id;
    let again = cloud.restart();
    again.settle().await;
    assert!(objects.get(&format!("b/in/{id}")).len() > 50_000);
}

#[tokio::test]
async fn bounces_go_to_who_has_sent() {
    let Setting { cloud, .. } = setting().await;
    let bounce = BounceAction {
        smtp_reply_code: "550".into(),
        status_code: Some("5.1.1".into()),
        message: "Mailbox does not exist".into(),
        sender: "daemon@example.com".into(),
        topic_arn: None,
    };
    create(&cloud, rule("r", &["gone@example.com"], vec![ReceiptAction { bounce_action: Some(bounce), ..Default::default() }]), None).await.unwrap();
    create(&cloud, rule("s", &["ann@example.com"], vec![]), None).await.unwrap();
    receive(&cloud, "gone@example.com", MAIL).await;
    let mail = newest_mail(&cloud);
    assert_eq!((&*mail.from, &*mail.to), ("daemon@example.com", &["bob@other.com".to_owned()][..]));
    assert!(mail.body.contains("Diagnostic-Code: smtp; 550 5.1.1 Mailbox does not exist"), "{}", mail.body);
    let id = receive(&cloud, "ann@example.com", MAIL).await;
    let input = |id: &str| SendBounceRequest {
        original_message_id: id.into(),
        bounce_sender: "daemon@example.com".into(),
        bounced_recipient_info_list: vec![BouncedRecipientInfo {
            recipient: "ann@example.com".into(),
            bounce_type: Some("ExceededQuota".into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    cloud.ok::<SendBounce>(input(&id)).await;
    assert!(newest_mail(&cloud).body.contains("552 5.2.2 mailbox full"));
    assert_eq!(cloud.expect_fault::<SendBounce>(input("nope")).await.code(), "MessageRejected");
    cloud.pass(DAY).await;
    assert_eq!(cloud.expect_fault::<SendBounce>(input(&id)).await.code(), "MessageRejected");
}

#[tokio::test]
async fn what_is_sent_to_a_domain_that_is_received_for_comes_in_or_bounces() {
    let Setting { cloud, objects, dns, .. } = setting().await;
    dns.add("example.com MX 10 inbound-smtp.us-east-1.amazonaws.com.").unwrap();
    create(&cloud, rule("r", &["ann@example.com"], vec![to_bucket("b", None)]), None).await.unwrap();
    send(&cloud, "bob@example.com", &["ann@example.com"]).await.unwrap();
    cloud.settle().await;
    let keys = objects.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let object = keys.iter().find(|key| !key.ends_with("NOTIFICATION")).map(|key| objects.get(key)).unwrap();
    assert!(object.contains("Received-SPF: pass") && object.contains("dkim=pass header.i=@amazonses.com"), "{object}");
    send(&cloud, "bob@example.com", &["nobody@example.com"]).await.unwrap();
    let listed = cloud.ok::<cloudlet_api_sesv2::ListSuppressedDestinations>(Default::default()).await.suppressed_destination_summaries.unwrap();
    assert_eq!(listed.iter().map(|one| (&*one.email_address, &*one.reason)).collect::<Vec<_>>(), [("nobody@example.com", "BOUNCE")]);
    let points = cloud.ok::<GetSendStatistics>(Default::default()).await.send_data_points.unwrap();
    assert_eq!(points.iter().map(|point| point.bounces.unwrap()).sum::<i64>(), 1);
    assert_eq!(newest_mail(&cloud).subject.as_deref(), Some("Delivery Status Notification (Failure)"));
}

#[tokio::test]
async fn a_mail_is_encrypted_before_it_is_stored() {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use base64::{Engine, engine::general_purpose::STANDARD};
    let Setting { cloud, objects, .. } = setting().await;
    let encrypted = |key: &str| {
        let mut action = to_bucket("bucket", None);
        action.s3_action.as_mut().unwrap().kms_key_arn = Some(key.to_owned());
        action
    };
    for (key, message) in [
        ("arn:aws:kms:eu-west-1:000000000000:key/k", "Unable to use AWS KMS key: arn:aws:kms:eu-west-1:000000000000:key/k"),
        ("arn:aws:kms:us-east-1:000000000000:key/closed", "Could not write to bucket: bucket"),
    ] {
        let refused = create(&cloud, rule("r", &["example.com"], vec![encrypted(key)]), None).await.unwrap_err();
        assert_eq!(error(&refused), ("InvalidS3Configuration".into(), message.into()));
    }
    let key = "arn:aws:kms:us-east-1:000000000000:key/k";
    create(&cloud, rule("r", &["example.com"], vec![encrypted(key)]), None).await.unwrap();
    let sent = b"From: x@other.com\r\nTo: bob@example.com\r\nSubject: secret\r\n\r\nhello\r\n".to_vec();
    let input = ReceiveMailRequest {
        ip: "192.0.2.1".into(),
        helo: "other.com".into(),
        from: "x@other.com".into(),
        recipients: vec!["bob@example.com".into()],
        encrypted: Some(true),
        data: sent.into(),
    };
    let id = cloud.ok::<ReceiveMail>(input).await.message_id;
    cloud.settle().await;
    let metadata = objects.metadata().unwrap();
    assert_eq!((metadata["x-amz-cek-alg"].as_str(), metadata["x-amz-wrap-alg"].as_str()), ("AES/GCM/NoPadding", "kms"));
    let context: serde_json::Value = serde_json::from_str(&metadata["x-amz-matdesc"]).unwrap();
    assert_eq!((&context["aws:ses:message-id"], &context["aws:ses:rule-name"]), (&id.as_str().into(), &"r".into()));
    let nonce = STANDARD.decode(&metadata["x-amz-iv"]).unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let mut bytes: Vec<u8> = objects.get(&format!("bucket/in/{id}")).chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let opened = cipher.open_in_place(Nonce::try_assume_unique_for_key(&nonce).unwrap(), Aad::empty(), &mut bytes).unwrap();
    assert!(String::from_utf8_lossy(opened).contains("Subject: secret"));
    assert_eq!(metadata["x-amz-unencrypted-content-length"], opened.len().to_string());
}
