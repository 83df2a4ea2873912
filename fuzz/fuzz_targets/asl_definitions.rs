//! Definitions of state machines: whatever is accepted can be started and ends a step; every diagnostic has a place. Files of mocks.
#![no_main]

use cloudlet_asl::{
    definition::{WorkflowType, check, check_state},
    machine::{Execution, Machine, MockConfig, TestRequest},
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
    if let (Some(definition), _) = check_state(text, WorkflowType::Standard, &|_| true) {
        let _ = Machine::test(&definition, Execution::default(), TestRequest::default(), 1, 0);
    }
    if let Ok(config) = MockConfig::read(text) {
        for (machine, case) in config.cases() {
            assert!(config.case(machine, case).is_some());
        }
    }
});
