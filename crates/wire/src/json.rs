//! JSON of any shape: read without a tree, written into a buffer. The awsJson protocols are in `aws_json`.
//!
//! Names are those of the protocol or those of the model. The latter make the neutral JSON of the scheduler, the call log and the admin API,
//! and the JSON of the query protocol.

mod names;
mod read;
mod write;

use crate::path::Missing;
use cloudlet_shape::{Read, Shape, Struct};

pub use names::Names;
pub use read::{read, read_value};
pub(crate) use read::{read_at, read_bytes};
pub(crate) use write::JsonWriter;

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
