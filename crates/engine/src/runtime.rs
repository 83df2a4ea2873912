//! What all engines share: one clock, one source of ids, the dispatcher, and the HTTP client.

use crate::{Clock, Dispatcher, HttpClient, Ids};
use cloudlet_aws::Fault;
use std::sync::{Arc, OnceLock, Weak};

#[derive(Default)]
pub struct Runtime {
    pub clock: Clock,
    pub ids: Ids,
    dispatcher: OnceLock<Weak<dyn Dispatcher>>,
    http_client: OnceLock<Arc<dyn HttpClient>>,
    address: OnceLock<Arc<str>>,
}

impl Runtime {
    pub fn new(clock: Clock, ids: Ids) -> Runtime {
        Runtime { clock, ids, ..Runtime::default() }
    }

    /// Set once, when the cloud is built.
    pub fn set_dispatcher(&self, dispatcher: Weak<dyn Dispatcher>) {
        let _ = self.dispatcher.set(dispatcher);
    }

    /// Set once. Without an HTTP client every request to an endpoint fails as unreachable.
    pub fn set_http_client(&self, http_client: Arc<dyn HttpClient>) {
        let _ = self.http_client.set(http_client);
    }

    /// The server's address (`http://localhost:4566`), for URLs in messages that follow from no request. Set once.
    pub fn set_address(&self, address: impl Into<Arc<str>>) {
        let _ = self.address.set(address.into());
    }

    pub(crate) fn dispatcher(&self) -> Result<Arc<dyn Dispatcher>, Fault> {
        self.dispatcher.get().and_then(Weak::upgrade).ok_or_else(|| Fault::internal("the cloud is gone"))
    }

    pub(crate) fn http_client(&self) -> Option<&Arc<dyn HttpClient>> {
        self.http_client.get()
    }

    pub(crate) fn address(&self) -> Option<&str> {
        self.address.get().map(AsRef::as_ref)
    }
}
