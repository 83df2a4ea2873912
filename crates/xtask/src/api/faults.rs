//! `faults.rs` of a crate: one `FaultKind` for every error of the model.

use super::{
    emit::{BANNER, text},
    model::{Model, Shape},
    names,
};
use crate::project::Outcome;
use std::collections::BTreeMap;

/// The constant's name: AWS's name of the error, without the `Exception` that some services append.
pub fn constant(shape: &str) -> String {
    names::constant(shape.strip_suffix("Exception").filter(|rest| !rest.is_empty()).unwrap_or(shape))
}

pub fn emit(model: &Model) -> Outcome<String> {
    let mut named = BTreeMap::new();
    let listed: Vec<&String> = model.operations.values().flat_map(|operation| &operation.errors).map(|error| &error.shape).collect();
    let mut out = String::new();
    for (name, shape) in &model.shapes {
        if !shape.exception && !listed.contains(&name) {
            continue;
        }
        let constant = constant(name);
        if let Some(other) = named.insert(constant.clone(), name) {
            return Err(format!("the faults {other} and {name} would both be {constant}"));
        }
        out += &format!("pub const {constant}: FaultKind = {};\n", kind(name, shape));
    }
    let import = if out.is_empty() { "" } else { "use cloudlet_shape::FaultKind;\n\n" };
    Ok(format!("{BANNER}{import}{out}"))
}

fn kind(name: &str, shape: &Shape) -> String {
    let error = shape.error.as_ref();
    let status = error.and_then(|error| error.http_status_code).unwrap_or(if shape.fault { 500 } else { 400 });
    let sender = error.and_then(|error| error.sender_fault).unwrap_or(!shape.fault && status < 500);
    let code = error.and_then(|error| error.code.as_deref()).filter(|code| *code != name);
    let coded = code.map(|code| format!(".coded({})", text(code))).unwrap_or_default();
    format!("FaultKind::{}({}, {status}){coded}", if sender { "sender" } else { "receiver" }, text(name))
}
