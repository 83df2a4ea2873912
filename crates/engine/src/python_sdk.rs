//! Python code that runs in a worker has AWS's SDK: where its interpreter has none, that of another interpreter of the machine is seen.

use crate::{Language, WorkerOrder, WorkerValue, Workers};

/// The name and the text of the module that finds it, which a bootstrap imports before it runs anything.
pub const MODULE: (&str, &str) = ("cloudlet_sdk.py", include_str!("python_sdk/cloudlet_sdk.py"));

/// Shows a worker the SDK, if some interpreter has one.
pub fn show(workers: &dyn Workers, order: &mut WorkerOrder) {
    if let Some(sdk) = workers.sdk(Language::Python) {
        order.environment.push(("_CLOUDLET_SDK".to_owned(), WorkerValue::Within(order.folders.len(), "")));
        order.folders.push((sdk, "/var/lang/sdk"));
    }
}
