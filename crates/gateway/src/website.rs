//! Requests to websites: reads by an anonymous caller, one after the other, until the service has its page.

use crate::{
    decode::{decode, origin},
    gateway::{Gateway, Peer, Transport},
    log_entry::LogEntry,
    request::PipelineRequest,
    response_format::headers,
};
use cloudlet_aws::{Caller, Fault, Head};
use cloudlet_cloud::{Cloud, EntryPoint};
use cloudlet_engine::{Call, PageAnswer, PageContext, PageFields, PageMethod, PageRead, PageStep, Service, Website};
use cloudlet_shape::Body;
use cloudlet_wire::{Answer, Content, Ids, Incoming as Message, Recognized, codec};

/// More reads than any page takes: the object, its folder's index, the error document.
const MAX_READS: usize = 8;

impl Gateway {
    pub(crate) async fn website_answer(
        &self,
        request: &PipelineRequest<'_>,
        service: &Service,
        recognized: &Recognized,
        mut website: Box<dyn Website>,
        ids: &Ids<'_>,
        log: &mut LogEntry,
    ) -> Result<Answer, Fault> {
        let mut step = website.begin();
        for _ in 0..MAX_READS {
            let read = match step {
                PageStep::Answer(answer) => return Ok(encoded(answer)),
                PageStep::Read(read) => read,
            };
            let outcome = self.read_page(request, service, recognized, &read, ids, log).await;
            step = match outcome {
                Err(fault) => {
                    let next = website.failed(&fault);
                    log.fault = Some(fault);
                    next
                }
                Ok(answer) => match website.read(&|name| answer.header(name).map(str::to_owned)) {
                    Some(next) => next,
                    None => {
                        let mut answer = Answer { status: read.status.unwrap_or(answer.status), ..answer };
                        answer.headers.extend(headers(read.headers));
                        return Ok(answer);
                    }
                },
            };
        }
        Err(Fault::internal("a website has no end of reads"))
    }

    async fn read_page(
        &self,
        request: &PipelineRequest<'_>,
        service: &Service,
        recognized: &Recognized,
        read: &PageRead,
        ids: &Ids<'_>,
        log: &mut LogEntry,
    ) -> Result<Answer, Fault> {
        let none: Vec<(&str, &str)> = vec![];
        let head = Head {
            method: if read.method == PageMethod::Head { "HEAD" } else { request.head.method },
            path: &read.path,
            query: "",
            headers: if read.fields == PageFields::Sent { request.head.headers } else { &none },
        };
        let routed = self.recognizer.operation(recognized, &head, &read.path, None).map_err(|unknown| unknown.fault(recognized))?;
        let operation = routed.operation;
        log.operation = operation.name;
        let handler = service.operation(operation.name).ok_or_else(|| Cloud::not_implemented(operation))?;
        let message = Message { head: &head, labels: &routed.labels, body: Content::Stream(Body::empty()) };
        let (input, missing) = decode(service, recognized.protocol, operation, handler, message)?;
        let caller = Caller::anonymous();
        let scope = self.scope(&caller, None, recognized);
        let origin = origin(request.head, request.peer, recognized.protocol, None, ids.extended_id, missing);
        let call = Call { operation, caller, scope, origin, input };
        let performed = self.cloud.perform_to_end(call, request.request_id.clone(), EntryPoint::Gateway).await;
        log.outcome = performed.outcome;
        log.notes = performed.notes;
        let output = performed.answer?;
        log.fault = None;
        let mut answer = codec(recognized.protocol).encode(operation, output.as_struct(), ids);
        answer.status = performed.status.unwrap_or(answer.status);
        answer.headers.extend(headers(performed.headers));
        Ok(answer)
    }
}

pub fn context<'a>(ids: &Ids<'a>, peer: Peer) -> PageContext<'a> {
    let scheme = if peer.transport == Transport::Plain { "http" } else { "https" };
    PageContext { request_id: ids.request_id, host_id: ids.extended_id, scheme }
}

fn encoded(answer: PageAnswer) -> Answer {
    let mut fields = headers(answer.headers);
    if !answer.body.is_empty() {
        fields.push(("content-type".into(), "text/html; charset=utf-8".to_owned()));
    }
    Answer { status: answer.status, headers: fields, body: Body::whole(answer.body) }
}
