//! Every pattern of every model is checked, or stands in a list here.

use serde_json::Value as Json;
use std::{collections::BTreeSet, path::PathBuf};

/// Patterns with back references, or whose look-arounds cannot be taken apart. They constrain nothing.
const UNCHECKED: [&str; 2] = ["firehose ClusterJDBCURL", "ssm StringDateTime"];

#[test]
fn every_pattern_of_the_models_can_be_checked() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/vectors/botocore-1.44.5/botocore/data");
    let Ok(services) = std::fs::read_dir(data) else {
        println!("no models: run `cargo xtask vectors`");
        return;
    };
    let mut unchecked = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for service in services.map(|service| service.unwrap().path()) {
        for version in std::fs::read_dir(&service).unwrap() {
            let model: Json = serde_json::from_str(&std::fs::read_to_string(version.unwrap().path().join("service-2.json")).unwrap()).unwrap();
            for (name, shape) in model["shapes"].as_object().unwrap() {
                let Some(pattern) = shape["pattern"].as_str() else { continue };
                if seen.insert(pattern.to_owned()) && !cloudlet_wire::pattern::is_checked(pattern) {
                    unchecked.insert(format!("{} {name}", service.file_name().unwrap().display()));
                }
            }
        }
    }
    assert!(seen.len() > 300, "{} patterns", seen.len());
    assert_eq!(unchecked, UNCHECKED.map(str::to_owned).into());
}
