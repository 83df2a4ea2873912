//! A call that was read, and its evaluation.

use crate::{
    jsonpath::{Path, Root},
    scope::Scope,
};
use serde_json::Value;

/// A call that was read once.
#[derive(Clone, Debug, PartialEq)]
pub struct Intrinsic {
    pub(super) text: String,
    pub(super) function: Function,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    Literal(Value),
    Path(Path),
    Call(Intrinsic),
}

/// Why a call has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntrinsicError {
    /// A path of its arguments points at nothing.
    Missing(String),
    /// The function refuses its arguments.
    Failed(String),
}

macro_rules! functions {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::upper_case_acronyms, reason = "AWS's name")]
        pub(super) enum Function { $($name),* }

        impl Function {
            pub fn named(name: &str) -> Option<Function> {
                match name {
                    $(stringify!($name) => Some(Function::$name),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Array ArrayPartition ArrayContains ArrayRange ArrayGetItem ArrayLength ArrayUnique
    Base64Encode Base64Decode Hash JsonMerge StringToJson JsonToString MathRandom MathAdd StringSplit UUID Format
}

impl Function {
    /// How few and how many arguments it takes.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Function::Array => (0, usize::MAX),
            Function::Format => (1, usize::MAX),
            Function::UUID => (0, 0),
            Function::ArrayLength | Function::ArrayUnique | Function::Base64Encode | Function::Base64Decode => (1, 1),
            Function::StringToJson | Function::JsonToString => (1, 1),
            Function::ArrayPartition | Function::ArrayContains | Function::ArrayGetItem => (2, 2),
            Function::Hash | Function::MathAdd | Function::StringSplit => (2, 2),
            Function::ArrayRange | Function::JsonMerge => (3, 3),
            Function::MathRandom => (2, 3),
        }
    }
}

impl Intrinsic {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the variables that the arguments refer to.
    pub fn variables(&self, out: &mut Vec<String>) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => {
                    if let Root::Variable(name) = path.root() {
                        out.push(name.clone());
                    }
                }
                Argument::Call(call) => call.variables(out),
                Argument::Literal(_) => {}
            }
        }
    }

    pub fn evaluate(&self, scope: &mut Scope<'_>) -> Result<Value, IntrinsicError> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Path(path) => scope.value(path).map_err(|_| IntrinsicError::Missing(path.text().to_owned()))?,
                Argument::Call(call) => call.evaluate(scope)?,
            });
        }
        self.function.apply(values, scope.random).map_err(IntrinsicError::Failed)
    }
}
