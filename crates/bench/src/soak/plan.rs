//! The queues and topics of the soak test: standard and FIFO, one with a dead-letter queue, some subscribed to topics.

use crate::{
    client,
    messaging::{ACCOUNT, queue_url},
    request::Signed,
};
use std::net::SocketAddr;

/// The visibility timeout in seconds: short, so that a message that a killed client had received comes back during the test.
pub const VISIBILITY: u64 = 3;
const RECEIVES: u32 = 4;

/// Where producers send, and which queues must then have the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Standard,
    Fifo,
    Fan,
    FifoFan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Queue(&'static str),
    Topic(&'static str),
}

impl Lane {
    pub const ALL: [Lane; 4] = [Lane::Standard, Lane::Fifo, Lane::Fan, Lane::FifoFan];

    pub fn name(self) -> &'static str {
        match self {
            Lane::Standard => "standard",
            Lane::Fifo => "fifo",
            Lane::Fan => "fan",
            Lane::FifoFan => "fifo-fan",
        }
    }

    pub fn read(name: &str) -> Lane {
        Lane::ALL.into_iter().find(|lane| lane.name() == name).expect("a lane")
    }

    pub fn is_fifo(self) -> bool {
        matches!(self, Lane::Fifo | Lane::FifoFan)
    }

    pub fn target(self) -> Target {
        match self {
            Lane::Standard => Target::Queue("soak"),
            Lane::Fifo => Target::Queue("soak.fifo"),
            Lane::Fan => Target::Topic("soak-fan"),
            Lane::FifoFan => Target::Topic("soak-fan.fifo"),
        }
    }

    /// Every message is in each of these.
    pub fn queues(self) -> &'static [&'static str] {
        match self {
            Lane::Standard => &["soak"],
            Lane::Fifo => &["soak.fifo"],
            Lane::Fan => &["soak-fan-a", "soak-fan-b"],
            Lane::FifoFan => &["soak-fan-in.fifo"],
        }
    }
}

/// All queues, in an order in which they can be emptied.
pub const QUEUES: [&str; 6] = ["soak", "soak.fifo", "soak-fan-a", "soak-fan-b", "soak-fan-in.fifo", DEAD];
/// The dead-letter queue of `soak`.
pub const DEAD: &str = "soak-dead";

/// The queue that a message was sent to: one in the dead-letter queue was sent to `soak`.
pub fn home(queue: &str) -> &str {
    if queue == DEAD { "soak" } else { queue }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Produce(Lane),
    Consume(&'static str),
}

impl Role {
    /// All roles; the clients are distributed among them.
    pub fn all() -> Vec<Role> {
        Lane::ALL.into_iter().map(Role::Produce).chain(QUEUES.into_iter().map(Role::Consume)).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Role::Produce(lane) => lane.name(),
            Role::Consume(queue) => queue,
        }
    }

    pub fn read(name: &str) -> Role {
        Role::all().into_iter().find(|role| role.name() == name).expect("a role")
    }
}

pub struct Plan {
    pub address: SocketAddr,
}

impl Plan {
    pub fn new(address: SocketAddr) -> Plan {
        Plan { address }
    }

    pub fn url(&self, queue: &str) -> String {
        queue_url(&self.address.to_string(), queue)
    }

    pub fn prepare(&self) {
        let host = self.address.to_string();
        let (sqs, sns) = (Signed::new(&host, "sqs"), Signed::new(&host, "sns"));
        let call = |request: Vec<u8>| {
            let answer = client::ask_once(self.address, &request).expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        };
        for queue in QUEUES.into_iter().rev() {
            let mut attributes = vec![format!(r#""VisibilityTimeout":"{VISIBILITY}""#)];
            if queue.ends_with(".fifo") {
                attributes.push(r#""FifoQueue":"true""#.to_owned());
            }
            if queue == "soak" {
                let policy = format!(r#"{{\"deadLetterTargetArn\":\"{}\",\"maxReceiveCount\":{RECEIVES}}}"#, queue_arn(DEAD));
                attributes.push(format!(r#""RedrivePolicy":"{policy}""#));
            }
            let policy = format!(
                r#"{{\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"sns.amazonaws.com\"}},\"Action\":\"sqs:SendMessage\",\"Resource\":\"{}\"}}}}"#,
                queue_arn(queue)
            );
            attributes.push(format!(r#""Policy":"{policy}""#));
            call(sqs.json("AmazonSQS.CreateQueue", &format!(r#"{{"QueueName":"{queue}","Attributes":{{{}}}}}"#, attributes.join(","))));
        }
        for lane in Lane::ALL {
            let Target::Topic(topic) = lane.target() else { continue };
            let fifo = if lane.is_fifo() { "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true" } else { "" };
            call(sns.form(&format!("Action=CreateTopic&Version=2010-03-31&Name={topic}{fifo}")));
            for queue in lane.queues() {
                let raw = "Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true";
                let (topic, queue) = (topic_arn(topic), queue_arn(queue));
                let subscribe = format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=sqs&Endpoint={queue}&{raw}");
                call(sns.form(&subscribe.replace(':', "%3A")));
            }
        }
    }
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

pub fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
}
