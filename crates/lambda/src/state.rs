//! The tables.

use bytes::Bytes;
use cloudlet_api_lambda::{Cors, DestinationConfig, FunctionConfiguration};
use cloudlet_aws::{Account, Arn, Region, Scope, Timestamp};
use cloudlet_engine::{StoredPolicy, StoredShape};
use cloudlet_shape::Map;
use cloudlet_store::{Blob, Row, Table, as_secret, tables};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Default)]
pub struct State {
    pub functions: Table<FunctionKey, Arc<Function>>,
    /// The versions of a function by their numbers. 0 is `$LATEST`.
    pub versions: Table<(FunctionKey, u64), Arc<Version>>,
    pub aliases: Table<(FunctionKey, String), Arc<Alias>>,
    /// By function, and version or alias; that of the function itself under an empty qualifier.
    pub policies: Table<(FunctionKey, String), Arc<Policy>>,
    pub urls: Table<(FunctionKey, String), Arc<Url>>,
    pub invoke_configs: Table<(FunctionKey, String), Arc<InvokeConfig>>,
    /// The versions of a layer by their numbers.
    pub layers: Table<(FunctionKey, u64), Arc<LayerVersion>>,
    /// The number of a layer's last version, which may be deleted.
    pub layer_numbers: Table<FunctionKey, u64>,
    /// Versions of layers that were deleted while functions have them.
    pub deleted_layers: Table<(FunctionKey, u64), Arc<LayerVersion>>,
    /// Asynchronous events that are not over, by the ids of their requests.
    pub events: Table<String, Arc<QueuedEvent>>,
    /// Event source mappings, by their ids.
    pub mappings: Table<String, Arc<Mapping>>,
    /// By function, and version or alias.
    pub provisioned: Table<(FunctionKey, String), Arc<Provisioned>>,
    /// By account, region and id.
    pub signing_configs: Table<FunctionKey, Arc<SigningConfig>>,
}
tables!(State {
    functions,
    versions,
    aliases,
    policies,
    urls,
    invoke_configs,
    layers,
    layer_numbers,
    deleted_layers,
    events,
    mappings,
    provisioned,
    signing_configs
});

impl State {
    /// The versions of a function, `$LATEST` first.
    pub fn versions_of(&self, key: &FunctionKey) -> impl Iterator<Item = (u64, &Arc<Version>)> {
        self.versions.range((key.clone(), 0)..=(key.clone(), u64::MAX)).map(|((_, number), version)| (*number, version))
    }

    pub fn aliases_of(&self, key: &FunctionKey) -> impl Iterator<Item = (&str, &Arc<Alias>)> {
        rows_of(&self.aliases, key)
    }

    /// The functions of an account and region.
    pub fn functions_of(&self, scope: &Scope) -> impl Iterator<Item = (&FunctionKey, &Arc<Function>)> {
        let first = FunctionKey::new(scope, "");
        let scope = scope.clone();
        self.functions.range(first..).take_while(move |(key, _)| key.is_in(&scope))
    }
}

/// The rows of a function in a table whose key has a qualifier.
pub fn rows_of<'t, V: Row>(table: &'t Table<(FunctionKey, String), V>, key: &FunctionKey) -> impl Iterator<Item = (&'t str, &'t V)> {
    let of = key.clone();
    table.range((key.clone(), String::new())..).take_while(move |((key, _), _)| *key == of).map(|((_, name), row)| (name.as_str(), row))
}

/// A function or a layer, in its account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FunctionKey {
    pub account: Account,
    pub region: Region,
    pub name: Arc<str>,
}

impl FunctionKey {
    pub fn new(scope: &Scope, name: &str) -> FunctionKey {
        FunctionKey { account: scope.account, region: scope.region.clone(), name: name.into() }
    }

    pub fn scope(&self) -> Scope {
        Scope::new(self.account, self.region.clone())
    }

    pub fn is_in(&self, scope: &Scope) -> bool {
        self.account == scope.account && self.region == scope.region
    }

