//! Security Token Service: who is calling, and whose key is this. One of the two faces of `cloudlet-identity`.
//! Deliberately no store of its own: sessions are identity's.

mod callers;
#[cfg(test)]
mod tests;

use cloudlet_api_sts::{GetAccessKeyInfo, GetCallerIdentity, SERVICE};
use cloudlet_engine::Service;
use std::sync::Arc;

pub struct Sts;

/// The table of contents: what this service handles.
pub fn service() -> Service {
    Service::of(&SERVICE, Arc::new(Sts)).handles::<GetCallerIdentity>().handles::<GetAccessKeyInfo>().build()
}
