//! Vended logs: what a service writes into a customer's log group, for which the customer needs `logs:CreateLogDelivery` and not `logs:PutLogEvents`.
//! The operation is AWS's own and in no model: a service calls it as a session of the role that it was given.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html>

pub use own::DeliverLogs;

use cloudlet_api_logs::InputLogEvent;
use cloudlet_shape::{Access, Shape};

/// What it needs to be allowed, on no resource.
const ACCESS: Access = Access { action: "logs:CreateLogDelivery", resources: &[], keys: &[] };

#[derive(Shape, Clone, Default)]
pub struct DeliverLogsInput {
    /// The ARN of the group, with `:*` or without.
    pub log_group: String,
    /// It is made if it is not there.
    pub log_stream: String,
    /// In the order of their times. None: whether the group may be written is tried.
    pub events: Vec<InputLogEvent>,
}

mod own {
    use super::{ACCESS, DeliverLogsInput};
    use cloudlet_shape::{Empty, operations};

    operations! { cloudlet_api_logs::SERVICE;
        DeliverLogs(DeliverLogsInput) -> Empty {
            access: &[ACCESS],
        }
    }
}
