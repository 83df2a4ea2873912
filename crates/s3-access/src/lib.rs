//! What S3 and its control plane share about access: policies of buckets and access points, AWS's definition of "public", Block Public
//! Access, and the settings of accounts. The control plane writes those settings, and S3 decides by them.

mod actions;
mod block;
mod canonical;
mod policy;
mod public;
mod settings;

pub use block::PublicAccessBlock;
pub use canonical::canonical_id;
pub use policy::{InvalidPolicy, ResourcePolicy, Target};
pub use public::is_public;
pub use settings::{AccessPoint, AccessPointKey, AccessSettings, NetworkOrigin, Settings};
