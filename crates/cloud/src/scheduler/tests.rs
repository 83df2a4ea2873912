use crate::{Cloud, EntryPoint, Settings};
use cloudlet_api_sqs as sqs;
use cloudlet_aws::{Account, Caller, Fault, Region, Scope, Timestamp};
use cloudlet_engine::{Call, Clock, Cx, Dispatcher, Handle, Ids, Origin, Permission, Permissions, Runtime, Schedule, ScheduleKey, Service};
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_shape::{Empty, Shape};
use cloudlet_store::{InMemory, Journal, Persistent, replay};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

const START: Timestamp = Timestamp(1_764_000_000_000);

#[derive(Shape, Clone, Default)]
pub struct RingInput {
    pub text: String,
}

mod api {
    use super::RingInput;
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_sqs::SERVICE;
        Ring(RingInput) -> Empty {}
    }
}
use api::Ring;

/// A service with one operation, which notes what it was called with.
#[derive(Default)]
struct Bells {
    rung: Mutex<Vec<String>>,
    /// What a call with the text "wait" waits for.
    gate: Notify,
}

impl Handle<Ring> for Bells {
    fn permissions(&self, _: &Cx, _: &RingInput) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, _: &Cx, input: RingInput) -> Result<Empty, Fault> {
        assert_ne!(input.text, "panic");
        if input.text == "wait" {
            self.gate.notified().await;
        }
        self.rung.lock().push(input.text);
        Ok(Empty {})
    }
}

struct TestCloud {
    cloud: Arc<Cloud>,
    bells: Arc<Bells>,
}

impl TestCloud {
    fn new(journal: &Journal) -> TestCloud {
        let bells = Arc::new(Bells::default());
        let root = Root { account: Account::default(), partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let service = Service::of(&sqs::SERVICE, bells.clone()).handles::<Ring>().build();
        let settings = Settings { journal: journal.clone(), ..Settings::default() };
        let cloud = Cloud::new(Runtime::new(Clock::stopped_at(START), Ids::seeded(1)), Identity::new(root), vec![service], settings);
        TestCloud { cloud, bells }
    }

    fn schedule(&self, after: i64, key: Option<&str>, text: &str) {
        let scope = Scope::new(Account::default(), Region::new("us-east-1"));
        let call = Call::of::<Ring>(Caller::service("sqs.amazonaws.com", None), scope, Origin::default(), RingInput { text: text.into() });
        self.cloud.schedule(Schedule { due: START.plus_secs(after), key: key.map(ScheduleKey::of::<Ring>), call }).unwrap();
    }

    /// What was rung up to a second.
    async fn rung(&self, second: u64) -> Vec<String> {
        let now = self.cloud.runtime.clock.now().secs().abs_diff(START.secs());
        self.cloud.runtime.clock.advance(Duration::from_secs(second - now));
        self.cloud.settle().await;
        std::mem::take(&mut self.bells.rung.lock())
    }
}

#[tokio::test]
async fn calls_are_made_in_the_order_of_their_instants() {
    let cloud = TestCloud::new(&Journal::off());
    cloud.schedule(20, None, "b");
    cloud.schedule(10, None, "a");
    cloud.schedule(20, None, "c");
    assert_eq!(cloud.rung(9).await, [""; 0]);
    assert_eq!(cloud.rung(30).await, ["a", "b", "c"]);
    assert_eq!(cloud.rung(60).await, [""; 0]);
}

#[tokio::test]
async fn a_key_replaces_and_cancels() {
    let cloud = TestCloud::new(&Journal::off());
    cloud.schedule(10, Some("k"), "first");
    cloud.schedule(20, Some("k"), "second");
    cloud.schedule(10, Some("other"), "other");
    assert_eq!(cloud.rung(15).await, ["other"]);
    assert_eq!(cloud.rung(25).await, ["second"]);
    cloud.schedule(30, Some("k"), "third");
    assert!(cloud.cloud.cancel(&ScheduleKey::of::<Ring>("k")));
    assert!(!cloud.cloud.cancel(&ScheduleKey::of::<Ring>("k")));
    assert_eq!(cloud.rung(60).await, [""; 0]);
}

#[tokio::test]
async fn a_panic_does_not_stop_the_scheduler() {
    let cloud = TestCloud::new(&Journal::off());
    cloud.schedule(1, None, "panic");
    cloud.schedule(1, None, "after");
    assert_eq!(cloud.rung(1).await, ["after"]);
}

#[tokio::test]
async fn settle_waits_for_a_call_that_is_already_running() {
    let cloud = Arc::new(TestCloud::new(&Journal::off()));
    let scheduler = tokio::spawn(cloud.cloud.clone().run_scheduler());
    cloud.schedule(0, None, "wait");
    while !cloud.cloud.scheduler.is_running() {
        tokio::task::yield_now().await;
    }
    let settled = tokio::spawn({
        let cloud = cloud.clone();
        async move { cloud.rung(0).await }
    });
    tokio::task::yield_now().await;
    assert!(!settled.is_finished());
    cloud.bells.gate.notify_one();
    assert_eq!(settled.await.unwrap(), ["wait"]);
    scheduler.abort();
}

/// The journal's rows in a new cloud.
fn restarted(backend: &InMemory) -> TestCloud {
    let cloud = TestCloud::new(&Journal::off());
    let stores = cloud.cloud.stores();
    replay(&stores.iter().map(AsRef::as_ref).collect::<Vec<&dyn Persistent>>(), &backend.records()).unwrap();
    cloud
}

#[tokio::test]
async fn a_call_that_was_not_made_to_its_end_is_made_again_after_a_restart() {
    let backend = InMemory::new();
    let cloud = TestCloud::new(&Journal::to(backend.clone()));
    cloud.schedule(1, None, "done");
    assert_eq!(cloud.rung(5).await, ["done"]);
    cloud.schedule(5, Some("k"), "wait");
    cloud.schedule(5, Some("k2"), "cancelled");
    cloud.cloud.cancel(&ScheduleKey::of::<Ring>("k2"));
    let running = tokio::spawn({
        let cloud = cloud.cloud.clone();
        async move { cloud.settle().await }
    });
    tokio::task::yield_now().await;
    assert!(cloud.cloud.scheduler.is_running());

    let again = restarted(&backend);
    again.bells.gate.notify_one();
    assert_eq!(again.rung(5).await, ["wait"]);
    assert!(!again.cloud.cancel(&ScheduleKey::of::<Ring>("k")));
    running.abort();
}

#[tokio::test]
async fn a_call_goes_on_when_its_client_goes_away() {
    let cloud = TestCloud::new(&Journal::off());
    let scope = Scope::new(Account::default(), Region::new("us-east-1"));
    let call = Call::of::<Ring>(Caller::root(Account::default(), "aws", None), scope, Origin::default(), RingInput { text: "wait".into() });
    let mut performing = Box::pin(cloud.cloud.perform_to_end(call, "r".into(), EntryPoint::Gateway));
    assert!(futures_util::poll!(&mut performing).is_pending());
    drop(performing);
    cloud.bells.gate.notify_one();
    while cloud.bells.rung.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cloud.cloud.calls().len(), 1);
}
