//! The binary is linked at a fixed address. Its tables of operations and shapes are full of pointers: a relocatable binary
//! would carry 3 MB of relocations, and write to every page of those tables at each start, before it answers anybody.
#![expect(clippy::disallowed_methods, reason = "a build script reads cargo's environment")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name| std::env::var(name).unwrap_or_default();
    // A static binary is linked at a fixed address by its own flags (`cargo xtask image`).
    let is_static = var("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if var("CARGO_CFG_TARGET_OS") == "linux" && !is_static {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
