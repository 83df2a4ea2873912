//! What rules do with a mail: the actions of those that match, in their order, as SES itself. A target that refuses is logged, and the rest goes on.
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action.html>

use super::{
    bounces::Bounced,
    encryption::{self, About},
    rules::matches,
};
use crate::{
    Ses, events,
    events::iso,
    limits,
    refusal::Refusal,
    state::{Received, RuleSet, Verdicts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloudlet_api_lambda::{InvocationRequest, Invoke};
use cloudlet_api_s3::{PutObject, PutObjectRequest};
use cloudlet_api_ses::{BounceAction, LambdaAction, ReceiptAction, ReceiptRule, S3Action, faults};
use cloudlet_api_sns::{GetTopicAttributes, GetTopicAttributesInput, Publish, PublishInput};
use cloudlet_aws::{Arn, Caller, Fault, FaultKind, Scope};
use cloudlet_engine::{Cx, roles};
use cloudlet_shape::Body;
use serde_json::{Map, Value, json};

/// The name of the session in which SES writes into a bucket by a role.
const SESSION: &str = "ses-receiving";
const SETUP: &str = "AMAZON_SES_SETUP_NOTIFICATION";
const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);

/// A rule at work.
struct Rule<'a> {
    scope: &'a Scope,
    source: Arn,
    scans: bool,
    /// The recipients that it is about.
    recipients: Vec<String>,
}

impl Rule<'_> {
    fn name(&self) -> &str {
        self.source.as_str().rsplit('/').next().unwrap_or_default()
    }
}

/// Whether what follows is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    StopRule,
    StopRuleSet,
}

fn rule_arn(scope: &Scope, set: &str, rule: &str) -> Arn {
    Arn::new("ses", scope, &format!("receipt-rule-set/{set}:receipt-rule/{rule}"))
}

/// The message, its id, and what was found about it.
struct Mail<'a> {
    id: &'a str,
    received: &'a Received,
    raw: Vec<u8>,
}

impl Mail<'_> {
    /// `{ "notificationType": "Received", "mail": …, "receipt": … }`
    /// <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html>
    fn notification(&self, cx: &Cx, rule: &Rule<'_>, action: Value) -> Map<String, Value> {
        let mut notification = Map::new();
        notification.insert("notificationType".into(), "Received".into());
        notification.insert("mail".into(), self.mail().into());
        notification.insert("receipt".into(), self.receipt(cx, rule, action));
        notification
    }

    fn mail(&self) -> Map<String, Value> {
        let mut mail = Map::new();
        mail.insert("timestamp".into(), iso(self.received.at).into());
        mail.insert("source".into(), self.received.from.as_str().into());
        mail.insert("messageId".into(), self.id.into());
        mail.insert("destination".into(), json!(self.received.recipients));
        mail.extend(events::headers_of(&self.raw, self.id, |_| false));
        if let Some(common) = mail.get_mut("commonHeaders").and_then(Value::as_object_mut) {
            common.insert("returnPath".into(), self.received.from.as_str().into());
            let message_id = crate::mime::header_of(&self.raw, "Message-ID").unwrap_or_default();
            common.insert("messageId".into(), message_id.into());
            if let Some(date) = crate::mime::header_of(&self.raw, "Date") {
                common.insert("date".into(), date.into());
            }
        }
        mail
    }

    fn receipt(&self, cx: &Cx, rule: &Rule<'_>, action: Value) -> Value {
        let Verdicts { spam, virus, spf, dkim, dmarc, dmarc_policy } = &self.received.verdicts;
        let verdict = |found: &str| json!({ "status": if rule.scans { found } else { "DISABLED" } });
        let mut receipt = json!({
            "timestamp": iso(self.received.at),
            "processingTimeMillis": (cx.now.millis() - self.received.at.millis()).max(0),
            "recipients": rule.recipients,
            "spamVerdict": verdict(spam),
            "virusVerdict": verdict(virus),
            "spfVerdict": { "status": spf },
            "dkimVerdict": { "status": dkim },
            "dmarcVerdict": { "status": dmarc },
            "action": action,
        });
        if let (Some(receipt), Some(policy)) = (receipt.as_object_mut(), dmarc_policy) {
            receipt.insert("dmarcPolicy".into(), policy.as_str().into());
        }
        receipt
    }
}

