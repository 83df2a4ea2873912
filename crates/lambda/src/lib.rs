//! AWS Lambda.
//!
//! A function has versions; `$LATEST` is the one that changes (`functions`, `versions`). Aliases name one or two of them. Code comes as an
//! archive (`archive`, `code`), and layers add to it (`layers`). Resource policies say who else may call (`policies`).
//! Code is run in environments (`environments`), which talk to the Runtime API (`runtime_api`); their processes are made by workers, whom
//! this crate knows as a trait. Asynchronous events are rows until they are over (`events`).

mod admission;
mod archive;
mod batches;
mod code;
mod code_keys;
mod code_signing;
mod concurrency;
mod configuration;
mod encryption;
mod environment;
mod environment_folders;
mod environment_start;
mod environments;
mod events;
mod extensions;
mod faults;
mod freezing;
mod function_changes;
mod function_deletion;
mod functions;
mod images;
mod invoke;
mod invoke_configs;
mod jobs;
mod layers;
mod limits;
mod links;
mod logs;
mod mappings;
mod names;
mod networks;
mod outcomes;
mod patterns;
mod pieces;
mod policies;
mod polling;
mod progress;
mod provisioned;
mod report;
mod resource_policies;
mod runs;
mod runtime_api;
mod runtime_updates;
mod runtimes;
mod scheduled;
mod sending;
mod state;
mod streaming;
mod subscribers;
mod subscriptions;
mod tag_rules;
mod tags;
mod telemetry;
mod traces;
mod unfinished;
mod url_answers;
mod url_calls;
mod url_events;
mod urls;
mod versions;

#[cfg(test)]
mod tests;

use admission::Running;
use cloudlet_api_lambda as api;
use cloudlet_engine::{Dialect, Service, Workers};
use cloudlet_shape::Protocol;
use cloudlet_store::{Blobs, Journal, Store};
use environments::Environments;
use links::Links;
use polling::Hands;
use state::State;
use std::sync::{Arc, Weak};

pub use unfinished::Unfinished;

pub struct Lambda {
    store: Arc<Store<State>>,
    blobs: Blobs,
    workers: Arc<dyn Workers>,
    links: Links,
    environments: Environments,
    running: Running,
    hands: Hands,
    options: Options,
    /// For what outlives a call.
    this: Weak<Lambda>,
}

/// What an operator may choose.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub url_permissions: UrlPermissions,
    /// Container images, and the endpoints that run them: `("orders", "http://orders:8080")`.
    pub images: Vec<(String, String)>,
    /// Folders of the machine below which code may be run where it lies.
    pub hot_reload: Vec<String>,
}

/// The permissions that callers of function URLs need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UrlPermissions {
    /// `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`.
    #[default]
    Both,
    /// `lambda:InvokeFunctionUrl` alone, as until October 2025.
    One,
}

impl Lambda {
    /// A function is gone.
    fn forget(&self, key: &state::FunctionKey) {
        self.environments.forget(key);
    }
}

/// For the fuzz target: reads an event pattern, and matches it against a document.
pub fn match_pattern(pattern: &str, document: &str) -> Option<bool> {
    let document = serde_json::from_str(document).ok()?;
    patterns::Pattern::parse(pattern).map(|pattern| pattern.matches(&document))
}

/// For the fuzz target: reads an archive as a request brings it.
pub fn read_archive(bytes: &[u8]) -> bool {
    archive::check(bytes).is_ok() && archive::unpack(bytes).is_ok()
}

/// For the fuzz target: reads what an extension asks of the Telemetry API, or of the Logs API.
pub fn read_subscription(bytes: &[u8]) -> bool {
    [subscriptions::Interface::Telemetry, subscriptions::Interface::Logs].iter().any(|interface| subscriptions::read(*interface, bytes).is_ok())
}

/// For the fuzz target: reads what a function answers to a request of its URL, as a whole and as the beginning of a stream.
pub fn read_answer(bytes: &[u8]) -> bool {
    url_answers::answer(bytes).is_ok() | url_answers::prelude(bytes).is_some()
}

