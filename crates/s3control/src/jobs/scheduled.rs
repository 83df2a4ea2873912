//! The operations that only the scheduler calls. They are in no model, so no request is recognized as one of them.

pub use own::{ExpireJob, RunJobs};

use cloudlet_shape::Shape;

#[derive(Shape, Clone, Default)]
pub struct JobsInput {}

#[derive(Shape, Clone, Default)]
pub struct JobInput {
    pub job_id: String,
}

mod own {
    use super::{JobInput, JobsInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_s3control::SERVICE;
        RunJobs(JobsInput) -> Empty {}
        ExpireJob(JobInput) -> Empty {}
    }
}
