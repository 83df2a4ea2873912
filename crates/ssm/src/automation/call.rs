//! Calls of other services by name, as the SDK for Python spells them.

use cloudlet_aws::{Caller, Fault, Scope};
use cloudlet_engine::{
    Call, Cx, Origin,
    by_name::{Instants, Parameters, ShapeKind, Style, result},
};
use cloudlet_shape::{Mismatch, OperationSchema, ServiceSchema};
use serde_json::Value;

static STYLE: Style = Style {
    means: |member, name| member == name,
    shown: str::to_owned,
    instants: Instants::Text,
    json_is_text: false,
    bodies_are_json: false,
    text: Value::to_string,
    wrong,
};

/// The SDK's message about a value of another type.
fn wrong(field: &str, wanted: ShapeKind, value: &Value) -> String {
    let of = match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    };
    let valid = match wanted {
        ShapeKind::Boolean => "<class 'bool'>",
        ShapeKind::Integer => "<class 'int'>",
        ShapeKind::Float => "<class 'float'>, <class 'decimal.Decimal'>, <class 'int'>",
        ShapeKind::Text => "<class 'str'>",
        ShapeKind::Timestamp => "<class 'datetime.datetime'>, timestamp-string",
        ShapeKind::List => "<class 'list'>, <class 'tuple'>",
        ShapeKind::Map | ShapeKind::Structure => "<class 'dict'>",
    };
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("Invalid type for parameter {field}, value: {shown}, type: <class '{of}'>, valid types: {valid}")
}

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub enum CallProblem {
    /// The parameters do not fit.
    Parameters(String),
    NotBuilt(String),
    Fault(&'static OperationSchema, Fault),
}

impl CallProblem {
    /// As the SDK for Python says it.
    pub fn text(&self) -> String {
        match self {
            CallProblem::Parameters(text) => format!("Parameter validation failed: {text}"),
            CallProblem::NotBuilt(name) => format!("Cloudlet does not implement {name} yet"),
            CallProblem::Fault(operation, fault) => {
                format!("An error occurred ({}) when calling the {} operation: {}", fault.code(), operation.name, fault.message())
            }
        }
    }

    /// The type of an automation's failure.
    pub fn kind(&self) -> &'static str {
        match self {
            CallProblem::Parameters(_) => "Verification",
            CallProblem::NotBuilt(_) => "Action",
            CallProblem::Fault(_, fault) => match fault.code() {
                code if code.contains("AccessDenied") || code.contains("Unauthorized") || code == "AuthorizationError" => "Permission",
                code if code.contains("Throttl") || code.contains("TooManyRequests") || code.contains("LimitExceeded") => "Throttling",
                _ if fault.status() >= 500 => "Internal",
                _ => "Action",
            },
        }
    }
}

/// The service of a name of the SDK for Python.
fn service(cx: &Cx, name: &str) -> Option<&'static ServiceSchema> {
    let name = match name {
        "stepfunctions" => "states",
        other => other,
    };
    cx.services().ok()?.into_iter().find(|service| service.name.eq_ignore_ascii_case(name))
}

/// `DescribeInstances` or `describe_instances`.
pub fn operation(cx: &Cx, of: &str, api: &str) -> Option<&'static OperationSchema> {
    let wanted: String = api.chars().filter(|character| *character != '_').collect();
    service(cx, of)?.operations.iter().find(|operation| operation.name.eq_ignore_ascii_case(&wanted)).copied()
}

/// Makes a call, and gives its answer as JSON.
pub async fn call(cx: &Cx, caller: &Caller, scope: &Scope, of: &str, api: &str, input: &Value) -> Result<Value, CallProblem> {
    let Some(operation) = operation(cx, of, api) else { return Err(CallProblem::NotBuilt(format!("{of}:{api}"))) };
    let mut parameters = Parameters::new(input, &STYLE);
    let read = cx.read_named(operation, &mut parameters).map_err(|fault| CallProblem::Fault(operation, fault))?;
    let problem = parameters.problem();
    let input = match read {
        None => return Err(CallProblem::NotBuilt(format!("{of}:{}", operation.name))),
        Some(Ok(input)) => input,
        Some(Err(Mismatch::Malformed(text))) => return Err(CallProblem::Parameters(text)),
        Some(Err(Mismatch::Wrong { wanted, at })) => {
            return Err(CallProblem::Parameters(format!("Invalid type for parameter {at}, it must be {wanted}")));
        }
    };
    if let Some(name) = problem.unknown.last() {
        return Err(CallProblem::Parameters(format!("Unknown parameter in input: \"{name}\", must be one of: {}", problem.known.join(", "))));
    }
    if let Some(name) = problem.missing.first() {
        return Err(CallProblem::Parameters(format!("Missing required parameter in input: \"{name}\"")));
    }
    let of_fault = |fault| CallProblem::Fault(operation, fault);
    cx.validate_named(operation, &input, &problem.missing).map_err(of_fault)?;
    let call = Call { operation, caller: caller.clone(), scope: scope.clone(), origin: Origin::default(), input };
    let output = cx.dispatch_named(call).await.map_err(of_fault)?;
    Ok(result(output.as_struct(), &STYLE).await)
}
