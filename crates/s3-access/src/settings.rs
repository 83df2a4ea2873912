//! What the control plane of S3 sets and S3 decides by: Block Public Access of accounts, and access points.

use crate::{PublicAccessBlock, ResourcePolicy};
use cloudlet_aws::{Account, Region, Timestamp};
use cloudlet_store::{Journal, Persistent, Store, Table, tables};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Default)]
pub struct Settings {
    pub blocks: Table<Account, PublicAccessBlock>,
    pub access_points: Table<AccessPointKey, Arc<AccessPoint>>,
    /// The access points by their aliases.
    pub aliases: Table<Arc<str>, AccessPointKey>,
}
tables!(Settings { blocks, access_points, aliases });

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccessPointKey {
    pub account: Account,
    pub region: Region,
    pub name: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessPoint {
    pub bucket: Arc<str>,
    pub bucket_account: Account,
    pub alias: Arc<str>,
    pub origin: NetworkOrigin,
    pub block: PublicAccessBlock,
    pub created: Timestamp,
    pub policy: Option<ResourcePolicy>,
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkOrigin {
    Internet,
    /// Only requests from this VPC.
    Vpc(String),
}

/// Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct AccessSettings(Arc<Store<Settings>>);

impl AccessSettings {
    pub fn new(journal: &Journal) -> AccessSettings {
        AccessSettings(Arc::new(Store::new("s3/access", journal, Settings::default())))
    }

    pub fn read<R>(&self, look: impl FnOnce(&Settings) -> R) -> R {
        self.0.read(look)
    }

    pub fn write<R, E>(&self, change: impl FnOnce(&mut Settings) -> Result<R, E>) -> Result<R, E> {
        self.0.write(change)
    }

    pub fn store(&self) -> Arc<dyn Persistent> {
        self.0.clone()
    }

    /// Block Public Access of an account; nothing is blocked where it has none.
    pub fn block_of(&self, account: Account) -> PublicAccessBlock {
        self.read(|settings| settings.blocks.get(&account).copied().unwrap_or_default())
    }
}
