//! JSON: the awsJson protocols, and the neutral JSON of any shape.

use cloudlet_shape::{Mismatch, Read, Shape, Struct};

/// The neutral JSON of a shape: names as in the model.
pub fn to_json(_value: &dyn Struct) -> String {
    String::new()
}

/// A shape from its neutral JSON.
pub fn from_json<T: Shape>(_text: &str) -> Read<T> {
    Err(Mismatch::Malformed("not written yet".into()))
}
