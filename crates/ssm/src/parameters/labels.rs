//! LabelParameterVersion and UnlabelParameterVersion. A label names one version of a parameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>

use super::{
    events::{self, Change},
    names::{ParameterKey, to_change},
    parameter::{Parameter, Version},
    permissions::Sharing,
};
use crate::{Ssm, faults, limits, state::State};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::sync::Arc;

/// Letters, digits and `_-.`; not beginning with a digit, `aws` or `ssm`.
pub fn is_label(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

impl State {
    /// Changes one version of a parameter, whether it is current or not.
    fn change_version(&mut self, key: &ParameterKey, number: i64, change: impl FnOnce(&mut Version)) {
        let Some(parameter) = self.parameters.get(key).cloned() else { return };
        if parameter.current.number == number {
            let mut current = (*parameter.current).clone();
            change(&mut current);
            self.put_parameter(key.clone(), Parameter { current: Arc::new(current), ..(*parameter).clone() });
        } else if let Some(version) = self.past.get_mut(&(key.clone(), number)) {
            change(Arc::make_mut(version));
        }
    }
}

impl Handle<LabelParameterVersion> for Ssm {
    fn permissions(&self, cx: &Cx, input: &LabelParameterVersionRequest) -> Result<Permissions, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        Ok(self.permission::<LabelParameterVersion>(cx, &reference, Sharing::No).into())
    }

    async fn handle(&self, cx: &Cx, input: LabelParameterVersionRequest) -> Result<LabelParameterVersionResult, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        let key = &reference.key;
        let (labels, invalid): (Vec<String>, Vec<String>) = input.labels.into_iter().partition(|label| is_label(label));
        let number = self.store.write(|state| {
            let parameter = state.parameter(key, cx.now).cloned().ok_or_else(faults::no_such_parameter)?;
            let number = input.parameter_version.unwrap_or(parameter.current.number);
            let version = state.version(key, &parameter, number).ok_or_else(|| faults::no_such_version(number, &reference.name))?;
            let mut all = version.labels.clone();
            all.extend(labels.iter().cloned());
            if all.len() > limits::LABELS_PER_VERSION {
                return Err(faults::PARAMETER_VERSION_LABEL_LIMIT_EXCEEDED
                    .says("A parameter version can have maximum 10 labels.Move one or more labels to another version and try again."));
            }
            for label in &labels {
                let holder = state.labelled(key, &parameter, label).map(|holder| holder.number).filter(|holder| *holder != number);
                if let Some(holder) = holder {
                    state.change_version(key, holder, |version| {
                        version.labels.remove(label);
                    });
                }
            }
            state.change_version(key, number, |version| version.labels = all);
            if !labels.is_empty() {
                events::changed(cx, state, key, Change::LabelParameterVersion);
            }
            Ok(number)
        })?;
        Ok(LabelParameterVersionResult { invalid_labels: Some(invalid), parameter_version: Some(number) })
    }
}

impl Handle<UnlabelParameterVersion> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UnlabelParameterVersionRequest) -> Result<Permissions, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        Ok(self.permission::<UnlabelParameterVersion>(cx, &reference, Sharing::No).into())
    }

    async fn handle(&self, cx: &Cx, input: UnlabelParameterVersionRequest) -> Result<UnlabelParameterVersionResult, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        let key = &reference.key;
        let (removed, invalid) = self.store.write(|state| {
            let parameter = state.parameter(key, cx.now).cloned().ok_or_else(faults::no_such_parameter)?;
            let number = input.parameter_version;
            let version = state.version(key, &parameter, number).ok_or_else(|| faults::no_such_version(number, &reference.name))?;
            let (removed, invalid): (Vec<String>, Vec<String>) = input.labels.into_iter().partition(|label| version.labels.contains(label));
            state.change_version(key, number, |version| version.labels.retain(|label| !removed.contains(label)));
            Ok::<_, Fault>((removed, invalid))
        })?;
        Ok(UnlabelParameterVersionResult { removed_labels: Some(removed), invalid_labels: Some(invalid) })
    }
}
