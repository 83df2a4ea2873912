//! botocore's protocol cases, turned round for a server: their request must read as their parameters, and our answer to
//! their result must be their response.
//!
//! The cases are not in this repository. `cargo xtask vectors` brings them; without them these tests say so and pass.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod compare;
mod model;
mod requests;
mod responses;
mod value;

use serde_json::Value as Json;
use std::path::PathBuf;

/// One case, with the suite it stands in.
pub struct Case {
    pub id: String,
    pub suite: Json,
    pub case: Json,
}

/// The cases of a file, if they are there.
pub fn cases(direction: &str, file: &str) -> Option<Vec<Case>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/vectors/botocore-1.44.5/tests/unit/protocols");
    let text = std::fs::read_to_string(folder.join(direction).join(format!("{file}.json"))).ok()?;
    let suites: Vec<Json> = serde_json::from_str(&text).unwrap();
    let mut cases = Vec::new();
    for suite in suites {
        for case in suite["cases"].as_array().unwrap() {
            cases.push(Case { id: case["id"].as_str().unwrap().to_owned(), suite: suite.clone(), case: case.clone() });
        }
    }
    Some(cases)
}

/// Runs the cases of a file. Those left out must fail, and must exist: a stale exception is an error.
pub fn run(direction: &str, file: &str, left_out: &[(&str, &str)], check: fn(&Case) -> Result<(), String>) {
    let Some(cases) = cases(direction, file) else {
        println!("no vectors: run `cargo xtask vectors`");
        return;
    };
    let mut wrong = Vec::new();
    for (id, _) in left_out {
        if !cases.iter().any(|case| case.id == *id) {
            wrong.push(format!("{id}: left out, but there is no such case"));
        }
    }
    let mut passed = 0;
    for case in &cases {
        let outcome = std::panic::catch_unwind(|| check(case)).unwrap_or_else(|_| Err("panicked".into()));
        let reason = left_out.iter().find(|(id, _)| *id == case.id).map(|(_, reason)| *reason);
        match (outcome, reason) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(_)) => {}
            (Ok(()), Some(reason)) => wrong.push(format!("{}: passes, and need not be left out ({reason})", case.id)),
            (Err(error), None) => wrong.push(format!("{}: {error}", case.id)),
        }
    }
    println!("{direction}/{file}: {passed} of {} cases pass, {} left out", cases.len(), left_out.len());
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
