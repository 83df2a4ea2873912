//! Step Functions: transitions of the machine alone, executions through the API, Maps of many items, and what many executions cost.

use crate::{
    client::{Connection, Turn},
    messaging::{ACCOUNT, prepare, queue_url},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use cloudlet_asl::{
    definition::{WorkflowType, read},
    machine::{Effect, Event, Execution, Machine},
};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

const ROLE: &str = "arn:aws:iam::000000000000:role/bench-states";
const WAITING: usize = 10_000;
const FINISHED: usize = 100_000;
const INLINE_ITEMS: usize = 100_000;
const DISTRIBUTED_ITEMS: usize = 1_000_000;
const REPEATS: usize = 500;

fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}")
}

fn start(name: &str, input: &str) -> String {
    json!({"stateMachineArn": machine_arn(name), "input": input}).to_string()
}

fn passes(count: usize) -> serde_json::Value {
    let mut states = serde_json::Map::new();
    for number in 0..count {
        let next =
            if number + 1 == count { json!({"Type": "Pass", "End": true}) } else { json!({"Type": "Pass", "Next": format!("P{}", number + 1)}) };
        states.insert(format!("P{number}"), next);
    }
    json!({"StartAt": "P0", "States": states})
}

/// Starts an execution and looks until it is over.
struct ToTheEnd {
    signed: Signed,
    start: Vec<u8>,
}

impl Turn for ToTheEnd {
    async fn go(&mut self, connection: &mut Connection) {
        let answer = connection.call(&self.start).await;
        let arn = text_of(answer, "executionArn").expect("an execution");
        let describe = self.signed.json("AWSStepFunctions.DescribeExecution", &json!({"executionArn": arn}).to_string());
        while text_of(connection.call(&describe).await, "status").as_deref() == Some("RUNNING") {}
    }
}

/// A text member of an answer in JSON.
pub fn text_of(answer: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(answer).ok()?;
    text.split(&format!("\"{name}\":\"")).nth(1)?.split('"').next().map(str::to_owned)
}

