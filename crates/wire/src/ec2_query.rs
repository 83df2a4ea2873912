//! ec2Query: awsQuery with EC2's own spelling of names, lists, answers and errors.
//! <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>

use crate::{
    Answer, Codec, Ids, Incoming, Malformed, Missing,
    codec::ReadInput,
    form::{self, Style},
    query::read_form,
    xml::XmlWriter,
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_shape::{Body, Mismatch, OperationSchema, ServiceSchema, Struct};

pub(crate) struct Ec2Query;

const INVALID_VALUE: FaultKind = FaultKind::sender("InvalidParameterValue", 400);
const MALFORMED: FaultKind = FaultKind::sender("MalformedQueryString", 400);
const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Codec for Ec2Query {
    fn decode(&self, _: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        let bytes = incoming.body.whole();
        read_form(incoming.head, &bytes).and_then(|form| form::read(&form, Style::Ec2, read)).map_err(malformed)
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let mut writer = XmlWriter::with_millis();
        writer.raw(PROLOG);
        // EC2 has no wrapper around its members.
        writer.element(&format!("{}Response", operation.name), operation.service.xml_namespace, |writer| {
            writer.leaf("requestId", ids.request_id);
            writer.members(output, &mut |_| true);
        });
        answer(operation.status, writer, ids)
    }

    fn fault(&self, _: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer {
        let mut writer = XmlWriter::with_millis();
        writer.raw(PROLOG);
        writer.element("Response", "", |writer| {
            writer.element("Errors", "", |writer| {
                writer.element("Error", "", |writer| {
                    writer.leaf("Code", fault.code());
                    writer.leaf("Message", fault.query_message());
                    for (name, value) in fault.members().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("message")) {
                        writer.leaf(name, value);
                    }
                });
            });
            writer.leaf("RequestID", ids.request_id);
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
    answer.put("content-type", "text/xml;charset=UTF-8");
    answer.body = Body::whole(writer.into_bytes());
    answer
}

fn malformed(mismatch: Mismatch) -> Malformed {
    Malformed(match mismatch {
        Mismatch::Malformed(message) => MALFORMED.says(message),
        // AWS: unverified wording.
        Mismatch::Wrong { wanted, at } => INVALID_VALUE.says(format!("Value ({at}) is invalid. Expected a value of type {wanted}.")),
    })
}
