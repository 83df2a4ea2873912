//! The runtimes: what AWS knows, what it still takes, and what runs them here.
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>

use crate::faults;
use cloudlet_aws::{Fault, Region};
use cloudlet_engine::{Interpreter, Language, Workers};
use sha2::{Digest, Sha256};

/// The runtimes of new and updated functions, in the order of AWS's message (recorded).
const TAKEN: [&str; 25] = [
    "nodejs20.x",
    "python3.14",
    "provided.al2023",
    "python3.12",
    "python3.13",
    "nodejs24.x",
    "nodejs22.x",
    "java25",
    "python3.10",
    "python3.11",
    "java21",
    "ruby3.3",
    "ruby3.4",
    "ruby3.2",
    "python3.8",
    "python3.9",
    "java17",
    "nodejs16.x",
    "dotnet10",
    "dotnet8",
    "java11",
    "dotnet6",
    "nodejs18.x",
    "provided.al2",
    "java8.al2",
];

/// Everything that ever was one, for layers, and for messages about functions. The model's list: what a request says is compared here, as AWS
/// says it in other words than of other sets.
const KNOWN: [&str; 52] = [
    "nodejs",
    "nodejs4.3",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "nodejs16.x",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "java8",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "python2.7",
    "python3.6",
    "python3.7",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "nodejs4.3-edge",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    "provided",
    "provided.al2",
    "provided.al2023",
    "nodejs26.x",
    "python3.15",
    "java8.al2023",
    "java11.al2023",
    "java17.al2023",
    "custom",
];

/// The runtimes that a layer is for.
pub fn check_compatible(runtimes: Option<&Vec<String>>) -> Result<(), Fault> {
    match runtimes.filter(|runtimes| runtimes.iter().any(|runtime| !KNOWN.contains(&runtime.as_str()))) {
        Some(runtimes) => {
            let set = format!("Member must satisfy enum value set: [{}]", KNOWN.join(", "));
            let shown = format!("[{}]", runtimes.join(", "));
            Err(faults::validation(shown, "compatibleRuntimes", format_args!("Member must satisfy constraint: [{set}]")))
        }
        None => Ok(()),
    }
}

/// The runtime that layers are listed for.
pub fn check_listed(runtime: Option<&String>) -> Result<(), Fault> {
    match runtime.filter(|runtime| !KNOWN.contains(&runtime.as_str())) {
        Some(runtime) => {
            Err(faults::validation(runtime, "compatibleRuntime", format_args!("Member must satisfy enum value set: [{}]", KNOWN.join(", "))))
        }
        None => Ok(()),
    }
}

/// Java 11, Python 3.12, .NET 8 and later. <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes>
pub fn has_snap_start(runtime: &str) -> bool {
    let since = |prefix: &str, first: u32| {
        let version = runtime.strip_prefix(prefix).map(|rest| rest.split('.').next().unwrap_or_default());
        version.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version >= first)
    };
    since("java", 11) || since("python3.", 12) || since("dotnet", 8)
}

/// What runs a function's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The code's own `bootstrap`.
    Own,
    Interpreted(Language, Interpreter),
}

/// Refuses a runtime that AWS does not take, or whose interpreter is not on this machine.
pub fn check(workers: &dyn Workers, runtime: &str) -> Result<(), Fault> {
    if !TAKEN.contains(&runtime) {
        if KNOWN.contains(&runtime) {
            let text = format!("The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions.");
            return Err(faults::invalid(format!("{text} We recommend you use a supported runtime while creating or updating functions.")));
        }
        let text = format!("Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [");
        return Err(faults::invalid(format!("{text}{}] or be a valid ARN", TAKEN.join(", "))));
    }
    program(workers, runtime).map(drop)
}

pub fn program(workers: &dyn Workers, runtime: &str) -> Result<Program, Fault> {
    let (language, version, needed) = if let Some(version) = runtime.strip_prefix("python") {
        (Language::Python, version, format!("python{version}"))
    } else if let Some(version) = runtime.strip_prefix("nodejs") {
        let version = version.trim_end_matches(".x");
        (Language::Node, version, format!("node (version {version})"))
    } else if let Some(version) = runtime.strip_prefix("ruby") {
        (Language::Ruby, version, format!("ruby (version {version})"))
    } else if let Some(version) = runtime.strip_prefix("java") {
        let version = version.split('.').next().unwrap_or_default();
        (Language::Java, version, format!("a JDK (version {version})"))
    } else if runtime.starts_with("provided") {
        return Ok(Program::Own);
    } else {
        return Err(faults::no_runtime(runtime));
    };
    match workers.interpreter(language, version) {
        Some(interpreter) => Ok(Program::Interpreted(language, interpreter)),
        None => Err(faults::invalid(format!(
            "The runtime {runtime} cannot run on this machine, which has no interpreter for it. Install {needed} and make the function again."
        ))),
    }
}

/// AWS: names a build of a runtime by a digest.
pub fn version_arn(region: &Region, runtime: &str) -> String {
    let digest = Sha256::digest(runtime.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("arn:{}:lambda:{region}::runtime:{digest}", region.partition())
}

/// As the first line of a log has it: `python:3.12`.
pub fn shown(runtime: &str) -> String {
    match runtime.find(|character: char| character.is_ascii_digit()) {
        Some(at) if !runtime.starts_with("provided") => {
            format!("{}:{}", runtime.get(..at).unwrap_or_default(), runtime.get(at..).unwrap_or_default())
        }
        _ => runtime.replace('.', ":"),
    }
}

/// Whether an interpreter is of the runtime's own version.
pub fn is(runtime: &str, interpreter: &Interpreter) -> bool {
    let version = runtime.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_end_matches(".x").trim_end_matches(".al2");
    version == interpreter.version
}
