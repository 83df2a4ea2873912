//! restXml: HTTP bindings with XML documents.
//! <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>

use crate::{
    Answer, Codec, Ids, Incoming, Malformed, Missing,
    answer::{self, Content},
    bindings::{self, Documents, Unread},
    codec::{ReadInput, literal_query},
    event_stream::{self, Payloads},
    path::Path,
    xml::{self, XmlWriter},
};
use cloudlet_aws::{Blame, Fault, FaultKind};
use cloudlet_shape::{At, Body, Kind, Mismatch, OperationSchema, Read, Reader, ServiceSchema, Struct};

pub(crate) struct RestXml;

const MALFORMED_XML: FaultKind = FaultKind::sender("MalformedXML", 400);
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const NOT_OUR_SCHEMA: &str = "The XML you provided was not well-formed or did not validate against our published schema";
const MISSING_BODY: FaultKind = FaultKind::sender("MissingRequestBodyError", 400);
const INVALID_ARGUMENT: FaultKind = FaultKind::sender("InvalidArgument", 400);
const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Reads documents, and remembers whether it was one that failed.
struct Xml(std::cell::Cell<bool>);

impl Documents for Xml {
    fn read(&self, bytes: &[u8], at: Path, names: &[&str], visit: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<Missing> {
        let read = xml::read(bytes, at, &mut |root, reader| {
            // AWS: the name of the shape is accepted too: older SDKs send `CompletedMultipartUpload`.
            if names.is_empty() || names.contains(&root) { visit(reader) } else { Err(Mismatch::Malformed(format!("unexpected element {root}"))) }
        });
        self.0.set(read.is_err());
        read
    }
}

impl Codec for RestXml {
    fn decode(&self, operation: &'static OperationSchema, incoming: Incoming<'_>, read: ReadInput<'_>) -> Result<Missing, Malformed> {
        let documents = Xml(std::cell::Cell::new(false));
        match bindings::read(&incoming, literal_query(operation), &documents, read) {
            // AWS: a document is checked against a schema, so that a missing member is not reported by validation.
            Ok(found) if found.no_payload => Err(Malformed(MISSING_BODY.says("Request Body is empty"))),
            Ok(found) if !found.missing_in_document.is_empty() => Err(Malformed(MALFORMED_XML.says(NOT_OUR_SCHEMA))),
            Ok(found) => Ok(found.missing),
            Err(_) if documents.0.get() => Err(Malformed(MALFORMED_XML.says(NOT_OUR_SCHEMA))),
            Err(Unread { why: Mismatch::Malformed(message), .. }) => Err(Malformed(INVALID_ARGUMENT.says(message))),
            Err(Unread { why: Mismatch::Wrong { wanted, at }, parameter }) => {
                let fault = match parameter {
                    Some(name) if wanted.eq_ignore_ascii_case("integer") => {
                        INVALID_ARGUMENT.says(format!("Provided {name} not an integer or within integer range"))
                    }
                    // AWS: unverified wording for all but numbers.
                    _ => INVALID_ARGUMENT.says(format!("Provided argument '{at}' is not a valid {}", wanted.to_lowercase())),
                };
                let fault = parameter.into_iter().fold(fault, |fault, name| fault.with("ArgumentName", name));
                Err(Malformed(fault.with("ArgumentValue", at)))
            }
        }
    }

    fn encode(&self, operation: &'static OperationSchema, output: &dyn Struct, ids: &Ids<'_>) -> Answer {
        let mut answer = self.begin(operation.status, ids);
        let namespace = operation.service.xml_namespace;
        let content = answer::head(output, &mut answer);
        if let Content::Raw(body, content_type) = content {
            answer.put_if_absent("content-type", content_type);
            answer.body = body;
            return answer;
        }
        let mut writer = XmlWriter::with_millis();
        writer.raw(PROLOG);
        match content {
            Content::Payload(member, value) => writer.root(member.wire, namespace, value, member.of),
            Content::Events => {
                answer.put("content-type", event_stream::CONTENT_TYPE);
                answer.body = event_stream::body(output, Payloads::Xml, None);
                return answer;
            }
            // The one member is the whole document.
            Content::Document if operation.output_root.is_empty() => {
                let members = output.schema().members.iter().enumerate();
                let Some((index, member)) = members.into_iter().find(|(_, member)| member.at == At::Body) else { return answer };
                let value = output.get(index);
                if value.is_absent() {
                    writer.empty(member.wire, namespace);
                } else {
                    writer.root(member.wire, namespace, value, member.of);
                }
            }
            Content::Document => writer.document(operation.output_root, namespace, output, &mut |member| member.at == At::Body),
            Content::Nothing | Content::Raw(..) => {
                // AWS: an answer to HEAD has the type of the document that it leaves out (HeadBucket).
                if operation.method == "HEAD" {
                    answer.put_if_absent("content-type", "application/xml");
                }
                return answer;
            }
        }
        answer.put_if_absent("content-type", "application/xml");
        answer.body = Body::whole(writer.into_bytes());
        answer
    }

    fn fault(&self, service: &'static ServiceSchema, fault: &Fault, ids: &Ids<'_>) -> Answer {
        let mut answer = self.begin(fault.status(), ids);
        for (name, value) in fault.headers() {
            answer.put(*name, value);
        }
        // A fault without a body: `304 Not Modified`, and what has no content by its status.
        if matches!(fault.status(), 100..=199 | 204 | 304) {
            return answer;
        }
        answer.put("content-type", "application/xml");
        let mut writer = XmlWriter::with_millis();
        writer.raw(PROLOG);
        let error = |writer: &mut XmlWriter| {
            writer.leaf("Code", fault.code());
            writer.leaf("Message", fault.message());
            for (name, value) in fault.members().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("message")) {
                writer.leaf(name, value);
            }
        };
        if unwrapped(service) {
            writer.element("Error", "", |writer| {
                error(writer);
                writer.leaf("RequestId", ids.request_id);
                writer.leaf("HostId", ids.extended_id);
            });
        } else {
            writer.element("ErrorResponse", service.xml_namespace, |writer| {
                writer.element("Error", "", |writer| {
                    let blame = match fault.blame() {
                        Blame::Sender => "Sender",
                        Blame::Receiver => "Receiver",
                    };
                    // AWS: S3 Control, whose errors have a HostId, has no Type (recorded).
                    if ids.extended_id.is_empty() {
                        writer.leaf("Type", blame);
                    }
                    error(writer);
                });
                writer.leaf("RequestId", ids.request_id);
                writer.leaf("HostId", ids.extended_id);
            });
        }
        answer.body = Body::whole(writer.into_bytes());
        answer
    }
}

impl RestXml {
    fn begin(&self, status: u16, ids: &Ids<'_>) -> Answer {
        let mut answer = Answer::new(status);
        answer.put("x-amz-request-id", ids.request_id);
        answer.put("x-amz-id-2", ids.extended_id);
        answer
    }
}

/// Whether errors have no `ErrorResponse` around them.
///
/// AWS: S3 alone has both customizations, bare errors and bare answers; the second one is in the schema.
fn unwrapped(service: &ServiceSchema) -> bool {
    let bare =
        |operation: &&OperationSchema| operation.output_root.is_empty() && operation.output.members.iter().any(|member| member.of.kind == Kind::Text);
    service.operations.iter().any(bare)
}
