//! What a worker can talk to: the `LocalHttp` of its order, and the server. Both come in through sockets that its first process has opened.

use bytes::Bytes;
use cloudlet_engine::{LocalHttp, LocalRequest, LocalResponse};
use cloudlet_shape::{Body, BodyError, Trailers};
use futures_util::stream;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, body::Incoming, header::HeaderValue, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, sync::Arc};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Bytes of one request of a worker.
const LARGEST: usize = 16 << 20;
/// Connections of a worker at the same time.
const CONNECTIONS: usize = 1_024;

/// Accepts connections for as long as it is polled.
async fn accept(listener: TcpListener, serve: impl Fn(TcpStream) -> futures::Served) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        if connections.len() < CONNECTIONS {
            connections.spawn(serve(stream));
        }
    }
}

mod futures {
    use std::{future::Future, pin::Pin};

    pub type Served = Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Answers the worker's requests.
pub async fn serve(listener: TcpListener, local: Arc<dyn LocalHttp>) {
    accept(listener, move |stream| {
        let local = local.clone();
        Box::pin(async move {
            let service = service_fn(move |request| {
                let local = local.clone();
                async move { Ok::<_, Infallible>(answer(&*local, request).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        })
    })
    .await;
}

async fn answer(local: &dyn LocalHttp, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let path = head.uri.path().to_owned();
    let request = LocalRequest { method: head.method.to_string(), path, headers, ..LocalRequest::default() };
    let answered = if local.streams(&request) {
        local.answer(LocalRequest { arriving: Some(arriving(body)), ..request }).await
    } else {
        match Limited::new(body, LARGEST).collect().await {
            Ok(body) => local.answer(LocalRequest { body: body.to_bytes(), ..request }).await,
            Err(_) => LocalResponse { status: 413, ..LocalResponse::default() },
        }
    };
    let mut response = Response::builder().status(answered.status);
    for (name, value) in answered.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(answered.body)).unwrap_or_default()
}

/// A body as it arrives, with the fields that follow it.
fn arriving(body: Incoming) -> Body {
    let trailers = Trailers::announced(Vec::new());
    let told = trailers.clone();
    let pieces = stream::unfold((body, told), |(mut body, told)| async move {
        loop {
            let piece = match body.frame().await? {
                Ok(frame) => frame,
                Err(error) => return Some((Err(BodyError::Broken(error.to_string())), (body, told))),
            };
            match piece.into_data() {
                Ok(bytes) => return Some((Ok(bytes), (body, told))),
                Err(frame) => {
                    if let Ok(fields) = frame.into_trailers() {
                        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                        told.receive(fields.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect());
                    }
                }
            }
        }
    });
    Body::stream(Box::pin(pieces), None).with_trailers(trailers)
}

/// Passes connections on to the server.
pub async fn pass_on(listener: TcpListener, server: String) {
    accept(listener, move |mut stream| {
        let server = server.clone();
        Box::pin(async move {
            if let Ok(mut to) = TcpStream::connect(&server).await {
                let _ = to.set_nodelay(true);
                let _ = copy_bidirectional(&mut stream, &mut to).await;
            }
        })
    })
    .await;
}
