//! The layers of the crates: which crate may depend on which, and which libraries each may use.

use super::findings::outcome;
use crate::{project::Outcome, steps};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path, process::Command};

/// From the bottom up. A crate may depend on crates of the layers below its own and, except for engines, on those before it in its own layer.
/// `api-*` stands for every generated crate.
const LAYERS: [(&str, &[&str]); 7] = [
    ("foundation", &["aws", "digest", "shape-derive", "shape", "store"]),
    ("languages", &["policy", "sigv4", "saml", "asl", "mail", "reach", "calendar", "ssm-document", "session-channel", "runbook"]),
    ("model", &["wire", "api-*"]),
    ("engine kit", &["engine", "identity", "mailbox", "dns", "s3-access"]),
    (
        ENGINES,
        &[
            "s3",
            "s3control",
            "sqs",
            "sns",
            "ses",
            "sesv2",
            "ssm",
            "kms",
            "ec2",
            "ecs",
            "states",
            "iam",
            "sts",
            "organizations",
            "lambda",
            "logs",
            "events",
            "firehose",
            "apigateway",
        ],
    ),
    ("assembly", &["cloud", "testing", "gateway", "smtp", "worker", "admin", "http-client", "agent"]),
    ("top", &["server", "bench", "xtask"]),
];
const ENGINES: &str = "engines";

/// Libraries that know HTTP, and the crates that may use them.
const HTTP: [&str; 10] = ["axum", "h2", "headers", "http", "http-body", "http-body-util", "hyper", "hyper-util", "tower", "tower-http"];
const SPEAKS_HTTP: [&str; 7] = ["admin", "bench", "gateway", "http-client", "server", "worker", "xtask"];

/// Libraries that do I/O, know the time or are random, and the crates that must not use them.
const IMPURE: [&str; 9] = ["chrono", "fs2", "jiff", "mio", "rand", "socket2", "time", "tokio", "uuid"];
const PURE: [&str; 12] = ["api-*", "asl", "mail", "policy", "reach", "runbook", "saml", "session-channel", "shape", "sigv4", "ssm-document", "wire"];

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
    #[serde(default)]
    features: Vec<String>,
}

/// Libraries that behave otherwise with other features: every crate that uses one has these, and so behaves the same whichever crates are built.
const SAME_EVERYWHERE: [(&str, &str); 1] = [("serde_json", "preserve_order")];

pub fn check(root: &Path) -> Outcome {
    let metadata = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let text = steps::read(Command::new("cargo").args(metadata).current_dir(root))?;
    let metadata: Metadata = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages: Vec<(String, Vec<Edge>)> = metadata.packages.into_iter().map(|package| (short(&package.name), edges(package))).collect();
    outcome(&violations(&packages), "these dependencies break the layers (crates/xtask/src/check/layers.rs):")
}

/// One dependency of a crate.
struct Edge {
    to: String,
    /// Whether it is a crate of the workspace.
    ours: bool,
    for_tests: bool,
    /// A feature that all crates must have, and this one has not.
    lacks: Option<&'static str>,
}

fn edges(package: Package) -> Vec<Edge> {
    let edge = |dependency: Dependency| Edge {
        ours: dependency.name.starts_with("cloudlet-"),
        to: short(&dependency.name),
        for_tests: dependency.kind.as_deref() == Some("dev"),
        lacks: SAME_EVERYWHERE
            .into_iter()
            .find(|(library, feature)| *library == dependency.name && !dependency.features.iter().any(|own| own == feature))
            .map(|(_, feature)| feature),
    };
    package.dependencies.into_iter().map(edge).collect()
}

/// Where a crate is in `LAYERS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    layer: usize,
    within: usize,
}

impl Position {
    fn name(self) -> &'static str {
        LAYERS.get(self.layer).map_or("", |(name, _)| name)
    }
}

