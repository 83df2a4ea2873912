//! Keys of machines outside of AWS: such a machine signs with a private key of its own, and the service that registered it knows the public one.

use cloudlet_aws::Caller;
use std::sync::Arc;

/// Whether a signature, as it stands in the request, is one of a text.
pub type Signs = dyn Fn(&[u8], &str) -> bool + Send + Sync;

/// A public key, and whose it is.
#[derive(Clone)]
pub struct MachineKey {
    pub caller: Caller,
    pub signs: Arc<Signs>,
}

pub trait MachineKeys: Send + Sync {
    /// The key of the machine that signs under this id. Most ids are those of access keys: it must be quick to say so.
    fn find(&self, id: &str) -> Option<MachineKey>;
}