impl Bench<'_> {
    pub async fn states(&self, host: &str) {
        if [
            "States transitions",
            "States 3 Pass",
            "States sync",
            "States Map, inline",
            "States Map, distributed",
            "States waiting",
            "States finished",
        ]
        .iter()
        .all(|name| !self.includes(name))
        {
            return;
        }
        if self.includes("States transitions") {
            transitions();
        }
        let states = Signed::new(host, "states");
        self.prepare_role(host).await;
        for (name, of, definition) in [
            ("three", "STANDARD", passes(3)),
            ("one", "STANDARD", passes(1)),
            ("five", "EXPRESS", passes(5)),
            ("waits", "STANDARD", json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1_000_000, "End": true}}})),
            ("inline", "EXPRESS", inline()),
            ("distributed", "STANDARD", distributed()),
        ] {
            let create = json!({"name": name, "type": of, "roleArn": ROLE, "definition": definition.to_string()}).to_string();
            prepare(self.server.address, &states.json("AWSStepFunctions.CreateStateMachine", &create)).await;
        }
        let begin = states.json("AWSStepFunctions.StartExecution", &start("three", "{}"));
        let turns = (0..CONNECTIONS).map(|_| ToTheEnd { signed: Signed::new(host, "states"), start: begin.clone() }).collect();
        self.compare_turns("States 3 Pass, to end", &begin, turns).await;
        self.sync(host).await;
        self.inline_map(host).await;
        self.distributed_map(host).await;
        self.waiting(host).await;
        self.finished(host).await;
    }

    async fn prepare_role(&self, host: &str) {
        let iam = Signed::new(host, "iam");
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}});
        let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let create = format!("Action=CreateRole&Version=2010-05-08&RoleName=bench-states&AssumeRolePolicyDocument={}", encoded(&trust.to_string()));
        let put =
            format!("Action=PutRolePolicy&Version=2010-05-08&RoleName=bench-states&PolicyName=all&PolicyDocument={}", encoded(&all.to_string()));
        for body in [create, put] {
            prepare(self.server.address, &iam.form(&body)).await;
        }
    }

    /// One after the other: StartSyncExecution of five states beside SendMessage.
    async fn sync(&self, host: &str) {
        if !self.includes("States sync") {
            return;
        }
        let (sqs, states) = (Signed::new(host, "sqs"), Signed::new(host, "states"));
        prepare(self.server.address, &sqs.json("AmazonSQS.CreateQueue", r#"{"QueueName":"beside"}"#)).await;
        let body = format!(r#"{{"QueueUrl":"{}","MessageBody":"a message"}}"#, queue_url(host, "beside"));
        let send = sqs.json("AmazonSQS.SendMessage", &body);
        let sync = states.json("AWSStepFunctions.StartSyncExecution", &start("five", "{}"));
        let (send, sync) = (median(self.server.address, &send).await, median(self.server.address, &sync).await);
        let ratio = sync.as_secs_f64() / send.as_secs_f64();
        println!("States sync, 5 Pass      {:>9.0} µs (median); SendMessage {} µs; {ratio:.1} times (limit 3)", micros(sync), send.as_micros());
    }

    async fn inline_map(&self, host: &str) {
        if !self.includes("States Map, inline") {
            return;
        }
        let states = Signed::new(host, "states");
        let sync = states.json("AWSStepFunctions.StartSyncExecution", &start("inline", "{}"));
        let address = self.server.address;
        let began = Instant::now();
        let running = tokio::spawn(async move { Connection::open(address).await.call(&sync).await.to_vec() });
        let identity = Signed::caller_identity(host);
        let mut other = Connection::open(address).await;
        let (mut longest, mut memory) = (Duration::ZERO, 0);
        while !running.is_finished() {
            let asked = Instant::now();
            other.call(&identity).await;
            longest = longest.max(asked.elapsed());
            memory = memory.max(self.server.resident());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let answer = running.await.expect("an execution");
        assert_eq!(text_of(&answer, "status").as_deref(), Some("SUCCEEDED"), "{}", String::from_utf8_lossy(&answer));
        println!(
            "States Map, inline       {:>9.2} s for {INLINE_ITEMS} items; memory {} MB; longest other call {:.0} ms (limit 50)",
            began.elapsed().as_secs_f64(),
            memory / 1_000_000,
            longest.as_secs_f64() * 1e3
        );
    }

    async fn distributed_map(&self, host: &str) {
        if !self.includes("States Map, distributed") {
            return;
        }
        let (states, s3) = (Signed::new(host, "states"), Signed::new(host, "s3"));
        let mut connection = Connection::open(self.server.address).await;
        connection.call(&s3.request("PUT", "/states-items", "", &[], b"")).await;
        let items = format!("[{}]", (0..DISTRIBUTED_ITEMS).map(|number| number.to_string()).collect::<Vec<_>>().join(","));
        connection.call(&s3.request("PUT", "/states-items/items.json", "", &[], items.as_bytes())).await;
        let (before, began) = (self.server.resident(), Instant::now());
        let answer = connection.call(&states.json("AWSStepFunctions.StartExecution", &start("distributed", "{}"))).await;
        let arn = text_of(answer, "executionArn").expect("an execution");
        let describe = states.json("AWSStepFunctions.DescribeExecution", &json!({"executionArn": arn}).to_string());
        let mut memory = 0;
        let status = loop {
            let status = text_of(Connection::open(self.server.address).await.call(&describe).await, "status").expect("a status");
            memory = memory.max(self.server.resident());
            if status != "RUNNING" {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        println!(
            "States Map, distributed  {:>9.1} s for {DISTRIBUTED_ITEMS} items ({status}); memory grew by {} MB at most (limit 300)",
            began.elapsed().as_secs_f64(),
            memory.saturating_sub(before) / 1_000_000
        );
    }

    async fn waiting(&self, host: &str) {
        if !self.includes("States waiting") {
            return;
        }
        let before = self.server.resident();
        self.start_many(host, "waits", WAITING).await;
        let cost = self.server.resident().saturating_sub(before);
        println!("States waiting           {:>9.1} MB for {WAITING} executions (limit 60)", cost as f64 / 1e6);
    }

    async fn finished(&self, host: &str) {
        if !self.includes("States finished") {
            return;
        }
        let began = Instant::now();
        self.start_many(host, "one", FINISHED).await;
        println!(
            "States finished          {:>9.1} s for {FINISHED}; memory {} MB",
            began.elapsed().as_secs_f64(),
            self.server.resident() / 1_000_000
        );
        let states = Signed::new(host, "states");
        let mut token: Option<String> = None;
        for page in 0..3 {
            let mut list = json!({"stateMachineArn": machine_arn("one"), "maxResults": 100});
            if let Some(token) = &token {
                list["nextToken"] = json!(token);
            }
            let request = states.json("AWSStepFunctions.ListExecutions", &list.to_string());
            let time = median(self.server.address, &request).await;
            println!("States finished, page {page}  {:>9.2} ms (median; limit 2)", time.as_secs_f64() * 1e3);
            token = text_of(Connection::open(self.server.address).await.call(&request).await, "nextToken");
        }
    }

    async fn start_many(&self, host: &str, name: &'static str, count: usize) {
        let request = Arc::new(Signed::new(host, "states").json("AWSStepFunctions.StartExecution", &start(name, "{}")));
        let mut set = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (address, request) = (self.server.address, request.clone());
            set.spawn(async move {
                let mut connection = Connection::open(address).await;
                for _ in 0..count / CONNECTIONS {
                    connection.call(&request).await;
                }
            });
        }
        while let Some(done) = set.join_next().await {
            done.expect("executions were started");
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

async fn median(address: SocketAddr, request: &[u8]) -> Duration {
    let mut connection = Connection::open(address).await;
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let began = Instant::now();
        connection.call(request).await;
        times.push(began.elapsed());
    }
    times.sort();
    times[REPEATS / 2]
}

fn inline() -> serde_json::Value {
    json!({"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Items": format!("{{% [1..{INLINE_ITEMS}] %}}"),
        "Output": "{% $count($states.result) %}",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}})
}

fn distributed() -> serde_json::Value {
    json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": "states-items", "Key": "items.json"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "states-items", "Prefix": "out"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}})
}

/// The machine alone: Pass and Choice in a circle, with the text of every event.
fn transitions() {
    let text = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "BooleanEquals": true, "Next": "S"}], "Default": "P"}, "S": {"Type": "Succeed"}}});
    let definition = read(&text.to_string(), WorkflowType::Standard, &|_| true).expect("a definition");
    let execution = Execution { express: true, ..Execution::default() };
    let (mut machine, mut effects) = Machine::start(&definition, execution, r#"{"stop":false,"a":[1,2,3]}"#, 1, 0).expect("a machine");
    let (began, mut states, mut bytes) = (Instant::now(), 0_u64, 0_usize);
    while began.elapsed() < Duration::from_secs(2) {
        for effect in &effects {
            if let Effect::History(event) = effect {
                states += u64::from(event.kind.ends_with("StateExited"));
                bytes += event.details.as_ref().map_or(0, |(_, details)| details.to_string().len());
            }
        }
        effects = machine.step(&definition, Event::Continue, 0);
    }
    let often = states as f64 / began.elapsed().as_secs_f64();
    println!("States transitions       {often:>9.0} a second on one core, {} bytes of history each (limit 200,000)", bytes as u64 / states.max(1));
}
