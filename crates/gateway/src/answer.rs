//! The way out: an encoded answer becomes an HTTP response.

use bytes::Bytes;
use cloudlet_shape::{Body, BodyContent, BodyError, BodyStream};
use cloudlet_wire::Answer;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use std::{
    borrow::Cow,
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// A response body: whole, or a stream that may break.
pub enum AnswerBody {
    Whole(Option<Bytes>),
    Stream { stream: BodyStream, length: Option<u64> },
}

/// Why an answer could not be sent to its end. The connection is closed, so that the client notices.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Broken {}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            AnswerBody::Whole(bytes) => Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes)))),
            AnswerBody::Stream { stream, .. } => stream.as_mut().poll_next(cx).map(|next| {
                next.map(|piece| match piece {
                    Ok(bytes) => Ok(Frame::data(bytes)),
                    Err(BodyError::Broken(why)) => Err(Broken(why)),
                    Err(BodyError::Refused(fault)) => Err(Broken(fault.to_string())),
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, AnswerBody::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            AnswerBody::Stream { length: Some(length), .. } => SizeHint::with_exact(*length),
            AnswerBody::Stream { .. } => SizeHint::default(),
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

/// An answer of the house itself: health, state, the CA certificate.
pub struct Plain {
    pub status: u16,
    pub content_type: Cow<'static, str>,
    pub body: Bytes,
}

impl Plain {
    pub fn json(status: u16, body: impl Into<Bytes>) -> Plain {
        Plain { status, content_type: "application/json".into(), body: body.into() }
    }

    pub fn into_answer(self) -> Answer {
        Answer { status: self.status, headers: vec![("content-type".into(), self.content_type.into_owned())], body: Body::whole(self.body) }
    }
}

/// Whether the method forbids a body in the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    Sent,
    /// HEAD: the fields of the answer, and no body.
    Withheld,
}

/// The name of a field. Those that nearly every answer has are made beforehand.
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

pub fn response(answer: Answer, bodies: Bodies) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(AnswerBody::Whole(None));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.reserve(answer.headers.len() + 2);
    for (name, value) in answer.headers {
        // A field that HTTP cannot carry is one a client could not have sent: nothing is lost by leaving it out.
        if let (Some(name), Ok(value)) = (name_of(&name), HeaderValue::from_maybe_shared(Bytes::from(value))) {
            fields.append(name, value);
        }
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    match (bodies, bodiless) {
        (Bodies::Withheld, _) => {
            if let Some(length) = answer.body.length().filter(|length| *length > 0)
                && !fields.contains_key(header::CONTENT_LENGTH)
                && status.is_success()
            {
                fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
        }
        (Bodies::Sent, true) => {}
        (Bodies::Sent, false) => *response.body_mut() = answer.body.into(),
    }
    response
}
