//! A cloud as a test sees it.

use crate::{Builder, Endpoints, Parts, root};
use cloudlet_aws::{Account, Caller, Fault, Scope, Timestamp};
use cloudlet_cloud::{Cloud, EntryPoint, Settings};
use cloudlet_engine::{Call, Clock, Ids, Origin, Runtime};
use cloudlet_identity::{Identity, Root, Secret};
use cloudlet_mailbox::{Mail, MailFilter, Mailbox, MailboxLimits};
use cloudlet_shape::Operation;
use cloudlet_store::{DataFolder, DataFolderOptions, Journal, Record, replay, select};
use std::{borrow::Borrow, ops::Deref, sync::Arc, time::Duration};

/// Services in memory, with a stopped clock. What is not here, the `Cloud` has: it is dereferenced to.
pub struct TestCloud<E = ()> {
    pub cloud: Arc<Cloud>,
    /// The engine under test.
    pub engine: E,
    pub endpoints: Arc<Endpoints>,
    pub(crate) folder: Option<DataFolder>,
    pub(crate) builder: Builder<E>,
}

impl<E> Deref for TestCloud<E> {
    type Target = Cloud;

    fn deref(&self) -> &Cloud {
        &self.cloud
    }
}

/// Who makes a call, where, and how it came. `TestCloud::request` gives the usual one.
#[derive(Clone)]
pub struct Request {
    pub caller: Caller,
    pub scope: Scope,
    pub origin: Origin,
}

/// An answer with its status and headers, where they differ from the model's.
pub struct Answer<T> {
    pub output: T,
    pub status: Option<u16>,
    pub headers: Vec<(&'static str, String)>,
}

impl TestCloud {
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<E> Builder<E> {
    pub fn build(self) -> TestCloud<E> {
        let setup = &self.setup;
        let open = |folder| DataFolder::open(folder, &DataFolderOptions::default(), || [1; 32]).expect("a data folder");
        let folder = setup.folder.as_deref().map(open);
        let journal = match (&folder, &setup.backend) {
            (Some(folder), _) => folder.journal().clone(),
            (None, Some(backend)) => Journal::to(backend.clone()),
            (None, None) => Journal::off(),
        };
        let root = Root { account: setup.account, partition: "aws", access_key: "test".into(), secret: Secret::new("test") };
        let blobs = folder.as_ref().map_or_else(|| setup.blobs.clone(), |folder| folder.blobs().clone());
        let parts = Parts {
            identity: Identity::with_partners(root, &journal, setup.partners.clone()),
            mailbox: Arc::new(Mailbox::new(&journal, blobs.clone(), MailboxLimits::default())),
            blobs,
            journal,
        };
        let (engine, own) = (self.engine)(&parts);
        let services = own.into_iter().chain(setup.services.iter().map(|make| make(&parts))).collect();
        let ids = folder.as_ref().map_or_else(|| Ids::seeded(setup.seed), |folder| Ids::seeded_at_start(setup.seed, folder.starts()));
        let runtime = Runtime::new(Clock::stopped_at(setup.start), ids);
        let endpoints = Arc::new(Endpoints::default());
        runtime.set_http_client(endpoints.clone());
        let settings = Settings {
            mode: setup.mode,
            call_log: setup.calls,
            journal: parts.journal,
            blobs: parts.blobs,
            mailbox: parts.mailbox,
            observers: setup.observers.clone(),
        };
        let cloud = Cloud::new(runtime, parts.identity, services, settings);
        if let Some(folder) = &folder {
            let known = cloud.recover(folder).expect("a readable folder");
            let swept = folder.sweep(&known).expect("a folder to sweep");
            assert_eq!(swept.missing, [], "bodies that rows name");
        }
        TestCloud { cloud, engine, endpoints, folder, builder: self }
    }
}

impl<E> TestCloud<E> {
    /// The root user of the test's account.
    pub fn root(&self) -> Caller {
        root(self.account())
    }

    pub fn account(&self) -> Account {
        self.builder.setup.account
    }

    pub fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    /// A request of a caller in the region of the test and the caller's own account, or the test's where the caller has none.
    pub fn request(&self, caller: &Caller) -> Request {
        let setup = &self.builder.setup;
        let origin = Origin { endpoint: Some("http://localhost:4566".into()), ..Origin::default() };
        Request { caller: caller.clone(), scope: Scope::new(caller.account.unwrap_or(setup.account), setup.region.clone()), origin }
    }