fn with_topic(mut action: Value, topic: Option<&String>) -> Value {
    if let (Some(action), Some(topic)) = (action.as_object_mut(), topic) {
        action.insert("topicArn".into(), topic.as_str().into());
    }
    action
}

/// The account and region of a target's ARN.
fn scope_of(arn: &str) -> Option<Scope> {
    Arn::parse(arn).and_then(|arn| arn.scope())
}

async fn publish(cx: &Cx, rule: &Rule<'_>, topic: &str, message: String) -> Result<(), Fault> {
    let scope = scope_of(topic).unwrap_or_else(|| rule.scope.clone());
    let input = PublishInput {
        topic_arn: Some(topic.to_owned()),
        // AWS: recorded.
        subject: Some("Amazon SES Email Receipt Notification".into()),
        message,
        ..PublishInput::default()
    };
    cx.call_ignoring_output::<Publish>(Caller::service(crate::PRINCIPAL, Some(rule.source.clone())), scope, input).await
}

async fn put_object(cx: &Cx, rule: &Rule<'_>, action: &S3Action, name: &str, bytes: Bytes) -> Result<String, Fault> {
    let key = format!("{}{name}", action.object_key_prefix.as_deref().unwrap_or_default());
    let caller = match action.iam_role_arn.as_deref().and_then(Arn::parse) {
        Some(role) => roles::assume_role(cx, &role, SESSION, crate::PRINCIPAL, &rule.source).await?.caller,
        None => Caller::service(crate::PRINCIPAL, Some(rule.source.clone())),
    };
    let (bytes, metadata) = match action.kms_key_arn.as_deref().filter(|arn| !arn.is_empty()) {
        Some(kms_key) => {
            let about = About { message_id: name, rule: rule.name(), scope: rule.scope };
            let sealed = encryption::seal(cx, caller.clone(), kms_key, &about, &bytes).await?;
            (sealed.bytes, Some(sealed.metadata))
        }
        None => (bytes, None),
    };
    let body = Some(Body::whole(bytes));
    let input = PutObjectRequest { bucket: action.bucket_name.clone(), key: key.clone(), body, metadata, ..Default::default() };
    cx.call::<PutObject>(caller, rule.scope.clone(), input).await.map(|_| key)
}

impl Ses {
    /// Asks the targets of a rule before it is written, as AWS does.
    pub async fn check_targets(&self, cx: &Cx, set: &str, rule: &ReceiptRule) -> Result<(), Fault> {
        let at_work =
            Rule { scope: &cx.scope, source: rule_arn(&cx.scope, set, &rule.name), scans: rule.scan_enabled == Some(true), recipients: vec![] };
        for action in rule.actions.as_deref().unwrap_or_default() {
            self.check_target(cx, &at_work, action).await?;
        }
        Ok(())
    }

