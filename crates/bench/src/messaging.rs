//! Queues and topics: sending; the cycle of send, receive and delete; publishing to one, ten and a hundred queues.

use crate::{
    client::{Connection, Turn},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use std::net::SocketAddr;

pub const ACCOUNT: &str = "000000000000";
const BODY: &str = "a message of some length";

pub fn queue_url(host: &str, name: &str) -> String {
    format!("http://{host}/{ACCOUNT}/{name}")
}

/// Makes a call that prepares a measurement.
pub async fn prepare(address: SocketAddr, request: &[u8]) -> String {
    String::from_utf8_lossy(Connection::open(address).await.call(request).await).into_owned()
}

impl Bench<'_> {
    pub async fn queues(&self, host: &str) {
        let sqs = Signed::new(host, "sqs");
        for attributes in [r#"{"QueueName":"bench"}"#, r#"{"QueueName":"cycle"}"#, r#"{"QueueName":"cycle.fifo","Attributes":{"FifoQueue":"true"}}"#]
        {
            prepare(self.server.address, &sqs.json("AmazonSQS.CreateQueue", attributes)).await;
        }
        let send = format!(r#"{{"QueueUrl":"{}","MessageBody":"{BODY}"}}"#, queue_url(host, "bench"));
        let send = sqs.json("AmazonSQS.SendMessage", &send);
        self.compare("SQS SendMessage", send.clone()).await;
        for (name, queue) in [("SQS cycle", "cycle"), ("SQS FIFO cycle", "cycle.fifo")] {
            self.compare_turns(name, &send, (0..CONNECTIONS).map(|number| Cycle::new(host, queue, number)).collect()).await;
        }
    }

    pub async fn topics(&self, host: &str) {
        for queues in [1, 10, 100] {
            let name = if queues == 1 { "SNS to 1 queue".to_owned() } else { format!("SNS to {queues} queues") };
            if !self.includes(&name) {
                continue;
            }
            let (sns, sqs) = (Signed::new(host, "sns"), Signed::new(host, "sqs"));
            let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:to-{queues}");
            prepare(self.server.address, &sns.form(&format!("Action=CreateTopic&Version=2010-03-31&Name=to-{queues}"))).await;
            for number in 0..queues {
                let queue = format!("of-{queues}-{number}");
                self.subscribe(&sns, &sqs, &topic, &queue).await;
            }
            let publish = format!("Action=Publish&Version=2010-03-31&TopicArn={}&Message={}", encoded(&topic), encoded(BODY));
            self.compare(&name, sns.form(&publish)).await;
            for number in 0..queues {
                let url = queue_url(host, &format!("of-{queues}-{number}"));
                let count = format!(r#"{{"QueueUrl":"{url}","AttributeNames":["ApproximateNumberOfMessages"]}}"#);
                let counted = prepare(self.server.address, &sqs.json("AmazonSQS.GetQueueAttributes", &count)).await;
                assert!(!counted.contains(r#""ApproximateNumberOfMessages":"0""#), "published messages are in the queue: {counted}");
                prepare(self.server.address, &sqs.json("AmazonSQS.DeleteQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#))).await;
            }
        }
    }

    /// A queue with a policy that lets only this topic send.
    async fn subscribe(&self, sns: &Signed, sqs: &Signed, topic: &str, queue: &str) {
        let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}");
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"{arn}","Condition":{{"ArnEquals":{{"aws:SourceArn":"{topic}"}}}}}}]}}"#
        );
        let create = format!(r#"{{"QueueName":"{queue}","Attributes":{{"Policy":"{}"}}}}"#, policy.replace('"', "\\\""));
        prepare(self.server.address, &sqs.json("AmazonSQS.CreateQueue", &create)).await;
        let subscribe = format!("Action=Subscribe&Version=2010-03-31&TopicArn={}&Protocol=sqs&Endpoint={}", encoded(topic), encoded(&arn));
        prepare(self.server.address, &sns.form(&subscribe)).await;
    }
}

/// Percent-encoded as in forms.
fn encoded(text: &str) -> String {
    text.replace(':', "%3A").replace(' ', "+")
}

/// Sends a message, receives one, deletes it. In a FIFO queue every connection has a group of its own, and every message an id.
/// Requests that are the same in each turn are made beforehand.
struct Cycle {
    signed: Signed,
    queue: String,
    number: usize,
    sent: usize,
    /// In a standard queue all messages are alike.
    send: Option<Vec<u8>>,
    receive: Vec<u8>,
}

impl Cycle {
    fn new(host: &str, name: &str, number: usize) -> Cycle {
        let (signed, queue) = (Signed::new(host, "sqs"), queue_url(host, name));
        let fifo = name.ends_with(".fifo");
        let send = (!fifo).then(|| signed.json("AmazonSQS.SendMessage", &format!(r#"{{"QueueUrl":"{queue}","MessageBody":"{BODY}"}}"#)));
        // Another connection may have a message of this one's group in flight.
        let wait = if fifo { r#","WaitTimeSeconds":20"# } else { "" };
        let receive = signed.json("AmazonSQS.ReceiveMessage", &format!(r#"{{"QueueUrl":"{queue}"{wait}}}"#));
        Cycle { signed, queue, number, sent: 0, send, receive }
    }
}

impl Turn for Cycle {
    async fn go(&mut self, connection: &mut Connection) {
        let queue = &self.queue;
        self.sent += 1;
        match &self.send {
            Some(send) => connection.call(send).await,
            None => {
                let order = format!(r#""MessageGroupId":"{0}","MessageDeduplicationId":"{0}-{1}""#, self.number, self.sent);
                let send = format!(r#"{{"QueueUrl":"{queue}","MessageBody":"{BODY}",{order}}}"#);
                connection.call(&self.signed.json("AmazonSQS.SendMessage", &send)).await
            }
        };
        let answer = connection.call(&self.receive).await;
        let handle = handles(answer).next().expect("a message was received").to_owned();
        connection.call(&self.signed.json("AmazonSQS.DeleteMessage", &format!(r#"{{"QueueUrl":"{queue}","ReceiptHandle":"{handle}"}}"#))).await;
    }
}

/// The receipt handles in an answer.
pub fn handles(answer: &[u8]) -> impl Iterator<Item = &str> {
    let text = std::str::from_utf8(answer).expect("text");
    text.split(r#""ReceiptHandle":""#).skip(1).filter_map(|rest| rest.split('"').next())
}