    /// As root of the account.
    pub async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        self.call_as::<O>(self.root(), input).await
    }

    pub async fn call_as<O: Operation>(&self, caller: impl Borrow<Caller>, input: O::Input) -> Result<O::Output, Fault> {
        self.answer::<O>(self.request(caller.borrow()), input).await.map(|answer| answer.output)
    }

    /// As root of the account, and it must succeed.
    pub async fn ok<O: Operation>(&self, input: O::Input) -> O::Output {
        match self.call::<O>(input).await {
            Ok(output) => output,
            Err(fault) => panic!("{}: {fault:?}", O::SCHEMA.name),
        }
    }

    /// As root of the account, and it must fail.
    pub async fn expect_fault<O: Operation>(&self, input: O::Input) -> Fault {
        self.expect_fault_as::<O>(self.root(), input).await
    }

    pub async fn expect_fault_as<O: Operation>(&self, caller: impl Borrow<Caller>, input: O::Input) -> Fault {
        match self.call_as::<O>(caller, input).await {
            Ok(_) => panic!("{} succeeded", O::SCHEMA.name),
            Err(fault) => fault,
        }
    }

    /// A call of any origin, with all that its answer has.
    pub async fn answer<O: Operation>(&self, request: Request, input: O::Input) -> Result<Answer<O::Output>, Fault> {
        let call = Call::of::<O>(request.caller, request.scope, request.origin, input);
        let performed = self.cloud.perform(call, "REQUEST".into(), EntryPoint::Gateway).await;
        match performed.answer?.into_any().downcast::<O::Output>() {
            Ok(output) => Ok(Answer { output: *output, status: performed.status, headers: performed.headers }),
            Err(_) => panic!("{} answers another operation's output", O::SCHEMA.name),
        }
    }

    /// Moves the clock and does what is due then.
    pub async fn pass(&self, seconds: u64) {
        self.advance(seconds);
        self.settle().await;
    }

    /// Moves the clock and does nothing: what merely depends on time must be right even so.
    pub fn advance(&self, seconds: u64) {
        self.advance_millis(seconds * 1_000);
    }

    pub fn advance_millis(&self, millis: u64) {
        self.runtime.clock.advance(Duration::from_millis(millis));
    }

    /// All mail, the newest first.
    pub fn mail(&self) -> Vec<Arc<Mail>> {
        self.mailbox.list(&MailFilter::default(), 100).into_iter().map(|(_, mail)| mail).collect()
    }

    /// The records of the journal so far. The builder must have said `journaled`.
    pub fn records(&self) -> Vec<Record> {
        self.builder.backend().expect("a cloud with a journal").records()
    }

    /// Every row of every store.
    pub fn state(&self) -> Vec<Record> {
        self.stores().iter().flat_map(|store| select(store.as_ref(), &|_| true)).collect()
    }

    /// Stops, and starts again with the same data folder, at the same time. Nothing else may hold the cloud or its engine.
    pub fn reopen(self) -> TestCloud<E> {
        let TestCloud { cloud, engine, folder, builder, .. } = self;
        let now = cloud.runtime.clock.now();
        assert!(folder.is_some(), "the builder must have said `in_folder`");
        drop((cloud, engine, folder));
        builder.started(now).build()
    }

