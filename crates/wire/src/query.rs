//! awsQuery: a form in, XML out, or JSON for clients that accept it.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use crate::{
    Answer, Codec, Ids, Incoming, Malformed, Missing,
    codec::ReadInput,
    form::{self, Form, Style},
    json::{JsonWriter, Names},
    xml::XmlWriter,
};
use cloudlet_aws::{Blame, Fault, FaultKind, Head};
use cloudlet_shape::{Body, Mismatch, OperationSchema, Protocol, Read, ServiceSchema, Struct, TimestampFormat, Writer};

pub(crate) struct Query {
    pub(crate) format: Format,
}

/// The format of answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Xml,
    Json,
}

const MALFORMED: FaultKind = FaultKind::sender("MalformedInput", 400);

impl Codec for Query {
    fn decode(&self, _: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        let bytes = incoming.body.whole();
        read_form(incoming.head, &bytes).and_then(|form| form::read(&form, Style::Query, read)).map_err(malformed)
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let response = [operation.name, "Response"].concat();
        let result = match operation.result_wrapper {
            "" if operation.output.members.is_empty() => None,
            "" => Some([operation.name, "Result"].concat()),
            wrapper => Some(wrapper.to_owned()),
        };
        match self.format {
            Format::Xml => {
                let mut writer = XmlWriter::with_query_names();
                writer.element(&response, operation.service.xml_namespace, |writer| {
                    if let Some(result) = &result {
                        writer.document(result, "", output, &mut |_| true);
                    }
                    writer.element("ResponseMetadata", "", |writer| writer.leaf("RequestId", ids.request_id));
                });
                answer(operation.status, XML, writer.into_bytes(), ids)
            }
            Format::Json => {
                let write_metadata =
                    |writer: &mut JsonWriter| writer.entry(METADATA, &mut |writer| writer.error(&[("RequestId", ids.request_id)], &[]));
                let mut writer = JsonWriter::new(Names::Query);
                writer.entries(&mut |writer| {
                    writer.entry(&response, &mut |writer| {
                        writer.entries(&mut |writer| {
                            // In the order of their names, like all members.
                            if result.as_deref().is_none_or(|result| result > METADATA) {
                                write_metadata(writer);
                            }
                            if let Some(result) = &result {
                                writer.entry(result, &mut |writer| writer.structure(output));
                                if result.as_str() < METADATA {
                                    write_metadata(writer);
                                }
                            }
                        });
                    });
                });
                answer(operation.status, JSON, writer.into_bytes(), ids)
            }
        }
    }

    fn fault(&self, service: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer {
        if fault.name() == UNKNOWN_OPERATION {
            // AWS: recorded at SQS, in XML whatever the client accepts, and without a content type.
            let mut answer = Answer::new(fault.status());
            answer.put("x-amzn-requestid", ids.request_id);
            answer.body = Body::whole(b"<UnknownOperationException/>\n".to_vec());
            return answer;
        }
        let blame = match fault.blame() {
            Blame::Sender => "Sender",
            Blame::Receiver => "Receiver",
        };
        let members = || fault.members().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("message"));
        let mut answer = match self.format {
            Format::Xml => {
                let mut writer = XmlWriter::new(TimestampFormat::DateTime);
                writer.element("ErrorResponse", service.xml_namespace, |writer| {
                    writer.element("Error", "", |writer| {
                        writer.leaf("Type", blame);
                        writer.leaf("Code", fault.code());
                        if !fault.query_message().is_empty() {
                            writer.leaf("Message", fault.query_message());
                        }
                        for (name, value) in members() {
                            writer.leaf(name, value);
                        }
                        // AWS: recorded at SQS, whose query form outlives its move to JSON; no service of the query protocol proper has it.
                        if service.protocol != Protocol::Query {
                            writer.empty("Detail", "");
                        }
                    });
                    writer.leaf("RequestId", ids.request_id);
                });
                answer(fault.status(), XML, writer.into_bytes(), ids)
            }
            Format::Json => {
                // AWS: `{"Error":{"Code":"AccessDenied","Message":"…","Type":"Sender"},"RequestId":"…"}`, in the order of names.
                let mut error = vec![("Code", fault.code()), ("Message", fault.query_message()), ("Type", blame)];
                error.extend(members().map(|(name, value)| (*name, value.as_str())));
                error.sort_by_key(|(name, _)| *name);
                let mut writer = JsonWriter::new(Names::Query);
                writer.entries(&mut |writer| {
                    writer.entry("Error", &mut |writer| writer.error(&error, &[]));
                    writer.entry("RequestId", &mut |writer| writer.text(ids.request_id));
                });
                answer(fault.status(), JSON, writer.into_bytes(), ids)
            }
        };
        for (name, value) in fault.headers() {
            answer.put(*name, value);
        }
        answer
    }
}

const XML: &str = "text/xml";
const JSON: &str = "application/json";
const METADATA: &str = "ResponseMetadata";
const UNKNOWN_OPERATION: &str = "UnknownOperationException";

fn answer(status: u16, content_type: &'static str, body: Vec<u8>, ids: &Ids<'_>) -> Answer {
    let mut answer = Answer::new(status);
    answer.put("x-amzn-requestid", ids.request_id);
    answer.put("content-type", content_type);
    answer.body = Body::whole(body);
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
