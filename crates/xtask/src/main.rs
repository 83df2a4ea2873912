//! The commands of the project: api, test, check, bench, coverage.

fn main() {}
