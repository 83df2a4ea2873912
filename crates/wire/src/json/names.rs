//! The sets of names in JSON.

/// Whose names a JSON text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the protocol.
    Wire,
    /// Those of the model.
    Model,
    /// Those of the model, as the query protocol answers JSON: members in the order of their names, `null` for one without a value, a
    /// flattened map as a list of its entries.
    Query,
}
