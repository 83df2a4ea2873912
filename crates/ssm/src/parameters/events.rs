//! The events that Parameter Store emits: a parameter has changed, a policy was applied.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html>

use super::{
    names::{ParameterKey, Reference},
    parameter::{DataType, Parameter},
    policies::ParameterPolicy,
    put::Draft,
};
use crate::state::State;
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, ServiceEvent};
use serde_json::{Value, json};

const SOURCE: &str = "aws.ssm";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Create,
    Update,
    Delete,
    LabelParameterVersion,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Change::Create => "Create",
            Change::Update => "Update",
            Change::Delete => "Delete",
            Change::LabelParameterVersion => "LabelParameterVersion",
        }
    }
}

fn emit(cx: &Cx, detail_type: &'static str, arn: Arn, detail: impl FnOnce() -> Value) {
    cx.emit(|| ServiceEvent {
        source: SOURCE,
        detail_type,
        scope: arn.scope().unwrap_or_else(|| cx.scope.clone()),
        resources: vec![arn],
        detail: detail(),
        time: cx.now,
    });
}

pub fn changed(cx: &Cx, state: &State, key: &ParameterKey, change: Change) {
    if let Some(parameter) = state.parameters.get(key) {
        of_parameter(cx, key, parameter, change);
    }
}

pub fn of_parameter(cx: &Cx, key: &ParameterKey, parameter: &Parameter, change: Change) {
    let version = &parameter.current;
    emit(cx, "Parameter Store Change", key.arn(), || {
        let mut detail = json!({ "operation": change.as_str(), "name": &*parameter.name, "type": version.kind.as_str() });
        if let Some(description) = &version.description {
            detail["description"] = json!(&**description);
        }
        if version.data_type == DataType::Image {
            detail["dataType"] = json!(version.data_type.as_str());
        }
        detail
    });
}

/// A value with the data type of images names none: nothing was stored.
pub fn image_is_unknown(cx: &Cx, reference: &Reference, draft: &Draft) {
    let change = if draft.number == 1 { Change::Create } else { Change::Update };
    emit(cx, "Parameter Store Change", reference.arn.clone(), || {
        json!({
            "exception": "Unable to Describe Resource",
            "dataType": draft.data_type.as_str(),
            "name": reference.name,
            "type": draft.kind.as_str(),
            "operation": change.as_str(),
        })
    });
}

pub fn policy_applied(cx: &Cx, key: &ParameterKey, parameter: &Parameter, policy: &ParameterPolicy) {
    emit(cx, "Parameter Store Policy Action", key.arn(), || {
        json!({
            "parameter-name": &*parameter.name,
            "parameter-type": parameter.current.kind.as_str(),
            "policy-type": policy.rule.name(),
            "policy-content": policy.text,
            "action-status": "Success",
        })
    });
}
