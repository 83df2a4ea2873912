//! Lambda: a warm invocation beside the bare exchange with the same process over the Runtime API, a cold start beside the interpreter's own,
//! many environments at once, and a queue whose messages go to a function.

use crate::{
    client::Connection,
    messaging::{ACCOUNT, prepare, queue_url},
    request::Signed,
    scenario::Bench,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::{
    fs,
    io::{Cursor, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use zip::{ZipWriter, write::SimpleFileOptions};

const ROLE: &str = "arn:aws:iam::000000000000:role/bench-lambda";
const WARM: usize = 500;
const COLD: usize = 11;
const AT_ONCE: usize = 200;
const MESSAGES: usize = 10_000;
const PYTHON: &str = include_str!("../../lambda/src/bootstraps/bootstrap.py");
const SDK: &str = include_str!("../../engine/src/python_sdk/cloudlet_sdk.py");
const NODE: &str = include_str!("../../lambda/src/bootstraps/bootstrap.mjs");

/// A language, the file and the text of an empty handler, and how its interpreter is called.
struct Kind {
    name: &'static str,
    runtime: &'static str,
    file: &'static str,
    text: &'static str,
    bootstrap: (&'static str, &'static str),
    programs: &'static [&'static str],
    /// A program that does nothing.
    nothing: &'static [&'static str],
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "python",
        runtime: "python3.11",
        file: "index.py",
        text: "def handler(event, context):\n    return None\n",
        bootstrap: ("bootstrap.py", PYTHON),
        programs: &["/usr/bin/python3.11", "/usr/bin/python3.13", "/usr/bin/python3.12", "/usr/local/bin/python3"],
        nothing: &["-c", "pass"],
    },
    Kind {
        name: "node",
        runtime: "nodejs20.x",
        file: "index.js",
        text: "exports.handler = async () => null;\n",
        bootstrap: ("index.mjs", NODE),
        programs: &["/usr/bin/node", "/usr/local/bin/node"],
        nothing: &["-e", "0"],
    },
];

impl Kind {
    fn program(&self) -> Option<&'static str> {
        self.programs.iter().copied().find(|program| Path::new(program).exists())
    }
}

fn archive(file: &str, text: &str) -> String {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(file, SimpleFileOptions::default()).expect("a file");
    writer.write_all(text.as_bytes()).expect("its text");
    STANDARD.encode(writer.finish().expect("an archive").into_inner())
}

fn create(lambda: &Signed, name: &str, runtime: &str, file: &str, text: &str) -> Vec<u8> {
    let body = json!({
        "FunctionName": name, "Runtime": runtime, "Handler": "index.handler", "Role": ROLE, "Timeout": 60, "MemorySize": 256,
        "Code": {"ZipFile": archive(file, text)},
    });
    lambda.request("POST", "/2015-03-31/functions", "", &[("content-type", "application/json")], body.to_string().as_bytes())
}

