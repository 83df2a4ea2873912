//! Definitions of state machines: whatever is accepted can be started and ends a step; every diagnostic has a place.
#![no_main]

use cloudlet_asl::{
    definition::{WorkflowType, check},
    machine::{Execution, Machine},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (definition, diagnostics) = check(text, WorkflowType::Standard, &|_| true);
    for diagnostic in &diagnostics {
        assert!(diagnostic.line > 0 && diagnostic.column > 0);
    }
    if let Some(definition) = definition {
        assert!(Machine::start(&definition, Execution::default(), "{\"a\":[1]}", 1, 0).is_ok());
    }
});
