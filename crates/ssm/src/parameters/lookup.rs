//! Which version of a parameter a request refers to.

use super::{
    names::{ParameterKey, Reference, Selector},
    parameter::{Parameter, Version},
};
use crate::{faults, state::State};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use std::sync::Arc;

/// A version of a parameter, and the name of the parameter as it was given.
#[derive(Clone)]
pub struct Found {
    pub name: Arc<str>,
    pub version: Arc<Version>,
}

impl State {
    /// The version that a request refers to.
    pub fn find(&self, cx: &Cx, reference: &Reference) -> Result<Found, Fault> {
        let parameter = self.parameter(&reference.key, cx.now).ok_or_else(faults::no_such_parameter)?;
        let version = match &reference.selector {
            None => Some(&parameter.current),
            Some(Selector::Version(number)) => self.version(&reference.key, parameter, *number),
            Some(Selector::Label(label)) => self.labelled(&reference.key, parameter, label),
        };
        match (version, &reference.selector) {
            (Some(version), _) => Ok(Found { name: parameter.name.clone(), version: version.clone() }),
            (None, Some(Selector::Version(number))) => Err(faults::no_such_version(*number, &reference.name)),
            (None, Some(Selector::Label(label))) => Err(faults::no_such_label(label, &reference.name)),
            (None, None) => Err(faults::no_such_parameter()),
        }
    }

    pub fn version<'s>(&'s self, key: &ParameterKey, parameter: &'s Parameter, number: i64) -> Option<&'s Arc<Version>> {
        if parameter.current.number == number { Some(&parameter.current) } else { self.past.get(&(key.clone(), number)) }
    }

    pub fn labelled<'s>(&'s self, key: &'s ParameterKey, parameter: &'s Parameter, label: &str) -> Option<&'s Arc<Version>> {
        let versions = std::iter::once(&parameter.current).chain(self.past_versions(key));
        versions.into_iter().find(|version| version.labels.contains(label))
    }
}
