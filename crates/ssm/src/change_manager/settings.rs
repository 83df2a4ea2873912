//! The settings of Change Manager. AWS has them in its console alone; here they are service settings below `/cloudlet/ssm/change-manager/`.

use crate::state::State;
use cloudlet_aws::Scope;

pub const REQUIRE_TEMPLATE_APPROVAL: &str = "/cloudlet/ssm/change-manager/require-template-approval";
/// Names or ARNs of users, groups and roles, parted by commas. `None`: whoever IAM lets.
pub const TEMPLATE_REVIEWERS: &str = "/cloudlet/ssm/change-manager/template-reviewers";
/// Whose templates are approved as they are made.
pub const TEMPLATE_APPROVAL_BYPASS: &str = "/cloudlet/ssm/change-manager/template-approval-bypass";
pub const TEMPLATE_TOPIC: &str = "/cloudlet/ssm/change-manager/template-notification-topic";
/// The name or ARN of a change calendar.
pub const CALENDAR: &str = "/cloudlet/ssm/change-manager/calendar";
pub const CALENDAR_APPROVERS: &str = "/cloudlet/ssm/change-manager/calendar-approvers";
pub const CALENDAR_TOPIC: &str = "/cloudlet/ssm/change-manager/calendar-notification-topic";

/// A setting that is not set.
pub const NONE: &str = "None";

pub fn text(state: &State, scope: &Scope, id: &str) -> Option<String> {
    let value = state.settings.get(&(scope.clone(), id.to_owned())).map(|setting| setting.value.trim().to_owned());
    value.filter(|value| !value.is_empty() && value != NONE)
}

pub fn list(state: &State, scope: &Scope, id: &str) -> Vec<String> {
    let value = text(state, scope, id).unwrap_or_default();
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// AWS: a template is approved before it is used, unless the option is turned off.
pub fn requires_template_approval(state: &State, scope: &Scope) -> bool {
    text(state, scope, REQUIRE_TEMPLATE_APPROVAL).as_deref() != Some("false")
}
