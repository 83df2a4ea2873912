//! Object-level logging: requests for objects as CloudTrail records them, for whoever observes the events of S3.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use crate::{access::BucketHandle, names};
use cloudlet_aws::{Caller, Identity, Scope, TimestampFormat};
use cloudlet_engine::{Cx, SentAnswer, ServiceEvent, SignatureKind};
use serde_json::{Map, Value, json};

/// What of the request only its head tells.
pub struct Request<'a> {
    pub key: Option<&'a str>,
    pub method: &'a str,
    pub host: Option<&'a str>,
    pub bytes_in: u64,
}

/// The record of a request. A request that was refused before its operation was known has none.
pub fn data_event(cx: &Cx, found: &BucketHandle, request: &Request<'_>, answer: &SentAnswer) -> Option<ServiceEvent> {
    let operation = answer.operation?;
    let (time, owner) = (cx.now.text(TimestampFormat::DateTime), found.bucket.owner);
    let bucket_arn = names::bucket_arn(cx, &found.name);
    let mut parameters = Map::new();
    parameters.insert("bucketName".into(), (*found.name).into());
    // AWS: DeleteObjects is one record without keys.
    if let Some(key) = request.key {
        parameters.insert("key".into(), key.into());
    }
    if let Some(host) = request.host {
        parameters.insert("Host".into(), host.into());
    }
    let signed = cx.origin.signed;
    let authentication = signed.map_or("", |signed| match signed.kind {
        SignatureKind::Header => "AuthHeader",
        SignatureKind::Query => "QueryString",
        SignatureKind::Post => "",
    });
    let mut resources = vec![json!({ "accountId": owner.as_str(), "type": "AWS::S3::Bucket", "ARN": bucket_arn.as_str() })];
    if let Some(key) = request.key {
        resources.insert(0, json!({ "type": "AWS::S3::Object", "ARN": names::object_arn(cx, &found.name, key).as_str() }));
    }
    let mut detail = json!({
        "eventVersion": "1.11",
        "userIdentity": user_identity(&cx.caller),
        "eventTime": time,
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": found.bucket.region.as_str(),
        "sourceIPAddress": cx.origin.source_ip.map(|address| address.to_string()),
        "userAgent": cx.origin.user_agent.as_deref().map(|agent| format!("[{agent}]")),
        "requestParameters": parameters,
        "responseElements": response_elements(answer),
        "additionalEventData": {
            "SignatureVersion": signed.map(|signed| if signed.version == "AWS" { "SigV2" } else { "SigV4" }),
            "CipherSuite": cx.origin.tls.map(|session| session.cipher_suite),
            "bytesTransferredIn": request.bytes_in,
            "AuthenticationMethod": authentication,
            "x-amz-id-2": cx.origin.host_id.as_deref(),
            "bytesTransferredOut": answer.bytes_sent,
        },
        "requestID": &*cx.request_id,
        "eventID": cx.ids().uuid(),
        "readOnly": matches!(request.method, "GET" | "HEAD"),
        "resources": resources,
        "eventType": "AwsApiCall",
        "managementEvent": false,
        "recipientAccountId": owner.as_str(),
        "eventCategory": "Data",
    });
    if let Some(detail) = detail.as_object_mut() {
        if let Some(code) = &answer.error_code {
            detail.insert("errorCode".into(), code.clone().into());
        }
        if let Some(session) = cx.origin.tls {
            let tls = json!({ "tlsVersion": session.version, "cipherSuite": session.cipher_suite, "clientProvidedHostHeader": request.host });
            detail.insert("tlsDetails".into(), tls);
        }
    }
    Some(ServiceEvent {
        source: "aws.s3",
        detail_type: "AWS API Call via CloudTrail",
        resources: vec![bucket_arn],
        detail,
        scope: Scope::new(owner, found.bucket.region.clone()),
        time: cx.now,
    })
}

/// Of a write: what S3 answered in its headers.
fn response_elements(answer: &SentAnswer) -> Value {
    let fields = ["x-amz-version-id", "x-amz-server-side-encryption", "x-amz-expiration"];
    let found: Map<String, Value> = fields.iter().filter_map(|name| Some(((*name).to_owned(), answer.header(name)?.into()))).collect();
    if found.is_empty() { Value::Null } else { found.into() }
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
fn user_identity(caller: &Caller) -> Value {
    let kind = match &caller.identity {
        Identity::Root => "Root",
        Identity::User { .. } => "IAMUser",
        Identity::AssumedRole { .. } => "AssumedRole",
        Identity::FederatedUser { .. } => "FederatedUser",
        Identity::Service { principal, .. } => return json!({ "type": "AWSService", "invokedBy": &**principal }),
        Identity::Anonymous => return json!({ "type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL" }),
    };
    let account = caller.account.map(|account| account.to_string());
    let mut identity = json!({ "type": kind, "principalId": &*caller.unique_id, "arn": &*caller.arn, "accountId": account });
    if let (Some(identity), Some(key)) = (identity.as_object_mut(), &caller.access_key) {
        identity.insert("accessKeyId".into(), key.to_string().into());
    }
    identity
}
