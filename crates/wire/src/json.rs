//! JSON of any shape: read without a tree, written into a buffer. The awsJson protocols are in `aws_json`.
//!
//! Two sets of names: those of the wire, and those of the model. The latter make the neutral JSON that Cloudlet keeps
//! for itself (agenda, call log, inspector).

mod read;
mod write;

use crate::Missing;
use cloudlet_shape::{Read, Shape, Struct};

pub use read::{read, read_value};
pub(crate) use read::{read_at, read_bytes};
pub(crate) use write::JsonWriter;

/// Which names stand in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the protocol.
    Wire,
    /// Those of the model.
    Model,
}

/// The neutral JSON of a shape: names as in the model, instants in epoch seconds. What streams is left out.
pub fn to_json(value: &dyn Struct) -> String {
    let mut writer = JsonWriter::new(Names::Model);
    writer.object(value, &mut |_| true);
    writer.into_text()
}

/// A shape from its neutral JSON. Members that are missing keep their default.
pub fn from_json<T: Shape>(text: &str) -> Read<T> {
    let mut shape = None;
    let _: Missing = read(text, &mut |reader| {
        shape = Some(T::read(reader, T::TARGET)?);
        Ok(())
    })?;
    Ok(shape.unwrap_or_default())
}