    pub fn arn(&self) -> Arn {
        Arn::new("lambda", &self.scope(), &format!("function:{}", self.name))
    }

    pub fn qualified_arn(&self, qualifier: &str) -> Arn {
        Arn::new("lambda", &self.scope(), &format!("function:{}:{qualifier}", self.name))
    }

    pub fn layer_arn(&self) -> Arn {
        Arn::new("lambda", &self.scope(), &format!("layer:{}", self.name))
    }

    pub fn layer_version_arn(&self, version: u64) -> Arn {
        Arn::new("lambda", &self.scope(), &format!("layer:{}:{version}", self.name))
    }
}

/// What belongs to a function as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Tells a function from an earlier one of its name.
    pub id: String,
    /// The number of the last version, which may be deleted.
    pub last_version: u64,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<i32>,
    #[serde(default)]
    pub recursion: Recursion,
    /// The ARN of its code signing configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<String>,
    /// How the runtime of each version is kept up to date, by the version's number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runtime_updates: BTreeMap<u64, RuntimeUpdates>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeUpdates {
    pub on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Who may sign code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningConfig {
    pub description: String,
    pub publishers: Vec<String>,
    /// What becomes of code that none of them has signed.
    pub untrusted: String,
    pub modified: Timestamp,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
}

/// Environments that are kept ready for a version or an alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provisioned {
    pub requested: i32,
    pub modified: Timestamp,
    pub status: ProvisionedStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProvisionedStatus {
    InProgress,
    Ready,
    Failed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recursion {
    #[default]
    Terminate,
    Allow,
}

/// A version, or `$LATEST`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Without what follows from the key, and without the environment.
    pub configuration: StoredShape<FunctionConfiguration>,
    #[serde(default, serialize_with = "as_secret")]
    pub environment: Option<Map<String>>,
    /// The environment in place of that, where the function has a key of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    pub code: Blob,
    /// The key that the code is under, where its owner has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_key: Option<CodeKey>,
    /// Bytes of the code when it is unpacked.
    pub unpacked: u64,
    /// The folder of the machine that the code is in, in place of an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mounted: Option<String>,
    /// The container image that the code is in, in place of an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Of `$LATEST`: the version that was made of it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<u64>,
}

/// Variables that KMS has encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    #[serde(with = "cloudlet_store::as_base64")]
    pub ciphertext: Bytes,
}

/// A key of KMS, and a data key under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeKey {
    pub arn: String,
    #[serde(with = "cloudlet_store::as_base64")]
    pub data_key: Bytes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub version: u64,
    pub description: String,
    /// Another version and its share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<(u64, f64)>,
    pub revision: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub policy: StoredPolicy,
    pub revision: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Url {
    pub id: String,
    pub auth_type: String,
    pub invoke_mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<StoredShape<Cors>>,
    pub created: Timestamp,
    pub modified: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InvokeConfig {
    pub modified: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destinations: Option<StoredShape<DestinationConfig>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerVersion {
    pub description: String,
    pub created: Timestamp,
    pub sha256: String,
    pub code: Blob,
    /// Bytes of the code when it is unpacked.
    pub unpacked: u64,
    #[serde(default)]
    pub architectures: Option<Vec<String>>,
    #[serde(default)]
    pub runtimes: Option<Vec<String>>,
    #[serde(default)]
    pub license: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Arc<Policy>>,
}

/// An asynchronous event that waits for its function, or for the function to be tried again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueuedEvent {
    pub function: FunctionKey,
    /// As the request had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    #[serde(with = "cloudlet_store::as_base64")]
    pub payload: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    pub queued: Timestamp,
    /// How often the function was run with it.
    #[serde(default)]
    pub runs: i32,
    /// How often it could not be run, for want of concurrency.
    #[serde(default)]
    pub throttled: u32,
}

/// An event source mapping: a queue whose messages go to a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub function: FunctionKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    pub source: String,
    pub batch: i32,
    pub window: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Whether the function reports single messages that it has not handled.
    pub partial: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<i32>,
    pub enabled: bool,
    pub modified: Timestamp,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String>,
}
