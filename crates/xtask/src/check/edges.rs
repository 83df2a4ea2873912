//! The house's storeys: which crate may stand on which, and what of the world each may use.

use crate::{Outcome, steps};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path, process::Command};

/// From the ground up. A crate may use only crates of the storeys below its own; so no engine uses another one.
/// `api-*` stands for every generated crate.
const STOREYS: [(&str, &[&str]); 11] = [
    ("first words", &["aws", "digest", "shape-derive"]),
    ("words", &["shape", "policy", "sigv4", "saml", "asl", "store"]),
    ("model", &["api-*", "wire"]),
    ("frame", &["engine"]),
    ("shared by engines", &["identity", "mailbox"]),
    ("engines", &["s3", "s3control", "sqs", "sns", "sts", "iam", "organizations", "kms", "ssm", "ses", "sesv2", "ec2", "states", "lambda", "logs"]),
    ("cloud", &["cloud"]),
    ("tests", &["testing"]),
    ("gateway", &["gateway", "smtp"]),
    ("rooms", &["inspect", "outside"]),
    ("top", &["bench", "server", "xtask"]),
];

/// Libraries that know HTTP, and who may use them.
const HTTP: [&str; 10] = ["axum", "h2", "headers", "http", "http-body", "http-body-util", "hyper", "hyper-util", "tower", "tower-http"];
const SPEAKS_HTTP: [&str; 5] = ["bench", "gateway", "outside", "server", "xtask"];

/// Libraries that do things in the world or know the time, and crates that must not.
const WORLDLY: [&str; 9] = ["chrono", "fs2", "jiff", "mio", "rand", "socket2", "time", "tokio", "uuid"];
const PURE: [&str; 7] = ["api-*", "asl", "policy", "saml", "shape", "sigv4", "wire"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

pub fn check(root: &Path) -> Outcome {
    let metadata = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let text = steps::read(Command::new("cargo").args(metadata).current_dir(root))?;
    let metadata: Metadata = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages: Vec<(String, Vec<Edge>)> = metadata.packages.into_iter().map(|package| (short(&package.name), edges(package))).collect();
    super::verdict(&broken(&packages), "these edges do not belong in the house (crates/xtask/src/check/edges.rs):")
}

/// One line of a Cargo.toml.
struct Edge {
    to: String,
    /// Whether it is the house's own crate.
    ours: bool,
    for_tests: bool,
}

fn edges(package: Package) -> Vec<Edge> {
    let edge = |dependency: Dependency| Edge {
        ours: dependency.name.starts_with("cloudlet-"),
        to: short(&dependency.name),
        for_tests: dependency.kind.as_deref() == Some("dev"),
    };
    package.dependencies.into_iter().map(edge).collect()
}

fn broken(packages: &[(String, Vec<Edge>)]) -> Vec<String> {
    let storeys: BTreeMap<&str, (usize, &str)> =
        STOREYS.iter().enumerate().flat_map(|(height, (storey, crates))| crates.iter().map(move |name| (*name, (height, *storey)))).collect();
    let storey = |name: &str| storeys.get(general(name)).copied();
    let mut found = Vec::new();
    for (name, edges) in packages {
        let Some((height, level)) = storey(name) else {
            found.push(format!("{name} stands on no storey yet: give it one"));
            continue;
        };
        for Edge { to, ours, for_tests } in edges {
            if *ours {
                let Some((below, of)) = storey(to) else { continue };
                // Tests may build a cloud around an engine, but not use another engine.
                let fits = below < height || (*for_tests && (of != level || level != "engines"));
                // Fixtures are for tests.
                let fits = fits && (to != "testing" || *for_tests);
                // A generated crate knows shapes and nothing else.
                let fits = fits && (general(name) != "api-*" || to == "shape");
                if !fits {
                    found.push(format!("{name} ({level}) uses {to} ({of})"));
                }
            } else if !for_tests {
                if HTTP.contains(&to.as_str()) && !SPEAKS_HTTP.contains(&name.as_str()) {
                    found.push(format!("{name} uses {to}, an HTTP library: only the doors do"));
                }
                if PURE.contains(&general(name)) && WORLDLY.contains(&to.as_str()) {
                    found.push(format!("{name} uses {to}: it does no I/O and knows no clock"));
                }
            }
        }
    }
    found
}

fn short(package: &str) -> String {
    package.strip_prefix("cloudlet-").unwrap_or(package).to_owned()
}

fn general(name: &str) -> &str {
    if name.starts_with("api-") { "api-*" } else { name }
}

#[cfg(test)]
mod tests {
    use super::{Edge, broken};

    fn house(name: &str, to: &str) -> Vec<String> {
        let ours = !matches!(to, "http" | "tokio" | "serde");
        broken(&[(name.to_owned(), vec![Edge { to: to.to_owned(), ours, for_tests: false }])])
    }

    #[test]
    fn an_engine_may_use_the_frame_and_models_and_no_engine() {
        assert!(house("sns", "engine").is_empty());
        assert!(house("sns", "api-sqs").is_empty());
        assert_eq!(house("sns", "sqs"), ["sns (engines) uses sqs (engines)"]);
        assert_eq!(house("sns", "cloud"), ["sns (engines) uses cloud (cloud)"]);
    }

    #[test]
    fn fixtures_are_for_tests() {
        let edge = |for_tests| broken(&[("gateway".to_owned(), vec![Edge { to: "testing".to_owned(), ours: true, for_tests }])]);
        assert!(edge(true).is_empty());
        assert_eq!(edge(false), ["gateway (gateway) uses testing (tests)"]);
    }

    #[test]
    fn only_doors_speak_http_and_words_stay_pure() {
        assert!(house("gateway", "http").is_empty());
        assert_eq!(house("s3", "http").len(), 1);
        assert_eq!(house("policy", "tokio").len(), 1);
        assert_eq!(house("wire", "api-s3").len(), 1);
        assert!(house("wire", "serde").is_empty());
    }

    #[test]
    fn a_new_crate_must_be_given_a_place() {
        assert_eq!(house("attic", "aws"), ["attic stands on no storey yet: give it one"]);
    }
}
