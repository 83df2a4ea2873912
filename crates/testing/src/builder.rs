//! What a test's cloud is made of.

use crate::START;
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Observer, Service};
use cloudlet_identity::{Identity, Partners};
use cloudlet_mailbox::Mailbox;
use cloudlet_store::{Backend, Blobs, InMemory, Journal, Record};
use std::{path::PathBuf, sync::Arc};

/// What services are made from.
pub struct Parts {
    pub journal: Journal,
    pub blobs: Blobs,
    pub identity: Identity,
    pub mailbox: Arc<Mailbox>,
}

type Make<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

/// Collects the parts of a `TestCloud`. Services are given as functions, since a restart makes them again.
pub struct Builder<E = ()> {
    pub(crate) engine: Make<(E, Option<Service>)>,
    pub(crate) setup: Setup,
}

/// All of a builder but the engine under test.
#[derive(Clone)]
pub(crate) struct Setup {
    pub account: Account,
    pub region: Region,
    pub services: Vec<Make<Service>>,
    pub mode: Mode,
    pub calls: usize,
    pub start: Timestamp,
    pub seed: u64,
    pub partners: Arc<Partners>,
    pub observers: Vec<Arc<dyn Observer>>,
    pub backend: Option<Arc<InMemory>>,
    /// Of a cloud without a folder: those of a restart are the same.
    pub blobs: Blobs,
    pub folder: Option<PathBuf>,
}

impl<E> Clone for Builder<E> {
    fn clone(&self) -> Self {
        Builder { engine: self.engine.clone(), setup: self.setup.clone() }
    }
}

impl Default for Builder {
    fn default() -> Self {
        let setup = Setup {
            account: Account::default(),
            region: Region::new("us-east-1"),
            services: vec![],
            mode: Mode::Enforce,
            calls: 1_000,
            start: START,
            seed: 1,
            partners: Arc::default(),
            observers: vec![],
            backend: None,
            blobs: Blobs::memory(),
            folder: None,
        };
        Builder { engine: Arc::new(|_| ((), None)), setup }
    }
}

impl Builder {
    /// The engine under test, which the cloud shows as `engine`.
    #[must_use]
    pub fn engine<E>(self, make: impl Fn(&Parts) -> (E, Service) + Send + Sync + 'static) -> Builder<E> {
        let engine: Make<(E, Option<Service>)> = Arc::new(move |parts| {
            let (engine, service) = make(parts);
            (engine, Some(service))
        });
        Builder { engine, setup: self.setup }
    }
}

impl<E> Builder<E> {
    /// One more service.
    #[must_use]
    pub fn service(mut self, make: impl Fn(&Parts) -> Service + Send + Sync + 'static) -> Self {
        self.setup.services.push(Arc::new(make));
        self
    }

    /// As the tests about principals have it: their account, a clock at a whole second, ids of their own.
    #[must_use]
    pub fn for_principals(self) -> Self {
        self.account(crate::account()).start(Timestamp::from_secs(1_800_000_000)).seed(7)
    }

    /// The account of `call`, and of the root key.
    #[must_use]
    pub fn account(mut self, account: Account) -> Self {
        self.setup.account = account;
        self
    }

    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.setup.region = Region::new(region);
        self
    }

    /// Where the clock starts.
    #[must_use]
    pub fn start(mut self, start: Timestamp) -> Self {
        self.setup.start = start;
        self
    }

    /// The seed of all ids.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.setup.seed = seed;
        self
    }

    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.setup.mode = mode;
        self
    }

    /// How many calls the log remembers.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.setup.calls = calls;
        self
    }

    #[must_use]
    pub fn partners(mut self, partners: Partners) -> Self {
        self.setup.partners = Arc::new(partners);
        self
    }

    /// Somebody who is told of calls and events.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.setup.observers.push(observer);
        self
    }

    /// With a journal, from which `restart` reads.
    #[must_use]
    pub fn journaled(mut self) -> Self {
        self.setup.backend = Some(InMemory::new());
        self
    }

    /// With a data folder, from which `reopen` reads.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.setup.folder = Some(folder.into());
        self
    }

    pub(crate) fn backend(&self) -> Option<&Arc<InMemory>> {
        self.setup.backend.as_ref()
    }

    /// The same, with the clock at another time.
    pub(crate) fn started(mut self, now: Timestamp) -> Self {
        self.setup.start = now;
        self
    }

    /// The same, started later with a copy of the journal. Ids go on and do not start anew.
    pub(crate) fn restarted(mut self, now: Timestamp, records: &[Record]) -> Self {
        self.setup.start = now;
        self.setup.seed = self.setup.seed.wrapping_add(1);
        let backend = InMemory::new();
        backend.commit(records).expect("memory takes every record");
        self.setup.backend = Some(backend);
        self
    }
}
