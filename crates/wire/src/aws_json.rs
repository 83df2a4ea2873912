//! awsJson 1.0 and 1.1: one path, the operation in `X-Amz-Target`, JSON both ways.
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>

use crate::{
    Answer, Codec, Ids, Incoming, Malformed, Missing,
    codec::{ReadInput, message_is_a_member},
    event_stream::{self, Payloads},
    json::{self, JsonWriter, Names},
};
use cloudlet_aws::{Blame, Fault, FaultKind};
use cloudlet_shape::{Body, Kind, Mismatch, OperationSchema, Protocol, ServiceSchema, Struct};

pub(crate) struct AwsJson {
    pub(crate) content_type: &'static str,
}

/// AWS: `MalformedInput` is its code where a service also speaks query.
const SERIALIZATION: FaultKind = FaultKind::sender("SerializationException", 400).coded("MalformedInput");
/// The shapes of Coral, Amazon's service framework, live in namespaces of their own.
const CORAL_SERVICE: &[&str] = &["SerializationException", "UnknownOperationException", "InternalFailure"];

impl Codec for AwsJson {
    fn decode(&self, _: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        json::read_bytes(&incoming.body.whole(), Names::Wire, read).map_err(malformed)
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let mut answer = Answer::new(operation.status);
        answer.put("x-amzn-requestid", ids.request_id);
        let mut writer = JsonWriter::new(Names::Wire);
        writer.object(output, &mut |_| true);
        if operation.output.members.iter().any(|member| member.of.kind == Kind::Events) {
            answer.put("content-type", event_stream::CONTENT_TYPE);
            // An RPC protocol has no head for the other members: they are the first event.
            answer.body = event_stream::body(output, Payloads::Json, Some(writer.into_bytes()));
        } else {
            answer.put("content-type", self.content_type);
            answer.body = Body::whole(writer.into_bytes());
        }
        answer
    }

    fn fault(&self, service: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer {
        let compatible = service.also.contains(&Protocol::Query);
        let mut answer = Answer::new(fault.status());
        answer.put("x-amzn-requestid", ids.request_id);
        answer.put("content-type", self.content_type);
        for (name, value) in fault.headers() {
            answer.put(*name, value);
        }
        if compatible {
            // AWS: `x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender`, whether or not the client sends
            // `x-amzn-query-mode`: the SDKs of 2023 and 2024 send none and read it.
            let blame = match fault.blame() {
                Blame::Sender => "Sender",
                Blame::Receiver => "Receiver",
            };
            answer.put("x-amzn-query-error", format!("{};{blame}", fault.code()));
        }
        // AWS: services that also speak query spell the whole shape id (recorded at SQS: `com.amazonaws.sqs#QueueDoesNotExist`),
        // the others the bare name.
        let kind = match fault.name() {
            name if !compatible => name.to_owned(),
            name if CORAL_SERVICE.contains(&name) => format!("com.amazon.coral.service#{name}"),
            name => format!("com.amazonaws.{}#{name}", service.name),
        };
        let mut pairs = vec![("__type", kind.as_str())];
        if !fault.message().is_empty() && !message_is_a_member(fault) {
            pairs.push(("message", fault.message()));
        }
        pairs.extend(fault.members().iter().map(|(name, value)| (*name, value.as_str())));
        let mut writer = JsonWriter::new(Names::Wire);
        writer.error(&pairs, fault.documents());
        answer.body = Body::whole(writer.into_bytes());
        answer
    }
}

/// The answer of JSON services to a malformed body.
pub(crate) fn malformed(mismatch: Mismatch) -> Malformed {
    let message = match mismatch {
        Mismatch::Malformed(message) => message,
        Mismatch::Wrong { wanted, at } if at.is_empty() => format!("NUMBER_VALUE can not be converted to an {wanted}"),
        Mismatch::Wrong { wanted, at } => format!("'{at}' can not be converted to {wanted}"),
    };
    Malformed(SERIALIZATION.says(message))
}
