//! How far a check of DNS has come.

/// How far a check has come. The first API's `Success` is the second's `SUCCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    NotStarted,
    Pending,
    Success,
    Failed,
}

impl Status {
    pub fn v1(self) -> String {
        match self {
            Status::NotStarted => "NotStarted",
            Status::Pending => "Pending",
            Status::Success => "Success",
            Status::Failed => "Failed",
        }
        .to_owned()
    }

    pub fn v2(self) -> String {
        match self {
            Status::NotStarted => "NOT_STARTED",
            Status::Pending => "PENDING",
            Status::Success => "SUCCESS",
            Status::Failed => "FAILED",
        }
        .to_owned()
    }
}
