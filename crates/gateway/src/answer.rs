//! An encoded answer becomes an HTTP response.

use crate::{header_names, observed::Ending};
use axum::response::Response;
use bytes::Bytes;
use cloudlet_shape::{Body, BodyContent, BodyError, BodyStream};
use cloudlet_wire::Answer;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::{Frame, SizeHint};
use std::{
    borrow::Cow,
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// A response body. AWS's answers are written as they are: boxed as an axum body, like those of the other routes, each call would cost two
/// allocations more.
pub enum AnswerBody {
    /// The answer to HEAD has none, and says nothing of its length but by its fields.
    None,
    Whole(Option<Bytes>),
    /// It may break off.
    Stream {
        stream: BodyStream,
        length: Option<u64>,
    },
    /// Of another route.
    Routed(axum::body::Body),
    /// A service observes how it is sent.
    Observed(Box<(AnswerBody, Ending)>),
}

/// Why an answer could not be sent to its end. The connection is closed, so that the client notices.
#[derive(Debug)]
pub struct Interrupted(String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Interrupted {}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        match self.get_mut() {
            AnswerBody::None => Poll::Ready(None),
            AnswerBody::Whole(bytes) => Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes)))),
            AnswerBody::Observed(observed) => {
                let (body, ending) = &mut **observed;
                let polled = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Ok(frame))) = &polled {
                    ending.count(frame.data_ref().map_or(0, Bytes::len));
                }
                polled
            }
            AnswerBody::Routed(body) => Pin::new(body).poll_frame(cx).map_err(|error| Interrupted(error.to_string())),
            AnswerBody::Stream { stream, .. } => stream.as_mut().poll_next(cx).map(|next| {
                next.map(|piece| match piece {
                    Ok(bytes) => Ok(Frame::data(bytes)),
                    Err(BodyError::Broken(why)) => Err(Interrupted(why)),
                    Err(BodyError::Refused(fault)) => Err(Interrupted(fault.to_string())),
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::None => true,
            AnswerBody::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            AnswerBody::Stream { .. } => false,
            AnswerBody::Routed(body) => body.is_end_stream(),
            AnswerBody::Observed(observed) => observed.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            AnswerBody::Stream { length: Some(length), .. } => SizeHint::with_exact(*length),
            AnswerBody::Routed(body) => body.size_hint(),
            AnswerBody::Observed(observed) => observed.0.size_hint(),
            AnswerBody::Stream { .. } | AnswerBody::None => SizeHint::default(),
        }
    }
}

impl From<Body> for AnswerBody {
    fn from(body: Body) -> AnswerBody {
        let length = body.length();
        match body.take() {
            BodyContent::Whole(bytes) => AnswerBody::Whole(Some(bytes)),
            BodyContent::Stream(stream) => AnswerBody::Stream { stream, length },
        }
    }
}

/// An answer of no service: a public file, a request that cannot be read.
pub struct Plain {
    pub status: u16,
    pub content_type: Cow<'static, str>,
    pub body: Bytes,
}

impl Plain {
    pub fn json(status: u16, body: impl Into<Bytes>) -> Plain {
        Plain { status, content_type: "application/json".into(), body: body.into() }
    }

    pub fn message(status: u16, message: &str) -> Plain {
        Plain::json(status, serde_json::json!({ "message": message }).to_string())
    }

    pub fn into_answer(self) -> Answer {
        Answer { status: self.status, headers: vec![("content-type".into(), self.content_type.into_owned())], body: Body::whole(self.body) }
    }
}

/// The name of a field. Those that nearly every answer has are constants.
fn name_of(name: &str) -> Option<HeaderName> {
    macro_rules! known {
        ($($name:literal),*) => {
            match name {
                $($name => const { HeaderName::from_static($name) },)*
                _ => return HeaderName::from_bytes(name.as_bytes()).ok(),
            }
        };
    }
    Some(known!(
        "content-type",
        "content-length",
        "server",
        "x-amzn-requestid",
        "x-amz-request-id",
        "x-amz-id-2",
        "etag",
        "last-modified",
        "accept-ranges",
        "x-amz-server-side-encryption",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-crc32",
        "x-amz-checksum-type"
    ))
}

pub fn response(answer: Answer, method: &Method) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut fields = http::HeaderMap::with_capacity(answer.headers.len() + 2);
    for (name, value) in answer.headers {
        // A field that HTTP cannot carry is one a client could not have sent: nothing is lost by leaving it out.
        if let (Some(name), Ok(value)) = (name_of(&name), HeaderValue::from_maybe_shared(Bytes::from(value))) {
            fields.append(name, value);
        }
    }
    let body = if *method == Method::HEAD {
        if let Some(length) = answer.body.length().filter(|length| *length > 0)
            && !fields.contains_key(header::CONTENT_LENGTH)
            && status.is_success()
        {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        AnswerBody::None
    } else if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        AnswerBody::Whole(None)
    } else {
        answer.body.into()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    header_names::spell(&mut response);
    response
}
