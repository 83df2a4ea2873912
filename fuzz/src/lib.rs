//! What the targets share: fuzzed bytes read as a request, and a server to send it to.
//!
//! A request is text: a line with method and target, lines with header fields, an empty line, the body.

use cloudlet_aws::{Account, Head, Region};
use cloudlet_cloud::{Cloud, Mode, Settings};
use cloudlet_engine::{Clock, Runtime, Ids, Service};
use cloudlet_admin::Admin;
use cloudlet_gateway::{Access, Limits, Listener, Parts, serve};
use cloudlet_identity::{Identity, Root, Secret};
use bytes::Bytes;
use cloudlet_shape::{Operation, ServiceSchema, Typed};
use cloudlet_wire::{Content, Incoming, Recognizer, codec, from_json, to_json, validate};
use cloudlet_s3_access::AccessSettings;
use cloudlet_sqs::Urls;
use cloudlet_store::Blobs;
use cloudlet_sts::ProviderKeys;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, LazyLock},
    time::Duration,
};

pub const SERVICES: [&ServiceSchema; 11] = [
    &cloudlet_api_ec2::SERVICE,
    &cloudlet_api_iam::SERVICE,
    &cloudlet_api_lambda::SERVICE,
    &cloudlet_api_s3::SERVICE,
    &cloudlet_api_s3control::SERVICE,
    &cloudlet_api_sesv2::SERVICE,
    &cloudlet_api_sns::SERVICE,
    &cloudlet_api_sqs::SERVICE,
    &cloudlet_api_ssm::SERVICE,
    &cloudlet_api_states::SERVICE,
    &cloudlet_api_sts::SERVICE,
];

pub fn names() -> Vec<String> {
    ["localhost", "localhost.localstack.cloud", "amazonaws.com"].map(str::to_owned).to_vec()
}

pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: Vec<(String, &'a str)>,
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// `None`: an HTTP library would refuse this head.
    pub fn read(bytes: &'a [u8]) -> Option<Request<'a>> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
        let text = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = text.split('\n');
        let (method, target) = lines.next()?.split_once(' ')?;
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#') {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim()));
        Some(Request { method, path, query, headers: headers.collect(), body: bytes.get(end + 2..).unwrap_or_default() })
    }

    pub fn head(&self) -> Head<'_> {
        Head { method: self.method, path: self.path, query: self.query, headers: &self.headers }
    }
}

static RECOGNIZER: LazyLock<Recognizer> = LazyLock::new(|| Recognizer::new(&SERVICES, &names()));

/// Decodes a request as one of an operation, in each protocol of its service; what was read is the same after a round trip through the neutral JSON.
pub fn decode<O: Operation>(request: &Request<'_>)
where
    O::Input: Typed,
{
    let head = request.head();
    // The path's labels, if the path is one of this operation.
    let labels = RECOGNIZER.service(&head).and_then(|recognized| RECOGNIZER.operation(&recognized, &head, request.path, Some(request.body)).ok());
    let labels = labels.map(|routed| routed.labels).unwrap_or_default();
    for protocol in [O::SCHEMA.service.protocol].iter().chain(O::SCHEMA.service.also) {
        let mut input = None;
        let body = Content::Whole(Bytes::copy_from_slice(request.body));
        let decoded = codec(*protocol).decode(O::SCHEMA, Incoming { head: &head, labels: &labels, body }, &mut |reader| {
            input = Some(<O::Input as Typed>::read(reader, <O::Input as Typed>::TARGET)?);
            Ok(())
        });
        let (Ok(missing), Some(input)) = (decoded, input) else { continue };
        validate(O::SCHEMA.input, &input, &missing);
        let text = to_json(&input);
        let again: O::Input = from_json(&text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        assert_eq!(to_json(&again), text);
    }
}

/// The decoders of operations.
#[macro_export]
macro_rules! operations {
    ($($operation:path),* $(,)?) => { [$($crate::decode::<$operation>),*] };
}

/// A server on a loopback port, which accepts any key, with a bucket, an object and a queue.
pub struct TestCloud {
    inner: Arc<Cloud>,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
}

impl TestCloud {
    pub fn start() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let root = Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let settings = Settings { mode: Mode::Off, call_log: 10, ..Settings::default() };
        let (identity, journal) = (Identity::with_journal(root, &settings.journal), &settings.journal);
        let services: Vec<Service> = vec![
            cloudlet_iam::service(identity.clone()),
            cloudlet_s3::S3::new(journal, Blobs::memory(), identity.clone(), AccessSettings::new(journal), cloudlet_s3::Options::default()).service(),
            cloudlet_sqs::service(journal, Urls::Endpoint),
            cloudlet_sts::service(identity.clone(), ProviderKeys::none(), journal),
        ];
        // Without an HTTP client, and so without SNS.
        let cloud = Cloud::new(Runtime::new(Clock::ticking(), Ids::seeded(1)), identity, services, settings);
        let region = Region::new("us-east-1");
        let dns = Arc::new(cloudlet_dns::Dns::new(&cloudlet_store::Journal::off(), vec![]));
        let admin = Admin {
            cloud: cloud.clone(),
            version: "fuzz",
            certificate: None,
            region: region.clone(),
            dns,
            mail_listeners: cloudlet_admin::MailListeners::default(),
            workers: Arc::new(cloudlet_engine::NoWorkers),
        };
        let admin = cloudlet_admin::router(admin);
        let limits = Limits { body: 1 << 20, stall_time: Duration::from_secs(2), ..Limits::default() };
        let gateway = Parts { cloud: cloud.clone(), admin, limits, names: names(), access: Access::default(), region };
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0".parse().unwrap(), None)).unwrap();
        let address = listener.address().unwrap();
        runtime.spawn(serve(gateway, vec![listener], std::future::pending()));
        let cloud = TestCloud { inner: cloud, address, runtime };
        cloud.prepare();
        cloud
    }

    /// Deletes all state and creates bucket, object and queue again.
    pub fn prepare(&self) {
        self.runtime.block_on(self.inner.reset(None)).unwrap();
        self.send(b"PUT /bucket HTTP/1.1\r\n", b"");
        self.send(b"PUT /bucket/key HTTP/1.1\r\n", b"0123456789");
        self.send(b"POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.CreateQueue\r\n", br#"{"QueueName":"queue"}"#);
        self.send(b"POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.SendMessage\r\n", br#"{"QueueUrl":"/000000000000/queue","MessageBody":"hello"}"#);
    }

    /// Sends a head without its end, and a body of the right length; returns the answer.
    pub fn send(&self, head: &[u8], body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // A long poll waits longer than a fuzzer can.
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let end = format!("host: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut answer = Vec::new();
        let _ = stream.write_all(&[head, end.as_bytes(), body].concat());
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}