/// The service. Its code is run by `workers`; `unfinished` counts what goes on after answers.
pub fn service(journal: &Journal, blobs: Blobs, workers: Arc<dyn Workers>, options: Options, unfinished: Arc<Unfinished>) -> Service {
    let store = Arc::new(Store::new("lambda", journal, State::default()));
    let engine = Arc::new_cyclic(|this: &Weak<Lambda>| Lambda {
        store: store.clone(),
        blobs,
        workers,
        links: Links::default(),
        environments: Environments::new(unfinished),
        running: Running::default(),
        hands: Hands::default(),
        options,
        this: this.clone(),
    });
    let dialect = Dialect { max_request: limits::REQUEST_BYTES, ..Dialect::of(Protocol::RestJson) };
    Service::of(&api::SERVICE, engine.clone())
        .dialect(dialect)
        .public_files(engine.clone())
        .http_endpoints(engine)
        .store(store)
        .handles::<scheduled::RunEvent>()
        .handles::<scheduled::PollQueue>()
        .handles::<scheduled::Provision>()
        .handles::<scheduled::InvokeUrl>()
        .handles::<scheduled::MaySend>()
        .handles::<api::Invoke>()
        .handles::<api::InvokeWithResponseStream>()
        .handles::<api::InvokeAsync>()
        // functions
        .handles::<api::CreateFunction>()
        .handles::<api::GetFunction>()
        .handles::<api::GetFunctionConfiguration>()
        .handles::<api::UpdateFunctionCode>()
        .handles::<api::UpdateFunctionConfiguration>()
        .handles::<api::DeleteFunction>()
        .handles::<api::ListFunctions>()
        // versions and aliases
        .handles::<api::PublishVersion>()
        .handles::<api::ListVersionsByFunction>()
        .handles::<api::CreateAlias>()
        .handles::<api::UpdateAlias>()
        .handles::<api::GetAlias>()
        .handles::<api::DeleteAlias>()
        .handles::<api::ListAliases>()
        // policies
        .handles::<api::AddPermission>()
        .handles::<api::RemovePermission>()
        .handles::<api::GetPolicy>()
        .handles::<api::PutResourcePolicy>()
        .handles::<api::GetResourcePolicy>()
        .handles::<api::DeleteResourcePolicy>()
        // layers
        .handles::<api::PublishLayerVersion>()
        .handles::<api::GetLayerVersion>()
        .handles::<api::GetLayerVersionByArn>()
        .handles::<api::DeleteLayerVersion>()
        .handles::<api::ListLayerVersions>()
        .handles::<api::ListLayers>()
        .handles::<api::AddLayerVersionPermission>()
        .handles::<api::RemoveLayerVersionPermission>()
        .handles::<api::GetLayerVersionPolicy>()
        // concurrency
        .handles::<api::PutFunctionConcurrency>()
        .handles::<api::GetFunctionConcurrency>()
        .handles::<api::DeleteFunctionConcurrency>()
        .handles::<api::PutProvisionedConcurrencyConfig>()
        .handles::<api::GetProvisionedConcurrencyConfig>()
        .handles::<api::DeleteProvisionedConcurrencyConfig>()
        .handles::<api::ListProvisionedConcurrencyConfigs>()
        .handles::<api::PutFunctionRecursionConfig>()
        .handles::<api::GetFunctionRecursionConfig>()
        .handles::<api::GetAccountSettings>()
        // code signing, and the versions of runtimes
        .handles::<api::CreateCodeSigningConfig>()
        .handles::<api::GetCodeSigningConfig>()
        .handles::<api::UpdateCodeSigningConfig>()
        .handles::<api::DeleteCodeSigningConfig>()
        .handles::<api::ListCodeSigningConfigs>()
        .handles::<api::ListFunctionsByCodeSigningConfig>()
        .handles::<api::PutFunctionCodeSigningConfig>()
        .handles::<api::GetFunctionCodeSigningConfig>()
        .handles::<api::DeleteFunctionCodeSigningConfig>()
        .handles::<api::PutRuntimeManagementConfig>()
        .handles::<api::GetRuntimeManagementConfig>()
        // URLs and asynchronous events
        .handles::<api::CreateFunctionUrlConfig>()
        .handles::<api::GetFunctionUrlConfig>()
        .handles::<api::UpdateFunctionUrlConfig>()
        .handles::<api::DeleteFunctionUrlConfig>()
        .handles::<api::ListFunctionUrlConfigs>()
        .handles::<api::PutFunctionEventInvokeConfig>()
        .handles::<api::GetFunctionEventInvokeConfig>()
        .handles::<api::UpdateFunctionEventInvokeConfig>()
        .handles::<api::DeleteFunctionEventInvokeConfig>()
        .handles::<api::ListFunctionEventInvokeConfigs>()
        // event source mappings
        .handles::<api::CreateEventSourceMapping>()
        .handles::<api::GetEventSourceMapping>()
        .handles::<api::UpdateEventSourceMapping>()
        .handles::<api::DeleteEventSourceMapping>()
        .handles::<api::ListEventSourceMappings>()
        // tags
        .handles::<api::TagResource>()
        .handles::<api::UntagResource>()
        .handles::<api::ListTags>()
        .build()
}
