//! The two sets of names in JSON.

/// Whose names a JSON text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the protocol.
    Wire,
    /// Those of the model.
    Model,
}
