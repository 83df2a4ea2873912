//! The streams of CloudWatch Logs that the output of a step goes to, while it runs. The node writes them, under its role.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-rc-setting-up-cwlogs.html>

use cloudlet_api_logs::{
    CreateLogGroup, CreateLogGroupRequest, CreateLogStream, CreateLogStreamRequest, InputLogEvent, PutLogEvents, PutLogEventsRequest,
};
use cloudlet_aws::{Caller, Scope};
use cloudlet_engine::{Cx, NodeOutput};
use parking_lot::Mutex;

/// Events of one call, and the bytes of them together.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 900_000;
const LONGEST_LINE: usize = 200_000;
/// What is written of one stream; as much as is kept of it otherwise.
const MOST_OUTPUT: usize = 2 << 20;

/// The two streams of a step.
pub struct LogStreams {
    group: String,
    /// `command/node/step`
    name: String,
    waiting: Mutex<[Waiting; 2]>,
}

/// Output that is not written yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// How much there was since the last `restart`, and altogether.
    seen: usize,
    all: usize,
    has_stream: bool,
}

impl Waiting {
    fn add(&mut self, bytes: &[u8]) {
        let room = MOST_OUTPUT.saturating_sub(self.all);
        self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.seen += bytes.len();
        self.all += bytes.len();
    }

    /// The lines that are whole; at the end, all of it.
    fn take(&mut self, is_over: bool) -> Vec<u8> {
        let end = if is_over { Some(self.bytes.len()) } else { self.bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1) };
        end.map(|end| self.bytes.drain(..end).collect()).unwrap_or_default()
    }
}

impl LogStreams {
    pub fn new(group: &str, command: &str, node: &str, step: &str) -> LogStreams {
        LogStreams { group: group.to_owned(), name: format!("{command}/{node}/{}", step.replace(':', "-")), waiting: Mutex::default() }
    }

    pub fn add(&self, from: NodeOutput, bytes: &[u8]) {
        if let Some(waiting) = self.waiting.lock().get_mut(usize::from(from == NodeOutput::Error)) {
            waiting.add(bytes);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.lock().iter().all(|waiting| waiting.all == 0)
    }

    /// A program begins: what follows is its output.
    pub fn restart(&self) {
        self.waiting.lock().iter_mut().for_each(|waiting| waiting.seen = 0);
    }

    /// Adds what was not seen while it came.
    pub fn add_rest(&self, output: &[u8], error: &[u8]) {
        for (waiting, all) in self.waiting.lock().iter_mut().zip([output, error]) {
            waiting.add(all.get(waiting.seen..).unwrap_or_default());
            waiting.seen = 0;
        }
    }

    /// Writes what there is. Output that cannot be delivered is lost: the agent says so in a log of its own, and the command goes on.
    pub async fn write(&self, cx: &Cx, caller: &Caller, scope: &Scope, is_over: bool) {
        for (index, kind) in ["stdout", "stderr"].into_iter().enumerate() {
            let (bytes, has_stream) = {
                let mut all = self.waiting.lock();
                let Some(waiting) = all.get_mut(index) else { continue };
                let bytes = waiting.take(is_over);
                (bytes, std::mem::replace(&mut waiting.has_stream, true))
            };
            let text = String::from_utf8_lossy(&bytes);
            let calls = events(&text, cx.clock().now().0);
            if calls.is_empty() {
                if let Some(waiting) = self.waiting.lock().get_mut(index) {
                    waiting.has_stream = has_stream;
                }
                continue;
            }
            let (log_group_name, log_stream_name) = (self.group.clone(), format!("{}/{kind}", self.name));
            if !has_stream {
                // There may be both already.
                let group = CreateLogGroupRequest { log_group_name: log_group_name.clone(), ..CreateLogGroupRequest::default() };
                let _ = Box::pin(cx.call::<CreateLogGroup>(caller.clone(), scope.clone(), group)).await;
                let stream = CreateLogStreamRequest { log_group_name: log_group_name.clone(), log_stream_name: log_stream_name.clone() };
                let _ = Box::pin(cx.call::<CreateLogStream>(caller.clone(), scope.clone(), stream)).await;
            }
            for log_events in calls {
                let (log_group_name, log_stream_name) = (log_group_name.clone(), log_stream_name.clone());
                let input = PutLogEventsRequest { log_group_name, log_stream_name, log_events, ..PutLogEventsRequest::default() };
                if Box::pin(cx.call::<PutLogEvents>(caller.clone(), scope.clone(), input)).await.is_err() {
                    break;
                }
            }
        }
    }
}

/// The lines of a text, as many in one call as Logs takes.
fn events(text: &str, timestamp: i64) -> Vec<Vec<InputLogEvent>> {
    let (mut calls, mut bytes) = (vec![Vec::new()], 0);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let message: String = line.chars().take(LONGEST_LINE / 4).collect();
        bytes += message.len() + 26;
        let call: Option<&mut Vec<InputLogEvent>> = calls.last_mut();
        let event = InputLogEvent { timestamp, message };
        match call {
            Some(call) if call.len() < MOST_EVENTS && bytes < MOST_BYTES => call.push(event),
            _ => {
                bytes = event.message.len() + 26;
                calls.push(vec![event]);
            }
        }
    }
    calls.retain(|call| !call.is_empty());
    calls
}

#[test]
fn whole_lines_are_taken_and_the_rest_at_the_end() {
    let streams = LogStreams::new("g", "c", "n", "aws:x");
    streams.add(NodeOutput::Standard, b"one\ntw");
    let take = |is_over| String::from_utf8(streams.waiting.lock()[0].take(is_over)).unwrap();
    assert_eq!((streams.name.as_str(), take(false).as_str(), take(false).as_str()), ("c/n/aws-x", "one\n", ""));
    streams.add(NodeOutput::Standard, b"o\nthree");
    assert_eq!(take(false), "two\n");
    streams.add_rest(b"one\ntwo\nthree\nfailed", b"");
    assert_eq!(take(true), "three\nfailed");
    assert_eq!(events("a\n\nb", 1).concat().len(), 2);
}
