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
#[derive(Clone, Debug)]
pub struct Found {
    pub name: Arc<str>,
    pub version: Arc<Version>,
}

impl State {
    /// The version that a request refers to.
    fn find_version(&self, reference: &Reference, parameter: &Parameter) -> Result<Found, Fault> {
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

/// What a request refers to, looked up once: its permission needs the parameter, and its answer the version.
pub struct Requested {
    pub reference: Reference,
    pub parameter: Option<Arc<Parameter>>,
    pub found: Result<Found, Fault>,
}

impl State {
    pub fn requested(&self, cx: &Cx, reference: Reference) -> Requested {
        let parameter = self.parameter(&reference.key, cx.now).cloned();
        let found = parameter.as_deref().ok_or_else(faults::no_such_parameter).and_then(|parameter| self.find_version(&reference, parameter));
        Requested { reference, parameter, found }
    }
}
