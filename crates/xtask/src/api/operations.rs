//! `operations.rs` of a crate: a marker type and a schema for every operation.

use super::{
    access::Used,
    emit::{BANNER, list, text, texts},
    faults,
    model::{Model, Operation, Pages},
    names,
};
use crate::project::Outcome;

pub fn emit(model: &Model, used: &Used<'_>) -> Outcome<String> {
    let mut body = String::new();
    for (name, operation) in &model.operations {
        if names::type_name(name) != *name {
            return Err(format!("operation {name} is no Rust name"));
        }
        let input = operation.input.as_ref().map_or_else(|| "Empty".to_owned(), |root| names::type_name(&root.shape));
        let output = operation.output.as_ref().map_or_else(|| "Empty".to_owned(), |root| names::type_name(&root.shape));
        body += &format!("    {name}({input}) -> {output} {{\n");
        for line in fields(model, operation, used)? {
            body += &line;
            body += ",\n";
        }
        body += "    }\n";
    }
    let mut imports = vec!["Checksum", "Empty", "Pages"];
    imports.retain(|word| [format!("({word})"), format!("-> {word} "), format!("({word} {{")].iter().any(|use_| body.contains(use_)));
    imports.push("operations");
    let faults = if body.contains("faults: ") { "faults::*, " } else { "" };
    Ok(format!(
        "{BANNER}use crate::{{access, {faults}shapes::*}};\nuse cloudlet_shape::{{{}}};\n\noperations! {{ crate::SERVICE;\n{body}}}\n",
        imports.join(", ")
    ))
}

/// The fields that differ from `OperationSchema::new`.
fn fields(model: &Model, operation: &Operation, used: &Used<'_>) -> Outcome<Vec<String>> {
    let name = &operation.name;
    let mut short = Vec::new();
    if operation.http.method != "POST" {
        short.push(format!("method: {}", text(&operation.http.method)));
    }
    if operation.http.request_uri != "/" {
        short.push(format!("uri: {}", text(&operation.http.request_uri)));
    }
    if !operation.earlier.is_empty() {
        let places: Vec<String> = operation.earlier.iter().map(|(method, uri)| format!("({}, {})", text(method), text(uri))).collect();
        short.push(format!("earlier: &[{}]", places.join(", ")));
    }
    short.extend(operation.http.response_code.filter(|status| *status != 200).map(|status| format!("status: {status}")));
    if let Some(output) = operation.output.as_ref().filter(|output| !output.result_wrapper.is_empty()) {
        short.push(format!("result_wrapper: {}", text(&output.result_wrapper)));
    }
    if let Some(input) = operation.input.as_ref().filter(|input| !input.location_name.is_empty() && input.location_name != input.shape) {
        short.push(format!("input_root: {}", text(&input.location_name)));
    }
    short.extend(operation.output_root.as_ref().map(|root| format!("output_root: {}", text(root))));
    if let Some(endpoint) = operation.endpoint.as_ref().filter(|endpoint| !endpoint.host_prefix.is_empty()) {
        short.push(format!("host_prefix: {}", text(&endpoint.host_prefix)));
    }
    if operation.authtype == "none" {
        short.push("unsigned: true".to_owned());
    }
    let mut lines = Vec::new();
    if !short.is_empty() {
        lines.push(format!("        {}", short.join(", ")));
    }
    lines.extend(checksum(operation).map(|line| format!("        {line}")));
    lines.extend(model.pages.get(name).map(|pages| format!("        {}", paging(pages))));
    if !operation.errors.is_empty() {
        let faults: Vec<String> = operation.errors.iter().map(|error| faults::constant(&error.shape)).collect();
        lines.push(list(8, "faults: &[", &faults, "]"));
    }
    lines.push(list(8, "access: &[", &used.of(name)?, "]"));
    Ok(lines)
}

fn checksum(operation: &Operation) -> Option<String> {
    let (required, algorithm, mode, answers) = match &operation.http_checksum {
        Some(found) => (
            found.request_checksum_required,
            found.request_algorithm_member.as_str(),
            found.request_validation_mode_member.as_str(),
            found.response_algorithms.as_slice(),
        ),
        None if operation.http_checksum_required => (true, "", "", [].as_slice()),
        None => return None,
    };
    Some(format!(
        "checksum: Some(Checksum {{ required: {required}, algorithm_member: {}, mode_member: {}, response_algorithms: &[{}] }})",
        text(algorithm),
        text(mode),
        texts(answers).join(", ")
    ))
}

fn paging(pages: &Pages) -> String {
    let names = |names: &[String]| texts(names).join(", ");
    format!(
        "pages: Some(Pages {{ input: &[{}], output: &[{}], limit: {}, results: &[{}], more: {} }})",
        names(pages.input_token.list()),
        names(pages.output_token.list()),
        text(&pages.limit_key),
        names(pages.result_key.list()),
        text(&pages.more_results)
    )
}