    /// The cloud that a restart makes of the journal, at the same time. It goes on with a copy: both clouds can be used.
    pub fn restart(&self) -> TestCloud<E> {
        let records = self.records();
        let restarted = self.builder.clone().restarted(self.now(), &records).build();
        let stores = restarted.stores();
        let stores: Vec<_> = stores.iter().map(AsRef::as_ref).collect();
        match replay(&stores, &records) {
            Ok(()) => restarted,
            Err(unreadable) => panic!("the journal cannot be replayed: {unreadable}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{TestCloud, other_account, service, user};
    use cloudlet_api_sts::{GetCallerIdentity, GetCallerIdentityRequest, GetCallerIdentityResponse, SERVICE};
    use cloudlet_aws::{Account, Fault, FaultKind, Timestamp};
    use cloudlet_engine::{Cx, Handle, HttpRequest, Permission, Permissions, Service};
    use cloudlet_mailbox::{Channel, Mail, Mailbox};
    use std::{sync::Arc, time::Duration};

    const FORBIDDEN: FaultKind = FaultKind::sender("Forbidden", 403);

    /// Answers who calls, writes a mail of it, and schedules the same for ten seconds later.
    struct Sts(Arc<Mailbox>);

    impl Handle<GetCallerIdentity> for Sts {
        fn permissions(&self, _: &Cx, _: &GetCallerIdentityRequest) -> Result<Permissions, Fault> {
            Ok(Permission::none())
        }

        async fn handle(&self, cx: &Cx, _: GetCallerIdentityRequest) -> Result<GetCallerIdentityResponse, Fault> {
            if &*cx.caller.arn == "arn:aws:iam::123456789012:user/sender" {
                let to = "http://localhost/".to_owned();
                let request = HttpRequest { method: "GET", to, headers: vec![], body: "".into(), timeout: Duration::from_secs(1) };
                return Err(FORBIDDEN.says(cx.send(request).await.unwrap().status.to_string()));
            }
            self.0.put(Mail { body: cx.caller.arn.to_string(), ..Mail::new(cx.now, Channel::Email, "sts") });
            if cx.caller.account.is_some() {
                let source = "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap();
                cx.schedule::<GetCallerIdentity>(cx.now.plus_secs(10), "sqs.amazonaws.com", source, cx.scope.clone(), GetCallerIdentityRequest {})?;
            }
            let account = cx.scope.account.to_string();
            Ok(GetCallerIdentityResponse { account: Some(account), arn: Some(cx.caller.arn.to_string()), user_id: Some(cx.ids().uuid()) })
        }
    }

    fn cloud() -> TestCloud<Arc<Sts>> {
        let builder = TestCloud::builder().engine(|parts| {
            let sts = Arc::new(Sts(parts.mailbox.clone()));
            (sts.clone(), Service::of(&SERVICE, sts).handles::<GetCallerIdentity>().build())
        });
        builder.account(Account::parse("123456789012").unwrap()).start(Timestamp(1_000)).journaled().build()
    }

    #[tokio::test]
    async fn calls_are_made_as_anybody() {
        let cloud = cloud();
        let root = cloud.ok::<GetCallerIdentity>(GetCallerIdentityRequest {}).await;
        assert_eq!((root.account.as_deref(), root.arn.as_deref()), (Some("123456789012"), Some("arn:aws:iam::123456789012:root")));
        let queue = service("sqs.amazonaws.com", "arn:aws:sqs:us-east-1:111111111111:q");
        for (caller, arn) in [
            (user(cloud.account(), "bob"), "arn:aws:iam::123456789012:user/bob"),
            (other_account(), "arn:aws:iam::111111111111:root"),
            (queue, "sqs.amazonaws.com"),
        ] {
            let who = cloud.call_as::<GetCallerIdentity>(&caller, GetCallerIdentityRequest {}).await.unwrap();
            assert_eq!(who.arn.as_deref(), Some(arn));
        }
    }

    #[tokio::test]
    async fn endpoints_answer_what_the_test_says() {
        let cloud = cloud();
        cloud.endpoints.will_answer([Ok(404)]);
        let fault = cloud.expect_fault_as::<GetCallerIdentity>(&user(cloud.account(), "sender"), GetCallerIdentityRequest {}).await;
        assert_eq!((fault.code(), fault.message()), ("Forbidden", "404"));
        assert_eq!(cloud.endpoints.take_requests().len(), 1);
    }

    #[tokio::test]
    async fn a_restart_brings_mail_and_scheduled_calls_back_and_no_id_twice() {
        let cloud = cloud();
        let first = cloud.ok::<GetCallerIdentity>(GetCallerIdentityRequest {}).await.user_id;
        let restarted = cloud.restart();
        assert_eq!(restarted.now(), cloud.now());
        restarted.pass(9).await;
        assert_eq!(restarted.mail().len(), 1);
        restarted.pass(1).await;
        assert_eq!(restarted.mail().len(), 2);
        assert_ne!(restarted.ok::<GetCallerIdentity>(GetCallerIdentityRequest {}).await.user_id, first);
        assert_eq!(restarted.restart().mail().len(), 3, "the journal goes on");
    }
}
