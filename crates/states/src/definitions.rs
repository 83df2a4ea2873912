//! Definitions: checked when a machine is made, and read once for its executions.

use crate::{
    States, faults,
    sdk::integrations,
    state::{Revision, Type},
};
use cloudlet_asl::definition::{self, Definition, Diagnostic, WorkflowType};
use cloudlet_aws::Fault;
use cloudlet_engine::Cx;
use std::sync::Arc;

pub fn workflow(of: Type) -> WorkflowType {
    match of {
        Type::Standard => WorkflowType::Standard,
        Type::Express => WorkflowType::Express,
    }
}

impl States {
    pub fn check_definition(&self, cx: &Cx, text: &str, of: Type) -> Result<(Option<Definition>, Vec<Diagnostic>), Fault> {
        let services = cx.services()?;
        Ok(integrations::check_definition(text, workflow(of), &services))
    }

    pub fn read_definition(&self, cx: &Cx, text: &str, of: Type) -> Result<Definition, Fault> {
        let (definition, diagnostics) = self.check_definition(cx, text, of)?;
        definition.ok_or_else(|| faults::INVALID_DEFINITION.says(definition::sentence(&diagnostics)))
    }

    /// The definition of a revision.
    pub fn definition(&self, id: &Arc<str>, revision: &Revision) -> Result<Arc<Definition>, Fault> {
        if let Some(found) = self.definitions.get(id) {
            return Ok(found);
        }
        // It was checked when it came.
        let read = definition::read(&revision.definition, workflow(revision.r#type), &|_| true);
        let read = Arc::new(read.map_err(|sentence| faults::INVALID_DEFINITION.says(sentence))?);
        self.definitions.insert(id.clone(), read.clone());
        Ok(read)
    }
}
