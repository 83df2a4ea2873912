//! What paths and intrinsic calls are evaluated over.

use crate::{
    jsonpath::{Path, PathError, Root},
    random::Random,
};
use serde_json::Value;

/// What the paths of a JSONPath state can refer to.
pub struct Scope<'a> {
    pub input: &'a Value,
    pub context: &'a Value,
    pub variables: &'a dyn Fn(&str) -> Option<Value>,
    pub random: &'a mut Random,
}

impl Scope<'_> {
    /// The value of a path below whatever it starts at.
    pub fn value(&self, path: &Path) -> Result<Value, PathError> {
        match path.root() {
            Root::Input => path.evaluate(self.input),
            Root::Context => path.evaluate(self.context),
            Root::Variable(name) => match (self.variables)(name) {
                Some(value) => path.evaluate(&value),
                None => Err(PathError(format!("The variable '{name}' does not exist"))),
            },
        }
    }
}
