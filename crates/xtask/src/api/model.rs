//! botocore's service model, with our corrections applied.

use super::{settings::Service, sources::Sources};
use crate::project::Outcome;
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
pub struct Model {
    pub metadata: Metadata,
    pub operations: IndexMap<String, Operation>,
    pub shapes: IndexMap<String, Shape>,
    #[serde(skip)]
    pub pages: BTreeMap<String, Pages>,
    /// Protocols the service answers beside the one of the model.
    #[serde(skip)]
    pub also: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub api_version: String,
    pub protocol: String,
    #[serde(default)]
    pub json_version: String,
    pub service_id: String,
    pub service_full_name: String,
    pub endpoint_prefix: String,
    pub signing_name: Option<String>,
    #[serde(default)]
    pub target_prefix: String,
    #[serde(default)]
    pub xml_namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub name: String,
    pub http: Http,
    pub input: Option<Root>,
    pub output: Option<Root>,
    #[serde(default)]
    pub errors: Vec<Root>,
    pub endpoint: Option<Endpoint>,
    #[serde(default)]
    pub authtype: String,
    pub http_checksum: Option<HttpChecksum>,
    #[serde(default)]
    pub http_checksum_required: bool,
    /// From the corrections: the root of a restXml answer, where it is not the shape's name.
    #[serde(skip)]
    pub output_root: Option<String>,
    /// From the corrections: methods and URIs of earlier models.
    #[serde(skip)]
    pub earlier: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    pub method: String,
    pub request_uri: String,
    pub response_code: Option<u16>,
}

/// The shape at the top of a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Root {
    pub shape: String,
    #[serde(default)]
    pub location_name: String,
    #[serde(default)]
    pub result_wrapper: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    #[serde(default)]
    pub host_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpChecksum {
    #[serde(default)]
    pub request_checksum_required: bool,
    #[serde(default)]
    pub request_algorithm_member: String,
    #[serde(default)]
    pub request_validation_mode_member: String,
    #[serde(default)]
    pub response_algorithms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub members: IndexMap<String, Member>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Member>,
    pub key: Option<Member>,
    pub value: Option<Member>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    #[serde(default)]
    pub pattern: String,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    #[serde(default)]
    pub flattened: bool,
    #[serde(default)]
    pub sensitive: bool,
    #[serde(default)]
    pub streaming: bool,
    #[serde(default)]
    pub requires_length: bool,
    #[serde(default)]
    pub union: bool,
    #[serde(default)]
    pub event: bool,
    #[serde(default)]
    pub eventstream: bool,
    #[serde(default)]
    pub document: bool,
    #[serde(default)]
    pub timestamp_format: String,
    #[serde(default)]
    pub payload: String,
    #[serde(default)]
    pub location_name: String,
    pub xml_namespace: Option<Namespace>,
    #[serde(default)]
    pub exception: bool,
    #[serde(default)]
    pub fault: bool,
    pub error: Option<ErrorTrait>,
    /// From the corrections: what members of this shape are called in a query form.
    #[serde(skip)]
    pub query: String,
    /// From the corrections: a boolean whose text may be any.
    #[serde(skip)]
    pub lenient: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub shape: String,
    #[serde(default)]
    pub location: String,
    #[serde(default)]
    pub location_name: String,
    #[serde(default)]
    pub query_name: String,
    #[serde(default)]
    pub flattened: bool,
    #[serde(default)]
    pub streaming: bool,
    #[serde(default)]
    pub xml_attribute: bool,
    pub xml_namespace: Option<Namespace>,
    #[serde(default)]
    pub idempotency_token: bool,
    #[serde(default)]
    pub host_label: bool,
    #[serde(default)]
    pub jsonvalue: bool,
    /// From the corrections: a document mixes the items of this list with those of others.
    #[serde(skip)]
    pub mixed: bool,
    #[serde(default)]
    pub eventheader: bool,
    #[serde(default)]
    pub eventpayload: bool,
    #[serde(default)]
    pub timestamp_format: String,
}

