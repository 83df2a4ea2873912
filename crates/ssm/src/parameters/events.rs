//! The events that Parameter Store emits: a parameter has changed, a policy was applied.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html>

use super::{
    names::{ParameterKey, Reference},
    parameter::{DataType, Parameter, ParameterType},
    policies::ParameterPolicy,
};
use crate::state::State;
use cloudlet_aws::Arn;
use cloudlet_engine::{Cx, ServiceEvent};
use serde_json::{Map, Value, json};

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
        let mut detail = Map::new();
        detail.insert("operation".to_owned(), json!(change.as_str()));
        detail.insert("name".to_owned(), json!(&*parameter.name));
        detail.insert("type".to_owned(), json!(version.kind.as_str()));
        if let Some(description) = &version.description {
            detail.insert("description".to_owned(), json!(&**description));
        }
        if version.data_type == DataType::Image {
            detail.insert("dataType".to_owned(), json!(version.data_type.as_str()));
        }
        Value::Object(detail)
    });
}

/// A value with the data type of images names none: nothing was stored.
pub fn image_is_unknown(cx: &Cx, reference: &Reference, kind: ParameterType, change: Change) {
    emit(cx, "Parameter Store Change", reference.arn.clone(), || {
        json!({
            "exception": "Unable to Describe Resource",
            "dataType": DataType::Image.as_str(),
            "name": reference.name,
            "type": kind.as_str(),
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