    async fn check_target(&self, cx: &Cx, rule: &Rule<'_>, action: &ReceiptAction) -> Result<(), Fault> {
        let is_here =
            |arn: &str, service: &str| Arn::parse(arn).is_some_and(|arn| arn.service() == service && arn.region() == cx.scope.region.as_str());
        let topics = [
            action.s3_action.as_ref().and_then(|one| one.topic_arn.as_ref()),
            action.bounce_action.as_ref().and_then(|one| one.topic_arn.as_ref()),
            action.lambda_action.as_ref().and_then(|one| one.topic_arn.as_ref()),
            action.stop_action.as_ref().and_then(|one| one.topic_arn.as_ref()),
            action.sns_action.as_ref().map(|one| &one.topic_arn),
        ];
        for topic in topics.into_iter().flatten() {
            let refused = || faults::INVALID_SNS_TOPIC.says(format!("Could not publish to SNS topic: {topic}"));
            // AWS: unverified, that other texts than ARNs of the region are told apart.
            let invalid = || faults::INVALID_SNS_TOPIC.says(format!("Invalid SNS topic: {topic}"));
            let scope = scope_of(topic).filter(|_| is_here(topic, "sns")).ok_or_else(invalid)?;
            let input = GetTopicAttributesInput { topic_arn: topic.clone() };
            cx.forward::<GetTopicAttributes>(crate::PRINCIPAL, scope, input).await.map_err(|_| refused())?;
        }
        if let Some(s3) = &action.s3_action {
            if let Some(key) = s3.kms_key_arn.as_deref().filter(|key| !key.is_empty() && encryption::scope_of_key(key, &cx.scope).is_none()) {
                // AWS: unverified message.
                return Err(faults::INVALID_S3_CONFIGURATION.says(format!("Unable to use AWS KMS key: {key}")));
            }
            if let Some(role) = &s3.iam_role_arn {
                // AWS: unverified message.
                let refused = || Refusal::invalid("Could not assume the provided IAM role").v1();
                let arn = Arn::parse(role).ok_or_else(refused)?;
                roles::assume_role(cx, &arn, SESSION, crate::PRINCIPAL, &rule.source).await.map_err(|_| refused())?;
            }
            let notice = "From: Amazon SES <no-reply@amazon.com>\r\nSubject: Amazon SES Setup Notification\r\nMIME-Version: 1.0\r\nContent-Type: \
                          text/plain\r\n\r\nHello,\r\n\r\nYou received this message because you attempted to set up Amazon SES to deliver emails to this S3 \
                          bucket.\r\n\r\nThe Amazon SES Team\r\n";
            let put = put_object(cx, rule, s3, SETUP, Bytes::from_static(notice.as_bytes())).await;
            let key = put.map_err(|_| faults::INVALID_S3_CONFIGURATION.says(format!("Could not write to bucket: {}", s3.bucket_name)))?;
            if let Some(topic) = &s3.topic_arn {
                let action = with_topic(shown_s3(s3, &key), Some(topic));
                self.publish_setup(cx, rule, topic, action, None).await?;
            }
        }
        if let Some(sns) = &action.sns_action {
            let action = json!({ "type": "SNS", "topicArn": sns.topic_arn, "encoding": sns.encoding.as_deref().unwrap_or("UTF-8") });
            self.publish_setup(cx, rule, &sns.topic_arn, action, Some("")).await?;
        }
        if let Some(lambda) = &action.lambda_action {
            let refused = || faults::INVALID_LAMBDA_FUNCTION.says(format!("Could not invoke Lambda function: {}", lambda.function_arn));
            let invalid = || faults::INVALID_LAMBDA_FUNCTION.says(format!("Invalid Lambda function: {}", lambda.function_arn));
            let scope = scope_of(&lambda.function_arn).filter(|_| is_here(&lambda.function_arn, "lambda")).ok_or_else(invalid)?;
            let input = InvocationRequest {
                function_name: lambda.function_arn.clone(),
                invocation_type: Some("DryRun".into()),
                ..InvocationRequest::default()
            };
            let tried = cx.call::<Invoke>(Caller::service(crate::PRINCIPAL, Some(rule.source.clone())), scope, input).await;
            tried.map_err(|fault| if fault.status() == 501 { fault } else { refused() })?;
        }
        if let Some(bounce) = &action.bounce_action {
            let sender = crate::addresses::Address::parse(&bounce.sender).map_err(|why| Refusal::invalid(why).v1())?;
            if !self.store.read(|state| state.is_verified(&cx.scope, &sender.address)) {
                // <https://github.com/alchemy-run/distilled/pull/391>
                return Err(Refusal::invalid(format!("Identity is not verified: {}", sender.address)).v1());
            }
        }
        if action.workmail_action.is_some() {
            return Err(NOT_IMPLEMENTED.says("Cloudlet does not implement actions of WorkMail."));
        }
        if action.connect_action.is_some() {
            return Err(NOT_IMPLEMENTED.says("Cloudlet does not implement actions of Connect."));
        }
        Ok(())
    }

    /// AWS tries a topic with a notification of its own, which consumers know by its id.
    async fn publish_setup(&self, cx: &Cx, rule: &Rule<'_>, topic: &str, action: Value, content: Option<&str>) -> Result<(), Fault> {
        let received = Received {
            scope: cx.scope.clone(),
            at: cx.now,
            from: "no-reply@amazon.com".into(),
            recipients: vec!["recipient@example.com".into()],
            encrypted: true,
            verdicts: Verdicts {
                spam: "PASS".into(),
                virus: "PASS".into(),
                spf: "PASS".into(),
                dkim: "PASS".into(),
                dmarc: "PASS".into(),
                dmarc_policy: None,
            },
            raw: None,
            expires: cx.now,
        };
        let raw = b"From: no-reply@amazon.com\r\nTo: recipient@example.com\r\nSubject: Amazon SES Setup Notification\r\n\r\n".to_vec();
        let mut notification = Mail { id: SETUP, received: &received, raw }.notification(cx, rule, action);
        if let Some(content) = content {
            notification.insert("content".into(), content.into());
        }
        let refused = |_| faults::INVALID_SNS_TOPIC.says(format!("Could not publish to SNS topic: {topic}"));
        publish(cx, rule, topic, Value::from(notification).to_string()).await.map_err(refused)
    }

