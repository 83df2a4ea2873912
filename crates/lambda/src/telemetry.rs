//! What the platform, the function and its extensions write in an environment, as a stream of entries to which extensions subscribe.
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use crate::{
    extensions::refused,
    subscribers::{Line, Subscriber, attempt},
    subscriptions::{self, Category, Interface},
};
use cloudlet_aws::Timestamp;
use cloudlet_engine::{LocalResponse, Worker};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

/// Entries from before the first subscription, which it gets all the same.
const EARLY: usize = 1_000;

/// Which of the two APIs tells an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Both,
    Telemetry,
    Logs,
    /// The Telemetry API, and the Logs API where it is asked for.
    RuntimeDone,
}

struct Entry {
    category: Category,
    kind: &'static str,
    audience: Audience,
    at: Timestamp,
    record: Value,
    /// A line that is a document.
    document: Option<Value>,
}

impl Entry {
    /// As a subscriber is sent it, if it is.
    fn text(&self, subscriber: &Subscriber) -> Option<String> {
        let subscription = &subscriber.subscription;
        let is_told = match self.audience {
            Audience::Both => true,
            Audience::Telemetry => subscription.interface == Interface::Telemetry,
            Audience::Logs => subscription.interface == Interface::Logs,
            Audience::RuntimeDone => subscription.has_runtime_done(),
        };
        let record = self.document.as_ref().filter(|_| subscription.has_documents()).unwrap_or(&self.record);
        (is_told && subscription.categories.contains(&self.category))
            .then(|| json!({ "time": self.at.with_millis(), "type": self.kind, "record": record }).to_string())
    }
}

/// The environment of a stream of telemetry.
pub trait TelemetryHost: Send + Sync {
    fn telemetry(&self) -> &Telemetry;
    fn now(&self) -> Timestamp;
    fn worker(&self) -> Option<Arc<dyn Worker>>;
    /// A batch is through, or given up.
    fn sent(&self);
}

#[derive(Default)]
pub struct Telemetry(Mutex<State>);

#[derive(Default)]
struct State {
    /// By the names of the extensions.
    subscribers: BTreeMap<String, Arc<Subscriber>>,
    early: Vec<Entry>,
    /// AWS: once an environment is ready, nobody subscribes any more.
    is_closed: bool,
    is_frozen: bool,
    /// Batches that are being sent: until they are through, the environment is not frozen.
    sending: usize,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.0.get_mut().subscribers.values().for_each(|subscriber| subscriber.close());
    }
}

impl Telemetry {
    fn tell_entry(&self, category: Category, entry: impl FnOnce() -> Entry) {
        let mut state = self.0.lock();
        let keeps = !state.is_closed && state.early.len() < EARLY;
        let listens = |subscriber: &&Arc<Subscriber>| subscriber.subscription.categories.contains(&category);
        if !keeps && !state.subscribers.values().any(|subscriber| listens(&subscriber)) {
            return;
        }
        let entry = entry();
        for subscriber in state.subscribers.values().filter(listens) {
            if let Some(text) = entry.text(subscriber) {
                subscriber.offer(text);
            }
        }
        if keeps {
            state.early.push(entry);
        }
    }

    /// The platform's own.
    pub fn tell(&self, at: Timestamp, kind: &'static str, audience: Audience, record: impl FnOnce() -> Value) {
        self.tell_entry(Category::Platform, || Entry { category: Category::Platform, kind, audience, at, record: record(), document: None });
    }

    /// A line of the function, or of an extension. `is_json`: a line that is a document is one.
    pub fn tell_line(&self, at: Timestamp, category: Category, line: &str, is_json: bool) {
        self.tell_entry(category, || Entry {
            category,
            kind: category.name(),
            audience: Audience::Both,
            at,
            // AWS: unverified: with its end.
            record: json!(format!("{line}\n")),
            document: if is_json { serde_json::from_str(line).ok().filter(Value::is_object) } else { None },
        });
    }

    pub fn close(&self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        state.early = Vec::new();
    }

    /// The extension `name` subscribes.
    pub fn subscribe(&self, name: &str, interface: Interface, body: &[u8], at: Timestamp, api: Weak<dyn TelemetryHost>) -> LocalResponse {
        let subscription = match subscriptions::read(interface, body) {
            Ok(subscription) => subscription,
            Err(why) => return refused(400, interface.invalid(), &why),
        };
        {
            let mut state = self.0.lock();
            if state.is_closed {
                let text = format!("{} API subscription is closed already", interface.name());
                return refused(403, &format!("{}.SubscriptionClosed", interface.name()), &text);
            }
            if state.subscribers.values().any(|other| other.subscription.interface != interface) {
                // AWS: unverified wording.
                return refused(400, interface.invalid(), "extensions subscribe to the Telemetry API or to the Logs API, but not to both");
            }
            // AWS: the same again changes nothing.
            if !state.subscribers.contains_key(name) {
                let subscriber = Arc::new(Subscriber::new(subscription.clone()));
                state.early.iter().filter_map(|entry| entry.text(&subscriber)).for_each(|text| subscriber.offer(text));
                state.subscribers.insert(name.to_owned(), subscriber.clone());
                tokio::spawn(deliver(subscriber, api));
            }
        }
        let types: Vec<&str> = subscription.categories.iter().map(|category| category.name()).collect();
        let (kind, audience) = match interface {
            Interface::Telemetry => ("platform.telemetrySubscription", Audience::Telemetry),
            Interface::Logs => ("platform.logsSubscription", Audience::Logs),
        };
        self.tell(at, kind, audience, || json!({ "name": name, "state": "Subscribed", "types": types }));
        LocalResponse { status: 200, headers: vec![("Content-Type", "application/json".to_owned())], body: "\"OK\"".into() }
    }

    /// Nothing is sent any more until it is thawed. False: something is being sent.
    pub fn freeze(&self) -> bool {
        let mut state = self.0.lock();
        state.is_frozen = state.sending == 0;
        state.is_frozen
    }

    pub fn thaw(&self) {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.is_frozen) {
            state.subscribers.values().for_each(|subscriber| subscriber.wake());
        }
    }

    /// All that was written is sent.
    pub fn flush(&self) {
        self.0.lock().subscribers.values().for_each(|subscriber| subscriber.flush());
    }

    fn begin_sending(&self) -> bool {
        let mut state = self.0.lock();
        if !state.is_frozen {
            state.sending += 1;
        }
        !state.is_frozen
    }

    fn end_sending(&self) {
        self.0.lock().sending -= 1;
    }
}

/// Sends what a subscriber is to have, for as long as the environment is there.
async fn deliver(subscriber: Arc<Subscriber>, api: Weak<dyn TelemetryHost>) {
    let mut line = Line::default();
    while let Some(batch) = subscriber.batch().await {
        let mut is_sent = false;
        let mut number = 0;
        while !is_sent && attempt(number).await {
            let Some(api) = api.upgrade() else { return };
            if api.telemetry().begin_sending() {
                if let Some(worker) = api.worker() {
                    is_sent = line.send(&worker, &subscriber.subscription.destination, &batch).await;
                }
                api.telemetry().end_sending();
                api.sent();
                number += 1;
            } else {
                drop(api);
                if subscriber.is_closed() {
                    return;
                }
                subscriber.woken().await;
            }
        }
        if !is_sent {
            subscriber.drop_batch(&batch);
        }
        if let (Some(dropped), Some(api)) = (subscriber.take_dropped(), api.upgrade()) {
            api.telemetry().tell(api.now(), "platform.logsDropped", Audience::Both, || dropped.record());
        }
    }
}
