//! What the handlers of the admin API share.

use cloudlet_aws::Region;
use cloudlet_cloud::Cloud;
use std::sync::Arc;

/// What the admin API shows and changes.
#[derive(Clone)]
pub struct Admin {
    pub cloud: Arc<Cloud>,
    pub version: &'static str,
    /// The CA's certificate, if the server speaks TLS.
    pub certificate: Option<Arc<str>>,
    /// The region of requests that name none.
    pub region: Region,
}
