//! S3 Control: jobs of S3 Batch Operations. Objects are changed by calls of S3 under the role of the job; this crate holds no objects.

mod jobs;
mod state;

use cloudlet_api_s3control as api;
use cloudlet_engine::{Dialect, Service};
use cloudlet_store::{Journal, Store};
use state::State;
use std::sync::Arc;

/// What the fuzz targets call.
#[doc(hidden)]
pub use jobs::fuzzing;

/// The engine.
pub struct S3Control {
    store: Arc<Store<State>>,
    /// Taken by who works on jobs: one call at a time.
    turn: tokio::sync::Mutex<()>,
}

impl S3Control {
    pub fn new(journal: &Journal) -> Arc<S3Control> {
        Arc::new(S3Control { store: Arc::new(Store::new("s3control", journal, State::default())), turn: tokio::sync::Mutex::default() })
    }

    /// The table of handlers.
    pub fn service(self: &Arc<Self>) -> Service {
        Service::of(&api::SERVICE, self.clone())
            .dialect(Dialect::S3_CONTROL)
            .store(self.store.clone())
            // batch operations
            .handles::<api::CreateJob>()
            .handles::<api::DescribeJob>()
            .handles::<api::ListJobs>()
            .handles::<api::UpdateJobPriority>()
            .handles::<api::UpdateJobStatus>()
            .handles::<api::PutJobTagging>()
            .handles::<api::GetJobTagging>()
            .handles::<api::DeleteJobTagging>()
            .handles::<jobs::RunJobs>()
            .handles::<jobs::ExpireJob>()
            .build()
    }
}
