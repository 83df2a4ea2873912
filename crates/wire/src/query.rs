//! awsQuery: a form in, XML out.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use crate::{
    Answer, Asked, Codec, Ids, Incoming, Malformed, Missing,
    codec::ReadInput,
    form::{self, Form, Style},
    xml::XmlWriter,
};
use cloudlet_aws::{Blame, Fault, FaultKind, Head};
use cloudlet_shape::{Body, Mismatch, OperationSchema, Protocol, Read, ServiceSchema, Struct, TimestampFormat};

pub(crate) struct Query;

const MALFORMED: FaultKind = FaultKind::sender("MalformedInput", 400);

impl Codec for Query {
    fn decode(&self, _: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        let bytes = incoming.body.whole();
        read_form(incoming.head, &bytes).and_then(|form| form::read(&form, Style::Query, read)).map_err(malformed)
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let mut writer = XmlWriter::with_query_names();
        writer.element(&[operation.name, "Response"].concat(), operation.service.xml_namespace, |writer| {
            if !operation.result_wrapper.is_empty() {
                writer.document(operation.result_wrapper, "", output, &mut |_| true);
            } else if !operation.output.members.is_empty() {
                writer.document(&[operation.name, "Result"].concat(), "", output, &mut |_| true);
            }
            writer.element("ResponseMetadata", "", |writer| writer.leaf("RequestId", ids.request_id));
        });
        answer(operation.status, writer, ids)
    }

    fn fault(&self, service: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>, _: &Asked) -> Answer {
        let mut writer = XmlWriter::new(TimestampFormat::DateTime);
        writer.element("ErrorResponse", service.xml_namespace, |writer| {
            writer.element("Error", "", |writer| {
                let blame = match fault.blame() {
                    Blame::Sender => "Sender",
                    Blame::Receiver => "Receiver",
                };
                writer.leaf("Type", blame);
                writer.leaf("Code", fault.code());
                if !fault.query_message().is_empty() {
                    writer.leaf("Message", fault.query_message());
                }
                for (name, value) in fault.members().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("message")) {
                    writer.leaf(name, value);
                }
                // AWS: recorded at SQS, whose query form outlives its move to JSON; no service of the query protocol proper has it.
                if service.protocol != Protocol::Query {
                    writer.leaf("Detail", "");
                }
            });
            writer.leaf("RequestId", ids.request_id);
        });
        let mut answer = answer(fault.status(), writer, ids);
        for (name, value) in fault.headers() {
            answer.put(*name, value);
        }
        answer
    }
}

fn answer(status: u16, writer: XmlWriter, ids: &Ids<'_>) -> Answer {
    let mut answer = Answer::new(status);
    answer.put("x-amzn-requestid", ids.request_id);
    answer.put("content-type", "text/xml");
    answer.body = Body::whole(writer.into_bytes());
    answer
}

/// The parameters of a request: those of its body, and those of its URL.
pub(crate) fn read_form<'f>(head: &Head<'f>, body: &'f [u8]) -> Read<Form<'f>> {
    let body = std::str::from_utf8(body).map_err(|_| Mismatch::Malformed("not UTF-8".into()))?;
    Form::parse(&[body.trim_end_matches(['\r', '\n']), head.query])
}

/// The answer of query services to malformed parameters.
fn malformed(mismatch: Mismatch) -> Malformed {
    Malformed(MALFORMED.says(match mismatch {
        Mismatch::Malformed(message) => message,
        // AWS: unverified wording.
        Mismatch::Wrong { wanted, at } => format!("'{at}' can not be converted to {wanted}"),
    }))
}
