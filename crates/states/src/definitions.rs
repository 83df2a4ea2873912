//! Definitions: checked when a machine is made, and read once for its executions.

use crate::{
    States, faults,
    sdk::integrations,
    state::{Revision, Type},
};
use cloudlet_asl::definition::{self, Definition, Diagnostic, WorkflowType};
use cloudlet_aws::Fault;
use std::sync::Arc;

pub fn workflow(of: Type) -> WorkflowType {
    match of {
        Type::Standard => WorkflowType::Standard,
        Type::Express => WorkflowType::Express,
    }
}

impl States {
    pub fn check_definition(&self, text: &str, of: Type) -> (Option<Definition>, Vec<Diagnostic>) {
        let services = self.services;
        definition::check(text, workflow(of), &|integration| integrations::exists(services, integration))
    }

    pub fn read_definition(&self, text: &str, of: Type) -> Result<Definition, Fault> {
        let (definition, diagnostics) = self.check_definition(text, of);
        definition.ok_or_else(|| faults::INVALID_DEFINITION.says(definition::sentence(&diagnostics)))
    }

    /// The definition of a revision.
    pub fn definition(&self, id: &Arc<str>, revision: &Revision) -> Result<Arc<Definition>, Fault> {
        if let Some(found) = self.definitions.get(id) {
            return Ok(found);
        }
        let read = Arc::new(self.read_definition(&revision.definition, revision.r#type)?);
        self.definitions.insert(id.clone(), read.clone());
        Ok(read)
    }
}
