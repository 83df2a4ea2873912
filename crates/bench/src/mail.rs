//! SES: sending with signatures, over HTTP and over SMTP; mail that comes in through five rules; pages of a full mailbox.

use crate::{
    client::{Connection, ask_once},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    cell::Cell,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

const SUBMITTED: usize = 500;
const BROUGHT: usize = 1_000;
const KEPT: usize = 100_000;
const NAMES: [&str; 4] = ["SES SendEmail", "SMTP 500 mails", "SES inbound", "mailbox pages"];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A path of the admin API.
fn admin(address: SocketAddr, path: &str) -> String {
    let answer = ask_once(address, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).expect("an answer");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// The other end of a session.
struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Client<S> {
        Client { stream, buffer: vec![0; 4096] }
    }

    /// Sends, and reads the whole reply, which has to have this code.
    async fn say(&mut self, text: &[u8], code: &str) {
        self.stream.write_all(text).await.expect("it is sent");
        let mut reply = String::new();
        while !reply.ends_with('\n') || reply.trim_end().lines().last().is_none_or(|line| line.as_bytes().get(3) == Some(&b'-')) {
            let read = self.stream.read(&mut self.buffer).await.expect("a reply");
            assert!(read > 0, "the session ended: {reply}");
            reply.push_str(&String::from_utf8_lossy(&self.buffer[..read]));
        }
        assert!(reply.starts_with(code), "{reply}");
    }

    async fn mail(&mut self, to: &str, message: &[u8]) {
        self.say(b"MAIL FROM:<ann@example.com>\r\n", "250").await;
        self.say(format!("RCPT TO:<{to}>\r\n").as_bytes(), "250").await;
        self.say(b"DATA\r\n", "354").await;
        self.say(message, "250").await;
        self.say(b"QUIT\r\n", "221").await;
    }
}

fn message(to: &str, bytes: usize) -> Vec<u8> {
    let mut text = format!("From: ann@example.com\r\nTo: {to}\r\nSubject: a mail\r\n\r\n").into_bytes();
    while text.len() < bytes {
        text.extend_from_slice(b"A line of text that is as long as lines of text usually are, more or less.\r\n");
    }
    text.extend_from_slice(b".\r\n");
    text
}

/// Does `count` pieces of work over all connections.
async fn over_all(count: usize, work: impl AsyncFn() + Clone + 'static) -> Duration {
    let (local, left) = (tokio::task::LocalSet::new(), Rc::new(Cell::new(count)));
    let began = Instant::now();
    local
        .run_until(async {
            let mut set = tokio::task::JoinSet::new();
            for _ in 0..CONNECTIONS {
                let (work, left) = (work.clone(), left.clone());
                set.spawn_local(async move {
                    while let Some(rest) = left.get().checked_sub(1) {
                        left.set(rest);
                        work().await;
                    }
                });
            }
            while let Some(done) = set.join_next().await {
                done.expect("a worker");
            }
        })
        .await;
    began.elapsed()
}

fn said(name: &str, count: usize, took: Duration) {
    println!("{name:<24} {:>9.2} s for {count}; {:.0} a second", took.as_secs_f64(), count as f64 / took.as_secs_f64());
}

impl Bench<'_> {
    /// With a server of its own, where one may send as much as one likes.
    pub async fn mail(&self, server: &Path) {
        if !NAMES.iter().any(|name| self.includes(name)) {
            return;
        }
        let free = ["--ses-sandbox", "off", "--ses-auto-verify", "all", "--ses-quota", "1000000000,1000000"];
        let ports = ["--smtp-ports", "0", "--smtps-ports", "off", "--mx-ports", "0", "--mailbox", "100000,1000"];
        let bench = Bench::start(server, &[free.as_slice(), &ports].concat(), self.time, self.filter);
        bench.mails(&bench.server.address.to_string()).await;
    }

    async fn mails(&self, host: &str) {
        let ses = Signed::new(host, "ses");
        let mut connection = Connection::open(self.server.address).await;
        let action = |text: &str| ses.form(&format!("Action={text}&Version=2010-12-01"));
        connection.call(&action(&format!("VerifyEmailIdentity&EmailAddress={}", encoded("ann@example.com")))).await;
        let send = format!(
            "SendEmail&Source={}&Destination.ToAddresses.member.1={}&Message.Subject.Data=hello&Message.Body.Text.Data=hello",
            encoded("ann@example.com"),
            encoded("bob@other.com")
        );
        let send = action(&send);
        self.compare("SES SendEmail", send.clone()).await;
        let health: serde_json::Value = serde_json::from_str(&admin(self.server.address, "/_cloudlet/health")).expect("JSON");
        let port = |kind: &str| health["smtp"][kind][0].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        if self.includes("SMTP 500 mails") {
            self.submit(SocketAddr::new(self.server.address.ip(), port("starttls"))).await;
        }
        if self.includes("SES inbound") {
            self.bring(host, SocketAddr::new(self.server.address.ip(), port("mx"))).await;
        }
        if self.includes("mailbox pages") {
            self.mailbox_pages(send).await;
        }
    }

    /// Each mail in a session of its own, with STARTTLS and AUTH.
    async fn submit(&self, address: SocketAddr) {
        let mut roots = RootCertStore::empty();
        let pem = admin(self.server.address, "/_cloudlet/ca.pem");
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a certificate");
        let connector = TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()));
        let login = format!("\0test\0{}", cloudlet_sigv4::smtp::password("test", "us-east-1"));
        let auth: Rc<str> = format!("AUTH PLAIN {}\r\n", STANDARD.encode(login)).into();
        let text: Rc<[u8]> = message("bob@other.com", 10 << 10).into();
        let took = over_all(SUBMITTED, async move || {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let mut plain = Client::new(stream);
            plain.say(b"", "220").await;
            plain.say(b"EHLO bench\r\n", "250").await;
            plain.say(b"STARTTLS\r\n", "220").await;
            let name = ServerName::try_from("127.0.0.1").expect("a name");
            let mut client = Client::new(connector.connect(name, plain.stream).await.expect("TLS"));
            client.say(b"EHLO bench\r\n", "250").await;
            client.say(auth.as_bytes(), "235").await;
            client.mail("bob@other.com", &text).await;
        })
        .await;
        said("SMTP 500 mails of 10 KB", SUBMITTED, took);
    }

    /// Four rules that add a field, and one that stores the mail.
    async fn bring(&self, host: &str, address: SocketAddr) {
        let (ses, s3) = (Signed::new(host, "ses"), Signed::new(host, "s3"));
        let mut connection = Connection::open(self.server.address).await;
        connection.call(&s3.request("PUT", "/bench-inbox", "", &[], b"")).await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ses.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::bench-inbox/*"}}"#;
        connection.call(&s3.request("PUT", "/bench-inbox", "policy=", &[], policy.as_bytes())).await;
        let mut actions = vec![
            "VerifyDomainIdentity&Domain=received.com".to_owned(),
            "CreateReceiptRuleSet&RuleSetName=set".to_owned(),
            "SetActiveReceiptRuleSet&RuleSetName=set".to_owned(),
        ];
        for rule in 0..5 {
            let act = match rule {
                0 => "S3Action.BucketName=bench-inbox".to_owned(),
                _ => format!("AddHeaderAction.HeaderName=X-Rule-{rule}&Rule.Actions.member.1.AddHeaderAction.HeaderValue=yes"),
            };
            actions.push(format!(
                "CreateReceiptRule&RuleSetName=set&Rule.Name=r{rule}&Rule.Enabled=true&Rule.ScanEnabled=true&Rule.Actions.member.1.{act}"
            ));
        }
        for action in actions {
            connection.call(&ses.form(&format!("Action={action}&Version=2010-12-01"))).await;
        }
        let text: Rc<[u8]> = message("in@received.com", 2 << 10).into();
        let began = Instant::now();
        let took = over_all(BROUGHT, async move || {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let mut client = Client::new(stream);
            client.say(b"", "220").await;
            client.say(b"EHLO bench\r\n", "250").await;
            client.mail("in@received.com", &text).await;
        })
        .await;
        said("SES inbound, taken", BROUGHT, took);
        ask_once(self.server.address, b"POST /_cloudlet/settle HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .expect("settled");
        said("SES inbound, five rules", BROUGHT, began.elapsed());
    }

    async fn mailbox_pages(&self, send: Vec<u8>) {
        let (address, before) = (self.server.address, self.server.resident());
        let request: Rc<[u8]> = send.into();
        let took = over_all(KEPT, async move || {
            Connection::open(address).await.call(&request).await;
        })
        .await;
        said("mailbox is filled", KEPT, took);
        println!("mailbox of {KEPT}        {:>9.0} MB more memory", self.server.resident().saturating_sub(before) as f64 / 1e6);
        for (place, query) in [("newest", String::new()), ("middle", format!("&before={}", KEPT / 2))] {
            let page = format!("GET /_cloudlet/mailbox?limit=100{query} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes();
            let mut connection = Connection::with_buffer(address, 4 << 20).await;
            let mut times: Vec<Duration> = Vec::new();
            for _ in 0..51 {
                let began = Instant::now();
                connection.call(&page).await;
                times.push(began.elapsed());
            }
            times.sort();
            println!("mailbox pages, {place:<9} {:>9.2} ms (median of 100 mails; limit 2)", times[25].as_secs_f64() * 1e3);
        }
    }
}