    /// Applies the active rule set to a mail, once.
    pub async fn apply_rules(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        let found = self.store.read(|state| state.received.get_live(id, cx.now.millis()).cloned());
        let Some(received) = found else { return Ok(()) };
        let Some(blob) = received.raw.clone() else { return Ok(()) };
        let raw = match self.blobs.read_all(&blob) {
            Ok(reader) => reader.whole().await.map_err(Fault::internal)?.to_vec(),
            Err(error) => return Err(Fault::internal(error)),
        };
        let scope = &received.scope;
        let set = self.store.read(|state| {
            let name = state.active_rule_sets.get(scope)?.clone();
            let set = state.rule_sets.get(&(scope.clone(), name.clone()))?.clone();
            Some((name, set))
        });
        if let Some((name, set)) = set {
            let mut mail = Mail { id, received: &received, raw };
            self.run(cx, &mut mail, &name, &set).await;
        }
        self.store.update(|state| {
            if let Some(row) = state.received.get_live(id, cx.now.millis()).cloned() {
                state.received.insert(id.into(), std::sync::Arc::new(Received { raw: None, ..(*row).clone() }));
            }
        });
        self.blobs.delete(&blob);
        Ok(())
    }

    async fn run(&self, cx: &Cx, mail: &mut Mail<'_>, set_name: &str, set: &RuleSet) {
        for stored in &set.rules {
            let wants_tls = stored.tls_policy.as_deref() == Some("Require");
            if stored.enabled != Some(true) || (wants_tls && !mail.received.encrypted) {
                continue;
            }
            let recipients: Vec<String> = mail.received.recipients.iter().filter(|recipient| matches(stored, recipient)).cloned().collect();
            if recipients.is_empty() {
                continue;
            }
            let source = rule_arn(&mail.received.scope, set_name, &stored.name);
            let scope = mail.received.scope.clone();
            let rule = Rule { scope: &scope, source, scans: stored.scan_enabled == Some(true), recipients };
            for action in stored.actions.as_deref().unwrap_or_default() {
                let done = self.act(cx, mail, &rule, action).await.unwrap_or_else(|fault| {
                    tracing::warn!(%fault, rule = %rule.source.as_str(), message = mail.id, "an action of a receipt rule failed");
                    Flow::Continue
                });
                match done {
                    Flow::Continue => {}
                    Flow::StopRule => break,
                    Flow::StopRuleSet => return,
                }
            }
        }
    }

    async fn act(&self, cx: &Cx, mail: &mut Mail<'_>, rule: &Rule<'_>, action: &ReceiptAction) -> Result<Flow, Fault> {
        if let Some(header) = &action.add_header_action {
            let mut raw = format!("{}: {}\r\n", header.header_name, header.header_value).into_bytes();
            raw.append(&mut mail.raw);
            mail.raw = raw;
        }
        if let Some(s3) = &action.s3_action {
            let key = put_object(cx, rule, s3, mail.id, Bytes::copy_from_slice(&mail.raw)).await?;
            if let Some(topic) = &s3.topic_arn {
                let notification = mail.notification(cx, rule, with_topic(shown_s3(s3, &key), Some(topic)));
                publish(cx, rule, topic, Value::from(notification).to_string()).await?;
            }
        }
        if let Some(sns) = &action.sns_action {
            let encoding = sns.encoding.as_deref().unwrap_or("UTF-8");
            let shown = json!({ "type": "SNS", "topicArn": sns.topic_arn, "encoding": encoding });
            let mut notification = mail.notification(cx, rule, shown);
            let content = if encoding == "Base64" { STANDARD.encode(&mail.raw) } else { String::from_utf8_lossy(&mail.raw).into_owned() };
            notification.insert("content".into(), content.into());
            let message = Value::from(notification).to_string();
            if message.len() > limits::NOTIFICATION_BYTES {
                let why = ("552", "5.3.4", "Message length exceeds limit");
                self.bounce(cx, mail, rule, why, &crate::feedback::daemon(rule.scope));
                return Ok(Flow::StopRuleSet);
            }
            publish(cx, rule, &sns.topic_arn, message).await?;
        }
        if let Some(lambda) = &action.lambda_action {
            return self.invoke(cx, mail, rule, lambda).await;
        }
        if let Some(bounce) = &action.bounce_action {
            let status = bounce.status_code.as_deref().unwrap_or("5.0.0");
            self.bounce(cx, mail, rule, (&bounce.smtp_reply_code, status, &bounce.message), &bounce.sender);
            self.tell_topic(cx, mail, rule, bounce.topic_arn.as_ref(), shown_bounce(bounce)).await?;
        }
        if let Some(stop) = &action.stop_action {
            self.tell_topic(cx, mail, rule, stop.topic_arn.as_ref(), json!({ "type": "Stop" })).await?;
            return Ok(Flow::StopRuleSet);
        }
        Ok(Flow::Continue)
    }