#[derive(Deserialize)]
pub struct Namespace {
    pub uri: String,
    #[serde(default)]
    pub prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorTrait {
    pub code: Option<String>,
    pub http_status_code: Option<u16>,
    pub sender_fault: Option<bool>,
}

#[derive(Deserialize)]
struct Paginators {
    pagination: BTreeMap<String, Pages>,
}

/// How an operation pages, as botocore's paginators say.
#[derive(Deserialize)]
pub struct Pages {
    #[serde(default)]
    pub input_token: Names,
    #[serde(default)]
    pub output_token: Names,
    #[serde(default)]
    pub limit_key: String,
    #[serde(default)]
    pub result_key: Names,
    #[serde(default)]
    pub more_results: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum Names {
    One(String),
    Many(Vec<String>),
}

impl Default for Names {
    fn default() -> Names {
        Names::Many(Vec::new())
    }
}

impl Names {
    pub fn list(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Many(names) => names,
        }
    }
}

/// The corrections of one service in `corrections.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrections {
    xml_namespace: Option<String>,
    #[serde(default)]
    also: Vec<String>,
    /// Operations to leave out.
    #[serde(default)]
    drop: Vec<String>,
    /// Every answer in the query protocol is wrapped in `<…Result>`.
    #[serde(default)]
    result_wrappers: bool,
    /// Root elements of restXml answers, by operation; empty: the one member stands alone.
    #[serde(default)]
    roots: BTreeMap<String, String>,
    /// Methods and URIs of operations in earlier models, by operation.
    #[serde(default)]
    earlier: BTreeMap<String, Vec<(String, String)>>,
    #[serde(default)]
    shapes: BTreeMap<String, ShapeCorrection>,
    #[serde(default)]
    faults: BTreeMap<String, FaultCorrection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapeCorrection {
    /// What members of this shape are called in a query form.
    query: Option<String>,
    key: Option<String>,
    value: Option<String>,
    pattern: Option<String>,
    values: Option<Vec<String>>,
    min: Option<f64>,
    max: Option<f64>,
    /// Members that are required after all, and those that are not.
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    /// Members that a document shows last, in this order.
    #[serde(default)]
    last: Vec<String>,
    /// Lists whose items a document mixes.
    #[serde(default)]
    mixed: Vec<String>,
    /// A boolean whose text may be any.
    #[serde(default)]
    lenient: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultCorrection {
    code: Option<String>,
    status: Option<u16>,
    sender: Option<bool>,
}

impl Model {
    pub fn read(sources: &Sources, service: &Service) -> Outcome<Model> {
        let model = sources.model::<Model>(&service.model, &service.version, "service-2")?;
        let mut model = model.ok_or_else(|| format!("botocore has no model {} {}", service.model, service.version))?;
        if let Some(paginators) = sources.model::<Paginators>(&service.model, &service.version, "paginators-1")? {
            model.pages = paginators.pagination;
        }
        Ok(model)
    }

    /// Keeps the listed operations only.
    pub fn keep<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Outcome {
        let names: BTreeSet<&str> = names.collect();
        if let Some(unknown) = names.iter().find(|name| !self.operations.contains_key(**name)) {
            return Err(format!("the model has no operation {unknown}"));
        }
        self.operations.retain(|name, _| names.contains(name.as_str()));
        Ok(())
    }

    /// Applies the corrections. One that finds nothing to correct is an error.
    pub fn correct(&mut self, corrections: Corrections) -> Outcome {
        self.also = corrections.also;
        if let Some(namespace) = corrections.xml_namespace {
            self.metadata.xml_namespace = namespace;
        }
        for name in corrections.drop {
            self.operations.shift_remove(&name).ok_or_else(|| format!("no operation {name} to drop"))?;
        }
        for (name, places) in corrections.earlier {
            self.operations.get_mut(&name).ok_or_else(|| format!("no operation {name} with earlier URIs"))?.earlier = places;
        }
        for (name, root) in corrections.roots {
            self.operations.get_mut(&name).ok_or_else(|| format!("no operation {name} for a root"))?.output_root = Some(root);
        }
        if corrections.result_wrappers {
            for (name, operation) in &mut self.operations {
                if let Some(output) = &mut operation.output {
                    output.result_wrapper = format!("{name}Result");
                }
            }
        }
        for (name, correction) in corrections.shapes {
            self.shapes.get_mut(&name).ok_or_else(|| format!("no shape {name} to correct"))?.correct(&name, correction)?;
        }
        for (name, correction) in corrections.faults {
            let shape = self.shapes.get_mut(&name).ok_or_else(|| format!("no fault {name} to correct"))?;
            let error = shape.error.get_or_insert(ErrorTrait { code: None, http_status_code: None, sender_fault: None });
            error.code = correction.code.or(error.code.take());
            error.http_status_code = correction.status.or(error.http_status_code);
            error.sender_fault = correction.sender.or(error.sender_fault);
        }
        Ok(())
    }

    pub fn shape(&self, name: &str) -> Outcome<&Shape> {
        self.shapes.get(name).ok_or_else(|| format!("the model has no shape {name}"))
    }

    /// Every shape that an operation's input or output reaches, in the model's order.
    pub fn reached(&self) -> Outcome<Vec<&str>> {
        let mut seen = BTreeSet::new();
        for operation in self.operations.values() {
            for root in [&operation.input, &operation.output].into_iter().flatten() {
                self.walk(&root.shape, &mut seen)?;
            }
        }
        Ok(self.shapes.keys().map(String::as_str).filter(|name| seen.contains(name)).collect())
    }

    fn walk<'a>(&'a self, name: &'a str, seen: &mut BTreeSet<&'a str>) -> Outcome {
        if seen.insert(name) {
            let shape = self.shape(name)?;
            let inner = [&shape.member, &shape.key, &shape.value].into_iter().flatten();
            for member in shape.members.values().chain(inner) {
                self.walk(&member.shape, seen)?;
            }
        }
        Ok(())
    }

    /// Whether a structure holds another (or itself) without a list or map between them.
    pub fn holds(&self, outer: &str, inner: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![outer];
        while let Some(name) = open.pop() {
            let Some(shape) = self.shapes.get(name) else { continue };
            for member in shape.members.values() {
                if member.shape == inner {
                    return true;
                }
                if seen.insert(member.shape.as_str()) {
                    open.push(&member.shape);
                }
            }
        }
        false
    }
}

impl Shape {
    pub fn is_structure(&self) -> bool {
        self.kind == "structure" && !self.document
    }