fn invoke(lambda: &Signed, name: &str) -> Vec<u8> {
    lambda.request("POST", &format!("/2015-03-31/functions/{name}/invocations"), "", &[], b"{}")
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

impl Bench<'_> {
    pub async fn functions(&self, host: &str) {
        if !self.includes("Lambda") {
            return;
        }
        self.prepare_function_role(host).await;
        let lambda = Signed::new(host, "lambda");
        for kind in &KINDS {
            let Some(program) = kind.program() else { continue };
            prepare(self.server.address, &create(&lambda, kind.name, kind.runtime, kind.file, kind.text)).await;
            let request = invoke(&lambda, kind.name);
            let mut connection = Connection::open(self.server.address).await;
            connection.call(&request).await;
            let mut times = Vec::new();
            for _ in 0..WARM {
                let began = Instant::now();
                connection.call(&request).await;
                times.push(began.elapsed());
            }
            let (ours, bare) = (median(times), median(Bare::start(kind, program).exchanges(WARM)));
            println!("Lambda warm, {:<13} {ours:>9.3} ms, bare {bare:.3} ms, ratio {:.2}", kind.name, ours / bare);
            let (cold, own) = (median(self.cold(&lambda, kind).await), median(own_starts(kind, program)));
            println!("Lambda cold, {:<13} {cold:>9.1} ms, the interpreter's own start {own:.1} ms", kind.name);
        }
        self.at_once(&lambda).await;
        self.mapping(host, &lambda).await;
    }

    async fn prepare_function_role(&self, host: &str) {
        let iam = Signed::new(host, "iam");
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}});
        let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let create = format!("Action=CreateRole&Version=2010-05-08&RoleName=bench-lambda&AssumeRolePolicyDocument={}", encoded(&trust.to_string()));
        let put =
            format!("Action=PutRolePolicy&Version=2010-05-08&RoleName=bench-lambda&PolicyName=all&PolicyDocument={}", encoded(&all.to_string()));
        for body in [create, put] {
            prepare(self.server.address, &iam.form(&body)).await;
        }
    }

    /// First invocations of functions that nobody has called.
    async fn cold(&self, lambda: &Signed, kind: &Kind) -> Vec<Duration> {
        let mut times = Vec::new();
        for number in 0..COLD {
            let name = format!("cold-{}-{number}", kind.name);
            prepare(self.server.address, &create(lambda, &name, kind.runtime, kind.file, kind.text)).await;
            let mut connection = Connection::open(self.server.address).await;
            let began = Instant::now();
            connection.call(&invoke(lambda, &name)).await;
            times.push(began.elapsed());
        }
        times
    }

    /// Environments that all have something to do at the same time.
    async fn at_once(&self, lambda: &Signed) {
        let text = "import time\ndef handler(event, context):\n    time.sleep(5)\n";
        prepare(self.server.address, &create(lambda, "sleeps", "python3.11", "index.py", text)).await;
        let (request, address) = (invoke(lambda, "sleeps"), self.server.address);
        let began = Instant::now();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let request = request.clone();
            calls.spawn(async move { Connection::open(address).await.call(&request).await.len() });
        }
        let done = calls.join_all().await.len();
        let (took, memory) = (began.elapsed().as_secs_f64(), self.server.resident() as f64 / 1e6);
        println!("Lambda, {done} at once       {took:>9.1} s, of which 5 asleep; the server has {memory:.0} MB");
    }

    /// From the first message until the queue is empty and nothing is in flight.
    async fn mapping(&self, host: &str, lambda: &Signed) {
        let sqs = Signed::new(host, "sqs");
        let url = queue_url(host, "mapped");
        let create_queue = r#"{"QueueName":"mapped","Attributes":{"VisibilityTimeout":"120"}}"#;
        prepare(self.server.address, &sqs.json("AmazonSQS.CreateQueue", create_queue)).await;
        let mut connection = Connection::open(self.server.address).await;
        for batch in 0..MESSAGES / 10 {
            let entries: Vec<_> = (0..10).map(|id| json!({"Id": id.to_string(), "MessageBody": format!("{batch}-{id}")})).collect();
            let body = json!({"QueueUrl": url, "Entries": entries}).to_string();
            connection.call(&sqs.json("AmazonSQS.SendMessageBatch", &body)).await;
        }
        prepare(self.server.address, &create(lambda, "maps", "python3.11", "index.py", KINDS[0].text)).await;
        let source = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:mapped");
        let body = json!({"FunctionName": "maps", "EventSourceArn": source, "BatchSize": 10}).to_string();
        let headers = [("content-type", "application/json")];
        let began = Instant::now();
        prepare(self.server.address, &lambda.request("POST", "/2015-03-31/event-source-mappings", "", &headers, body.as_bytes())).await;
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let look = sqs.json("AmazonSQS.GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": names}).to_string());
        loop {
            let answer = String::from_utf8_lossy(connection.call(&look).await).into_owned();
            if names.iter().all(|name| answer.contains(&format!(r#""{name}":"0""#))) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = began.elapsed().as_secs_f64();
        println!("Lambda, {MESSAGES} mapped    {took:>9.1} s, {:.0} messages a second", MESSAGES as f64 / took);
    }
}

/// Starts of an interpreter that has nothing to do.
fn own_starts(kind: &Kind, program: &str) -> Vec<Duration> {
    let start = |_| {
        let began = Instant::now();
        let status = Command::new(program).args(kind.nothing).env_clear().stdin(Stdio::null()).status().expect("the interpreter");
        assert!(status.success());
        began.elapsed()
    };
    (0..COLD).map(start).collect()
}

/// The same process as that of an environment, which nobody keeps apart, and the barest server for it.
struct Bare {
    child: Child,
    folder: PathBuf,
    listener: TcpListener,
}

impl Bare {
    fn start(kind: &Kind, program: &str) -> Bare {
        let folder = std::env::temp_dir().join(format!("cloudlet-bench-{}-{}", kind.name, std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(kind.bootstrap.0), kind.bootstrap.1).expect("the bootstrap");
        fs::write(folder.join("cloudlet_sdk.py"), SDK).expect("its module");
        fs::write(folder.join(kind.file), kind.text).expect("the handler");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let child = Command::new(program)
            .arg(folder.join(kind.bootstrap.0))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("LAMBDA_TASK_ROOT", &folder)
            .env("_HANDLER", "index.handler")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the interpreter");
        Bare { child, folder, listener }
    }

    /// From the event to the answer, as often as asked.
    fn exchanges(self, count: usize) -> Vec<Duration> {
        let (mut stream, _) = self.listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut times = Vec::new();
        for number in 0..count {
            read_request(&mut stream);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n\
                 Lambda-Runtime-Deadline-Ms: 9999999999999\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n\r\n{{}}"
            );
            let began = Instant::now();
            stream.write_all(head.as_bytes()).expect("the event is sent");
            read_request(&mut stream);
            times.push(began.elapsed());
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}").expect("the answer is sent");
        }
        times
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// One request, with its body.
fn read_request(stream: &mut TcpStream) {
    let (mut read, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok()).unwrap_or(0);
            if read.len() >= end + 4 + length {
                return;
            }
        }
        let count = stream.read(&mut buffer).expect("a request");
        assert!(count > 0, "the interpreter is gone");
        read.extend_from_slice(&buffer[..count]);
    }
}