fn violations(packages: &[(String, Vec<Edge>)]) -> Vec<String> {
    let mut positions: BTreeMap<&str, Position> = BTreeMap::new();
    for (layer, (_, crates)) in LAYERS.iter().enumerate() {
        positions.extend(crates.iter().enumerate().map(|(within, name)| (*name, Position { layer, within })));
    }
    let position = |name: &str| positions.get(general(name)).copied();
    let mut found = Vec::new();
    for (name, edges) in packages {
        let Some(own) = position(name) else {
            found.push(format!("{name} is in no layer yet: add it to one"));
            continue;
        };
        for Edge { to, ours, for_tests, lacks } in edges {
            found.extend(lacks.map(|feature| format!("{name} uses {to} without {feature}: take it from the workspace")));
            if *ours {
                let Some(other) = position(to) else { continue };
                let same_layer = other.layer == own.layer;
                // Tests may build a cloud around an engine, but not use another engine.
                let allowed = if same_layer && own.name() == ENGINES { false } else { other < own || *for_tests };
                // Test fixtures are for tests.
                let allowed = allowed && (to != "testing" || *for_tests);
                // A generated crate knows shapes and nothing else.
                let allowed = allowed && (general(name) != "api-*" || to == "shape");
                if !allowed {
                    found.push(format!("{name} ({}) uses {to} ({})", own.name(), other.name()));
                }
            } else if !for_tests {
                if HTTP.contains(&to.as_str()) && !SPEAKS_HTTP.contains(&name.as_str()) {
                    found.push(format!("{name} uses {to}, an HTTP library: only {} do", SPEAKS_HTTP.join(", ")));
                }
                if PURE.contains(&general(name)) && IMPURE.contains(&to.as_str()) {
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
    use super::{Edge, violations};

    fn edge(name: &str, to: &str, for_tests: bool) -> Vec<String> {
        let ours = !matches!(to, "http" | "tokio" | "serde");
        violations(&[(name.to_owned(), vec![Edge { to: to.to_owned(), ours, for_tests, lacks: None }])])
    }

    #[test]
    fn an_engine_may_use_the_kit_and_models_and_no_engine() {
        assert!(edge("sns", "engine", false).is_empty());
        assert!(edge("sns", "api-sqs", false).is_empty());
        assert_eq!(edge("sns", "sqs", false), ["sns (engines) uses sqs (engines)"]);
        assert_eq!(edge("sns", "sqs", true), ["sns (engines) uses sqs (engines)"]);
        assert_eq!(edge("sns", "cloud", false), ["sns (engines) uses cloud (assembly)"]);
        assert!(edge("sns", "cloud", true).is_empty());
    }

    #[test]
    fn within_a_layer_a_crate_uses_those_before_it() {
        assert!(edge("gateway", "cloud", false).is_empty());
        assert_eq!(edge("cloud", "gateway", false), ["cloud (assembly) uses gateway (assembly)"]);
    }

    #[test]
    fn test_fixtures_are_for_tests() {
        assert!(edge("server", "testing", true).is_empty());
        assert_eq!(edge("server", "testing", false), ["server (top) uses testing (assembly)"]);
    }

    #[test]
    fn only_a_few_crates_use_http_and_languages_do_no_io() {
        assert!(edge("gateway", "http", false).is_empty());
        assert_eq!(edge("s3", "http", false).len(), 1);
        assert_eq!(edge("policy", "tokio", false).len(), 1);
        assert_eq!(edge("wire", "api-s3", false).len(), 1);
        assert!(edge("wire", "api-s3", true).is_empty());
        assert!(edge("wire", "serde", false).is_empty());
    }

    #[test]
    fn a_crate_behaves_the_same_whichever_are_built() {
        let edge = Edge { to: "serde_json".to_owned(), ours: false, for_tests: false, lacks: Some("preserve_order") };
        assert_eq!(violations(&[("sns".to_owned(), vec![edge])]), ["sns uses serde_json without preserve_order: take it from the workspace"]);
    }

    #[test]
    fn a_new_crate_must_be_given_a_layer() {
        assert_eq!(edge("new", "aws", false), ["new is in no layer yet: add it to one"]);
    }
}