    fn correct(&mut self, name: &str, correction: ShapeCorrection) -> Outcome {
        self.query = correction.query.unwrap_or_default();
        self.lenient = correction.lenient;
        for (half, spelled) in [(&mut self.key, correction.key), (&mut self.value, correction.value)] {
            if let Some(spelled) = spelled {
                half.as_mut().ok_or_else(|| format!("{name} is no map"))?.location_name = spelled;
            }
        }
        self.pattern = correction.pattern.unwrap_or(std::mem::take(&mut self.pattern));
        self.values = correction.values.unwrap_or(std::mem::take(&mut self.values));
        self.min = correction.min.or(self.min);
        self.max = correction.max.or(self.max);
        if let Some(unknown) = correction.required.iter().chain(&correction.optional).find(|member| !self.members.contains_key(*member)) {
            return Err(format!("{name} has no member {unknown}"));
        }
        for member in correction.last {
            let entry = self.members.shift_remove(&member).ok_or_else(|| format!("{name} has no member {member}"))?;
            self.members.insert(member, entry);
        }
        for member in correction.mixed {
            self.members.get_mut(&member).ok_or_else(|| format!("{name} has no member {member}"))?.mixed = true;
        }
        self.required.retain(|member| !correction.optional.contains(member));
        self.required.extend(correction.required);
        Ok(())
    }
}