    async fn tell_topic(&self, cx: &Cx, mail: &Mail<'_>, rule: &Rule<'_>, topic: Option<&String>, action: Value) -> Result<(), Fault> {
        let Some(topic) = topic else { return Ok(()) };
        let notification = mail.notification(cx, rule, with_topic(action, Some(topic)));
        publish(cx, rule, topic, Value::from(notification).to_string()).await
    }

    fn bounce(&self, cx: &Cx, mail: &Mail<'_>, rule: &Rule<'_>, (code, status, message): (&str, &str, &str), sender: &str) {
        let recipients = rule.recipients.iter().map(|recipient| Bounced {
            recipient: recipient.clone(),
            action: "failed".into(),
            status: status.to_owned(),
            diagnostic: format!("{code} {status} {message}"),
        });
        self.bounce_back(cx, rule.scope, mail.received, sender, message, &recipients.collect::<Vec<_>>());
    }

    /// <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda.html>
    async fn invoke(&self, cx: &Cx, mail: &Mail<'_>, rule: &Rule<'_>, lambda: &LambdaAction) -> Result<Flow, Fault> {
        let kind = lambda.invocation_type.as_deref().unwrap_or("Event");
        let shown = json!({ "type": "Lambda", "functionArn": lambda.function_arn, "invocationType": kind });
        let shown = with_topic(shown, lambda.topic_arn.as_ref());
        let ses = json!({ "mail": mail.mail(), "receipt": mail.receipt(cx, rule, shown.clone()) });
        let event = json!({ "Records": [{ "eventSource": "aws:ses", "eventVersion": "1.0", "ses": ses }] });
        let input = InvocationRequest {
            function_name: lambda.function_arn.clone(),
            invocation_type: Some(kind.to_owned()),
            payload: Some(event.to_string().into_bytes().into()),
            ..InvocationRequest::default()
        };
        let scope = scope_of(&lambda.function_arn).unwrap_or_else(|| rule.scope.clone());
        let answer = cx.call::<Invoke>(Caller::service(crate::PRINCIPAL, Some(rule.source.clone())), scope, input).await?;
        self.tell_topic(cx, mail, rule, lambda.topic_arn.as_ref(), shown).await?;
        if kind != "RequestResponse" || answer.function_error.is_some() {
            return Ok(Flow::Continue);
        }
        let answer: Value = answer.payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
        let disposition = answer.get("disposition").and_then(Value::as_str).map(str::to_ascii_uppercase);
        Ok(match disposition.as_deref() {
            Some("STOP_RULE") => Flow::StopRule,
            Some("STOP_RULE_SET") => Flow::StopRuleSet,
            _ => Flow::Continue,
        })
    }
}

fn shown_s3(action: &S3Action, key: &str) -> Value {
    json!({
        "type": "S3",
        "bucketName": action.bucket_name,
        "objectKeyPrefix": action.object_key_prefix.as_deref().unwrap_or_default(),
        "objectKey": key,
    })
}

fn shown_bounce(action: &BounceAction) -> Value {
    json!({
        "type": "Bounce",
        "smtpReplyCode": action.smtp_reply_code,
        "statusCode": action.status_code,
        "message": action.message,
        "sender": action.sender,
    })
}
