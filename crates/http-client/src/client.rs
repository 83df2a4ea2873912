//! The client itself.

use crate::{
    address::{Address, Scheme},
    tls,
};
use bytes::{Bytes, BytesMut};
use cloudlet_engine::{Boxed, ByteStream, HttpClient, HttpRequest, HttpResponse, SendError};
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{fmt::Display, sync::OnceLock};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Semaphore,
};

/// What one server may have under way.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Requests under way at once; others wait their turn, and their timeout does not run meanwhile.
    pub requests: usize,
    /// Bytes of an answer that are read; the rest is not waited for.
    pub answer: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { requests: 128, answer: 64 << 10 }
    }
}

pub struct Client {
    permits: Semaphore,
    bounds: Bounds,
    tls: OnceLock<Option<tokio_rustls::TlsConnector>>,
}

impl Client {
    pub fn new(bounds: Bounds) -> Client {
        Client { permits: Semaphore::new(bounds.requests), bounds, tls: OnceLock::new() }
    }

    async fn deliver(&self, request: HttpRequest, most: usize) -> Result<HttpResponse, SendError> {
        let address = Address::read(&request.to)?;
        let no_connection = |error: std::io::Error| SendError::Unreachable(format!("{}:{}: {error}", address.host, address.port));
        let stream = TcpStream::connect((address.machine(), address.port)).await.map_err(no_connection)?;
        match address.scheme {
            Scheme::Http => self.exchange(stream, &address, request, most).await,
            Scheme::Https => {
                let connector = self.tls.get_or_init(|| tls::connector().ok()).clone();
                let connector = connector.ok_or_else(|| SendError::Unreachable("TLS is not available".to_owned()))?;
                let name = ServerName::try_from(address.host.clone()).map_err(unreachable)?;
                let stream = connector.connect(name, stream).await.map_err(unreachable)?;
                self.exchange(stream, &address, request, most).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        address: &Address,
        request: HttpRequest,
        most: usize,
    ) -> Result<HttpResponse, SendError> {
        let request = http_request(address, request)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(unreachable)?;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            let mut read = BytesMut::new();
            // The status counts even if the body breaks off or is too long.
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    let left = most - read.len();
                    read.extend_from_slice(data.get(..left).unwrap_or(&data));
                }
                if read.len() >= most {
                    break;
                }
            }
            Ok(HttpResponse { status, body: read.freeze() })
        };
        // The connection is driven here, not in a task of its own: it ends with the request.
        tokio::pin!(exchange);
        tokio::select! {
            response = &mut exchange => response,
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(unreachable(error)),
            },
        }
    }
}

/// A connection to an address, over TLS if its scheme says so: for what goes on in another protocol.
pub async fn connect(url: &str) -> Result<Box<dyn ByteStream>, SendError> {
    let address = Address::read(url)?;
    let stream = TcpStream::connect((address.machine(), address.port)).await.map_err(unreachable)?;
    let _ = stream.set_nodelay(true);
    match address.scheme {
        Scheme::Http => Ok(Box::new(stream)),
        Scheme::Https => {
            let name = ServerName::try_from(address.host.clone()).map_err(unreachable)?;
            let stream = tls::connector().map_err(unreachable)?.connect(name, stream).await.map_err(unreachable)?;
            Ok(Box::new(stream))
        }
    }
}

fn http_request(address: &Address, request: HttpRequest) -> Result<Request<Full<Bytes>>, SendError> {
    let bad = |error: http::Error| SendError::InvalidAddress(error.to_string());
    let mut built = Request::builder().method(request.method).uri(address.path.as_str()).body(Full::new(request.body)).map_err(bad)?;
    let fields = built.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| SendError::InvalidAddress(error.to_string()));
    fields.insert(header::HOST, value(&address.authority)?);
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(login) = &address.login {
        fields.insert(header::AUTHORIZATION, value(login)?);
    }
    for (name, text) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| SendError::InvalidAddress(error.to_string()))?;
        fields.insert(name, value(text)?);
    }
    Ok(built)
}

fn unreachable(error: impl Display) -> SendError {
    SendError::Unreachable(error.to_string())
}

impl HttpClient for Client {
    fn send(&self, request: HttpRequest) -> Boxed<'_, Result<HttpResponse, SendError>> {
        self.send_for(request, self.bounds.answer)
    }

    fn send_for(&self, request: HttpRequest, most: usize) -> Boxed<'_, Result<HttpResponse, SendError>> {
        Box::pin(async move {
            let _permit = self.permits.acquire().await;
            let timeout = request.timeout;
            tokio::time::timeout(timeout, self.deliver(request, most)).await.unwrap_or(Err(SendError::TimedOut))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// An endpoint that sends one answer to its first client, and what it received.
    async fn endpoint(answer: String) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut received = vec![0; 4096];
            let length = stream.read(&mut received).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&received[..length]).into_owned()
        });
        (format!("http://user:pass@{address}/hook?x=1"), received)
    }

    fn request(to: String, timeout: Duration) -> HttpRequest {
        HttpRequest {
            method: "POST",
            to,
            headers: vec![("x-amz-sns-message-type", "Notification".into())],
            body: Bytes::from_static(b"hello"),
            timeout,
        }
    }

    #[tokio::test]
    async fn a_request_arrives_with_its_fields_and_its_answer_comes_back() {
        let (to, received) = endpoint("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy".into()).await;
        let response = Client::new(Bounds::default()).send(request(to, Duration::from_secs(15))).await.unwrap();
        assert_eq!(response, HttpResponse { status: 503, body: Bytes::from_static(b"busy") });
        let received = received.await.unwrap();
        assert!(received.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{received}");
        for line in ["x-amz-sns-message-type: Notification", "authorization: Basic dXNlcjpwYXNz", "content-length: 5"] {
            assert!(received.contains(line), "{line} in {received}");
        }
    }

    #[tokio::test]
    async fn a_long_answer_is_read_up_to_the_bound() {
        let body = "x".repeat(5_000);
        let (to, _received) = endpoint(format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{body}")).await;
        let client = Client::new(Bounds { answer: 100, ..Bounds::default() });
        let response = client.send(request(to, Duration::from_secs(15))).await.unwrap();
        assert_eq!((response.status, response.body.len()), (200, 100));
    }

    #[tokio::test]
    async fn an_endpoint_that_does_not_answer_times_out_and_one_that_is_gone_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}/", listener.local_addr().unwrap());
        let client = Client::new(Bounds::default());
        assert_eq!(client.send(request(to.clone(), Duration::from_millis(20))).await, Err(SendError::TimedOut));
        drop(listener);
        assert!(matches!(client.send(request(to, Duration::from_secs(15))).await, Err(SendError::Unreachable(_))));
    }
}
