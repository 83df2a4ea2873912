//! The binary `cloudlet`: read the configuration, build the cloud, listen.

fn main() {}
