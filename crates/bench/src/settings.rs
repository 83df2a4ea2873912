//! What the settings of a bucket cost a GET and a PUT of 1 KiB; and a multipart upload of 1 GiB.

use crate::{
    client::Connection,
    messaging::{ACCOUNT, prepare},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use cloudlet_digest::{Algorithm, digest};
use std::{net::SocketAddr, sync::Arc, time::Instant};

const PART: usize = 16 << 20;
const PARTS: usize = 64;

impl Bench<'_> {
    pub async fn settings(&self, host: &str) {
        if !self.includes("S3 set") {
            return;
        }
        let queue = self.event_queue(host).await;
        let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let events = format!(
            "<NotificationConfiguration><QueueConfiguration><Queue>{queue}</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
        );
        let mut plain = None;
        for (name, settings) in [
            ("none", &[][..]),
            ("policy", &["policy="]),
            ("versions", &["versioning="]),
            ("events", &["notification="]),
            ("all three", &["policy=", "versioning=", "notification="]),
        ] {
            let bucket = format!("set-{}", name.replace(' ', "-"));
            let path = format!("/{bucket}");
            let policy = policy(&bucket);
            let s3 = Signed::new(host, "s3");
            self.done(&s3.request("PUT", &path, "", &[], b"")).await;
            for query in settings {
                let document = match *query {
                    "policy=" => policy.as_str(),
                    "versioning=" => versioning,
                    _ => events.as_str(),
                };
                let md5 = digest(Algorithm::Md5, document.as_bytes()).base64();
                self.done(&s3.request("PUT", &path, query, &[("content-md5", &md5)], document.as_bytes())).await;
            }
            let key = format!("{path}/key");
            let body = vec![b'k'; 1 << 10];
            self.done(&s3.request("PUT", &key, "", &[], &body)).await;
            let get = self.compare(&format!("S3 set {name}, GET"), s3.request("GET", &key, "", &[], b"")).await;
            let put = self.compare(&format!("S3 set {name}, PUT"), s3.request("PUT", &key, "", &[], &body)).await;
            match plain {
                None => plain = Some((get, put)),
                Some((plain_get, plain_put)) => {
                    println!("  {name} costs a GET {:+.1} µs of CPU, a PUT {:+.1} µs", (get - plain_get) * 1e6, (put - plain_put) * 1e6);
                }
            }
        }
    }

    /// A queue that takes the events of all buckets.
    async fn event_queue(&self, host: &str) -> String {
        let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:s3-events");
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"s3.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"{arn}"}}]}}"#
        );
        let create = format!(r#"{{"QueueName":"s3-events","Attributes":{{"Policy":"{}"}}}}"#, policy.replace('"', "\\\""));
        prepare(self.server.address, &Signed::new(host, "sqs").json("AmazonSQS.CreateQueue", &create)).await;
        arn
    }

    /// Makes a call that must succeed.
    pub async fn done(&self, request: &[u8]) -> String {
        let answer = prepare(self.server.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        answer
    }

    /// 64 parts of 16 MiB, over all connections.
    pub async fn multipart(&self, host: &str) {
        if !self.includes("S3 multipart 1 GiB") {
            return;
        }
        let s3 = Arc::new(Signed::new(host, "s3"));
        self.done(&s3.request("PUT", "/multipart", "", &[], b"")).await;
        let created = self.done(&s3.request("POST", "/multipart/key", "uploads=", &[], b"")).await;
        let id = between(&created, "<UploadId>", "</UploadId>").to_owned();
        let body = Arc::new(vec![b'p'; PART]);
        let began = Instant::now();
        let mut set = tokio::task::JoinSet::new();
        for first in 0..CONNECTIONS {
            set.spawn(put_parts(self.server.address, s3.clone(), id.clone(), body.clone(), (first + 1..=PARTS).step_by(CONNECTIONS)));
        }
        let mut parts = vec![String::new(); PARTS];
        while let Some(put) = set.join_next().await {
            for (number, etag) in put.expect("a worker") {
                parts[number - 1] = format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
            }
        }
        let sent = began.elapsed();
        let document = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
        self.done(&s3.request("POST", "/multipart/key", &format!("uploadId={id}"), &[], document.as_bytes())).await;
        let completed = began.elapsed() - sent;
        println!(
            "S3 multipart 1 GiB         {:>9.2} s in parts ({:.0} MB/s, signed and digested on both sides), {:.1} ms to complete; memory {:.0} MB",
            sent.as_secs_f64(),
            (PART * PARTS) as f64 / 1e6 / sent.as_secs_f64(),
            completed.as_secs_f64() * 1e3,
            self.server.resident() as f64 / 1e6
        );
        self.done(&s3.request("DELETE", "/multipart/key", "", &[], b"")).await;
    }
}

async fn put_parts(
    address: SocketAddr,
    s3: Arc<Signed>,
    id: String,
    body: Arc<Vec<u8>>,
    numbers: impl Iterator<Item = usize>,
) -> Vec<(usize, String)> {
    let mut connection = Connection::open(address).await;
    let mut etags = Vec::new();
    for number in numbers {
        let request = s3.request("PUT", "/multipart/key", &format!("partNumber={number}&uploadId={id}"), &[], &body);
        let answer = String::from_utf8_lossy(connection.call(&request).await).to_ascii_lowercase();
        etags.push((number, between(&answer, "etag: ", "\r\n").to_owned()));
    }
    etags
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let rest = text.split_once(open).unwrap_or_else(|| panic!("no {open}: {text}")).1;
    rest.split_once(close).unwrap_or_else(|| panic!("no {close}: {text}")).0
}

/// Five statements, of which the request of the measurement meets one only.
fn policy(bucket: &str) -> String {
    let statement = |effect: &str, action: &str, condition: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":"{action}","Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"],"Condition":{condition}}}"#
        )
    };
    let statements = [
        statement("Deny", "s3:*", r#"{"Bool":{"aws:SecureTransport":"never"}}"#),
        statement("Deny", "s3:PutObject", r#"{"StringEquals":{"s3:x-amz-acl":"public-read"}}"#),
        statement("Allow", "s3:GetObject*", r#"{"StringLike":{"aws:UserAgent":"curl/*"}}"#),
        statement("Deny", "s3:DeleteObject", r#"{"NotIpAddress":{"aws:SourceIp":["127.0.0.0/8","10.0.0.0/8"]}}"#),
        statement("Allow", "s3:*Object", r#"{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#),
    ];
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}
